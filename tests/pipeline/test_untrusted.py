import time

import pytest

from pipeline.untrusted import Unreadable, of_json, of_yaml

MERGES = "a: &a {b: 1}\n" + "\n".join(
    f"{chr(98 + n)}: &{chr(98 + n)} {{<<: [*{chr(97 + n)}, *{chr(97 + n)}]}}" for n in range(20)
)


def test_half_a_surrogate_pair_costs_no_answer() -> None:
    assert of_json(r'{"a\ud800": ["\udc00 \ud83d\ude00"]}') == {"a\ufffd": ["\ufffd \U0001f600"]}


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[" * 200 + "]" * 200,
        "1" * 5000,
        "1" * 101,
        "[1e999]",
        "NaN",
        '{"a": -Infinity}',
        "",
        "{",
        b"\xff",
        '{"a": 01}',
    ],
)
def test_what_is_no_json_or_none_that_can_be_borne_is_one_error(text: str | bytes) -> None:
    with pytest.raises(Unreadable) as said:
        of_json(text)
    assert str(said.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (MERGES, "in line 1"),
        ("a: &a [1]\nb: *a", "anchors and aliases"),
        ("a: {<<: {b: 1}}", "merge keys"),
        ("!!python/object:os.system {}", "tags"),
        ("[" * 5000, "nested too deeply"),
        ("a: 2001-99-99", "not valid YAML"),
        ("a:\n  b: " + "1" * 101, "a number of 101 characters is not accepted, in line 2"),
        ("0x" + "f" * 4000, "a number of 4,002 characters"),
        ("0b" + "1" * 200_000, "a number of 200,002 characters"),
        ("0" + "7" * 200_000, "a number of 200,001 characters"),
        ("1" + ":59" * 66_000, "a number of 198,001 characters"),
        ("1" + ":59" * 66_000 + ".5", "a number of 198,003 characters"),
        (r'a: ["x\ud800y"]', "no Unicode is not accepted, in line 1"),
        (r'"x\ud800y": 1', "no Unicode is not accepted, in line 1"),
        ("a: [", "line 1, column 5"),
        ("\x00", "not valid YAML"),
    ],
)
def test_what_is_no_yaml_or_would_grow_is_one_error_at_once(text: str, words: str) -> None:
    began = time.process_time()
    with pytest.raises(Unreadable, match=words):
        of_yaml(text)
    assert time.process_time() - began < 2


def test_values_are_values() -> None:
    assert of_yaml(f"a: .inf\nb: 0x{'f' * 98}\nc: 1:30") == {"a": float("inf"), "b": 16**98 - 1, "c": 90}
    assert of_json(r'["\ud83d\ude00"]') == of_yaml('["\N{GRINNING FACE}"]') == ["\N{GRINNING FACE}"]
    assert of_json('{"a": [1.5, null]}') == of_yaml("a: [1.5, null]") == {"a": [1.5, None]}
