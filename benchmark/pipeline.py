"""What a reproduction costs: recorded answers, given as slowly as a model would give them.

python -m benchmark.pipeline [--calls] [--endpoint FILE] [PAPER RECORDING]…

Without arguments, the project's own recordings. Tokens are characters / 4. What a prompt shares with all others of
its run is marked to be cached, in steps of 128 tokens from 1,024 up: a call reads the longest beginning of it that
another call has brought there, which is when its answer begins, and writes the rest. `warm` is what the input would
cost if a call waited for such a beginning where one is under way. --calls says what each call costs. With --endpoint
(a program called as `FILE replay DIR --port N --record FILE --ttft S --tokens-per-second R`) the answers come
over HTTP, through the same client as a model's, and the endpoint counts.
"""

import contextlib
import hashlib
import json
import math
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from benchmark.paced import Call, PacedLLM, Stopwatch
from pipeline.errors import ModelUnavailable
from pipeline.model.chat import Chat
from pipeline.model.defaults import DEFAULTS
from pipeline.model.endpoint import Endpoint
from pipeline.model.journal import Recording
from pipeline.model.llm import LLM, Usage, role_of
from pipeline.model.prices import Price, price_of
from pipeline.model.servers import OpenAIServer
from pipeline.model.session import Terms, open_llm
from pipeline.reading.arxiv import Arxiv, read
from pipeline.reproduce import Options, Reproduction, reproduce
from sandbox.choice import choose
from sandbox.report import Limits

FIRST_TOKEN = 1.0
"""Seconds."""
TOKENS_PER_SECOND = 80.0
MODELS = tuple(DEFAULTS.values())
EFFORT = "high"
LIMITS = Limits(seconds=3600)
"""So wide that a busy machine reaches none: what runs out of time is mended, which no recording has an answer to."""
ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples/innovation-matched-forgetting"
PAPERS = ROOT.parent / "shared/papers"
OURS = (
    (EXAMPLE / "paper.pdf", EXAMPLE / "recording.jsonl"),
    (PAPERS / "hyla/paper.tex", ROOT / "tests/recordings/hyla.jsonl"),
    (PAPERS / "1706.03762-transformer/paper.tex", ROOT / "tests/recordings/transformer.jsonl"),
    (PAPERS / "tanh-init/paper.tex", ROOT / "tests/recordings/tanh-init.jsonl"),
)
GOAL_USD, GOAL_PATH = 0.8, 0.45
"""Of PaperCoder's, for writing, scope and judge together."""
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True)
class Cost:
    """USD, at one model's prices."""

    total: float
    input: float
    warm: float
    """Of the input, had calls waited."""


@dataclass(frozen=True)
class Figures:
    """What one reproduction has cost."""

    usage: Usage
    code: int | None
    """Tokens of the output that are code; None where nobody has counted them."""
    costs: tuple[Cost, ...]
    """At the prices of each of MODELS."""
    seconds: float
    model_seconds: float
    """Of these, at least one call was under way."""
    most_in_flight: int
    lines: int
    """Of Python."""
    status: str


def known_price(model: str) -> Price:
    """Of a model that has one."""
    price = price_of(model)
    if price is None:
        raise ValueError(f"{model} has no price")
    return price


def cost(model: str, calls: Sequence[Call]) -> Cost:
    """Of the calls, at the prices of a model that has some."""
    price = known_price(model)
    totals = [price.of(call.usage) for call in calls]
    inputs = [price.of(replace(call.usage, output_tokens=0)) for call in calls]
    return Cost(
        sum(totals), sum(inputs), sum(price.of(replace(call.warm, output_tokens=0)) for call in calls)
    )


def _papercoder(calls: int, prompt: int, fresh: int, output: int, seconds: float, lines: int) -> Figures:
    """Its writes to a cache are not counted as such, which is to its advantage."""
    usage = Usage(calls, prompt, prompt - fresh, output)
    whole = Call("all", usage, usage)
    costs = tuple(cost(model, [whole]) for model in MODELS)
    return Figures(usage, None, costs, seconds, seconds, 1, lines, "not run")


