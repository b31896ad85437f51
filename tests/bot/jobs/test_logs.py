"""What the log of a process that stays says, and what it never says."""

import base64
import json
import logging
from urllib.parse import quote

import pytest

from bot.intake.progress import Entry
from bot.jobs import logs
from bot.jobs.engine import Engine
from pipeline.threads import Threads
from settings import Settings

SECRET = "sk-live/äß+hidden=="
log = logging.getLogger("bot.somewhere")


pytestmark = pytest.mark.usefixtures("logs_restored")


def redact(text: str) -> str:
    return Settings.model_validate({"openai_api_key": SECRET}).redact(text)


def test_each_line_has_the_job_also_in_threads_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    logs.start("json", "info", redact)
    log.info("before")
    with logs.about("job-1"), Threads(2) as pool:
        log.info("within")
        pool.submit(log.info, "beside").result()
    log.info("after")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["message"], line["job"]) for line in lines] == [
        ("before", None),
        ("within", "job-1"),
        ("beside", "job-1"),
        ("after", None),
    ]
    assert lines[0]["level"] == "info" and lines[0]["logger"] == "bot.somewhere"


def test_no_secret_is_logged_however_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.start("json", "info", redact)
    raw = SECRET.encode()
    forms = [SECRET, quote(SECRET, safe=""), json.dumps(SECRET), repr(SECRET), base64.b64encode(raw).decode()]
    forms += [
        base64.b64encode(b"user:" + raw).decode(),
        base64.urlsafe_b64encode(b"u:" + raw + b"@x").decode(),
    ]
    for form in forms:
        log.info("it is %s", form)
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.exception("failed")
    said = capsys.readouterr().err
    assert "hidden" not in said and "***" in said
    for form in forms:
        assert form[12:20] not in said


def test_a_line_of_text_stays_one_whatever_strangers_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    logs.start("text", "warning", redact)
    log.info("not this")
    log.warning("one\ntwo \x1b[31mred")
    [line] = capsys.readouterr().err.splitlines()
    assert "warning [-] one two" in line and "\x1b" not in line
    logs.start("text", "warning", redact)
    log.warning("again")
    assert capsys.readouterr().err.count("again") == 1


def test_lines_on_a_jobs_page_take_what_strangers_print(engine: Engine) -> None:
    hostile = "a\0b\ud800\x1b[31m\u202e" * 10_000
    engine.log("job-1", [Entry(1.0, "run", hostile, hostile)])
    (shown,) = engine.register.entries("job-1")
    assert set(shown.text) == set(shown.output) == {"a", "b"} and len(shown.text) <= 2000
