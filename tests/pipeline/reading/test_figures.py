import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pymupdf
import pytest

from pipeline.reading import figures
from pipeline.reading.archives import Source, unpack
from pipeline.reading.arxiv import Arxiv, read
from pipeline.reading.figures import inside, located, shown
from pipeline.reading.files import parsed
from pipeline.reading.paper import Drawing, Figure, Paper
from tests.fakes.arxiv import tar_gz
from tests.pipeline.reading.papers import blocks, written

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "innovation-matched-forgetting"


def plot(*words: str, width: float = 300, height: float = 150) -> bytes:
    """A PDF with two curves, a legend, and an axis that is written upwards."""
    document = pymupdf.open()
    page = document.new_page(width=width, height=height)
    page.draw_rect((40, 20, width - 10, height - 30))
    page.draw_line((40, height - 30), (width - 10, 30), color=(1, 0, 0))
    for number, word in enumerate(words):
        page.insert_text((60, 40 + 12 * number), word, fontsize=8)
    page.insert_text((15, height - 40), "test error", fontsize=8, rotate=90)
    return document.tobytes()


def png(width: int = 40, height: int = 20) -> bytes:
    pixels = pymupdf.Pixmap(pymupdf.csGRAY, (0, 0, width, height), False)
    pixels.clear_with(200)
    return bytes(pixels.tobytes("png"))


def latex(body: str, **pictures: bytes) -> Paper:
    text = f"\\documentclass{{article}}\\begin{{document}}\\section{{A}}Text.\n{body}\\end{{document}}"
    names = {name.replace("__", "/").replace("_dot_", "."): data for name, data in pictures.items()}
    return parsed(Source("latex", {"main.tex": text.encode()}, names))


def figure(*names: str, caption: str = "What is drawn.") -> str:
    shown = "".join(f"\\includegraphics[width=3cm]{{{name}}}" for name in names)
    return f"\\begin{{figure}}{shown}\\caption{{{caption}}}\\end{{figure}}\n"


@pytest.fixture(params=["paper.tex", "paper.pdf"])
def example(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Paper]:
    yield read(str(EXAMPLE / request.param), Arxiv("", "", tmp_path))


def test_the_legend_of_the_example_can_be_quoted_from_both_its_forms(example: Paper) -> None:
    assert [figure.anchor for figure in example.figures] == ["Fig1"]
    assert example.find("fixed rate ρ = 0.001") == "Fig1"
    assert example.find(r"fixed rate $\rho=0.001$") == "Fig1"
    assert example.find("observation; accuracy") == "Fig1"
    assert "Written in the figure: IMF; fixed rate ρ = 0.001" in example.text()


def test_the_example_is_drawn_from_both_its_forms(example: Paper) -> None:
    found = shown(example)
    (picture,) = found.pictures
    assert picture.label.startswith("[Fig1] Figure 1: Permuted digits, mean over ten seeds.")
    assert (picture.media_type, picture.width, found.left_out) == ("image/png", figures.SIDE, ())
    pixels = pymupdf.Pixmap(picture.data)
    assert (pixels.width, pixels.height) == (picture.width, picture.height)
    assert {(31, 119, 180), (255, 127, 14)} <= {tuple(colour) for colour in pixels.color_count(colors=True)}


def test_a_figure_is_told_in_plain_values_without_its_bytes(example: Paper) -> None:
    (told,) = json.loads(json.dumps(figures.told(example)))
    assert told["anchor"] == "Fig1"
    assert told["text"].startswith("IMF; fixed rate ρ = 0.001")
    assert told["picture"].keys() == {"media_type", "width", "height", "bytes"}
    assert told["picture"]["bytes"] == len(shown(example).pictures[0].data)


def test_words_of_a_figure_stand_in_its_block_and_nowhere_else() -> None:
    paper = latex(figure("a.pdf") + "More.", a_dot_pdf=plot("ours", "baseline of 2019"))
    (block,) = [block for block in blocks(paper) if block.anchor == "Fig1"]
    assert block.text == (
        "Figure 1: What is drawn.\n\nWritten in the figure: ours; baseline of 2019; test error"
    )
    assert paper.text().count("baseline of 2019") == 1


