"""Where the check run's remarks stand, and that all of them arrive."""

from typing import Any

import pytest

from bot.github.credentials import GitHubUnavailable
from bot.github.github import GitHub
from bot.github.pulls import Annotation, CheckRun
from bot.words.annotations import assumed, on
from pipeline.markdown import plain
from pipeline.planning import documents
from pipeline.proving.documents import report_documents
from tests.bot.conftest import PLACE, report
from tests.fakes.github.server import FakeGitHub
from tests.pipeline.plans import CONFIGURATION, PLAN

OVERVIEW = "# Overview\n\n- Which optimiser? (see #3) **Assumed:** Adam (usual)\n"


def item(verdict: str, number: int = 1, **changes: Any) -> dict[str, Any]:
    base = report()["requirements"]["items"][0]
    return base | {"id": f"R{number}", "verdict": verdict, "note": "It is not."} | changes


def reported(*items: dict[str, Any], assumed: tuple[dict[str, str], ...] = ()) -> dict[str, Any]:
    changed = report()["requirements"] | {"items": list(items)}
    return report(requirements=changed, assumptions=list(assumed))


def test_the_worst_come_first_and_what_is_implemented_not_at_all() -> None:
    told = reported(
        item("implemented"), item("partial", 2), item("deviates", 3, weight=1), item("deviates", 4)
    )
    found = on("read", told, {}, "papers/x")
    assert [(remark.title[:2], remark.level) for remark in found] == [
        ("R4", "warning"),
        ("R3", "warning"),
        ("R2", "notice"),
    ]
    assert (found[0].path, found[0].start) == ("papers/x/main.py", 1)


def test_what_is_missing_stands_where_the_requirements_are_listed() -> None:
    told = reported(item("missing", 12, evidence=[]))
    files = {"docs/plan/requirements.md": report_documents(PLAN, told)["docs/plan/requirements.md"]}
    (remark,) = on("read", told, files, "papers/x")
    assert remark.path == "papers/x/docs/plan/requirements.md"
    assert files["docs/plan/requirements.md"].splitlines()[remark.start - 1].startswith("| R12 |")


def test_what_is_assumed_stands_at_its_key_and_its_question() -> None:
    chosen = (
        {"kind": "configuration", "subject": "training.batch", "assumption": "32", "why": "usual"},
        {
            "kind": "open question",
            "subject": "Which optimiser? (see #3)",
            "assumption": "Adam",
            "why": "usual",
        },
        {"kind": "configuration", "subject": "not.there", "assumption": "1", "why": "x"},
    )
    files = {"config.yaml": documents.config_yaml(CONFIGURATION), "docs/plan/overview.md": plain(OVERVIEW)}
    found = assumed(reported(assumed=chosen), files, "papers/x")
    lines = [files[remark.path.removeprefix("papers/x/")].splitlines()[remark.start - 1] for remark in found]
    assert lines[0].strip().startswith("batch: 32") and "Which optimiser?" in lines[1] and len(lines) == 2
    assert "#3" not in found[1].message


@pytest.mark.parametrize("config", ["a: [", "- 1", "", "&a {b: *a}", "[" * 5000])
def test_a_configuration_that_is_none_has_no_lines(config: str) -> None:
    chosen = ({"kind": "configuration", "subject": "a", "assumption": "1", "why": ""},)
    assert assumed(reported(assumed=chosen), {"config.yaml": config}, "x") == []


def test_a_check_run_gets_all_of_its_remarks_whatever_breaks(hub: FakeGitHub, github: GitHub) -> None:
    sha = hub.refs()["main"]
    remarks = [Annotation("a.py", n, n, "notice", "Assumed", str(n)) for n in range(1, 121)]

    def check() -> None:
        github.check(PLACE, sha, "j1", [CheckRun("it runs", "success", "Runs", "", tuple(remarks))])

    hub.fail("PATCH", "/check-runs/", 502, times=1, carried_out=True)
    hub.fail("PATCH", "/check-runs/", 502, times=1)
    for _ in range(2):
        with pytest.raises(GitHubUnavailable, match="Server Error"):
            check()
    check()
    check()
    ((_, kept),) = hub.state.annotations.items()
    assert [remark["start_line"] for remark in kept] == list(range(1, 121))


def test_a_message_has_one_full_stop_where_one_is_due() -> None:
    made = report()
    made["assumptions"] = [
        {"kind": "configuration", "subject": "lr", "assumption": "0.1.", "why": "Usual."},
        {"kind": "configuration", "subject": "lr", "assumption": "0.1", "why": "usual"},
    ]
    first, second = assumed(made, {"config.yaml": "lr: 0.1\n"}, "papers/x")[-2:]
    assert first.message == "lr: 0.1. Usual."
    assert second.message == "lr: 0.1. usual."
