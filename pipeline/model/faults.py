"""What a model server's errors mean: try again, do without a feature, or give up, and what a person can do.

Servers word the same error in many ways; all of that is here.
"""

import json
import re
import time
from collections.abc import Set
from dataclasses import dataclass

from pipeline.errors import ContextOverflow, ModelRefused, ModelUnavailable
from pipeline.headers import retry_after
from pipeline.model.protocol import EFFORTS, Endless, NoAnswer, Rejection, Reply, Server, Unreachable

REFUSED = "Providers filter some subjects: another model or provider may answer. What is finished is kept."

LIMITS = frozenset({"max_completion_tokens", "max_tokens", "max_output_tokens"})
"""What the limit of an answer's length is called."""

_OVERFLOW = re.compile(
    r"context_length_exceeded|exceed_context_size|context[ _](?:length|window|size|limit)|maximum model length"
    r"|prompt is too long|input (?:is )?too long|request too large"
    r"|tokens? exceeds? the (?:configured|maximum)"
    r"|token count .*exceeds",
    re.IGNORECASE,
)
_FILTERED = re.compile(
    r"content_filter|content management policy|content_policy|safety system"
    r"|policy_violation|bio_policy|invalid_prompt|usage polic",
    re.IGNORECASE,
)
_UNKNOWN_MODEL = re.compile(
    r"model_(?:not_found|decommissioned|not_supported)|(?:model|deployment)notfound|not_found_error"
    r"|\b(?:model|deployment)\b.{0,100}?\b(?:not found|not exist|no longer (?:available|served|offered)"
    r"|has been (?:deprecated|decommissioned|retired|shut ?down))"
    r"|(?:unknown|no such|not a valid) model|model (?:is unknown|identifier is invalid)"
    r"|invalid model(?: name| id|:| ?['\"`])|no endpoints found for",
    re.IGNORECASE | re.DOTALL,
)
_UNSUPPORTED = re.compile(r"no endpoints? found that support", re.IGNORECASE)
"""Of a router that looks for a server that takes what is asked of the model."""
_SCHEMA = re.compile(
    r"response_?format|json[ _](?:schema|object|mode)|structured output|schema|grammar|guided"
    r"|(?:output_config|text)\.format",
    re.IGNORECASE,
)
# In the order in which they are looked for: what a request may contain, and the words that reject it.
_FEATURES = {
    "stream_options": re.compile(r"stream_options|include_usage", re.IGNORECASE),
    "cache_breakpoints": re.compile(r"prompt_cache_options|prompt_cache_breakpoint", re.IGNORECASE),
    "cache": re.compile(r"prompt_cache|cache_control|cach(?:e|ing)", re.IGNORECASE),
    "images": re.compile(
        r"image|vision|multi-?modal|content.{0,40}(?:must be|should be|expected|valid) .{0,10}str",
        re.IGNORECASE,
    ),
    "system": re.compile(
        r"system['\"`]? +(?:role|message|prompt|instruction)|['\"`]system['\"`]|(?:role|got|unexpected)\W{1,4}system\b"
        r"|developer (?:role|message|instruction)|roles? must alternate|\binstructions\b",
        re.IGNORECASE,
    ),
    "json_schema": _SCHEMA,
    "json_object": _SCHEMA,
    "thinking": re.compile(r"adaptive|\bthinking\b", re.IGNORECASE),
    "reasoning_effort": re.compile(r"reasoning|effort|output_config", re.IGNORECASE),
    "max_completion_tokens": re.compile(r"max(?:_completion)?_tokens", re.IGNORECASE),
    "max_tokens": re.compile(r"max_tokens", re.IGNORECASE),
    "max_output_tokens": re.compile(r"max_output_tokens", re.IGNORECASE),
    "stream": re.compile(r"\bstream(?:ing|ed)?\b", re.IGNORECASE),
    "responses": re.compile(r"\bmessages\b|responses api", re.IGNORECASE),
}
_IMPLIED = (
    (401, re.compile(r"api[ _-]?key|unauthori[sz]ed|authentication", re.IGNORECASE)),
    (404, _UNKNOWN_MODEL),
    (400, re.compile(r"invalid_request|bad ?request|validation", re.IGNORECASE)),
)
"""The status that the words of an error imply, where it came with none."""
_VALUE = re.compile(
    r"\bvalues?\b|should be|must be|one of|support(?:ed|s)? (?:are|values|only)", re.IGNORECASE
)
_HINTS = {
    400: "The server does not accept this request: check PAPER2CODE_MODEL and {url}.",
    401: "Check {key}, and that it belongs to the service at {url}.",
    402: "The account has no credit left: top it up, then resume.",
    403: "The key may not use this model or service: check {key} and PAPER2CODE_MODEL.",
    404: "Check PAPER2CODE_MODEL (is that model offered?) and {url} (mostly it ends in /v1).",
}
_RESUME = "Go on when the service answers again: nothing that is paid for is paid for twice."
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
    """The server said nothing, or nothing that means anything."""
    features: frozenset[str] = frozenset()
    """The request is fine without these."""
    once: bool = False
    """Without them this time only."""


