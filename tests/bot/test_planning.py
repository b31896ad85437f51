"""The plan as a conversation: asked, decided on by people, approved; real HTTP, real git, a real database."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.github.github import GitHub
from bot.intake.jobs import Job
from bot.jobs.engine import Engine
from bot.jobs.watch import Watch
from bot.work.proposing import proposer
from bot.work.revising import reviser
from bot.work.tools import Tools
from bot.work.worker import Worker, reproducer
from pipeline.planning.plan import OpenQuestion, Placement
from pipeline.reading.arxiv import Arxiv
from settings import Settings
from tests.bot.conftest import deliver, until
from tests.fakes.arxiv import Submission, fake_arxiv, one_file
from tests.fakes.github.git import git
from tests.fakes.github.server import FakeGitHub
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.plans import LOGIC, READING, REQUIREMENTS, recording

BOT = "paper2code[bot]"
TEX = r"""\documentclass{article}
\title{Means of Things}
\author{A. Author}
\begin{document}
\maketitle
\begin{abstract}We compute the mean of things.\end{abstract}
\section{Method}
The estimate is the arithmetic mean of all observations.
\begin{equation} m = \frac{1}{n} \sum_i x_i \end{equation}

We use a learning rate of $10^{-3}$ and a batch of 32 observations.
\section{More}
Tables are compared.
\end{document}
"""
SEED = OpenQuestion(question="Which seed is used?", assumption="seed 7", why="The paper is silent.")
DECAY = OpenQuestion(question="Which schedule?", assumption="none", why="Nothing is said.")
TWO = (*LOGIC.experiments, LOGIC.experiments[0].model_copy(update={"name": "table2", "shows": ("S2",)}))

PLACED = REQUIREMENTS.model_copy(update={"places": (Placement(items=("Eq1",), requirements=("R1",)),)})
REVISED = """R1 done: It does.

An empty list has a mean of 0.

estimator.py
<<<<<<< SEARCH
    return total / len(values)
=======
    return total / max(len(values), 1)
>>>>>>> REPLACE
"""


class Talk:
    """A repository of alice's, with the bot at work in it."""

    def __init__(self, hub: FakeGitHub, engine: Engine, port: int, llm: ScriptedLLM) -> None:
        self.hub, self.engine, self.port, self.llm = hub, engine, port, llm
        self.issue = hub.open_issue("Implement means", "Of arXiv:2401.00001")

    def say(self, body: str, user: str = "alice") -> None:
        self.send("issue_comment", self.hub.comment_event(self.issue, body, user))

    def send(self, event: str, payload: dict[str, Any]) -> None:
        """Until it is answered."""
        assert deliver(self.port, event, payload, delivery=f"d-{next(self.hub.ids)}")[0] in (202, 204)
        until(lambda: not self.engine.pending(), 60)

    def until(self, *states: str) -> None:
        """Of the jobs, newest first."""
        until(lambda: [record.state for record in self.engine.latest()] == list(states), 200)

    def delivered(self, path: str) -> str:
        """A file of the only pull request's folder."""
        (pull,) = self.hub.state.pulls.values()
        sha = self.hub.refs()[pull["head"]]
        listed = git(self.hub.git, "ls-tree", "-r", "--name-only", sha).splitlines()
        name = next(name for name in listed if name.startswith("papers/") and name.endswith(path))
        return git(self.hub.git, "show", f"{sha}:{name}")

    @property
    def plan(self) -> dict[str, Any]:
        return next(c for c in reversed(self.said) if "### The plan for" in c["body"])

    @property
    def said(self) -> list[dict[str, Any]]:
        return self.hub.comments_by(BOT)


@pytest.fixture
def talk(hub: FakeGitHub, github: GitHub, engine: Engine, port: int, tmp_path: Path) -> Iterator[Talk]:
    reading = READING.model_copy(update={"unclear": (SEED, DECAY)})
    answers = recording() | {
        "plan.overview": reading.model_dump_json(),
        "plan.requirements": PLACED.model_dump_json(),
        "plan.logic": LOGIC.model_copy(update={"experiments": TWO}).model_dump_json(),
        "revise.1": REVISED,
    }
    llm = ScriptedLLM(answers)
    settings = Settings(data_dir=tmp_path / "data", model="scripted")
    with fake_arxiv(Submission("2401.00001", "Means of Things", source=one_file(TEX))) as arxiv:

        @contextmanager
        def toolbox(job: Job, out: Path, watch: Watch) -> Iterator[Tools]:
            client = Arxiv(arxiv.url, arxiv.url, tmp_path / "arxiv", interval=0)
            yield Tools(client, llm, None, expected=lambda paper: "Expected: $0.31 to $0.74.")

        worker = Worker(
            github,
            reproducer(toolbox, settings),
            settings.data_dir,
            waits=(0,),
            seconds_between_edits=0.05,
            revise=reviser(toolbox, settings),
            propose=proposer(toolbox, settings),
        )
        with engine.working(worker):
            yield Talk(hub, engine, port, llm)


