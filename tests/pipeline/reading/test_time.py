"""Whatever a paper repeats, what is made of it takes no more than its share."""

import time
from collections.abc import Callable

import pytest

from pipeline.reading import markdown
from pipeline.reading.paper import Paper
from tests.pipeline.reading.papers import written

PIECES = (
    "# 1 A\n\n", "# A\n\n", "# Funding\n\nx\n\n", "**Funding.** x\n\n", "# Appendix\n\nx\n\n",
    "# Experiment 1\n\nTable 1\n\n", "## 1.1 Results\n\nwe compare\n\n", "![a](b)\n", "$$a$$\n\n", "Figure 1: a\n\n",
    "Table 1: a\n\n| Method | A |\n|-|-|\n| a [1] | 1 |\n\n", "| Method | A |\n| b [1] | 1.0 |\n",
)  # fmt: skip
PAPERS: dict[str, Callable[[int], Paper]] = {
    **{piece: lambda size, piece=piece: markdown.read("# T\n\n" + piece * (size // len(piece))) for piece in PIECES},  # type: ignore[misc]
    "sections in LaTeX": lambda size: written("\\section{Funding} x\n\n" * (size // 22)),
    "baselines that may be its own": lambda size: markdown.read(
        "# T\n\n# Introduction\n\n" + "We propose a b c d. " * (size // 40)
        + "\n\nTable 1: x\n\n| Method | A |\n|-|-|\n" + "".join(f"| b{i} [1] | 1 |\n" for i in range(size // 30))
    ),
}  # fmt: skip


def seconds(kind: str, size: int) -> float:
    """Of the processor, for a paper of `size` characters and all that is asked of it."""
    began = time.process_time()
    paper = PAPERS[kind](size)
    paper.inventory()
    assert len(paper.text(500)) <= 2_000
    return time.process_time() - began


@pytest.mark.parametrize("kind", PAPERS)
def test_what_a_paper_repeats_is_read_listed_and_shown_in_linear_time(kind: str) -> None:
    for _ in range(8):
        parts = sum(seconds(kind, 10_000) for _ in range(4))
        whole = seconds(kind, 40_000)
        if whole < max(0.4, 2 * parts):
            return
    pytest.fail(f"{parts:.2f} s for four times 10 kB, {whole:.2f} s for 40 kB")


def test_headings_that_are_ever_deeper_are_sections() -> None:
    paper = markdown.read(
        "# T\n\n" + "".join(f"# {'.'.join('1' * depth)} A\n\nx\n\n" for depth in range(1, 1_200))
    )
    assert paper.text().count(" A\n") == 1_199
