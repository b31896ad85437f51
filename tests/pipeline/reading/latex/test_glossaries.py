import pytest

from tests.pipeline.reading.papers import written


@pytest.mark.parametrize(
    ("preamble", "body", "shown"),
    [
        (r"\newacronym{n}{NN}{neural network}", r"\gls{n}, \gls{n}, \glspl{n}", "neural network (NN), NN, NNs"),
        (r"\newacronym{n}{NN}{neural net}", r"\Gls{n}; \acrlong{n}; \acrshort{n}", "Neural net (NN); neural net; NN"),
        (r"\newacronym[longplural={matrices}]{m}{M}{matrix}", r"\glspl{m}", "matrices (Ms)"),
        (r"\newglossaryentry{f}{name={foo},description={a bar}}", r"\gls{f}: \glsdesc{f}", "foo: a bar"),
        (r"\newglossaryentry{f}{name=foo,plural=fooes,description={x}}", r"\glspl{f} \glslink{f}{a}", "fooes a"),
        (r"\DeclareAcronym{n}{short=NN,long=neural network}", r"\ac{n} \ac{n} \acp{n}", "neural network (NN) NN NNs"),
        (r"\acrodef{n}[NN]{net}", r"\ac{n} \acl{n} \acs{n} \acresetall \ac{n}", "net (NN) net NN net (NN)"),
    ],
)  # fmt: skip
def test_what_is_printed_first_and_later(preamble: str, body: str, shown: str) -> None:
    assert written(f"So: {body}.", preamble).text().strip().endswith(f"So: {shown}.")


def test_a_list_of_acronyms_is_text() -> None:
    text = written(r"\begin{acronym}[XXXX]\acro{n}[NN]{neural network}\end{acronym} \ac{n}").text()
    assert "**NN** neural network" in text
    assert text.strip().endswith("neural network (NN)")
