"""What an endpoint says of its models: asked once, before a paper is fetched or a call is paid for."""

import difflib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import httpx
from pydantic import SecretStr

from pipeline.errors import ModelUnavailable, ModelUnreachable
from pipeline.markdown import visible
from pipeline.model.defaults import DEFAULTS, ENDED, Provider
from pipeline.model.prices import price_of, undated

SECONDS = 10.0
"""Patience with a list; of these, half for the connection."""
SOON = timedelta(days=60)
HOMES: Mapping[Provider, str] = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com/v1",
}
VARIABLES: Mapping[Provider, str] = {"openai": "OPENAI", "anthropic": "ANTHROPIC"}
_LARGEST = 4 * 2**20
"""Bytes of a list; more is none."""
_NAMED = 3


@dataclass(frozen=True)
class Service:
    """Where models are asked."""

    provider: Provider
    key: SecretStr | None
    base_url: str | None
    """None: the provider's own."""

    @property
    def url(self) -> httpx.URL:
        """Of its list. Raises httpx.InvalidURL."""
        if self.base_url is None:
            base = httpx.URL(HOMES[self.provider])
        else:
            base = httpx.URL(self.base_url)
            if self.provider == "anthropic":  # whose base stands before the version
                base = base.copy_with(path=f"{base.path.rstrip('/').removesuffix('/v1')}/v1")
        return base.copy_with(path=f"{base.path.rstrip('/')}/models")

    @property
    def headers(self) -> dict[str, str]:
        """With the key in it."""
        key = self.key.get_secret_value() if self.key else ""
        if self.provider == "anthropic":
            return {"anthropic-version": "2023-06-01"} | ({"x-api-key": key} if key else {})
        return {"Authorization": f"Bearer {key}"} if key else {}


@dataclass(frozen=True)
class Offer:
    """What a service has said."""

    service: Service
    models: Mapping[str, date | None]
    """Each with the day from which it answers no more, where that is announced; none where it gives no list."""
    said: str = ""
    """Why there is no list."""

    @property
    def endpoint(self) -> str:
        """For people: without a query, in which some keep a key."""
        return str(self.service.url.copy_with(query=None)).removesuffix("/models")

    def ends(self, model: str) -> date | None:
        """The day from which a model answers no more, as the service, or its provider, has announced."""
        if self.models.get(model):
            return self.models[model]
        # A server of one's own may serve what its provider has ended, or call something else so.
        if self.service.base_url is None or (self.models and not self.lists(model)):
            return ENDED.get(undated(model))
        return None

    def lists(self, model: str) -> bool:
        """Whether it is there, be it with a date or a tag that may be left out."""
        return model in self.models or any(
            name.removesuffix(":latest") == model or ("/" not in name and undated(name) == model.lower())
            for name in self.models
        )

    def concern(self, model: str, today: date | None = None) -> str:
        """What a person has to know before `model` is asked: that it is not there, or will not be for long."""
        today = today or datetime.now(UTC).date()
        end = self.ends(model)
        if end and end <= today:
            said = f"{model} has ended on {end:%Y-%m-%d}; {self.endpoint}"
        elif end and end - today <= SOON:
            said = f"{model} ends on {end:%Y-%m-%d}, {_days((end - today).days)} from now; {self.endpoint}"
        elif self.models and not self.lists(model):
            said = f"{self.endpoint} does not list {model}; it"
        else:
            return ""
        names = ", ".join(self.instead(model, today) if self.models else [self._default])
        return f"{said} offers {names or 'nothing that stays'}"

    def instead(self, model: str, today: date) -> list[str]:
        """Some models of the service that will stay: the default first, then what is called alike or priced."""
        stays = [name for name in self.models if not (end := self.ends(name)) or end - today > SOON]
        alike = difflib.get_close_matches(model, stays, n=_NAMED, cutoff=0.5)
        priced = (name for name in stays if price_of(name))
        default = [self._default] if self._default in stays else []
        wanted = dict.fromkeys(name for name in (*default, *alike, *priced, *stays) if name != model)
        return [visible(name)[:80] for name in list(wanted)[:_NAMED]]

    @property
    def _default(self) -> str:
        return DEFAULTS[self.service.provider]


def ask(service: Service) -> Offer:
    """The list, if there is one. Raises ModelUnavailable where the key is not accepted or the address is none, and
    ModelUnreachable where nobody answers.
    """
    variable = VARIABLES[service.provider]
    try:
        with httpx.stream(
            "GET", service.url, headers=service.headers, timeout=httpx.Timeout(SECONDS, connect=SECONDS / 2)
        ) as answer:
            offer = Offer(service, {}, f"answers {answer.status_code} to a list of models")
            if answer.status_code == 401:
                raise ModelUnavailable(
                    f"{offer.endpoint} answers, but does not accept the key.",
                    f"Set {variable}_API_KEY to a key that this endpoint accepts.",
                )
            body = b"".join(_within(answer, time.monotonic() + SECONDS)) if answer.is_success else b""
    except httpx.ReadTimeout:
        return Offer(service, {}, "gives no list of models in time")
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        none = isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol | UnicodeError)
        where = visible(str(service.base_url or HOMES[service.provider]).partition("?")[0])
        raise (ModelUnavailable if none else ModelUnreachable)(
            f"The model service at {where} cannot be reached: {reason(error)}.",
            f"Check {variable}_BASE_URL and the network.",
        ) from None
    models = _listed(body)
    return Offer(service, models, "" if models else offer.said)


def reason(error: Exception) -> str:
    """Why there is no connection, without the numbers of an operating system."""
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    text = str(error)
    return text.partition("] ")[2] if text.startswith("[Errno") else text or type(error).__name__


def _within(answer: httpx.Response, deadline: float) -> Iterator[bytes]:
    """Its body; nothing more once that is too long or takes too long."""
    size = 0
    for piece in answer.iter_bytes():
        size += len(piece)
        if size > _LARGEST or time.monotonic() > deadline:
            return
        yield piece


def _listed(body: bytes) -> dict[str, date | None]:
    """The models in an answer, whatever it is."""
    try:
        entries = json.loads(body)["data"]
        return {str(entry["id"])[:200]: _date(entry.get("shutdown_date")) for entry in entries}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _date(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None


def _days(number: int) -> str:
    return f"{number} day{'' if number == 1 else 's'}"
