"""Judges beside people: PaperBench's human grades, leaf by leaf.

python -m benchmark.judging judge RUBRIC DIR PAPER --model M --base-url URL --out FOLDER
python -m benchmark.judging against EXPECTED JUDGED…
python -m benchmark.judging tokens RUBRIC DIR PAPER

`judge` asks as `paper2code score --rubric` does, of a paper that is there as Markdown only; EXPECTED is PaperBench's
`expected_result.json`, JUDGED what `judge` or `score --json` wrote; of several, two judges and a third that settles.
Accuracy says nothing where most leaves are met: so macro-F1, and Cohen's kappa. Intervals are 95 % of 2,000 bootstrap
samples, drawn parent by parent, for leaves of one parent are no independent ones. Nothing of a rubric is kept here.

`tokens` counts both ways, characters / 4: ours, and SimpleJudge's (PaperBench, arXiv 2504.01848), which for each leaf
asks for an order of all files behind the paper, then judges it behind the paper and the first ten. Of the requirements
before a leaf, which it shows as well, only those are counted that the leaf is a part of.
"""

import dataclasses
import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from pydantic import SecretStr

from benchmark.agreement import Pair, estimate, kappa
from benchmark.asking import EXISTING_FILE, EXISTING_FOLDER, FILE, FOLDER
from pipeline.model.asking import Context, render
from pipeline.model.prices import window_of
from pipeline.model.session import Terms, open_llm
from pipeline.proving.judging.choosing import Shelf, room, tokens
from pipeline.proving.judging.grading import grade
from pipeline.proving.judging.reach import Reach
from pipeline.proving.judging.sources import collect
from pipeline.proving.rubric import OF_CODE, above, groups, read, shares
from sandbox.contents import contents

THEIRS = (
    ".md", ".txt", ".rst", ".py", ".m", ".jl", ".c", ".h", ".cpp", ".java", ".js", ".sh", ".cfg", ".json", ".yaml",
    ".yml", ".toml", ".ini",
)  # fmt: skip
"""What SimpleJudge reads: no notebooks."""
THEIR_FILES, THEIR_WORDS, THEIR_ANSWER = 10, 1_200, 600
"""Files of one question; tokens of its two prompts' own words; tokens of its answer, which a third call parses."""


Statistic = Callable[[Sequence[Pair]], float | None]
"""Of leaves, each as a person (`one`) and as a judge (`other`) holds it: met or not."""


def precision(leaves: Sequence[Pair], of: bool = True) -> float:
    """Of the leaves that the judge holds to be `of`, the share of which people say so too; 0 of none."""
    said = [leaf for leaf in leaves if leaf.other == of]
    return sum(leaf.one == of for leaf in said) / len(said) if said else 0.0


def recall(leaves: Sequence[Pair], of: bool = True) -> float:
    """Of the leaves that people hold to be `of`, the share that the judge finds; 0 of none."""
    return precision([Pair(leaf.family, leaf.other, leaf.one) for leaf in leaves], of)


def f1(leaves: Sequence[Pair], of: bool = True) -> float:
    """The harmonic mean of both."""
    one, other = precision(leaves, of), recall(leaves, of)
    return 2 * one * other / (one + other) if one + other else 0.0


def macro_f1(leaves: Sequence[Pair]) -> float:
    """The mean over met and not met."""
    return (f1(leaves) + f1(leaves, of=False)) / 2


def accuracy(leaves: Sequence[Pair]) -> float:
    """The share of which both say the same."""
    return statistics.mean(leaf.one == leaf.other for leaf in leaves)


STATISTICS: Mapping[str, Statistic] = {
    "macro-F1": macro_f1, "precision": precision, "recall": recall, "Cohen's κ": kappa, "accuracy": accuracy,
}  # fmt: skip


def verdicts(expected: Mapping[str, Any], judged: Mapping[str, float]) -> list[Pair]:
    """One for each leaf of code; what the judge says nothing of is not met."""

    def leaves(node: Mapping[str, Any], parent: str) -> Iterator[Pair]:
        for part in node["sub_tasks"]:
            yield from leaves(part, node["id"])
        if not node["sub_tasks"] and node["task_category"] in OF_CODE:
            yield Pair(parent, node["score"] > 0.5, judged.get(node["id"], 0.0) > 0.5)

    return list(leaves(expected, ""))


