import copy
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from bot.github.pulls import PullRequest
from bot.intake.jobs import Outcome
from bot.intake.progress import Board
from bot.jobs.watch import Watch
from bot.words import checks, messages, pull_request
from pipeline.coding.repository import Repository
from pipeline.markdown import prose
from pipeline.progress import Progress
from pipeline.proving.documents import revised_documents, status_sentence
from pipeline.proving.report import execution_report
from pipeline.proving.scope import KINDS
from pipeline.running.fixing import Attempt, error_signature
from sandbox.execution import execute
from sandbox.interface import Sandbox
from sandbox.report import Limits
from tests.bot.conftest import figures, report, reproduction
from tests.bot.work.test_worker import job

HOSTILE = (
    "| x | @octocat fixes #1 <script>alert(1)</script> ``` \u202e\u200b\x1b[31m -->\n\n# Heading\n\n"
    "[link](https://evil.example) ![](https://evil.example/x.png) closes octo-org/papers#2 "
)


def hostile(value: Any) -> Any:
    """The same report, with every free text replaced."""
    if isinstance(value, dict):
        kept = ("verdict", "kind", "phase", "status", "mode", "file", "grade", "outcome")
        return {name: part if name in kept else hostile(part) for name, part in value.items()}
    if isinstance(value, list):
        return [hostile(part) for part in value]
    return HOSTILE * 20 if isinstance(value, str) else value


LEFT_OUT: dict[str, Any] = {kind: {"total": 0, "covered": 0, "left_out": []} for kind in KINDS} | {
    "tables": {
        "total": 2,
        "covered": 1,
        "left_out": [{"anchor": "Tab4", "label": HOSTILE, "why": f"needs people: {HOSTILE}"}],
    }
}


def test_the_body_says_what_a_reviewer_needs() -> None:
    body = pull_request.body(reproduction(), "papers/x", "https://github.com/o/r/blob/abc", 12)
    for words in (
        "Refs #12",
        "**Runs** (smoke run, after 1 repair)",
        "1 of 2 requirements implemented",
        "83 % of the lines were executed",
        "tiny data that need no download: synthetic, unless a package brings them",
        "This shows that the code runs",
        "no proof against a program that deceives",
        "https://github.com/o/r/blob/abc/papers/x/main.py#L1-L1",
        "training.batch\\_size",
        "bash reproduce.sh",
        "$0.46",
        "`gpt-6.2-sol`",
        "| auditor | `claude-sonnet-5-5` | 2 | 120,000 | 80,000 | 20,000 | $0.10 |",
        "| judge | `claude-sonnet-5-5` | none |",
        "5 min 12 s",
        "The value is read, but never used.",
    ):
        assert words in body, words
    assert body.index("Assumptions") < body.index("What the paper asks for") < body.index("How to run it")
    for keyword in ("Closes", "Fixes", "Resolves"):
        assert keyword not in body


def test_figures_are_shown_as_what_they_are() -> None:
    made = reproduction(figures=figures(2, 1))
    body = pull_request.body(made, "papers/x", "https://github.com/o/r/blob/abc", 12)
    below = body.partition("## Figures of the smoke run")[2]
    assert "synthetic, unless a package brings them" in below
    assert "not what the paper found" in below
    address = "https://github.com/o/r/blob/abc/papers/x/docs/figures/Fig1.png?raw=true"
    assert f"`Fig1.png`, named after Fig1 of the paper: “Figure 1: Loss.”\n\n![Fig1.png]({address})" in below
    assert "`Fig2.png` (scaled down)" in below
    assert "because it is no PNG" in below
    assert "Left out: 3 more" in below
    images = [token for block in MarkdownIt().parse(body) for token in block.children or ()]
    assert [token.attrs["src"] for token in images if token.type == "image"] == [
        address,
        address.replace("Fig1", "Fig2"),
    ]
    assert "](papers/x/docs/figures/Fig1.png)" in pull_request.body(made, "papers/x", "", None)
    beside = pull_request.body(made, "papers/x", "", None, files="repository")
    assert "](repository/docs/figures/Fig1.png)" in beside and "](papers/x" not in beside
    assert "Figures" not in pull_request.body(reproduction(), "papers/x", "", None)


