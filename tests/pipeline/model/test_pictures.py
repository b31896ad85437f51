from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.model.asking import Context
from pipeline.model.journal import key_of
from pipeline.model.pictures import images
from pipeline.model.window import contexts
from pipeline.reading.arxiv import Arxiv, read
from pipeline.reading.paper import Figure, Paper

EXAMPLE = next(Path(__file__).resolve().parents[3].glob("examples/*/paper.tex"))


@pytest.fixture
def paper(tmp_path: Path) -> Paper:
    return read(str(EXAMPLE), Arxiv("", "", tmp_path))


def test_every_prompt_of_a_run_begins_with_the_papers_pictures(paper: Paper) -> None:
    for context in contexts(paper, lambda name, text: text):
        (image,) = context.prompt("plan", "Plan it.").images
        assert image.label.startswith("[Fig1] Figure 1: Permuted digits")
        assert (image.media_type, image.data[:4]) == ("image/png", b"\x89PNG")


def test_figures_without_a_picture_are_named_behind_the_last_one(paper: Paper) -> None:
    drawn = replace(paper, figures=(*paper.figures, Figure("Fig2", "Figure 2: Boxes.")))
    (image,) = images(drawn)
    assert image.label.endswith("(Without a picture: [Fig2]: the source draws it by LaTeX commands.)")


def test_a_paper_without_figures_has_no_pictures(paper: Paper) -> None:
    assert images(replace(paper, figures=())) == ()


def test_a_question_with_pictures_is_another_one(paper: Paper) -> None:
    seen, unseen = Context("system", images=images(paper)), Context("system")
    keys = [key_of(context.prompt("plan", "Plan it."), "model", None) for context in (seen, seen, unseen)]
    assert keys[0] == keys[1] != keys[2]
