"""Rows as the field shows them: the main table, the ablation, paper by paper; Markdown, CSV, JSON. Pure."""

import csv
import io
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields

from benchmark.field.cells import METHODS, Row
from pipeline.markdown import visible

Figure = Callable[[Row], float | None]


def markdown(rows: Sequence[Row]) -> str:
    """All tables; what nobody measured is a dash, and a mean is followed by the standard deviation over cells."""
    judges = sorted({judge for row in rows for judge in row.scores})
    parts = [
        "# Methods compared",
        "Means ± standard deviations over papers and samples (n cells). Scores are 1 to 5 by each judge, without and "
        "with the authors' code; the rubric is the share that is met of its leaves about code, for runs on tiny "
        "data show none of the results that others ask for. “First run” and “runs” are shares of what was "
        "executed: whether the first execution passed, and the last; ours on tiny data (`--smoke`), others' by their "
        "own command, and what reached the time limit counts as neither. Cost is that of writing; judging is apart.",
        _main(rows, judges),
    ]
    if len(groups := sorted({row.group for row in rows})) > 1:
        parts += ["## By group", _by(rows, judges, groups, lambda row: row.group)]
    if ladder := [row for row in rows if row.method.partition(":")[0] in METHODS]:
        parts += [
            "## What each part adds",
            "The difference is to the method above, of a changed method (`:`) to that method itself; it counts papers "
            "that both were measured on.",
            _ablation(ladder, judges),
        ]
    papers = sorted({row.paper for row in rows})
    parts += ["## Paper by paper", _by(rows, judges, papers, lambda row: row.paper)]
    if without := sorted({f"- {row.paper}: {row.no_rubric}" for row in rows if row.no_rubric}):
        parts += ["## Not judged by their rubric", "\n".join(map(visible, without))]
    return "\n\n".join(parts) + "\n"


def comma_separated(rows: Sequence[Row]) -> str:
    """A line for each cell; what is by judge has a column for each."""
    by_judge = ("scores", "spread", "based", "rubric")
    columns = {name: sorted({judge for row in rows for judge in getattr(row, name)}) for name in by_judge}
    plain = [each.name for each in fields(Row) if each.name not in by_judge]
    told = io.StringIO()
    writer = csv.writer(told, lineterminator="\n")
    writer.writerow([*plain, *(f"{name} {judge}" for name in by_judge for judge in columns[name])])
    for row in rows:
        values = asdict(row)
        judged = [values[name].get(judge) for name in by_judge for judge in columns[name]]
        writer.writerow([_inert(value) for value in (*(values[name] for name in plain), *judged)])
    return told.getvalue()


def methods(rows: Iterable[Row]) -> list[tuple[str, str]]:
    """Method and model, those of the ladder first and in its order, then what others wrote."""
    found = {(row.method, row.model) for row in rows}

    def place(each: tuple[str, str]) -> tuple[int, str, str]:
        method = each[0].partition(":")[0]
        return (_RUNGS.index(method) if method in _RUNGS and each[1] else len(_RUNGS), *each)

    return sorted(found, key=place)


_RUNGS: Sequence[str] = (
    "one-shot",
    "plan",
    "plan+arch",
    "plan+arch+logic",
    "plan+arch+logic+config",
    "full",
    "iterative",
)


