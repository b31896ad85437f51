"""The figures for Prometheus, and that the dashboard and the alerts in deploy/ ask for none that there is not."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from bot.intake.jobs import Record
from bot.intake.progress import Board
from bot.web.metrics import metrics
from bot.words.rating import agreement
from pipeline.progress import Progress
from tests.bot.words.test_rating import done
from tests.bot.work.test_worker import job

MONITORING = Path(__file__).parents[3] / "deploy/monitoring"
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
BEGUN = NOW.timestamp() - 100


def figures(*records: Record) -> dict[str, float]:
    text = metrics(list(records), 0, agreement(list(records)), 1, NOW)
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def board(*, ended: bool) -> Board:
    """The code has been written for 40 s, or is being written."""
    under_way = Board().after(Progress("code", "started", usd=0.0), BEGUN)
    return under_way.after(Progress("code", "finished", usd=0.25), BEGUN + 40) if ended else under_way


def waiting(minutes: int) -> Record:
    return Record(job(created=NOW - timedelta(minutes=minutes)), "queued", Board())


def test_each_stages_seconds_and_dollars_are_summed_over_the_jobs() -> None:
    ended = Record(job(), "done", board(ended=True))
    told = figures(ended, ended, Record(job(), "running", board(ended=False)))
    assert told['paper2code_stage_seconds{stage="code"}'] == 40 + 40 + 100
    assert told['paper2code_stage_usd{stage="code"}'] == 0.5
    assert told['paper2code_stage_seconds{stage="run"}'] == 0


def test_tokens_and_the_sandboxs_seconds_are_summed_over_the_jobs() -> None:
    begun = Board().after(Progress("code", "started", input_tokens=1000, output_tokens=10), BEGUN)
    ran = begun.after(
        Progress("run", "advanced", input_tokens=1500, output_tokens=40, sandbox_seconds=2.5), BEGUN + 9
    )
    resumed = ran.after(
        Progress("run", "advanced", input_tokens=1500, output_tokens=40, sandbox_seconds=1.5), BEGUN + 99
    )
    told = figures(Record(job(), "done", resumed), Record(job(), "running", begun))
    assert told['paper2code_jobs_tokens{kind="input"}'] == 1500 + 1000
    assert told['paper2code_jobs_tokens{kind="output"}'] == 40 + 10
    assert told["paper2code_jobs_sandbox_seconds"] == 4.0


def test_a_stage_that_nobody_works_on_goes_on_for_no_longer() -> None:
    assert figures(Record(job(), "queued", board(ended=False)))['paper2code_stage_seconds{stage="code"}'] == 0


def test_the_queue_is_as_old_as_the_job_that_waits_longest() -> None:
    assert figures(waiting(5), waiting(30), waiting(1))["paper2code_queue_age_seconds"] == 1800
    assert figures(done(4.0, 5))["paper2code_queue_age_seconds"] == 0


def test_the_judges_mean_is_of_those_that_it_has_scored() -> None:
    told = figures(done(2.0, 1), done(4.0, 1), waiting(1))
    assert (told["paper2code_judged"], told["paper2code_judge_score_mean"]) == (2, 3.0)
    assert "paper2code_judge_score_mean" not in figures(waiting(1))


def test_the_dashboard_and_the_alerts_ask_for_figures_that_there_are() -> None:
    text = metrics([], 0, agreement([]), 0, NOW)
    rated = [done(2.0, 1), done(3.0, 3), done(5.0, 5)]
    text += metrics(rated, 0, agreement(rated), 0, NOW)
    known = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]
    [group] = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    asked += [rule["expr"] for rule in group["rules"]]
    for expression in asked:
        names = set(re.findall(r"paper2code_\w+", expression))
        assert names <= known, expression
    assert all(rule["annotations"]["description"] for rule in group["rules"])
