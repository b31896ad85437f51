"""Whether judges agree with people: correlation and kappa, with intervals.

python -m benchmark.agreement FILE… [--score FOLDER=FILE]… [--json FILE]

FILE is any of: answers that people saved on a page of `paper2code rate-sheet`; the page's .key.json; what
`benchmark.compare --json` or `benchmark.run` (`rows.json`) wrote; a job of the dashboard as JSON (`curl -H 'Accept:
application/json' …/jobs/ID`), which holds `/paper2code rate` and the judge's score. --score names what
`paper2code score FOLDER --json FILE` wrote.

Intervals are 95 % of 2,000 bootstrap samples, drawn paper by paper (a page, a job), for judgements of one paper are no
independent ones. A rank of n counts as points from 5 (first) to 1 (last), as in Paper2Code (arXiv 2504.17192), and what
is met of a rubric as points from 1 (nothing) to 5 (all), of a judge of its own.
"""

import itertools
import json
import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click

from benchmark.asking import EXISTING_FILE, FILE
from pipeline.untrusted import of_json

ROUNDS = 2_000
FEWEST = 3
"""Pairs, below which nothing is said."""


@dataclass(frozen=True)
class Pair:
    """What two say of the same."""

    family: str
    """What hangs together, a paper or a subtree, and is drawn as a whole by the bootstrap."""
    one: float
    other: float


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval; None where it is not defined, as for scores that never vary."""

    value: float | None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.value is None:
            return "–"
        return f"{self.value:.2f}" + ("" if self.low is None else f" [{self.low:.2f}, {self.high:.2f}]")


@dataclass(frozen=True)
class Agreement:
    """How two sides go together."""

    of: str
    """`scores`, `ranks` or `preferences`."""
    sides: tuple[str, str]
    pairs: int
    pearson: Estimate
    spearman: Estimate
    kappa: Estimate
    """Cohen's: of scores with quadratic weights, of preferences without."""


def pearson(pairs: Sequence[Pair]) -> float | None:
    """The correlation of the values."""
    one, other = [pair.one for pair in pairs], [pair.other for pair in pairs]
    if len(pairs) < FEWEST or len(set(one)) < 2 or len(set(other)) < 2:
        return None
    return statistics.correlation(one, other)


def spearman(pairs: Sequence[Pair]) -> float | None:
    """The correlation of the ranks; ties share theirs."""
    ranks = zip(_ranks([p.one for p in pairs]), _ranks([p.other for p in pairs]), strict=True)
    return pearson([Pair("", one, other) for one, other in ranks])


def kappa(
    pairs: Sequence[Pair], weight: Callable[[float, float], float] = lambda a, b: float(a != b)
) -> float | None:
    """Cohen's, with the disagreement `weight` of two categories; None where chance leaves nothing to disagree on."""
    if len(pairs) < FEWEST:
        return None
    seen = statistics.mean(weight(pair.one, pair.other) for pair in pairs)
    ones, others = Counter(pair.one for pair in pairs), Counter(pair.other for pair in pairs)
    by_chance = sum(weight(a, b) * ones[a] * others[b] for a in ones for b in others)
    return 1 - seen * len(pairs) ** 2 / by_chance if by_chance else None


def squared(pairs: Sequence[Pair]) -> float | None:
    """Kappa of scores from 1 to 5, whole ones, with quadratic weights."""
    whole = [Pair(pair.family, round(pair.one), round(pair.other)) for pair in pairs]
    return kappa(whole, lambda a, b: (a - b) ** 2)


def estimate(pairs: Sequence[Pair], statistic: Callable[[Sequence[Pair]], float | None]) -> Estimate:
    """The figure with its interval; without one where there is a single family to draw from."""
    value = statistic(pairs)
    by_family = defaultdict(list)
    for pair in pairs:
        by_family[pair.family].append(pair)
    families = list(by_family.values())
    if value is None or len(families) < 2:
        return Estimate(value)
    draw = random.Random(0)  # noqa: S311 - the same interval every time
    samples = (list(itertools.chain(*draw.choices(families, k=len(families)))) for _ in range(ROUNDS))
    found = sorted(each for sample in samples if (each := statistic(sample)) is not None)
    if len(found) < ROUNDS / 2:
        return Estimate(value)
    return Estimate(value, found[int(0.025 * len(found))], found[int(0.975 * len(found))])


