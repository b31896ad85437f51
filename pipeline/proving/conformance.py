"""Tests written from the paper, run against the code: disagreements are settled, what cannot be is said.

The wrong side is mended and everything runs again. A program alone marks a test as one that is known to fail: it
stays where it is, with both readings in the report.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.coding.checks.tested import (
    Case,
    cases,
    expected_to_fail,
    files_of_tests,
    misfits,
    targets,
    without,
)
from pipeline.coding.repository import Repository
from pipeline.contract import DEVELOPMENT, TESTS
from pipeline.proving.arbiter import Arbiter, Ruling
from pipeline.proving.authoring import GIVES_UP, Author, Suite
from pipeline.running.fixing import Fixer
from pipeline.running.probing import Mutant, Probed, blamed
from sandbox.report import ExecutionReport, PhaseResult

ENOUGH = 0.8
"""Of the faults that are put into the code, so many shall be noticed."""
ROUNDS = 6
"""Executions at most."""
_RULED = tuple(name for name in Ruling.model_fields if name != "test")
_BLIND = "It passes whatever function of the repository does nothing but raise: it tests nothing of it."


@dataclass(frozen=True)
class Dispute:
    """A disagreement that stayed."""

    test: str
    outcome: Literal["disputed", "failed"]
    """`failed`: the code is wrong by the ruling, and could not be mended."""
    ruling: Ruling | None
    """None: there was nobody to decide."""
    note: str
    """Why it stayed."""


@dataclass(frozen=True)
class Conformed:
    """What the tests made of a repository."""

    repository: Repository
    """With the tests."""
    untested: Mapping[str, str] = field(default_factory=dict)
    partly: Mapping[str, str] = field(default_factory=dict)
    """Requirement → what of it is not tested, and why."""
    disputes: tuple[Dispute, ...] = ()
    settled: tuple[str, ...] = ()
    """A line for each disagreement that was settled."""
    sharpened: bool = False
    """Whether their author has seen lines of the code: those of faults that no test had noticed."""


@dataclass
class Conformance:
    """Has tests run and disagreements settled. Raises SandboxError and what the model's client raises."""

    author: Author
    arbiter: Arbiter
    fixer: Fixer
    repository: Repository
    """As it stands; with what runs, to begin with."""
    sharpens: bool = True
    """Whether tests that notice too little go back once."""
    untested: dict[str, str] = field(default_factory=dict)
    disputes: list[Dispute] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    _rulings: dict[str, Ruling] = field(default_factory=dict, init=False)
    _objections: dict[str, str] = field(default_factory=dict, init=False)
    """Of a test's author to the last ruling on it."""
    _corrected: set[str] = field(default_factory=set, init=False)
    _sharpened: bool = field(default=False, init=False)

    def settle(self, suite: Suite) -> Conformed:
        """The repository with its tests, after disagreements are settled or known to stay."""
        self.untested |= suite.untested
        if suite.files:
            runs = self.fixer.executed_as(self.repository).ok
            self._add(suite)
            if not runs:
                # Delivered as they were paid for; nobody has seen them run.
                return Conformed(self.repository, self.untested, suite.partly)
            self._fit()
            for number in range(1, ROUNDS + 1):
                if not files_of_tests(self.repository.files) or self._round(number, last=number == ROUNDS):
                    break
        told = tuple(self.disputes), tuple(self.settled)
        return Conformed(self.repository, self.untested, suite.partly, *told, sharpened=self._sharpened)

    def _add(self, suite: Suite) -> None:
        needed = "-r requirements.txt\npytest\n"
        self.repository = Repository({**self.repository.files, **suite.files, DEVELOPMENT: needed})

    def _fit(self) -> None:
        """Code that is not what the plan promises goes back, without asking who is wrong."""
        if found := misfits(self.repository.files):
            problems = [f"{self._about(path)}: {problem}" for path, each in found.items() for problem in each]
            report = self.fixer.executed_as(self._without_tests())
            self._mend(blamed(report, {}, problems))
        for path, unfit in misfits(self.repository.files).items():
            self._drop(path, " ".join(unfit))

    def _round(self, number: int, *, last: bool) -> bool:
        """One execution and what follows from it; whether nothing is left to do."""
        before = self.repository
        execution = self.fixer.executed_as(before, "with the tests from the paper")
        probed = Probed.of(execution.phases)
        if probed is None:
            self._stopped(execution)
            return bool(execution.unproven) or not files_of_tests(self.repository.files)
        known = {case.id: case for case in cases(before.files)}
        wrong = {name: why for name, why in probed.failures.items() if name not in known}
        wrong |= dict.fromkeys(probed.blind, _BLIND)
        failures = {known[name]: why for name, why in probed.failures.items() if name in known}
        self.fixer.found("tests", f"{len(known) - len(failures)} of {len(known)} pass")
        if failures:
            wrong |= self._settled(failures, execution, number, last=last)
        if last:
            for name, why in wrong.items():
                self._drop(name, why)
        elif wrong:
            self._correct(wrong, f"tests.again.{number}")
        if failures or wrong:
            return False
        return not self._sharpen(probed, number)

    def _settled(
        self, failures: Mapping[Case, str], execution: ExecutionReport, number: int, *, last: bool
    ) -> dict[str, str]:
        """Have it decided who is wrong, and the code mended; what is asked of tests comes back, test → why."""
        try:
            earlier = self._rulings, self._objections
            rulings = self.arbiter.rule(failures, *earlier, self.repository, f"arbiter.{number}")
        except GIVES_UP as error:
            for case in failures:
                self._mark(case.id, "disputed", f"Nobody has decided: {error}")
            return {}
        return self._followed(failures, rulings, execution, last=last)

    def _followed(
        self,
        failures: Mapping[Case, str],
        rulings: Mapping[str, Ruling],
        execution: ExecutionReport,
        *,
        last: bool,
    ) -> dict[str, str]:
        """What the rulings ask of the code is done; what they ask of tests comes back, test → why."""
        code, tests = dict[str, str](), dict[str, str]()
        for case, failure in failures.items():
            ruling, earlier = rulings[case.id], self._rulings.get(case.id)
            self._rulings[case.id] = ruling
            objection = self._objections.pop(case.id, "")
            if ruling.wrong == "paper":
                self._mark(case.id, "disputed", ruling.why)
            elif (earlier and earlier.wrong == ruling.wrong) or last:
                note = "What was changed because of that ruling did not settle it."
                self._mark(case.id, "disputed", f"Its author objects: {objection}" if objection else note)
            elif ruling.wrong == "code":
                code[case.id] = failure
            else:
                tests[case.id] = f"{ruling.why} The paper: “{ruling.quote}”"
        if code and not self._mended(code, execution):
            for name in code:
                self._mark(name, "failed", "The code could not be mended.")
        self.settled += [
            f"{name}, code: {self._rulings[name].why}" for name in code if not self._is_marked(name)
        ]
        return tests

    def _mended(self, code: Mapping[str, str], execution: ExecutionReport) -> bool:
        problems = [
            f"{self._about(name.partition('::')[0])}. `{name.partition('::')[2]}`: {self._rulings[name].why} "
            f"The paper says: “{self._rulings[name].quote}”"
            for name in code
        ]
        return self._mend(blamed(execution, code, problems))

    def _about(self, path: str) -> str:
        """What a file of tests tests: files that are named so are shown whole to whoever mends."""
        files = dict(self.repository.files)
        others = {other: text for other, text in files.items() if not other.startswith(TESTS)}
        tested = ", ".join(f"`{other}`" for other in targets({**others, path: files[path]}))
        return f"`{path}` tests {tested or 'nothing'}"

    def _mend(self, execution: ExecutionReport) -> bool:
        """Whether the code was changed as the model proposes, and still runs as it did."""
        try:
            change = self.fixer.proposed(self.repository, execution)
        except GIVES_UP:
            return False
        if change is None or self.fixer.broken_by(change, self.repository, despite="tests"):
            return False
        self.repository = change.repository
        return True

    def _correct(self, wrong: Mapping[str, str], stage: str) -> None:
        """Tests that are wrong go back to their author once for each reason that a program sees."""
        for name in [name for name in wrong if name in self._corrected and name not in self._rulings]:
            self._drop(name, wrong[name])
        asked = {name: why for name, why in wrong.items() if self._stands(name)}
        self._corrected |= asked.keys()
        if not asked:
            return
        try:
            tests = files_of_tests(self.repository.files)
            judged = self._rulings.keys() & asked.keys()
            changed, objections = self.author.corrected(tests, asked, judged, stage)
        except GIVES_UP as error:
            for name, why in asked.items():
                if name in self._rulings:
                    self._mark(name, "disputed", f"Its author has not corrected it: {error}")
                else:
                    self._drop(name, why)
            return
        self.repository = Repository({**self.repository.files, **changed})
        self._objections |= objections
        self.settled += [f"{name}, test: {why}" for name, why in asked.items() if name not in objections]

    def _sharpen(self, probed: Probed, number: int) -> bool:
        """Whether the tests were changed because they notice too little; asked for once."""
        killed = len(probed.mutants) - len(probed.survivors)
        if (
            not self.sharpens
            or self._sharpened
            or not probed.mutants
            or killed >= ENOUGH * len(probed.mutants)
        ):
            return False
        self._sharpened = True
        survivors = [self._told(mutant) for mutant in probed.survivors]
        files = files_of_tests(self.repository.files)
        try:
            changed = self.author.sharpened(files, survivors, f"tests.sharper.{number}")
        except GIVES_UP:
            return False
        self.repository = Repository({**self.repository.files, **changed})
        return changed != files

    def _told(self, mutant: Mutant) -> str:
        path, _, symbol = mutant.symbol.partition("::")
        line = self.repository.files[path].split("\n")[mutant.line - 1].strip()
        return f"`{symbol}` of `{path}`, {mutant.what} at `{line}`"

    def _stopped(self, execution: ExecutionReport) -> None:
        """An execution that knows nothing of tests: they did not end, or the code did not come so far."""
        if execution.unproven:
            return
        said = execution.phases[-1]
        why = " ".join(said.problems) or "The code did not come so far as the tests."
        for path in files_of_tests(self.repository.files):
            self._drop(path, why)

    def _mark(self, name: str, outcome: Literal["disputed", "failed"], note: str) -> None:
        path, _, test = name.partition("::")
        text = expected_to_fail(self.repository.files[path], test, f"{outcome}: {note}")
        self.repository = self.repository.with_file(path, text)
        self.disputes.append(Dispute(name, outcome, self._rulings.get(name), note))

    def _is_marked(self, name: str) -> bool:
        return any(dispute.test == name for dispute in self.disputes)

    def _stands(self, name: str) -> bool:
        path, _, test = name.partition("::")
        if not test:
            return path in self.repository.files
        return any(case.id == name for case in cases(self.repository.files))

    def _drop(self, name: str, why: str) -> None:
        """Take a test or a file of them away; requirements that nothing tests any more are said to be untested."""
        path, _, test = name.partition("::")
        gone = [case for case in cases(self.repository.files) if name in (case.id, path)]
        gone = (
            gone
            if test
            else [case for case in cases(self.repository.files) if case.id.startswith(f"{path}::")]
        )
        text = without(self.repository.files[path], [test]) if test else ""
        without_it = self.repository.without_file(path)
        self.repository = without_it.with_file(path, text) if text else without_it
        left = {id_ for case in cases(self.repository.files) for id_ in case.requirements}
        self.untested |= {
            id_: f"Its test was taken away: {why}"
            for case in gone
            for id_ in case.requirements
            if id_ not in left
        }
        if not files_of_tests(self.repository.files):
            self.repository = self._without_tests()

    def _without_tests(self) -> Repository:
        kept = {
            path: text
            for path, text in self.repository.files.items()
            if path not in files_of_tests(self.repository.files) and path != DEVELOPMENT
        }
        return Repository(kept)


