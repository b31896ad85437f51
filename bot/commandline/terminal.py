"""What a person at a terminal sees: progress while a run lasts, what came of it, what is configured.

The counterpart of `messages.py`, which says the same on GitHub. Decides nothing and runs nothing.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from bot.intake.progress import Board, Line
from bot.words.amounts import duration, money
from bot.words.conformed import passing
from pipeline.markdown import visible
from pipeline.progress import Progress, Stage
from pipeline.proving.documents import estimate_sentence, repairs, run_sentence, stopped, unpaid_sentence
from pipeline.proving.rubric import Graded
from pipeline.proving.scope import in_words
from pipeline.proving.scoring import Judgement
from pipeline.running.longer import run_told
from sandbox.report import CommandResult, ExecutionReport

if TYPE_CHECKING:
    # At run time it would bring HTTP, Docker and database libraries into every command.
    from bot.commandline.doctor import Check
    from settings import Told

TITLES: dict[Stage, str] = {
    "paper": "Read the paper",
    "plan": "Plan",
    "analysis": "Analyse files",
    "code": "Write code",
    "run": "Run and repair",
    "audit": "Audit",
    "report": "Report",
}
MARKS = {"finished": ("✓", "+", "green"), "failed": ("✗", "x", "red"), "skipped": ("-", "-", "dim")}
VERDICTS = {
    "runs": Text("The repository runs.", style="bold green"),
    "fails": Text("The repository was written, but it does not run.", style="bold red"),
    "not-run": Text("The repository was written and has not been run.", style="bold yellow"),
}
_MOST_UNMET = 10
QUIET = 30.0
"""Seconds after which it is said what is under way, where nothing else was."""


class Display:
    """Shows the events of one run: a live checklist on a terminal, one line per event elsewhere.

    Called with each Progress, from any thread. Attempts at running the code, failures and notes stay above
    the checklist for good; the checklist keeps its height, so that nothing flickers, and stays when the run
    ends.
    """

    def __init__(
        self, console: Console, *, max_usd: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._max_usd = max_usd
        self._clock = clock
        self._started = clock()
        self._ended: float | None = None
        self._board = Board()
        self._spinner = Spinner("dots" if not console.options.ascii_only else "line", style="cyan")
        self._lock = threading.Lock()
        self._under_way, self._since, self._said = "", self._started, self._started
        self._closed = threading.Event()
        # A pipe, a file and a dumb terminal get plain lines: they cannot draw over what they have.
        self._live = None
        if console.is_interactive:
            self._live = Live(console=console, get_renderable=self._checklist, refresh_per_second=10)

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        else:
            threading.Thread(target=self._reassure, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Show the last state, and give the terminal back."""
        self._closed.set()
        if self._live:
            self._ended = self._ended or self._clock()
            self._live.stop()

    def __call__(self, event: Progress) -> None:
        """Show `event`."""
        if event.state == "advanced" and event.total:
            count = f"({event.done} of {event.total})"
            event = replace(event, detail=f"{event.detail} {count}".strip())
        with self._lock:
            self._board = self._board.after(event, self._clock())
            if not event.found:
                self._under_way, self._since = event.begun, self._clock()
        if event.found:
            return
        if event.begun:
            event = replace(event, detail=event.begun)
        if not self._live:
            self._say(_sentence(event))
        elif event.begun:
            return
        elif event.detail and (event.state == "failed" or (event.stage, event.state) == ("run", "advanced")):
            self._say(event.detail, style="red" if event.state == "failed" else "")

    def still(self) -> None:
        """Say what is under way and for how long by now, where nothing was said for a while."""
        now = self._clock()
        with self._lock:
            stage, what, since = self._board.stage, self._under_way, self._since
        if stage and now - self._said >= QUIET:
            self._say(f"{': '.join(filter(None, [stage, what]))}, {duration(now - since)} by now")

    def _reassure(self) -> None:
        while not self._closed.wait(QUIET / 10):
            self.still()

    def note(self, text: str) -> None:
        """Say something that stays, and that is no event of the run."""
        self._say(text, style="yellow")

    @property
    def seconds(self) -> float:
        """Since the display was made."""
        return (self._ended or self._clock()) - self._started

    def _say(self, text: str, style: str = "") -> None:
        self._said = self._clock()
        minutes, seconds = divmod(int(self.seconds), 60)
        if self._live:
            row = Table.grid(padding=(0, 2))
            row.add_row(Text(f"{minutes:3}:{seconds:02}", style="dim"), Text(_line(text), style=style))
            self._console.print(row)
        else:
            self._console.print(
                f"{minutes:3}:{seconds:02}  {_line(text)}", soft_wrap=True, markup=False, highlight=False
            )

    def _checklist(self) -> RenderableType:
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(width=1)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column(no_wrap=True, justify="right")
        now = self._ended or self._clock()
        with self._lock:
            board = self._board
        for stage, line in board.lines:
            begun = line.started is not None and line.state != "skipped"
            seconds = duration((line.ended or now) - (line.started or now)) if begun else ""
            title = Text(TITLES[stage], style="dim" if line.state == "waiting" else "")
            under_way = self._under_way if line.state == "running" else ""
            detail = Text(_line(under_way or line.detail), style="dim")
            table.add_row(self._mark(line), title, detail, Text(seconds, style="dim"))
        cap = f" of {money(self._max_usd)}" if self._max_usd else ""
        return Group("", table, Text(f"  {money(board.usd)}{cap} · {duration(self.seconds)}", style="bold"))

    def _mark(self, line: Line) -> RenderableType:
        if line.state == "running":
            return self._spinner if self._ended is None else Text("■", style="yellow")
        fine, plain, style = MARKS.get(line.state, (" ", " ", ""))
        return Text(plain if self._console.options.ascii_only else fine, style=style)