def test_the_whole_conversation_from_the_plan_to_the_merge(talk: Talk) -> None:
    talk.say("/paper2code plan")
    talk.until("waiting")
    asked = list(talk.llm.stages)
    body = talk.plan["body"]
    assert "“Means of Things”" in body and "0.31 to" in body and not talk.hub.state.pulls
    assert "- [x] **`table1`** (S1): needs no data, in full about 1 min 00 s" in body
    assert "**Q1** Which seed is used? **Assumed:** seed 7" in body
    assert not any(stage.startswith(("analysis", "code")) for stage in asked)

    talk.say("Q1: seed 0 is fine")
    talk.say("> **Q2** Which schedule?\n\nCosine, see the appendix.")
    talk.say("Q1: take 99", "mallory")
    unticked = body.replace("- [x] **`table2`**", "- [ ] **`table2`**")
    talk.send("issue_comment", talk.hub.edit_event(talk.plan["id"], unticked.replace("\n", "\r\n")))
    talk.say("/paper2code approve")
    talk.until("done", "done")

    first = talk.llm.asked[len(asked) :]
    written = [prompt for prompt in first if prompt.stage.startswith(("analysis", "code"))]
    assert written and all("experiment table2" in prompt.shared for prompt in written)
    assert all("alice says: seed 0 is fine" in prompt.shared for prompt in written)
    assert [p.shared for p in first if p.stage == "plan.logic"] == [
        p.shared for p in talk.llm.asked[: len(asked)] if p.stage == "plan.logic"
    ]
    (pull,) = talk.hub.state.pulls.values()
    assert "seed 0 is fine" in pull["body"] and "Cosine, see the appendix." in pull["body"]
    link = next(c["html_url"] for c in talk.hub.comments_by("alice") if "seed 0" in c["body"])
    assert f"seed 0 is fine (answered by [alice]({link}))" in pull["body"] and "take 99" not in pull["body"]
    for path in ("README.md", "docs/execution-report.md"):
        assert f"(answered by [alice]({link}))" in talk.delivered(path), path
    assert "> **Approved** by `alice`" in talk.plan["body"]
    assert f"Which seed is used? **seed 0 is fine** ([alice]({link}))" in talk.plan["body"]
    shown = [str(each.body, "utf-8") for each in talk.hub.exchanges if each.method == "PATCH"]
    progress = [body for body in shown if "Of the paper, planned: the numbered equation" in body]
    assert progress and all(
        "Implementing \u201cMeans of Things\u201d" in json.loads(p)["body"] for p in progress
    )
    assert all("of at most $3.00 spent" in body for body in progress)

    number, folder = pull["number"], f"papers/2401.00001-{READING.slug}"
    thread = talk.hub.remark(number, "What of no values?", "alice", path=f"{folder}/estimator.py")["id"]
    talk.send(
        "pull_request", talk.hub.pull_event(number, label={"name": "paper2code"}) | {"action": "labeled"}
    )
    talk.until("done", "done", "done")
    (answer,) = talk.hub.remarks_by(BOT)
    assert (
        answer["in_reply_to_id"] == thread
        and "Done in" in answer["body"]
        and thread in talk.hub.state.resolved
    )
    assert "max(len(values), 1)" in talk.delivered("estimator.py")

    pull["state"] = "closed"
    merged = talk.hub.pull_event(number) | {"action": "closed"}
    merged["pull_request"] |= {"merged": True, "closed_at": "2099-01-01T00:00:00Z"}
    talk.send("pull_request", merged)
    talk.send("issue_comment", talk.hub.comment_event(number, "/paper2code revise Rename it."))
    assert "closed" in talk.said[-1]["body"], talk.said[-1]["body"]
    assert [record.state for record in talk.engine.latest()] == ["done"] * 3
