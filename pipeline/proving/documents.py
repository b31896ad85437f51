"""What is written of a reproduction for people: README, requirements table, execution report. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from pipeline import rendering
from pipeline.planning.plan import Experiment, Plan
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
}
"""What each phase after the smoke run shows."""
_templates = rendering.templates("pipeline.proving")


def _render(template: str, **values: object) -> str:
    return _templates.get_template(template).render(values).strip() + "\n"


def report_documents(plan: Plan, report: dict[str, Any]) -> dict[str, str]:
    """README, requirements table and the execution report in both forms."""
    dropped = _render("dropped.md", refused=plan.refused) if plan.refused else ""
    return {
        "README.md": _render("readme.md", plan=plan, report=report, first=_quickest(plan)),
        REQUIREMENTS: _render("requirements.md", report=report, dropped=dropped, revised=False),
        **_execution(report),
    }


def revised_documents(
    files: Mapping[str, str], was: dict[str, Any], report: dict[str, Any]
) -> dict[str, str]:
    """What `report_documents` wrote for the report `was` and stands in `files`, made true for `report`."""
    changed = _execution(report)
    if readme := files.get("README.md"):
        changed["README.md"] = readme.replace(status_sentence(was), status_sentence(report))
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


def _execution(report: dict[str, Any]) -> dict[str, str]:
    return {
        "docs/execution-report.md": _render("execution-report.md", report=report, uses=USES),
        EXECUTION: json.dumps(report, indent=1, ensure_ascii=False) + "\n",
    }


def status_sentence(report: dict[str, Any]) -> str:
    """What was run and how it ended, in words that promise nothing more."""
    what = {
        "smoke": "the smoke run (the whole code path on small synthetic data)",
        "full": "the full experiment (`reproduce.sh`)",
    }[report["mode"]]
    match report["status"]:
        case "runs":
            return f"It runs: {what} ended well in a fresh sandbox without network."
        case "fails":
            last, count = report["attempts"][-1], len(report["attempts"])
            if last["phase"] in USES:
                return (
                    "It cannot be used as promised yet: its smoke run ended well in a fresh sandbox without network, "
                    f"but after {count} attempts this did not hold: {USES[last['phase']]}."
                )
            return f"It does not run yet: {what} failed in phase {last['phase']} after {count} attempts."
        case _:
            return "It was not run: no sandbox was used."


def usd(amount: float | None) -> str:
    """A price in words: a model without a known price has an unknown cost."""
    return "unknown cost" if amount is None else f"{amount:.4f} USD"


_templates.filters |= {"usd": usd, "status_sentence": status_sentence, "in_words": in_words}
