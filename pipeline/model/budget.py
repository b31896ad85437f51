"""What model calls cost, and the cap that no call may break. Knows prices and tokens, not prompts."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, replace

from pipeline.errors import BudgetReached, Cancelled
from pipeline.model.division import UNDIVIDED, Division, Part, part_of
from pipeline.model.llm import Usage
from pipeline.model.prices import Price


@dataclass
class Request:
    """One request's reservation. Whoever makes the request fills in `usage`."""

    output_tokens: int | None
    """At most so many may be asked for; None: no cap, no limit."""
    usd: float
    """Reserved."""
    usage: Usage = field(default_factory=Usage)


@dataclass
class _Account:
    """What all budgets of a run share. Changed only while `settled` is held."""

    cap: float | None
    spent: defaultdict[Part, float]
    """USD."""
    cancelled: Callable[[], bool]
    division: Division = UNDIVIDED
    reserved: float = 0.0
    settled: threading.Condition = field(default_factory=threading.Condition)


class Budget:
    """Counts what is spent and reserves what requests in flight may cost. Safe to use from several threads.

    A request reserves its input (as written to the cache, if that is dearer) and an output allowance: at least
    `floor` tokens or the most that its family of stages has needed so far, at most `ceiling` or half of what
    is left. Because the allowance is also sent as the request's limit, no request costs more than it reserved,
    and the cap holds.
    """

    floor = 8_000
    ceiling = 32_000

    def __init__(
        self,
        price: Price | None,
        cap: float | None = None,
        *,
        spent: Mapping[Part, float] | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        """`cap`, and `spent` by earlier sessions, in USD; a cap needs a price."""
        self.price = price
        self._account = _Account(cap, defaultdict(float, spent or {}), cancelled)
        self._needed: defaultdict[str, int] = defaultdict(int)

    def beside(self, price: Price | None) -> "Budget":
        """The same account, for a model with another price."""
        other = copy(self)
        other.price = price
        return other

    def divide(self, division: Division) -> None:
        """From now on no call takes what is kept for something that matters more."""
        with self._account.settled:
            self._account.division = division

    @property
    def spent(self) -> float:
        """USD so far."""
        with self._account.settled:
            return sum(self._account.spent.values())

    @contextmanager
    def request(self, stage: str, input_tokens: int, bill: Callable[[Usage], None]) -> Iterator[Request]:
        """Hold a reservation while the request is made; then settle it and `bill` its true cost.

        Where the rest of the cap is reserved by requests in flight, wait for them. Raises BudgetReached,
        Cancelled.
        """
        account, family = self._account, stage.partition(".")[0]
        request = self._reserve(stage, family, input_tokens)
        try:
            yield request
        finally:
            with account.settled:
                account.reserved -= request.usd
                usage = _possible(request.usage)
                usd = self.price.of(usage) if self.price else None
                account.spent[part_of(stage)] += usd or 0.0
                needed = usage.output_tokens
                cut_off = request.output_tokens is not None and needed >= request.output_tokens
                self._needed[family] = max(self._needed[family], 2 * needed if cut_off else needed)
                account.settled.notify_all()
            if usage.calls:
                bill(replace(usage, usd=usd))

    def _reserve(self, stage: str, family: str, input_tokens: int) -> Request:
        account = self._account
        if account.cap is None or self.price is None:
            return Request(output_tokens=None, usd=0.0)
        with account.settled:
            while True:
                if account.cancelled():
                    raise Cancelled(f"Stopped before the call {stage}.")
                least = max(self.floor, self._needed[family])
                needs = self.price.most(input_tokens, least)
                spent, kept = sum(account.spent.values()), account.division.kept(stage, account.spent)
                left = account.cap - spent - kept
                if needs > left:
                    others = f", ${kept:.2f} kept for what matters more" if kept else ""
                    raise BudgetReached(
                        f"The call {stage} could cost ${needs:.2f}, and of the cap of ${account.cap:.2f} "
                        f"${max(left, 0):.2f} are left (${spent:.2f} spent{others}).",
                        "Go on with a higher cap (max_usd): nothing that is paid for is paid for twice.",
                    )
                left -= account.reserved
                if needs <= left:
                    break
                account.settled.wait(0.5)
            each = self.price.per_output_token(input_tokens)
            spare = (left - self.price.most(input_tokens, 0)) / 2 / each if each else self.ceiling
            output = max(least, min(self.ceiling, int(spare)))
            usd = self.price.most(input_tokens, output)
            account.reserved += usd
            return Request(output_tokens=output, usd=usd)


def _possible(usage: Usage) -> Usage:
    """What a server may have counted: nothing below zero, no more cached and written than was sent."""
    sent = max(usage.input_tokens, 0)
    cached = min(max(usage.cached_tokens, 0), sent)
    return replace(
        usage,
        input_tokens=sent,
        cached_tokens=cached,
        written_tokens=min(max(usage.written_tokens, 0), sent - cached),
        output_tokens=max(usage.output_tokens, 0),
    )