def papercoder() -> dict[str, Figures]:
    """The scripts of Paper2Code (arXiv 2504.17192) on the LaTeX of papers whose path holds the name.

    Counted by the same kind of endpoint on the day on which the recordings were made, the same model answering, one
    call at a time; the seconds are those of that pace, without any execution, for the scripts execute nothing.
    """
    return {
        "hyla": _papercoder(32, 1_349_294, 173_102, 78_848, 1_018, 4_489),
        "transformer": _papercoder(26, 996_674, 160_706, 85_126, 1_090, 4_301),
        "tanh-init": _papercoder(26, 1_102_957, 162_413, 61_379, 793, 3_006),
    }


@click.command(help=__doc__)
@click.option("--calls", "each", is_flag=True)
@click.option("--endpoint", type=FILE)
@click.argument("files", nargs=-1, type=FILE)
def main(each: bool, endpoint: Path | None, files: tuple[Path, ...]) -> None:
    """Print one table; papers that are not on this machine are named."""
    if len(files) % 2:
        raise click.UsageError("Give a paper and its recording, and so on.")
    if each and endpoint:
        raise click.UsageError("An endpoint counts no single calls: choose one.")
    costs = " | ".join(f"USD {model} (input, warm)" for model in MODELS)
    print(
        f"| paper | calls | input | cached | written | output | of it code | {costs} | seconds "
        "| of these the model | most in flight | lines | status |"
    )
    print("|---" * (12 + len(MODELS)) + "|")
    tables, goals, lost = [], list[str](), False
    for paper, recording in zip(files[::2], files[1::2], strict=True) if files else OURS:
        name = paper.parent.name
        if not paper.exists():
            print(f"| {name}: not on this machine |")
            continue
        try:
            ours, calls = (
                (_over_http(paper, recording, endpoint), []) if endpoint else _in_process(paper, recording)
            )
        except ModelUnavailable as error:  # it took another way than when it was recorded
            print(f"| {name}: {error} |", flush=True)
            lost = True
            continue
        if calls:
            tables.append((name, calls))
        print(_row(name, ours), flush=True)
        for part, rival in papercoder().items():
            if part in str(paper):
                print(_row(f"{name}, PaperCoder", rival))
                print(_ratios(ours, rival), flush=True)
                goals += _goals(name, ours, calls, rival)
    print("\n".join(["", *goals]))
    for name, calls in tables if each else ():
        print(f"\n{_each(name, calls)}")
    sys.exit(lost)


def _row(name: str, f: Figures) -> str:
    u = f.usage
    costs = " | ".join(f"{c.total:.2f} ({c.input:.2f}, {c.warm:.2f})" for c in f.costs)
    code = "" if f.code is None else f"{f.code:,}"
    return (
        f"| {name} | {u.calls} | {u.input_tokens:,} | {u.cached_tokens:,} | {u.written_tokens:,} "
        f"| {u.output_tokens:,} | {code} | {costs} | {f.seconds:.0f} | {f.model_seconds:.0f} "
        f"| {f.most_in_flight} | {f.lines:,} | {f.status} |"
    )


def _ratios(ours: Figures, rival: Figures) -> str:
    pairs = [
        (ours.usage.calls, rival.usage.calls),
        (ours.usage.input_tokens, rival.usage.input_tokens),
        (ours.usage.cached_tokens, rival.usage.cached_tokens),
        None,
        (ours.usage.output_tokens, rival.usage.output_tokens),
        None,
        *((one.total, other.total) for one, other in zip(ours.costs, rival.costs, strict=True)),
        (ours.seconds, rival.seconds),
        (ours.model_seconds, rival.model_seconds),
    ]
    cells = " | ".join(f"{pair[0] / pair[1]:.2f}" if pair else "" for pair in pairs)
    return f"| ratio | {cells} | | | |"


def _goals(name: str, ours: Figures, calls: Sequence[Call], rival: Figures) -> Iterator[str]:
    """What writing, scope and judge cost beside it, calls waiting as they do: without tests from the paper and its
    numbers, which it does not write."""
    asked = [
        replace(call, usage=call.warm)
        for call in calls
        if role_of(call.stage) != "tester" and not call.stage.startswith(("arbiter", "plan.numbers"))
    ]
    for model, other in zip(MODELS, rival.costs, strict=True):
        if asked:
            ratio = cost(model, asked).total / other.total
            yield f"- {name}: {ratio:.2f} of its USD at {model}'s prices ({_met(ratio, GOAL_USD)})"
    ratio = ours.model_seconds / rival.model_seconds
    yield f"- {name}: {ratio:.2f} of its path, tests included ({_met(ratio, GOAL_PATH)})"


