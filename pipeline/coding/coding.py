"""Coding: the files of the plan, level by level of their dependencies, side by side within a level.

Every prompt begins with paper, plan and all code of the levels below; a program checks each file at once
and its findings go back one time, for that file alone.
Source: Paper2Code (arXiv 2504.17192), section 3.2; levels and checks are ours.
"""

import ast
import re
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

from pipeline.coding import edits
from pipeline.coding.checks.code import Finding, check_source
from pipeline.coding.given import GITIGNORE, GIVEN, PYTHON, VERSION, given
from pipeline.coding.repository import RefusedPath, Repository
from pipeline.model.asking import Context, Unfit, ask_text, ask_until, block, bullets, refined, render
from pipeline.model.llm import LLM
from pipeline.planning import documents
from pipeline.planning.analysis import FileAnalysis
from pipeline.planning.checks import ENTRY
from pipeline.planning.corrections import applied
from pipeline.planning.plan import Draft, Plan
from sandbox import syntax

_OPENING = re.compile(r"^```[\w+-]*[ \t]*\n", re.MULTILINE)
_CLOSING = re.compile(r"^```[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Written:
    """The repository as first written, before anything ran."""

    repository: Repository
    context: Context
    """Grown by all code."""
    findings: tuple[Finding, ...]
    """What the checks found in the first versions."""
    documents: Mapping[str, str] = field(default_factory=dict)
    """What is to be read beside the code, path → text."""
    ending: str = "Not run yet."
    """How far it came, in a sentence or two."""


@dataclass(frozen=True)
class _File:
    path: str
    text: str
    findings: tuple[Finding, ...] = ()
    draft: Draft | None = None


def write(
    plan: Plan,
    analyses: Mapping[str, FileAnalysis],
    context: Context,
    llm: LLM,
    executor: Executor,
    refine: Collection[str],
    advanced: Callable[[str], None],
) -> Written:
    """All files of the plan, with `config.yaml`, `requirements.txt` and `reproduce.sh`.

    A plan without a logic design names no files or no order: the repository is then one answer.
    Raises AnswerInvalid and what the model's client raises.
    """
    if not plan.is_laid_out:
        return _write_at_once(plan, context, llm)
    if plan.is_configured:
        config = documents.config_yaml(applied(plan)[0].configuration, plan.anchors)
    else:
        config = fenced_block(ask_text(llm, context, "code.config.yaml", render("config_file")))
        context = context.extended("config.yaml", config)
    repository = Repository({"config.yaml": config, **_given(plan)})
    findings: list[Finding] = []
    drafts: list[Draft] = []
    for level in plan.levels():
        below, growing = repository, context

        def one(path: str, below: Repository = below, context: Context = growing) -> _File:
            return _write_file(path, plan, analyses.get(path), below, context, llm, refine, advanced)

        for file in executor.map(one, level):
            repository = repository.with_file(file.path, file.text)
            context = context.extended("code", file.text, path=file.path)
            findings += file.findings
            drafts += [file.draft] if file.draft else []
    repository = repository.with_file("requirements.txt", requirements(plan, repository))
    beside = documents.analysis_documents(analyses.values(), drafts)
    return Written(repository, context, tuple(findings), beside)


def _write_at_once(plan: Plan, context: Context, llm: LLM) -> Written:
    """The whole repository in one answer."""
    task = render("repository", planned=bool(plan.overview.requirements))
    own = _given(plan)

    def read(answer: str) -> Repository:
        return _whole_repository(answer, own, ENTRY[plan.contract])

    repository = ask_until(llm, context, "code", task, read)
    findings: list[Finding] = []
    for path, text in repository.python_files().items():
        if path in own:
            continue
        context = context.extended("code", text, path=path)
        findings += check_source(path, text, None, repository)
    return Written(repository, context, tuple(findings))


def _given(plan: Plan) -> dict[str, str]:
    """What is there before the model writes anything."""
    if plan.contract > 1:
        return given(plan.logic)
    script = documents.render("reproduce.sh")
    return {"reproduce.sh": script, VERSION: f"{PYTHON}\n", ".gitignore": GITIGNORE}


def _whole_repository(answer: str, own: Mapping[str, str], entry: str) -> Repository:
    try:
        written = edits.apply(Repository({}), edits.parse(answer))
    except (edits.EditError, RefusedPath) as error:
        raise Unfit([str(error)]) from error
    missing = sorted({entry, "config.yaml", "requirements.txt"} - set(written.files))
    if missing:
        raise Unfit([f"These files are missing: {', '.join(missing)}."])
    mine = {path: text for path, text in own.items() if path not in GIVEN and path in written.files}
    return Repository({**written.files, **{path: text for path, text in own.items() if path not in mine}})


def requirements(plan: Plan, repository: Repository) -> str:
    """`requirements.txt`: the plan's packages that some file really imports, and those that work unimported."""
    used = set().union(*(imported(text) for text in repository.python_files().values()))
    names = {p.name for p in plan.logic.packages if p.module.split(".")[0] in used or p.unimported}
    names |= {"PyYAML"} if plan.contract > 1 else set()
    return "".join(f"{name}\n" for name in sorted(names, key=str.lower))


def imported(source: str) -> set[str]:
    """Top-level names of what a file imports; nothing where it does not parse."""
    try:
        nodes = list(ast.walk(syntax.tree(source)))
    except SyntaxError:
        return set()
    modules = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return {module.split(".")[0] for module in modules}


def _write_file(
    path: str,
    plan: Plan,
    analysis: FileAnalysis | None,
    below: Repository,
    context: Context,
    llm: LLM,
    refine: Collection[str],
    advanced: Callable[[str], None],
) -> _File:
    purpose = next(file.purpose for file in plan.architecture.files if file.path == path)
    if plan.is_marker(path):
        return _File(path, f'"""{purpose}"""\n')
    classes, functions = plan.promised(path)
    stage = f"code.{path}"
    task = render(
        "code",
        path=path,
        purpose=purpose,
        promised=documents.render("promised.md", classes=classes, functions=functions).strip(),
        depends_on=", ".join(plan.file(path).depends_on),
        analysis=block("analysis", analysis.text) if analysis else "",
        experiments=documents.experiments(plan.logic) if path == ENTRY[2] else "",
    )

    def ask_for(stage: str, task: str) -> str:
        return fenced_block(ask_text(llm, context, stage, task))

    text, draft = ask_for(stage, task), None
    if "code" in refine:
        better, critique = refined(llm, context, stage, task, text, ask_for)
        draft = Draft(stage=stage, text=text, critique=critique)
        text = better or text
    found = check_source(path, text, plan, below)
    if found:
        text = _mended(path, text, found, plan, below, context, llm)
    advanced(path)
    return _File(path, text, tuple(found), draft)


def _mended(
    path: str,
    text: str,
    found: Collection[Finding],
    plan: Plan,
    below: Repository,
    context: Context,
    llm: LLM,
) -> str:
    """The file after its findings were sent back; as it was, if that made nothing better."""
    task = render(
        "code_again",
        path=path,
        code=block("code", text, path=path),
        findings=bullets([str(finding) for finding in found]),
        edit_format=render("edit_format"),
    )
    answer = ask_text(llm, context, f"code.{path}#2", task)
    try:
        changed = edits.apply(below.with_file(path, text), edits.parse(answer)).files[path]
    except edits.EditError:
        return text
    better = len(check_source(path, changed, plan, below)) < len(found)
    return changed if better else text


def fenced_block(answer: str) -> str:
    """The file in a model's answer: what stands between the first opening fence and the last closing one."""
    opening = _OPENING.search(answer)
    closings = [fence.start() for fence in _CLOSING.finditer(answer, opening.end())] if opening else []
    fenced = answer[opening.end() : closings[-1]] if opening and closings else answer
    return fenced.strip("\n") + "\n"
