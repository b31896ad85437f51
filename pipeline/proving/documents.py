"""What is written of a reproduction for people: README, requirements table, execution report. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pipeline import rendering
from pipeline.markdown import code, prose
from pipeline.planning.corrections import applied
from pipeline.planning.plan import Experiment, Plan, Value
from pipeline.proving.comparison import OLD, RESULTS, counted
from pipeline.proving.grades import GRADED, author_saw, in_grades, same_reader
from pipeline.proving.scope import in_words

EXECUTION, REQUIREMENTS = "docs/execution-report.json", "docs/plan/requirements.md"
_DROPPED = "## Dropped\n"
USES = {
    "list": "`list` names every experiment of the plan",
    "alone": "one experiment, method and seed is run alone",
    "resume": "killed before its result is there and run again, a run gives the same numbers",
    "again": "a second run makes nothing again",
    "report": "`report` writes every table and figure that the plan promises",
    "missing": "missing data skip their experiments and stop nothing",
    "core": "the method can be imported without the experiments",
    "tests": "the tests that were written from the paper pass",
}
"""What each phase after the smoke run shows."""
_STATUS = re.compile(r"^\*\*It (?:\\.|[^*\n\\])+\*\*(?= What was executed)", re.MULTILINE)
"""Of a README, whichever version wrote it."""
_templates = rendering.templates("pipeline.proving")


def _render(template: str, **values: object) -> str:
    return _templates.get_template(template).render(values).strip() + "\n"


def report_documents(plan: Plan, report: dict[str, Any]) -> dict[str, str]:
    """README, requirements table and the execution report in both forms."""
    plan, _ = applied(plan)
    dropped = _render("dropped.md", refused=plan.refused) if plan.refused else ""
    first = _quickest(plan)
    return {
        "README.md": _render(
            "readme.md", plan=plan, report=report, first=first, seed=_seed(plan, first) if first else 0
        ),
        REQUIREMENTS: _render(
            "requirements.md", report=report, dropped=dropped, revised=False, grades=GRADED
        ),
        **_execution(report),
    }


def revised_documents(files: Mapping[str, str], report: dict[str, Any]) -> dict[str, str]:
    """What `report_documents` wrote and stands in `files`, made true for `report`."""
    changed = _execution(report)
    if readme := files.get("README.md"):
        changed["README.md"] = _STATUS.sub(lambda _: f"**{status_sentence(report)}**", readme, count=1)
    if (compared := files.get(RESULTS)) and OLD not in compared:
        heading, _, rest = compared.partition("\n\n")
        changed[RESULTS] = f"{heading}\n\n{OLD}\n\n{rest}"
    if told := files.get(REQUIREMENTS):
        _, heading, dropped = told.partition(_DROPPED)
        changed[REQUIREMENTS] = _render(
            "requirements.md", report=report, dropped=heading + dropped, revised=True, grades=GRADED
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
    what = f"the smoke run (every experiment's path on {small_data(report)})"
    if report["mode"] != "smoke":
        kind = "the full experiment (`reproduce.sh`)" if report["mode"] == "full" else "a scaled run"
        # `execute` counts it as part of what is proven; a delivery stands on its smoke run.
        what = kind if report["status"] == "fails" else f"{what} and {kind}"
    match report["status"]:
        case "runs":
            lacking = (
                f" What follows it was not all proven: {prose(lack)}."
                if (lack := report.get("unproven"))
                else ""
            )
            return f"It runs: {what} ended well in a fresh sandbox without network.{lacking}"
        case "fails":
            phase, count = failed_phase(report), len(report["attempts"])
            attempts = f"{count} attempt{'' if count == 1 else 's'}"
            seconds = stopped(report)
            if phase in USES:
                how = (
                    "did not hold"
                    if seconds is None
                    else f"was stopped after {seconds:.0f} s, before it was shown"
                )
                return (
                    "It cannot be used as promised yet: its smoke run ended well in a fresh sandbox without network, "
                    f"but after {attempts} this {how}: {USES[phase]}."
                )
            if seconds is not None:
                return (
                    f"It was not seen to run to its end: {what} was stopped in phase {phase} after {seconds:.0f} s "
                    f"({attempts})."
                )
            return f"It does not run yet: {what} failed in phase {phase} after {attempts}."
        case _:
            return "It was not run: no sandbox was used."


def failed_phase(report: Mapping[str, Any]) -> str:
    """The phase in which the delivered state failed; the last attempt may have been of another."""
    failed: list[str] = [phase["phase"] for phase in report.get("phases", ()) if not phase["ok"]]
    return failed[-1] if failed else report["attempts"][-1]["phase"] if report["attempts"] else ""


def stopped(report: Mapping[str, Any]) -> float | None:
    """Seconds after which the phase was stopped in which the delivered state failed; None: it ended by itself."""
    failed = [
        a for a in report["attempts"] if a["phase"] == failed_phase(report) and a["signature"] is not None
    ]
    return failed[-1]["seconds"] if failed and failed[-1]["timed_out"] else None


def repairs(report: Mapping[str, Any]) -> int:
    """How many changes to the code, because of a run or of the audit, were kept."""
    return sum(attempt["lines_changed"] > 0 for attempt in report["attempts"])


def small_data(report: Mapping[str, Any]) -> str:
    """What a smoke run has worked on, as far as a program can tell."""
    names = [code(name) for name in report.get("shipped_data", ())]
    real = f"and parts of {', '.join(names)}" if names else "unless a package brings them"
    return f"tiny data that need no download: synthetic, {real}"


def run_sentence(run: Mapping[str, Any]) -> str:
    """How a scaled or full run has ended."""
    counts = run["runs"]
    made = ", ".join(f"{number} {status}" for status, number in counts.items() if number)
    ended = "ended by itself" if run["ok"] else "was stopped" if run["timed_out"] else "did not end well"
    said = f"It {ended} after {run['seconds']:,.0f} s of {run['minutes']:g} minutes"
    said += f"; runs: {made}." if made else "."
    if lowered := run["lowered"]:
        changed = [f"`{each['key']}` {each['used']} for {each['planned']}" for each in lowered[:20]]
        said += f" To fit into the time these were lowered: {'; '.join(changed)}."
    return said + "".join(f" {problem}" for problem in run["problems"][:3])


def estimate_sentence(report: Mapping[str, Any]) -> str:
    """What all experiments would take, and how that is known."""
    known = report["full_run_estimate"]
    parts = [
        f"{words[0]} {known[key]:g} {words[1]}"
        for key, words in (
            ("gpu_hours", ("about", "GPU hours")),
            ("cpu_hours", ("about", "CPU hours")),
            ("memory_gib", ("at least", "GiB of memory")),
        )
        if known[key] is not None
    ]
    parts += [f"to download: {each['name']} ({each['size']})" for each in known["downloads"]]
    said = ", ".join(parts)
    return f"{said[:1].upper()}{said[1:]} ({known['basis']})." if said else f"Not known: {known['basis']}."


def takes(experiment: Experiment, report: Mapping[str, Any]) -> str:
    """How long all its runs take, from the estimate of all of it; the plan's word where there is none."""
    known = report.get("full_run_estimate") or {}
    each = next((e for e in known.get("experiments", ()) if e["name"] == experiment.name), None)
    minutes = each["minutes"] if each else experiment.minutes
    words = f"{minutes:g} min" if minutes < 120 else f"{minutes / 60:.0f} h"
    if each and each.get("at_least"):
        return f"at least {words}, measured on tiny data or a beginning"
    return f"{words}, as {'measured' if each and each['measured'] else 'planned'}"


def unpaid_sentence(report: Mapping[str, Any]) -> str:
    """What the budget would not pay for, without a full stop; empty: nothing was left out for it."""
    return "; ".join(report.get("unpaid") or ())


def place(evidence: Mapping[str, Any]) -> str:
    """Where in the code something is done, linked from a file in `docs/plan`."""
    file, start = evidence["file"], evidence["start"]
    return f"[{code(f'{file}:{start}')}](../../{quote(file)}#L{start}-L{evidence['end']})"


def usd(amount: float | None) -> str:
    """A price in words: a model without a known price has an unknown cost."""
    return "unknown cost" if amount is None else f"{amount:.4f} USD"


_templates.filters |= {
    "same_reader": same_reader,
    "author_saw": author_saw,
    "place": place,
    "usd": usd,
    "status_sentence": status_sentence,
    "run_sentence": run_sentence,
    "estimate_sentence": estimate_sentence,
    "small_data": small_data,
    "in_words": in_words,
    "in_grades": in_grades,
    "counted": counted,
    "unpaid_sentence": unpaid_sentence,
    "takes": takes,
}
