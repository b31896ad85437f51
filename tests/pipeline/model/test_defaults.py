"""Which models are asked where nobody says, and whose protocol they are asked in."""

import re
from pathlib import Path

import pytest

from pipeline.model.defaults import DEFAULTS, ENDED, default_model, provider_of

ROOT = Path(__file__).parents[3]
SAYS = ("README.md", "action.yml", "docs/self-hosting.md", "examples/workflows/paper2code.yml", "settings.py")


def test_no_default_has_ended_or_will() -> None:
    assert not set(DEFAULTS.values()) & ENDED.keys()


@pytest.mark.parametrize("file", SAYS)
def test_nobody_is_told_to_use_a_model_that_has_ended(file: str) -> None:
    words = set(re.findall(r"[\w.-]*\w", (ROOT / file).read_text()))
    assert not words & (ENDED.keys() - {"o1", "o3"})


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("claude-sonnet-5-5", "anthropic"),
        ("Claude-Opus-5-5@20260901", "anthropic"),
        ("us.anthropic.claude-opus-5-5-v1:0", "anthropic"),
        ("anthropic/claude-opus-5.5", "openai"),
        ("gpt-6.2-sol", "openai"),
        ("my-claude", "openai"),
        ("", "openai"),
    ],
)
def test_whose_protocol_a_name_belongs_to(model: str, provider: str) -> None:
    assert provider_of(model) == provider


def test_the_default_is_that_of_the_provider_there_is_a_key_for() -> None:
    assert default_model(None, only_anthropic=False) == DEFAULTS["openai"]
    assert default_model(None, only_anthropic=True) == DEFAULTS["anthropic"]
    assert default_model("openai", only_anthropic=True) == DEFAULTS["openai"]
    for provider, model in DEFAULTS.items():
        assert provider_of(model) == provider
