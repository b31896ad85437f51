"""Revision: what a person asks for, carried out on a repository that exists and run before anybody gets it.

Program first: edits that cannot be applied, or that the checks object to, go back to the model at most twice.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal

import jsonschema
from pydantic import BaseModel, ConfigDict, Field

from pipeline.coding import edits
from pipeline.coding.given import is_known
from pipeline.coding.repository import Repository
from pipeline.contract import Contract, contract_of
from pipeline.errors import AnswerInvalid
from pipeline.model.asking import Context, Unfit, ask, ask_until, block, render
from pipeline.model.llm import LLM
from pipeline.model.pictures import pictures
from pipeline.model.window import contexts, within_window
from pipeline.planning.plan import NO_LOGIC, Metric, Plan
from pipeline.planning.planning import unplanned
from pipeline.proving import documents
from pipeline.proving.conformance import conforming_again
from pipeline.proving.report import carried_over, execution_report
from pipeline.proving.rereading import NOT_REREAD, Reread, reread
from pipeline.reading.paper import Paper
from pipeline.record import Record
from pipeline.reproduce import Options
from pipeline.running.fixing import Fixer, error_signature, new_findings, reached
from pipeline.running.patches import check_change
from pipeline.running.workbench import Workbench
from pipeline.untrusted import Unreadable, of_json

_SCHEMA = Path(__file__).parent / "proving/execution-report.schema.json"
_PLANNED = ("overview", "architecture", "logic")
_EXPERIMENT = re.compile(r"""\bExperiment\(\s*(?:name=)?["'](\w+)["']""")
_VERDICT = re.compile(r"R(\d{1,3})\W{0,3}(done|open)\W{0,4}:?")
_AROUND = 12
"""Lines shown before and after those that a request was made at."""


@dataclass(frozen=True)
class Asked:
    """What a person asks for, and where."""

    request: str
    thread: str = ""
    """What was said before, by whoever took part in the conversation."""
    path: str = ""
    """The file that it was asked at; empty: nowhere in particular."""
    lines: tuple[int, int] | None = None
    """First and last line of the place, as the repository stands; None where it has moved since."""
    hunk: str = ""
    """The place as the person saw it, in a diff."""
    remarks: tuple["Asked", ...] = ()
    """What it consists of, where these are several; each has words, a place and what was said before."""


@dataclass(frozen=True)
class Proposal:
    """What the model makes of a request, before anything ran."""

    files: dict[str, str]
    answer: str
    """The model's words to the person."""


class Line(BaseModel):
    """A line of a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    text: str = Field(min_length=1, description="The line as it stands there")


class Answered(BaseModel):
    """An answer to a question, and the places that show it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    answer: str
    anchors: tuple[str, ...] = Field(default=(), description="Of the paper: S3.2, Eq4, Tab2")
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Revision:
    """What came of it."""

    files: dict[str, str]
    """The repository as changed; without `documents`, so that it can be merged."""
    documents: dict[str, str]
    """Report and README brought up to date: to be written over what stands in `files`."""
    answer: str
    remedies: tuple[str, ...]
    """What had to be repaired after the request was carried out."""
    failure: str
    """How the repository fails; empty: it does not, or was not run."""
    status: Literal["runs", "fails", "not-run"]
    ran_before: bool | None
    """Whether the repository ran before the change; None: nobody had to know."""
    worse: bool
    """It fails, and comes less far than before the change: not to be delivered."""
    report: dict[str, Any]
    changed: tuple[str, ...]
    """Paths, sorted."""
    lost: tuple[str, ...]
    """Metrics that were reported before and no longer are, where it runs."""
    calls: int
    """Of the model, for this revision."""
    usd: float | None
    """What they cost; None: unknown."""


@dataclass
class Reviser:
    """Carries requests out on one state of a repository."""

    before: Repository
    paper: Paper
    llm: LLM
    bench: Workbench | None
    """None: nothing can be run."""
    record: Record
    options: Options

    def propose(self, asked: Asked) -> Proposal:
        """Have the model change the repository; the same files where it says that nothing should be.

        Raises AnswerInvalid where it brings nothing that can be accepted, and what the model's client raises.
        """
        task = render(
            "revision",
            request=_request(asked, self.before),
            place="" if asked.remarks else _place(asked, self.before),
            thread=block("conversation", asked.thread) if asked.thread else "",
            metrics=", ".join(self._metrics),
            contract=self._contract,
            edit_format=render("edit_format"),
        )
        if asked.remarks:
            task = f"{task}\n\n{render('remarks', count=len(asked.remarks))}"

        def ask(paper: Context) -> Proposal:
            return ask_until(self.llm, self._with_code(paper), "revise.1", task, self._read)

        with self.record.stage("code"):
            try:
                return within_window(self.paper, self.record.keep, ask)
            except AnswerInvalid as error:
                why = str(error).partition("The last findings: ")[2] or str(error)
                hint = "Ask in other words, or for less at a time."
                raise AnswerInvalid(
                    f"None of the model's answers could be accepted: {why}", hint, error.refused
                ) from error

    def prove(self, proposal: Proposal) -> Revision:
        """Run what is proposed, mend it until it runs, and bring its report up to date.

        Raises SandboxError and what the model's client raises.
        """
        repository, promised = Repository(proposal.files), self._still_promised(proposal)
        plan = _plan(self.paper, promised, self._contract)
        execution = fixer = ran_before = None
        failure, worse = "", False
        tests = conforming_again(self._report.get("tests"), self.before, ())
        if self.bench is None:
            self.record.skip("run", "there is no sandbox")
        else:
            run, options = self.bench.runner(promised), self.options
            context = self._planned(self._shown())
            tell = self.record.advanced, self.record.found
            fixer = Fixer(plan, {}, context, self.llm, run, options.max_fixes, options.limits, *tell)
            with self.record.stage("run"):
                repository, execution = fixer.fix(repository)
                if execution.ok:
                    exact = fixer.pinned(repository)
                    if (again := fixer.executed_as(exact)).ok:
                        repository, execution = exact, again
                if execution.failure:
                    failure, earlier = error_signature(execution.failure, repository), run(self.before)
                    ran_before, worse = earlier.ok, reached(execution) < reached(earlier)
                else:
                    # They bind no person: what they say is told, and nothing is mended.
                    self.record.advanced("the tests that were written from the paper")
                    phases = self.bench.tests(repository)
                    tests = conforming_again(self._report.get("tests"), repository, phases)
        read = self._reread(repository, runs=bool(execution and execution.ok))
        report = execution_report(
            method=self._report.get("method"),
            shares=self.llm.shares,
            execution=execution,
            attempts=fixer.attempts if fixer else (),
            repository=repository,
            written=Repository(proposal.files),
            seconds={**self.record.seconds, "total": sum(self.record.seconds.values())},
        )
        report = carried_over(
            self._report, report | {"tests": tests}, self.before, repository, execution, read
        )
        return Revision(
            files=dict(repository.files),
            documents=documents.revised_documents(self.before.files, report) if self._report else {},
            answer=proposal.answer,
            remedies=tuple(c.remedy.removeprefix("model: ") for c in fixer.changes) if fixer else (),
            failure=failure,
            status=report["status"],
            ran_before=ran_before,
            worse=worse,
            report=report,
            changed=edits.changed(self.before, repository),
            lost=tuple(sorted({*self._metrics} - {*execution.metrics})) if execution and execution.ok else (),
            calls=self.llm.usage.calls,
            usd=self.llm.usage.usd,
        )

    def _reread(self, repository: Repository, *, runs: bool) -> Reread:
        """The second look of whoever reviewed it first, at what was changed and runs."""
        if not self._report or not runs or repository == self.before:
            return NOT_REREAD
        with self.record.stage("audit"):
            return reread(self._report, self.paper, self.llm, self.before, repository, self.options.judge)

    @cached_property
    def _report(self) -> dict[str, Any]:
        """The report in the repository; empty where people made something else of it."""
        try:
            report: dict[str, Any] = of_json(self.before.files.get(documents.EXECUTION, ""))
            jsonschema.validate(report, json.loads(_SCHEMA.read_text()))
        except (Unreadable, jsonschema.ValidationError):
            return {}
        return report

    @property
    def _contract(self) -> Contract:
        return contract_of(self.before.files)

    @property
    def _metrics(self) -> list[str]:
        return list(self._report.get("metrics", {}))

    def _still_promised(self, proposal: Proposal) -> list[str]:
        """Metrics that the code names, or whose experiment it names: the harness puts the names together.

        By contract 1, one whose name is put together as it runs may go with what it was of.
        """
        sources = "\n".join(Repository(proposal.files).python_files().values())
        if self._contract == 1:
            return [name for name in self._metrics if name in sources]
        left = tuple(f"{name}_" for name in _EXPERIMENT.findall(sources))
        return [name for name in self._metrics if name.startswith(left)]

    def _shown(self) -> Context:
        """The paper as it was shown to the model before, else the whole of it."""
        kept = self.record.out / "paper.md"
        if kept.exists():
            context = Context(render("system"), pictures=pictures(self.paper))
            return context.extended("paper", kept.read_text(encoding="utf-8"))
        return next(contexts(self.paper, self.record.keep))

    def _planned(self, context: Context) -> Context:
        """Paper and plan, as every prompt of the repository's own run began."""
        for part in _PLANNED:
            if planned := self.before.files.get(f"docs/plan/{part}.md"):
                context = context.extended(part, planned)
        return context

    def _with_code(self, paper: Context) -> Context:
        context = self._planned(paper)
        for path, source in sorted(self.before.files.items()):
            if not path.startswith("docs/") and not is_known(path, source):
                context = context.extended("code", source, path=path)
        return context

    def answer(self, asked: Asked) -> Answered:
        """What the paper and the code say to a question; nothing is changed. Raises as `propose` does."""
        task = render(
            "question",
            request=block("request", asked.request),
            place=_place(asked, self.before),
            thread=block("conversation", asked.thread) if asked.thread else "",
        )

        def ask_it(paper: Context) -> Answered:
            return ask(self.llm, self._with_code(paper), "ask.1", task, Answered, self._misplaced)

        with self.record.stage("code"):
            return within_window(self.paper, self.record.keep, ask_it)

    def _misplaced(self, answered: Answered) -> list[str]:
        """Places that do not exist."""
        known, files = set(self.paper.anchors), self.before.files
        found = [f"there is no anchor {name} in the paper" for name in answered.anchors if name not in known]
        for place in answered.lines:
            text = files.get(place.file)
            if text is None or place.text.strip() not in text:
                found.append(f"{place.file} has no line {place.text!r}")
        if not answered.anchors and not answered.lines:
            found.append("name at least one place: an anchor of the paper, or a line of a file")
        return found

    def _read(self, answer: str) -> Proposal:
        if answer.strip().startswith("NO CHANGE:"):
            return Proposal(dict(self.before.files), answer.strip().removeprefix("NO CHANGE:").strip())
        try:
            parsed = edits.parse(answer)
            after = edits.apply(self.before, parsed)
        except edits.EditError as error:
            raise Unfit([str(error)]) from error
        plan = _plan(self.paper, self._metrics, self._contract)
        if objections := check_change(self.before, after, self._metrics) + new_findings(
            self.before, after, plan
        ):
            raise Unfit(objections)
        return Proposal(dict(after.files), _said(answer, parsed[0].path))


def _plan(paper: Paper, metrics: Sequence[str], contract: Contract) -> Plan:
    """What is known of the plan: the names of the metrics."""
    named = tuple(Metric(name=name, meaning="") for name in metrics)
    return unplanned(paper, contract).model_copy(
        update={"logic": NO_LOGIC.model_copy(update={"metrics": named})}
    )


def _request(asked: Asked, repository: Repository) -> str:
    """The words; of several remarks each with its place and what was said before it."""
    if not asked.remarks:
        return block("request", asked.request)
    parts = []
    for number, each in enumerate(asked.remarks, 1):
        said = block("conversation", each.thread) if each.thread else ""
        parts += [block("remark", each.request, number=f"R{number}"), _place(each, repository), said]
    return "\n\n".join(part for part in parts if part)


def verdicts(answer: str) -> dict[int, tuple[bool, str]]:
    """Of an answer to several remarks: number → whether it is done, and the words to whoever wrote it."""
    found, number = dict[int, tuple[bool, str]](), 0
    for line in answer.splitlines():
        match = _VERDICT.match(line.strip().lstrip("-*` "))
        if match:
            number = int(match[1])
            found[number] = (match[2] == "done", line.strip().lstrip("-*` ")[match.end() :].strip("`* "))
        elif number and line.strip():
            done, words = found[number]
            found[number] = (done, f"{words} {line.strip()}".strip())
        else:
            number = 0
    return found


def _place(asked: Asked, repository: Repository) -> str:
    """The lines around the place of the request, or the diff that it was made at."""
    source = repository.files.get(asked.path)
    if source is None or asked.lines is None:
        return block("diff", asked.hunk, path=asked.path) if asked.hunk else ""
    first, last = asked.lines
    shown = enumerate(source.splitlines()[: last + _AROUND], 1)
    marked = [
        f"{'>' if first <= number <= last else ' '} {line}"
        for number, line in shown
        if number >= first - _AROUND
    ]
    return block("place", "\n".join(marked), path=asked.path)


def _said(answer: str, path: str) -> str:
    """What stands above the first edit, which is of `path`."""
    lines = takewhile(lambda line: not (path in line and len(line.split()) <= 3), answer.strip().splitlines())
    return "\n".join(lines).strip()
