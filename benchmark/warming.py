"""What input costs, by how calls are marked and ordered: recorded runs asked again of providers that cache.

python -m benchmark.warming [PAPER RECORDING]…

Each recording is played once to learn its questions and which of them waited for which. Then they are asked again,
through the program's own client, of a provider on the clock of a real one: a prefix can be read from the cache once
the prompt that brought it has been read, for as long as it lives, from 1,024 tokens on. Tokens are characters / 4.
"""

import hashlib
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import httpx2

from benchmark.pipeline import FIRST_TOKEN, LIMITS, OURS, TOKENS_PER_SECOND, known_price
from pipeline.model.budget import Budget
from pipeline.model.chat import Chat
from pipeline.model.endpoint import Endpoint
from pipeline.model.journal import Recording
from pipeline.model.llm import ROLES, Completion, Prompt, Share, Usage
from pipeline.model.messages import Messages
from pipeline.model.prefixes import Prefix, Prefixes
from pipeline.model.prices import Entry, Price
from pipeline.model.protocol import Format, Question, Reply
from pipeline.model.responses import Responses
from pipeline.reading.arxiv import Arxiv, read
from pipeline.reproduce import Options, reproduce
from sandbox.choice import choose

SPEED = 20.0
"""How much faster than a real provider the one here is, as are all clocks."""
READING = 20_000.0
"""Tokens of a prompt that a provider reads in a second, if they are not cached."""
LEAST = 1024
"""Tokens: no shorter prefix is cached."""
LOOKBACK = 20
"""Blocks before a mark in which Anthropic looks for what it has cached."""
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def now() -> float:
    """Seconds on the provider's clock."""
    return time.monotonic() * SPEED


class Hasty(Prefixes):
    """Nobody waits for anybody."""

    @contextmanager
    def behind(self, prefix: Prefix, cancelled: Callable[[], bool]) -> Iterator[Callable[[], None]]:
        """Go ahead."""
        self._read.setdefault(prefix, self._clock())
        yield lambda: None


@dataclass(frozen=True)
class Order:
    """How calls are asked, and how the provider caches."""

    name: str
    format: Format
    caches: str
    """`marks`: what ends at a mark; `blocks`: also what ends at a block before one; `prefixes`; `nothing`."""
    lifetime: float
    """Seconds."""
    price: Price
    prefixes: type[Prefixes] = Hasty


SOL, SONNET = map(known_price, ("gpt-6.2-sol", "claude-sonnet-5-5"))
PLAIN = Entry.model_validate({"input": 2, "cached_input": 0.20, "output": 10}).price()
"""A model whose cache writes cost nothing."""
ORDERS = (
    Order("gpt-6.2-sol, Chat Completions", Chat(), "marks", 1800, SOL),
    Order("gpt-6.2-sol, Responses, marked", Responses(), "marks", 1800, SOL),
    Order("gpt-6.2-sol, Responses, marked, warm", Responses(), "marks", 1800, SOL, Prefixes),
    Order("claude-sonnet-5-5, OpenAI's protocol", Chat(), "nothing", 300, SONNET),
    Order("claude-sonnet-5-5, Messages, marked", Messages(), "blocks", 300, SONNET),
    Order("claude-sonnet-5-5, Messages, marked, warm", Messages(), "blocks", 300, SONNET, Prefixes),
    Order("servers that cache any prefix, Chat", Chat(), "prefixes", 300, PLAIN),
    Order("servers that cache any prefix, Chat, warm", Chat(), "prefixes", 300, PLAIN, Prefixes),
)
"""The first of each provider is how calls were made before."""


@dataclass
class Call:
    """One question of a run."""

    prompt: Prompt
    answer: str
    started: float
    ended: float = 0.0
    done: threading.Event = field(default_factory=threading.Event)


