from pathlib import Path

import pytest

from pipeline.errors import PaperUnreadable
from pipeline.reading import files
from pipeline.reading.archives import Source
from pipeline.reading.latex import document as latex

NESTED = {
    "negations": r"\ifthenelse{" + r"\not" * 2_500 + "}{a}{b}",
    "groups in a unit": r"\SI{1}{" + "{" * 400 + "m" + "}" * 400 + "}",
    "a number that prints itself": r"\renewcommand{\thesubequation}{\thesubequation}"
    r"\begin{subequations}\begin{equation}a\end{equation}\end{subequations}",
}


@pytest.mark.parametrize("kind", NESTED)
def test_what_is_nested_without_end_is_read_all_the_same(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a.tex").write_text(r"\documentclass{article}\begin{document}Text. " + NESTED[kind])
    assert "Text." in files.paper(tmp_path / "a.tex").text()


@pytest.mark.parametrize("exhausted", [RecursionError, MemoryError])
def test_what_exhausts_python_is_refused(
    exhausted: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        raise exhausted

    monkeypatch.setattr(latex, "read", read)
    (tmp_path / "a.tex").write_text("Text")
    with pytest.raises(PaperUnreadable, match=r"nested too deeply|memory"):
        files.paper(tmp_path)
    with pytest.raises(PaperUnreadable, match=r"nested too deeply|memory"):
        files.parsed(Source("latex", {"a.tex": b"Text"}))
