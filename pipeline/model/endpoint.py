"""One model behind one server: asks, retries, continues, does without what the server does not take.

Knows no protocol: what a server speaks is its format's, what is spent the budget's, what is kept the journal's.
Texts of servers are passed on only with the key blanked out.
"""

import hashlib
import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace

import httpx2

from pipeline.errors import ModelRefused, ModelUnavailable
from pipeline.model import faults, schema
from pipeline.model.budget import Budget
from pipeline.model.llm import Prompt, Usage
from pipeline.model.loose import mended
from pipeline.model.prefixes import Prefix, Prefixes
from pipeline.model.protocol import (
    EFFORTS,
    Endless,
    Format,
    NoAnswer,
    Question,
    Rejection,
    Reply,
    Server,
    Unreachable,
)
from pipeline.model.stream import Patience, listen, pause
from pipeline.model.thoughts import without_thoughts

logger = logging.getLogger(__name__)

_SLACK = 20_000
"""Tokens that a server may count beside the prompt's text: its own prompt, the schema, pictures."""
_ROOM = 16_000
"""Tokens to write in, at least, where the first answer held nothing but thoughts."""
_MOST_WRITTEN = 1_000_000
"""Tokens; no model writes more into one answer."""


@dataclass(frozen=True)
class Answer:
    """What the server said, complete."""

    text: str
    model: str
    finish_reason: str


@dataclass(frozen=True)
class _Round:
    """What one request of an answer adds to its prompt."""

    partial: str = ""
    hurried: bool = False
    """With little effort, because the model has spent all on thoughts before."""
    room: int | None = None
    """Tokens to write in, if not the budget's."""