def conformity(
    conformed: Conformed, repository: Repository, phases: Iterable[PhaseResult]
) -> dict[str, Any] | None:
    """`tests` of the report on `repository`, which may have changed since and has come through `phases`.

    None where there are neither tests nor requirements that lack one.
    """
    all_, probed = cases(repository.files), Probed.of(phases)
    if not all_ and not conformed.untested:
        return None
    outcomes = {case: _outcome(case, probed) for case in all_}
    counted = {
        name: sum(each == name for each in outcomes.values()) for name in ("passed", "failed", "disputed")
    }
    mutants = probed.mutants if probed else ()
    tested = {id_ for case in all_ for id_ in case.requirements}
    return {
        "total": len(all_),
        **counted,
        "mutants": len(mutants),
        "killed": sum(mutant.killed for mutant in mutants),
        "untried": probed.untried if probed else 0,
        "sharpened": conformed.sharpened,
        "items": [
            {"id": case.id, "requirements": list(case.requirements), "outcome": outcome}
            for case, outcome in outcomes.items()
        ],
        "survivors": [
            {"symbol": mutant.symbol, "line": mutant.line, "what": mutant.what}
            for mutant in (probed.survivors if probed else ())
        ],
        "disputes": [_told(dispute) for dispute in conformed.disputes],
        "settled": list(conformed.settled),
        "untested": [
            {"requirement": id_, "why": why} for id_, why in conformed.untested.items() if id_ not in tested
        ],
        "partly": [
            {"requirement": id_, "why": why} for id_, why in conformed.partly.items() if id_ in tested
        ],
    }