def result(
    console: Console, report: dict[str, Any], out: Path, seconds: float, *, recorded: bool = False
) -> None:
    """Say what came of a run; `report` is `execution-report.json`, `recorded`: no model was asked now."""
    requirements, lines, usage = report["requirements"], report["lines"], report["usage"]
    repository = out / "repository"
    rows = [("Repository", str(repository)), ("Report", str(repository / "docs/execution-report.md"))]
    if said := in_words(report.get("scope")):
        rows.insert(0, ("Of the paper", said))
    if environment := report["environment"]:
        mode = "smoke run (tiny data)" if report["mode"] == "smoke" else f"smoke run and {report['mode']} run"
        repaired = _many(repairs(report), "repair")
        rows.append(("Executed", f"{mode}, {environment['sandbox']} sandbox, {repaired}"))
    rows += [(f"{run['mode'].capitalize()} run", run_sentence(run)) for run in report.get("runs", ())]
    if report.get("full_run_estimate"):
        rows.append(("All of it", estimate_sentence(report)))
    percents = _percent(lines, "executed") + _percent(lines, "changed")
    rows.append(("Lines", f"{lines['generated']:,} written{percents}"))
    if requirements["total"]:
        met = f"{requirements['implemented']} of {requirements['total']} implemented"
        short = [
            f", {requirements.get(name, 0)} {name}" for name in ("partial", "missing", "deviates", "unread")
        ]
        rows.append(("Requirements", met + "".join(text for text in short if not text.startswith(", 0"))))
    if said := passing(report):
        rows.append(("Tests", said))
    if said := unpaid_sentence(report):
        rows.append(("Left out for its budget", said))
    rows.append(("Assumptions", f"{len(report['assumptions'])}, listed in the report"))
    then = ", when they were recorded" if recorded else ""
    rows.append(("Cost", f"{money(usage['usd'])} for {_many(usage['calls'], 'model call')}{then}"))
    for role, share in report["models"].items():
        if share["calls"]:
            tokens = f"{share['input_tokens']:,} tokens in, {share['output_tokens']:,} out"
            asked = f"{_many(share['calls'], 'call')}, {tokens}, {money(share['usd'])}"
            rows.append((role.capitalize(), f"{share['model']}, {asked}"))
    rows.append(("Time", duration(seconds)))
    if unproven := report.get("unproven"):
        rows.append(("Not proven", f"all that follows the smoke run: {unproven}"))
    verdict = VERDICTS[report["status"]]
    if report["status"] == "fails" and (after := stopped(report)):
        said = f"The repository was written, but its run was stopped after {after:.0f} s, before its end."
        verdict = Text(said, style="bold red")
    _say_all(console, verdict, rows)


