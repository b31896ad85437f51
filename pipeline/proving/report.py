"""`execution-report.json` and the documents made from it: what was run, what it proved, what it cost. Pure."""

import platform
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from pipeline.coding import edits
from pipeline.coding.checks.settings import symbols
from pipeline.coding.checks.shipped import shipped
from pipeline.coding.given import GIVEN, VERSION
from pipeline.coding.repository import Repository
from pipeline.contract import DEVELOPMENT, TESTS, contract_of
from pipeline.model.llm import Role, Share, Usage
from pipeline.planning.documents import yaml_value
from pipeline.planning.plan import Plan
from pipeline.proving.evidence import Finding, Place
from pipeline.proving.grades import graded
from pipeline.proving.rereading import NOT_REREAD, Reread
from pipeline.proving.scope import counted, recounted
from pipeline.proving.scoring import Judgement
from pipeline.reading.paper import Paper
from pipeline.running.figures import NO_FIGURES, Figures
from pipeline.running.fixing import Attempt
from pipeline.running.longer import NOTHING_AFTER, Afterwards
from sandbox.report import ExecutionReport, LineCoverage, Mode

TAIL = 4_000
"""Characters kept of each output stream of an attempt."""
DERIVED = frozenset({"requirements.txt", DEVELOPMENT, VERSION})
VERDICTS = ("implemented", "partial", "missing", "deviates", "unread")


def attempt_entry(attempt: Attempt) -> dict[str, Any]:
    """One entry of `attempts`."""
    result = attempt.outcome.result
    problems = "".join(f"{problem}\n" for problem in attempt.outcome.problems)
    return {
        "number": attempt.number,
        "why": attempt.why,
        "phase": attempt.outcome.phase,
        "command": list(result.argv),
        "exit_code": result.exit_code,
        "seconds": round(result.seconds, 3),
        "timed_out": result.timed_out,
        "oom": result.oom,
        "signature": attempt.signature,
        "remedy": attempt.remedy,
        "lines_changed": attempt.lines_changed,
        "stdout_tail": result.stdout[-TAIL:],
        "stderr_tail": (result.stderr + problems)[-TAIL:],
    }