def _met(ratio: float, goal: float) -> str:
    return f"the goal of {goal} is {'met' if ratio <= goal else 'missed'}"


def _each(name: str, calls: Sequence[Call]) -> str:
    """A table of the calls of one paper, in the order in which they ended."""
    models = " | ".join(f"USD {model}" for model in MODELS)
    rows = [
        f"| {name} | input | cached | written | output | {models} |",
        "|---" * (5 + len(MODELS)) + "|",
    ]
    for call in calls:
        u = call.usage
        costs = " | ".join(f"{cost(model, [call]).total:.4f}" for model in MODELS)
        rows.append(
            f"| {call.stage} | {u.input_tokens:,} | {u.cached_tokens:,} | {u.written_tokens:,} "
            f"| {u.output_tokens:,} | {costs} |"
        )
    return "\n".join(rows)


def _in_process(paper: Path, recording: Path) -> tuple[Figures, list[Call]]:
    recorded = Recording(recording)
    llm = PacedLLM(recorded, FIRST_TOKEN, TOKENS_PER_SECOND)
    watch = Stopwatch(llm)
    return _figures(watch, *_reproduced(paper, watch, recorded), llm.calls, llm.calls), llm.calls


def _over_http(paper: Path, recording: Path, endpoint: Path) -> Figures:
    """The first time at once, to learn the questions; the second time the endpoint answers them."""
    recorded = Recording(recording)
    before = PacedLLM(recorded, 0.0, math.inf)
    _reproduced(paper, before, recorded)
    with tempfile.TemporaryDirectory() as name, _serving(endpoint, Path(name), before) as url:
        session = open_llm(
            Terms(MODELS[0], base_url=f"{url}/v1"),
            reasoning_effort=EFFORT,
            journal=Path(name, "journal.jsonl"),
            resume=False,
        )
        with session as llm:
            watch = Stopwatch(llm, before)
            made, seconds = _reproduced(paper, watch, recorded)
        with urllib.request.urlopen(f"{url}/stats") as answer:  # noqa: S310 - on loopback
            stats = json.load(answer)
    counted = Usage(
        stats["requests"], stats["prompt_tokens"], stats["cached_tokens"], stats["completion_tokens"]
    )
    watch.most_in_flight = stats["max_in_flight"]
    return _figures(watch, made, seconds, [Call("all", counted, counted)], before.calls)


@contextlib.contextmanager
def _serving(endpoint: Path, folder: Path, before: PacedLLM) -> Iterator[str]:
    """The endpoint's address; it knows all answers of `before`."""
    client = Endpoint(OpenAIServer(None, "http://localhost/v1"), model=MODELS[0], reasoning_effort=EFFORT)
    record = folder / "record.jsonl"
    with record.open("w") as lines:
        for prompt, answer in before.answered.values():
            body = Chat().request(MODELS[0], client.question(prompt, Chat()))
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


def _reproduced(source: Path, llm: LLM, recorded: Recording) -> tuple[Reproduction, float]:
    """What was made, and the seconds that it took, the reading of the paper included."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.monotonic()
        paper = read(str(source), Arxiv("http://localhost:9", "http://localhost:9", folder / "arxiv"))
        packages = Path.home() / ".cache/paper2code-tests"
        options = Options(packages=packages, limits=LIMITS).answered_by(recorded)
        made = reproduce(
            paper,
            llm=llm,
            sandbox=choose(),
            out=folder / "out",
            options=options,
            observe=lambda event: None,
        )
        return made, time.monotonic() - started


def _figures(
    watch: Stopwatch, made: Reproduction, seconds: float, calls: Sequence[Call], stages: Sequence[Call]
) -> Figures:
    """`calls` as they were counted; `stages` tells which of them wrote code."""
    return Figures(
        usage=sum((call.usage for call in calls), Usage()),
        code=sum(call.usage.output_tokens for call in stages if role_of(call.stage) == "writer"),
        costs=tuple(cost(model, calls) for model in MODELS),
        seconds=seconds,
        model_seconds=watch.seconds,
        most_in_flight=watch.most_in_flight,
        lines=made.report["lines"]["generated"],
        status=made.status,
    )


if __name__ == "__main__":
    main()
