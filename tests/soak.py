"""An hour of bad weather: papers asked for while a worker is killed every minute and every service misbehaves.

python -m tests.soak    SOAK_MINUTES=60 SOAK_JOBS=200 SOAK_SANDBOX=local SOAK_SEED=1

Gunicorn takes the webhooks; two workers, `paper2code work`, share a SQLite database and nothing else; one of them is
killed every minute and started again. GitHub, arXiv and the model are the tests' fake ones, with faults at random.
Where a job ends as failed, `/paper2code retry` is said once. At the end every job has ended, no whole answer of the
model was asked for again (but where the asking process was killed with it in hand), the processes that lived all the
time have grown no more, and nothing is left locked. Ends with status 1 where that does not hold.
"""

import contextlib
import fcntl
import itertools
import json
import logging
import os
import random
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.webhook import ROOT, SERVE, family, free_port, process, reached
from bot.intake.jobs import Record
from bot.jobs.engine import Engine
from tests.bot.conftest import SECRET, deliver
from tests.bot.crash import BOT, TASKS
from tests.bot.test_end_to_end import TEX
from tests.fakes.arxiv import FakeArxiv, Submission, fake_arxiv, one_file
from tests.fakes.github.server import FakeGitHub
from tests.fakes.github.state import APP_ID
from tests.fakes.moody import Answered, MoodyModel, Odds
from tests.pipeline.plans import recording

SECONDS_BETWEEN_KILLS = 60.0
IN_HAND = 15.0
"""Seconds in which a busy machine writes an answer down that it has been given."""
GROWTH = 1.15
"""Of memory from the second quarter to the last one: no more, where a quarter is long enough to tell."""
TELLING = 20.0
"""Minutes."""
TITLE = "Means of Things {}"
GITHUB = [
    ("POST", "/access_tokens$"),
    ("GET", "/permission$"),
    ("POST", "/comments$"),
    ("PATCH", "/comments/"),
    ("POST", "/pulls$"),
    ("POST", "/check-runs$"),
    ("POST", "/reviews$"),
    ("POST", "/git-receive-pack$"),
]
"""What may go wrong there."""
ARXIV = ["503", "503 retry 1", "429", "drop", "truncated", "slow"]


class Sample(NamedTuple):
    """What a process held at one moment."""

    megabytes: float
    """Of memory that is its own (RssAnon)."""
    files: int
    threads: int


@dataclass
class Weather:
    """What has happened."""

    killed: dict[str, float] = field(default_factory=dict)
    """Key of a worker → `time.monotonic` at which it was killed."""
    samples: defaultdict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True)
class Scene:
    """Where it happens."""

    folder: Path
    hub: FakeGitHub
    arxiv: FakeArxiv
    model: MoodyModel
    sandbox: str

    @property
    def database(self) -> Path:
        """Shared by all processes."""
        return self.folder / "jobs.sqlite"

    def environment(self, name: str, key: str) -> dict[str, str]:
        """Of the process `name`, whose key tells the model who asks."""
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}
        kept |= {
            name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_"))
        }
        return kept | {
            "TMPDIR": str(temporary),
            "PAPER2CODE_DATA_DIR": str(self.folder / name),
            "PAPER2CODE_DATABASE_URL": f"sqlite:///{self.database}",
            "PAPER2CODE_ARXIV_URL": self.arxiv.url,
            "PAPER2CODE_ARXIV_API_URL": self.arxiv.url,
            "PAPER2CODE_SANDBOX": self.sandbox,
            "PAPER2CODE_JOBS": "4",
            "PAPER2CODE_INSTALLATION_PER_DAY": "10000",
            "PAPER2CODE_INSTALLATION_CONCURRENT": "1000",
            "GITHUB_WEBHOOK_SECRET": SECRET,
            "GITHUB_APP_ID": str(APP_ID),
            "GITHUB_APP_PRIVATE_KEY": self.hub.private_key,
            "GITHUB_API_URL": self.hub.api_url,
            "GITHUB_SERVER_URL": self.hub.url,
            "OPENAI_API_KEY": key,
            "OPENAI_BASE_URL": self.model.url,
        }

    @contextlib.contextmanager
    def worker(self, name: str, key: str) -> "Iterator[subprocess.Popen[bytes]]":
        """`paper2code work`, which writes to a log of its own."""
        command = [sys.executable, "-c", "from app import main; main()", "work"]
        with (self.folder / f"{name}.log").open("ab") as log:
            environment = self.environment(name, key)
            with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log) as running:
                try:
                    yield running
                finally:
                    running.kill()


