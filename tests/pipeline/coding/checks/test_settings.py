import pytest

from pipeline.coding.checks.settings import setting, written_keys
from pipeline.coding.repository import Repository


@pytest.mark.parametrize(
    "text", ["a: &a [1]\nb: *a", "1: 2", "a: 2001-99-99", "[" * 5000, "a: [", "b: {<<: {a: 1}}", "- a", ""]
)
def test_a_configuration_that_no_plan_would_have_has_no_settings(text: str) -> None:
    repository = Repository({"config.yaml": text})

    assert setting("a", repository) is None and setting("1", repository) is None
    assert written_keys(text) in ([], [["1"]])


def test_a_setting_is_its_value_and_its_line() -> None:
    found = setting("train.rate", Repository({"config.yaml": "train:\n  rate: 0.5  # [S1]\n"}))

    assert found and (found.value, found.text) == (0.5, "rate: 0.5  # [S1]")
