"""Figures for Prometheus, in its text format. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from statistics import fmean
from typing import get_args

from bot.intake.jobs import Record, State
from bot.words.rating import Agreement
from pipeline.progress import Stage


def metrics(records: list[Record], waiting: int, agreed: Agreement, workers: int, now: datetime) -> str:
    """Of `records`, of requests that wait for an answer, and of workers that live, at `now` (aware)."""
    states = Counter[str](record.state for record in records)
    usd = sum(record.board.usd or 0 for record in records)
    lines = [
        "# HELP paper2code_jobs Jobs that are active or were asked for within a day.",
        "# TYPE paper2code_jobs gauge",
        *(f'paper2code_jobs{{state="{state}"}} {states[state]}' for state in get_args(State)),
        "# HELP paper2code_jobs_usd What these jobs have cost, in US dollars.",
        "# TYPE paper2code_jobs_usd gauge",
        f"paper2code_jobs_usd {usd:.4f}",
        "# HELP paper2code_jobs_tokens What was sent to the model for these jobs, and what it answered.",
        "# TYPE paper2code_jobs_tokens gauge",
        f'paper2code_jobs_tokens{{kind="input"}} {sum(record.board.input_tokens for record in records)}',
        f'paper2code_jobs_tokens{{kind="output"}} {sum(record.board.output_tokens for record in records)}',
        "# HELP paper2code_jobs_sandbox_seconds For how long these jobs have had a sandbox in use.",
        "# TYPE paper2code_jobs_sandbox_seconds gauge",
        f"paper2code_jobs_sandbox_seconds {sum(record.board.sandbox_seconds for record in records):.1f}",
        "# HELP paper2code_workers Workers that live.",
        "# TYPE paper2code_workers gauge",
        f"paper2code_workers {workers}",
        "# HELP paper2code_requests_waiting Requests that no worker has answered yet.",
        "# TYPE paper2code_requests_waiting gauge",
        f"paper2code_requests_waiting {waiting}",
        "# HELP paper2code_queue_age_seconds For how long the oldest job has waited to be begun; 0: none waits.",
        "# TYPE paper2code_queue_age_seconds gauge",
        f"paper2code_queue_age_seconds {max(_ages(records, now), default=0):.0f}",
        *_stages(records, now),
        *_judged(records),
        "# HELP paper2code_ratings People's ratings of pull requests that were judged too.",
        "# TYPE paper2code_ratings gauge",
        f"paper2code_ratings {agreed.pairs}",
    ]
    means = {"people": agreed.people, "judge": agreed.judge}
    if agreed.pairs:
        lines += [
            "# HELP paper2code_score_mean Mean score of these pull requests, 1 to 5.",
            "# TYPE paper2code_score_mean gauge",
            *(f'paper2code_score_mean{{by="{who}"}} {mean:.4f}' for who, mean in means.items()),
        ]
    if agreed.correlation is not None:
        lines += [
            "# HELP paper2code_ratings_correlation Pearson's r of people's and the judge's scores.",
            "# TYPE paper2code_ratings_correlation gauge",
            f"paper2code_ratings_correlation {agreed.correlation:.4f}",
        ]
    return "\n".join(lines) + "\n"


def _ages(records: list[Record], now: datetime) -> Iterator[float]:
    for record in records:
        if record.state == "queued":
            yield max(0.0, (now - record.job.created).total_seconds())


def _stages(records: list[Record], now: datetime) -> Iterator[str]:
    """Sums over the jobs; the seconds of `run` are those that the code was executed and mended in."""
    seconds, usd = defaultdict[Stage, float](float), defaultdict[Stage, float](float)
    for record in records:
        for stage, line in record.board.lines:
            # What a dead worker has begun runs no longer: only of a running job it is still going on.
            until = line.ended or (now.timestamp() if record.state == "running" else line.started)
            seconds[stage] += max(0.0, until - line.started) if line.started and until else 0.0
            usd[stage] += line.usd or 0.0
    yield "# HELP paper2code_stage_seconds Seconds that these jobs have spent in each stage."
    yield "# TYPE paper2code_stage_seconds gauge"
    yield from (
        f'paper2code_stage_seconds{{stage="{stage}"}} {spent:.1f}' for stage, spent in seconds.items()
    )
    yield "# HELP paper2code_stage_usd US dollars that they have spent in each stage."
    yield "# TYPE paper2code_stage_usd gauge"
    yield from (f'paper2code_stage_usd{{stage="{stage}"}} {spent:.4f}' for stage, spent in usd.items())


def _judged(records: list[Record]) -> Iterator[str]:
    scores = [
        record.outcome.score for record in records if record.outcome and record.outcome.score is not None
    ]
    yield "# HELP paper2code_judged Jobs among these that the judge has scored."
    yield "# TYPE paper2code_judged gauge"
    yield f"paper2code_judged {len(scores)}"
    if scores:
        yield "# HELP paper2code_judge_score_mean Mean of its scores, 1 to 5."
        yield "# TYPE paper2code_judge_score_mean gauge"
        yield f"paper2code_judge_score_mean {fmean(scores):.4f}"
