"""The judge: how faithfully a repository implements its paper, from 1 to 5, with critiques at lines that exist.

Reference-free evaluation of Paper2Code (arXiv 2504.17192, section 4): a model reads both, criticises, then
scores. Alone it can be fooled (an empty repository has been given 3.89), so a program looks first.
"""

import ast
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from pipeline.coding.given import is_known
from pipeline.coding.repository import Repository
from pipeline.contract import TESTS
from pipeline.model.asking import Context, ask, block, render
from pipeline.model.llm import LLM, Usage
from pipeline.planning.plan import Answer
from pipeline.proving.evidence import Code, Evidence, Place, line_of, locate
from sandbox import syntax

Severity = Literal["high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")
Score = Literal[1, 2, 3, 4, 5]
LOWEST = 1.0
FEWEST_STATEMENTS = 5
"""That do something; with fewer there is nothing to judge."""
_READ = (".py", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".txt", ".sh", ".json")
"""What tells how the code works. Prose is left out: it can only claim."""


class Remark(Evidence):
    """One fault, as the model names it."""

    severity: Severity
    text: str
    requirement: str


class Opinion(Answer):
    """One sample of the judge: what it looked at and critiques first, so that the score follows from them."""

    checked: str = Field(default="", description="What was held against the paper, in at most 40 words")
    critiques: tuple[Remark, ...]
    score: Score = Field(description="1: not the paper's method; 5: all there and right")


@dataclass(frozen=True)
class Critique:
    """A fault at lines that exist: `start` to `end` of `path`, 1-based, inclusive."""

    path: str
    start: int
    end: int
    severity: Severity
    text: str
    requirement: str = ""
    """Its id; empty where none is concerned."""


@dataclass(frozen=True)
class Judgement:
    """What the judge holds of a repository."""

    score: float
    """Mean of the samples, 1 to 5."""
    critiques: tuple[Critique, ...]
    """The most severe first."""
    scores: tuple[int, ...]
    """Each sample's; none where the program found nothing to judge."""
    dropped: int = 0
    """Critiques whose place does not exist."""
    checked: tuple[str, ...] = ()
    """What was held against the paper, as far as samples say."""
    model: str = ""
    usd: float | None = 0.0
    """What it cost; None where the model has no known price."""
    usage: Usage = field(default_factory=Usage)
    """All that the judge was asked in the run."""

    @property
    def samples(self) -> int:
        """How often the model was asked."""
        return len(self.scores)


def judge(
    repository: Repository, context: Context, llm: LLM, samples: int = 1, reference: Repository | None = None
) -> Judgement:
    """The mean of `samples` opinions on `repository`; 1, unasked, where there is nothing to judge.

    `context` holds the paper and may hold code; what it does not show as it stands is shown after it, and so
    is the authors' code, `reference`. Raises AnswerInvalid and what the model's client raises.
    """
    if broken := tuple(flaws(repository)):
        return Judgement(LOWEST, broken, ())
    task = render(
        "judge",
        code=_shown(repository, context, "code"),
        reference=_shown(reference, context, "reference") if reference else "",
        listed=False,
    )
    return opinions_on(lambda remark: placed(remark, repository), context, task, llm, samples)


def opinions_on(
    place: Callable[[Remark], Critique | None], context: Context, task: str, llm: LLM, samples: int
) -> Judgement:
    """What comes of `samples` opinions, asked for with `task`; remarks that have no `place` are dropped and counted.

    Raises as `judge` does.
    """
    before = llm.usage.usd
    opinions = [ask(llm, context, f"judge.{n}", task, Opinion, contradictions) for n in range(1, samples + 1)]
    remarks = [remark for opinion in opinions for remark in opinion.critiques]
    found = [critique for remark in remarks if (critique := place(remark))]
    after = llm.usage.usd
    return Judgement(
        score=statistics.mean(opinion.score for opinion in opinions),
        critiques=severest_first(found),
        scores=tuple(opinion.score for opinion in opinions),
        dropped=len(remarks) - len(found),
        checked=looked_at(opinions),
        model=llm.shares["judge"].model,
        usd=None if before is None or after is None else after - before,
        usage=llm.shares["judge"].usage,
    )


def with_code(context: Context, repository: Repository) -> Context:
    """`context` and the repository's code: what several samples share."""
    for path, text in code_of(repository).items():
        context = context.extended("code", text, path=path)
    return context