def settled(judges: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Two judges, and a third who settles what they disagree on; without one, what they disagree on is not met."""
    if len(judges) == 1:
        return dict(judges[0])
    first, second, *third = judges
    deciding = third[0] if third else {}
    return {**first, **{id_: deciding.get(id_, 0.0) for id_ in _disputed(first, second)}}


def simple_judge(rubric: Path, directory: Path, paper: Path) -> tuple[int, int]:
    """Tokens that SimpleJudge reads and writes for the leaves of code, and in how many calls."""
    root, sources = read(rubric), collect(directory)
    shelf = Shelf(sources, Reach(sources))
    listed = [path for path in contents(directory).files if path.endswith(THEIRS)]
    size = {path: (directory / path).stat().st_size // 4 for path in listed}
    tree, text = tokens("\n".join(listed)), tokens(paper.read_text())
    parents, asked, total = dict(above(root)), shares(root, OF_CODE), 0
    for leaf in root.leaves():
        if leaf.id in asked:
            ten = [path for path in shelf.ranked(leaf.requirements) if path in size][:THEIR_FILES]
            told = tokens(" ".join([*parents[leaf.id], leaf.requirements]))
            total += (
                2 * text + tree + sum(size[path] for path in ten) + 2 * told + THEIR_WORDS + 2 * THEIR_ANSWER
            )
    return total, 3 * len(asked)


@click.group()
def main() -> None:
    """Judges beside people, leaf by leaf."""


@main.command()
@click.argument("rubric", type=EXISTING_FILE)
@click.argument("directory", type=EXISTING_FOLDER)
@click.argument("paper", type=EXISTING_FILE)
@click.option("--model", required=True)
@click.option("--base-url", required=True)
@click.option("--out", type=FOLDER, required=True)
@click.option("--settling", type=EXISTING_FILE, nargs=2, help="Ask about what these two disagree on alone.")
@click.option("--samples", type=click.IntRange(1, 20), default=1)
@click.option("--concurrency", type=click.IntRange(1, 64), default=16)
def judge(
    rubric: Path,
    directory: Path,
    paper: Path,
    model: str,
    base_url: str,
    out: Path,
    settling: tuple[Path, Path] | None,
    samples: int,
    concurrency: int,
) -> None:
    """Judge DIR by RUBRIC, and write `judged.json` and the journal into OUT."""
    out.mkdir(parents=True, exist_ok=True)
    terms = Terms(model, api_key=SecretStr("none"), base_url=base_url)
    context = Context(render("judging")).extended("paper", paper.read_text())
    with open_llm(terms, reasoning_effort=None, journal=out / "journal.jsonl", resume=True) as llm:
        given = grade(
            read(rubric),
            collect(directory),
            context,
            llm,
            samples=samples,
            concurrency=concurrency,
            window=window_of(model),
            only=_disputed(*map(_scores, settling)) if settling else None,
            observe=lambda done, total: click.echo(f"{done} of {total}"),
        )
    (out / "judged.json").write_text(json.dumps(dataclasses.asdict(given), indent=1))
    click.echo(f"{given.score:.3f}, {given.usage}")


@main.command()
@click.argument("expected", type=EXISTING_FILE)
@click.argument("judged", type=EXISTING_FILE, nargs=-1, required=True)
@click.option("--disagreements", type=FILE, help="Write them there.")
def against(expected: Path, judged: tuple[Path, ...], disagreements: Path | None) -> None:
    """What people hold beside what judges hold, of leaves of code."""
    grades = json.loads(expected.read_text())
    scores = settled([_scores(path) for path in judged])
    found = verdicts(grades, scores)
    figures = " | ".join(str(estimate(found, statistic)) for statistic in STATISTICS.values())
    met = " | ".join(f"{sum(each):.0f}" for each in ([v.one for v in found], [v.other for v in found]))
    click.echo(f"| leaves | met, people | met, judges | {' | '.join(STATISTICS)} |")
    click.echo(f"|{'---|' * (3 + len(STATISTICS))}")
    click.echo(f"| {len(found)} | {met} | {figures} |")
    if disagreements:
        disagreements.write_text(
            "\n".join(_disagreements(grades, [_leaves(path) for path in judged], scores))
        )


@main.command(name="tokens")
@click.argument("rubric", type=EXISTING_FILE)
@click.argument("directory", type=EXISTING_FOLDER)
@click.argument("paper", type=EXISTING_FILE)
def counted(rubric: Path, directory: Path, paper: Path) -> None:
    """What both ways of asking read, with a window of a million tokens."""
    theirs, calls = simple_judge(rubric, directory, paper)
    root, sources = read(rubric), collect(directory)
    shelf, text = Shelf(sources, Reach(sources)), tokens(paper.read_text())
    parents, space = dict(above(root)), room(1_000_000, text)
    grouped = groups(root, shares(root, OF_CODE))
    own = tokens(render("rubric", leaves="", unused="", log="")) + tokens(render("judging"))
    ours = shelf.size > space and space // 2 + tokens(str([leaf.requirements for g in grouped for leaf in g]))
    for group in grouped:
        words = " ".join(" ".join([*parents[leaf.id], leaf.requirements]) for leaf in group)
        shown = shelf.fitting(shelf.ranked(words)[:25], space)
        ours += text + sum(map(tokens, shown.values())) + tokens(words) + own + 250 * len(group)
    click.echo(
        f"SimpleJudge {theirs:,} tokens in {calls} calls; "
        f"here {ours:,} in {len(grouped) + 1}: {100 * ours / theirs:.1f} %"
    )


def _leaves(judged: Path) -> dict[str, dict[str, Any]]:
    return {leaf["id"]: leaf for leaf in json.loads(judged.read_text())["leaves"]}


def _scores(judged: Path) -> dict[str, float]:
    return {id_: leaf["score"] for id_, leaf in _leaves(judged).items()}


def _disputed(first: Mapping[str, float], second: Mapping[str, float]) -> list[str]:
    return [id_ for id_, score in first.items() if (score > 0.5) != (second.get(id_, 0.0) > 0.5)]


def _disagreements(
    grades: Mapping[str, Any], judges: Sequence[Mapping[str, Mapping[str, Any]]], scores: Mapping[str, float]
) -> Iterator[str]:
    """Each leaf of code on which people and judges differ, and what each of them says."""
    for node in grades["sub_tasks"]:
        yield from _disagreements(node, judges, scores)
    met = scores.get(grades["id"], 0.0) > 0.5
    if grades["sub_tasks"] or grades["task_category"] not in OF_CODE or met == (grades["score"] > 0.5):
        return
    who = "judge: met, people: not" if met else "judge: not met, people: met"
    yield f"- {who}. {grades['requirements']}\n  people: {grades['explanation']}"
    for number, leaves in enumerate(judges, 1):
        if leaf := leaves.get(grades["id"]):
            places = [f"{place['file']}:{place['start']}" for place in leaf["places"]]
            yield f"  judge {number}, {leaf['score']:g}: {leaf['reason']} {places}"


if __name__ == "__main__":
    main()
