"""What a run may cost before it is begun: recorded runs with another paper in their papers' place. No call is made."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pipeline.errors import ContextOverflow
from pipeline.model.division import PARTS, Part
from pipeline.model.llm import JUDGING, Role, Usage
from pipeline.model.prices import Price

PLAN, TESTS, NUMBERS = 12_000, 3_000, 1_500
"""Tokens: of a plan as prompts have it, of an answer that tests eight requirements, of one that lists numbers."""
_TASK, _SETTLED = 1_000, 1_500
"""Tokens of a question without what it shares with others, and of an answer that mends or decides something."""
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
            "planner": Usage(7, 67_086, 42_624, 13_119, written_tokens=19_200),
            "writer": Usage(7, 111_131, 92_288, 9_041, written_tokens=5_376),
            "tester": Usage(6, 103_376, 79_104, 29_102),
            "auditor": Usage(3, 47_574, 0, 4_354, written_tokens=46_080),
            "judge": Usage(1, 16_119, 15_360, 202),
        },
        339,
        25_938,
    ),
    Recorded(
        "transformer",
        8_283,
        {
            "planner": Usage(8, 145_173, 106_240, 24_109, written_tokens=32_640),
            "writer": Usage(11, 328_079, 284_928, 24_869, written_tokens=17_920),
            "tester": Usage(4, 120_690, 98_304, 17_796),
            "auditor": Usage(3, 106_951, 0, 5_497, written_tokens=105_216),
            "judge": Usage(1, 35_906, 0, 294, written_tokens=35_072),
        },
        422,
        50_392,
    ),
    Recorded(
        "hyla",
        13_368,
        {
            "planner": Usage(8, 185_639, 140_544, 22_313, written_tokens=39_168),
            "writer": Usage(14, 558_288, 461_696, 35_472, written_tokens=69_504),
            "tester": Usage(5, 177_425, 149_760, 16_761),
            "auditor": Usage(4, 189_533, 45_696, 8_174, written_tokens=137_088),
            "judge": Usage(1, 46_472, 0, 634, written_tokens=45_696),
        },
        452,
        68_370,
    ),
    Recorded(
        "tanh-init",
        13_720,
        {
            "planner": Usage(7, 153_550, 110_592, 36_897, written_tokens=37_632),
            "writer": Usage(12, 432_294, 373_248, 23_839, written_tokens=31_616),
            "tester": Usage(4, 129_198, 115_200, 15_792),
            "auditor": Usage(4, 154_040, 37_760, 6_544, written_tokens=113_280),
            "judge": Usage(1, 38_523, 0, 340, written_tokens=37_760),
        },
        588,
        55_611,
    ),
)
"""As counted on 2026-11-30, tokens as characters / 4."""


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
        usage = _of_paper(usage, longer, 1)
        total += replace(usage, usd=price.of(usage) if price else None)
    return Expectation(total, recorded.seconds)


def _of_paper(usage: Usage, longer: int, brings: int) -> Usage:
    """What was used, had the paper been so many tokens `longer`: all calls hold it, and `brings` of them cache it."""
    read = max(usage.cached_tokens + (usage.calls - brings) * longer, 0)
    brought = max(usage.written_tokens + brings * longer, 0)
    held = max(usage.input_tokens + usage.calls * longer, read + brought)
    return replace(usage, input_tokens=held, cached_tokens=read, written_tokens=brought)


def parts(paper: int, writer: Price, judge: Price) -> dict[Part, float]:
    """USD that each part of a run may cost with a paper of so many tokens, the mean of the recorded runs.

    What no recording holds is reckoned from the length of its answers: `_SETTLED`, `TESTS`, `NUMBERS`.
    """
    each = [_parts(recorded, paper, writer, judge) for recorded in RECORDED]
    return {part: statistics.fmean(costs[part] for costs in each) for part in PARTS}


def _parts(recorded: Recorded, paper: int, writer: Price, judge: Price) -> dict[Part, float]:
    longer = paper - recorded.paper
    whole, planned = recorded.longest + longer, paper + PLAN

    def asked(role: Role, price: Price, brings: int) -> float:
        """What a role has cost, and `brings` times the paper into the cache."""
        return price.of(_of_paper(recorded.shares[role], longer, brings))

    def answer(price: Price, shared: int, output: int) -> float:
        """One more behind what is cached."""
        return price.of(Usage(1, shared + _TASK, shared, output))

    fix = answer(writer, whole, _SETTLED)
    tests = answer(judge, planned, TESTS)
    return {
        "plan": asked("planner", writer, 1),
        "write": asked("writer", writer, 0),
        "run": 2 * fix,
        "judge": asked("auditor", judge, 1) + answer(judge, whole, _SETTLED),
        "tests": judge.of(Usage(1, planned, written_tokens=planned))
        + tests
        + answer(judge, whole, _SETTLED)
        + fix,
        "numbers": answer(writer, planned, NUMBERS),
        "other numbers": 2 * answer(writer, planned, NUMBERS),
        "second look": 2 * (fix + answer(judge, whole, _SETTLED)),
        "lighter tests": 2 * tests + answer(judge, whole, _SETTLED),
        "sharper tests": tests,
    }


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
