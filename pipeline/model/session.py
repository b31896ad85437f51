"""The model of one run: journal and recording first, then the budget, then the endpoint."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from pipeline.errors import Cancelled, ModelUnavailable
from pipeline.model.budget import Budget, Price, price_of
from pipeline.model.defaults import Provider, provider_of
from pipeline.model.endpoint import Endpoint
from pipeline.model.journal import Entry, Journal, Recording, key_of, now
from pipeline.model.llm import Completion, Prompt, Usage
from pipeline.model.servers import require_key, server_of
from pipeline.model.stream import Patience


class Session:
    """An LLM that writes down what it is told and never pays twice. Close it, or use it in a `with`."""

    def __init__(
        self,
        source: Endpoint | Recording,
        journal: Journal,
        *,
        budget: Budget,
        model: str,
        effort: str | None,
        cancelled: Callable[[], bool],
    ) -> None:
        self._source = source
        self._journal = journal
        self._budget = budget
        self._model = model
        self._effort = effort
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._usage = Usage()
        self._asked: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the journal and the connections."""
        self._journal.close()
        if isinstance(self._source, Endpoint):
            self._source.close()

    @property
    def model(self) -> str:
        """Who answers, for the report; for a recording, who answered then."""
        return self._model if isinstance(self._source, Endpoint) else self._source.model

    @property
    def usage(self) -> Usage:
        """Of all calls so far, replayed ones included at what they cost when they were made."""
        with self._lock:
            return self._usage

    @property
    def spent(self) -> float:
        """USD paid in this run, earlier sessions included: what counts against the cap."""
        return self._budget.spent

    def complete(self, prompt: Prompt) -> Completion:
        """Raises ModelUnavailable, ContextOverflow, ModelRefused, BudgetReached, Cancelled."""
        if self._cancelled():
            raise Cancelled(f"Stopped before the call {prompt.stage}.")
        with self._lock:
            n = self._asked[prompt.stage]
            self._asked[prompt.stage] += 1
        key = key_of(prompt, self._model, self._effort)
        entry = self._journal.earlier(key)
        replayed = entry is not None or isinstance(self._source, Recording)
        if entry is None:
            if isinstance(self._source, Recording):
                entry = self._play(self._source, prompt.stage, n, key)
            else:
                entry = self._pay(self._source, prompt, key)
        with self._lock:
            self._usage += entry.usage
        return Completion(
            prompt.stage, entry.completion or "", entry.model, entry.usage, entry.seconds, replayed
        )

    def _play(self, recording: Recording, stage: str, n: int, key: str) -> Entry:
        played = {"key": key, "replayed": True, "created": now()}
        entry = recording.get(stage, n).model_copy(update=played)
        self._journal.append(entry)
        return entry

    def _pay(self, endpoint: Endpoint, prompt: Prompt, key: str) -> Entry:
        """Ask the endpoint, and write down what it said; or, if that failed, what the attempt has cost."""
        bills: list[Usage] = []
        started = time.monotonic()

        def entry(completion: str | None, model: str, finish_reason: str) -> Entry:
            return Entry(
                stage=prompt.stage,
                key=key,
                model=model,
                completion=completion,
                usage=sum(bills, Usage()),
                seconds=round(time.monotonic() - started, 3),
                finish_reason=finish_reason,
                created=now(),
            )

        try:
            answer = endpoint.answer(prompt, self._budget, bills.append)
        except BaseException as error:  # Ctrl-C as well: what was paid for is written down
            if bills:
                failed = entry(None, self._model, type(error).__name__)
                self._journal.append(failed)
                with self._lock:
                    self._usage += failed.usage
            raise
        paid = entry(answer.text, answer.model, answer.finish_reason)
        self._journal.append(paid)
        return paid


def open_llm(
    *,
    model: str,
    api_key: SecretStr | None,
    base_url: str | None,
    reasoning_effort: str | None,
    max_usd: float | None,
    journal: Path,
    resume: bool,
    replay: Path | None = None,
    prices: Path | None = None,
    cancelled: Callable[[], bool] | None = None,
    patience: Patience | None = None,
    keep: Callable[[str], None] | None = None,
    anthropic_api_key: SecretStr | None = None,
    anthropic_base_url: str | None = None,
    provider: Provider | None = None,
) -> Session:
    """The model of a run, to be used in a `with`; `provider` None: as its name says.

    `resume` goes on with the journal without paying for its answers again; else an existing one is kept as
    `journal.jsonl.1`. With `replay` (a journal) neither key nor network is needed. `prices` extends
    pipeline/model/prices.toml. The cap `max_usd` counts what earlier sessions of the run spent too; with a cap, a
    model without a known price is refused: a cap that cannot be kept must not be promised. `keep` gets each
    line of the journal, for a second place; it raises PipelineError.

    Raises ModelUnavailable, PipelineError.
    """
    cancelled = cancelled or (lambda: False)
    if replay is None:
        require(
            model=model,
            api_key=api_key,
            base_url=base_url,
            anthropic_api_key=anthropic_api_key,
            provider=provider,
            max_usd=max_usd,
            prices=prices,
        )
    price = price_of(model, prices)
    patience = patience or Patience()
    source: Endpoint | Recording
    if replay:
        source = Recording(replay)
    else:
        server = server_of(
            model,
            provider or provider_of(model),
            api_key=api_key,
            base_url=base_url,
            anthropic_api_key=anthropic_api_key,
            anthropic_base_url=anthropic_base_url,
            silence=patience.first_token,
        )
        source = Endpoint(
            server, model=model, reasoning_effort=reasoning_effort, patience=patience, cancelled=cancelled
        )
    kept = Journal(journal, resume=resume, keep=keep)
    spent = sum(_paid(entry, price) for entry in kept.entries)
    return Session(
        source,
        kept,
        budget=Budget(price, max_usd, spent=spent, cancelled=cancelled),
        model=model,
        effort=reasoning_effort,
        cancelled=cancelled,
    )


def require(
    *,
    model: str,
    api_key: SecretStr | None,
    base_url: str | None,
    max_usd: float | None,
    prices: Path | None = None,
    anthropic_api_key: SecretStr | None = None,
    provider: Provider | None = None,
) -> None:
    """What can be known to be missing before the first question. Raises ModelUnavailable."""
    require_key(model, provider or provider_of(model), api_key, base_url, anthropic_api_key)
    if max_usd is not None and price_of(model, prices) is None:
        raise ModelUnavailable(
            f"The price of {model} is not known, so a cap of ${max_usd:.2f} cannot be kept.",
            "Name its price in a TOML file: "
            f'[models] "{model}" = {{ input = 1.0, output = 2.0 }}, in USD per million tokens, '
            "0 for a server of your own; or run without a cap.",
        )


def _paid(entry: Entry, price: Price | None) -> float:
    """USD that this run paid for an entry; at today's price if there was none when it was made."""
    if entry.replayed:
        return 0.0
    if entry.usage.usd is None:
        return price.of(entry.usage) if price else 0.0
    return entry.usage.usd
