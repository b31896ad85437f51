"""The numbers that a paper reports and that its planned experiments would give. Values only."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Better = Literal["higher", "lower", "neither"]
Spread = Literal["standard deviation", "standard error", "interval", "unknown"]
"""What a paper's `±` is."""


class ReportedNumber(BaseModel):
    """A number that a program has found in the paper, and the metric of a run that stands for it."""

    model_config = ConfigDict(frozen=True)

    experiment: str
    method: str
    metric: str
    """As a run gives it, without experiment and method."""
    anchor: str
    """Of the table, or of the passage that is quoted."""
    table: int | None = None
    """Which of `Paper.tables`; None: it stands in running text."""
    row: int = 0
    column: int = 0
    """Of that table; names beside them."""
    row_name: str = ""
    column_name: str = ""
    quote: str = ""
    """Of what stands in running text."""
    value: float
    """As printed, in the paper's unit."""
    step: float = 0.0
    """What the last printed digit counts; 0: not known."""
    spread: float | None = None
    spread_is: Spread = "unknown"
    seeds: int | None = None
    """Runs behind it, as the paper states; None: it does not."""
    better: Better = "higher"
    unit: str = ""
    factor: float = 1.0
    """A run's value times this is in the paper's unit."""


class Numbers(BaseModel):
    """What was listed, and what could not be shown in the paper."""

    model_config = ConfigDict(frozen=True)

    found: tuple[ReportedNumber, ...] = ()
    dropped: tuple[str, ...] = ()
    """Sentences: what was named and is not there, or why nothing was listed."""
