"""The model of one run: journal and recording first, then the budget, then the endpoint."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from pipeline.contract import CURRENT
from pipeline.errors import AnswerInvalid, Cancelled, ModelUnavailable
from pipeline.model.budget import Budget
from pipeline.model.defaults import Provider, provider_of
from pipeline.model.division import Division, Part, part_of
from pipeline.model.endpoint import Endpoint
from pipeline.model.journal import REFUSED, Entry, Journal, Recording, key_of, now
from pipeline.model.llm import JUDGING, ROLES, Completion, Prompt, Role, Share, Usage, role_of
from pipeline.model.prices import Price, line_for, price_of
from pipeline.model.servers import require_key, server_of
from pipeline.model.stream import Patience


@dataclass(frozen=True)
class Terms:
    """Which models are asked, where, with what keys, and for how much at most."""

    model: str
    judge_model: str | None = None
    """Audits and judges, where `model` does the rest; None: the same."""
    provider: Provider | None = None
    """Whose protocol is spoken; None: as a model's name says."""
    api_key: SecretStr | None = None
    base_url: str | None = None
    anthropic_api_key: SecretStr | None = None
    anthropic_base_url: str | None = None
    max_usd: float | None = None
    """With a cap, a model without a known price is refused: a cap that cannot be kept must not be promised."""
    prices: Path | None = None
    """A user's file of them."""

    @property
    def judge(self) -> str:
        """Who audits, judges and writes tests."""
        return self.judge_model or self.model

    @property
    def models(self) -> Sequence[str]:
        """Each of them once, who writes first."""
        return tuple(dict.fromkeys((self.model, self.judge)))

    def price_of(self, model: str) -> Price | None:
        """What a model costs; None if nobody knows. Raises ModelUnavailable if the user's file cannot be read."""
        return price_of(model, self.prices, self.base_url)


@dataclass(frozen=True)
class Seat:
    """A model that is asked: by what name, where, and on which budget."""

    model: str
    source: Endpoint | Recording
    budget: Budget


class Session:
    """An LLM that writes down what it is told and never pays twice. Close it, or use it in a `with`."""

    def __init__(
        self,
        seats: Mapping[Role, Seat],
        journal: Journal,
        *,
        effort: str | None,
        cancelled: Callable[[], bool],
    ) -> None:
        """`seats` has one for each role; their budgets share an account."""
        self._seats = seats
        self._journal = journal
        self._effort = effort
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._usages: defaultdict[Role, Usage] = defaultdict(Usage)
        self._asked: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, AnswerInvalid):
            # Whoever goes on would else hear the same answers, and end as this run does.
            for key, stage in error.refused.items():
                model = self._seats[role_of(stage)].model
                self._journal.append(
                    Entry(
                        stage=stage,
                        key=key,
                        model=model,
                        completion=None,
                        usage=Usage(),
                        finish_reason=REFUSED,
                        created=now(),
                        contract=CURRENT,
                    )
                )
        self.close()

    def close(self) -> None:
        """Release the journal and the connections."""
        self._journal.close()
        for source in {seat.source for seat in self._seats.values()}:
            if isinstance(source, Endpoint):
                source.close()

    @property
    def model(self) -> str:
        """Who writes, for the report; for a recording, who answered then."""
        return self.shares["writer"].model

    @property
    def shares(self) -> Mapping[Role, Share]:
        """Who plays each role, and its part of `usage`."""
        with self._lock:
            return {
                role: Share(
                    seat.source.answerer(role) if isinstance(seat.source, Recording) else seat.model,
                    self._usages[role],
                )
                for role, seat in self._seats.items()
            }

    @property
    def usage(self) -> Usage:
        """Of all calls so far, replayed ones included at what they cost when they were made."""
        with self._lock:
            return sum(self._usages.values(), Usage())

    @property
    def spent(self) -> float:
        """USD paid in this run, earlier sessions included: what counts against the cap."""
        return self._seats["writer"].budget.spent

    def divide(self, division: Division) -> None:
        """Keep to it from now on."""
        self._seats["writer"].budget.divide(division)

    def complete(self, prompt: Prompt) -> Completion:
        """Raises ModelUnavailable, ContextOverflow, ModelRefused, BudgetReached, Cancelled."""
        if self._cancelled():
            raise Cancelled(f"Stopped before the call {prompt.stage}.")
        with self._lock:
            n = self._asked[prompt.stage]
            self._asked[prompt.stage] += 1
        role = role_of(prompt.stage)
        seat = self._seats[role]
        key = key_of(prompt, seat.model, self._effort)
        entry = self._journal.earlier(key)
        replayed = entry is not None or isinstance(seat.source, Recording)
        if entry is None:
            if isinstance(seat.source, Recording):
                entry = self._play(seat.source, prompt.stage, n, key)
            else:
                entry = self._pay(seat.source, seat.budget, prompt, key)
        with self._lock:
            self._usages[role] += entry.usage
        return Completion(
            prompt.stage, entry.completion or "", entry.model, entry.usage, entry.seconds, replayed, key
        )

    def _play(self, recording: Recording, stage: str, n: int, key: str) -> Entry:
        played = {"key": key, "replayed": True, "created": now()}
        entry = recording.get(stage, n).model_copy(update=played)
        self._journal.append(entry)
        return entry

    def _pay(self, endpoint: Endpoint, budget: Budget, prompt: Prompt, key: str) -> Entry:
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
                contract=CURRENT,
            )

        try:
            answer = endpoint.answer(prompt, budget, bills.append)
        except BaseException as error:  # Ctrl-C as well: what was paid for is written down
            if bills:
                failed = entry(None, endpoint.model, type(error).__name__)
                self._journal.append(failed)
                with self._lock:
                    self._usages[role_of(prompt.stage)] += failed.usage
            raise
        paid = entry(answer.text, answer.model, answer.finish_reason)
        self._journal.append(paid)
        return paid


