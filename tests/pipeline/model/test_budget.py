"""Prices, and the cap that no call may break."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.errors import BudgetReached, Cancelled, ModelUnavailable
from pipeline.model.budget import PRICES, Budget, Price, Request, price_of
from pipeline.model.llm import Usage

PRICE = Price(input=1.0, cached_input=0.5, output=4.0)


@pytest.mark.parametrize(
    "name",
    [
        "o3-mini",
        "o3-mini-2025-01-31",
        "openai/o3-mini",
        "OPENAI/O3-mini-2025-01-31",
        "o3-mini-latest",
        "a/b/o3-mini",
    ],
)
def test_a_model_is_found_with_prefix_and_date(name: str) -> None:
    assert price_of(name) == Price(input=1.10, cached_input=0.55, output=4.40)


@pytest.mark.parametrize(
    ("name", "priced_as"),
    [
        ("claude-sonnet-4-20250514", "claude-sonnet-4"),
        ("anthropic/claude-3.7-sonnet", "claude-3.7-sonnet"),
        ("gemini-2.0-flash-001", "gemini-2.0-flash"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("o1-2024-12-17", "o1"),
    ],
)
def test_dates_of_several_forms(name: str, priced_as: str) -> None:
    assert price_of(name) == price_of(priced_as) != None  # noqa: E711 (a chain)


@pytest.mark.parametrize("name", ["llama3:8b", "o3-mini-but-better", "mini", "deepseek/deepseek-r1:free", ""])
def test_an_unknown_model_has_no_price(name: str) -> None:
    assert price_of(name) is None


def test_prices_are_dated() -> None:
    assert "\ndate = 20" in PRICES.read_text()


def test_a_file_of_the_users_extends_and_overrides(tmp_path: Path) -> None:
    extra = tmp_path / "prices.toml"
    extra.write_text('[models]\n"my/Llama" = {input = 0, output = 0}\n"o3-mini" = {input = 9, output = 9}\n')
    assert price_of("my/llama", extra) == Price(input=0, output=0)
    assert price_of("o3-mini", extra) == Price(input=9, output=9)
    assert price_of("o1", extra) == price_of("o1")


@pytest.mark.parametrize(
    "text", ["[models", '[models]\n"x" = {input = -1, output = 1}', "[models]\nx = {in = 1}", "x=1"]
)
def test_a_price_file_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    extra = tmp_path / "prices.toml"
    extra.write_text(text)
    with pytest.raises(ModelUnavailable, match=r"prices\.toml") as error:
        price_of("o3-mini", extra)
    assert "USD per million" in error.value.hint


def test_cached_input_is_cheaper_where_the_provider_says_so() -> None:
    usage = Usage(1, input_tokens=1_000_000, cached_tokens=600_000, output_tokens=500_000)
    assert PRICE.of(usage) == pytest.approx(0.4 + 0.3 + 2.0)
    assert Price(input=1, output=4).of(usage) == pytest.approx(1.0 + 2.0)


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
    budget = Budget(PRICE, 0.05, spent=0.02)
    with pytest.raises(
        BudgetReached, match=r"code\.a could cost \$0\.03.*cap of \$0\.05.*\$0\.03 are left"
    ) as error:
        spend(budget, 1)
    assert "--max-usd" in error.value.hint


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
