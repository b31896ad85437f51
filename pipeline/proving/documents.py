"""What is written of a reproduction for people: README, requirements table, execution report. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any

from pipeline import rendering
from pipeline.planning.plan import Experiment, Plan, Value
from pipeline.proving.scope import in_words

EXECUTION, REQUIREMENTS = "docs/execution-report.json", "docs/plan/requirements.md"
_DROPPED = "## Dropped\n"
USES = {
    "list": "`list` names every experiment of the plan",
    "alone": "one experiment, method and seed is run alone",
    "resume": "killed after a checkpoint and resumed, a run gives the same numbers",
    "again": "a second run makes nothing again",
    "report": "`report` writes every table and figure that the plan promises",
    "missing": "missing data skip their experiments and stop nothing",
    "core": "the method can be imported without the experiments",
    "tests": "the tests that were written from the paper pass",
}
"""What each phase after the smoke run shows."""
_STATUS = re.compile(r"^\*\*It [^*\n]+\*\*(?= What was executed)", re.MULTILINE)
"""Of a README, whichever version wrote it."""
_templates = rendering.templates("pipeline.proving")


def _render(template: str, **values: object) -> str:
    return _templates.get_template(template).render(values).strip() + "\n"


def report_documents(plan: Plan, report: dict[str, Any]) -> dict[str, str]:
    """README, requirements table and the execution report in both forms."""
    dropped = _render("dropped.md", refused=plan.refused) if plan.refused else ""
    first = _quickest(plan)
    return {
        "README.md": _render(
            "readme.md", plan=plan, report=report, first=first, seed=_seed(plan, first) if first else 0
        ),
        REQUIREMENTS: _render("requirements.md", report=report, dropped=dropped, revised=False),
        **_execution(report),
    }


def revised_documents(files: Mapping[str, str], report: dict[str, Any]) -> dict[str, str]:
    """What `report_documents` wrote and stands in `files`, made true for `report`."""
    changed = _execution(report)
    if readme := files.get("README.md"):
        changed["README.md"] = _STATUS.sub(lambda _: f"**{status_sentence(report)}**", readme, count=1)
    if told := files.get(REQUIREMENTS):
        _, heading, dropped = told.partition(_DROPPED)
        changed[REQUIREMENTS] = _render(
            "requirements.md", report=report, dropped=heading + dropped, revised=True
        )
    return changed


def _quickest(plan: Plan) -> Experiment | None:
    """The experiment to try first."""
    ranked = sorted(plan.logic.experiments, key=lambda e: (bool(e.needs), e.gpu, e.minutes))
    return ranked[0] if ranked else None


def _seed(plan: Plan, experiment: Experiment) -> Value:
    """One that the experiment has."""
    values = {entry.key: entry.value for entry in plan.configuration.entries}
    listed = values.get(experiment.seeds)
    return listed[0] if isinstance(listed, tuple) and listed else 0


def _execution(report: dict[str, Any]) -> dict[str, str]:
    return {
        "docs/execution-report.md": _render("execution-report.md", report=report, uses=USES),
        EXECUTION: json.dumps(report, indent=1, ensure_ascii=False) + "\n",
    }


def status_sentence(report: Mapping[str, Any]) -> str:
    """What was run and how it ended, in words that promise nothing more."""
    what = {
        "smoke": f"the smoke run (every experiment's path on {small_data(report)})",
        "full": "the full experiment (`reproduce.sh`)",
    }[report["mode"]]
    match report["status"]:
        case "runs":
            return f"It runs: {what} ended well in a fresh sandbox without network."
        case "fails":
            phase, count = failed_phase(report), len(report["attempts"])
            attempts = f"{count} attempt{'' if count == 1 else 's'}"
            if phase in USES:
                return (
                    "It cannot be used as promised yet: its smoke run ended well in a fresh sandbox without network, "
                    f"but after {attempts} this did not hold: {USES[phase]}."
                )
            return f"It does not run yet: {what} failed in phase {phase} after {attempts}."
        case _:
            return "It was not run: no sandbox was used."


def failed_phase(report: Mapping[str, Any]) -> str:
    """The phase in which the delivered state failed; the last attempt may have been of another."""
    failed: list[str] = [phase["phase"] for phase in report.get("phases", ()) if not phase["ok"]]
    return failed[-1] if failed else report["attempts"][-1]["phase"] if report["attempts"] else ""


def repairs(report: Mapping[str, Any]) -> int:
    """How many changes to the code, because of a run or of the audit, were kept."""
    return sum(attempt["lines_changed"] > 0 for attempt in report["attempts"])


def small_data(report: Mapping[str, Any]) -> str:
    """What a smoke run has worked on, as far as a program can tell."""
    names = [f"`{name}`" for name in report.get("shipped_data", ())]
    real = f"and parts of {', '.join(names)}" if names else "unless a package brings them"
    return f"tiny data that need no download: synthetic, {real}"


def usd(amount: float | None) -> str:
    """A price in words: a model without a known price has an unknown cost."""
    return "unknown cost" if amount is None else f"{amount:.4f} USD"


_templates.filters |= {
    "usd": usd,
    "status_sentence": status_sentence,
    "small_data": small_data,
    "in_words": in_words,
}
