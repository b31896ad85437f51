"""What a reproduction costs: recorded answers, given as slowly as a model would give them.

python -m benchmark.pipeline [--endpoint FILE] [PAPER RECORDING]…

Without arguments, the project's own recordings. Tokens are characters / 4; a prompt's cached part is its longest
common prefix with an earlier one, in steps of 128 tokens from 1,024 up, as providers serve it. With --endpoint
(a program called as `FILE replay DIR --port N --record FILE --ttft S --tokens-per-second R`) the answers come
over HTTP, through the same client as a model's, and the endpoint counts.
"""

import contextlib
import hashlib
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from pipeline.model.budget import price_of
from pipeline.model.chat import Chat
from pipeline.model.endpoint import Endpoint
from pipeline.model.journal import Recording
from pipeline.model.llm import LLM, Completion, Prompt, Usage
from pipeline.model.servers import OpenAIServer
from pipeline.model.session import open_llm
from pipeline.reading.arxiv import Arxiv, read
from pipeline.reproduce import Options, Reproduction, reproduce
from sandbox.choice import choose
from sandbox.report import Limits

FIRST_TOKEN = 1.0
"""Seconds."""
TOKENS_PER_SECOND = 80.0
PRICED_AS = "o3-mini"
EFFORT = "high"
ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples/innovation-matched-forgetting"
PAPERS = ROOT.parent / "shared/papers"
OURS = (
    (EXAMPLE / "paper.pdf", EXAMPLE / "recording.jsonl"),
    (PAPERS / "hyla/paper.tex", ROOT / "tests/recordings/hyla.jsonl"),
    (PAPERS / "1706.03762-transformer/paper.tex", ROOT / "tests/recordings/transformer.jsonl"),
    (PAPERS / "tanh-init/paper.tex", ROOT / "tests/recordings/tanh-init.jsonl"),
)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True)
class Figures:
    """What one reproduction has cost."""

    calls: int
    prompt_tokens: int
    not_cached: int
    completion_tokens: int
    usd: float
    seconds: float
    model_seconds: float
    """Of these, at least one call was under way."""
    most_in_flight: int
    lines: int
    """Of Python."""
    status: str


PAPERCODER = {
    "hyla": Figures(26, 940_315, 139_931, 55_755, 0.84, 723, 723, 1, 2_960, "fails"),
    "transformer": Figures(22, 608_391, 113_287, 55_554, 0.64, 716, 716, 1, 3_312, "fails"),
}
"""The scripts of Paper2Code (arXiv 2504.17192) on the LaTeX of papers whose path holds the name.

Measured through the same kind of endpoint, at the same pace, with a strong model, one call at a time; both
repositories died at import. The seconds hold no execution, for the scripts execute nothing.
"""


