"""What whoever judges is shown: the paper, what is asked of the code, the code as it stands, and what was executed.

Not the plan, nor what the authors say of their own code: they shall not be believed. Every question of a review begins
with the same bytes, so that the first has them read for all.
"""

from collections.abc import Iterator, Sequence

from pipeline import differences
from pipeline.coding.checks.settings import symbols
from pipeline.coding.given import GIVEN
from pipeline.coding.repository import Repository
from pipeline.contract import TESTS, contract_of
from pipeline.model.asking import Context, block, bullets
from pipeline.planning.plan import Plan, ScopeItem
from pipeline.proving.evidence import without_comments
from pipeline.proving.scoring import code_of
from sandbox.report import ExecutionReport

_MADE = ("requirements.txt", "reproduce.sh")
"""By program, from what was installed: nothing of the paper is in them."""
_AROUND = 12
"""Lines shown before and after those that changed."""


def shown(context: Context, plan: Plan, repository: Repository, execution: ExecutionReport | None) -> Context:
    """`context`, which holds the paper, with all else that a verdict may rest on."""
    required, unclear = plan.overview.requirements, plan.overview.unclear
    if required:
        context = context.extended(
            "requirements", bullets([_stated(plan, number) for number in range(len(required))])
        )
    if unclear:
        said = [f"{each.question} Assumed: {each.assumption} ({each.why})" for each in unclear]
        context = context.extended("assumptions", bullets(said))
    if left_out := [item for item in plan.scope or () if item.why]:
        context = context.extended("left_out", bullets(_grouped(left_out)))
    for path, text in _visible(repository).items():
        context = context.extended("code", text, path=path)
    return context.extended("executed", _executed(repository, execution))


def difference(before: Repository, after: Repository) -> str:
    """What changed, as it is shown, with lines around it."""
    old, new = _visible(before), _visible(after)
    parts = []
    for path in sorted(old.keys() | new.keys()):
        was, now = old.get(path, "").splitlines(), new.get(path, "").splitlines()
        if was != now:
            lines = [f"--- {path}", f"+++ {path}", *differences.unified(was, now, _AROUND)]
            parts.append(block("diff", "\n".join(lines), path=path))
    return "\n\n".join(parts) or "Nothing but comments."


def _visible(repository: Repository) -> dict[str, str]:
    return {
        path: without_comments(text) if path.endswith(".py") else text
        for path, text in code_of(repository).items()
        if path not in _MADE or contract_of(repository.files) == 1
    }


def _grouped(left_out: Sequence[ScopeItem]) -> list[str]:
    """A line for each reason."""
    reasons = dict.fromkeys(item.why for item in left_out)
    return [
        f"{why}: {', '.join(f'{i.label} [{i.anchor}]' for i in left_out if i.why == why)}" for why in reasons
    ]


def _stated(plan: Plan, number: int) -> str:
    """A requirement, where the paper states it and in which words."""
    r = plan.overview.requirements[number]
    anchor = f" [{plan.anchors[r.id]}]" if r.id in plan.anchors else ""
    return f"{r.id} ({r.kind}, weight {r.weight}): {r.text} The paper{anchor}: “{r.quote}”"


def _executed(repository: Repository, execution: ExecutionReport | None) -> str:
    """Without anything that differs from one run of the same code to the next."""
    return "\n".join(_said(repository, execution)) if execution else "It is not reported what was executed."


def _said(repository: Repository, execution: ExecutionReport) -> Iterator[str]:
    for phase in execution.phases:
        yield f"{phase.phase}, `{' '.join(phase.result.argv)}`: {'passed' if phase.ok else 'failed'}"
    for path, lines in execution.coverage.items():
        if path in GIVEN or path.startswith(TESTS) or path not in repository.files:
            continue
        yield f"{path}: {len(lines.executed)} of {len(lines.executable)} executable lines ran"
        for name, (first, last) in symbols(repository.files[path]).items():
            body = lines.executable.intersection(range(first + 1, last + 1))
            if body and not body & lines.executed:
                yield f"{path}: no line of `{name}` ran"
