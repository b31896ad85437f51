"""What model calls cost, and the cap that no call may break. Knows prices and tokens, not prompts."""

import re
import threading
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import BudgetReached, Cancelled, ModelUnavailable
from pipeline.model.llm import Usage

PRICES = Path(__file__).with_name("prices.toml")
_DATE = re.compile(r"[-@](\d{4}-\d{2}-\d{2}|\d{8}|\d{3,4}|latest)$")


class Price(BaseModel):
    """USD per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0)
    cached_input: float | None = Field(None, ge=0)
    """None: as `input`."""
    output: float = Field(ge=0)

    def of(self, usage: Usage) -> float:
        """USD."""
        cached = self.input if self.cached_input is None else self.cached_input
        fresh = usage.input_tokens - usage.cached_tokens
        return (fresh * self.input + usage.cached_tokens * cached + usage.output_tokens * self.output) / 1e6


class _PriceFile(BaseModel):
    models: dict[str, Price]


def price_of(model: str, extra: Path | None = None) -> Price | None:
    """The price of a model, from `prices.toml` and a user's file of the same form; None if neither knows it.

    Raises ModelUnavailable if the user's file cannot be read.
    """
    prices: dict[str, Price] = {}
    for path in (PRICES, extra) if extra else (PRICES,):
        try:
            prices |= _PriceFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).models
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
            hint = "Its form is that of pipeline/model/prices.toml: "
            example = '[models] "my-model" = { input = 1.0, output = 2.0 }, in USD per million tokens.'
            raise ModelUnavailable(f"The price file {path} cannot be read: {error}", hint + example) from None
    bare = model.rsplit("/", 1)[-1]
    names = (model, bare, _DATE.sub("", bare))
    known = {name.lower(): price for name, price in prices.items()}
    return next((known[name.lower()] for name in names if name.lower() in known), None)


@dataclass
class Request:
    """One request's reservation. Whoever makes the request fills in `usage`."""

    output_tokens: int | None
    """At most so many may be asked for; None: no cap, no limit."""
    usd: float
    """Reserved."""
    usage: Usage = field(default_factory=Usage)


class Budget:
    """Counts what is spent and reserves what requests in flight may cost. Safe to use from several threads.

    A request reserves its input (none of it cached) and an output allowance: at least `floor` tokens or the
    most that its family of stages has needed so far, at most `ceiling` or half of what is left. Because the
    allowance is also sent as the request's limit, no request costs more than it reserved, and the cap holds.
    """

    floor = 8_000
    ceiling = 32_000

    def __init__(
        self,
        price: Price | None,
        cap: float | None = None,
        *,
        spent: float = 0.0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        """`cap` and `spent` in USD; a cap needs a price."""
        self.price = price
        self.cap = cap
        self._spent = spent
        self._reserved = 0.0
        self._needed: defaultdict[str, int] = defaultdict(int)
        self._settled = threading.Condition()
        self._cancelled = cancelled

    @property
    def spent(self) -> float:
        """USD so far."""
        with self._settled:
            return self._spent

    @contextmanager
    def request(self, stage: str, input_tokens: int, bill: Callable[[Usage], None]) -> Iterator[Request]:
        """Hold a reservation while the request is made; then settle it and `bill` its true cost.

        Where the rest of the cap is reserved by requests in flight, wait for them. Raises BudgetReached,
        Cancelled.
        """
        family = stage.partition(".")[0]
        request = self._reserve(stage, family, input_tokens)
        try:
            yield request
        finally:
            with self._settled:
                self._reserved -= request.usd
                usd = self.price.of(request.usage) if self.price else None
                self._spent += usd or 0.0
                needed = request.usage.output_tokens
                cut_off = request.output_tokens is not None and needed >= request.output_tokens
                self._needed[family] = max(self._needed[family], 2 * needed if cut_off else needed)
                self._settled.notify_all()
            if request.usage.calls:
                bill(replace(request.usage, usd=usd))

    def _reserve(self, stage: str, family: str, input_tokens: int) -> Request:
        if self.cap is None or self.price is None:
            return Request(output_tokens=None, usd=0.0)
        with self._settled:
            while True:
                if self._cancelled():
                    raise Cancelled(f"Stopped before the call {stage}.")
                least = max(self.floor, self._needed[family])
                needs = self.price.of(Usage(input_tokens=input_tokens, output_tokens=least))
                left = self.cap - self._spent
                if needs > left:
                    raise BudgetReached(
                        f"The call {stage} could cost ${needs:.2f}, and of the cap of ${self.cap:.2f} "
                        f"${max(left, 0):.2f} are left (${self._spent:.2f} spent).",
                        "Everything paid for is in the journal: resume with a higher --max-usd to go on.",
                    )
                left -= self._reserved
                if needs <= left:
                    break
                self._settled.wait(0.5)
            affordable = self.price.of(Usage(input_tokens=input_tokens))
            spare = (left - affordable) / 2 / (self.price.output / 1e6) if self.price.output else self.ceiling
            output = max(least, min(self.ceiling, int(spare)))
            usd = self.price.of(Usage(input_tokens=input_tokens, output_tokens=output))
            self._reserved += usd
            return Request(output_tokens=output, usd=usd)