def main() -> None:
    """Let it rain, and print a Markdown table and what does not hold."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends as well
    asked = {"SOAK_MINUTES": "60", "SOAK_JOBS": "200", "SOAK_SANDBOX": "local", "SOAK_SEED": "1"} | os.environ
    minutes, jobs, seed = float(asked["SOAK_MINUTES"]), int(asked["SOAK_JOBS"]), int(asked["SOAK_SEED"])
    papers = (
        Submission(
            f"2401.{number:05}",
            title := TITLE.format(number),
            source=one_file(TEX.replace("Means of Things", title)),
        )
        for number in range(1, jobs + 1)
    )
    with (
        tempfile.TemporaryDirectory() as name,
        FakeGitHub(Path(name, "github")) as hub,
        fake_arxiv(*papers) as arxiv,
        MoodyModel(answer, TITLE.format(r"(\d+)"), Odds(), seed) as model,
    ):
        scene, weather = Scene(Path(name), hub, arxiv, model, asked["SOAK_SANDBOX"]), Weather()
        hub.state.files[".github/paper2code.yml"] = "quota: {per_day: 10000, concurrent: 1000}"
        records, left = soaked(scene, weather, 60 * minutes, jobs, random.Random(seed))
        entries = stored(scene.database)
        wrong = [*left, *unended(records, jobs), *paid_twice(model.answered, entries, weather.killed)]
        wrong += [*twice_on_github(hub, records), *grown(weather.samples, minutes)]
        print(table(records, model, entries, weather))
    for each in wrong:
        print(f"- {each}")
    raise SystemExit(1 if wrong else 0)


def answer(task: str) -> str:
    """What the recording has for the task; a repair, which a machine that is too busy may ask for, changes nothing."""
    answers = recording()
    if "make it run" in task:
        return f"estimator.py\n{answers['code.estimator.py']}"
    (stage,) = (stage for words, stage in TASKS.items() if words in task.replace("mend `", "write `"))
    return answers[stage]


def soaked(
    scene: Scene, weather: Weather, seconds: float, jobs: int, chance: random.Random
) -> tuple[list[Record], list[str]]:
    """All jobs, when all have ended or as long again has passed, and what was left behind."""
    port, over = free_port(), threading.Event()
    serve = [argument.format(port=port) for argument in SERVE]
    serve = ["--config", "python:bot.web.serving", *serve]
    web_environment = scene.environment("web", "sk-web")
    with (
        process([sys.executable, "-m", "gunicorn", *serve], web_environment) as web,
        scene.worker("survivor", "sk-survivor") as survivor,
    ):
        reached(port)
        threads = [
            threading.Thread(target=kill_and_hire, args=(scene, weather, over)),
            threading.Thread(target=watch, args=({"web": web, "worker": survivor}, weather, over)),
        ]
        for thread in threads:
            thread.start()
        try:
            records = asked_for(scene, port, seconds, jobs, chance)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        left = [
            *locked(scene),
            *([] if survivor.poll() is None else ["the worker that nobody killed has ended"]),
        ]
        survivor.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            survivor.wait(60)
        left += [] if survivor.poll() == 130 else [f"SIGTERM: the worker ended with {survivor.poll()}"]
    return records, [*left, *still_running(scene.folder)]


def asked_for(scene: Scene, port: int, seconds: float, jobs: int, chance: random.Random) -> list[Record]:
    """Ask for all papers, evenly over most of the time, and for each that fails once more."""
    engine = Engine(f"sqlite:///{scene.database}")
    began, issues, retried = time.monotonic(), dict[int, int](), set[str]()
    try:
        for number in range(1, jobs + 1):
            time.sleep(max(0.0, began + 0.9 * seconds * number / jobs - time.monotonic()))
            if chance.random() < 0.3:
                method, path = chance.choice(GITHUB)
                scene.hub.fail(method, path, chance.choice([502, None]), carried_out=chance.random() < 0.5)
            if chance.random() < 0.2:
                scene.arxiv.troubles.append(chance.choice(ARXIV))
            issues[number] = scene.hub.open_issue(f"Paper {number}", "")
            said(scene, port, issues[number], f"/paper2code arxiv:2401.{number:05}")
            scene.hub.exchanges.clear()
        while True:
            records = engine.latest(10 * jobs)
            again = [each for each in records if each.state == "failed" and each.job.id not in retried]
            for record in again:
                retried.add(record.job.id)
                if (
                    sum(each.job.paper == record.job.paper for each in records) == 1
                    and record.job.place.issue
                ):
                    said(scene, port, record.job.place.issue, "/paper2code retry")
            ended = len({each.job.paper for each in records}) == jobs and all(
                each.outcome for each in records
            )
            if (
                ended and not again and engine.pending() == 0
            ) or time.monotonic() - began > 2 * seconds + 300:
                return records
            time.sleep(2)
    finally:
        engine.close()


def said(scene: Scene, port: int, issue: int, text: str) -> None:
    """Somebody comments; GitHub delivers it until it is taken."""
    event = scene.hub.comment_event(issue, text)
    while deliver(port, "issue_comment", event, delivery=f"d-{event['comment']['id']}")[0] != 202:
        time.sleep(1)


def kill_and_hire(scene: Scene, weather: Weather, over: threading.Event) -> None:
    """A worker with one data folder, killed every minute and started again."""
    for number in itertools.count(1):
        key = f"sk-mortal-{number}"
        with scene.worker("mortal", key) as running:
            if over.wait(SECONDS_BETWEEN_KILLS):
                running.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.wait(60)
                return
            weather.killed[f"Bearer {key}"] = time.monotonic()
            running.kill()


def watch(processes: "dict[str, subprocess.Popen[bytes]]", weather: Weather, over: threading.Event) -> None:
    """Look at what they hold, every five seconds."""
    while not over.wait(5):
        for name, running in processes.items():
            # A worker's children come and go with what it runs; those of gunicorn stay.
            members = family(running.pid) if name == "web" else [running.pid]
            held = [sample(member) for member in members if running.poll() is None]
            if held:
                weather.samples[name].append(Sample(*map(sum, zip(*held, strict=True))))


def sample(pid: int) -> Sample:
    """Of one process."""
    about = Path(f"/proc/{pid}/status").read_text()
    figures = {
        name: int(re.findall(rf"^{name}:\s*(\d+)", about, re.MULTILINE)[0]) for name in ("RssAnon", "Threads")
    }
    return Sample(figures["RssAnon"] / 1024, len(list(Path(f"/proc/{pid}/fd").iterdir())), figures["Threads"])


def stored(database: Path) -> list[tuple[str, str]]:
    """Folder of the job and line, of each answer that the journals hold."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT job, line FROM paper2code_calls ORDER BY number").fetchall()
    return [(job, line) for job, line in rows if json.loads(line)["completion"] is not None]


