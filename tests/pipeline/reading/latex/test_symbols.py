import pytest

from tests.pipeline.reading.papers import written


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (r"\ding{51}", "✓"),
        (r"\ding{52}", "✓"),
        (r"\ding{55}", "✗"),
        (r"\ding{56}", "✗"),
        (r"\ding{72}", "★"),
        (r"\ding{172}", "①"),
        (r"\ding{181}", "⑩"),
        (r"\ding{182}", "❶"),
        (r"\ding{192}", "➀"),
        (r"\ding{43}", "☞"),
        (r"\ding{220}", "➜"),
        (r"\Checkmark", "✓"),
        (r"\XSolidBrush", "✗"),
        (r"\cmark", "✓"),
        (r"\xmark", "✗"),
    ],
)
def test_signs_of_pifont_and_bbding(command: str, shown: str) -> None:
    paper = written(rf"Code {command} there.")

    assert f"Code {shown}" in paper.text()
    assert paper.notes == ()


def test_a_sign_that_nobody_knows_is_said() -> None:
    paper = written(r"Code \ding{999}.")

    assert r"\ding" in paper.notes[0]


@pytest.mark.parametrize(
    ("written_as", "shown"),
    [
        (r"\texttt{--max-len 3}", "`--max-len 3`"),
        (r"{\tt a---b}", "`a---b`"),
        (r"{\tt \$}", "`$`"),
        (r"\nth{2}, \nth{11} and \nth{23}", "2nd, 11th and 23rd"),
        (r"\apj, 595 and \mnras, 1", "ApJ, 595 and MNRAS, 1"),
    ],
)
def test_running_text(written_as: str, shown: str) -> None:
    paper = written(f"Of {written_as}.")

    assert f"Of {shown}." in paper.text()
    assert paper.notes == ()


def test_a_notion_of_the_package_knowledge_shows_its_text() -> None:
    paper = written(r"\AP Call \intro*(words){it} \kl[morphism](words){a morphism} and \kl{b}.")

    assert paper.text().strip() == "Call it a morphism and b."
    assert paper.notes == ()