@pytest.mark.parametrize("status", ["runs", "fails", "not-run"])
def test_no_status_is_told_as_another(status: str) -> None:
    environment = None if status == "not-run" else report()["environment"]
    body = pull_request.body(reproduction(status=status, environment=environment), "papers/x", "", None)
    told = {"runs": "**Runs**", "fails": "**Does not run**", "not-run": "**Was not run**"}
    assert [name for name, words in told.items() if words in body] == [status]


@pytest.mark.parametrize("status", ["runs", "fails", "not-run"])
def test_only_what_runs_is_said_to_be_implemented_and_to_run(status: str) -> None:
    made = reproduction(status=status)
    told = messages.done(job(), made, PullRequest(7, "https://github.com/o/r/pull/7"))
    body = pull_request.body(made, "papers/x", "", None)
    assert ("### Implemented" in told) is (status == "runs")
    assert ("What to do:" in told) is (status != "runs")
    assert ("This shows that the code runs" in body) is (status == "runs")


def test_metrics_beyond_those_shown_are_counted_and_quotations_stand_beside_their_place() -> None:
    made = reproduction()
    made.report["metrics"] = {f"m{number}": 0.5 for number in range(65)}
    made.report["shipped_data"] = ["sklearn.datasets.load_digits"]
    body = pull_request.body(made, "papers/x", "", None)
    assert "65 metrics on tiny data (no results of the paper's):\n\n| metric | value |" in body
    assert "| `m39` | 0.5 |\n\n… 25 more in `docs/execution-report.md`.\n\n</details>" in body
    assert "synthetic, and parts of `sklearn.datasets.load_digits`" in body
    assert f"“{prose(made.report['requirements']['items'][0]['quote'])}”" in body


def test_what_a_run_leaves_in_doubt_and_which_runs_a_mean_hides_is_said() -> None:
    made = reproduction()
    made.report["doubts"] = {"remaining": ["`error` is 0 for every method."], "told": "They are equal."}
    made.report["unfinished"] = ["table2, adam: 1 of 3 runs did not end well (seed 2 diverged)."]
    told = pull_request.body(made, "papers/x", "", None).partition("## What was run")[2]
    assert "leaves in doubt:\n\n- \\`error\\` is 0 for every method." in told
    assert "Its writer, asked about such: They are equal." in told
    assert "1 of 3 runs did not end well (seed 2 diverged)." in told


def test_what_the_audit_changed_is_a_repair_and_what_changed_nothing_is_none() -> None:
    made = reproduction()
    attempt = made.report["attempts"][-1] | {"signature": None}
    made.report["attempts"] = [
        attempt | {"remedy": "audit: R1", "lines_changed": 3},
        attempt | {"remedy": "model: NO CHANGE: it is the data", "lines_changed": 0},
    ]
    body = pull_request.body(made, "papers/x", "", None)
    assert "after 1 repair)" in body
    assert "| well | audit: R1 |" in body


def test_a_paper_that_cannot_be_had_is_not_promised_to_go_on() -> None:
    withdrawn = Outcome("failed", reason="It was withdrawn.", exit_status=2)
    assert "/paper2code retry" not in messages.failed(job(), Board(), withdrawn, "", "nothing")
    busy = Outcome("failed", reason="The service is busy.", exit_status=3)
    assert "/paper2code retry" in messages.failed(job(), Board(), busy, "", "nothing")


def test_what_runs_and_cannot_be_used_as_promised_is_told_as_that() -> None:
    made = reproduction(status="fails")
    made.report["contract"] = 2
    made.report["attempts"][-1]["phase"] = "resume"
    body = pull_request.body(made, "papers/x", "", None)
    assert (
        "**Cannot be used as promised**: its smoke run passes, but not that killed before its result" in body
    )
    assert "main.py list" in body
    sentence = status_sentence(made.report)
    assert sentence.startswith("It cannot be used as promised yet: its smoke run ended well")
    assert "run again, a run gives the same numbers." in sentence


def test_hostile_text_renders_as_text_and_nothing_else() -> None:
    made = reproduction()
    paper = dataclasses.replace(made.paper, title=HOSTILE, authors=(HOSTILE,))
    made = dataclasses.replace(made, paper=paper, report=hostile(made.report))
    texts = [
        pull_request.body(made, "papers/x", "https://github.com/o/r/blob/abc", 12),
        checks.summary(made.report),
        messages.failed(job(), Board(), Outcome("failed", reason=HOSTILE), HOSTILE, "x"),
        messages.progress(job(), Board().after(Progress("run", "advanced", HOSTILE, usd=0), 0.0), 1.0),
        messages.progress(dataclasses.replace(job(), scope=HOSTILE), Board(), 1.0),
        checks.summary(made.report | {"scope": LEFT_OUT}),
    ]
    assert "\n" not in pull_request.title(made)
    for text in texts:
        renders_as_text(text)