def unended(records: list[Record], jobs: int) -> Iterator[str]:
    """Papers that nobody has begun, and jobs that have not ended."""
    if missing := jobs - len({record.job.paper for record in records}):
        yield f"{missing} papers have no job"
    for record in records:
        if record.outcome is None:
            yield f"{record.job.id} ({record.job.paper}) has not ended: {record.state}"
        elif record.state == "failed" and not record.outcome.reason:
            yield f"{record.job.id} failed and does not say why"


def paid_twice(
    answered: list[Answered], entries: list[tuple[str, str]], killed: dict[str, float]
) -> Iterator[str]:
    """Whole answers that were asked for again, and those that are in no journal."""
    questions = defaultdict[tuple[str, str], list[Answered]](list)
    for each in answered:
        questions[each.subject, each.question].append(each)
    for (subject, question), given in questions.items():
        for one, other in itertools.pairwise(sorted(given, key=lambda each: each.when)):
            if not 0 <= killed.get(one.asker, 0.0) - one.when <= IN_HAND:
                task = re.findall("# Task: ([^\\\\]*)", question)[-1]
                seconds = other.when - one.when
                end = killed.get(one.asker)
                held = f"killed {end - one.when:.0f} s after it was told" if end else "not killed"
                yield (
                    f"paper {subject}: “{task}”, {one.asker} ({held}), "
                    f"asked again after {seconds:.0f} s by {other.asker}"
                )
    keys = {(job, json.loads(line)["key"]) for job, line in entries}
    if len(keys) != len(questions):
        yield f"{len(questions)} questions have whole answers, and the journals hold {len(keys)}"


