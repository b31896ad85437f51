"""What models cost and how much they read: the data of `genai-prices`, what it lacks yet, and a user's file."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import genai_prices
from genai_prices.types import ModelPrice, Tier, TieredPrices
from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import ModelUnavailable
from pipeline.model.llm import Usage

LACKING = Path(__file__).with_name("prices.toml")
_MILLION = 1_000_000
_MOST = 10**9
"""USD for a million tokens; infinity is no price."""
_PART = Decimal("0.000001")
"""Of a token, in a mean: coarse enough that parts add up without being rounded."""
# A date or a version as providers append it: -2025-01-31, -20250514, @20250514, -001, -latest, -v1:0.
_DATE = re.compile(r"[-@](\d{4}-\d{2}-\d{2}|\d{8}|\d{3,4}|latest)$")
_BEDROCK = re.compile(r"^(?:[a-z]+\.)?anthropic\.|-v\d+(?::\d+)?$")


class Rates(BaseModel):
    """USD per million tokens, as a file of prices names them; what is left out costs what `input` does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0, le=_MOST)
    cached_input: float | None = Field(None, ge=0, le=_MOST)
    cache_write: float | None = Field(None, ge=0, le=_MOST)
    output: float = Field(ge=0, le=_MOST)

    def by_kind(self) -> dict[str, Decimal]:
        """Under the names of `genai-prices`."""
        kinds = {
            "input_mtok": self.input,
            "cache_read_mtok": self.cached_input,
            "cache_write_mtok": self.cache_write,
            "output_mtok": self.output,
        }
        return {kind: Decimal(str(self.input if usd is None else usd)) for kind, usd in kinds.items()}


class Above(Rates):
    """What a whole request costs whose prompt is longer than `tokens`."""

    tokens: int = Field(gt=0)


class Entry(Rates):
    """One model in a file of prices."""

    above: Above | None = None
    context: int | None = Field(None, gt=0)
    """Tokens of prompt and answer together."""

    def price(self) -> "Price":
        """The same, to reckon with."""
        base, above = self.by_kind(), self.above
        if above is None:
            return Price(ModelPrice(**base))
        dear = above.by_kind()
        return Price(
            ModelPrice(**{k: TieredPrices(usd, [Tier(above.tokens, dear[k])]) for k, usd in base.items()})
        )


class _File(BaseModel):
    models: dict[str, Entry]


@dataclass(frozen=True)
class Price:
    """What requests to one model cost."""

    rates: ModelPrice

    def of(self, usage: Usage) -> float:
        """USD; of several requests, as if all were as long as the mean one."""
        calls = max(usage.calls, 1)
        fresh = usage.input_tokens - usage.cached_tokens - usage.written_tokens
        parts = (fresh, usage.cached_tokens, usage.written_tokens, usage.output_tokens)
        plain, read, written, output = ((Decimal(part) / calls).quantize(_PART) for part in parts)
        one = genai_prices.Usage(
            input_tokens=plain + read + written,
            cache_read_tokens=read,
            cache_write_tokens=written,
            output_tokens=output,
        )
        return calls * float(self.rates.calc_price(one)["total_price"])

    def most(self, input_tokens: int, output_tokens: int) -> float:
        """USD that one request can cost, however much of it is cached."""
        return max(
            self.of(Usage(1, input_tokens, 0, output_tokens)),
            self.of(Usage(1, input_tokens, 0, output_tokens, written_tokens=input_tokens)),
        )

    def per_output_token(self, input_tokens: int) -> float:
        """USD, behind a prompt of `input_tokens`."""
        return (self.most(input_tokens, _MILLION) - self.most(input_tokens, 0)) / _MILLION


def price_of(model: str, extra: Path | None = None, base_url: str | None = None) -> Price | None:
    """What a model costs today; None if neither the user's file `extra` nor the data knows it.

    Where `base_url` is a provider that the data knows, its price for the model counts. Raises ModelUnavailable
    if the user's file cannot be read.
    """
    if entry := _named(model, _read(extra) if extra else {}):
        return entry.price()
    if found := _released(model, base_url):
        rates = found.model_price
        return Price(rates) if rates.input_mtok is not None and rates.output_mtok is not None else None
    entry = _named(model, _read(LACKING))
    return entry.price() if entry else None


def window_of(model: str, extra: Path | None = None) -> int | None:
    """Tokens that prompt and answer may have together; None where that is not known. Raises as `price_of`."""
    entry = _named(model, _read(extra) if extra else {})
    if entry and entry.context:
        return entry.context
    if found := _released(model):
        return found.model.context_window
    entry = _named(model, _read(LACKING))
    return entry.context if entry else None


def undated(model: str) -> str:
    """A model's own name: without who offers it, and without the date or version that is appended."""
    bare = _BEDROCK.sub("", model.lower().rsplit("/", 1)[-1])
    return _DATE.sub("", bare)


def line_for(model: str) -> str:
    """What to write into a file of prices for a model that nobody knows."""
    return (
        f'models."{model}" = {{ input = 1.00, cached_input = 0.10, cache_write = 1.25, output = 4.00 }}, with '
        "its own prices in USD per million tokens, 0 for a server of yours"
    )


def _released(model: str, base_url: str | None = None) -> genai_prices.types.PriceCalculation | None:
    """What the data of `genai-prices` says of it."""
    for url in (base_url, None) if base_url else (None,):
        for name in _names(model):
            try:
                return genai_prices.calc_price(genai_prices.Usage(), name, provider_api_url=url)
            except LookupError:
                continue
    return None


def _named(model: str, entries: Mapping[str, Entry]) -> Entry | None:
    known = {name.lower(): entry for name, entry in entries.items()}
    return next((known[name] for name in _names(model) if name in known), None)


def _names(model: str) -> Iterator[str]:
    """What a model may be listed as: its whole name first, then without who offers it, then without its date."""
    whole = model.lower()
    yield from dict.fromkeys((whole, _BEDROCK.sub("", whole.rsplit("/", 1)[-1]), undated(whole)))


def _read(path: Path) -> dict[str, Entry]:
    try:
        return _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig"))).models
    except (OSError, ValueError) as error:
        hint = f"Its form is that of pipeline/model/prices.toml: {line_for('my-model')}."
        raise ModelUnavailable(f"The price file {path} cannot be read: {error}", hint) from None
