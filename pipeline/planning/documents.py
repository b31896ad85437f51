"""What is written of the plan, for people and for the model. Pure.

Templates stand in `templates/`; YAML, where every character counts, is made here.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import yaml

from pipeline import markdown, rendering
from pipeline.planning import diagrams
from pipeline.planning.analysis import FileAnalysis
from pipeline.planning.corrections import applied
from pipeline.planning.plan import (
    Architecture,
    Configuration,
    Correction,
    Draft,
    Function,
    Logic,
    Overview,
    Plan,
    Reading,
    Requirements,
    ScopeItem,
    Value,
)

_templates = rendering.templates("pipeline.planning")


def signature(function: Function) -> str:
    """`name(parameter: type, …) -> type`."""
    parameters = ", ".join(f"{p.name}: {p.type}" for p in function.parameters)
    return f"{function.name}({parameters}) -> {function.returns}"


def render(template: str, **values: object) -> str:
    """The text of `templates/<template>` with `values` filled in."""
    return _templates.get_template(template).render(values).strip() + "\n"


def overview(overview: Reading) -> str:
    """What the paper says, for somebody who implements it; requirements once they are known."""
    requirements = overview.requirements if isinstance(overview, Overview) else ()
    return render("overview.md", overview=overview, requirements=requirements)


def requirements(
    requirements: Requirements,
    overview: Reading,
    anchors: Mapping[int, str],
    scope: Collection[ScopeItem] | None = (),
) -> str:
    """The requirements, which questions of the overview are not open (number → anchor), and what is left out."""
    settled = [
        f"- {overview.unclear[s.number - 1].question} The paper says in [{anchors[s.number]}]: “{s.quote}”"
        for s in requirements.settled
        if s.number in anchors
    ]
    left_out = [item for item in scope or () if not item.requirements]
    return render("required.md", requirements=requirements.requirements, settled=settled, left_out=left_out)


def corrections(corrections: Collection[Correction]) -> str:
    """What earlier steps said, and what holds instead."""
    return render("corrections.md", corrections=corrections)


def architecture(architecture: Architecture) -> str:
    """Files, classes and call flow."""
    return render("architecture.md", architecture=architecture)


def logic(logic: Logic) -> str:
    """Every file's logic, functions and dependencies; packages, conventions, metrics."""
    return render("logic.md", logic=logic)


def experiments(logic: Logic) -> str:
    """The experiments, one a line; nothing where the plan has none."""
    return render("experiments.md", logic=logic).strip()


def config_yaml(configuration: Configuration, anchors: dict[str, str] | None = None) -> str:
    """`config.yaml`: every leaf with its source as a trailing comment, then the `smoke` section."""
    full: dict[str, Any] = {}
    smoke: dict[str, Any] = {}
    for entry in configuration.entries:
        if entry.quote:
            place = f"[{(anchors or {}).get(entry.key, '?')}] " if anchors else ""
            comment = f'{place}"{entry.quote}"' + (f"; from it: {entry.assumed}" if entry.assumed else "")
        else:
            comment = f"assumed: {entry.assumed}"
        _insert(full, entry.key, (entry.value, comment))
        if entry.smoke is not None:
            _insert(smoke, entry.key, (entry.smoke, ""))
    lines, last = [], ""
    for line, comment in _yaml_lines(full):
        shown = "as above" if comment == last else comment
        lines.append(f"{line}  # {shown}" if comment else line)
        last = comment or last
    if smoke:
        lines += [
            "",
            "smoke:  # merged over the rest by --smoke",
            *(line for line, _ in _yaml_lines(smoke, "  ")),
        ]
    return "\n".join(lines) + "\n"


def _insert(tree: dict[str, Any], key: str, leaf: tuple[Value, str]) -> None:
    *parents, name = key.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[name] = leaf


def _yaml_lines(tree: dict[str, Any], indent: str = "") -> Iterator[tuple[str, str]]:
    """Each line with its comment."""
    for name, node in tree.items():
        if isinstance(node, dict):
            yield f"{indent}{name}:", ""
            yield from _yaml_lines(node, indent + "  ")
        else:
            value, comment = node
            yield f"{indent}{name}: {yaml_value(value)}", " ".join(comment.split())


def yaml_value(value: Value) -> str:
    """One line of YAML. PyYAML writes 1e-05 as `1.0e-05`, which it also reads back as a number."""
    plain = list(value) if isinstance(value, tuple) else value
    text = yaml.safe_dump(plain, default_flow_style=True, width=10**6, allow_unicode=True)
    return text.removesuffix("...\n").strip()


def plan_documents(plan: Plan) -> dict[str, str]:
    """`docs/plan/` as far as the plan goes, with diagrams; drafts of refined steps beside it."""
    plan, unclear = applied(plan)
    parts = {}
    if plan.overview.requirements:
        parts["overview"] = f"# Overview\n\n{overview(plan.overview)}"
    if plan.architecture.files:
        drawn = [diagrams.classes(plan), diagrams.sequence(plan)]
        drawn += [diagrams.dependencies(plan)] if plan.logic.files else []
        blocks = "\n".join(f"```mermaid\n{diagram}\n```\n" for diagram in drawn)
        parts["architecture"] = f"# Architecture\n\n{architecture(plan.architecture)}\n## Diagrams\n\n"
    if plan.logic.files:
        parts["logic"] = f"# Logic design\n\n{logic(plan.logic)}"
    for correction in plan.corrections:
        place = next((name for name in parts if name in correction.where.lower()), "overview")
        parts[place] = _corrected(parts.get(place, ""), correction, replace=correction in unclear)
    documents = {f"docs/plan/{name}.md": markdown.inert(text) for name, text in parts.items()}
    if plan.architecture.files:
        # Diagrams hold no live text, and their entity codes are broken by what takes references apart.
        documents["docs/plan/architecture.md"] += blocks
    return documents | draft_documents(plan.drafts)


def _corrected(text: str, correction: Correction, *, replace: bool) -> str:
    """A document with a correction below; `replace`: and the right words for the wrong ones, where they stand once."""
    if replace and text.count(correction.wrong) == 1:
        text = text.replace(correction.wrong, correction.right)
    heading = "## Corrected since\n"
    return f"{text.rstrip()}\n{'' if heading in text else chr(10) + heading + chr(10)}{corrections([correction])}"


def analysis_documents(analyses: Collection[FileAnalysis], drafts: Iterable[Draft]) -> dict[str, str]:
    """`docs/plan/analysis/`: one for each file; drafts of refined ones beside them, with those of the code."""
    told = {
        f"docs/plan/analysis/{a.path}.md": markdown.inert(f"# `{a.path}`\n\n{a.text}\n") for a in analyses
    }
    return told | draft_documents([*(a.draft for a in analyses if a.draft), *drafts])


def draft_documents(drafts: Iterable[Draft]) -> dict[str, str]:
    """What refined steps looked like before, with the critique that changed them."""
    return {
        f"docs/plan/drafts/{draft.stage}.md": markdown.inert(
            f"# First version of {draft.stage}\n\n{draft.text}\n\n# Critique\n\n{draft.critique}\n"
        )
        for draft in drafts
    }


_templates.filters["signature"] = signature