def open_llm(
    terms: Terms,
    *,
    reasoning_effort: str | None,
    journal: Path,
    resume: bool,
    replay: Path | None = None,
    cancelled: Callable[[], bool] | None = None,
    patience: Patience | None = None,
    keep: Callable[[str], None] | None = None,
) -> Session:
    """The models of a run, to be used in a `with`.

    `resume` goes on with the journal without paying for its answers again; else an existing one is kept as
    `journal.jsonl.1`. With `replay` (a journal) neither key nor network is needed. The cap counts what earlier sessions
    of the run spent too. `keep` gets each line of the journal, for a second place; it raises PipelineError.

    Raises ModelUnavailable, PipelineError.
    """
    cancelled = cancelled or (lambda: False)
    if replay is None:
        require(terms)
    patience = patience or Patience()

    def source(name: str) -> Endpoint:
        server = server_of(
            name,
            terms.provider or provider_of(name),
            api_key=terms.api_key,
            base_url=terms.base_url,
            anthropic_api_key=terms.anthropic_api_key,
            anthropic_base_url=terms.anthropic_base_url,
            silence=patience.first_token,
        )
        return Endpoint(
            server, model=name, reasoning_effort=reasoning_effort, patience=patience, cancelled=cancelled
        )

    recording = Recording(replay) if replay else None
    known = {name: terms.price_of(name) for name in terms.models}
    sources = {name: recording or source(name) for name in known}
    kept = Journal(journal, resume=resume, keep=keep)
    spent = defaultdict[Part, float](float)
    for entry in kept.entries:
        spent[part_of(entry.stage)] += _paid(entry, known.get(entry.model, known[terms.model]))
    budget = Budget(known[terms.model], terms.max_usd, spent=spent, cancelled=cancelled)
    writes = Seat(terms.model, sources[terms.model], budget)
    judges = Seat(terms.judge, sources[terms.judge], budget.beside(known[terms.judge]))
    return Session(
        {role: judges if role in JUDGING else writes for role in ROLES},
        kept,
        effort=reasoning_effort,
        cancelled=cancelled,
    )


def require(terms: Terms) -> None:
    """What can be known to be missing before the first question. Raises ModelUnavailable."""
    for model in terms.models:
        provider = terms.provider or provider_of(model)
        require_key(model, provider, terms.api_key, terms.base_url, terms.anthropic_api_key)
        if terms.max_usd is not None and terms.price_of(model) is None:
            raise ModelUnavailable(
                f"The price of {model} is not known, so a cap of ${terms.max_usd:.2f} cannot be kept.",
                f"Set PAPER2CODE_PRICES to a TOML file with the line {line_for(model)}; or run without a cap.",
            )


def _paid(entry: Entry, price: Price | None) -> float:
    """USD that this run paid for an entry; at today's price if there was none when it was made."""
    if entry.replayed:
        return 0.0
    if entry.usage.usd is None:
        return price.of(entry.usage) if price else 0.0
    return entry.usage.usd
