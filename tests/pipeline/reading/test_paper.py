import dataclasses
import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reading.arxiv import Arxiv, read
from pipeline.reading.paper import Block, Paper, Part, Section
from tests.pipeline.reading.papers import real, written

BODY = r"""\section{Method}
We set the learning rate to $\alpha = 10^{-4}$ and train for 100,000 steps of state-of-the-art fine-tuning
with
$\beta_1=0.9$, $d_{\text{model}} = 512$ and WMT 2014 data; dropout is 0.1, efficient and na\"ive.
\begin{equation}\mathcal{L}(\theta) = \sum_i \log p_\theta(x_i)\end{equation}
\subsection{Data}
We use $k$-means on 5.29 examples between --0.5 and $-0.25$.
\begin{table}\caption{Hyper-parameters.}\begin{tabular}{lr}batch size & 128\\ warmup &
4{,}000\end{tabular}\end{table}
"""


@pytest.fixture(scope="module")
def paper() -> Paper:
    return written(r"\begin{abstract}We are brief.\end{abstract}" + BODY)


@pytest.mark.parametrize(
    ("quote", "anchor"),
    [
        ("We set the learning rate", "S1"),
        ("we  SET\nthe learning rate to", "S1"),
        ("learning rate to α = 10−4", "S1"),
        (r"learning rate to \(\alpha=10^{-4}\)", "S1"),
        ("learning rate to alpha = 10^-4", "S1"),
        ("train for 100000 steps", "S1"),
        ("100{,}000 steps", "S1"),
        ("state of the art fine tuning", "S1"),
        ("state-of-the-art ﬁne-\ntuning", "S1"),
        ("finetuning", "S1"),
        ("β1 = 0.9", "S1"),
        (r"$\beta_{1} = 0.9$", "S1"),
        ("dmodel = 512", "S1"),
        ("d_model = 512", "S1"),
        (r"d_{\mathrm{model}}=512", "S1"),
        ("eﬃcient and naive", "S1"),
        (r"\mathcal{L}(\theta) = \sum_i \log p_\theta", "Eq1"),
        ("log pθ(xi)", "Eq1"),
        ("k-means on 5.29 examples", "S1.1"),
        ("between --0.5 and −0.25", "S1.1"),
        ("batch size | 128", "Tab1"),
        ("Hyperparameters. batch size", "Tab1"),
        ("warmup 4,000", "Tab1"),
        ("We are brief.", "Abstract"),
        ("and naïve. We", None),
        ("1.1 Data", "S1.1"),
    ],
)
def test_a_quotation_is_found_in_every_spelling(paper: Paper, quote: str, anchor: str | None) -> None:
    assert paper.find(quote) == anchor


@pytest.mark.parametrize(
    "quote",
    [
        "",
        "  $ . ",
        "We set the learning rates",
        "e set the learning rate",
        "learning rate to α = 10^4",
        "learning rate to α = 104",
        "10−5",
        "100,00 steps",
        "1000,000 steps",
        "state of art",
        "β1 = 0.99",
        "β1 = 9",
        "β2 = 0.9",
        "dropout is 0.01",
        "dropout is 01",
        "529 examples",
        "5.2 examples",
        "−0.5 and 0.25",
        "We use means",
        "train for 100,000 epochs",
        "batchsize 128",
        "learning the rate",
    ],
)
def test_other_words_and_other_numbers_are_not_found(paper: Paper, quote: str) -> None:
    assert paper.find(quote) is None


@given(st.data())
def test_any_stretch_of_words_is_found(data: st.DataObject) -> None:
    paper = written(BODY)
    words = paper.sections[0].blocks[0].text.split(" ")
    start = data.draw(st.integers(0, len(words) - 3))
    end = data.draw(st.integers(start + 3, len(words)))
    quote = data.draw(st.sampled_from([" ", "\n", "  "])).join(words[start:end])
    changed = data.draw(st.sampled_from([str.lower, str.upper, str.strip]))(quote.replace("\\", "\\"))
    assert paper.find(changed if "\\" not in quote else quote) == "S1"


@given(st.text(alphabet="abc 0.1-−$_{}^\\,é\u0301", max_size=40))
def test_any_quotation_can_be_looked_up(quote: str) -> None:
    written(BODY).find(quote)


def long_paper() -> Paper:
    def section(anchor: str, title: str, *inside: Section) -> Section:
        return Section(
            anchor, anchor.lstrip("SAp"), title, (Block("paragraph", f"{title} says this. " * 40),), inside
        )

    return Paper(
        title="T",
        authors=("A. B.",),
        abstract="Short.",
        sections=(
            section("S1", "Introduction"),
            section("S2", "Related work"),
            section("S3", "Method", section("S3.1", "Loss")),
            section("Acknowledgements", "Acknowledgements"),
            section("AppA", "Proofs"),
            section("AppB", "Hyperparameters"),
            section("BroaderImpact", "Broader impact"),
        ),
        references=("[1] x", "[2] y"),
        source="latex",
    )


