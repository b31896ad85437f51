"""A recording that answers as slowly as a model and counts as its provider would, and a watch on what is open."""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.model.journal import Recording
from pipeline.model.llm import LLM, ROLES, Completion, Prompt, Role, Share, Usage, role_of


@dataclass(frozen=True)
class Call:
    """What one call consumed."""

    stage: str
    usage: Usage
    """Calls made in the order in which they were, each as soon as it could be."""
    warm: Usage
    """Had it waited for a beginning that it shares with one under way."""


class PacedLLM:
    """A recording that takes as long as a model, and counts as a provider would. Safe in threads."""

    def __init__(self, recording: Recording, first_token: float, tokens_per_second: float) -> None:
        self._recording = recording
        self._pace = first_token, tokens_per_second
        self._asked: list[str] = []
        self._cached: list[str] = []
        self._lock = threading.Lock()
        self.model = recording.model
        self.calls: list[Call] = []
        self.answered: dict[tuple[str, int], tuple[Prompt, str]] = {}
        """By stage and how often it was asked before: the question, and its answer."""

    @property
    def usage(self) -> Usage:
        """Of all calls so far."""
        with self._lock:
            return sum((call.usage for call in self.calls), Usage())

    @property
    def shares(self) -> dict[Role, Share]:
        """The same by role."""
        with self._lock:
            calls = list(self.calls)
        return {
            role: Share(
                self.model, sum((call.usage for call in calls if role_of(call.stage) == role), Usage())
            )
            for role in ROLES
        }

    def complete(self, prompt: Prompt) -> Completion:
        """The recorded answer to the stage, after the time that a model would take to write it."""
        first_token, rate = self._pace
        prefix = prompt.system + prompt.shared
        with self._lock:
            number = sum(stage == prompt.stage for stage, _ in self.answered)
            entry = self._recording.get(prompt.stage, number)
            answer = entry.completion or ""
            self.answered[prompt.stage, number] = prompt, answer
            now, warm = (_usage(prefix, prompt.task, answer, known) for known in (self._cached, self._asked))
            self._asked.append(prefix)
        time.sleep(first_token)
        with self._lock:
            self._cached.append(prefix)
        time.sleep(now.output_tokens / rate)
        with self._lock:
            self.calls.append(Call(prompt.stage, now, warm))
        seconds = first_token + now.output_tokens / rate
        return Completion(prompt.stage, answer, entry.model, now, seconds, replayed=True)


def _usage(prefix: str, task: str, answer: str, known: Sequence[str]) -> Usage:
    """What a provider counts that has the beginnings `known`."""
    cached = _cacheable(max((_common(prefix, other) for other in known), default=0))
    return Usage(
        1,
        len(prefix + task) // 4,
        cached,
        len(answer) // 4,
        estimated=True,
        written_tokens=_cacheable(len(prefix)) - cached,
    )


def _cacheable(characters: int) -> int:
    """Tokens that a provider caches of so long a beginning."""
    tokens = characters // 4 // 128 * 128
    return tokens if tokens >= 1024 else 0


class Stopwatch:
    """Passes questions on and takes the time in which any is open. Safe in threads.

    Where the same run was made before, its questions are asked: outputs of programs hold timings, and an
    endpoint knows only what it has seen.
    """

    def __init__(self, llm: LLM, before: PacedLLM | None = None) -> None:
        self._llm = llm
        self._before = before
        self._lock = threading.Lock()
        self._asked: list[str] = []
        self._open = 0
        self._since = 0.0
        self.model = llm.model
        self.seconds = 0.0
        self.most_in_flight = 0

    @property
    def usage(self) -> Usage:
        """The other's."""
        return self._llm.usage

    @property
    def shares(self) -> Mapping[Role, Share]:
        """The other's."""
        return self._llm.shares

    def complete(self, prompt: Prompt) -> Completion:
        """The other's answer."""
        with self._lock:
            number = self._asked.count(prompt.stage)
            self._asked.append(prompt.stage)
            if not self._open:
                self._since = time.monotonic()
            self._open += 1
            self.most_in_flight = max(self.most_in_flight, self._open)
        if self._before:
            prompt, _ = self._before.answered[prompt.stage, number]
        try:
            return self._llm.complete(prompt)
        finally:
            with self._lock:
                self._open -= 1
                if not self._open:
                    self.seconds += time.monotonic() - self._since


def _common(first: str, second: str) -> int:
    """Characters that two texts share at their beginning."""
    return len(os.path.commonprefix([first, second]))  # noqa: RUF071 - characters, not path components