def test_a_wish_is_repeated_word_for_word() -> None:
    wanted = dataclasses.replace(job(), scope="only Table 2 and the ablation, in PyTorch")
    told = messages.progress(wanted, Board(), 0.0)
    assert "You asked for: “only Table 2 and the ablation, in PyTorch”" in told
    assert "You asked for" not in messages.progress(job(), Board(), 0.0)


def test_a_pull_request_begins_with_whether_it_runs_and_what_of_the_paper_is_there() -> None:
    made = reproduction()
    made.report["scope"] = LEFT_OUT
    body = pull_request.body(made, "papers/x", "", None)
    assert body.startswith("✅ **Runs**")
    assert "\n\n**Of the paper:** 1 of 2 tables; left out: Table 4 (needs people: " in body
    order = ["Of the paper", "Look first at", "partial: Use label smoothing", "Assumptions", "How to run it"]
    assert [body.index(part) for part in order] == sorted(body.index(part) for part in order)
    assert "Of the paper" not in pull_request.body(reproduction(), "papers/x", "", None)


def renders_as_text(text: str) -> None:
    """Our own tags and links, and nothing that acts, whatever else is in it."""
    blocks = MarkdownIt("commonmark").enable("table").parse(text)
    tokens = [token for block in blocks for token in (block, *(block.children or ()))]
    ours = {"<br>", "<details>", "</details>"}
    ours |= {f"<details><summary>What {what}</summary>" for what in ("is implemented", "was measured")}
    assert {t.content.strip() for t in tokens if t.type.startswith("html")} <= ours
    links = [str(token.attrs["href"]) for token in tokens if token.type == "link_open"]
    assert all(link.startswith(("https://arxiv.org/abs/", "https://github.com/o/r/")) for link in links)
    assert not [token for token in tokens if token.type == "image"]
    headings = [tokens[n + 1].content for n, token in enumerate(tokens) if token.type == "heading_open"]
    assert "Heading" not in headings
    words = " ".join(token.content for token in tokens if token.type == "text")
    assert not re.search(r"@\w|(?<!Refs )#\d|://", words)
    assert not re.search(r"[\u202e\x1b]", text)


@pytest.mark.parametrize("when", ["at import", "in the run", "as metrics"])
def test_what_a_program_says_reaches_reports_as_text(
    when: str, sandbox: Sandbox, packages: Path, tmp_path: Path
) -> None:
    """From a program that runs in the sandbox to what people see of it."""
    fail = f"raise ValueError({HOSTILE!r})"
    last = (
        fail
        if when == "in the run"
        else f"json.dump({{'mode': 'smoke', 'metrics': {{{HOSTILE!r}: 1}}}}, file)"
    )
    lines = ["import json", fail if when == "at import" else "", "if __name__ == '__main__':"]
    main = "\n".join([*lines, "    with open('results.json', 'w') as file:", f"        {last}", ""])
    repository = Repository({"main.py": main})
    repository.write(tmp_path / "repository")
    done = execute(tmp_path / "repository", sandbox, cache=packages, limits=Limits(seconds=60, pids=64))
    outcome = done.phases[-1]
    assert outcome.phase == ("import" if when == "at import" else "smoke")
    assert done.ok == (when == "as metrics")
    mark = None if done.ok else error_signature(outcome, repository)
    attempts = [Attempt(1, outcome, mark, remedy=f"model: {HOSTILE}")]
    seconds = {"run": 1.0, "total": 1.0}
    said = execution_report(
        mode="smoke", execution=done, attempts=attempts, repository=repository, seconds=seconds
    )
    said |= {
        "paper": {"arxiv_id": None, "version": None, "title": HOSTILE},
        "method": "full",
        "model": HOSTILE,
    }
    assert "octocat" in json.dumps(said)
    for text in (checks.summary(said), revised_documents({}, said)["docs/execution-report.md"]):
        renders_as_text(text)


