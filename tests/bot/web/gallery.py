"""Jobs in every state that a page can show, and the web process that shows them beside a fake GitHub.

`python -m tests.bot.web.gallery FOLDER` keeps a picture of each page: desktop and phone, light and dark.
"""

import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from pydantic import SecretStr
from werkzeug.serving import make_server

from bot.intake.configuration import Configuration
from bot.intake.jobs import Job, Offer, Outcome, Rating, Record, Wish
from bot.intake.progress import Board, Entry
from bot.jobs.engine import Engine, database_url
from bot.jobs.evidence import Evidence
from bot.web import setup, webhook
from pipeline.progress import Finding, Progress
from pipeline.record import Commit
from settings import Settings
from tests.bot.conftest import PLACE, SECRET, report
from tests.fakes.github.server import FakeGitHub
from tests.fakes.github.state import CLIENT_ID, CLIENT_SECRET
from tests.pipeline.pngs import png

TOKEN = "open-sesame-please"
TITLE = "Attention Is All You Need"
_BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=4)
_ATTENTION = '''"""Scaled dot-product attention."""

import numpy as np


def attention(query: np.ndarray, key: np.ndarray, value: np.ndarray) -> np.ndarray:
    """softmax(QKᵀ / sqrt(d_k)) V; shapes (n, d_k), (m, d_k), (m, d_v)."""
    scores = query @ key.T / np.sqrt(key.shape[-1])
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True) @ value
'''
_TEST = '''"""Checks written from the paper."""

import numpy as np
from attention import attention


def test_scores_are_scaled():
    query = np.eye(4)
    found = attention(query, query, query)
    assert np.allclose(found[0, 0], np.exp(0.5) / (np.exp(0.5) + 3))
'''
_PLAN = """# Architecture

## Files

```mermaid
flowchart LR
    main["main.py"] --> experiments["experiments.py"]
    experiments --> attention["attention.py"]
```

## What calls what

```mermaid
sequenceDiagram
    main->>experiments: run(smoke)
    experiments->>attention: attention(q, k, v)
```
"""
_TRACEBACK = """Traceback (most recent call last):
  File "/work/main.py", line 3, in <module>
    import tqdm
ModuleNotFoundError: No module named 'tqdm'
"""
_RAN = {
    "runs": "smoke run: passed",
    "fails": "smoke run: ModuleNotFoundError: No module named 'tqdm'",
    "not-run": "no sandbox was asked for",
}
STATES = (
    "queued", "waiting", "running", "repairing", "runs", "fails", "not-run", "failed", "cancelled", "revision",
)  # fmt: skip


def job(name: str, number: int, **changes: Any) -> Job:
    """One, whose id has its number."""
    asked = Job(
        f"123456-{number}-{number:012x}",
        replace(PLACE, issue=number),
        "alice",
        "1706.03762v5",
        Configuration(),
        _BEGAN - timedelta(hours=number),
    )
    return replace(asked, **changes)


def board(*, until: str = "report", failed: str = "", ran: str = "smoke run: passed") -> Board:
    """As far as a stage, which is under way; all stages where it is the last."""
    now, seen, usd = _BEGAN.timestamp(), Board(), 0.0
    details = {"paper": TITLE, "code": "attention.py", "run": ran}
    for stage, _ in seen.lines:
        detail, total = details.get(stage, ""), 8 if stage == "code" else 0
        seen = seen.after(Progress(stage, "started", detail, total=total, usd=usd), now)
        now, usd = now + 45.0, usd + 0.07
        if stage == until and until != "report":
            state: Any = "failed" if failed else "advanced"
            return seen.after(Progress(stage, state, failed or detail, 3, total, usd), now)
        if stage == "run":
            seen = seen.after(Progress(stage, "advanced", ran, usd=usd), now)
        seen = seen.after(Progress(stage, "finished", detail, total, total, usd), now)
    return seen


def _planned() -> Board:
    return board(until="plan").after(Progress("plan", "finished", usd=0.14), _BEGAN.timestamp() + 90)


def _repairing() -> Board:
    """A run that has failed once, with what is known by then."""
    seen, now = board(until="run", ran=_RAN["fails"]), _BEGAN.timestamp() + 200
    known: tuple[tuple[Finding, str], ...] = (
        ("scope", "all 3 numbered equations, 1 of 4 tables; left out: Table 4 (needs people: raters)"),
        ("first run", _RAN["fails"]),
        ("repair", "ModuleNotFoundError: No module named 'tqdm': program: added tqdm to requirements.txt"),
    )
    for each in known:
        seen = seen.after(Progress("run", "advanced", usd=seen.usd, found=each), now)
    return seen


