"""Every attack of the three files next door, in each sandbox, and the document that tells of them."""

import pytest

from tests.sandbox import test_attacks_deceit, test_attacks_escape, test_attacks_exhaustion
from tests.sandbox.attacks import DOCUMENT
from tests.sandbox.conftest import Run

ATTACKS = test_attacks_deceit.ATTACKS | test_attacks_escape.ATTACKS | test_attacks_exhaustion.ATTACKS


@pytest.mark.parametrize("name", ATTACKS)
def test_holds(name: str, run: Run) -> None:
    ATTACKS[name].is_held(run)


@pytest.mark.parametrize("name", ATTACKS)
def test_the_document_tells_of_it(name: str) -> None:
    assert ATTACKS[name].row in DOCUMENT.read_text("utf-8")


def test_no_attack_hides_another_of_its_name() -> None:
    files = (test_attacks_deceit, test_attacks_escape, test_attacks_exhaustion)
    assert len(ATTACKS) == sum(len(file.ATTACKS) for file in files)


def test_every_row_of_the_document_is_an_attack_or_names_its_test() -> None:
    lines = DOCUMENT.read_text("utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| tried |")]
    named = [row.rsplit("`", 2)[1] for row in rows if row not in {attack.row for attack in ATTACKS.values()}]

    assert len(rows) > 90
    assert len(set(rows)) == len(rows)
    for path, _, name in (each.partition("::") for each in named):
        assert f"def {name}(" in (DOCUMENT.parents[1] / path).read_text("utf-8"), path