def execution_report(
    *,
    paper: Paper | None = None,
    method: str | None = None,
    shares: Mapping[Role, Share] | None = None,
    plan: Plan | None = None,
    mode: Mode = "smoke",
    execution: ExecutionReport | None,
    after: Afterwards = NOTHING_AFTER,
    attempts: Sequence[Attempt],
    findings: Sequence[Finding] = (),
    judgement: Judgement | None = None,
    unjudged: str = "",
    platforms: Mapping[str, str] | None = None,
    tests: Mapping[str, Any] | None = None,
    results: Sequence[Mapping[str, Any]] = (),
    figures: Figures = NO_FIGURES,
    repository: Repository,
    written: Repository | None = None,
    doubts: Sequence[str] = (),
    told: str = "",
    unpaid: Sequence[str] = (),
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """The report as JSON data, valid against `execution-report.schema.json`.

    `written` is the code before anything was changed because of a run or an audit; None: it grew between the runs.
    `unpaid` is what was left out because the budget would not pay for it. `doubts` are what the reported run leaves in
    doubt; `told` is what its writer said of such, or what came of that.
    """
    contract = contract_of(repository.files)
    given = GIVEN if contract > 1 else ()
    own = {path: text for path, text in repository.python_files().items() if _is_own(path, given)}
    generated = sum(len(text.splitlines()) for text in own.values())
    step_by_step = sum(attempt.lines_changed for attempt in attempts)
    changed = edits.lines_changed(_own(written), _own(repository)) if written else step_by_step
    # A run that was stopped may have had no time to say what it executed.
    measured = (
        execution.coverage
        if execution and any(execution.coverage[p].executed for p in execution.coverage)
        else {}
    )
    coverage = {path: lines for path, lines in measured.items() if _is_own(path, given)}
    executable = sum(len(file.executable) for file in coverage.values())
    executed = sum(len(file.executed) for file in coverage.values())
    shown = after.longer if after.longer and after.mode != "smoke" else execution
    environment = None
    if execution:
        environment = asdict(execution.environment)
        environment["packages"] = list(execution.environment.packages)
        environment["notes"] = list(execution.environment.notes)
        environment["left_out"] = list(execution.environment.left_out)
    report = {
        "paper": paper and {"arxiv_id": paper.arxiv_id, "version": paper.version, "title": paper.title},
        "method": method,
        "model": shares["writer"].model if shares else None,
        "models": {role: _share(share) for role, share in shares.items()} if shares else None,
        "status": "not-run" if execution is None else "runs" if execution.ok else "fails",
        "mode": after.mode if after.mode != "smoke" else mode,
        "runs": after.runs,
        "full_run_estimate": after.full_run_estimate,
        "contract": contract,
        "environment": environment,
        "platforms": dict(platforms or {}),
        "attempts": [attempt_entry(attempt) for attempt in attempts],
        "metrics": dict(shown.metrics) if shown else {},
        "undefined": dict(shown.undefined) if shown else {},
        "unfinished": list(shown.unfinished) if shown else [],
        "unproven": execution.unproven if execution else "",
        "phases": [
            {
                "phase": p.phase,
                "command": list(p.result.argv),
                "ok": p.ok,
                "seconds": round(p.result.seconds, 3),
            }
            for p in (execution.phases if execution else ())
        ],
        "doubts": {"remaining": list(doubts), "told": told},
        "shipped_data": shipped(repository, {path: lines.executed for path, lines in coverage.items()}),
        "figures": _figures(figures, paper),
        "lines": {
            "generated": generated,
            "changed": changed,
            "changed_percent": _percent(changed, generated),
            "executed": executed,
            "executed_percent": _percent(executed, executable),
        },
        "requirements": {
            **{verdict: sum(f.verdict == verdict for f in findings) for verdict in VERDICTS},
            "total": len(findings),
            "refused": len(plan.refused) if plan else 0,
            "items": [
                _requirement(finding, plan, repository, coverage)
                | {"tested_by": _tested_by(finding.requirement.id, tests)}
                for finding in findings
            ],
        },
        "tests": tests,
        "results": [dict(result) for result in results],
        "scope": _scope(plan, findings),
        "corrections": _corrections(plan, paper) if plan and paper else [],
        "judge": _judge(judgement, unjudged),
        "assumptions": _assumptions(plan) if plan else [],
        "unpaid": list(unpaid),
        "usage": asdict(sum((share.usage for share in shares.values()), Usage()) if shares else Usage()),
        "seconds": {stage: round(value, 2) for stage, value in seconds.items()},
        "versions": {
            "paper2code": version("paper2code"),
            "python": platform.python_version(),
            "platform": sys.platform,
        },
    }
    return report | {"requirements": graded(report)}


def _is_own(path: str, given: Collection[str]) -> bool:
    """Code of this paper's: neither the same in every repository nor a test."""
    return path not in given and not path.startswith(TESTS)


def carried_over(
    old: Mapping[str, Any],
    new: dict[str, Any],
    before: Repository,
    after: Repository,
    execution: ExecutionReport | None,
    reread: Reread = NOT_REREAD,
) -> dict[str, Any]:
    """`new`, the report on a changed repository, with what `old` says of paper, requirements and assumptions.

    Where nobody has read the change, verdicts stay those of the audit before it. Their evidence is looked up again, by
    symbol or by the line's text; what is gone is left out. What both have cost is added. An empty `old` adds nothing.
    """
    if not old:
        return new
    coverage = execution.coverage if execution else {}
    items, unread = [], set()
    review = reread.review
    found = {finding.requirement.id: finding for finding in review.findings} if review else {}
    for item in old["requirements"]["items"]:
        if finding := found.get(item["id"]):
            note = finding.note or (item["note"] if finding.verdict == item["verdict"] else "")
            places = [_evidence(place, coverage) for place in finding.places(after)]
            items.append(item | {"verdict": finding.verdict, "note": note, "evidence": places})
            continue
        moved = [(place, each) for each in item["evidence"] if (place := _moved(each, before, after))]
        items.append(item | {"evidence": [_evidence(place, coverage) for place, _ in moved]})
        if any(_text(asdict(place), after) != _text(was, before) for place, was in moved):
            unread.add(item["id"])
    tests = new["tests"]
    items = [item | {"tested_by": _tested_by(item["id"], tests)} for item in items]
    carried = new | {
        "paper": old["paper"],
        "requirements": old["requirements"]
        | {verdict: sum(item["verdict"] == verdict for item in items) for verdict in VERDICTS}
        | {"items": items, "reread": bool(review), "not_reread": reread.why_not},
        # Nor does it make the paper's runs again.
        "results": [
            result | {"earlier": result["measured"] is not None} for result in old.get("results", ())
        ],
        "scope": recounted(old.get("scope"), {item["id"]: item["verdict"] for item in items}),
        "corrections": old.get("corrections", []),
        "judge": _judge(reread.judgement, "")
        if reread.judgement
        else _judged_before(old.get("judge"), before, after),
        "assumptions": old["assumptions"],
        "unpaid": old.get("unpaid", []),
        "models": _added(old.get("models"), new["models"]),
        # A revision makes no such runs; what they take is hardly changed by one.
        "runs": [run | {"earlier": True} for run in old.get("runs", [])],
        "full_run_estimate": old.get("full_run_estimate", new["full_run_estimate"]),
        # A revision draws none; those that are there are of the code before it.
        "figures": old["figures"] | {"earlier": True} if old.get("figures") else new["figures"],
        "usage": asdict(Usage(**old["usage"]) + Usage(**new["usage"])),
    }
    return carried | {"requirements": graded(carried, unread)}


def _text(place: Mapping[str, Any], repository: Repository) -> list[str]:
    return repository.files[place["file"]].splitlines()[place["start"] - 1 : place["end"]]


def _judged_before(
    judge: Mapping[str, Any] | None, before: Repository, after: Repository
) -> dict[str, Any] | None:
    """What was thought of the code before the change, of lines that are still there."""
    if not judge:
        return None
    critiques = []
    for critique in judge["critiques"]:
        was = {"file": critique["path"], "start": critique["start"], "symbol": ""}
        if place := _moved(was, before, after):
            critiques.append({**critique, "start": place.start, "end": place.end})
    return {**judge, "critiques": critiques}


def _added(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What each role has been asked in both; None where one of them does not say."""
    if not old or not new:
        return None
    added = {}
    for role, now in new.items():
        then = old.get(role, _share(Share(now["model"])))
        played = [share["model"] for share in (then, now) if share["calls"]] or [now["model"]]
        usages = [{k: v for k, v in share.items() if k != "model"} for share in (then, now)]
        usage = Usage(**usages[0]) + Usage(**usages[1])
        added[role] = _share(Share(", ".join(dict.fromkeys(played)), usage))
    return added


def _share(share: Share) -> dict[str, Any]:
    return {"model": share.model, **asdict(share.usage)}


def _figures(figures: Figures, paper: Paper | None) -> dict[str, Any]:
    captions = {figure.anchor: figure.caption for figure in paper.figures} if paper else {}
    return {
        "mode": figures.mode,
        "earlier": False,
        "shown": [
            {
                "file": figure.path,
                "anchor": figure.name if figure.name in captions else "",
                "caption": captions.get(figure.name, ""),
                "width": figure.width,
                "height": figure.height,
                "bytes": len(figure.data),
                "scaled": figure.scaled,
            }
            for figure in figures.shown
        ],
        "left_out": [{"name": name, "why": why} for name, why in figures.left_out],
        "beyond": figures.beyond,
    }


def _own(repository: Repository) -> Repository:
    """What was written for this paper, and not for every one; without what is pinned afterwards."""
    left_out = {*GIVEN, *DERIVED} if contract_of(repository.files) > 1 else DERIVED
    return Repository({path: text for path, text in repository.files.items() if _is_own(path, left_out)})


def _moved(evidence: Mapping[str, Any], before: Repository, after: Repository) -> Place | None:
    """Where evidence that was found in `before` stands in `after`."""
    file, start, symbol = evidence["file"], evidence["start"], evidence["symbol"]
    source, lines = after.files.get(file, ""), before.files.get(file, "").splitlines()
    if symbol:
        place = symbols(source).get(symbol)
        return Place(file, *place, symbol) if place else None
    same = [n for n, line in enumerate(source.splitlines(), 1) if lines[start - 1 : start] == [line]]
    nearest = min(same, key=lambda number: abs(number - start), default=None)
    return Place(file, nearest, nearest, "") if nearest else None


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 2) if whole else None


def _requirement(
    finding: Finding, plan: Plan | None, repository: Repository, coverage: Mapping[str, LineCoverage]
) -> dict[str, Any]:
    requirement = finding.requirement
    return {
        **requirement.model_dump(),
        "anchor": plan.anchors.get(requirement.id, "") if plan else "",
        "verdict": finding.verdict,
        "evidence": [_evidence(place, coverage) for place in finding.places(repository)],
        "note": finding.note,
    }


def _tested_by(requirement: str, tests: Mapping[str, Any] | None) -> list[str]:
    """Tests of a requirement that pass."""
    items = tests["items"] if tests else ()
    return [
        item["id"] for item in items if item["outcome"] == "passed" and requirement in item["requirements"]
    ]


def _evidence(place: Place, coverage: Mapping[str, LineCoverage]) -> dict[str, Any]:
    lines = range(place.start, place.end + 1)
    measured = coverage.get(place.file, LineCoverage(frozenset(), frozenset()))
    return {
        **asdict(place),
        "executed": len(measured.executed.intersection(lines)),
        "executable": len(measured.executable.intersection(lines)),
    }


def _scope(plan: Plan | None, findings: Sequence[Finding]) -> dict[str, Any] | None:
    if plan is None or plan.scope is None:
        return None
    return counted(plan.scope, {finding.requirement.id: finding.verdict for finding in findings})


def _corrections(plan: Plan, paper: Paper) -> list[dict[str, str]]:
    """What was found wrong in the plan after it was made, each with the anchor of the passage that shows it."""
    return [
        c.model_dump() | {"anchor": paper.find(c.quote) or "" if c.quote else ""} for c in plan.corrections
    ]


def _judge(judgement: Judgement | None, unjudged: str) -> dict[str, Any] | None:
    """What is thought of the whole; None where nobody was asked."""
    if judgement is None and not unjudged:
        return None
    return {
        "score": judgement.score if judgement else None,
        "scores": list(judgement.scores) if judgement else [],
        "critiques": [asdict(critique) for critique in judgement.critiques] if judgement else [],
        "dropped": judgement.dropped if judgement else 0,
        "checked": list(judgement.checked) if judgement else [],
        "why_not": unjudged,
    }


def _assumptions(plan: Plan) -> list[dict[str, Any]]:
    """What the paper leaves open, then configuration values that it does not give."""
    open_questions = [
        {"kind": "open question", "subject": item.question}
        | item.model_dump(mode="json", exclude={"question"})
        for item in plan.overview.unclear
    ]
    values = [
        {
            "kind": "configuration",
            "subject": entry.key,
            "assumption": yaml_value(entry.value),
            "why": entry.assumed,
        }
        for entry in plan.configuration.entries
        if entry.assumed
    ]
    return open_questions + values