def evidence(status: str) -> Evidence:
    """Of a repository that was delivered."""
    told = report(status=status)
    told["tests"] = {"total": 6, "passed": 5, "failed": 1, "disputed": 0, "mutants": 4, "killed": 4}
    first, second = told["requirements"]["items"]
    first["evidence"] = [
        {"file": "attention.py", "start": 6, "end": 10, "symbol": "attention", "executed": 4, "executable": 4}
    ]
    first["tested_by"] = ["tests/test_paper.py::test_scores_are_scaled"]
    second["evidence"] = []
    told["attempts"][0] |= {"stderr_tail": _TRACEBACK, "remedy": "program: added tqdm to requirements.txt"}
    told["figures"] = {
        "mode": "smoke", "earlier": False, "left_out": [], "beyond": 0,
        "shown": [{"file": "docs/figures/loss.png", "anchor": "", "caption": "Loss over steps, of the smoke run",
                   "width": 40, "height": 30, "bytes": 99, "scaled": False}],
    }  # fmt: skip
    plan = {"README.md": f"# {TITLE}\n", "docs/plan/architecture.md": _PLAN}
    code = plan | {
        "main.py": "import tqdm\n",
        "attention.py": _ATTENTION,
        "tests/test_paper.py": _TEST,
        "requirements.txt": "numpy==2.3.5\n",
    }
    mended = code | {"requirements.txt": "numpy==2.3.5\ntqdm==4.67.1\n"}
    commits = (
        Commit("Plan", "", plan),
        Commit("Write the code", "From the plan.", code),
        Commit("Repair the run", "program: added tqdm to requirements.txt", mended),
    )
    return Evidence(told, commits, {"docs/figures/loss.png": png(40, 30)})


def _records() -> dict[str, Record]:
    pull = "https://github.com/octo-org/papers/pull/1000"
    wish = Wish("w", "Use label smoothing of 0.1, as Section 5.4 says.", "paper2code/1706.03762-8", "main")
    failed = Outcome(
        "failed",
        reason="The call fix.3 could cost $2.71, and of the cap of $3.00 $2.65 are left ($0.35 spent).",
        exit_status=4,
        hint="Go on with a higher cap (max_usd): nothing that is paid for is paid for twice.",
        kept="everything that is paid for",
        usd=0.35,
    )
    rating = Rating("bob", 7, 4, "Faithful, but slow.", 1000, _BEGAN)
    done = {
        status: Record(
            job(status, n),
            "done",
            board(ran=_RAN[status]),
            Outcome("done", status, pull, usd=0.49, score=3.5),
        )
        for n, status in enumerate(("runs", "fails", "not-run"), 3)
    }
    return {
        "queued": Record(job("queued", 1), "queued", Board()),
        "waiting": Record(
            job("waiting", 9, configuration=Configuration(plan="review")),
            "waiting",
            _planned(),
            Outcome("waiting", usd=0.14, offer=Offer(1000, "### The plan", ("table1",), (), _BEGAN)),
        ),
        "running": Record(job("running", 2), "running", board(until="code")),
        "repairing": Record(job("repairing", 10), "running", _repairing()),
        "failed": Record(job("failed", 6), "failed", board(until="run", failed=failed.reason), failed),
        "cancelled": Record(
            job("cancelled", 7), "cancelled", board(until="plan"), Outcome("cancelled", usd=0.14)
        ),
        "revision": Record(
            job("revision", 8, wish=wish), "done", board(), Outcome("done", "runs", pull, usd=0.2)
        ),
        **done,
    } | {"runs": replace(done["runs"], ratings=(rating,))}