def incomplete(reply: Reply, partial: str, host: str) -> Fault | None:
    """What is wrong with an answer that came without an error, after a `partial` one."""
    if not reply.accepted:
        return Fault(f"The model service at {host} sent what is no answer of a model", silent=True)
    empty = not (partial + reply.text + reply.refusal).strip() and not reply.thought
    if reply.finish == "error" or (reply.finish is None and not reply.closed):
        return Fault("The answer broke off before its end", silent=empty)
    if empty and reply.finish not in ("length", "content_filter"):
        return Fault("The model's answer was empty", silent=True)
    return None


def understand(error: Exception, sent: Set[str], server: Server) -> Fault:
    """The meaning of an error that answered a request with the features `sent`."""
    host, url = server.host, server.url_name
    if isinstance(error, Endless):
        hint = f"Its server does not end its answers: choose another model or service ({url})."
        return Fault(f"The answer of the model service at {host} has no end: {error}", hint, final=True)
    if isinstance(error, NoAnswer):
        if "responses" in sent:
            return Fault(str(error), features=frozenset({"responses"}))
        hint = _HINTS[404].format(url=url)
        return Fault(f"The model service at {host} answered with {error}", hint, silent=True)
    if isinstance(error, Unreachable):
        hint = f"Is it running, and is {url} its address? {_RESUME}"
        return Fault(f"The connection to the model service at {host} failed: {error}", hint)
    if isinstance(error, TimeoutError):
        return Fault(f"The model service at {host} did not answer in time", silent=True)
    if not isinstance(error, Rejection):
        return Fault(f"The connection to the model service at {host} failed: {error or type(error).__name__}")
    return _rejection(error, sent, server)


def _rejection(error: Rejection, sent: Set[str], server: Server) -> Fault:
    words = f"{error} {json.dumps(error.body, default=str)}"
    implied = (status for status, pattern in _IMPLIED if pattern.search(words))
    status = error.status or next(implied, None)
    what = f"The model service at {server.host} answered {status or 'with an error'}: {error}"

    def hint(status: int) -> str:
        return _HINTS[status].format(key=server.key_name, url=server.url_name)

    if _OVERFLOW.search(words) and status in (None, 400, 413, 422, 429, 500):
        if limits := LIMITS & sent:  # the allowance may be what does not fit
            return Fault(what, features=limits, once=True)
        too_long = "The paper and its plan are too long for this model: choose one with a larger context."
        return Fault(what, too_long, ContextOverflow, final=True)
    if _FILTERED.search(words) and status in (None, 400, 403):
        return Fault(what, REFUSED, ModelRefused, final=True)
    if _UNKNOWN_MODEL.search(words) and status not in (401, 402, 403, 429):
        return Fault(what, hint(404), final=True)
    if status in (404, 405) and "responses" in sent:
        return Fault(what, features=frozenset({"responses"}))
    if rejected := _rejected(words, sent, status):
        return Fault(what, features=rejected)
    if "insufficient_quota" in words:
        return Fault(what, hint(402), final=True)
    if status is None or status in _TRANSIENT or status >= 500:
        return Fault(what, retry_after=retry_after(error.retry_after, time.time()))
    return Fault(what, hint(status if status in _HINTS else 400), final=True)


def _rejected(words: str, sent: Set[str], status: int | None) -> frozenset[str]:
    """The features of the request that the server's words are about; of an effort, only the levels it lacks."""
    if status not in (None, 400, 415, 422, 500, 501) and not (status == 404 and _UNSUPPORTED.search(words)):
        return frozenset()
    # A template that fails is an error of the server's own, and it fails at roles and at parts.
    mentionable = _FEATURES.keys() if status not in (None, 500) else {"system", "images"}
    for feature in _FEATURES:
        if feature in sent & mentionable and _FEATURES[feature].search(words):
            levels = _levels(words, sent) if feature == "reasoning_effort" else frozenset()
            return levels or frozenset({feature})
    return frozenset()


def _levels(words: str, sent: Set[str]) -> frozenset[str]:
    """The efforts that a model does not take, where the words are about values and not about the parameter."""
    asked = sent & frozenset(EFFORTS)
    named = {level for level in EFFORTS if re.search(rf"['\"`‘“]{level}['\"`’”]", words)}
    if not named or not _VALUE.search(words):
        return frozenset()
    return (frozenset(EFFORTS) - named if named - asked else frozenset()) | asked