class Endpoint:
    """One model behind one server. Safe to call from several threads."""

    def __init__(
        self,
        server: Server,
        *,
        model: str,
        reasoning_effort: str | None = None,
        patience: Patience | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        prefixes: Prefixes | None = None,
    ) -> None:
        self.model = model
        self.effort = reasoning_effort
        self._server = server
        self._patience = patience or Patience()
        self._cancelled = cancelled
        self._prefixes = prefixes or Prefixes()
        self._rejected: frozenset[str] = frozenset()
        self._answered = False
        self._warned = False

    def close(self) -> None:
        """Release the connections."""
        self._server.close()

    def answer(self, prompt: Prompt, budget: Budget, bill: Callable[[Usage], None]) -> Answer:
        """Ask until the answer is complete; `bill` is told of each request's usage, that of failed ones too.

        Raises ModelUnavailable, ContextOverflow, ModelRefused, BudgetReached, Cancelled.
        """
        this = _Round()
        for _ in range(1 + self._patience.continuations):
            reply = self._ask(prompt, this, budget, bill)
            if reply.refusal or reply.finish == "content_filter":
                why = self._fit(reply.refusal) or "its content filter intervened"
                raise ModelRefused(f"{self.model} declined to answer {prompt.stage}: {why}", faults.REFUSED)
            said = without_thoughts(reply.text)
            text = this.partial + said
            ended = reply.finish != "length"
            if not said.strip() and not (ended and this.partial):
                if this.hurried:
                    raise self._only_thinks(prompt.stage, reply)
                room = max(_ROOM, 2 * reply.usage.output_tokens) if reply.usage and not ended else None
                this = replace(this, hurried=True, room=room)
            elif not ended:
                this = replace(this, partial=text)
            else:
                text = mended(without_thoughts(text))
                text = schema.json_text(text) if prompt.answer else text
                return Answer(text, mended(reply.model) or self.model, reply.finish or "stop")
        rounds = self._patience.continuations
        raise ModelUnavailable(
            f"The answer to {prompt.stage} was still cut off after {rounds} continuations.",
            f"{self.model} stops at too few tokens: choose a model with a larger output limit.",
        )

    def _ask(self, prompt: Prompt, this: _Round, budget: Budget, bill: Callable[[Usage], None]) -> Reply:
        """One request, tried until it succeeds or there is no use."""
        failures = silences = 0
        avoid: frozenset[str] = frozenset()
        while True:
            reply, fault = self._try(prompt, this, avoid, budget, bill)
            if fault is None:
                return reply
            if fault.features:
                if fault.once:
                    avoid |= fault.features
                else:
                    self._rejected |= fault.features
                    logger.info(
                        "%s does not take %s: asking without it",
                        self._server.host,
                        ", ".join(sorted(fault.features)),
                    )
                continue
            failures += 1
            silences += fault.silent
            what = self._fit(fault.what).rstrip(".")
            if fault.final or failures >= self._patience.tries or silences >= self._patience.silent_tries:
                tried = f" ({failures} tries)" if failures > 1 else ""
                raise fault.kind(f"{what}{tried}.", fault.hint)
            seconds = self._patience.delay(failures, fault.retry_after)
            logger.warning("%s: %s. Next try in %.0f s.", prompt.stage, what, seconds)
            pause(seconds, self._cancelled)

    def _try(
        self,
        prompt: Prompt,
        this: _Round,
        avoid: frozenset[str],
        budget: Budget,
        bill: Callable[[Usage], None],
    ) -> tuple[Reply, faults.Fault | None]:
        """One request, and what was wrong with its answer."""
        reply = Reply()
        without = self._rejected | avoid
        format_ = self._server.format(without)
        question = self.question(prompt, format_, without, this)
        fault: faults.Fault | None
        sent: frozenset[str] = frozenset()
        with (
            self._prefixes.behind(Prefix(question.cache_key, prompt.shared), self._cancelled) as read,
            budget.request(prompt.stage, question.tokens, bill) as request,
        ):
            question = replace(question, output_tokens=request.output_tokens or this.room)
            body = format_.request(self.model, question)
            sent = format_.features(body) | {question.effort or ""}
            try:
                with closing(
                    listen(
                        lambda: self._server.open(format_, body),
                        lambda: reply.speaking,
                        self._patience,
                        self._cancelled,
                    )
                ) as events:
                    for event in events:
                        waiting = not reply.begun
                        format_.read(event, reply)
                        if waiting and reply.begun:
                            read()
                fault = faults.incomplete(reply, this.partial, self._server.host)
            except (
                Rejection,
                Endless,
                NoAnswer,
                Unreachable,
                OSError,
                httpx2.HTTPError,
                httpx2.StreamError,
            ) as error:
                fault = faults.understand(error, sent, self._server)
                if isinstance(error, Unreachable) and not self._answered:
                    fault = replace(fault, final=True)
            finally:
                if reply.accepted:
                    self._answered = True
                    request.usage = self._possible(reply, question)
        if fault and "responses" in sent and not reply.accepted and fault.silent and not self._answered:
            fault = replace(fault, features=frozenset({"responses"}))
        return reply, fault

    def question(
        self,
        prompt: Prompt,
        format_: Format,
        without: frozenset[str] = frozenset(),
        this: _Round | None = None,
    ) -> Question:
        """The prompt as it is put in a format; what the server does not take is left out or said in words."""
        this = this or _Round()
        images = () if "images" in without else prompt.pictures.drawn()
        stem = hashlib.sha256((prompt.system + prompt.shared[:1000]).encode(errors="replace"))
        for image in images:
            stem.update(image.data)
        key = stem.hexdigest()[:32]
        pieces = self._prefixes.pieces(Prefix(key, prompt.shared))
        system, task = prompt.system, prompt.task
        if "system" in without and system:
            system, pieces = "", (f"{prompt.system}\n\n", *pieces)
        forms = [form for form in format_.forms if form not in without]
        if prompt.answer and format_.strict and not schema.named(prompt.answer)["strict"]:
            forms = [form for form in forms if form != "json_schema"]
        form = forms[0] if forms else ""
        if prompt.answer and form != "json_schema":
            task += schema.request_in_words(prompt.answer, fenced=not form)
        asked = prompt.answer is not None and not this.partial  # a continuation does not begin with a brace
        return Question(
            system=system,
            images=images,
            shared=pieces,
            task=task,
            partial=this.partial,
            answer=prompt.answer if asked and form == "json_schema" else None,
            json=asked and form == "json_object",
            effort=self._effort(format_, without, "low" if this.hurried else self.effort),
            cache_key=key,
            without=without,
        )

    def _effort(self, format_: Format, without: frozenset[str], wanted: str | None) -> str | None:
        """The level nearest to the wanted one that the model takes."""
        levels = [level for level in format_.efforts if level not in without]
        if not self.effort or not wanted or not levels or "reasoning_effort" in without:
            return None
        return min(levels, key=lambda level: abs(EFFORTS.index(level) - EFFORTS.index(wanted)))

    def _possible(self, reply: Reply, question: Question) -> Usage:
        """What the server counted where that can be, else what the text suggests."""
        guess = Usage(1, question.size // 4, 0, len(reply.text) // 4, estimated=True)
        counted = reply.usage
        if counted is None:
            return guess
        most = question.size + _SLACK * (1 + len(question.images))
        figures = counted.input_tokens + counted.output_tokens
        if not figures or counted.input_tokens > most or counted.output_tokens > _MOST_WRITTEN:
            logger.warning("%s counts what cannot be: %s. It is estimated.", self._server.host, counted)
            return guess
        cached = min(counted.cached_tokens, counted.input_tokens)
        written = min(counted.written_tokens, counted.input_tokens - cached)
        self._check_prompt_was_read(counted, question)
        counted = replace(counted, cached_tokens=cached, written_tokens=written)
        if reply.closed:
            return counted
        heard = max(counted.output_tokens, guess.output_tokens)
        return replace(counted, output_tokens=heard, estimated=True)

    def _check_prompt_was_read(self, usage: Usage, question: Question) -> None:
        """Some servers cut a prompt that is too long for them, and say nothing."""
        if question.size > 32_000 and usage.input_tokens < question.size // 16 and not self._warned:
            self._warned = True
            logger.warning(
                "%s counted %d tokens in a prompt of about %d: it may read only a part of it. "
                "Give the model a larger context (Ollama: OLLAMA_CONTEXT_LENGTH).",
                self._server.host,
                usage.input_tokens,
                question.size // 4,
            )

    def _only_thinks(self, stage: str, reply: Reply) -> ModelUnavailable:
        spent = f"{reply.usage.output_tokens:,} tokens" if reply.usage else "a whole answer"
        return ModelUnavailable(
            f"{self.model} was asked {stage} twice and said nothing: the second time it spent {spent} on thoughts.",
            "Give it more room to write, set PAPER2CODE_REASONING_EFFORT lower, or choose another model.",
        )

    def _fit(self, text: str) -> str:
        """A server's words, short, and without the key if it should have repeated it."""
        text = mended(text)
        if len(self._server.secret) > 4:  # what a server of one's own takes for a key may be a letter
            text = text.replace(self._server.secret, "[key]")
        return text if len(text) <= 500 else text[:500] + " …"