def code_of(repository: Repository) -> dict[str, str]:
    """What tells how the repository works, path → text, but for what is the same in all of them."""
    return {
        path: repository.files[path]
        for path in sorted(repository.files)
        if path.endswith(_READ)
        and not path.startswith(("docs/", TESTS))
        and not is_known(path, repository.files[path])
    }


def _shown(repository: Repository, context: Context, tag: str) -> str:
    """The code that `context` does not show as it is now."""
    blocks = [block(tag, text, path=path) for path, text in code_of(repository).items()]
    fresh = [text for text in blocks if text not in context.shared]
    if not fresh:
        return "The code stands above."
    return (
        "These files, as they stand here, count; above some may stand as they once were:\n\n"
        + "\n\n".join(fresh)
    )


def looked_at(opinions: Iterable[Opinion]) -> tuple[str, ...]:
    """What each says that it held against the paper."""
    return tuple(said for opinion in opinions if (said := opinion.checked.strip()))


def contradictions(opinion: Opinion) -> Sequence[str]:
    """Sentences on how score and critiques do not go together."""
    high = sum(remark.severity == "high" for remark in opinion.critiques)
    if opinion.score >= 4 and high:
        return [
            f"The score {opinion.score} cannot stand beside {high} critiques of severity high: one is wrong."
        ]
    if opinion.score <= 2 and not opinion.critiques:
        return [f"A score of {opinion.score} needs critiques that show why."]
    return ()


def severest_first(critiques: Sequence[Critique]) -> tuple[Critique, ...]:
    """Of those at one place with one severity, the first."""
    by_place = {
        (critique.path, critique.start, critique.severity): critique for critique in reversed(critiques)
    }
    return tuple(sorted(by_place.values(), key=lambda c: (SEVERITIES.index(c.severity), c.path, c.start)))


def placed(remark: Remark, repository: Code) -> Critique | None:
    """The critique at its line; None where there is no such place."""
    try:
        place = locate(remark, repository)
    except SyntaxError:
        place = locate(remark.model_copy(update={"symbol": ""}), repository)
    if not isinstance(place, Place) or not remark.text.strip():
        return None
    line = line_of(remark, repository, place.start, place.end) or place.start
    return Critique(place.file, line, line, remark.severity, remark.text, remark.requirement)


def flaws(repository: Repository) -> Iterator[Critique]:
    """Why there is nothing to judge: no code, code that cannot run because it does not parse, or only stubs."""
    sources = repository.python_files()
    trees: dict[str, ast.Module] = {}
    broken: list[Critique] = []
    for path, source in sources.items():
        try:
            trees[path] = syntax.tree(source)
        except SyntaxError as error:
            line = min(error.lineno or 1, len(source.splitlines()) or 1)
            text = f"The file does not parse: {error.msg}."
            broken.append(Critique(path, line, line, "high", text))
        except (ValueError, RecursionError, MemoryError) as error:
            broken.append(Critique(path, 1, 1, "high", f"The file does not parse: {error}."))
    needed = {name for tree in trees.values() for name in _imported(tree)} | {"main"}
    fatal = [flaw for flaw in broken if flaw.path.removesuffix(".py").rpartition("/")[2] in needed]
    lost = sum(len(sources[flaw.path].splitlines()) for flaw in broken)
    if fatal or 2 * lost > sum(len(source.splitlines()) for source in sources.values()):
        yield from broken
    elif sum(_does_something(node) for tree in trees.values() for node in ast.walk(tree)) < FEWEST_STATEMENTS:
        path = next(iter(sorted(repository.files)), "")
        yield Critique(path, 1, 1, "high", "There is no implementation: no Python code that does anything.")


def _imported(tree: ast.Module) -> Iterator[str]:
    """Every part of the name of every module that is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            for name in [*names, getattr(node, "module", None) or ""]:
                yield from name.split(".")


def _does_something(node: ast.AST) -> bool:
    match node:
        case ast.Raise(
            exc=ast.Name(id="NotImplementedError") | ast.Call(func=ast.Name(id="NotImplementedError"))
        ):
            return False
        case ast.Expr(value=ast.Constant()) | ast.Return(value=None | ast.Constant()) | ast.Pass():
            return False
        case ast.Assign(value=ast.Constant()) | ast.AnnAssign(value=None | ast.Constant()):
            return False
        case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return False
    return isinstance(node, ast.stmt)
