"""What models cost and read: by whatever name, above a prompt's size, and from a user's file first."""

import tomllib
from datetime import date
from pathlib import Path

import genai_prices
import pytest

from pipeline.errors import ModelUnavailable
from pipeline.model.defaults import DEFAULTS
from pipeline.model.llm import Usage
from pipeline.model.prices import LACKING, Entry, line_for, price_of, window_of

MILLION = 1_000_000


def usd(model: str, usage: Usage, extra: Path | None = None) -> float:
    price = price_of(model, extra)
    assert price
    return price.of(usage)


@pytest.mark.parametrize(
    ("name", "priced_as"),
    [
        ("o3-mini-2025-01-31", "o3-mini"),
        ("OPENAI/O3-mini-2025-01-31", "o3-mini"),
        ("o3-mini-latest", "o3-mini"),
        ("a/b/o3-mini", "o3-mini"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("gpt-6.2-sol-2026-11-20", "gpt-6.2-sol"),
        ("openai/gpt-6.2-sol", "gpt-6.2-sol"),
        ("anthropic/claude-opus-5.5", "claude-opus-5-5"),
        ("claude-opus-5-5@20260901", "claude-opus-5-5"),
        ("us.anthropic.claude-opus-5-5-20260901-v1:0", "claude-opus-5-5"),
    ],
)
def test_a_model_is_found_under_the_names_that_services_give_it(name: str, priced_as: str) -> None:
    assert price_of(name) == price_of(priced_as) != None  # noqa: E711 (a chain)
    assert window_of(name) == window_of(priced_as) != None  # noqa: E711


@pytest.mark.parametrize("name", ["llama3:8b", "o3-mini-but-better", "mini", ""])
def test_an_unknown_model_has_no_price_and_no_window(name: str) -> None:
    assert price_of(name) is None
    assert window_of(name) is None


@pytest.mark.parametrize("model", DEFAULTS.values())
def test_every_default_has_a_price_for_each_kind_of_token_and_a_window(model: str) -> None:
    none = Usage(1, MILLION, 0, 0)
    assert usd(model, Usage(1, MILLION, MILLION, 0)) < usd(model, none)
    assert usd(model, none) < usd(model, Usage(1, MILLION, 0, 0, written_tokens=MILLION))
    assert usd(model, Usage(output_tokens=MILLION)) > 0
    assert (window_of(model) or 0) >= 1_000_000


def test_a_long_prompt_makes_all_of_a_request_dearer() -> None:
    at, above = Usage(1, 272_000, 0, 1000), Usage(1, 272_001, 0, 1000)
    assert usd("gpt-6.2-sol", at) == pytest.approx(0.544 + 0.01)
    assert usd("gpt-6.2-sol", above) == pytest.approx(1.088004 + 0.015)


def test_several_requests_together_are_not_one_long_prompt() -> None:
    assert usd("gpt-6.2-sol", Usage(10, MILLION, 0, 0)) == pytest.approx(2.0)


def test_claude_counts_reads_and_writes_as_its_provider_does() -> None:
    usage = Usage(1, MILLION, 600_000, 100_000, written_tokens=300_000)
    assert usd("claude-sonnet-5-5", usage) == pytest.approx(0.1 * 2 + 0.6 * 0.1 + 0.3 * 2.5 + 1.0)


def test_a_provider_of_its_own_has_its_own_price() -> None:
    assert price_of("gpt-6.1-sol", base_url="https://api.openai.com/v1") == price_of("gpt-6.1-sol")
    assert price_of("gpt-6.1-sol", base_url="http://localhost:8000/v1") == price_of("gpt-6.1-sol")
    groq = price_of("llama-3.3-70b-versatile", base_url="https://api.groq.com/openai/v1")
    assert groq
    assert price_of("llama-3.3-70b-versatile") != groq


@pytest.mark.parametrize("model", tomllib.loads(LACKING.read_text())["models"])
def test_what_the_data_lacks_is_still_lacking(model: str) -> None:
    with pytest.raises(LookupError):
        genai_prices.calc_price(genai_prices.Usage(), model)
        pytest.fail(f"genai-prices knows {model} now: take it out of {LACKING.name}")


def test_what_the_data_lacks_is_dated() -> None:
    assert isinstance(tomllib.loads(LACKING.read_text())["date"], date)


def test_a_file_of_the_users_extends_and_overrides(tmp_path: Path) -> None:
    extra = tmp_path / "prices.toml"
    extra.write_text(
        '[models]\n"my/Llama" = {input = 0, output = 0, context = 32768}\n"o3-mini" = {input = 9, output = 9}\n'
    )
    assert price_of("my/llama", extra) == Entry(input=0, output=0).price()
    assert window_of("my/llama", extra) == 32_768
    assert price_of("o3-mini", extra) == Entry(input=9, output=9).price()
    assert window_of("o3-mini", extra) == window_of("o3-mini") == 200_000
    assert price_of("o1", extra) == price_of("o1")


def test_what_is_said_to_write_into_the_file_can_be_written_into_it(tmp_path: Path) -> None:
    extra = tmp_path / "prices.toml"
    extra.write_text(line_for("my/Llama:8b").partition(", with")[0])
    assert usd("my/llama:8b", Usage(1, MILLION, 0, MILLION), extra) == pytest.approx(5.0)


@pytest.mark.parametrize(
    "text",
    [
        "[models",
        '[models]\n"x" = {input = -1, output = 1}',
        "[models]\nx = {in = 1}",
        "x=1",
        "[models]\nx = {input = inf, output = 1}",
        f"[models]\nx = {{input = 1{'0' * 400}, output = 1}}",
        f"[models]\nx = {{input = 1{'0' * 5000}, output = 1}}",
    ],
    ids=range(7),
)
def test_a_price_file_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    extra = tmp_path / "prices.toml"
    extra.write_text(text)
    with pytest.raises(ModelUnavailable, match=r"prices\.toml") as error:
        price_of("o3-mini", extra)
    assert "USD per million" in error.value.hint


def test_cached_input_is_cheaper_where_the_provider_says_so() -> None:
    usage = Usage(1, input_tokens=MILLION, cached_tokens=600_000, output_tokens=500_000)
    price = Entry(input=1.0, cached_input=0.5, output=4.0).price()
    assert price.of(usage) == pytest.approx(0.4 + 0.3 + 2.0)
    assert Entry(input=1, output=4).price().of(usage) == pytest.approx(1.0 + 2.0)