def test_the_essential_text_leaves_out_what_nobody_implements_and_says_so() -> None:
    paper = long_paper()
    text = paper.text(without=get_args(Part))
    assert "Related work says" not in text
    assert text.endswith(
        "(Not shown: [BroaderImpact] Broader impact; [Acknowledgements] Acknowledgements; [S2] Related work; "
        "the list of 2 references.)\n"
    )
    formula = Section("S2", "2", "Related work", (Block("equation", "$$x = 1$$", "Eq1"),))
    kept = dataclasses.replace(paper, sections=(formula,)).text(without=get_args(Part))
    assert "[Eq1] $$x = 1$$" in kept


def test_tables_and_figures_at_the_end_of_a_manuscript_are_no_acknowledgements() -> None:
    paper = written(
        r"\section{Method}This. \section*{Acknowledgements}We thank. \clearpage"
        r"\begin{table}\caption{Errors.}\begin{tabular}{l}0.71\end{tabular}\end{table}"
    )
    assert "0.71" in paper.text(without=get_args(Part))
    thanks = written(r"\section{Method}This. \section*{Acknowledgements}We thank.")
    assert "We thank" not in thanks.text(without=get_args(Part))


def test_the_least_useful_goes_first_and_is_named() -> None:
    paper = long_paper()
    whole = paper.text()
    assert paper.text(len(whole)) == whole
    assert whole.endswith("(Not shown: the list of 2 references.)\n")
    order = []
    for tokens in range(len(whole) // 4, 60, -20):
        text = paper.text(tokens)
        assert len(text) <= tokens * 4
        gone = [s.anchor for s in paper.sections if f"## [{s.anchor}]" not in text]
        if "does not fit" not in text:
            assert all(f"[{anchor}] " in text.rpartition("(Not shown: ")[2] for anchor in gone)
        order += [anchor for anchor in gone if anchor not in order]
    assert order[:5] == ["BroaderImpact", "Acknowledgements", "S2", "AppA", "AppB"]
    assert "[S3]" in paper.text(700)


def test_what_a_reader_names_is_left_out_and_it_is_said() -> None:
    paper = long_paper()
    text = paper.text(without=["related work", "acknowledgements"])
    assert "Related work says" not in text and "Acknowledgements says" not in text
    assert "Broader impact says" in text and "Proofs says" in text
    assert text.endswith(
        "(Not shown: [Acknowledgements] Acknowledgements; [S2] Related work; the list of 2 references.)\n"
    )


def test_a_part_under_a_heading_within_its_paragraph_is_left_out() -> None:
    paper = written(
        r"\section{End}Before. \paragraph{Ethics statement.} Nobody was harmed.\begin{itemize}\item at all\end{itemize}"
        r"\paragraph{Acknowledgements} We thank. \paragraph{Data.} It is there. \subsection{More}After."
    )
    text = paper.text(without=["impact", "acknowledgements"])
    assert all(said in text for said in ("Before.", "It is there.", "After."))
    assert not any(said in text for said in ("harmed", "at all", "We thank"))
    assert "(Not shown: [S1] Acknowledgements; [S1] Ethics statement.)" in text


def test_what_was_dropped_is_said_even_where_the_rest_is_cut_off() -> None:
    text = long_paper().text(300)
    assert len(text) <= 1200
    assert text.endswith(
        "; [AppB] Hyperparameters; the list of 2 references; the rest, which does not fit and was cut off.)"
    )


def test_all_below_a_heading_that_says_so_is_appendix() -> None:
    body = (Block("paragraph", "Long enough. " * 200),)
    proofs = Section("S9.1", "9.1", "PROOFS", body)
    paper = dataclasses.replace(
        long_paper(),
        sections=(Section("S3", "3", "Method", body), Section("S9", "9", "APPENDIX", (), (proofs,))),
    )
    assert "[S9.1] PROOFS" in paper.text(900).rpartition("(Not shown: ")[2]


PARTS: list[Part] = ["acknowledgements", "checklist", "impact", "related work"]


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("1412.6980-adam/paper.pdf", ["[S9] ACKNOWLEDGMENTS", "[S5] RELATED WORK"]),
        ("1706.03762-transformer/paper.pdf", ["[S7] Acknowledgements"]),
        ("1706.03762-transformer/paper.tex", []),
        (
            "hyla/paper.tex",
            ["[Acknowledgements] Acknowledgements", "[S7] Ethics statement", "[S6] Related work"],
        ),
        ("tanh-init/paper.tex", ["[Acknowledgments] Acknowledgments"]),
        ("dkd/paper.md", ["[S2] Related work"]),
        ("1911.02782-eprint/1911.02782.tar.gz", ["[Acknowledgements] Acknowledgements", "[S7] Related work"]),
    ],
)
def test_the_parts_of_real_papers_that_no_implementation_needs(name: str, gone: list[str]) -> None:
    path = real(name)
    said = read(str(path), Arxiv("", "", path)).text(without=PARTS).rpartition("(Not shown: ")[2]
    assert [part for part in said.rstrip(".)\n").split("; ") if part.startswith("[")] == gone


@pytest.mark.parametrize("tokens", [0, 1, 5, 40])
def test_a_budget_is_kept_however_small(tokens: int) -> None:
    assert len(long_paper().text(tokens)) <= tokens * 4


def test_a_paper_is_plain_data(paper: Paper) -> None:
    value = json.loads(json.dumps(dataclasses.asdict(paper), default=str))
    assert value["sections"][0]["blocks"][1]["anchor"] == "Eq1"
