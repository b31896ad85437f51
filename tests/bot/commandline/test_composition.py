"""What settings, a repository's configuration and an endpoint make of each other."""

from pathlib import Path

import pytest

from bot.commandline import composition
from bot.intake.configuration import Configuration
from pipeline.errors import ModelUnavailable
from pipeline.model.defaults import DEFAULTS
from pipeline.reading.paper import Paper
from settings import Settings
from tests.bot.work.test_worker import job
from tests.fakes.model import FakeModel, Reply

OPENAI, CLAUDE = DEFAULTS["openai"], DEFAULTS["anthropic"]


@pytest.mark.parametrize(
    ("values", "models"),
    [
        ({}, (OPENAI, OPENAI)),
        ({"anthropic_api_key": "k"}, (CLAUDE, CLAUDE)),
        ({"anthropic_api_key": "k", "openai_api_key": "k"}, (OPENAI, OPENAI)),
        ({"anthropic_api_key": "k", "openai_base_url": "http://h/v1"}, (OPENAI, OPENAI)),
        ({"provider": "anthropic"}, (CLAUDE, CLAUDE)),
        ({"model": "a"}, ("a", "a")),
        ({"model": "a", "judge_model": "b"}, ("a", "b")),
    ],
)
def test_who_writes_and_who_judges(values: dict[str, str], models: tuple[str, str]) -> None:
    settings = Settings.model_validate(values)
    assert composition.models(settings) == models
    assert composition.models(composition.judging(settings)) == (models[1], models[1])


def test_each_model_is_asked_at_its_own_service() -> None:
    settings = Settings.model_validate({"openai_base_url": "http://o/v1", "anthropic_base_url": "http://a"})
    assert composition.service(settings, "gpt-6.2-sol").base_url == "http://o/v1"
    assert composition.service(settings, CLAUDE).base_url == "http://a"
    routed = settings.model_copy(update={"provider": "openai"})
    assert composition.service(routed, CLAUDE).base_url == "http://o/v1"


@pytest.mark.parametrize(
    ("host", "repository", "models"),
    [
        ({}, {}, [OPENAI, OPENAI]),
        ({"model": "gpt-4.1"}, {"model": "gpt-4o"}, ["gpt-4o", "gpt-4o"]),
        ({"judge_model": "gpt-4.1"}, {"model": "gpt-4o"}, ["gpt-4o", "gpt-4.1"]),
        ({"judge_model": "gpt-4.1"}, {"judge_model": "gpt-4o"}, [OPENAI, "gpt-4o"]),
    ],
)
def test_a_job_is_done_by_those_whom_its_repository_names_before_those_of_the_host(
    tmp_path: Path, host: dict[str, str], repository: dict[str, str], models: list[str]
) -> None:
    asked = job(configuration=Configuration.model_validate(repository))
    with FakeModel(Reply("x")) as fake:
        settings = Settings.model_validate({"openai_base_url": fake.url, "data_dir": tmp_path, **host})
        toolbox = composition.toolbox(settings, None, None)
        with toolbox(asked, tmp_path / "job", lambda: False) as tools:
            shares = tools.llm.shares
        assert [shares["writer"].model, shares["auditor"].model] == models
        assert fake.listed == 1


def test_a_job_says_what_is_to_be_known_of_its_model_and_what_it_may_cost(tmp_path: Path) -> None:
    paper = Paper("Means", ("A",), "", (), (), "markdown")
    with FakeModel(models={OPENAI: "2026-12-24"}) as fake:
        settings = Settings.model_validate({"openai_base_url": fake.url, "data_dir": tmp_path})
        with composition.toolbox(settings, None, None)(job(), tmp_path / "job", lambda: False) as tools:
            [concern] = tools.concerns
            assert concern.startswith(f"{OPENAI} e") and "2026-12-24" in concern
            assert tools.expected(paper).startswith(f"Expected with {OPENAI}: ")


def test_a_job_whose_model_cannot_be_reached_ends_before_anything_else(tmp_path: Path) -> None:
    settings = Settings.model_validate({"openai_base_url": "http://127.0.0.1:9/v1", "data_dir": tmp_path})
    opened = composition.toolbox(settings, None, None)(job(), tmp_path / "job", lambda: False)
    with pytest.raises(ModelUnavailable, match="cannot be reached"), opened:
        pytest.fail("it was opened")
    assert list(tmp_path.iterdir()) == []
