import pytest

from tests.pipeline.reading.papers import written


def words(picture: str) -> str:
    body = rf"\begin{{figure}}\begin{{tikzpicture}}{picture}\end{{tikzpicture}}\caption{{C}}\end{{figure}}"
    [figure] = written(body).figures
    return figure.text


@pytest.mark.parametrize(
    ("picture", "shown"),
    [
        (r"[node distance=4mm, box/.style={draw, rounded corners}]\node[box] (a) {Alpha};", "Alpha"),
        (r"[every node/.style={font=\scriptsize}]\draw (0,0) -- (1,1) node[above] {Peak};", "Peak"),
        (r"\node[label={[yshift=-2mm]above:\textbf{Chip}}] (b) at (0, 1) {Beta};", "Beta; **Chip**"),
        (r"\node at (0,0) [draw={red}] {A}; \node {B}; \node (c) {};", "A; B"),
        (r"\draw (a) edge node {one} (b) -- node[right]{HV} (c)node{D};", "one; HV; D"),
        (r"\begin{axis}[xlabel={Step}]\addlegendentry{Ours}\end{axis}\node {C};", "Step; Ours; C"),
    ],
)
def test_a_drawing_shows_its_words_and_not_how_they_are_drawn(picture: str, shown: str) -> None:
    assert words(picture) == shown


ALONE = r"\documentclass[tikz]{standalone}\begin{document}\begin{tikzpicture}\node {In};\end{tikzpicture}\end{document}"


def test_a_drawing_in_a_document_of_its_own() -> None:
    paper = written(
        r"\begin{figure}\includestandalone[mode=tex,width=\linewidth]{alone}\caption{C}\end{figure}",
        alone__tex=ALONE,
    )

    assert [figure.text for figure in paper.figures] == ["In"]
    assert paper.notes == ()


def test_a_drawing_that_is_not_there() -> None:
    paper = written(r"Words.\begin{figure}\includestandalone{gone}\caption{C}\end{figure}")

    assert paper.notes == ("Not read: gone, which is included but not among the texts of the source.",)


def test_figures_of_a_grid_are_files_and_not_text() -> None:
    grid = r"\gridline{\fig{a.pdf}{0.3\textwidth}{(a) Left} \rightfig{b.pdf}{2cm}{(b)}}"
    paper = written(rf"\begin{{figure}}{grid}\caption{{C}}\end{{figure}}")

    assert paper.sections[0].blocks[0].text == "Figure 1: C\n\n(a) Left (b)"
    assert paper.figures[0].drawings