@pytest.mark.parametrize("count", [0, 1, 60, 3000])
def test_no_text_is_longer_than_github_takes(count: int) -> None:
    big = hostile(report())
    big["requirements"]["items"] = [copy.copy(big["requirements"]["items"][n % 2]) for n in range(count)]
    for item in big["requirements"]["items"]:
        item["evidence"] = item["evidence"] * 50
    big["assumptions"] = big["assumptions"] * count
    big["attempts"] = big["attempts"] * count
    big["metrics"] = {f"metric {HOSTILE} {n}": float(n) for n in range(count)}
    big["environment"]["notes"] = [HOSTILE * 10] * count
    big["figures"] = figures(min(count, 20), min(count, 20), HOSTILE)
    made = dataclasses.replace(reproduction(), report=big)
    assert len(pull_request.body(made, "papers/x", "https://github.com/o/r/blob/abc", 12)) < 65_536
    assert len(checks.summary(big)) < 65_535
    outcome = Outcome("failed", reason=HOSTILE * 1000)
    assert len(messages.failed(job(), Board(), outcome, HOSTILE * 1000, "x")) < 65_536


def test_what_is_worst_comes_first() -> None:
    body = pull_request.body(reproduction(), "papers/x", "", 12)
    assert body.index("🟡 partial") < body.index("✅ implemented")


def test_the_checklist_tells_stages_runs_time_and_cost() -> None:
    board = Board()
    for now, event in enumerate(
        [
            Progress("paper", "started", usd=0.0),
            Progress("paper", "finished", "Attention Is All You Need", usd=0.0),
            Progress("code", "started", total=8, usd=0.3),
            Progress("code", "advanced", "model.py", 3, 8, usd=0.4),
            Progress("code", "advanced", usd=0.4, found=("scope", "1 of 2 tables")),
            Progress("run", "advanced", "smoke run: ModuleNotFoundError: tqdm", usd=0.42),
            Progress("run", "advanced", usd=0.42, found=("repair", "tqdm: program: added tqdm")),
            Progress("audit", "skipped", "no sandbox", usd=0.42),
        ]
    ):
        board = board.after(event, 1000.0 + 10 * now)
    text = messages.progress(job(), board, 1060.0)
    for line in (
        "- [x] Read the paper · Attention Is All You Need · 10 s",
        "- [ ] Plan",
        "- [ ] **Write the code** · model.py · 3 of 8 · 40 s",
        "- [ ] **Run and repair** · 10 s",
        "  - smoke run: ModuleNotFoundError: tqdm",
        "- [x] Audit against the paper · skipped · no sandbox",
        "- Of the paper, planned: 1 of 2 tables",
        "**Being repaired:** tqdm: program: added tqdm",
        "$0.42 of at most $3.00 spent.",
    ):
        assert line in text.split("\n"), text
    assert "“Attention Is All You Need”" in text.split("\n")[0]
    board = board.after(Progress("run", "finished", usd=0.42), 1080.0)
    assert "Being repaired" not in messages.progress(job(), board, 1090.0)


def test_an_unknown_price_is_said_to_be_unknown() -> None:
    board = Board().after(Progress("plan", "started", usd=None), 0.0)
    assert "an unknown amount" in messages.progress(job(), board, 1.0)


def test_a_draft_is_explained() -> None:
    text = messages.done(job(), reproduction(status="fails"), PullRequest(7, "https://x"))
    assert "#7" in text and "draft" in text


def test_the_checklist_links_to_the_jobs_page_where_there_is_one() -> None:
    shown = messages.progress(job(id="123-1-ab"), Board(), 0.0, "https://bot.example.org/p2c")
    assert "[its page](https://bot.example.org/p2c/jobs/123-1-ab)" in shown
    assert "page" not in messages.progress(job(), Board(), 0.0)


def test_what_a_job_may_cost_opens_its_progress_comment_and_what_to_know_of_its_model_follows() -> None:
    watch = Watch(lambda board: None, lambda: False, 1)
    for said in ("gpt-5 ends soon.", "Expected: 14 calls.", "Expected: 14 calls."):
        watch.say(said)
    watch(Progress("paper", "started", "1706.03762"))
    lines = messages.progress(job(), watch.board, 0.0).splitlines()
    assert lines[2:6:2] == ["Expected: 14 calls.", "gpt-5 ends soon."]
    assert "Read the paper" in lines[6]
