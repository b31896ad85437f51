"""`journal.jsonl`: one line per finished model call, so that nothing paid for is paid for twice.

Holds completions and what they cost, never prompts or keys. A journal can be resumed, and played back as a
recording.
"""

import hashlib
import itertools
import json
import logging
import os
import shutil
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.contract import Contract
from pipeline.errors import ModelUnavailable, PipelineError
from pipeline.locks import lock
from pipeline.model.llm import Prompt, Role, Usage, role_of

logger = logging.getLogger(__name__)

REFUSED = "refused"
"""A line with this `finish_reason` takes back the last answer to its question: it failed its checks for good."""


class Entry(BaseModel):
    """One line of a journal."""

    model_config = ConfigDict(frozen=True)

    stage: str
    key: str = ""
    """What was asked; see `key_of`."""
    model: str = ""
    completion: str | None
    """None: the call was paid for and failed; `finish_reason` says how."""
    usage: Usage
    seconds: float = 0.0
    finish_reason: str = "stop"
    created: str = ""
    contract: Contract = 1
    """What was asked for; entries that do not say are older."""
    replayed: bool = False
    """Came from a recording: nothing was paid for it in this run."""


def key_of(prompt: Prompt, model: str, effort: str | None) -> str:
    """Names a question: the same prompt to the same model with the same effort has the same key."""
    schema = prompt.answer.model_json_schema() if prompt.answer else None
    question = prompt.task if prompt.identity is None else prompt.identity
    pictures = [prompt.pictures.name] if prompt.pictures.name else []
    parts = [model, effort, prompt.system, *pictures, prompt.shared, question, schema]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def now() -> str:
    """The time of an entry: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


class Journal:
    """A journal file that one run writes, and what an earlier session left in it. Thread-safe."""

    def __init__(self, path: Path, *, resume: bool, keep: Callable[[str], None] | None = None) -> None:
        """Without `resume` a journal that is there is kept as `journal.jsonl.1`, `.2`… and a new one begun.

        `keep` puts each new line in a second place, before its call counts as finished.

        Raises PipelineError if another run writes it or the disk does not permit.
        """
        self.path = path
        self._keep = keep
        self._lock = threading.Lock()
        self._earlier: defaultdict[str, deque[Entry]] = defaultdict(deque)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Whoever gave us the folder must not choose what is written to.
            self._file = open(path, "a+b", buffering=0, opener=_no_link)  # noqa: SIM115
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            if not lock(self._file.fileno(), path):
                raise PipelineError(
                    f"Another run is writing {path}.", "Wait for it, stop it, or use another folder."
                )
        except PipelineError:
            self._file.close()
            raise
        if not resume and self._file.seek(0, os.SEEK_END):
            self._begin_anew()
        self.entries = self._read()
        """What earlier sessions of this run left."""
        for entry in _answers(self.entries):
            self._earlier[entry.key].append(entry)

    def close(self) -> None:
        """Let another run have it."""
        self._file.close()

    def earlier(self, key: str) -> Entry | None:
        """The answer that an earlier session got; each one is given out once."""
        with self._lock:
            return self._earlier[key].popleft() if self._earlier[key] else None

    def append(self, entry: Entry) -> None:
        """Write one line, whole and onto the disk, and keep it.

        Raises PipelineError, also where the file is another one by now and the only place: nobody would find what is
        paid for next.
        """
        text = entry.model_dump_json()
        line = text.encode() + b"\n"
        with self._lock:
            end = self._file.seek(0, os.SEEK_END)
            try:
                if self._file.write(line) != len(line):
                    raise OSError("the disk is full")
                os.fsync(self._file.fileno())
            except OSError as error:
                self._file.truncate(end)
                raise self._unwritable(error) from None
        if self._keep:
            self._keep(text)
        elif not self._is_there():
            raise PipelineError(
                f"The journal {self.path} was moved, removed or replaced while a run was writing it.",
                "Put its folder back where it was, then resume: what was paid for is in the file that was moved.",
            )

    def _is_there(self) -> bool:
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._file.fileno()))
        except OSError:
            return False

    def _begin_anew(self) -> None:
        numbers = (number for number in itertools.count(1) if not self._numbered(number).exists())
        kept = self._numbered(next(numbers))
        shutil.copyfile(self.path, kept)
        self._file.truncate(0)
        logger.warning("The journal of an earlier run is kept as %s.", kept)

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _read(self) -> tuple[Entry, ...]:
        self._file.seek(0)
        data = self._file.read()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            self._file.truncate(whole)
        return _entries(data, self.path)

    def _unwritable(self, error: OSError) -> PipelineError:
        why = error.strerror or str(error)
        return PipelineError(
            f"The journal {self.path} cannot be written: {why}.",
            "Make room or use another folder, then go on: finished calls are not paid for again.",
        )


class Recording:
    """A journal played back: matched by stage name, so that prompts may be reworded."""

    def __init__(self, path: Path) -> None:
        """Raises ModelUnavailable if there is nothing to play back."""
        self.path = path
        self._stages: defaultdict[str, list[Entry]] = defaultdict(list)
        hint = "--replay takes the journal.jsonl of an earlier run."
        try:
            entries = _entries(path.read_bytes(), path)
        except OSError as error:
            raise ModelUnavailable(f"The recording {path} cannot be read: {error.strerror}.", hint) from None
        for entry in _answers(entries):
            self._stages[entry.stage].append(entry)
        if not self._stages:
            raise ModelUnavailable(f"The recording {path} holds no answers.", hint)

    @property
    def model(self) -> str:
        """Who gave the answers."""
        models = {entry.model for answers in self._stages.values() for entry in answers}
        return ", ".join(sorted(models)) or "unknown"

    def answerer(self, role: Role) -> str:
        """Who gave the answers of a role; where it gave none, of all."""
        roles = {
            entry.model
            for stage, answers in self._stages.items()
            for entry in answers
            if role_of(stage) == role
        }
        return ", ".join(sorted(roles)) or self.model

    @property
    def contract(self) -> Contract:
        """Which the answers keep."""
        return min(entry.contract for answers in self._stages.values() for entry in answers)

    @property
    def tested(self) -> bool:
        """Whether somebody was asked for tests: recordings from before that hold none."""
        return any(role_of(stage) == "tester" for stage in self._stages)

    @property
    def sharpened(self) -> bool:
        """Whether the tests' author was asked to let them notice more."""
        return any(stage.startswith("tests.sharper") for stage in self._stages)

    @property
    def numbered(self) -> bool:
        """Whether the numbers that the paper reports were asked for, as with tests."""
        return "plan.numbers" in self._stages

    @property
    def answers(self) -> dict[str, list[str]]:
        """All of them, by stage."""
        return {
            stage: [entry.completion or "" for entry in answers] for stage, answers in self._stages.items()
        }

    def get(self, stage: str, n: int) -> Entry:
        """The n-th answer (from 0) to a stage. Raises ModelUnavailable if there is none."""
        answers = self._stages.get(stage, [])
        if n < len(answers):
            return answers[n]
        held = f"{len(answers)} answers to it" if answers else f"answers to {', '.join(sorted(self._stages))}"
        raise ModelUnavailable(
            f"The recording {self.path} has no answer to call {n + 1} of {stage}; it holds {held}.",
            "It is of another paper, another --method or older code: resuming does not help, run with a model.",
        )


def _answers(entries: Iterable[Entry]) -> Sequence[Entry]:
    """Those that answer: no failed calls, and nothing that was refused later."""
    standing: list[Entry] = []
    for entry in entries:
        if entry.completion is not None:
            standing.append(entry)
        elif entry.finish_reason == REFUSED:
            places = [place for place, answer in enumerate(standing) if answer.key == entry.key]
            for place in places[-1:]:
                del standing[place]
    return standing


def _entries(data: bytes, path: Path) -> tuple[Entry, ...]:
    """The lines that can be read; the others are said, not passed over in silence."""
    entries = []
    for number, line in enumerate(data.splitlines(keepends=True), 1):
        try:
            if not line.endswith(b"\n"):
                raise ValueError("the run was stopped while it wrote it")
            entries.append(Entry.model_validate_json(line))
        except ValueError as error:
            why = "it is not an entry of a journal" if isinstance(error, ValidationError) else error
            logger.warning("Line %d of %s is left out: %s. Its call will be made again.", number, path, why)
    return tuple(entries)