def conforming_again(
    old: Mapping[str, Any] | None, repository: Repository, phases: Iterable[PhaseResult]
) -> dict[str, Any] | None:
    """`tests` of a report, made anew by `phases` of what the repository has become: where its tests were run.

    A disagreement stays as it was settled, or open for as long as its test does not pass.
    """
    phases = tuple(phases)
    if not old or Probed.of(phases) is None:
        return {**old, "earlier": True} if old else None
    untested, partly = (
        {each["requirement"]: each["why"] for each in old.get(kind, ())} for kind in ("untested", "partly")
    )
    told = conformity(Conformed(repository, untested, partly), repository, phases)
    open_ = {item["id"] for item in told["items"] if item["outcome"] != "passed"} if told else set()
    disputes = [dispute for dispute in old["disputes"] if dispute["test"] in open_]
    return told and {**told, "disputes": disputes, "settled": old["settled"]}


def _outcome(case: Case, probed: Probed | None) -> Literal["passed", "failed", "disputed", "not-run"]:
    said = probed.outcomes.get(case.id) if probed else None
    if said is None:
        return "not-run"
    if not said:
        return "passed"
    return "disputed" if case.expected.startswith("disputed") else "failed"


def _told(dispute: Dispute) -> dict[str, Any]:
    said = dispute.ruling.model_dump(exclude={"test"}) if dispute.ruling else dict.fromkeys(_RULED)
    return {"test": dispute.test, "outcome": dispute.outcome, **said, "note": dispute.note}