def execution(console: Console, report: ExecutionReport) -> None:
    """Say what came of executing a directory."""
    verdict = VERDICTS["runs"] if report.ok else Text("The repository does not run.", style="bold red")
    if report.failure and report.failure.result.timed_out:
        verdict = Text("The repository was not seen to run to its end.", style="bold red")
    if report.ok and (missing := report.environment.left_out):
        names = visible(", ".join(missing))
        verdict = Text(
            f"The repository runs, but not all of its requirements.txt was installed: {names}.",
            style="bold yellow",
        )
    if report.ok and (skipped := (runs := run_told(report, minutes=0)["runs"])["skipped"]):
        verdict = Text(
            f"The repository runs, but {skipped} of {_many(sum(runs.values()), 'run')} were skipped for want of data, "
            "time or a graphics card: `python main.py list` says which.",
            style="bold yellow",
        )
    rows: list[tuple[str, str]] = []
    for phase in report.phases:
        ended = "" if phase.result.ok else _end(phase.result)
        state = "; ".join(filter(None, [ended, " ".join(phase.problems)])) or "passed"
        rows.append((phase.phase, f"{duration(phase.result.seconds)}, {state}"))
    if report.metrics:
        data = "on tiny data" if report.mode == "smoke" else f"of the {report.mode} run"
        shown = ", ".join(f"{name} {value:g}" for name, value in report.metrics.items())
        rows.append(("Metrics", f"{shown} ({data})"))
    environment = report.environment
    host = f"{environment.sandbox} sandbox, Python {environment.python}, {environment.image}"
    rows.append(("Environment", host))
    rows += [("Note", note) for note in environment.notes]
    _say_all(console, verdict, rows)
    if report.failure:
        tail = report.failure.result.stderr or report.failure.result.stdout
        if lines := visible(tail).splitlines()[-20:]:
            console.print(Text("\n".join(["", *lines]), style="dim"), soft_wrap=True)


def judgement(console: Console, given: Judgement) -> None:
    """Say how a repository was judged."""
    rows: list[tuple[str, str]] = [
        (critique.severity, f"{critique.path}:{critique.start} {critique.text}")
        for critique in given.critiques
    ]
    if given.dropped:
        rows.append(("Dropped", f"{_many(given.dropped, 'critique')} of code that is not there"))
    each = f" ({', '.join(map(str, given.scores))})" if given.samples > 1 else ""
    rows.append(("Asked", _asked(given, each)))
    _say_all(console, Text(f"{given.score:.2g} of 5", style="bold"), rows)


