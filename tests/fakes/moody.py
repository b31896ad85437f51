"""A model server with moods: mostly it answers, and now and then as servers do. It knows what was paid for."""

import dataclasses
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple

from pipeline.model.protocol import CONTINUE
from tests.fakes.model import FakeModel, Reply

WHOLE: dict[str, Callable[[Reply], Reply]] = {
    "counts below zero": lambda reply: _counting(reply, prompt_tokens=-(10**9), completion_tokens=-5),
    "counts beyond all bounds": lambda reply: _counting(
        reply, prompt_tokens=10**15, completion_tokens=10**12
    ),
    "counts in fractions": lambda reply: _counting(reply, prompt_tokens=1e308, completion_tokens=1.5),
    "counts in words": lambda reply: _counting(reply, prompt_tokens="many", completion_tokens=[1]),
    "caches more than was sent": lambda reply: _counting(
        reply, prompt_tokens_details={"cached_tokens": 10**9}
    ),
    "counts nothing": lambda reply: dataclasses.replace(reply, usage=None),
    "answers whole": lambda reply: dataclasses.replace(reply, streams=False),
    "thinks aloud": lambda reply: dataclasses.replace(reply, text=f"<think>\nHm.\n</think>\n{reply.text}"),
    "thinks half characters": lambda reply: dataclasses.replace(reply, thought="Hm \ud800"),
}
"""What comes with an answer that is one."""
BROKEN = {
    "hangs up at once": Reply(drops_after=-1),
    "hangs up within": Reply("All of it would be longer than this.", drops_after=2),
    "is down": Reply(status=503, error={"message": "overloaded"}),
    "is broken": Reply(status=500, error={"message": "The server had an error"}),
    "has enough": Reply(status=429, error={"message": "Slow down"}, headers={"Retry-After": "1"}),
    "fails within": Reply(
        "All of it would be longer than this.", error={"message": "The server had an error"}
    ),
    "says nothing": Reply(""),
    "only thinks": Reply("", thought="Hm.", finish_reason="length"),
    "sends bytes": Reply(raw=bytes(range(256)) * 40),
    "sends no JSON": Reply(raw=b"data: {]\n\ndata: [DONE]\n\n"),
    "nests without end": Reply(raw=b'data: {"choices": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n\n"),
}
"""What is no answer: it is asked again, in the same words."""
SELDOM = {
    "falls silent": Reply("All of it would be longer than this.", hangs_after=2),
    "sends a line without end": Reply(raw=b"data: " + b"A" * 40_000_000),
    "declines": Reply("", refusal="I would rather not."),
    "does not know the key": Reply(status=401, error={"message": "Incorrect API key provided"}),
}
"""The last three fail a job, which is tried again when somebody asks."""


def _counting(reply: Reply, **usage: Any) -> Reply:
    return dataclasses.replace(reply, usage=usage)


class Answered(NamedTuple):
    """A whole answer, which somebody has paid for."""

    subject: str
    question: str
    asker: str
    """Its key."""
    when: float
    """`time.monotonic`, when its last byte was handed over; as long as it has not been, when it began."""


@dataclass(frozen=True)
class Odds:
    """Of 1, for each request."""

    whole: float = 0.1
    broken: float = 0.15
    cut: float = 0.04
    """The answer ends at the length limit and is continued."""
    wrong: float = 0.02
    """No JSON where JSON was asked for: whole, paid for, and asked again in other words."""
    seldom: float = 0.006


class MoodyModel(FakeModel):
    """Answers with what `answer` has for the last task; in one of ten requests or so, in a mood."""

    def __init__(self, answer: Callable[[str], str], subject: str, odds: Odds, seed: int) -> None:
        """`subject` is a pattern for what a prompt is about, in its first group."""
        super().__init__(self._react)
        self.answered: list[Answered] = []
        self.moods: Counter[str] = Counter()
        self._answer = answer
        self._subject = re.compile(subject)
        self._odds = odds
        self._chance = random.Random(seed)
        self._asking = threading.local()

    def _serve(self, http: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        self._asking.key, self._asking.paid = http.headers.get("Authorization", ""), None
        try:
            super()._serve(http, body)
        except ConnectionError:  # who asked is gone: nobody has the whole of it
            self._ended(None)
            raise
        self._ended(time.monotonic())

    def _ended(self, when: float | None) -> None:
        if paid := self._asking.paid:
            with self._lock:
                self.answered.remove(paid)
                self.answered += [] if when is None else [paid._replace(when=when)]

    def _usage(self, body: dict[str, Any], reply: Reply) -> dict[str, Any] | None:
        if reply.usage is None:
            return None
        tokens = {"prompt_tokens": len(str(body["messages"])) // 4, "completion_tokens": len(reply.text) // 4}
        return tokens | {"total_tokens": sum(tokens.values())} | reply.usage

    def _react(self, body: dict[str, Any]) -> Reply:
        turns = [str(turn["content"]) for turn in body["messages"]]
        partial = turns[-2] if turns[-1] == CONTINUE else ""
        asked = turns[:-2] if partial else turns
        tasks = re.findall("^# Task: (.*)$", "\n".join(asked), re.MULTILINE)
        with self._lock:
            mood = self._mood(structured=bool(body.get("response_format")), partial=bool(partial))
            self.moods[mood or "answers"] += 1
        if mood in BROKEN or mood in SELDOM:
            return (BROKEN | SELDOM)[mood]
        text = self._answer(tasks[-1]).removeprefix(partial)
        if mood == "is cut off":
            return Reply(text[: len(text) // 2], finish_reason="length")
        found = self._subject.search("\n".join(asked))
        paid = Answered(found[1] if found else "", json.dumps(asked), self._asking.key, time.monotonic())
        self._asking.paid = paid
        with self._lock:
            self.answered.append(paid)
        if mood == "misunderstands":
            # Never twice in the same words: what it is asked next quotes them, and would be the same question.
            return Reply(f"I cannot say, {paid.when}.")
        return WHOLE[mood](Reply(text)) if mood else Reply(text)

    def _mood(self, *, structured: bool, partial: bool) -> str:
        odds = self._odds
        kinds: list[tuple[float, list[str]]] = [
            (odds.whole, [name for name in WHOLE if not (partial and name == "thinks aloud")]),
            # Who was cut off and then says nothing has ended.
            (odds.broken, [name for name in BROKEN if not (partial and not BROKEN[name].text)]),
            (odds.seldom, list(SELDOM)),
            (0.0 if partial else odds.cut, ["is cut off"]),
            (odds.wrong if structured and not partial else 0.0, ["misunderstands"]),
        ]
        drawn = self._chance.random()
        for share, names in kinds:
            if drawn < share:
                return self._chance.choice(names)
            drawn -= share
        return ""
