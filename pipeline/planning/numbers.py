"""Which numbers of the paper the planned experiments would give: named by the model, looked up by a program.

A number that is not printed where it is said to stand goes back once; then it is dropped, and named.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import Field

from pipeline.errors import AnswerInvalid, BudgetReached, ContextOverflow, ModelRefused
from pipeline.model.asking import Context, ask, bullets, render
from pipeline.model.llm import LLM
from pipeline.planning.checks import unknown
from pipeline.planning.plan import Answer, Logic, Plan, metric_pattern
from pipeline.planning.reported import Better, Numbers, ReportedNumber, Spread
from pipeline.reading import quotation
from pipeline.reading.paper import Paper
from pipeline.reading.quantities import mentions
from pipeline.reading.tables import Cell, Table

_GIVES_UP = AnswerInvalid, ModelRefused, BudgetReached, ContextOverflow
_MOST_NAMED = 12
"""Rows or columns that a finding lists, and findings of one kind."""
_SAYS: dict[Spread, re.Pattern[str]] = {
    "standard deviation": re.compile(r"dev|std|\bsd\b|s\.d|sigma|σ", re.IGNORECASE),
    "standard error": re.compile(r"err|\bsem?\b|s\.e", re.IGNORECASE),
    "interval": re.compile(r"interval|\bci\b|confiden|%|per cent", re.IGNORECASE),
}
_GAPS = re.compile(f"[{quotation.SOFT}{quotation.HARD}]+")
_DIGITS = re.compile(r"\d++(?:[.,]\d++)*+|\.\d++")


class Printed(Answer):
    """One number of a comparison."""

    method: str
    label: str = Field(default="", description="Name of its row or column, as printed")
    quote: str = Field(default="", description="In running text only: word for word, with the value in it")
    value: float = Field(description="As printed, without ±")


class Comparison(Answer):
    """What a paper prints of one metric of an experiment in one column or row of a table."""

    experiment: str
    metric: str = Field(description="As a run gives it, words filled in")
    anchor: str = Field(description="Tab2, S4.1")
    heading: str = Field(default="", description="Name of the column or row, as printed; empty in text")
    better: Better = Field(description="Which values are better")
    factor: float = Field(default=1, description="Times a run's value it is in the paper's unit")
    seeds: int | None = Field(default=None, ge=1, description="Runs behind each number; null: not said")
    spread: Spread = Field(default="unknown", description="What the paper's ± is")
    protocol: str = Field(default="", description="Word for word: what says seeds and spread")
    numbers: tuple[Printed, ...]


class Comparisons(Answer):
    """All of them."""

    comparisons: tuple[Comparison, ...]


def reported(plan: Plan, paper: Paper, llm: LLM, context: Context, *, all_: bool = True) -> Numbers:
    """The numbers of the paper that the plan's experiments would give; `context` holds paper and plan.

    Not `all_`: those of its headline table, asked for once.

    Where nothing usable comes the plan stands, and what is missing is said. Raises what the model's client raises.
    """
    search = _Search(paper, plan.logic)
    try:
        task = render("numbers", headline=not all_, findings="")
        search.take(ask(llm, context, "plan.numbers", task, Comparisons))
        if all_ and (findings := search.findings()):
            task = render("numbers", headline=False, findings=bullets(findings))
            search.take(ask(llm, context, "plan.numbers.again", task, Comparisons))
    except _GIVES_UP as error:
        return search.numbers(f"Nothing more was listed: {error}")
    return search.numbers()


_Key = tuple[str, str, str, str]


@dataclass
class _Search:
    """Looks numbers up, and keeps what it finds."""

    paper: Paper
    logic: Logic
    found: dict[_Key, ReportedNumber] = field(default_factory=dict)
    wrong: dict[_Key, tuple[str, str]] = field(default_factory=dict)
    """What was refused, and why."""
    unsaid: dict[_Key, str] = field(default_factory=dict)
    """Why the paper does not say of a comparison what is said of its seeds or its spread."""

    def take(self, answer: Comparisons) -> None:
        """Look the numbers of an answer up; what an earlier one has found stays."""
        for comparison in answer.comparisons:
            if why := self._unusable(comparison):
                self.wrong[_key(comparison, "")] = _named(comparison), why
                continue
            self.wrong.pop(_key(comparison, ""), None)
            said = self._protocol(comparison)
            for printed in comparison.numbers:
                self._look_up(comparison, printed, said=said)

    def findings(self) -> list[str]:
        """What goes back: numbers that were refused, and what the tables print beside those that were found."""
        return [*self._refused(), *self.unsaid.values(), *self._unlisted(), *self._holes()]

    def numbers(self, *more: str) -> Numbers:
        """What is there, as the paper prints it from the first table to the last, and what is not there after all."""
        order = sorted(self.found.values(), key=lambda n: (n.table is None, n.table or 0, n.row, n.column))
        return Numbers(found=tuple(order), dropped=(*self._refused(), *self._unlisted(), *more))

    def _refused(self) -> Iterator[str]:
        """For each reason a sentence."""
        by_reason = dict[str, list[str]]()
        for what, why in self.wrong.values():
            by_reason.setdefault(why, []).append(what)
        yield from (f"{_some(what)}: {why}" for why, what in by_reason.items())

    def _unusable(self, comparison: Comparison) -> str:
        experiments = {experiment.name: experiment for experiment in self.logic.experiments}
        experiment = experiments.get(comparison.experiment)
        if experiment is None:
            return f"there is no such experiment.{unknown(comparison.experiment, experiments)}"
        if not any(metric_pattern(name).fullmatch(comparison.metric) for name in experiment.metrics):
            return f"its runs give {', '.join(experiment.metrics)}."
        if comparison.anchor not in self.paper.anchors:
            return f"there is no such anchor.{unknown(comparison.anchor, self.paper.anchors)}"
        if not (comparison.factor > 0 and (math.log10(comparison.factor)).is_integer()):
            return f"the factor {comparison.factor:g} is no power of ten."
        return ""

    def _protocol(self, comparison: Comparison) -> bool:
        """Whether the paper says of seeds and spread what the comparison says."""
        why, said = "", comparison.protocol
        if comparison.seeds is not None or comparison.spread != "unknown":
            if not said or self.paper.find(said) is None:
                why = "its `protocol` is not in the paper"
            elif comparison.seeds is not None and not mentions(said, comparison.seeds):
                why = f"its `protocol` does not say {comparison.seeds} runs"
            elif (says := _SAYS.get(comparison.spread)) and not says.search(said):
                why = f"its `protocol` does not say that ± is the {comparison.spread}"
        self.unsaid.pop(_key(comparison, ""), None)
        if why:
            self.unsaid[_key(comparison, "")] = f"{_named(comparison)}: {why}."
        return not why

    def _look_up(self, comparison: Comparison, printed: Printed, *, said: bool) -> None:
        key = _key(comparison, printed.method)
        if key in self.found:
            return
        place = self._method_problem(comparison, printed) or self._place(comparison, printed)
        if isinstance(place, str):
            what = f"{_named(comparison)} of `{printed.method}`, {printed.value:.15g}"
            sought = "" if printed.quote else f" at {comparison.heading!r} and {printed.label!r}"
            self.wrong[key] = what + sought, place
            return
        self.wrong.pop(key, None)
        about = {
            "experiment": comparison.experiment,
            "method": printed.method,
            "metric": comparison.metric,
            "anchor": comparison.anchor,
            "better": comparison.better,
            "factor": comparison.factor,
            "seeds": comparison.seeds if said else None,
            "spread_is": comparison.spread if said else "unknown",
        }
        self.found[key] = ReportedNumber.model_validate(about | place)

    def _method_problem(self, comparison: Comparison, printed: Printed) -> str:
        (experiment,) = (e for e in self.logic.experiments if e.name == comparison.experiment)
        if printed.method in experiment.methods:
            return ""
        return f"the experiment has the methods {', '.join(experiment.methods)}."

    def _place(self, comparison: Comparison, printed: Printed) -> dict[str, object] | str:
        """Where the number stands, with what is printed there; or why it does not."""
        if printed.quote:
            return self._quoted(comparison, printed)
        tables = [(n, t) for n, t in enumerate(self.paper.tables) if t.anchor == comparison.anchor]
        if not tables:
            return f"{comparison.anchor} is no table that could be read: quote the sentence."
        cells = [
            (exact, number, table, cell)
            for number, table in tables
            for exact, cell in list(_cells(table, comparison.heading, printed.label))
            or _together(table, comparison.heading, printed.label)
        ]
        same = [
            c
            for c in cells
            if c[3].value is not None and math.isclose(c[3].value, printed.value, rel_tol=1e-9)
        ]
        if not same:
            return _nowhere([table for _, table in tables], [c[3] for c in cells])
        _, number, table, cell = max(same, key=lambda candidate: candidate[0])
        return {
            "table": number,
            "row": cell.row,
            "column": cell.column,
            "row_name": " / ".join(table.rows[cell.row]),
            "column_name": " / ".join(table.columns[cell.column]),
            "value": cell.value,
            "step": step(cell.text, printed.value),
            "spread": cell.spread,
            "unit": cell.unit,
        }

    def _quoted(self, comparison: Comparison, printed: Printed) -> dict[str, object] | str:
        if comparison.anchor not in self.paper.places(printed.quote):
            return f"its quotation does not stand in {comparison.anchor}."
        if not mentions(printed.quote, printed.value):
            return "its quotation does not state it."
        return {"quote": printed.quote, "value": printed.value, "step": step(printed.quote, printed.value)}

    def _unlisted(self) -> list[str]:
        """Tables with numbers that an experiment shows, and of which none was found."""
        listed = {number.anchor for number in self.found.values()}
        numeric = {
            table.anchor for table in self.paper.tables if any(c.value is not None for c in table.cells)
        }
        return [
            f"{anchor}, which `{experiment.name}` shows: none of its numbers is listed."
            for experiment in self.logic.experiments
            for anchor in experiment.shows
            if anchor in numeric - listed
        ]

    def _holes(self) -> Iterator[str]:
        """Numbers in rows and columns of which others were found."""
        places = {(n.table, n.row, n.column) for n in self.found.values() if n.table is not None}
        for number, table in enumerate(self.paper.tables):
            rows = {row for t, row, _ in places if t == number}
            columns = {column for t, _, column in places if t == number}
            open_ = [
                f"{cell.value:.15g} at {' / '.join(table.rows[cell.row])}, {' / '.join(table.columns[cell.column])}"
                for cell in table.cells
                if cell.row in rows
                and cell.column in columns
                and cell.value is not None
                and (number, cell.row, cell.column) not in places
            ]
            if open_:
                yield f"{table.anchor} prints as well: {_some(open_)}."


def _key(comparison: Comparison, method: str) -> _Key:
    return comparison.experiment, method, comparison.metric, comparison.anchor


def _named(comparison: Comparison) -> str:
    return f"{comparison.anchor}, `{comparison.metric}` of `{comparison.experiment}`"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return "; ".join(names[:_MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")


def _cells(table: Table, heading: str, label: str) -> Iterator[tuple[int, Cell]]:
    """Cells in a column and a row of these names, whichever is which; more where the names are exact."""
    for cell in table.cells:
        row, column = table.rows[cell.row], table.columns[cell.column]
        for across, down in ((column, row), (row, column)):
            above, beside = _fits(heading, across), _fits(label, down)
            if above and beside:
                yield above + beside, cell
                break


def _together(table: Table, heading: str, label: str) -> Iterator[tuple[int, Cell]]:
    """Cells that both names name together: a group of rows may be said with the column."""
    said = _words(quotation.reduce(f"{heading} {label}"))
    for cell in table.cells:
        row, column = table.rows[cell.row], table.columns[cell.column]
        own = _words(quotation.reduce(f"{row[-1]} {column[-1]}")) if row and column else set()
        if own and own <= said <= _words(quotation.reduce(" ".join((*row, *column)))):
            yield 0, cell


def _fits(name: str, path: Sequence[str]) -> int:
    """2: it is the name; 1: all its words are in the name; 0: neither."""
    wanted, whole = quotation.reduce(name), " ".join(path)
    if not wanted or not path:
        return 2 * (name.strip() == whole.strip())
    if wanted in (quotation.reduce(path[-1]), quotation.reduce(whole)):
        return 2
    return int(_words(wanted) <= _words(quotation.reduce(whole)))


def _words(reduced: str) -> set[str]:
    return set(_GAPS.split(reduced))


def _nowhere(tables: Sequence[Table], cells: Sequence[Cell]) -> str:
    if cells:
        there = ", ".join(dict.fromkeys(cell.text for cell in cells[:3]))
        return f"there the paper prints {there}."
    rows = [" / ".join(path) for table in tables for path in table.rows]
    columns = [" / ".join(path) for table in tables for path in table.columns]
    return f"no cell stands there. Rows: {_some(rows)}. Columns: {_some(columns)}."


def step(text: str, value: float) -> float:
    """What the last digit counts of the number in `text` that is `value`, or a multiple of it; 0: there is none."""
    for found in _DIGITS.finditer(text):
        bare = re.sub(r",(?=\d{3}(?!\d))", "", found[0]).replace(",", ".")
        if bare.count(".") > 1:
            continue
        printed = float(bare)
        scale = abs(value) / printed if printed else float(value == 0)
        if 0 < scale < math.inf and math.isclose(
            power := round(math.log10(scale)), math.log10(scale), abs_tol=1e-9
        ):
            return float(10.0 ** (power - len(bare.partition(".")[2])))
    return 0.0
