"""Archives and TeX that nobody meant to be read: an answer or a PaperError, soon, and nothing written.

A few examples in each run of the tests; `make test-fuzz` runs them for minutes.
"""

import contextlib
import gzip
import io
import random
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import PaperError
from pipeline.reading import files
from pipeline.reading.archives import unpack
from pipeline.reading.latex import document as latex
from tests.fakes.arxiv import tar_gz

SECONDS = 20.0
"""Far beyond what any of these may take; only a hang is meant."""
PIECES = (
    *"{}[]$&%#~^_|\\\n ", "\\\\", "\n\n", "a", "word ", "1.5", "#1", "$$", r"\[", r"\]", r"\(", r"\)", "\x00", "é",
    "\u2028",
    r"\begin{", r"\end{", r"\begin{document}", r"\end{document}", r"\documentclass{article}", r"\a", r"\b",
    r"\def\a", r"\def\a#1#2{#2#1}", r"\newcommand{\a}[2][x]{", r"\let\a\b", r"\newtheorem{a}{B}[section]",
    r"\begin{equation}", r"\end{equation}", r"\begin{align}", r"\begin{table}", r"\begin{tabular}{ll}",
    r"\end{tabular}",
    r"\multicolumn{2}{c}{", r"\multirow{2}{*}{", r"\hline", r"\begin{figure}", r"\caption{", r"\label{a}", r"\ref{a}",
    r"\begin{algorithmic}[1]", r"\State", r"\If{", r"\EndIf", r"\begin{algorithm2e}", r"\eIf{", r"\KwIn{", r"\;",
    r"\section{", r"\subsection*{", r"\appendix", r"\footnote{", r"\cite[a][b]{c}", r"\bibitem[{A(1)}]{c}",
    r"\begin{thebibliography}{9}", r"\end{thebibliography}", r"\begin{verbatim}", r"\end{verbatim}", r"\verb|",
    r"\url{",
    r"\input{a}", r"\input{main}", r"\include{../b}", r"\import{a/}{b}", r"\iffalse", r"\ifx\a\b", r"\else", r"\fi",
    r"\begin{theorem}", r"\begin{proof}", r"\item", r"\begin{itemize}", r"\end{itemize}",
    r"\setcounter{section}{99999999}",
    r"\tag{", r"\text{", r"\frac{1}{", r"\left(", r"\csname", r"\endcsname", r"\expandafter", r"\loop", r"\repeat",
)  # fmt: skip
FEW = settings() if settings.default.max_examples > 1000 else settings(max_examples=20)
TEX = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)


@pytest.fixture(autouse=True, scope="module")
def nothing_is_written() -> Iterator[None]:
    """No file is opened for writing, made, renamed or removed while papers are read."""
    watching = [True]
    written: list[str] = []

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        if watching[0]:
            opened = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
            if opened or event in ("os.mkdir", "os.rename", "os.remove", "os.symlink", "subprocess.Popen"):
                path = str(arguments[0])
                # Hypothesis keeps what fails, by way of the folder for temporary files.
                if not any(".hypothesis" in str(argument) for argument in arguments) and not path.isdigit():
                    written.append(f"{event} {path}")

    sys.addaudithook(audit)
    yield
    watching[0] = False
    assert written == []


@contextlib.contextmanager
def soon() -> Iterator[None]:
    """An answer or a refusal, and no hang."""
    began = time.process_time()
    with contextlib.suppress(PaperError):
        yield
    assert time.process_time() - began < SECONDS


@FEW
@given(TEX, TEX, TEX)
def test_any_tex_is_read_or_refused(preamble: str, body: str, other: str) -> None:
    text = f"\\documentclass{{article}}{preamble}\\begin{{document}}{body}\\end{{document}}"
    with soon():
        paper = latex.read({"main.tex": text.encode(), "a.tex": other.encode(), "main.bbl": other.encode()})
        paper.find(body[:80])
        assert len(paper.text(50)) <= 200


@FEW
@given(TEX, st.integers(1, 3000))
def test_any_piece_many_times_over_is_read_or_refused(piece: str, times: int) -> None:
    with soon():
        latex.read({"main.tex": b"\\documentclass{a}\\begin{document}" + (piece * times)[:200_000].encode()})


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    """A tar whose headers say anything, packed or not, then damaged in a few places."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=draw(st.sampled_from([0, 1, 2]))) as archive:
        for _ in range(draw(st.integers(0, 5))):
            member = tarfile.TarInfo(
                draw(
                    st.sampled_from(
                        ["a.tex", "../a.tex", "/a.tex", "a/../../b.tex", "C:\\a.tex", "a\x00.tex"]
                    )
                )
                if draw(st.booleans())
                else draw(st.text(max_size=120).filter(lambda name: name.isprintable()))
            )
            member.type = draw(st.sampled_from([*"01234567gxLKSVA\0"])).encode()
            member.linkname = draw(st.sampled_from(["", "/etc/passwd", "../../x", "a.tex"]))
            content = draw(TEX).encode()
            member.size = len(content)
            with contextlib.suppress(ValueError, UnicodeError):
                archive.addfile(member, io.BytesIO(content))
    data = bytearray(buffer.getvalue())
    for place, value in draw(st.lists(st.tuples(st.integers(0, 4095), st.integers(0, 255)), max_size=4)):
        data[place % len(data)] = value
    packed = gzip.compress(bytes(data), 1) if draw(st.booleans()) else bytes(data)
    return packed[: draw(st.integers(len(packed) // 2, len(packed)))]


@FEW
@given(archives())
def test_any_archive_is_read_or_refused(data: bytes) -> None:
    with soon():
        source = unpack(data)
        for path in source.files:
            assert not path.startswith("/") and ".." not in path.split("/")
        if source.kind == "latex":
            latex.read(source.files)


@FEW
@given(st.integers(0, 2**32), st.integers(1, 400))
def test_a_whole_paper_with_damage_is_read_or_refused(seed: int, wounds: int) -> None:
    text = bytearray(
        (Path(__file__).parents[3] / "examples/innovation-matched-forgetting/paper.tex").read_bytes()
    )
    chance = random.Random(seed)
    for _ in range(wounds):
        place = chance.randrange(len(text))
        length = chance.randrange(1, 40)
        piece = chance.choice(PIECES).encode() if chance.random() < 0.6 else text[place : place + length]
        text[place : place + (0 if chance.random() < 0.5 else length)] = piece
    with soon():
        files.parsed(unpack(tar_gz({"paper.tex": bytes(text)})))