def mean(values: Iterable[float | None]) -> tuple[float, float | None] | None:
    """Mean and sample standard deviation of what is known."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return statistics.mean(known), statistics.stdev(known) if len(known) > 1 else None


def _main(rows: Sequence[Row], judges: Sequence[str]) -> str:
    columns: dict[str, tuple[Figure, str]] = {}
    for judge in judges:
        columns[f"score, {judge}"] = (lambda row, j=judge: row.scores.get(j)), ".2f"  # type: ignore[misc]
        columns[f"with reference, {judge}"] = (lambda row, j=judge: row.based.get(j)), ".2f"  # type: ignore[misc]
        columns[f"rubric, {judge}"] = (lambda row, j=judge: row.rubric.get(j)), ".1%"  # type: ignore[misc]
    columns |= {
        "people": ((lambda row: row.people), ".2f"),
        "first run": ((lambda row: None if row.ran_first is None else float(row.ran_first)), ".0%"),
        "runs": (
            (lambda row: None if row.status in ("not-run", "timed-out") else float(row.status == "runs")),
            ".0%",
        ),
        "lines": ((lambda row: row.lines), ",.0f"),
        "changed, %": ((lambda row: row.changed_percent), ".1f"),
        "tests passed": ((lambda row: (row.tests_passed or 0) / row.tests if row.tests else None), ".0%"),
        "USD": ((lambda row: row.usd), ".2f"),
        "USD of judging": ((lambda row: row.judging_usd), ".2f"),
        "minutes": ((lambda row: row.minutes), ".1f"),
    }
    shown = {name: each for name, each in columns.items() if any(each[0](row) is not None for row in rows)}
    lines = [["method", "model", "n", *shown]]
    for method, model in methods(rows):
        own = [row for row in rows if (row.method, row.model) == (method, model)]
        cells = [_figure(mean(figure(row) for row in own), form) for figure, form in shown.values()]
        lines.append([method, model or "–", str(len(own)), *cells])
    return _table(lines)


def _by(rows: Sequence[Row], judges: Sequence[str], heads: Sequence[str], of: Callable[[Row], str]) -> str:
    """Scores by judge, a column for each head; below them those with the authors' code and by rubric, if any."""
    lines = [["method", "model", "judge", "", *(head or "–" for head in heads)]]
    kinds: Mapping[str, tuple[Callable[[Row, str], float | None], str]] = {
        "score": (lambda row, judge: row.scores.get(judge), ".2f"),
        "with reference": (lambda row, judge: row.based.get(judge), ".2f"),
        "rubric": (lambda row, judge: row.rubric.get(judge), ".1%"),
    }
    for method, model in methods(rows):
        own = [row for row in rows if (row.method, row.model) == (method, model)]
        for judge in judges:
            for kind, (figure, form) in kinds.items():
                found = [mean(figure(row, judge) for row in own if of(row) == head) for head in heads]
                if any(found):
                    lines.append(
                        [method, model or "–", judge, kind, *(_figure(each, form) for each in found)]
                    )
    return _table(lines)


def _ablation(rows: Sequence[Row], judges: Sequence[str]) -> str:
    lines = [["method", "model", *(f"{judge}{what}" for judge in judges for what in ("", ", difference"))]]
    above: dict[str, list[Row]] = {}
    whole: dict[tuple[str, str], list[Row]] = {}
    for method, model in methods(rows):
        own = [row for row in rows if (row.method, row.model) == (method, model)]
        rung, _, change = method.partition(":")
        before = whole.get((rung, model), above.get(model, [])) if change else above.get(model, [])
        cells = []
        for judge in judges:
            cells.append(_figure(mean(row.scores.get(judge) for row in own), ".2f"))
            cells.append(_difference(own, before, judge))
        lines.append([method, model, *cells])
        if not change:
            above[model] = whole[method, model] = own
    return _table(lines)


def _difference(own: Sequence[Row], before: Sequence[Row], judge: str) -> str:
    both = {row.paper for row in own} & {row.paper for row in before}
    one, other = (mean(row.scores.get(judge) for row in rows if row.paper in both) for rows in (own, before))
    return f"{one[0] - other[0]:+.2f}" if one and other else "–"


def _figure(found: tuple[float, float | None] | None, form: str) -> str:
    if found is None:
        return "–"
    value, deviation = found
    spread = "" if deviation is None or form in (".0%", ",.0f") else f" ± {deviation:{form}}"
    return f"{value:{form}}{spread}"


def _table(lines: Sequence[Sequence[str]]) -> str:
    rows = [f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines]
    return "\n".join([rows[0], f"|{'---|' * len(lines[0])}", *rows[1:]])


def _inert(value: object) -> object:
    """No spreadsheet takes a name for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value
