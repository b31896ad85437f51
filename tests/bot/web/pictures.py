"""The README's pictures, from what `make demo` has made: the pull request, and the job's page.

python -m tests.bot.web.pictures DEMO FOLDER
"""

import base64
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from pydantic import SecretStr

from bot.intake.jobs import Outcome, Record
from bot.intake.progress import Board
from bot.jobs.engine import database_url
from bot.jobs.evidence import Evidence
from bot.web import webhook
from pipeline.record import Commit
from settings import Settings
from tests.bot.conftest import SECRET
from tests.bot.web.gallery import TOKEN, Staged, job, served

_PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ font: 16px/1.5 -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; color: #1f2328;
        max-width: 880px; margin: 24px auto }}
h1, h2 {{ border-bottom: 1px solid #d1d9e0; padding-bottom: .3em }} h1 {{ font-size: 26px }} h2 {{ font-size: 21px }}
table {{ border-collapse: collapse }} td, th {{ border: 1px solid #d1d9e0; padding: 6px 13px }}
code {{ background: #818b981f; border-radius: 6px; padding: .2em .4em; font-size: 85% }}
img {{ max-width: 100% }} a {{ color: #0969da; text-decoration: none }}
</style>{body}"""


def _pull_request(demo: Path, folder: Path) -> Path:
    """A page with its text as GitHub would show it; its pictures are the repository's."""
    text = (demo / "pull-request.md").read_text()
    report = json.loads((demo / "repository/docs/execution-report.json").read_text())
    for shown in (report.get("figures") or {}).get("shown", ()):
        data = base64.b64encode((demo / "repository" / shown["file"]).read_bytes()).decode()
        text = "".join(_placed(text, shown["file"], f"data:image/png;base64,{data}"))
    page = folder / "pull-request.html"
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    page.write_text(_PAGE.format(body=markdown.render(text)))
    return page


def _placed(text: str, file: str, address: str) -> Iterator[str]:
    for line in text.splitlines(keepends=True):
        yield f"![{file}]({address})\n" if line.startswith("![") and f"/{file})" in line else line


class Demonstrated(Staged):
    """Has one job, the demo's."""

    def __init__(self, url: str, demo: Path) -> None:
        repository = demo / "repository"
        self._report = json.loads((repository / "docs/execution-report.json").read_text())
        self._repository = repository
        super().__init__(url, {"demo": self._record()})

    def _record(self) -> Record:
        report, began = self._report, datetime.now(UTC)
        score = (report["judge"] or {}).get("score")
        outcome = Outcome(
            "done",
            report["status"],
            "https://github.com/octo-org/papers/pull/1",
            usd=report["usage"]["usd"],
            score=score,
        )
        board = replace(Board(), usd=outcome.usd)
        return Record(job("demo", 1, created=began), "done", board, outcome)

    def _prove(self, record: Record) -> None:
        files, figures = dict[str, str](), dict[str, bytes]()
        for path in sorted(self._repository.rglob("*")):
            name = str(path.relative_to(self._repository))
            if path.suffix == ".png":
                figures[name] = path.read_bytes()
            elif path.is_file():
                files[name] = path.read_text()
        commits = (Commit("Write the code", "", files),)
        self.register.keep(record.job.id, Evidence(self._report, commits, figures).packed())


def main(demo: Path, folder: Path) -> None:
    """Make them anew."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    look: Any = {"viewport": {"width": 960, "height": 900}, "device_scale_factor": 1}
    with tempfile.TemporaryDirectory() as kept, sync_playwright() as playwright:
        settings = Settings(
            data_dir=Path(kept), github_webhook_secret=SecretStr(SECRET), dashboard_token=SecretStr(TOKEN)
        )
        engine = Demonstrated(database_url(settings), demo)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        with served(webhook.create_app(settings, engine)) as url:
            (shown,) = engine.staged
            entered = {"Authorization": f"Bearer {TOKEN}"}
            page = browser.new_context(**look).new_page()
            page.goto(_pull_request(demo, Path(kept)).as_uri())
            page.screenshot(path=folder / "pull-request.png")
            page = browser.new_context(**look, extra_http_headers=entered).new_page()
            page.goto(f"{url}/jobs/{shown}")
            page.locator("details.requirement").first.evaluate("each => each.open = true")
            page.locator("#requirements").evaluate("each => each.scrollIntoView()")
            page.screenshot(path=folder / "job.png")
        browser.close()
        engine.close()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
