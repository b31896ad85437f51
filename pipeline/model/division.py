"""A cap, divided among the parts of a run before anything is asked: what is kept for which, what is left out. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Part = Literal[
    "plan",
    "write",
    "run",
    "judge",
    "tests",
    "numbers",
    "other numbers",
    "second look",
    "lighter tests",
    "sharper tests",
]
PARTS: tuple[Part, ...] = get_args(Part)
"""What is paid for first. What cannot be paid is left out from the end."""
LEFT_OUT: Mapping[Part, str] = {
    "judge": "the judge, so nobody else has read the code",
    "tests": "tests written from the paper",
    "numbers": "the list of the paper's numbers",
    "other numbers": "the paper's numbers beyond its headline table",
    "second look": "repairs of what the judge finds, and a second look",
    "lighter tests": "tests of requirements of weight 2",
    "sharper tests": "sharpening of tests that notice too little",
}
"""What each is called to people. The others are never left out."""
FEWEST, USUAL = 8, 40
"""Requirements: of a paper whose code cannot be paid whole, and of one that was recorded."""
_WHOLE: Mapping[Part, Part] = {
    "other numbers": "numbers",
    "second look": "judge",
    "lighter tests": "tests",
    "sharper tests": "tests",
}
_FAMILIES: Mapping[str, Part] = {
    "plan": "plan", "analysis": "plan", "fix": "run", "doubts": "run", "tests": "tests", "arbiter": "tests",
    "audit": "judge", "judge": "judge", "repair": "judge",
}  # fmt: skip
_AFTER_THE_RUN = ("arbiter", "tests.again", "tests.sharper")


@dataclass(frozen=True)
class Division:
    """What becomes of a cap."""

    shares: Mapping[Part, float] = field(default_factory=dict)
    """USD that are expected of plan, write, run, judge, tests and numbers."""
    left_out: tuple[Part, ...] = ()
    requirements: int | None = None
    """So many, the heaviest, are planned and written; None: all."""

    @property
    def told(self) -> str:
        """What it leaves out, in a sentence; empty: nothing."""
        left = [LEFT_OUT[part] for part in self.left_out]
        if self.requirements is not None:
            left.append(f"all but the {self.requirements} heaviest requirements")
        return f"Left out, because the cap would not pay for it: {'; '.join(left)}." if left else ""

    def pays(self, part: Part) -> bool:
        """Whether a part is not left out."""
        return part not in self.left_out

    def kept(self, stage: str, spent: Mapping[Part, float]) -> float:
        """USD that a call leaves for what matters more and may still come; `spent` is by part."""
        part = part_of(stage)
        above = PARTS[: PARTS.index(part)] if part in ("tests", "numbers") else ()
        if stage.startswith(_AFTER_THE_RUN):
            above = ("judge",)
        return sum(max(self.shares.get(each, 0.0) - spent.get(each, 0.0), 0.0) for each in above)


UNDIVIDED = Division()
"""There is no cap, or nothing is paid for."""


def part_of(stage: str) -> Part:
    """Of which a call is."""
    if stage.startswith("plan.numbers"):
        return "numbers"
    return _FAMILIES.get(stage.partition(".")[0].partition("#")[0], "write")


def divided(cap: float, costs: Mapping[Part, float]) -> Division:
    """`cap` by the expected `costs` of all parts, in USD; what nobody wants costs nothing.

    Where plan, code and repairs alone cost more, as many requirements are taken as the rest pays for.
    """
    total, shares = 0.0, dict[Part, float]()
    left_out = tuple[Part, ...]()
    for number, part in enumerate(PARTS):
        total += costs[part]
        if part in LEFT_OUT and total > cap:
            left_out = tuple(each for each in PARTS[number:] if costs[each])
            break
        whole = _WHOLE.get(part, part)
        shares[whole] = shares.get(whole, 0.0) + costs[part]
    code = cap - costs["plan"] - costs["run"]
    room = None if code >= costs["write"] else max(FEWEST, int(USUAL * code / costs["write"]))
    return Division(shares, left_out, room)
