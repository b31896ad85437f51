"""The adapter for OpenAI-compatible chat completions: asks, retries, continues, falls back.

Knows one server's ways and no more: what is spent is the budget's, what is kept the journal's. The key stays
in here; texts of servers are passed on only with it blanked out.
"""

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx2
import openai
from openai.types import CompletionUsage
from openai.types.chat.chat_completion import Choice
from pydantic import SecretStr

from pipeline.errors import ModelRefused, ModelUnavailable
from pipeline.model import faults, schema
from pipeline.model.budget import Budget
from pipeline.model.llm import Prompt, Usage
from pipeline.model.stream import Event, Patience, listen, pause

logger = logging.getLogger(__name__)

OPENAI = "https://api.openai.com/v1"
_CONTINUE = (
    "Your answer was cut off by the length limit. Continue exactly where you stopped: begin with the very "
    "next character, repeat nothing, add no introduction and no new code fence."
)


@dataclass(frozen=True)
class Answer:
    """What the server said, complete."""

    text: str
    model: str
    finish_reason: str


@dataclass
class _Reply:
    """What one request has brought so far."""

    text: str = ""
    refusal: str = ""
    model: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
    accepted: bool = False
    """The server took the request, so it is paid for even if the answer breaks off."""

    def add(self, event: Event) -> None:
        """Raises openai.APIError where the server sends an error as if it were an answer."""
        extra = event.model_extra or {}
        if extra.get("error"):
            raise openai.APIError(str(extra["error"]), httpx2.Request("POST", "/"), body=extra["error"])
        self.accepted = True
        self.model = event.model or self.model
        self.usage = _usage(event.usage) if event.usage else self.usage
        for choice in event.choices or ():
            said = choice.message if isinstance(choice, Choice) else choice.delta
            self.text += said.content or ""
            self.refusal += said.refusal or ""
            self.finish_reason = choice.finish_reason or self.finish_reason


def require_key(api_key: SecretStr | None, base_url: str | None) -> None:
    """Without a key only a server of one's own can be asked. Raises ModelUnavailable."""
    if api_key is None and base_url is None:
        raise ModelUnavailable(
            "There is no API key for the model service.",
            "Set OPENAI_API_KEY, or OPENAI_BASE_URL to a server that asks for none (vLLM, Ollama).",
        )


