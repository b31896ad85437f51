import pytest

from pipeline.coding.checks.weakening import weakened
from tests.pipeline.coding.checks.test_authored import HONEST, PATH


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("total / len(values)", "sum(values) / len(values)"),
        ("rel=1e-12", "rel=1e-13"),
        ("[1, 7]", "[1, 7, 64]"),
        ("(1, 2, 3)", "(1, 2, 3, 4)"),
        ("assert abs", "assert values.size == 3\n    assert abs"),
        ("< 1e-12", "< 1e-13"),
        ("np.array([1.0, 2.0, 4.0])", "np.array([1.0, -2.0, 4.0])"),
    ],
)
def test_a_correction_may_ask_for_more(before: str, after: str) -> None:
    assert weakened({PATH: HONEST}, {PATH: HONEST.replace(before, after)}) == []


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("rel=1e-12", "rel=1e-3", "looser relative tolerance: 0.001 for 1e-12"),
        ("rel=1e-12", "rel=LOOSE", "looser relative tolerance"),
        (
            "pytest.approx(reference(values), rel=1e-12)",
            "pytest.approx(reference(values))",
            "looser relative",
        ),
        ("< 1e-12", "< 0.1", "looser absolute tolerance"),
        ("< 1e-12", "< 1" + "0" * 400, "looser absolute tolerance: inf"),
        ("[1, 7]", "[1]", "fewer inputs: 4 for 5"),
        ("(1, 2, 3)", "(1,)", "fewer inputs"),
        (
            "    assert abs(mean(values + 3) - mean(values) - 3) < 1e-12\n",
            "    mean(values)\n",
            "compares less",
        ),
        ("test_r1_moves_with_its_values", "test_r1_other", "is gone"),
    ],
)
def test_a_change_by_which_a_test_notices_less_is_refused(before: str, after: str, complaint: str) -> None:
    assert complaint in " ".join(weakened({PATH: HONEST}, {PATH: HONEST.replace(before, after)}))


def test_what_a_helper_compares_is_part_of_the_test() -> None:
    helped = HONEST.replace("def reference", "def same(a, b):\n    assert a == b\n\n\ndef reference").replace(
        "    assert abs(mean(values + 3) - mean(values) - 3) < 1e-12",
        "    same(mean(values + 3), mean(values) + 3)",
    )
    assert weakened({PATH: helped}, {PATH: helped}) == []
    assert "compares less" in " ".join(
        weakened({PATH: helped}, {PATH: helped.replace("assert a == b", "a == b")})
    )