@dataclass
class Heard:
    """All that the files say."""

    pages: list[dict[str, Any]] = field(default_factory=list)
    keys: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Sheet → letter → folder."""
    scores: defaultdict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    """Judge → folder → score."""
    choices: list[dict[str, Any]] = field(default_factory=list)
    """Of `benchmark.compare`."""
    jobs: list[Pair] = field(default_factory=list)

    def take(self, path: Path) -> None:
        """One file. Raises ValueError for what is none of those that are known."""
        told = of_json(path.read_text("utf-8-sig"))
        match told:
            case {"form": "paper2code rating", "sheet": str(), "repositories": dict()}:
                self.pages.append(told)
            case {"sheet": str(sheet), "repositories": dict(folders)}:
                self.keys[sheet] = {letter: _place(folder) for letter, folder in folders.items()}
            case {"preferred": str(), "A": str(), "B": str(), "model": str()}:
                self.choices.append(told)
            case {"rows": list(rows)}:
                for row in rows:
                    for judge, score in (row.get("scores") or {}).items():
                        self.scores[judge][_place(row["folder"])] = score
                    for judge, share in (row.get("rubric") or {}).items():
                        self.scores[_by_rubric(judge)][_place(row["folder"])] = _in_points(share)
            case {"id": str(job), "ratings": list(ratings)}:
                judged = told.get("score") or ((told.get("report") or {}).get("judge") or {}).get("score")
                if judged is not None:
                    self.jobs += [Pair(job, float(each["score"]), float(judged)) for each in ratings]
            case _:
                raise ValueError(
                    "it holds neither answers, nor a key, nor scores, nor a comparison, nor a job"
                )

    def score(self, folder: str, path: Path) -> None:
        """What `paper2code score FOLDER --json` wrote. Raises ValueError."""
        told = of_json(path.read_text("utf-8-sig"))
        if not isinstance(told, dict) or not isinstance(told.get("score"), int | float):
            raise ValueError("it holds no score")
        judge, score = told.get("model") or "program", float(told["score"])
        if "leaves" in told:
            judge, score = _by_rubric(judge), _in_points(score)
        if not 1 <= score <= 5:
            raise ValueError(f"its score {score:g} is none from 1 to 5")
        self.scores[judge][_place(folder)] = score

    def answered(self) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
        """Sheet, rater, folder, and what is said of it. Raises ValueError for answers without their key."""
        for number, page in enumerate(self.pages):
            if page["sheet"] not in self.keys:
                raise ValueError(f"the key of the sheet {page['sheet']} is missing")
            rater = page.get("rater") or f"person {number + 1}"
            for letter, said in page["repositories"].items():
                yield page["sheet"], rater, self.keys[page["sheet"]][letter], said


def agreements(heard: Heard) -> list[Agreement]:
    """People beside each judge, and people beside each other."""
    said = list(heard.answered())
    by_rater = defaultdict[str, dict[tuple[str, str], Mapping[str, Any]]](dict)
    for sheet, rater, folder, answer in said:
        by_rater[rater][sheet, folder] = answer
    found = []
    for judge, given in sorted(heard.scores.items()):
        judged = {(sheet, folder): given[folder] for sheet, _, folder, _ in said if folder in given}
        for of in ("scores", "ranks", "preferences"):
            pairs = [pair for answers in by_rater.values() for pair in _pairs(of, answers, judged, None)]
            found.append(_agreement(of, ("people", judge), pairs))
    for model in sorted({choice["model"] for choice in heard.choices}):
        chosen = [choice for choice in heard.choices if choice["model"] == model]
        pairs = [pair for answers in by_rater.values() for pair in _chosen(answers, chosen)]
        found.append(_agreement("preferences", ("people", f"{model}, comparing"), pairs))
    if heard.jobs:
        found.append(_agreement("scores", ("people", "judge of jobs"), heard.jobs))
    for of in ("scores", "ranks", "preferences"):
        pairs = []
        for one, other in itertools.combinations(sorted(by_rater), 2):
            pairs += _pairs(of, by_rater[one], None, by_rater[other])
        if pairs:
            found.append(_agreement(of, ("people", "people"), pairs))
    return [each for each in found if each.pairs]


def _pairs(
    of: str,
    answers: Mapping[tuple[str, str], Mapping[str, Any]],
    judged: Mapping[tuple[str, str], float] | None,
    others: Mapping[tuple[str, str], Mapping[str, Any]] | None,
) -> Iterator[Pair]:
    """A person beside a judge's scores, or beside another person."""
    mine = _values(of, answers)
    theirs = judged if judged is not None else _values(of, others or {})
    both = sorted(set(mine) & set(theirs))
    if of != "preferences":
        yield from (Pair(place[0], mine[place], theirs[place]) for place in both)
        return
    for a, b in itertools.permutations(both, 2):  # either way round, so that no place has a share of its own
        if a[0] == b[0]:
            yield Pair(a[0], _sign(mine[a] - mine[b]), _sign(theirs[a] - theirs[b]))