def twice_on_github(hub: FakeGitHub, records: list[Record]) -> Iterator[str]:
    """What there should be one of."""
    heads = Counter(pull["head"] for pull in hub.state.pulls.values())
    checks = Counter((check["head_sha"], check["name"]) for check in hub.state.checks)
    reviews = Counter(each["commit_id"] for each in hub.state.reviews)
    for what, counted in (("pull requests", heads), ("check runs", checks), ("reviews", reviews)):
        yield from (f"{count} {what} for {of}" for of, count in counted.items() if count > 1)
    if missing := {record.job.branch for record in records if record.state == "done"} - heads.keys():
        yield f"no pull request for {sorted(missing)}"
    comments = Counter(comment["issue_url"] for comment in hub.comments_by(BOT))
    jobs = Counter(record.job.place.issue for record in records)
    for url, count in comments.items():
        if count != jobs[int(url.rpartition("/")[2])]:
            yield f"{count} comments of the bot at {url}"


def grown(samples: dict[str, list[Sample]], minutes: float) -> Iterator[str]:
    """What holds more in the last quarter than in the second one."""
    for name, held in samples.items() if minutes >= TELLING else ():
        before, after = quarters(held)
        for what, one, other in zip(Sample._fields, before, after, strict=True):
            if other > GROWTH * one:
                yield f"{name}: {what} grew from {one:.0f} to {other:.0f}"


def quarters(held: list[Sample]) -> tuple[Sample, Sample]:
    """The medians of the second quarter and of the last."""
    quarter = len(held) // 4
    parts = held[quarter : 2 * quarter], held[-quarter:]
    before, after = (Sample(*map(statistics.median, zip(*part, strict=True))) for part in parts)
    return before, after


def locked(scene: Scene) -> Iterator[str]:
    """What is held though nobody works any more; the survivor still runs."""
    yield from (f"{path} is locked" for path in still_locked(scene.folder))
    yield from (f"git has left {path.name}" for path in scene.hub.git.rglob("*.lock"))
    with contextlib.closing(sqlite3.connect(scene.database, timeout=5, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


def still_locked(folder: Path) -> Iterator[str]:
    """Files in it that somebody holds."""
    for path in (*folder.rglob("*.lock"), *folder.rglob("journal.jsonl")):
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield str(path.relative_to(folder))


def still_running(folder: Path) -> Iterator[str]:
    """Processes that were started from the folder and have outlived who started them."""
    mark = str(folder).encode()
    for about in Path("/proc").iterdir():
        if about.name.isdecimal() and int(about.name) != os.getpid():
            with contextlib.suppress(OSError):
                if any(mark in (about / name).read_bytes() for name in ("cmdline", "environ")):
                    yield f"process {about.name} still runs: {(about / 'cmdline').read_bytes()[:200]!r}"


def table(records: list[Record], model: MoodyModel, entries: list[tuple[str, str]], weather: Weather) -> str:
    """What happened."""
    ends = Counter(
        f"{record.state}, {record.outcome.status or record.outcome.reason[:60]}"
        if record.outcome
        else "not ended"
        for record in records
    )
    again = len(model.answered) - len({(each.subject, each.question) for each in model.answered})
    rows: list[tuple[str, Any]] = [
        ("jobs", "; ".join(f"{count} {end}" for end, count in ends.most_common())),
        ("workers killed", len(weather.killed)),
        ("requests at the model", len(model.requests)),
        ("whole answers; of these in hand at a kill, and asked for again", f"{len(model.answered)}; {again}"),
        ("answers in the journals", len(entries)),
        ("the model's moods", "; ".join(f"{name} {count}" for name, count in model.moods.most_common())),
    ]
    for name, held in weather.samples.items():
        before, after = quarters(held)
        rows.append(
            (
                f"{name}: second quarter, last quarter",
                f"{before.megabytes:.0f}, {after.megabytes:.0f} MB; {before.files:.0f}, {after.files:.0f} files; "
                f"{before.threads:.0f}, {after.threads:.0f} threads",
            )
        )
    return "\n".join(["| what | |", "|---|---|", *(f"| {what} | {value} |" for what, value in rows)])


if __name__ == "__main__":
    main()
