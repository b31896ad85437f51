"""The model of a run: journal, recording, budget and endpoint together."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from pipeline.errors import AnswerInvalid, BudgetReached, Cancelled, ModelRefused, ModelUnavailable
from pipeline.model.asking import Context, ask
from pipeline.model.llm import LLM, Prompt, Usage
from pipeline.model.session import Session, Terms, open_llm
from pipeline.model.stream import Patience
from tests.fakes.model import FakeModel, Reply

KEY = "sk-very-secret-0123456789"
COUNTED = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
USD = (1000 * 1.10 + 100 * 4.40) / 1e6


def prompt(stage: str = "plan.a", task: str = "Do it.") -> Prompt:
    return Prompt(stage, "A system text.", "A paper to be kept private.", task)


def session(path: Path, fake: FakeModel | None = None, **more: Any) -> Session:
    asked = Terms("o3-mini", api_key=SecretStr(KEY), base_url=fake.url if fake else None)
    named = {field.name: more.pop(field.name) for field in fields(Terms) if field.name in more}
    settings: dict[str, Any] = {
        "reasoning_effort": "high",
        "journal": path / "journal.jsonl",
        "resume": False,
        "patience": Patience(backoff=0.001),
    }
    return open_llm(replace(asked, **named), **settings | more)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (path / "journal.jsonl").read_text().splitlines()]


def test_asks_and_writes_down(tmp_path: Path) -> None:
    with FakeModel(Reply("done", usage=COUNTED)) as fake, session(tmp_path, fake) as opened:
        llm: LLM = opened
        completion = llm.complete(prompt())
        assert completion.text == "done"
        assert not completion.replayed
        assert completion.usage == llm.usage == Usage(1, 1000, 0, 100, pytest.approx(USD))
    [line] = lines(tmp_path)
    assert (line["stage"], line["completion"], line["model"]) == ("plan.a", "done", "o3-mini")
    assert line["usage"]["usd"] == pytest.approx(USD)


def test_neither_prompts_nor_the_key_are_in_the_journal(tmp_path: Path) -> None:
    refused = Reply("", refusal=f"I do not like {KEY}")
    with FakeModel(Reply("done"), refused) as fake, session(tmp_path, fake) as llm:
        llm.complete(prompt())
        with pytest.raises(ModelRefused):
            llm.complete(prompt())
        assert KEY not in repr(llm) + repr(vars(llm))
    text = (tmp_path / "journal.jsonl").read_text()
    assert len(text.splitlines()) == 2
    for secret in (KEY, "A system text", "A paper", "Do it"):
        assert secret not in text


def test_resuming_does_not_pay_again_and_remembers_what_was_paid(tmp_path: Path) -> None:
    with FakeModel(Reply("done", usage=COUNTED)) as fake:
        with session(tmp_path, fake) as llm:
            first = llm.complete(prompt())
        with session(tmp_path, fake, resume=True) as llm:
            again = llm.complete(prompt())
            assert again.replayed
            assert (again.text, again.usage, again.seconds) == (first.text, first.usage, first.seconds)
            assert llm.usage == first.usage
            assert llm.spent == pytest.approx(USD)
            assert not llm.complete(prompt(task="Something else.")).replayed
            assert llm.spent == pytest.approx(2 * USD)
        assert len(fake.requests) == 2
    assert len(lines(tmp_path)) == 2


class Answer(BaseModel):
    value: int


def test_answers_that_failed_their_checks_for_good_are_paid_for_and_not_replayed(tmp_path: Path) -> None:
    def asked(llm: Session) -> int:
        return ask(llm, Context("A system text."), "plan.a", "A number.", Answer).value

    bad, good = Reply("{}", usage=COUNTED), Reply('{"value": 7}', usage=COUNTED)
    with FakeModel(good, bad, bad, bad, good) as fake:
        with pytest.raises(AnswerInvalid), session(tmp_path, fake) as llm:
            llm.complete(prompt())
            asked(llm)
        with session(tmp_path, fake, resume=True) as llm:
            assert llm.complete(prompt()).replayed
            assert (asked(llm), len(fake.requests)) == (7, 5)
            assert llm.spent == pytest.approx(5 * USD)
        with session(tmp_path, fake, resume=True) as llm:
            assert (asked(llm), len(fake.requests)) == (7, 5)
    shutil.copy(tmp_path / "journal.jsonl", tmp_path / "recording.jsonl")
    with session(tmp_path, replay=tmp_path / "recording.jsonl", api_key=None) as llm:
        llm.complete(prompt())
        assert asked(llm) == 7


def test_the_cap_counts_earlier_sessions(tmp_path: Path) -> None:
    dear = Reply("done", usage={"prompt_tokens": 0, "completion_tokens": 20_000, "total_tokens": 20_000})
    with FakeModel(dear) as fake:
        with session(tmp_path, fake, max_usd=0.1) as llm:
            llm.complete(prompt())
        with session(tmp_path, fake, max_usd=0.1, resume=True) as llm:
            assert llm.complete(prompt()).replayed
            with pytest.raises(BudgetReached):
                llm.complete(prompt(task="Something else."))
    assert len(fake.requests) == 1


def test_stops_before_the_call_that_could_break_the_cap(tmp_path: Path) -> None:
    with FakeModel() as fake, session(tmp_path, fake, max_usd=0.01) as llm, pytest.raises(BudgetReached):
        llm.complete(prompt())
    assert fake.requests == []


def test_the_cap_holds_with_threads_and_a_model_that_writes_all_it_may(tmp_path: Path) -> None:
    def greedy(body: dict[str, Any]) -> Reply:
        allowance = body["max_completion_tokens"]
        return Reply(usage={"completion_tokens": allowance, "total_tokens": allowance})

    def ask(number: int) -> bool:
        try:
            llm.complete(prompt(f"code.{number}"))
        except BudgetReached:
            return False
        return True

    with (
        FakeModel(greedy) as fake,
        session(tmp_path, fake, max_usd=0.5) as llm,
        ThreadPoolExecutor(8) as pool,
    ):
        answered = list(pool.map(ask, range(32)))
        assert 0 < sum(answered) == len(fake.requests) < 32
        assert llm.spent <= 0.5
        assert llm.usage.usd == pytest.approx(llm.spent)


def test_an_allowance_that_does_not_fit_into_the_context_is_left_out_for_once(tmp_path: Path) -> None:
    def narrow(body: dict[str, Any]) -> Reply:
        if body["messages"][1]["content"].endswith("Long.") and "max_completion_tokens" in body:
            return Reply(status=400, error={"message": "Too much", "code": "context_length_exceeded"})
        return Reply("done")

    with FakeModel(narrow) as fake, session(tmp_path, fake, max_usd=1) as llm:
        assert llm.complete(prompt(task="Long.")).text == "done"
        llm.complete(prompt(task="Short."))
    assert ["max_completion_tokens" in request for request in fake.requests] == [True, False, True]


def test_what_a_failed_call_cost_is_written_down_and_not_replayed(tmp_path: Path) -> None:
    with FakeModel(Reply("I", "content_filter", usage=COUNTED), Reply("done", usage=COUNTED)) as fake:
        with session(tmp_path, fake) as llm:
            with pytest.raises(ModelRefused):
                llm.complete(prompt())
            assert llm.usage.usd == pytest.approx(USD)
        with session(tmp_path, fake, resume=True) as llm:
            assert llm.spent == pytest.approx(USD)
            assert not llm.complete(prompt()).replayed
    assert [line["completion"] for line in lines(tmp_path)] == [None, "done"]
    assert lines(tmp_path)[0]["finish_reason"] == "ModelRefused"


def test_ctrl_c_in_the_middle_of_an_answer(tmp_path: Path) -> None:
    def interrupt() -> bool:
        if fake.hanging.is_set():
            raise KeyboardInterrupt
        return False

    with FakeModel(Reply("It begins and then", hangs_after=1), Reply("done")) as fake:
        with session(tmp_path, fake, cancelled=interrupt) as llm, pytest.raises(KeyboardInterrupt):
            llm.complete(prompt())
        assert [line["usage"]["estimated"] for line in lines(tmp_path)] == [True]
        with session(tmp_path, fake, resume=True) as llm:
            assert llm.complete(prompt()).text == "done"


def test_a_broken_attempt_counts_in_the_calls_usage(tmp_path: Path) -> None:
    replies = Reply("It begins", drops_after=1), Reply("done", usage=COUNTED)
    with FakeModel(*replies) as fake, session(tmp_path, fake) as llm:
        usage = llm.complete(prompt()).usage
    assert usage.calls == 2
    assert usage.input_tokens > 1000
    assert usage.estimated


def test_later_prompts_hit_the_prefix_cache(tmp_path: Path) -> None:
    shared = "The paper says so. " * 1000
    with FakeModel() as fake, session(tmp_path, fake) as llm:
        llm.complete(Prompt("plan.a", "S", shared, "one"))
        usage = llm.complete(Prompt("plan.b", "S", shared + "And more.", "two")).usage
    assert usage.cached_tokens > 0.95 * usage.input_tokens


def test_a_recording_needs_neither_key_nor_network_nor_price_and_is_written_down(tmp_path: Path) -> None:
    replies = Reply("first", usage=COUNTED), Reply("second", usage=COUNTED)
    with FakeModel(*replies) as fake, session(tmp_path / "recorded", fake) as llm:
        llm.complete(prompt())
        llm.complete(prompt(task="Again."))
    recording = tmp_path / "recorded" / "journal.jsonl"
    without = {"api_key": None, "model": "unknown", "max_usd": 0.001, "replay": recording}
    with session(tmp_path / "played", **without) as llm:
        completions = [llm.complete(prompt(task="Reworded.")), llm.complete(prompt(task="Reworded again."))]
        assert [each.text for each in completions] == ["first", "second"]
        assert all(each.replayed for each in completions)
        assert {each.model for each in completions} == {"o3-mini"}
        assert llm.usage.usd == pytest.approx(2 * USD)
        assert llm.spent == 0
        with pytest.raises(ModelUnavailable, match=r"call 3 of plan\.a"):
            llm.complete(prompt())
    assert [line["completion"] for line in lines(tmp_path / "played")] == ["first", "second"]


def test_a_replay_can_be_resumed(tmp_path: Path) -> None:
    with FakeModel(Reply("first"), Reply("second")) as fake, session(tmp_path / "recorded", fake) as llm:
        llm.complete(prompt())
        llm.complete(prompt(task="Again."))
    recording = tmp_path / "recorded" / "journal.jsonl"
    with session(tmp_path / "played", api_key=None, replay=recording) as llm:
        llm.complete(prompt())
    with session(tmp_path / "played", api_key=None, replay=recording, resume=True) as llm:
        assert [llm.complete(prompt()).text, llm.complete(prompt(task="Again.")).text] == ["first", "second"]
        assert llm.spent == 0
    assert len(lines(tmp_path / "played")) == 2


def test_a_cap_on_a_model_without_price_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"price of llama3 is not known.*\$3\.00") as error:
        session(tmp_path, model="llama3", max_usd=3.0)
    assert '"llama3" = { input' in error.value.hint
    assert not (tmp_path / "journal.jsonl").exists()


def test_without_cap_an_unknown_price_is_unknown(tmp_path: Path) -> None:
    with FakeModel() as fake, session(tmp_path, fake, model="llama3") as llm:
        assert llm.complete(prompt()).usage.usd is None
        assert llm.usage.usd is None
    assert lines(tmp_path)[0]["usage"]["usd"] is None


def test_what_was_paid_without_a_price_counts_once_there_is_one(tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text("[models]\nllama3 = { input = 1.0, output = 10.0 }\n")
    with FakeModel(Reply(usage=COUNTED)) as fake:
        with session(tmp_path, fake, model="llama3") as llm:
            llm.complete(prompt())
        with session(tmp_path, fake, model="llama3", resume=True, prices=prices, max_usd=1.0) as llm:
            assert llm.spent == pytest.approx(0.002)


def test_without_a_key_nothing_is_begun(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable) as error:
        session(tmp_path, api_key=None)
    assert "OPENAI_API_KEY" in error.value.hint
    assert not (tmp_path / "journal.jsonl").exists()


def test_a_cancelled_run_asks_nothing(tmp_path: Path) -> None:
    with (
        FakeModel() as fake,
        session(tmp_path, fake, cancelled=lambda: True) as llm,
        pytest.raises(Cancelled),
    ):
        llm.complete(prompt())
    assert fake.requests == []


def test_what_looks_at_the_work_is_asked_of_the_judge_and_each_role_has_its_bill(tmp_path: Path) -> None:
    stages = ("plan.a", "analysis", "code.a.py", "fix.1", "repair.1", "audit.1", "judge.1", "rubric.1.1")
    with FakeModel(Reply("done", usage=COUNTED)) as fake:
        with session(tmp_path, fake, judge_model="gpt-4o") as llm:
            for stage in stages:
                llm.complete(prompt(stage))
            shares, usage = llm.shares, llm.usage
        asked = [request["model"] for request in fake.requests]
        assert asked == ["o3-mini"] * 5 + ["gpt-4o"] * 3
        with session(tmp_path, fake, judge_model="gpt-4o", resume=True) as llm:
            for stage in stages:
                llm.complete(prompt(stage))
            assert llm.shares == shares
            assert len(fake.requests) == len(stages)
    judged = (1000 * 2.5 + 100 * 10) / 1e6
    assert {role: (share.model, share.usage.calls) for role, share in shares.items()} == {
        "planner": ("o3-mini", 2),
        "writer": ("o3-mini", 3),
        "auditor": ("gpt-4o", 1),
        "judge": ("gpt-4o", 2),
        "tester": ("gpt-4o", 0),
    }
    assert shares["auditor"].usage.usd == pytest.approx(judged)
    assert usage.usd == pytest.approx(5 * USD + 3 * judged)


def test_both_models_pay_from_one_account(tmp_path: Path) -> None:
    with (
        FakeModel(Reply("done", usage=COUNTED)) as fake,
        session(tmp_path, fake, judge_model="gpt-4o", max_usd=0.082) as llm,
    ):
        llm.complete(prompt("judge.1"))
        assert llm.spent == pytest.approx((1000 * 2.5 + 100 * 10) / 1e6)
        with pytest.raises(BudgetReached):
            llm.complete(prompt("judge.2"))
        llm.complete(prompt("code.a"))


def test_a_cap_is_refused_where_one_of_the_models_has_no_price(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="price of llama3"):
        session(tmp_path, judge_model="llama3", max_usd=3.0)


def test_claude_needs_its_own_key_unless_it_is_asked_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="no API key for claude-sonnet-5-5") as error:
        session(tmp_path, model="claude-sonnet-5-5")
    assert "ANTHROPIC_API_KEY" in error.value.hint
    session(tmp_path, model="claude-sonnet-5-5", provider="openai").close()