class Trace:
    """A recording played fast; keeps what was asked, and when. Safe in threads."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._lock = threading.Lock()
        self.model = recording.model
        self.usage = Usage()
        self.shares = {role: Share(recording.model) for role in ROLES}
        self.calls: list[Call] = []

    def complete(self, prompt: Prompt) -> Completion:
        """The recorded answer."""
        with self._lock:
            number = sum(call.prompt.stage == prompt.stage for call in self.calls)
            answer = self._recording.get(prompt.stage, number).completion or ""
            call = Call(prompt, answer, time.monotonic())
            self.calls.append(call)
        time.sleep(_writing(answer) / SPEED)
        call.ended = time.monotonic()
        return Completion(prompt.stage, answer, self.model, Usage(1), 0.0, replayed=True)


def _writing(answer: str) -> float:
    return FIRST_TOKEN + len(answer) / 4 / TOKENS_PER_SECOND


class Measured:
    """A format whose answers are this module's own; what is asked is the real one's."""

    def __init__(self, real: Format) -> None:
        self._real = real
        self.efforts, self.forms, self.strict = real.efforts, real.forms, real.strict

    def request(self, model: str, question: Question) -> dict[str, Any]:
        """The real one's."""
        return self._real.request(model, question)

    def features(self, body: dict[str, Any]) -> frozenset[str]:
        """The real one's."""
        return self._real.features(body)

    def read(self, event: dict[str, Any], reply: Reply) -> None:
        """`{}` when the prompt has been read, then the answer with its usage."""
        reply.accepted = reply.begun = True
        if "text" in event:
            reply.say(event["text"])
            total, read, written = event["usage"]
            reply.usage = Usage(1, total, read, 0, written_tokens=written)
            reply.finish, reply.closed = "stop", True


class Provider:
    """Caches as the order says. Safe in threads."""

    host, secret, key_name, url_name = "provider", "", "", ""

    def __init__(self, order: Order, answers: dict[str, str]) -> None:
        self._order = order
        self._answers = answers
        self._format = Measured(order.format)
        self._lock = threading.Lock()
        self._cached: dict[str, list[float]] = {}
        """By the prefix, or its hash: from when on it can be read, and when it was last."""

    def format(self, without: frozenset[str]) -> Format:
        """The order's."""
        return self._format

    @contextmanager
    def open(self, format_: Format, body: dict[str, Any]) -> Iterator[httpx2.Response]:
        """Answer at the provider's pace."""

        def events() -> Iterator[bytes]:
            usage, ends = self._charge(_segments(body))
            time.sleep((FIRST_TOKEN + (usage[0] - usage[1]) / READING) / SPEED)
            with self._lock:
                self._cached |= {end: [now(), now()] for end in ends}
            yield b"data: {}\n\n"
            answer = self._answers[_name(text for text, _ in _segments(body))]
            time.sleep(len(answer) / 4 / TOKENS_PER_SECOND / SPEED)
            yield b"data: " + json.dumps({"text": answer or "-", "usage": usage}).encode() + b"\n\n"

        yield httpx2.Response(200, content=events())

    def close(self) -> None:
        """Nothing to release."""

    def _charge(self, segments: list[tuple[str, bool]]) -> tuple[tuple[int, int, int], list[str]]:
        """Tokens in all, read from the cache and written to it; and the prefixes that will be cached."""
        total = sum(len(text) for text, _ in segments) // 4
        if self._order.caches == "nothing":
            return (total, 0, 0), []
        with self._lock:
            live = {
                p for p, (ready, used) in self._cached.items() if ready <= now() < used + self._order.lifetime
            }
            if self._order.caches == "prefixes":
                text = "".join(text for text, _ in segments)
                known = max((len(os.path.commonprefix([text, p])) for p in live), default=0)  # noqa: RUF071
                read = known // 4 // 128 * 128
                return (total, read if read >= LEAST else 0, 0), [text]
            ends, marks = _ends(segments), [n for n, (_, marked) in enumerate(segments) if marked]
            looked = set(marks)
            if self._order.caches == "blocks":
                looked |= {n for mark in marks for n in range(max(0, mark - LOOKBACK), mark)}
            hits = [ends[n] for n in looked if ends[n][1] in live]
            for _, prefix in hits:
                self._cached[prefix][1] = now()
            read = max((size for size, _ in hits), default=0)
            new = [ends[n] for n in marks if ends[n][0] > read and ends[n][0] >= LEAST]
            written = max((size for size, _ in new), default=read) - read
            return (total, read, written), [prefix for _, prefix in new]


