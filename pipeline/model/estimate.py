"""What a run may cost before it is begun: recorded runs with another paper in their papers' place. No call is made."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pipeline.errors import ContextOverflow
from pipeline.model.llm import JUDGING, Role, Usage
from pipeline.model.prices import Price

FIRST_TOKEN, TOKENS_PER_SECOND = 1.0, 80.0
"""The pace of a model: seconds until an answer begins, and then."""


@dataclass(frozen=True)
class Recorded:
    """What a run has cost: `make bench-pipeline`, docs/benchmarks.md."""

    name: str
    """Of its recording."""
    paper: int
    """Tokens of the paper as every prompt has it."""
    shares: Mapping[Role, Usage]
    seconds: float
    """In which at least one call was open."""
    longest: int
    """Tokens of its longest prompt and the answer to it, in the recording."""


RECORDED = (
    Recorded(
        "innovation-matched-forgetting",
        3_439,
        {
            "planner": Usage(7, 63_419, 36_736, 14_200, written_tokens=18_432),
            "writer": Usage(8, 113_801, 97_408, 7_655, written_tokens=10_624),
            "auditor": Usage(3, 50_070, 32_512, 3_850, written_tokens=16_256),
            "judge": Usage(1, 16_958, 16_256, 131),
        },
        215,
        20_242,
    ),
    Recorded(
        "transformer",
        8_280,
        {
            "planner": Usage(6, 78_802, 45_568, 14_255, written_tokens=30_080),
            "writer": Usage(9, 220_739, 187_648, 16_524, written_tokens=28_288),
            "auditor": Usage(1, 28_248, 0, 3_747, written_tokens=27_776),
        },
        230,
        41_749,
    ),
    Recorded(
        "hyla",
        13_368,
        {
            "planner": Usage(6, 111_759, 66_688, 16_145, written_tokens=41_984),
            "writer": Usage(13, 442_476, 372_608, 23_741, written_tokens=50_432),
            "auditor": Usage(2, 77_104, 37_376, 4_612, written_tokens=37_376),
        },
        314,
        55_917,
    ),
    Recorded(
        "tanh-init",
        13_720,
        {
            "planner": Usage(6, 113_224, 67_840, 15_375, written_tokens=42_368),
            "writer": Usage(11, 363_610, 326_400, 17_255, written_tokens=31_872),
            "auditor": Usage(2, 67_950, 32_640, 4_346, written_tokens=32_640),
        },
        301,
        48_465,
    ),
)
"""As counted on 2026-11-29, tokens as characters / 4."""


@dataclass(frozen=True)
class Expectation:
    """What one run may cost; its usage's `usd` is None where a model has no known price."""

    usage: Usage
    seconds: float


def run(paper: int, writer: Price | None, judge: Price | None) -> list[Expectation]:
    """One for each recorded run, of a paper of so many tokens."""
    return [_run(recorded, paper, writer, judge) for recorded in RECORDED]


def _run(recorded: Recorded, paper: int, writer: Price | None, judge: Price | None) -> Expectation:
    longer, total = paper - recorded.paper, Usage()
    for judges, price in ((False, writer), (True, judge)):
        usage = sum((u for role, u in recorded.shares.items() if (role in JUDGING) == judges), Usage())
        read, brought = usage.cached_tokens, usage.written_tokens
        usage = replace(
            usage,
            input_tokens=usage.input_tokens + usage.calls * longer,
            cached_tokens=max(read + (usage.calls - 1) * longer, 0),
            written_tokens=max(brought + longer, 0),
        )
        total += replace(usage, usd=price.of(usage) if price else None)
    return Expectation(total, recorded.seconds)


def require_room(paper: int, model: str, window: int | None) -> None:
    """That plan and code leave room for at least half of a paper of so many tokens, as a run can go on with that.

    Raises ContextOverflow. `window` are the tokens of prompt and answer together; None: not known, so not refused.
    """
    near = max((r for r in RECORDED if r.paper <= paper), key=lambda r: r.paper, default=RECORDED[0])
    grown = near.longest - near.paper
    if window is not None and window < grown + paper // 2:
        raise ContextOverflow(
            f"{model} takes {window:,} tokens at once. This paper has about {paper:,}, and plan and code of one like "
            f"it came to {grown:,} more. Nothing was asked or paid.",
            f"Choose a model with a window of {round(grown + paper, -3):,} tokens or more; or if it has one, write "
            "`context` into the file that PAPER2CODE_PRICES names.",
        )


def judging(paper: int, code: int, calls: int, price: Price | None) -> list[Expectation]:
    """Of a judge that is asked `calls` times about `code` tokens; each answer is as long as the audits were."""
    shared, expected = paper + code, []
    for audit in (recorded.shares["auditor"] for recorded in RECORDED):
        task = (audit.input_tokens - audit.cached_tokens - audit.written_tokens) // audit.calls
        output = audit.output_tokens // audit.calls
        usage = Usage(
            calls=calls,
            input_tokens=calls * (shared + task),
            cached_tokens=(calls - 1) * shared,
            written_tokens=shared,
            output_tokens=calls * output,
        )
        seconds = calls * (FIRST_TOKEN + output / TOKENS_PER_SECOND)
        expected.append(Expectation(replace(usage, usd=price.of(usage) if price else None), seconds))
    return expected
