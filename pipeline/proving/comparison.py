"""The paper's own tables with our numbers in them: `docs/results.md`, and what a pull request shows of it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.markdown import code, line, prose
from pipeline.planning.plan import Experiment, Plan
from pipeline.proving.results import VERDICTS, WORDS
from pipeline.reading.paper import Paper

RESULTS = "docs/results.md"
OLD = "The code was changed after these runs, on request; they were not made again."
_MARKS = {"verified": "✅", "toy": "🟡", "falsified": "❌", "inconclusive": "⚪", "not-run": ""}
_NAME, _CELL = 80, 60
"""Characters of a heading and of a cell."""

Entry = Mapping[str, Any]
"""One of `results` in a report."""


def counted(results: Sequence[Entry]) -> str:
    """How many numbers there are, and how they came out, in a clause; empty: there are none."""
    if not results:
        return ""
    said = [
        f"{number} {WORDS[verdict]}"
        for verdict in VERDICTS
        if (number := sum(entry["verdict"] == verdict for entry in results))
    ]
    return f"{len(results)} number{'' if len(results) == 1 else 's'} of the paper: {', '.join(said)}"


def legend(results: Sequence[Entry]) -> str:
    """What stands in a cell, as far as there is something to tell."""
    if not any(entry["measured"] is not None for entry in results):
        return ""
    return (
        "Below the paper's number stands ours, with its standard deviation and seeds. **verified**: a full run, within "
        "two standard errors of both, or where the paper prints no spread within a quarter of the gap to the nearest "
        "method. **a smaller run points the same way**: methods are in the paper's order. **our run disagrees**: a "
        "full run with at least the paper's seeds is off by more, what the paper compares has turned, and no test "
        "of the requirements behind the number fails or is disputed; it does not say who is right. "
        "**inconclusive**: anything else. Numbers of the smoke run are of tiny data, and never stand here."
    )


_UNITS = {1e-9: ", in billions", 1e-6: ", in millions", 1e-3: ", in thousands", 100.0: ", in %"}
"""By what a run's value is multiplied to be in the paper's unit, which a table's heading says."""


def tables(results: Sequence[Entry]) -> list[str]:
    """The paper's tables, as far as we have planned runs for them, each with a heading; then what its text says."""
    shown = []
    for anchor in dict.fromkeys(entry["anchor"] for entry in results if not entry["quote"]):
        entries = [entry for entry in results if entry["anchor"] == anchor and not entry["quote"]]
        places = {(entry["row"], entry["column"]): _cell(entry) for entry in entries}
        rows, columns = (list(dict.fromkeys(place[i] for place in places)) for i in (0, 1))
        grid = [[prose(row, _NAME), *(places.get((row, column), "") for column in columns)] for row in rows]
        shown.append(
            f"### {prose(anchor, 20)}\n\n{_markdown(['', *(prose(c, _NAME) for c in columns)], grid)}"
        )
    if quoted := [entry for entry in results if entry["quote"]]:
        grid = [
            [
                f"{prose(e['anchor'], 20)} “{prose(e['quote'], 200)}”",
                code(e["metric"], 100) + _UNITS.get(e["factor"], ""),
                _cell(e),
            ]
            for e in quoted
        ]
        shown.append(f"### In the text\n\n{_markdown(['the paper', 'metric', 'value'], grid)}")
    return shown


