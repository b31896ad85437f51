"""Two jobs of one workflow run: one makes and may write nothing, one checks what that left, and delivers it.

The first has the model's key, reads the paper and runs strangers' code; the second has the token that writes. They
share a file alone, which the second takes for what a stranger may have written.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
from pydantic import Base64Bytes, BaseModel, ConfigDict, ValidationError

from bot.github.github import GitHub
from bot.intake import configuration
from bot.intake.intake import Admitted, admit
from bot.intake.jobs import Job, Outcome, Request
from bot.intake.progress import Board
from bot.jobs.watch import Watch
from bot.work.answering import instructed
from bot.work.inline import Inline
from bot.work.worker import Reproducer, explained
from pipeline import errors
from pipeline.coding.repository import RefusedPath, Repository
from pipeline.progress import Progress
from pipeline.proving.scoring import Judgement
from pipeline.reading.paper import Paper
from pipeline.reading.references import references
from pipeline.record import Commit
from pipeline.reproduce import Reproduction
from pipeline.running.figures import FOLDER, redrawn

_FILE = "made.json"
_EXCEPTIONS = {2: errors.PaperError, 4: errors.BudgetReached, 130: errors.Cancelled}
"""By the exit status of the job that did not come to an end."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Repository(_Value):
    title: str
    authors: tuple[str, ...]
    slug: str
    report: dict[str, Any]
    commits: tuple[tuple[str, str, dict[str, str]], ...]
    figures: dict[str, Base64Bytes]
    judgement: Judgement | None


class _Left(_Value):
    """How a job ended where it was made."""

    job: str
    usd: float | None
    reason: str = ""
    """Why nothing was made; empty: something was."""
    hint: str = ""
    exit_status: int = 0
    made: _Repository | None = None


def name(run: str | None) -> str:
    """Of the artifact by which it is handed over within a workflow run."""
    return f"paper2code-made-{run}"


def wanted(request: Request, github: GitHub) -> list[Job]:
    """The papers that are to be implemented, if whoever asks may; the job that delivers says why not.

    Raises ConfigurationInvalid and GitHubError.
    """
    permission = github.permission(request.place, request.actor)
    decision = admit(request, configuration.read(github.configuration(request.place)), permission)
    jobs = decision.jobs if isinstance(decision, Admitted) else ()
    return [instructed(github, job) for job in jobs if not job.proposes]


def leave(jobs: Sequence[Job], make: Reproducer, ledger: Inline, data: Path) -> list[tuple[Job, Outcome]]:
    """Make what `jobs` ask for, and leave it in `data/made`, or why it could not be made; how they ended here."""
    return [(job, _leave(job, make, ledger, data)) for job in jobs]


def _leave(job: Job, make: Reproducer, ledger: Inline, data: Path) -> Outcome:
    out = job.folder(data)
    out.mkdir(parents=True, exist_ok=True)

    def note(board: Board) -> None:
        ledger.note(job.id, board)

    watch = Watch(note, lambda: ledger.cancelling(job.id), seconds=5)
    try:
        with watch as observe:
            made = make(job, out, observe)
    except Exception as error:
        outcome, hint = explained(error)
        usd, status = watch.board.usd, outcome.exit_status
        reason = outcome.reason or outcome.state
        left = _Left(job=job.id, usd=usd, reason=reason, hint=hint, exit_status=status)
    else:
        usd = made.report["usage"]["usd"]
        outcome = Outcome("done", made.status, usd=usd, exit_status=0 if made.status == "runs" else 1)
        left = _Left(job=job.id, usd=usd, made=_packed(made))
    folder = data / "made" / out.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _FILE).write_text(left.model_dump_json(), encoding="utf-8")
    return outcome


def _packed(made: Reproduction) -> _Repository:
    figures = {path: base64.b64encode(data) for path, data in made.commits[-1].figures.items()}
    return _Repository.model_validate(
        {
            "title": made.paper.title,
            "authors": made.paper.authors,
            "slug": made.slug,
            "report": made.report,
            "commits": [(each.subject, each.body, each.files) for each in made.commits],
            "figures": figures,
            "judgement": asdict(made.judgement) if made.judgement else None,
        }
    )


def taker(github: GitHub, run: str | None) -> Reproducer:
    """What makes a job's repository of what the workflow run has left for it: nothing is asked, and nothing run."""

    def take(job: Job, out: Path, watch: Watch) -> Reproduction:
        watch(Progress("paper", "started", job.paper, usd=0.0))
        data = (github.artifact(job.place, name(run)) or {}).get(f"{out.name}/{_FILE}")
        if data is None:
            raise errors.PipelineError(
                "the job that makes the repository has left nothing",
                "Its log, in the same workflow run, says why.",
            )
        try:
            left = _Left.model_validate_json(data)
            # Of no number that nobody can write down, such as NaN or one of 400 digits, is anything made.
            json.dumps(json.loads(data, parse_int=float), allow_nan=False)
            watch(Progress("paper", "finished", left.made.title if left.made else "", usd=left.usd))
            if left.made is None:
                error = _EXCEPTIONS.get(left.exit_status, errors.PipelineError)
                raise error(left.reason, left.hint)
            return _checked(job, left.job, left.made)
        except (ValidationError, jsonschema.ValidationError, RefusedPath, ValueError) as error:
            said = str(error).partition("\n")[0]
            raise errors.PipelineError(f"what was left is not what can be delivered: {said}") from None

    return take


def _checked(job: Job, made_for: str, made: _Repository) -> Reproduction:
    """Raises ValueError, RefusedPath and jsonschema.ValidationError."""
    schema = resources.files("pipeline.proving") / "execution-report.schema.json"
    jsonschema.validate(made.report, json.loads(schema.read_text("utf-8")))
    cited = made.report["paper"] or {}
    if made_for != job.id or references(job.paper)[0].identifier != cited.get("arxiv_id"):
        raise ValueError("it was made for another request")
    if not made.commits or not all(files for _, _, files in made.commits):
        raise ValueError("it holds no commit, or one without files")
    drawn = redrawn(
        {f"results/smoke/{path.removeprefix(FOLDER)}": data for path, data in made.figures.items()}
    )
    commits = [Commit(subject, body, dict(Repository(files).files)) for subject, body, files in made.commits]
    commits[-1] = Commit(commits[-1].subject, commits[-1].body, commits[-1].files, drawn.files)
    paper = Paper(
        made.title, made.authors, "", (), (), "latex", arxiv_id=cited["arxiv_id"], version=cited["version"]
    )
    status = made.report["status"]
    return Reproduction(paper, made.slug, status, tuple(commits), made.report, judgement=made.judgement)