def test_a_picture_whose_only_words_stand_on_their_side() -> None:
    document = pymupdf.open()
    document.new_page(width=300, height=150).insert_text((15, 110), "upward axis", fontsize=8, rotate=90)
    paper = latex(figure("a.pdf"), a_dot_pdf=document.tobytes())
    assert paper.find("upward axis") == "Fig1"


def test_words_that_latex_itself_draws_are_words_of_the_figure() -> None:
    paper = written(
        r"\begin{figure}\begin{tikzpicture}\node[draw] (a) at (0,0) {Gated \textbf{encoder}};"
        r"\begin{axis}[xlabel={Number of steps}]\addlegendentry{Decay $10^{-4}$}\end{axis}\end{tikzpicture}"
        r"\caption{The whole.}\end{figure}"
    )
    (found,) = paper.figures
    assert found.drawings == ()
    assert all(word in found.text for word in ("Gated", "encoder", "Number of steps", "Decay $10^{-4}$"))


def test_several_files_are_one_picture_of_all() -> None:
    paper = latex(figure("a", "b.png"), a_dot_pdf=plot("one"), b_dot_png=png())
    ((picture,), left_out) = shown(paper).pictures, shown(paper).left_out
    assert left_out == ()
    assert max(picture.width, picture.height) <= figures.SIDE


def test_each_caption_of_nested_figures_has_its_own_files() -> None:
    body = (
        r"\begin{figure}\begin{minipage}{3cm}\includegraphics{a}\caption{One.}\end{minipage}"
        r"\begin{minipage}{3cm}\includegraphics{b}\caption{Two.}\end{minipage}\end{figure}"
        r"\begin{figure}\subfloat[Left]{\includegraphics{c}}\subfloat[Right]{\includegraphics{d}}\caption{Three.}"
        r"\end{figure}"
    )
    found = {f.anchor: [drawing.name for drawing in f.drawings] for f in written(body).figures}
    assert found == {"Fig1": ["a"], "Fig2": ["b"], "Fig3": ["c", "d"]}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a", "figs/a.pdf"),
        ("./figs/a", "figs/a.pdf"),
        ("a.png", "figs/a.png"),
        ("figs/a.eps", "figs/a.pdf"),
        ("../plots/b.v2", "plots/b.v2.jpg"),
        ("c.eps", "c-eps-converted-to.pdf"),
        ("d", "d.eps"),
        ("e", None),
        ("igs/a", None),
    ],
)
def test_a_name_is_looked_up_as_latex_does(name: str, found: str | None) -> None:
    paths = [
        "figs/a.pdf", "figs/a.png", "figs/a.eps", "plots/b.v2.jpg", "c-eps-converted-to.pdf", "d.eps", "xe.png",
    ]  # fmt: skip
    assert located(name, paths) == found


def test_what_cannot_be_drawn_is_said_and_the_others_are_drawn() -> None:
    paper = latex(
        figure("a") + figure("b") + figure("c") + figure("d") + figure("e"),
        a_dot_png=b"\x89PNG nothing",
        b_dot_eps=b"%!PS-Adobe-3.0 EPSF",
        c_dot_pdf=plot("c"),
        d_dot_png=png(60_001, 1000),
    )
    found = shown(paper)
    assert [picture.anchor for picture in found.pictures] == ["Fig3"]
    why = dict(found.left_out)
    assert "cannot be drawn" in why["Fig1"]
    assert why["Fig2"] == "b.eps is PostScript, which is not drawn here"
    assert "60 million pixels" in why["Fig4"]
    assert why["Fig5"] == "the source does not hold e"


def test_diagrams_of_the_method_come_before_curves_and_the_rest_is_said() -> None:
    captions = [
        "Training loss over steps.",
        "Samples.",
        "Overview of the architecture.",
        "Accuracy on digits.",
    ]
    body = "".join(figure(f"f{number}", caption=caption) for number, caption in enumerate(captions))
    pictures = {f"f{number}_dot_png": png(40 + number) for number in range(4)}
    paper = latex(f"Figure 4 and again Figure 4 and Figure 4.\n{body}", **pictures)

    found = shown(paper, most=2)

    assert [picture.anchor for picture in found.pictures] == ["Fig3", "Fig4"]
    assert found.left_out == (("Fig1", "only 2 are shown"), ("Fig2", "only 2 are shown"))
    assert [anchor for anchor, _ in shown(paper, most_bytes=1).left_out] == ["Fig1", "Fig2", "Fig3", "Fig4"]


