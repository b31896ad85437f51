"""What a reproduction costs: recorded answers, given as slowly as a model would give them.

python -m benchmark.pipeline    recordings of the project, beside what PaperCoder's own scripts took

Tokens are characters / 4. A prompt's cached part is its longest common prefix with an earlier one, in steps of
128 tokens from 1,024 up, as providers serve it. PaperCoder (arXiv 2504.17192) was measured in the same way.
"""

import os
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.arxiv import Arxiv, read
from pipeline.llm import Completion, Prompt, Usage
from pipeline.model.budget import price_of
from pipeline.model.journal import Recording
from pipeline.reproduce import Options, reproduce
from sandbox.choice import choose

FIRST_TOKEN = 1.0
"""Seconds."""
TOKENS_PER_SECOND = 80.0
PRICED_AS = "o3-mini"
ROOT = Path(__file__).parents[1]
PAPERS = ROOT.parent / "shared/papers"


@dataclass(frozen=True)
class Rival:
    """PaperCoder on the same paper: 1 s + 80 tokens/s a call, one call at a time, with a strong model."""

    calls: int
    prompt_tokens: int
    not_cached: int
    completion_tokens: int
    usd: float
    seconds: float
    lines: int


CASES = {
    "example": (
        ROOT / "examples/innovation-matched-forgetting/paper.pdf",
        ROOT / "examples/innovation-matched-forgetting/recording.jsonl",
        None,
    ),
    "hyla": (
        PAPERS / "hyla/paper.tex",
        ROOT / "tests/recordings/hyla.jsonl",
        Rival(26, 940_315, 139_931, 55_755, 0.84, 723, 2_960),
    ),
}


class PacedLLM:
    """A recording that takes as long as a model, and counts as a provider would. Safe in threads."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._price = price_of(PRICED_AS)
        self._prompts: list[str] = []
        self._asked: dict[str, int] = {}
        self._lock = threading.Lock()
        self._in_flight = 0
        self.model = recording.model
        self.usage = Usage()
        self.most_in_flight = 0

    def complete(self, prompt: Prompt) -> Completion:
        """The recorded answer to the stage, after the time that a model would take to write it."""
        text = prompt.system + prompt.shared + prompt.task
        with self._lock:
            common = max((_common(text, other) for other in self._prompts), default=0)
            self._prompts.append(text)
            number = self._asked.get(prompt.stage, 0)
            self._asked[prompt.stage] = number + 1
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        entry = self._recording.get(prompt.stage, number)
        answer = entry.completion or ""
        cached = common // 4 // 128 * 128
        usage = Usage(1, len(text) // 4, cached if cached >= 1024 else 0, len(answer) // 4, estimated=True)
        if self._price:
            usage = replace(usage, usd=self._price.of(usage))
        seconds = FIRST_TOKEN + usage.output_tokens / TOKENS_PER_SECOND
        time.sleep(seconds)
        with self._lock:
            self.usage += usage
            self._in_flight -= 1
        return Completion(prompt.stage, answer, entry.model, usage, seconds, replayed=True)


def _common(first: str, second: str) -> int:
    """Characters that two texts share at their beginning."""
    return len(os.path.commonprefix([first, second]))  # noqa: RUF071 - characters, not path components


def main() -> None:
    """Print one table; papers that are not on this machine are named."""
    print(
        "| paper | calls | prompt tokens | not cached | completion tokens | USD | seconds | most in flight | lines |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, (paper, recording, rival) in CASES.items():
        if not paper.exists():
            print(f"| {name} | not on this machine |")
            continue
        ours = _measure(paper, recording)
        print(f"| {name} | {ours} |")
        if rival:
            print(
                f"| {name}, PaperCoder | {rival.calls} | {rival.prompt_tokens:,} | {rival.not_cached:,} "
                f"| {rival.completion_tokens:,} | {rival.usd:.2f} | {rival.seconds:.0f} | 1 | {rival.lines:,} |"
            )


def _measure(source: Path, recording: Path) -> str:
    llm = PacedLLM(Recording(recording))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paper = read(str(source), Arxiv("http://localhost:9", "http://localhost:9", folder / "arxiv"))
        options = Options(packages=Path.home() / ".cache/paper2code-tests")
        made = reproduce(
            paper,
            llm=llm,
            sandbox=choose(),
            out=folder / "out",
            options=options,
            observe=lambda event: None,
        )
    usage, seconds = llm.usage, made.report["seconds"]
    model_seconds = seconds["total"] - seconds.get("run", 0) - seconds.get("report", 0)
    return (
        f"{usage.calls} | {usage.input_tokens:,} | {usage.input_tokens - usage.cached_tokens:,} "
        f"| {usage.output_tokens:,} | {usage.usd or 0:.2f} | {seconds['total']:.0f} "
        f"({model_seconds:.0f} without running the code) | {llm.most_in_flight} "
        f"| {made.report['lines']['generated']:,}"
    )


if __name__ == "__main__":
    main()
