"""Which tests from the paper speak of a number: those of what its experiment runs on, and of its table. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.coding.checks.program import Program
from pipeline.coding.checks.reach import Symbol, experiments, reached, used
from pipeline.coding.repository import Repository
from pipeline.contract import HARNESS, TESTS
from pipeline.planning.plan import Plan
from pipeline.planning.reported import ReportedNumber


def doubting(
    plan: Plan, repository: Repository, tests: Mapping[str, Any] | None
) -> Callable[[ReportedNumber], str]:
    """For each number a test that fails or is disputed, of the requirements behind it; empty: there is none.

    `tests` are those of the report. A test is behind a number if it uses what the number's experiment leads to, or if
    its requirement implements the number's table. Where an experiment is not named by a literal, all tests are.
    """
    failing = [
        item for item in (tests or {"items": ()})["items"] if item["outcome"] in ("failed", "disputed")
    ]
    program = Program({path: text for path, text in repository.python_files().items() if path != HARNESS})
    tested = {item["id"]: _tested(item["id"], program) for item in failing}
    behind = {
        each.name: reached(used(each.call, each.path, program), program)
        for each in (experiments(program) if failing else ())
    }
    tables = {item.anchor: item.requirements for item in plan.scope or ()}

    def doubt(number: ReportedNumber) -> str:
        asked, code = {*tables.get(number.anchor, ())}, behind.get(number.experiment)
        for item in failing:
            if code is None or tested[item["id"]] & code or asked & {*item["requirements"]}:
                return str(item["id"])
        return ""

    return doubt


def _tested(test: str, program: Program) -> set[Symbol]:
    """What a test uses of the code, by itself or through what stands beside it."""
    path, _, name = test.partition("::")
    seen = (
        reached([(path, name)], program, lambda file: file.startswith(TESTS))
        if path in program.files
        else set()
    )
    return {symbol for symbol in seen if not symbol[0].startswith(TESTS)}