class Endpoint:
    """One model behind one server. Safe to call from several threads."""

    def __init__(
        self,
        *,
        model: str,
        api_key: SecretStr | None,
        base_url: str | None = None,
        reasoning_effort: str | None = None,
        patience: Patience | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        """Raises ModelUnavailable."""
        require_key(api_key, base_url)
        self.model = model
        self.effort = reasoning_effort
        self._patience = patience or Patience()
        self._cancelled = cancelled
        self._secret = api_key.get_secret_value() if api_key else ""
        self._rejected: frozenset[str] = frozenset()
        self._warned = False
        try:
            self._client = openai.OpenAI(
                api_key=self._secret or "none",
                base_url=base_url or OPENAI,
                max_retries=0,
                timeout=httpx2.Timeout(self._patience.first_token, connect=30.0),
            )
        except (openai.OpenAIError, httpx2.InvalidURL, ValueError):
            raise ModelUnavailable("OPENAI_BASE_URL is not a URL.", f"Example: {OPENAI}") from None
        self._host = self._client.base_url.host

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def answer(self, prompt: Prompt, budget: Budget, bill: Callable[[Usage], None]) -> Answer:
        """Ask until the answer is complete; `bill` is told of each request's usage, that of failed ones too.

        Raises ModelUnavailable, ContextOverflow, ModelRefused, BudgetReached, Cancelled.
        """
        text = ""
        for _ in range(1 + self._patience.continuations):
            reply = self._ask(prompt, text, budget, bill)
            text += reply.text
            if reply.refusal or reply.finish_reason == "content_filter":
                why = self._blank(reply.refusal) or "its content filter intervened"
                raise ModelRefused(f"{self.model} declined to answer {prompt.stage}: {why}", faults.REFUSED)
            if reply.finish_reason != "length":
                text = schema.without_thoughts(text)
                text = schema.json_text(text) if prompt.answer else text
                return Answer(text, reply.model or self.model, reply.finish_reason or "stop")
        rounds = self._patience.continuations
        raise ModelUnavailable(
            f"The answer to {prompt.stage} was still cut off after {rounds} continuations.",
            f"{self.model} stops at too few tokens: choose a model with a larger output limit.",
        )

    def _ask(self, prompt: Prompt, partial: str, budget: Budget, bill: Callable[[Usage], None]) -> _Reply:
        """One request, tried until it succeeds or there is no use."""
        failures = silences = 0
        avoid: frozenset[str] = frozenset()
        while True:
            reply = _Reply()
            body = self.request(prompt, partial, self._rejected | avoid)
            size = sum(len(message["content"].encode()) for message in body["messages"])
            # A token is longer than three bytes in the text of papers and code, whatever the tokenizer.
            with budget.request(prompt.stage, size // 3, bill) as request:
                if request.output_tokens and "max_completion_tokens" not in self._rejected | avoid:
                    body["max_completion_tokens"] = request.output_tokens
                try:
                    with closing(listen(self._client, body, self._patience, self._cancelled)) as events:
                        for event in events:
                            reply.add(event)
                    whole = partial + reply.text + reply.refusal
                    fault = faults.incomplete(whole, reply.finish_reason, reply.usage is not None)
                except (openai.OpenAIError, httpx2.HTTPError, ValueError, TimeoutError) as error:
                    fault = faults.understand(error, body, self._host)
                finally:
                    if reply.accepted:
                        request.usage = reply.usage or _estimate(size, reply.text)
            if fault is None:
                self._check_prompt_was_read(reply.usage, size)
                return reply
            if fault.feature and fault.once:
                avoid |= {fault.feature}
                continue
            if fault.feature:
                self._rejected |= {fault.feature}
                logger.info("%s does not take %s: asking without it", self._host, fault.feature)
                continue
            failures += 1
            silences += fault.silent
            what = self._blank(fault.what).rstrip(".")
            if fault.final or failures >= self._patience.tries or silences >= self._patience.silent_tries:
                tried = f" ({failures} tries)" if failures > 1 else ""
                raise fault.kind(f"{what}{tried}.", fault.hint)
            seconds = self._patience.delay(failures, fault.retry_after)
            logger.warning("%s: %s. Next try in %.0f s.", prompt.stage, what, seconds)
            pause(seconds, self._cancelled)

    def request(
        self, prompt: Prompt, partial: str = "", rejected: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        """The request's body; what `rejected` names is left out or said in words."""
        words = ""
        if prompt.answer and "json_schema" in rejected:
            words = schema.request_in_words(prompt.answer, fenced="json_object" in rejected)
        messages = [
            {"role": "system", "content": prompt.system},
            {"role": "user", "content": prompt.shared + prompt.task + words},
        ]
        if partial:
            messages += [{"role": "assistant", "content": partial}, {"role": "user", "content": _CONTINUE}]
        body: dict[str, Any] = {"model": self.model, "messages": messages, "stream": "stream" not in rejected}
        if body["stream"] and "stream_options" not in rejected:
            body["stream_options"] = {"include_usage": True}
        if self.effort and "reasoning_effort" not in rejected:
            body["reasoning_effort"] = self.effort
        if prompt.answer and not partial:  # a continuation does not begin with a brace
            if "json_schema" not in rejected:
                body["response_format"] = schema.response_format(prompt.answer)
            elif "json_object" not in rejected:
                body["response_format"] = {"type": "json_object"}
        return body

    def _check_prompt_was_read(self, usage: Usage | None, size: int) -> None:
        """Some servers cut a prompt that is too long for them, and say nothing."""
        if usage and size > 32_000 and usage.input_tokens < size // 16 and not self._warned:
            self._warned = True
            logger.warning(
                "%s counted %d tokens in a prompt of about %d: it may read only a part of it. "
                "Give the model a larger context (Ollama: OLLAMA_CONTEXT_LENGTH).",
                self._host,
                usage.input_tokens,
                size // 4,
            )

    def _blank(self, text: str) -> str:
        """A server's words, short, and without the key if it should have repeated it."""
        text = text.replace(self._secret, "[key]") if self._secret else text
        return text if len(text) <= 500 else text[:500] + " …"


def _usage(reported: CompletionUsage) -> Usage:
    """Tokens in the terms of any server: some count reasoning only in the total."""
    details = reported.prompt_tokens_details
    cached = (details.cached_tokens if details else None) or (reported.model_extra or {}).get(
        "prompt_cache_hit_tokens"
    )
    prompt = reported.prompt_tokens or 0
    output = max(reported.completion_tokens or 0, (reported.total_tokens or 0) - prompt)
    return Usage(1, prompt, min(cached or 0, prompt), output)


def _estimate(prompt_bytes: int, text: str) -> Usage:
    return Usage(1, prompt_bytes // 4, 0, len(text) // 4, estimated=True)