def test_a_photograph_becomes_a_jpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "PICTURE_BYTES", 10)
    (picture,) = shown(latex(figure("a"), a_dot_png=png())).pictures
    assert picture.media_type == "image/jpeg"
    assert picture.data.startswith(b"\xff\xd8\xff")


def test_words_come_before_numbers_and_no_more_than_a_page() -> None:
    assert inside(["0.5", "ours", "1.0", "ours", " ", "—", "β = 2"]) == "ours; β = 2; 0.5; 1.0"
    long = inside(f"word {number}" for number in range(1000))
    assert len(long) < 1600
    assert long.endswith("; …")


def test_pictures_are_kept_from_archives_of_every_kind() -> None:
    tex = rb"\documentclass{article}\begin{document}x\end{document}"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.tex", tex)
        archive.writestr("figs/b.PNG", b"picture")
    for data in (tar_gz({"a.tex": tex, "figs/b.PNG": b"picture"}), packed.getvalue()):
        source = unpack(data)
        assert source.files == {"a.tex": tex}
        assert source.pictures == {"figs/b.PNG": b"picture"}


def test_a_drawing_in_a_folder_that_only_it_names(tmp_path: Path) -> None:
    (tmp_path / "fig").mkdir()
    (tmp_path / "fig" / "a.tex").write_text(
        r"\documentclass{standalone}\begin{document}\begin{tikzpicture}\node {In};\end{tikzpicture}\end{document}"
    )
    (tmp_path / "paper.tex").write_text(
        r"\documentclass{article}\begin{document}Text.\begin{figure}\includestandalone[mode=tex]{fig/a}\caption{C}"
        r"\end{figure}\end{document}"
    )
    assert read(str(tmp_path / "paper.tex"), Arxiv("", "", tmp_path / "cache")).notes == ()


def test_pictures_are_found_beside_a_file_and_in_the_folders_that_it_names(tmp_path: Path) -> None:
    for name in ("figs", "plots", "private"):
        (tmp_path / name).mkdir()
    (tmp_path / "a.pdf").write_bytes(plot("beside"))
    (tmp_path / "figs" / "b.pdf").write_bytes(plot("below"))
    (tmp_path / "plots" / "c.pdf").write_bytes(plot("by path"))
    (tmp_path / "private" / "d.pdf").write_bytes(plot("unnamed"))
    (tmp_path / "figs" / "e.pdf").symlink_to(tmp_path / "private" / "d.pdf")
    names = ["a", "figs/b", "c", "d", "figs/e", "../../private/d"]
    text = "".join(figure(name) for name in names)
    (tmp_path / "paper.tex").write_text(
        "\\documentclass{article}\\graphicspath{{plots/}{../}}\\begin{document}Text.\n"
        + text
        + "\\end{document}"
    )
    arxiv = Arxiv("", "", tmp_path / "cache")

    paper = read(str(tmp_path / "paper.tex"), arxiv)
    assert [bool(f.drawings[0].data) for f in paper.figures] == [True, True, True, False, False, False]
    assert [paper.find(word) for word in ("beside", "below", "by path")] == ["Fig1", "Fig2", "Fig3"]

    whole = read(str(tmp_path), arxiv)
    assert [bool(f.drawings[0].data) for f in whole.figures] == [True, True, True, True, False, True]


def test_folders_are_read_that_only_a_file_in_a_folder_names(tmp_path: Path) -> None:
    for name in ("sections", "drawn"):
        (tmp_path / name).mkdir()
    (tmp_path / "paper.tex").write_text(
        r"\documentclass{article}\begin{document}\input{sections/one}\end{document}"
    )
    (tmp_path / "sections" / "one.tex").write_text(r"One. \input{drawn/two}")
    (tmp_path / "drawn" / "two.tex").write_text("Two.")
    paper = read(str(tmp_path / "paper.tex"), Arxiv("", "", tmp_path))
    assert "One. Two." in paper.text() and paper.notes == ()


def test_a_figure_without_a_file_keeps_its_caption() -> None:
    paper = Paper("T", (), "", (), (), "pdf", figures=(Figure("Fig1", "Figure 1: A.", (Drawing("a.png"),)),))
    assert shown(paper).left_out == (("Fig1", "the source does not hold a.png"),)
