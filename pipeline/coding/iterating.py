"""Iterating: an agent that writes, runs and edits step by step, without a plan: the rival that users know.

Each answer of the model is one action; what came of it is shown with the next question. Knows no sandbox:
what can be run is given to it. Source: IterativeAgent of PaperBench (arXiv 2504.01848), section 5.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import Field

from pipeline import markdown
from pipeline.coding import edits
from pipeline.coding.given import GIVEN, given
from pipeline.coding.repository import RefusedPath, Repository
from pipeline.errors import AnswerInvalid, BudgetReached, ContextOverflow
from pipeline.model.asking import ASKED_AGAIN, Context, Unfit, block, bullets, parsed, render
from pipeline.model.llm import LLM, Completion
from pipeline.planning.plan import NO_LOGIC, Answer

SHOWN = 12_000
"""Characters shown of what an action came to; of a longer text the middle is left out."""

KEPT = 1_000
"""Characters of the same that the log keeps."""

_GIVEN = {"requirements.txt": "", **given(NO_LOGIC)}
"""Part of every repository; what is not the same in all of them may be replaced."""


class TextFile(Answer):
    """A file in full."""

    path: str
    text: str


class Write(Answer):
    """Make files, or replace them."""

    kind: Literal["write"]
    files: tuple[TextFile, ...]


class Edit(Answer):
    """Change places in files."""

    kind: Literal["edit"]
    edits: str = Field(description="SEARCH/REPLACE blocks, each below the path of its file")


class Delete(Answer):
    """Remove files."""

    kind: Literal["delete"]
    paths: tuple[str, ...]


class Read(Answer):
    """Look at a file of the repository."""

    kind: Literal["read"]
    path: str
    line: int = Field(default=1, description="Where to begin, 1-based")


class Run(Answer):
    """Run the repository as it will be judged."""

    kind: Literal["run"]


class Shell(Answer):
    """Run a command beside a copy of the repository."""

    kind: Literal["shell"]
    command: str


class Submit(Answer):
    """End the work."""

    kind: Literal["submit"]
    summary: str = Field(description="What was implemented, what was assumed, what is missing")


class Step(Answer):
    """One answer of the model."""

    thought: str = Field(description="What is known now and what this step is for, in one to three sentences")
    action: Write | Edit | Delete | Read | Run | Shell | Submit = Field(discriminator="kind")


@dataclass(frozen=True)
class Outcome:
    """What an action came to."""

    text: str
    mark: str = ""
    """What makes it the same as another one, where the text holds timings and the like."""
    ok: bool = True


@dataclass(frozen=True)
class Tools:
    """What can be done with a repository in a sandbox. Both raise SandboxError."""

    run: Callable[[Repository, str], Outcome]
    """The smoke run; the text says why the repository was changed since the last one."""
    shell: Callable[[Repository, str], Outcome]
    """One command; what it writes is lost."""
    limits: str
    """Of the smoke run, in words."""
    shell_limits: str


@dataclass(frozen=True)
class Worked:
    """What the agent leaves behind."""

    repository: Repository
    ending: str
    """Why it ended, in a sentence or two."""
    log: str
    """Every step and what it came to, as Markdown."""


@dataclass
class Agent:
    """Asks for one step after the other; the conversation only grows, so that prefix caches hit."""

    llm: LLM
    contexts: Iterator[Context]
    """With the paper: whole in the first, shorter in each that follows."""
    tools: Tools | None
    max_steps: int
    advanced: Callable[[str], None]
    repository: Repository = field(default_factory=lambda: Repository(_GIVEN))
    _past: list[str] = field(default_factory=list, init=False)
    _log: list[str] = field(default_factory=list, init=False)
    _identity: str = field(default="", init=False)
    _changed: str = field(default="", init=False)
    """Thought behind the last change."""
    _proven: Repository | None = field(default=None, init=False)
    """The last state that ran."""
    _insisted: bool = field(default=False, init=False)
    """The last step was a submission that was not accepted."""

    def work(self) -> Worked:
        """Until it submits, or the steps or the budget are used up.

        Raises SandboxError and what the model's client raises; BudgetReached and AnswerInvalid only where
        nothing was written.
        """
        try:
            ending = self._steps(self._instructed(next(self.contexts)))
        except (BudgetReached, AnswerInvalid) as error:
            if self.repository.files == _GIVEN:
                raise
            ending = f"Not submitted. {error}"
        log = "\n".join([f"# Steps of the agent\n\n{markdown.prose(ending)}\n", *self._log])
        return Worked(Repository({**_GIVEN, **self.repository.files}), ending, log)

    def _steps(self, context: Context) -> str:
        """Why they ended."""
        unfit: list[Completion] = []
        for number in range(1, self.max_steps + 1):
            context, answer = self._ask(number, context)
            try:
                step = parsed(answer.text, Step)
            except Unfit as error:
                unfit.append(answer)
                if len(unfit) > ASKED_AGAIN:
                    raise AnswerInvalid(
                        f"The model's last {len(unfit)} answers were no actions, up to step {number}: {error}",
                        "Go on with another model: these steps are asked for anew.",
                        {given.key: given.stage for given in unfit},
                    ) from error
                outcome = Outcome(f"This was not an action:\n{bullets(error.findings)}")
                self._remember(number, answer.text, "no action", outcome)
                continue
            unfit.clear()
            outcome = self._act(step)
            self._remember(number, answer.text, f"{_told(step)}: {step.thought}", outcome)
            if isinstance(step.action, Submit) and outcome.ok:
                return f"Submitted in step {number}. {step.action.summary}"
        return f"Not submitted: all {self.max_steps} steps are used up."

    def _instructed(self, context: Context) -> Context:
        rules = render("iterate", tools=self.tools, steps=self.max_steps, edit_format=render("edit_format"))
        return replace(context, system=f"{context.system}\n\n{rules}")

    def _ask(self, number: int, context: Context) -> tuple[Context, Completion]:
        """The answer; where the question is longer than the model can read, the older half is forgotten."""
        while True:
            files = [
                f"{path} ({len(text.splitlines())} lines)" for path, text in self.repository.files.items()
            ]
            now = render("iterate_next", number=number, steps=self.max_steps, files=", ".join(sorted(files)))
            task = "\n\n".join([*self._past, now])
            prompt = context.prompt(f"iterate.{number}", task, Step, f"step {self._identity}")
            try:
                return context, self.llm.complete(prompt)
            except ContextOverflow:
                if len(self._past) > 1:
                    self._past = [
                        "(Earlier steps are left out here.)",
                        *self._past[len(self._past) // 2 + 1 :],
                    ]
                elif shorter := next(self.contexts, None):
                    context = self._instructed(shorter)
                else:
                    raise

    def _remember(self, number: int, answer: str, told: str, outcome: Outcome) -> None:
        shown = _middle_out(outcome.text, SHOWN)
        said = f"## Step {number}\n\n{block('answer', answer)}\n\n{block('result', shown)}"
        self._past.append(said)
        digest = hashlib.sha256(f"{self._identity}\0{answer}\0{outcome.mark or shown}".encode())
        self._identity = digest.hexdigest()
        self._log.append(f"{number}. {markdown.prose(told)}\n\n{markdown.block(_middle_out(shown, KEPT))}\n")
        self.advanced(f"step {number}: {told}"[:100])

    def _act(self, step: Step) -> Outcome:
        action, insisted = step.action, self._insisted
        self._insisted = False
        match action:
            case Write():
                return self._change(step.thought, lambda: _with_files(self.repository, action.files))
            case Edit():
                return self._change(
                    step.thought, lambda: edits.apply(self.repository, edits.parse(action.edits))
                )
            case Delete():
                return self._change(step.thought, lambda: _without(self.repository, action.paths))
            case Read():
                text = self.repository.files.get(action.path)
                return Outcome(
                    f"There is no file {action.path}." if text is None else _from(action.line, text)
                )
            case Submit():
                if self.tools is None or self._proven == self.repository or insisted:
                    return Outcome("Submitted.")
                self._insisted = True
                return Outcome(
                    "Not accepted: the repository as it stands now has not been seen to run well. If that cannot "
                    "be helped, submit again.",
                    ok=False,
                )
        if self.tools is None:
            return Outcome("Nothing can be run: there is no sandbox.")
        if isinstance(action, Shell):
            return self.tools.shell(self.repository, action.command)
        outcome = self.tools.run(self.repository, self._changed)
        self._proven = self.repository if outcome.ok else None
        return outcome

    def _change(self, why: str, change: Callable[[], Repository]) -> Outcome:
        try:
            after = change()
        except (edits.EditError, RefusedPath) as error:
            return Outcome(f"Refused, nothing was changed: {error}")
        paths = edits.changed(self.repository, after)
        if kept := [path for path in paths if path == "README.md" or path.startswith("docs/")]:
            return Outcome(f"Refused, nothing was changed: a program writes {', '.join(kept)} at the end.")
        if kept := [path for path in paths if path in GIVEN]:
            return Outcome(
                f"Refused, nothing was changed: {', '.join(kept)} is the same in every repository."
            )
        self.repository, self._changed = after, why
        return Outcome(f"Changed: {', '.join(paths)}." if paths else "Nothing has changed by it.")


def _with_files(repository: Repository, files: Sequence[TextFile]) -> Repository:
    return Repository({**repository.files, **{file.path: file.text for file in files}})


def _without(repository: Repository, paths: Sequence[str]) -> Repository:
    if unknown := [path for path in paths if path not in repository.files]:
        raise RefusedPath(f"there is no {', '.join(unknown)}")
    return Repository({path: text for path, text in repository.files.items() if path not in paths})


def _told(step: Step) -> str:
    match step.action:
        case Write(files=files):
            what = ", ".join(file.path for file in files)
        case Delete(paths=paths):
            what = ", ".join(paths)
        case Read(path=what) | Shell(command=what):
            pass
        case _:
            what = ""
    return f"{step.action.kind} {what}".strip()


def _from(first: int, text: str) -> str:
    """The text from a line on, as much as is shown of anything; then where to go on."""
    lines = text.split("\n")[max(first, 1) - 1 :]
    ends = itertools.accumulate(len(line) + 1 for line in lines)
    fitting = sum(1 for end in ends if end <= SHOWN - 100)
    if fitting == len(lines) or not fitting:
        return "\n".join(lines)
    return "\n".join([*lines[:fitting], f"… and more from line {max(first, 1) + fitting} on."])


def _middle_out(text: str, most: int) -> str:
    """The text, or its beginning and its longer end."""
    if len(text) <= most:
        return text
    return f"{text[: most // 4]}\n… {len(text) - most:,} characters left out …\n{text[-most * 3 // 4 :]}"