class PacedLLM:
    """A recording that takes as long as a model, and counts as a provider would. Safe in threads."""

    def __init__(self, recording: Recording, first_token: float, tokens_per_second: float) -> None:
        self._recording = recording
        self._pace = first_token, tokens_per_second
        self._texts: list[str] = []
        self._lock = threading.Lock()
        self.model = recording.model
        self.usage = Usage()
        self.answered: dict[tuple[str, int], tuple[Prompt, str]] = {}
        """By stage and how often it was asked before: the question, and its answer."""

    def complete(self, prompt: Prompt) -> Completion:
        """The recorded answer to the stage, after the time that a model would take to write it."""
        text = prompt.system + prompt.shared + prompt.task
        with self._lock:
            common = max((_common(text, other) for other in self._texts), default=0)
            self._texts.append(text)
            number = sum(stage == prompt.stage for stage, _ in self.answered)
            entry = self._recording.get(prompt.stage, number)
            answer = entry.completion or ""
            self.answered[prompt.stage, number] = prompt, answer
        cached = common // 4 // 128 * 128
        usage = Usage(1, len(text) // 4, cached if cached >= 1024 else 0, len(answer) // 4, estimated=True)
        first_token, rate = self._pace
        seconds = first_token + usage.output_tokens / rate
        time.sleep(seconds)
        with self._lock:
            self.usage += usage
        return Completion(prompt.stage, answer, entry.model, usage, seconds, replayed=True)


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


@click.command(help=__doc__)
@click.option("--endpoint", type=FILE)
@click.argument("files", nargs=-1, type=FILE)
def main(endpoint: Path | None, files: tuple[Path, ...]) -> None:
    """Print one table; papers that are not on this machine are named."""
    if len(files) % 2:
        raise click.UsageError("Give a paper and its recording, and so on.")
    print(
        "| paper | calls | prompt tokens | not cached | completion tokens | USD | seconds | of these the model "
        "| most in flight | lines | status |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for paper, recording in zip(files[::2], files[1::2], strict=True) if files else OURS:
        name = paper.parent.name
        if not paper.exists():
            print(f"| {name}: not on this machine |")
            continue
        ours = _over_http(paper, recording, endpoint) if endpoint else _in_process(paper, recording)
        print(_row(name, ours), flush=True)
        for part, rival in PAPERCODER.items():
            if part in str(paper):
                print(_row(f"{name}, PaperCoder", rival))
                print(_ratios(ours, rival), flush=True)


def _row(name: str, f: Figures) -> str:
    return (
        f"| {name} | {f.calls} | {f.prompt_tokens:,} | {f.not_cached:,} | {f.completion_tokens:,} | {f.usd:.2f} "
        f"| {f.seconds:.0f} | {f.model_seconds:.0f} | {f.most_in_flight} | {f.lines:,} | {f.status} |"
    )


def _ratios(ours: Figures, rival: Figures) -> str:
    pairs = [
        (ours.calls, rival.calls),
        (ours.prompt_tokens, rival.prompt_tokens),
        (ours.not_cached, rival.not_cached),
        (ours.completion_tokens, rival.completion_tokens),
        (ours.usd, rival.usd),
        (ours.seconds, rival.seconds),
        (ours.model_seconds, rival.model_seconds),
    ]
    return f"| ratio | {' | '.join(f'{one / other:.2f}' for one, other in pairs)} | | | |"


def _in_process(paper: Path, recording: Path) -> Figures:
    llm = PacedLLM(Recording(recording), FIRST_TOKEN, TOKENS_PER_SECOND)
    watch = Stopwatch(llm)
    return _figures(watch, *_reproduced(paper, watch), llm.usage)


def _over_http(paper: Path, recording: Path, endpoint: Path) -> Figures:
    """The first time at once, to learn the questions; the second time the endpoint answers them."""
    before = PacedLLM(Recording(recording), 0.0, math.inf)
    _reproduced(paper, before)
    with tempfile.TemporaryDirectory() as name, _serving(endpoint, Path(name), before) as url:
        session = open_llm(
            model=PRICED_AS,
            api_key=None,
            base_url=f"{url}/v1",
            reasoning_effort=EFFORT,
            max_usd=None,
            journal=Path(name, "journal.jsonl"),
            resume=False,
        )
        with session as llm:
            watch = Stopwatch(llm, before)
            made, seconds = _reproduced(paper, watch)
        with urllib.request.urlopen(f"{url}/stats") as answer:  # noqa: S310 - on loopback
            stats = json.load(answer)
    counted = Usage(
        stats["requests"], stats["prompt_tokens"], stats["cached_tokens"], stats["completion_tokens"]
    )
    watch.most_in_flight = stats["max_in_flight"]
    return _figures(watch, made, seconds, counted)


@contextlib.contextmanager
def _serving(endpoint: Path, folder: Path, before: PacedLLM) -> Iterator[str]:
    """The endpoint's address; it knows all answers of `before`."""
    client = Endpoint(OpenAIServer(None, "http://localhost/v1"), model=PRICED_AS, reasoning_effort=EFFORT)
    record = folder / "record.jsonl"
    with record.open("w") as lines:
        for prompt, answer in before.answered.values():
            body = Chat().request(PRICED_AS, client.question(prompt, Chat()))
            shape = {part: body.get(part) for part in ("messages", "response_format", "tools", "seed")}
            key = hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()
            lines.write(json.dumps({"key": key, "completion": answer}) + "\n")
    client.close()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    pace = ["--ttft", str(FIRST_TOKEN), "--tokens-per-second", str(TOKENS_PER_SECOND)]
    command = [
        sys.executable,
        str(endpoint),
        "replay",
        str(folder),
        "--port",
        port,
        "--record",
        str(record),
        *pace,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:  # noqa: S603 - the user's own program
        try:
            assert server.stdout  # noqa: S101 - it is a pipe
            server.stdout.readline()  # it says where it serves when it does
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _reproduced(source: Path, llm: LLM) -> tuple[Reproduction, float]:
    """What was made, and the seconds that it took, the reading of the paper included."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.monotonic()
        paper = read(str(source), Arxiv("http://localhost:9", "http://localhost:9", folder / "arxiv"))
        options = Options(packages=Path.home() / ".cache/paper2code-tests", limits=Limits(seconds=300))
        made = reproduce(
            paper,
            llm=llm,
            sandbox=choose(),
            out=folder / "out",
            options=options,
            observe=lambda event: None,
        )
        return made, time.monotonic() - started


def _figures(watch: Stopwatch, made: Reproduction, seconds: float, usage: Usage) -> Figures:
    price = price_of(PRICED_AS)
    return Figures(
        calls=usage.calls,
        prompt_tokens=usage.input_tokens,
        not_cached=usage.input_tokens - usage.cached_tokens,
        completion_tokens=usage.output_tokens,
        usd=price.of(usage) if price else math.nan,
        seconds=seconds,
        model_seconds=watch.seconds,
        most_in_flight=watch.most_in_flight,
        lines=made.report["lines"]["generated"],
        status=made.status,
    )


if __name__ == "__main__":
    main()
