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