def grades(console: Console, given: Graded) -> None:
    """Say how much of a rubric a repository meets."""
    rows: list[tuple[str, str]] = []
    for category, score in given.categories.items():
        leaves = [leaf for leaf in given.leaves if leaf.category == category]
        met = sum(leaf.score > 0.5 for leaf in leaves)
        rows.append((category, f"{100 * score:.3g} %, {met} of {len(leaves)} leaves met"))
    for category, number in given.left_out.items():
        rows.append(
            (category, f"{_many(number, 'leaf', 'leaves')} left out: they need a full run (--execution)")
        )
    if given.nothing:
        rows.append(("Nothing to judge", given.nothing))
    unmet = sorted((leaf for leaf in given.leaves if leaf.score <= 0.5), key=lambda leaf: -leaf.share)
    for leaf in unmet[:_MOST_UNMET]:
        rows.append(("Not met", f"{100 * leaf.share:.3g} %: {leaf.requirement} ({leaf.reason})"))
    if len(unmet) > _MOST_UNMET:
        rows.append(("", f"and {len(unmet) - _MOST_UNMET} more, which --json lists"))
    if given.disputed:
        by = f"{given.settled} settled by a third judge" if given.settled else "each counts half"
        rows.append(("Disputed", f"{_many(given.disputed, 'leaf', 'leaves')}: {by}"))
    if read := {path for each in given.shown for path in each.files}:
        rows.append(
            ("Read", f"{len(read):,} of {_many(given.files, 'file')}; --json lists what for which leaves")
        )
    if given.unused:
        rows.append(("Not reached", f"{', '.join(given.unused[:5])}{_more(len(given.unused) - 5)}"))
    rows += [("Not read", said) for said in given.unread]
    rows.append(("Asked", _asked(given)))
    _say_all(console, Text(f"{100 * given.score:.3g} % of the rubric", style="bold"), rows, width=18)


def examination(console: Console, found: Iterable["Check"]) -> None:
    """Show what `doctor` found."""
    marks = {
        "ok": ("ok", "green"),
        "off": ("off", "dim"),
        "warn": ("warn", "yellow"),
        "bad": ("bad", "bold red"),
    }
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in found:
        word, style = marks[check.state]
        table.add_row(Text(word, style=style), check.name, Text(_line(check.detail)))
        if check.mend:
            table.add_row("", "", Text(check.mend, style="yellow"))
    console.print(table)


def listing(console: Console, settings: Iterable["Told"]) -> None:
    """Show every setting: its variable, value, origin and meaning."""
    for each in settings:
        head = Text(each.variable, style="bold" if each.origin != "default" else "")
        head.append(f" = {_line(each.value)}" if each.value else " is not set", style="")
        head.append(f"  ({each.origin})" if each.value else "", style="dim")
        console.print(head, soft_wrap=True)
        console.print(Text(f"    {each.meaning}", style="dim"), soft_wrap=True)


def _sentence(event: Progress) -> str:
    state = "" if event.state == "advanced" else f" {event.state}"
    return f"{event.stage}{state}" + (f": {event.detail}" if event.detail else "")


def _say_all(console: Console, verdict: Text, rows: Iterable[tuple[str, str]], width: int = 14) -> None:
    console.print()
    console.print(verdict)
    for name, value in rows:
        # The terminal itself wraps what is too long, so that a path can still be copied.
        console.print(Text.assemble((f"  {name:<{width}}", "dim"), _line(value)), soft_wrap=True)


def _line(text: str) -> str:
    # Papers and programs wrote parts of what is shown; none of it may steer the terminal.
    return " ".join(visible(text).split())


def _end(result: CommandResult) -> str:
    if result.timed_out:
        return "stopped at the time limit"
    if result.oom:
        return "ran out of memory"
    return "killed" if result.exit_code is None else f"exit status {result.exit_code}"


def _asked(given: Judgement | Graded, each: str = "") -> str:
    if not given.samples:
        return "no model: there is nothing to judge"
    tokens = f"{given.usage.input_tokens:,} tokens in, {given.usage.output_tokens:,} out"
    return f"{given.model}, {_many(given.samples, 'time')}{each}, {tokens}, {money(given.usd)}"


def _more(number: int) -> str:
    return f" and {number:,} more" if number > 0 else ""


def _many(number: int, noun: str, nouns: str = "") -> str:
    return f"{number or 'no'} {noun if number == 1 else nouns or f'{noun}s'}"


def _percent(lines: dict[str, Any], what: str) -> str:
    percent = lines[f"{what}_percent"]
    return "" if percent is None else f", {percent:.3g} % {what}"
