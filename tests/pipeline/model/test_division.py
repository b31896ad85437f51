"""How a cap is divided before anything is asked, and that no call takes what is kept for what matters more."""

import itertools

import pytest

from pipeline.errors import BudgetReached
from pipeline.model import estimate
from pipeline.model.budget import Budget
from pipeline.model.division import FEWEST, LEFT_OUT, PARTS, UNDIVIDED, USUAL, Division, divided
from pipeline.model.prices import price_of
from tests.pipeline.model.test_budget import PRICE, spend

COSTS = dict.fromkeys(PARTS, 1.0)
SOL = price_of("gpt-6.2-sol")


def test_what_cannot_be_paid_is_left_out_in_this_order() -> None:
    asked_for = [
        "sharper tests",
        "lighter tests",
        "second look",
        "other numbers",
        "numbers",
        "tests",
        "judge",
    ]
    seen = [divided(cap, COSTS).left_out for cap in range(len(PARTS), 2, -1)]
    assert [fewer[0] for fewer in seen[1:]] == asked_for and seen[0] == ()
    assert all(set(fewer) < set(more) for fewer, more in itertools.pairwise(seen))
    assert divided(5, COSTS).told.endswith(
        f"{LEFT_OUT['numbers']}; {'; '.join(LEFT_OUT[p] for p in PARTS[6:])}."
    )
    assert UNDIVIDED.told == "" and "all but the 8 heaviest" in divided(0.1, COSTS).told
    assert divided(0.1, COSTS).left_out == tuple(part for part in PARTS if part in LEFT_OUT)


def test_what_nobody_wants_is_not_said_to_be_left_out_and_leaves_room_for_the_rest() -> None:
    costs = COSTS | {"tests": 0.0, "lighter tests": 0.0, "sharper tests": 0.0}
    assert divided(7, costs).left_out == () and divided(6, costs).left_out == ("second look",)


def test_a_share_holds_all_that_is_paid_of_a_part() -> None:
    assert divided(len(PARTS), COSTS).shares == {
        "plan": 1, "write": 1, "run": 1, "judge": 2, "tests": 3, "numbers": 2,
    }  # fmt: skip


@pytest.mark.parametrize(("cap", "most"), [(3, None), (2.5, USUAL // 2), (2.25, USUAL // 4), (1, FEWEST)])
def test_a_paper_whose_code_costs_more_is_done_as_far_as_the_cap_goes(cap: float, most: int | None) -> None:
    assert divided(cap, COSTS).requirements == most


def test_what_is_written_beside_the_code_leaves_what_the_code_may_cost() -> None:
    budget = Budget(PRICE, 0.10)  # a call reserves $0.033
    budget.divide(Division({"plan": 0.01, "write": 0.07, "run": 0.01, "judge": 0.03, "tests": 0.02}))
    with pytest.raises(BudgetReached, match=r"\$0\.12 kept for what matters more"):
        spend(budget, 1, "tests.1of2")
    for stage in ("plan.logic", "code.a", "code.b", "fix.1"):
        spend(budget, 1000, stage)


def test_what_was_spent_on_a_part_is_no_longer_kept_for_it() -> None:
    shares = Division({"plan": 0.02, "write": 0.05, "judge": 0.01})
    budget = Budget(PRICE, 0.12, spent={"plan": 0.03, "write": 0.04})
    budget.divide(shares)
    with pytest.raises(BudgetReached):
        spend(budget, 1, "tests")
    budget = Budget(PRICE, 0.13, spent={"plan": 0.03, "write": 0.05})
    budget.divide(shares)
    spend(budget, 1, "tests")


@pytest.mark.parametrize("stage", ["arbiter.1", "tests.again.1", "tests.sharper.1"])
def test_once_the_code_has_run_only_the_judge_s_share_is_kept(stage: str) -> None:
    division = Division({"plan": 5, "write": 5, "run": 5, "judge": 0.5, "tests": 5})
    assert division.kept(stage, {"judge": 0.125}) == 0.375
    assert division.kept("audit", {}) == division.kept("repair.1", {}) == division.kept("code.a", {}) == 0
    assert division.kept("plan.numbers", {"tests": 4}) == 16.5 and division.kept("plan.logic", {}) == 0
    assert UNDIVIDED.kept("tests", {}) == 0


def test_a_dollar_pays_for_a_paper_of_ten_pages_with_all_its_proof_and_a_tenth_of_it_for_none() -> None:
    assert SOL
    costs = estimate.parts(12_000, SOL, SOL)
    assert set(costs) == {*PARTS} and all(usd > 0 for usd in costs.values())
    assert divided(2.0, costs) == Division(divided(2.0, costs).shares, (), None)
    assert divided(0.1, costs).left_out == tuple(part for part in PARTS if part in LEFT_OUT)
    longer = estimate.parts(120_000, SOL, SOL)
    assert all(longer[part] > costs[part] for part in PARTS)