def _segments(body: dict[str, Any]) -> list[tuple[str, bool]]:
    """The prompt's texts in order, and whether a cached prefix shall end with each."""
    parts: list[tuple[str, bool]] = [(str(body.get("system") or body.get("instructions") or ""), False)]
    for turn in body.get("messages") or body["input"]:
        if isinstance(turn["content"], str):
            parts.append((turn["content"], False))
        else:
            parts += [
                (p["text"], "cache_control" in p or "prompt_cache_breakpoint" in p) for p in turn["content"]
            ]
    if not any(marked for _, marked in parts):  # then a provider marks the end of the last message
        parts[-1] = (parts[-1][0], True)
    return parts


def _ends(segments: list[tuple[str, bool]]) -> list[tuple[int, str]]:
    """Where each segment ends, in tokens, and a name for all up to there."""
    size, digest, ends = 0, hashlib.sha256(), []
    for text, _ in segments:
        size += len(text)
        digest.update(text.encode())
        ends.append((size // 4, digest.copy().hexdigest()))
    return ends


def _name(texts: Iterable[str]) -> str:
    """What tells a question from the others."""
    return hashlib.sha256("".join(texts).encode()).hexdigest()


def traced(source: Path, recording: Path) -> list[Call]:
    """The calls of a run."""
    recorded = Recording(recording)
    trace = Trace(recorded)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paper = read(str(source), Arxiv("http://localhost:9", "http://localhost:9", folder / "arxiv"))
        packages = Path.home() / ".cache/paper2code-tests"
        options = Options(packages=packages, limits=LIMITS).answered_by(recorded)
        reproduce(
            paper,
            llm=trace,
            sandbox=choose(),
            out=folder / "out",
            options=options,
            observe=lambda event: None,
        )
    return trace.calls


def asked(calls: list[Call], order: Order) -> tuple[Usage, float]:
    """What the calls consume in this order, and the seconds that the last of them ends after the first began.

    A call waits for those that had ended before it began in the trace.
    """
    again = [Call(call.prompt, call.answer, call.started, call.ended) for call in calls]
    for call in again:
        # No schema and no asking again: what is measured is the prompt.
        call.prompt = Prompt(call.prompt.stage, call.prompt.system, call.prompt.shared, call.prompt.task)
    plain = "".join
    answers = {
        hashlib.sha256(
            plain((c.prompt.system, c.prompt.shared, c.prompt.task)).encode()
        ).hexdigest(): c.answer
        for c in again
    }
    endpoint = Endpoint(Provider(order, answers), model="-", prefixes=order.prefixes(now))
    bills: list[Usage] = []
    began = now()

    def ask(call: Call) -> None:
        for other in again:
            if other.ended < call.started:
                other.done.wait()
        try:
            endpoint.answer(call.prompt, Budget(None), bills.append)
        finally:
            call.done.set()

    with ThreadPoolExecutor(len(again)) as pool:
        list(pool.map(ask, again))
    return sum(bills, Usage()), now() - began


@click.command(help=__doc__)
@click.argument("files", nargs=-1, type=FILE)
def main(files: tuple[Path, ...]) -> None:
    """Print one table; papers that are not on this machine are named."""
    if len(files) % 2:
        raise click.UsageError("Give a paper and its recording, and so on.")
    print("| paper, provider, order | calls | input | read | written | USD for input | of before | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    for paper, recording in zip(files[::2], files[1::2], strict=True) if files else OURS:
        if not paper.exists():
            print(f"| {paper.parent.name}: not on this machine |")
            continue
        calls = traced(paper, recording)
        before = 0.0
        with ThreadPoolExecutor(len(ORDERS)) as pool:
            measured = list(pool.map(lambda order: asked(calls, order), ORDERS))  # noqa: B023 - used up at once
        for order, (usage, seconds) in zip(ORDERS, measured, strict=True):
            usd = order.price.of(usage)
            first = order.prefixes is Hasty and isinstance(order.format, Chat)
            before = usd if first else before
            print(
                f"| {paper.parent.name}, {order.name} | {usage.calls} | {usage.input_tokens:,} "
                f"| {usage.cached_tokens:,} | {usage.written_tokens:,} | {usd:.3f} | {usd / before:.2f} "
                f"| {seconds:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