def results_document(plan: Plan, paper: Paper, results: Sequence[Entry]) -> str:
    """`docs/results.md`: every table of the paper that planned experiments would fill, whole, with ours in it."""
    parts = ["# The paper's numbers and ours", f"{counted(results) or 'No number of the paper is planned'}."]
    parts += [text for text in (legend(results), fill_in(plan, results)) if text]
    found = plan.numbers.found if plan.numbers else ()
    places = {
        (n.table, n.row, n.column): e for n, e in zip(found, results, strict=True) if n.table is not None
    }
    for number, table in enumerate(paper.tables):
        if number not in {place[0] for place in places}:
            continue
        printed = {
            (cell.row, cell.column): _printed(cell.text, cell.value, cell.spread) for cell in table.cells
        }
        grid = []
        for r, row in enumerate(table.rows):
            cells = [
                _cell(places[number, r, c]) if (number, r, c) in places else printed.get((r, c), "")
                for c in range(len(table.columns))
            ]
            grid.append([prose(" / ".join(row), _NAME), *cells])
        head = ["", *(prose(" / ".join(column), _NAME) for column in table.columns)]
        parts.append(
            f"## {prose(table.anchor or '', 20)}\n\n{prose(table.caption, 600)}\n\n{_markdown(head, grid)}"
        )
    parts += tables([entry for entry in results if entry["quote"]])
    reasons = [
        f"- {code(e['metric'], 100)} ({prose(e['anchor'], 20)}): {prose(e['why'], 400)}"
        for e in results
        if e["why"]
    ]
    if reasons:
        parts.append("## Why\n\n" + "\n".join(dict.fromkeys(reasons)))
    if plan.numbers and plan.numbers.dropped:
        left = "\n".join(f"- {prose(each, 600)}" for each in plan.numbers.dropped)
        parts.append(f"## Left out\n\nNot found in the paper as it was named, or not listed:\n\n{left}")
    return "\n\n".join(parts) + "\n"


def fill_in(plan: Plan, results: Sequence[Entry]) -> str:
    """What to do about numbers without a value of ours; empty: nothing."""
    open_ = {entry["experiment"] for entry in results if entry["verdict"] in ("not-run", "toy")}
    lacking = [experiment for experiment in plan.logic.experiments if experiment.name in open_]
    if not lacking:
        return ""
    names = line(" ".join(experiment.name for experiment in lacking), 4000)
    return (
        "“–” is planned, and nothing was run for it; a number alone is of no planned run. To fill them in:\n\n"
        f"```sh\npython main.py run {names}\npython main.py report\n```\n\n"
        "How long each takes stands in the README." + "".join(map(_needs, lacking))
    )


def _needs(experiment: Experiment) -> str:
    """What has to be there before it is run, in a sentence; empty: nothing."""
    needed = [code(name, 60) for name in experiment.needs] + ["a GPU"] * experiment.gpu
    see = " (see `data/README.md`)" if experiment.needs else ""
    return f" {code(experiment.name, 60)} needs {', '.join(needed)}{see}." if needed else ""


def _cell(entry: Entry) -> str:
    """The paper's number, and below it ours with the verdict."""
    paper = _figure(entry["paper"], entry["step"]) + _spread(entry["paper_spread"], entry["step"])
    if entry["verdict"] == "not-run":
        return f"{paper}<br>–"
    verdict = f"{_MARKS[entry['verdict']]} {WORDS[entry['verdict']]}"
    if entry["measured"] is None:
        return f"{paper}<br>no value, {verdict}"
    ours = _figure(entry["measured"], entry["step"] / 10) + _spread(
        entry["measured_spread"], entry["step"] / 10
    )
    mode = "" if entry["mode"] == "full" else f", {entry['mode']} run"
    return (
        f"{paper}<br>**{ours}** ({entry['seeds']} seed{'' if entry['seeds'] == 1 else 's'}{mode}) {verdict}"
    )


def _printed(text: str, value: float | None, spread: float | None) -> str:
    if value is None:
        return prose(text, _CELL)
    return f"{value:.6g}" + (f" ± {spread:.6g}" if spread is not None else "")


def _figure(value: float, step: float) -> str:
    """To the digits that `step` counts."""
    if not 1e-6 <= step <= 1:
        return f"{value:.5g}"
    return f"{value:.{len(f'{step:.6f}'.rstrip('0').partition('.')[2])}f}"


def _spread(value: float | None, step: float) -> str:
    return "" if value is None else f" ± {_figure(value, step)}"


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [columns, ["---"] * len(columns), *rows])