def _values(of: str, answers: Mapping[tuple[str, str], Mapping[str, Any]]) -> dict[tuple[str, str], float]:
    """Scores, or points for ranks, of what has one."""
    if of == "scores":
        return {place: float(said["score"]) for place, said in answers.items() if said.get("score")}
    ranked = {place: float(said["rank"]) for place, said in answers.items() if said.get("rank")}
    last = {sheet: max(rank for (s, _), rank in ranked.items() if s == sheet) for sheet, _ in ranked}
    return {
        (sheet, folder): 5 - 4 * (rank - 1) / (last[sheet] - 1) if last[sheet] > 1 else 5.0
        for (sheet, folder), rank in ranked.items()
    }


def _chosen(
    answers: Mapping[tuple[str, str], Mapping[str, Any]], choices: Sequence[Mapping[str, Any]]
) -> Iterator[Pair]:
    points = _values("ranks", answers)
    for (sheet, a), (other, b) in itertools.permutations(points, 2):
        for choice in choices:
            if sheet == other and (_place(choice["A"]), _place(choice["B"])) == (a, b):
                person, model = (
                    _sign(points[sheet, a] - points[sheet, b]),
                    {"A": 1, "B": -1}.get(choice["preferred"], 0),
                )
                yield from (Pair(sheet, person, model), Pair(sheet, -person, -model))


def _agreement(of: str, sides: tuple[str, str], pairs: Sequence[Pair]) -> Agreement:
    nothing = Estimate(None)
    if of == "preferences":
        return Agreement(of, sides, len(pairs) // 2, nothing, nothing, estimate(pairs, kappa))
    weighted = estimate(pairs, squared) if of == "scores" else nothing
    return Agreement(of, sides, len(pairs), estimate(pairs, pearson), estimate(pairs, spearman), weighted)


@click.command(help=__doc__)
@click.argument("files", nargs=-1, type=EXISTING_FILE)
@click.option("--score", "scores", metavar="FOLDER=FILE", multiple=True)
@click.option("--json", "json_file", metavar="FILE", type=FILE)
def main(files: tuple[Path, ...], scores: tuple[str, ...], json_file: Path | None) -> None:
    """Print one table."""
    heard = Heard()
    for file in files:
        _heard(file, heard.take, file)
    for each in scores:
        folder, equals, name = each.rpartition("=")
        if not equals or not Path(name).is_file():
            raise click.UsageError(f"--score takes FOLDER=FILE, not {each!r}")
        _heard(Path(name), heard.score, folder, Path(name))
    try:
        found = agreements(heard)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if not found:
        raise click.UsageError("no two of these files speak of the same repository: nothing can be compared")
    if json_file:
        json_file.write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n")
    click.echo("| of | between | n | Pearson's r | Spearman's ρ | Cohen's κ |\n|---|---|---|---|---|---|")
    for given in found:
        figures = " | ".join(map(str, (given.pearson, given.spearman, given.kappa)))
        click.echo(f"| {given.of} | {' and '.join(given.sides)} | {given.pairs} | {figures} |")


def _by_rubric(judge: str) -> str:
    return f"{judge} by rubric"


def _in_points(share: float) -> float:
    return 1 + 4 * share


def _heard(file: Path, take: Callable[..., None], *given: object) -> None:
    try:
        take(*given)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise click.UsageError(f"{file} cannot be used: {error}") from error


def _ranks(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    return [ordered.index(value) + (ordered.count(value) + 1) / 2 for value in values]


def _sign(difference: float) -> int:
    return (difference > 0) - (difference < 0)


def _place(folder: str) -> str:
    return str(Path(folder).resolve())


if __name__ == "__main__":
    main()