class Staged(Engine):
    """Whose jobs stand as they are put."""

    def __init__(self, url: str, records: dict[str, Record]) -> None:
        super().__init__(url)
        self.staged = {record.job.id: record for record in records.values()}
        self.register.adopt(records.values())
        for record in records.values():
            self._prove(record)

    def _prove(self, record: Record) -> None:
        began = _BEGAN.timestamp()
        if record.state != "queued":
            ran = any(stage == "run" and line.started for stage, line in record.board.lines)
            entries = [
                Entry(began, "stage", "paper started: 1706.03762v5"),
                Entry(began + 4, "stage", f"paper finished: {TITLE}"),
                Entry(began + 50, "call", "plan/overview: gpt-6.2-sol, 31 s, 34,000 tokens in, 2,000 out, $0.09"),
                Entry(began + 190, "run", "smoke run: ModuleNotFoundError: No module named 'tqdm'",
                      "$ python3 main.py --smoke\n" + _TRACEBACK),
            ]  # fmt: skip
            self.register.log(record.job.id, entries if ran else entries[:-1])
        if record.outcome and record.outcome.status:
            self.register.keep(record.job.id, evidence(record.outcome.status).packed())

    def put(self, record: Record) -> None:
        """From now on it stands so."""
        self.staged[record.job.id] = record
        self.register.noted(record.job.id, record.board)

    def record(self, job: str) -> Record | None:
        return self.staged.get(job) or super().record(job)

    def rated(self) -> list[Record]:
        return [record for record in self.staged.values() if record.ratings]


@dataclass(frozen=True)
class Site:
    """A web process that is served."""

    url: str
    engine: Engine
    hub: FakeGitHub
    paths: dict[str, str]
    """State → path of the job in it."""


def where_people_sign_in(data: Path, hub: FakeGitHub) -> Settings:
    """Of a web process with an operators' token, to which people come by `hub`."""
    return Settings(
        data_dir=data,
        github_webhook_secret=SecretStr(SECRET),
        dashboard_token=SecretStr(TOKEN),
        github_app_client_id=CLIENT_ID,
        github_app_client_secret=SecretStr(CLIENT_SECRET),
        github_api_url=hub.api_url,
        github_server_url=hub.url,
    )


@contextmanager
def site(folder: Path, *, jobs: bool = True) -> Iterator[Site]:
    """Served on loopback, with a job in each state or with none."""
    records = _records() if jobs else {}
    with FakeGitHub(folder / "github") as hub:
        settings = where_people_sign_in(folder / "data", hub)
        engine = Staged(database_url(settings), records)
        app = webhook.create_app(settings, engine)
        with served(app) as url:
            yield Site(url, engine, hub, {name: f"/jobs/{each.job.id}" for name, each in records.items()})
        engine.close()


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def pages(shown: Site) -> dict[str, str]:
    """Name → path of every page that somebody who is signed in sees."""
    others = {"list": "/", "search": "/?q=nothing+like+this", "ratings": "/ratings", "missing": "/jobs/none"}
    return others | shown.paths


def _pictures(folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    sizes = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
    with tempfile.TemporaryDirectory() as kept, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        new = setup.create_app(
            Settings(
                data_dir=Path(kept) / "new",
                dashboard_token=SecretStr(TOKEN),
                github_api_url="http://127.0.0.1:9",
            )
        )
        with (
            site(Path(kept) / "a") as full,
            site(Path(kept) / "b", jobs=False) as empty,
            served(new) as before,
        ):
            entered = {"Authorization": f"Bearer {TOKEN}"}
            shots = {name: full.url + path for name, path in pages(full).items() if name != "waiting"}
            shots |= {"empty": empty.url, "setup": f"{before}/setup"}
            for size, viewport in sizes.items():
                for scheme in ("light", "dark"):
                    look: Any = {"viewport": viewport, "color_scheme": scheme}
                    context = browser.new_context(**look, extra_http_headers=entered)
                    page = context.new_page()
                    for name, address in shots.items():
                        page.goto(address)
                        if page.locator("pre.mermaid").count():
                            page.wait_for_selector("pre.mermaid svg")
                        page.screenshot(path=folder / f"{name}-{size}-{scheme}.png", full_page=True)
                    context.close()
                    stranger = browser.new_context(**look).new_page()
                    stranger.goto(full.url)
                    stranger.screenshot(path=folder / f"signin-{size}-{scheme}.png", full_page=True)
                    stranger.goto(f"{full.url}/login?next={full.paths['waiting']}")
                    stranger.get_by_role("button", name="Authorize paper2code").click()
                    stranger.wait_for_url(f"**{full.paths['waiting']}")  # operators decide on no plan
                    stranger.screenshot(path=folder / f"waiting-{size}-{scheme}.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    _pictures(target)
