"""What is spent, and the cap that no call may break."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.errors import BudgetReached, Cancelled
from pipeline.model.budget import Budget, Request
from pipeline.model.llm import Usage
from pipeline.model.prices import Above, Entry

PRICE = Entry(input=1.0, cached_input=0.5, output=4.0).price()


def spend(
    budget: Budget, output_tokens: int, stage: str = "code.a", bills: list[Usage] | None = None
) -> Request:
    with budget.request(stage, 1000, (bills if bills is not None else []).append) as request:
        request.usage = Usage(1, 1000, 0, output_tokens)
    return request


def test_bills_the_true_cost() -> None:
    bills: list[Usage] = []
    budget = Budget(PRICE, 1.0)
    spend(budget, 2000, bills=bills)
    assert bills == [Usage(1, 1000, 0, 2000, usd=pytest.approx(0.009))]
    assert budget.spent == pytest.approx(0.009)


def test_without_price_the_cost_is_unknown_and_without_cap_nothing_is_limited() -> None:
    bills: list[Usage] = []
    request = spend(Budget(None), 2000, bills=bills)
    assert request.output_tokens is None
    assert bills[0].usd is None
    assert spend(Budget(PRICE), 10**9).output_tokens is None


def test_a_request_that_cost_nothing_gives_its_reservation_back() -> None:
    bills: list[Usage] = []
    budget = Budget(PRICE, 0.04)
    for _ in range(5):
        with pytest.raises(OSError), budget.request("plan.a", 1000, bills.append):
            raise OSError
    assert spend(budget, 1, "plan.a").output_tokens
    assert bills == []


def test_stops_before_the_call_that_could_break_the_cap() -> None:
    budget = Budget(PRICE, 0.05, spent={"plan": 0.02})
    with pytest.raises(
        BudgetReached, match=r"code\.a could cost \$0\.03.*cap of \$0\.05.*\$0\.03 are left"
    ) as error:
        spend(budget, 1)
    assert "max_usd" in error.value.hint


def test_a_family_that_needed_more_reserves_more() -> None:
    budget = Budget(PRICE, 0.15)
    spend(budget, 20_000, "code.a")
    with pytest.raises(BudgetReached):
        spend(budget, 1, "code.b")
    spend(budget, 1, "plan.b")


def test_an_answer_cut_off_by_its_allowance_gets_a_larger_one() -> None:
    budget = Budget(PRICE, 1.0)
    first = spend(budget, Budget.ceiling).output_tokens
    assert first == Budget.ceiling
    assert spend(budget, 1).output_tokens == 2 * first


def test_waits_for_requests_in_flight_rather_than_stopping() -> None:
    waiting = threading.Event()
    here = threading.current_thread()

    def look() -> bool:
        if threading.current_thread() is not here:
            waiting.set()
        return False

    budget = Budget(PRICE, 0.05, cancelled=look)
    with ThreadPoolExecutor() as pool:
        with budget.request("code.a", 1000, lambda _: None):
            later = pool.submit(spend, budget, 1, "code.b")
            assert waiting.wait(20)
            assert not later.done()
        assert later.result(20).output_tokens


def test_waiting_can_be_cancelled() -> None:
    cancel = threading.Event()
    budget = Budget(PRICE, 0.05, cancelled=cancel.is_set)
    with ThreadPoolExecutor() as pool, budget.request("code.a", 1000, lambda _: None):
        later = pool.submit(spend, budget, 1, "code.b")
        cancel.set()
        with pytest.raises(Cancelled):
            later.result(20)


@pytest.mark.parametrize("cap", [0.05, 0.31, 1.0])
def test_the_cap_holds_with_many_threads_that_use_all_they_may(cap: float) -> None:
    budget = Budget(PRICE, cap)

    def run() -> None:
        while True:
            with budget.request("code.a", 2000, lambda _: None) as request:
                request.usage = Usage(1, 2000, 0, request.output_tokens or 0)

    with ThreadPoolExecutor(16) as pool:
        for run_ in [pool.submit(run) for _ in range(16)]:
            assert isinstance(run_.exception(60), BudgetReached)
    assert 0 < budget.spent <= cap


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        (Usage(1, -5, -3, -7), Usage(1, usd=0.0)),
        (Usage(1, 1000, 4000, 0), Usage(1, 1000, 1000, 0, usd=pytest.approx(0.0005))),
        (
            Usage(1, 1000, 600, 0, written_tokens=900),
            Usage(1, 1000, 600, 0, usd=pytest.approx(0.0007), written_tokens=400),
        ),
    ],
)
def test_what_a_server_counts_is_kept_within_the_possible(said: Usage, counted: Usage) -> None:
    bills: list[Usage] = []
    budget = Budget(PRICE, 1.0)
    with budget.request("plan.a", 1000, bills.append) as request:
        request.usage = said
    assert bills == [counted]
    assert budget.spent == counted.usd


def test_the_cap_holds_where_writing_to_the_cache_or_a_long_prompt_costs_more() -> None:
    above = Above(tokens=1500, input=2, cache_write=4, output=8)
    price = Entry(input=1, cached_input=0.1, cache_write=1.5, output=4, above=above).price()
    budget = Budget(price, 0.2)
    with pytest.raises(BudgetReached):
        while True:
            with budget.request("code.a", 2000, lambda _: None) as request:
                request.usage = Usage(1, 2000, 0, request.output_tokens or 0, written_tokens=2000)
    assert 0.1 < budget.spent <= 0.2
