import pytest

from pipeline.reading.latex.budget import Budget
from pipeline.reading.latex.siunitx import Quantities, quantities
from tests.pipeline.reading.papers import written


@pytest.mark.parametrize(
    ("tex", "shown"),
    [
        (r"\SI{1.2e-3}{\kilo\gram\metre\squared\per\second\cubed}", "1.2 × 10^{-3} kg m^{2} s^{-3}"),
        (r"\qty[per-mode = symbol]{3}{\metre\per\second}", "3 m/s"),
        (r"\unit{\per\cubic\metre}", "m^{-3}"),
        (r"\si{J/mol.K}", "J/mol K"),
        (r"\SI{20}{\degreeCelsius} \SI{4}{\degree} \SI{7}{\percent}", "20 °C 4° 7 %"),
        (r"\qtyrange{10}{20}{\um} \SIrange[range-phrase = --]{1}{2}{\s}", "10 to 20 µm 1–2 s"),
        (r"\numrange{4}{8} \numlist{1;2;3} \numproduct{2 x 3}", "4 to 8 1, 2 and 3 2 × 3"),
        (r"\SIlist{1;2}{\m}", "1 m and 2 m"),
        (r"\qtyproduct{2 x 3}{\cm}", "2 cm × 3 cm"),
        (r"\num{5 +- 2} \num{<.5} \num{e4} \num{1.2(3)}", "5 ± 2 <0.5 10^{4} 1.2(3)"),
        (r"\ang{10;20;3.5}", "10°20′3.5″"),
    ],
)
def test_quantities(tex: str, shown: str) -> None:
    assert shown in written(rf"Here: {tex}.").text()


def test_what_a_document_declares() -> None:
    made = quantities(
        r"\sisetup{per-mode=symbol}\DeclareSIUnit\flop{FLOP}\DeclareSIUnit{\parsecs}{pc}", Budget()
    )
    assert made.unit(r"\giga\flop\per\second") == "GFLOP/s"
    assert made.unit(r"\mega\parsecs") == "Mpc"


def test_a_formula_holds_no_command_of_the_package() -> None:
    assert (
        Quantities().mathematics(r"v=\SI{3e8}{\m\per\s}") == r"v=3 \times 10^{8}\,\mathrm{m}\,\mathrm{s^{-1}}"
    )


def test_columns_of_numbers() -> None:
    text = written(
        r"\begin{tabular}{lS[table-format=1.2]}a & {Value (\si{\ohm})}\\b & 1.25 \end{tabular}"
    ).text()
    assert "| a | Value (Ω) |\n| --- | --- |\n| b | 1.25 |" in text
