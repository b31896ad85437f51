"""What the webhook takes: 200 deliveries a second for 30 seconds, on loopback, while a worker works.

python -m benchmark.webhook [SECONDS [PER_SECOND]]    against gunicorn 'app:create_app()' and `paper2code work`

Every tenth delivery is one that was sent before. A delivery's time runs from the moment at which it was due, so
that one that waits behind a slow one counts in full. GitHub is the tests' fake one.
"""

import contextlib
import hashlib
import hmac
import http.client
import json
import multiprocessing
import os
import random
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

SECRET = "only-for-measurements"  # noqa: S105
ROOT = Path(__file__).parents[1]
SERVE = ["--bind", "127.0.0.1:{port}", "--threads", "16", "--log-level", "warning", "app:create_app()"]


def main() -> None:
    """Measure, and print a Markdown table."""
    seconds, rate = (int(value) for value in [*sys.argv[1:], *("30", "200")[len(sys.argv) - 1 :]])
    with tempfile.TemporaryDirectory() as name, github(Path(name)) as hub:
        data, port = Path(name) / "data", free_port()
        environment = {
            **os.environ,
            "PAPER2CODE_DATA_DIR": str(data),
            "PAPER2CODE_SANDBOX": "none",
            "GITHUB_WEBHOOK_SECRET": SECRET,
            "GITHUB_APP_ID": str(hub["app"]),
            "GITHUB_APP_PRIVATE_KEY": hub["key"],
            "GITHUB_API_URL": hub["api"],
            "GITHUB_SERVER_URL": hub["url"],
        }
        serve = [argument.format(port=port) for argument in SERVE]
        with (
            process([sys.executable, "-m", "gunicorn", *serve], environment) as web,
            process([sys.executable, "-c", "from app import main; main()", "work"], environment) as worker,
        ):
            reached(port)
            load(port, 0, 3 * rate, rate, hub["repository"])
            before = memory(web.pid), memory(worker.pid)
            burnt = processor(web.pid)
            answers = load(port, 10**6, seconds * rate, rate, hub["repository"])
            burnt = processor(web.pid) - burnt
            after = memory(web.pid), memory(worker.pid)
        report(answers, stored(data / "jobs.sqlite"), rate)
        print(f"| web process: processor time for each delivery | {1000 * burnt / len(answers):.2f} ms |")
        for what, start, end in zip(("web process", "worker"), before, after, strict=True):
            print(f"| {what}: memory before and after | {start:.0f} MB, {end:.0f} MB |")
        print(f"| load of the machine, {os.cpu_count()} processors | {os.getloadavg()[0]:.1f} |")


def load(port: int, first: int, count: int, rate: int, repository: int) -> list[tuple[int, int, float]]:
    """Deliver; the number of the event, the status of the answer and its seconds for each."""
    chance = random.Random(1)  # noqa: S311
    numbers = [first + (chance.randrange(index) if index % 10 == 9 else index) for index in range(count)]
    bodies = {number: event(number, repository) for number in set(numbers)}
    start = time.monotonic() + 1

    def deliver(index: int) -> tuple[int, int, float]:
        due = start + index / rate
        time.sleep(max(0.0, due - time.monotonic()))
        body = bodies[numbers[index]]
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "issues",
            "X-GitHub-Delivery": str(numbers[index]),
            "X-Hub-Signature-256": f"sha256={hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}",
        }
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("POST", "/webhook", body, headers)
            status = connection.getresponse().status
        except OSError:
            status = 0
        finally:
            connection.close()
        return numbers[index], status, time.monotonic() - due

    with ThreadPoolExecutor(32) as pool:
        return list(pool.map(deliver, range(count)))


def event(number: int, repository: int) -> bytes:
    """Somebody who may not ask opens an issue that names a paper; about as long as GitHub's."""
    person = {"login": "mallory", "id": 3, "type": "User"}
    moment = "2026-01-01T00:00:00Z"
    payload: dict[str, Any] = {
        "action": "opened",
        "issue": {
            **{"id": number, "number": 1, "title": "arXiv:1706.03762", "body": "text " * 2000},
            **{"created_at": moment, "updated_at": moment, "user": person},
        },
        "repository": {"id": repository, "full_name": "octo-org/papers", "private": False},
        "sender": person,
        "installation": {"id": 99},
    }
    return json.dumps(payload).encode()


def stored(database: Path) -> set[int]:
    """The numbers of the events that the database knows; it holds each once, by its key."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT workflow_uuid FROM workflow_status WHERE name = 'answer'")
        return {int(identity.rpartition("-")[2]) for (identity,) in rows}


def report(answers: list[tuple[int, int, float]], known: set[int], rate: int) -> None:
    """How long it took, and whether all is there."""
    taken = {number for number, status, _ in answers if status == 202}
    times = sorted(1000 * seconds for _, _, seconds in answers)
    median, p99 = statistics.median(times), times[int(len(times) * 0.99)]
    print("| what | |\n|---|---|")
    print(f"| deliveries, {rate} a second | {len(answers)} |")
    print(f"| answers other than 202 | {sum(status != 202 for _, status, _ in answers)} |")
    print(f"| time of the answer: median, 99 %, longest | {median:.1f}, {p99:.1f}, {times[-1]:.0f} ms |")
    print(f"| requests that were accepted and are not stored | {len(taken - known)} |")
    unknown = {number for number in known if number >= 10**6} - {number for number, _, _ in answers}
    print(f"| requests stored that nobody sent, or twice | {len(unknown)} |")


@contextmanager
def github(folder: Path) -> Iterator[dict[str, Any]]:
    """The fake one, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_github, args=(folder / "github", theirs), daemon=True)
    child.start()
    try:
        yield ours.recv()
    finally:
        child.terminate()
        child.join()


def _github(folder: Path, pipe: Connection) -> None:
    import logging

    from tests.fakes.github.server import FakeGitHub
    from tests.fakes.github.state import APP_ID, REPOSITORY_ID

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with FakeGitHub(folder) as hub:
        hub.open_issue("A", "")
        about = {"app": APP_ID, "repository": REPOSITORY_ID, "key": hub.private_key}
        pipe.send(about | {"api": hub.api_url, "url": hub.url})
        threading.Event().wait()


@contextmanager
def process(command: list[str], environment: dict[str, str]) -> "Iterator[subprocess.Popen[bytes]]":
    """A process that ends with the block."""
    with subprocess.Popen(command, cwd=ROOT, env=environment) as running:  # noqa: S603
        try:
            yield running
        finally:
            running.terminate()


def free_port() -> int:
    """One that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def reached(port: int) -> None:
    """Wait until the web process answers."""
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit("the web process does not answer")


def memory(process: int) -> float:
    """Resident megabytes of a process and its children."""
    return sum(_status(each, "VmRSS") for each in family(process)) / 1024


def processor(process: int) -> float:
    """Seconds of processor time of a process and its children."""
    ticks = 0
    for each in family(process):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def family(process: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [process, *map(int, children)]


def _status(process: int, name: str) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{name}:")))


if __name__ == "__main__":
    main()
