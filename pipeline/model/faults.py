"""What a model server's errors mean: try again, do without a feature, or give up, and what a person can do.

Servers word the same error in many ways; all of that is here.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import openai

from pipeline.errors import ContextOverflow, ModelRefused, ModelUnavailable

REFUSED = "Providers filter some subjects: another model or provider may answer. What is finished is kept."

_OVERFLOW = re.compile(
    r"context_length_exceeded|exceed_context_size|context[ _](?:length|window|size)|maximum model length"
    r"|prompt is too long|input (?:is )?too long|request too large"
    r"|tokens? exceeds? the (?:configured|maximum)"
    r"|token count .*exceeds",
    re.IGNORECASE,
)
_FILTERED = re.compile(
    r"content_filter|content management policy|content_policy|safety system", re.IGNORECASE
)
# In the order in which they are looked for: what a request may contain, and the words that reject it.
_FEATURES = {
    "stream_options": re.compile(r"stream_options|include_usage", re.IGNORECASE),
    "reasoning_effort": re.compile(r"reasoning", re.IGNORECASE),
    "max_completion_tokens": re.compile(r"max(?:_completion)?_tokens", re.IGNORECASE),
    "response_format": re.compile(
        r"response_?format|json[ _](?:schema|object|mode)|structured output|schema|grammar|guided",
        re.IGNORECASE,
    ),
    "stream": re.compile(r"\bstream(?:ing|ed)?\b", re.IGNORECASE),
}
_HINTS = {
    400: "The server does not accept this request: check PAPER2CODE_MODEL and OPENAI_BASE_URL.",
    401: "Check OPENAI_API_KEY, and that it belongs to the service at OPENAI_BASE_URL.",
    402: "The account has no credit left: top it up, then resume.",
    403: "The key may not use this model or service: check OPENAI_API_KEY and PAPER2CODE_MODEL.",
    404: "Check PAPER2CODE_MODEL (is that model offered?) and OPENAI_BASE_URL (mostly it ends in /v1).",
}
_RESUME = "Everything paid for is in the journal: resume when the service answers again."
_TRANSIENT = frozenset({408, 409, 425, 429})


@dataclass(frozen=True)
class Fault:
    """What went wrong with one request, and what follows from it."""

    what: str
    """A sentence without its full stop; may hold the server's words."""
    hint: str = _RESUME
    kind: type[ModelUnavailable] | type[ModelRefused] = ModelUnavailable
    final: bool = False
    """Trying again is of no use."""
    retry_after: float | None = None
    """Seconds that the server asks for."""
    silent: bool = False
    """The server said nothing."""
    feature: str = ""
    """The request is fine without this."""
    once: bool = False
    """Without `feature` this time only."""


def incomplete(text: str, finish_reason: str | None, counted: bool) -> Fault | None:
    """What is wrong with an answer that came without an error; `counted`: the closing usage came as well."""
    if finish_reason == "error" or (finish_reason is None and not counted):
        return Fault("The answer broke off before its end")
    if finish_reason not in ("length", "content_filter") and not text.strip():
        return Fault("The model's answer was empty", silent=True)
    return None


def understand(error: Exception, body: Mapping[str, Any], host: str) -> Fault:
    """The meaning of an error that answered the request `body`."""
    if isinstance(error, (TimeoutError, openai.APITimeoutError)):
        return Fault(f"The model service at {host} did not answer in time", silent=True)
    if not isinstance(error, openai.APIError) or isinstance(error, openai.APIConnectionError):
        cause = error.__cause__ or error
        return Fault(f"The connection to the model service at {host} failed: {cause or type(cause)}")
    status = _status(error)
    words = f"{error.message} {json.dumps(error.body, default=str)}"
    what = f"The model service at {host} answered {status or 'with an error'}: {_message(error)}"
    if _OVERFLOW.search(words) and status in (None, 400, 413, 422, 429, 500):
        if "max_completion_tokens" in body:  # the allowance may be what does not fit
            return Fault(what, feature="max_completion_tokens", once=True)
        hint = "The paper and its plan are too long for this model: choose one with a larger context."
        return Fault(what, hint, ContextOverflow, final=True)
    if _FILTERED.search(words) and status in (None, 400, 403):
        return Fault(what, REFUSED, ModelRefused, final=True)
    if status in (400, 404, 415, 422, 501) and (feature := _rejected(words, body)):
        return Fault(what, feature=feature)
    if "insufficient_quota" in words:
        return Fault(what, _HINTS[402], final=True)
    if status is None or status in _TRANSIENT or status >= 500:
        return Fault(what, retry_after=_retry_after(error))
    return Fault(what, _HINTS.get(status, _HINTS[400]), final=True)


def _rejected(words: str, body: Mapping[str, Any]) -> str:
    """The feature of the request that the server's words are about."""
    for feature, pattern in _FEATURES.items():
        if body.get(feature) and pattern.search(words):
            return str(body[feature]["type"]) if feature == "response_format" else feature
    return ""


def _status(error: openai.APIError) -> int | None:
    """The HTTP status, or the one that an error inside of a stream names."""
    if isinstance(error, (openai.APIStatusError, openai.APIResponseValidationError)):
        return error.status_code
    return int(error.code) if error.code and re.fullmatch(r"[45]\d\d", error.code) else None


def _message(error: openai.APIError) -> str:
    body = error.body
    inner = body.get("message") if isinstance(body, dict) else None
    return str(inner or error.message)


def _retry_after(error: openai.APIError) -> float | None:
    """Seconds until the time that the server names, as a number or as a date."""
    value = error.response.headers.get("retry-after", "") if isinstance(error, openai.APIStatusError) else ""
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # no date; a date without zone
        return None
