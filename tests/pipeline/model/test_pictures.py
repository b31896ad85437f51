from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.model.asking import Context
from pipeline.model.budget import Budget
from pipeline.model.chat import Chat
from pipeline.model.endpoint import Endpoint
from pipeline.model.journal import key_of
from pipeline.model.llm import NO_PICTURES
from pipeline.model.pictures import pictures
from pipeline.model.servers import OpenAIServer
from pipeline.model.window import contexts
from pipeline.reading import figures
from pipeline.reading.arxiv import Arxiv, read
from pipeline.reading.paper import Figure, Paper
from tests.fakes.model import FakeModel

EXAMPLE = next(Path(__file__).resolve().parents[3].glob("examples/*/paper.tex"))


@pytest.fixture
def paper(tmp_path: Path) -> Paper:
    return read(str(EXAMPLE), Arxiv("", "", tmp_path))


def test_every_prompt_of_a_run_begins_with_the_papers_pictures(paper: Paper) -> None:
    for context in contexts(paper, lambda name, text: text):
        (image,) = context.prompt("plan", "Plan it.").pictures.drawn()
        assert image.label.startswith("[Fig1] Figure 1: Permuted digits")
        assert (image.media_type, image.data[:4]) == ("image/png", b"\x89PNG")


def test_figures_without_a_picture_are_named_behind_the_last_one(paper: Paper) -> None:
    drawn = replace(paper, figures=(*paper.figures, Figure("Fig2", "Figure 2: Boxes.")))
    (image,) = pictures(drawn).drawn()
    assert image.label.endswith("(Without a picture: [Fig2]: the source draws it by LaTeX commands.)")


def test_a_paper_without_figures_has_no_pictures(paper: Paper) -> None:
    assert pictures(replace(paper, figures=())) == NO_PICTURES


def test_a_question_with_pictures_is_another_one(paper: Paper) -> None:
    seen, unseen = Context("system", pictures=pictures(paper)), Context("system")
    keys = [key_of(context.prompt("plan", "Plan it."), "model", None) for context in (seen, seen, unseen)]
    assert keys[0] == keys[1] != keys[2]


def test_pictures_are_drawn_when_they_are_sent_and_once(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Paper] = []
    real = figures.shown

    def counted(paper: Paper) -> figures.Shown:
        drawn.append(paper)
        return real(paper)

    monkeypatch.setattr(figures, "shown", counted)
    prompt = next(contexts(paper, lambda name, text: text)).prompt("plan", "Plan it.")
    key_of(prompt, "model", None)
    with FakeModel() as fake, closing(Endpoint(OpenAIServer(None, fake.url), model="m")) as endpoint:
        endpoint.question(prompt, Chat(), without=frozenset({"images"}))
        assert drawn == []
        for _ in range(2):
            endpoint.answer(prompt, Budget(None), [].append)
    assert all("image_url" in str(request) for request in fake.requests)
    assert len(drawn) == 1


def test_other_pictures_have_another_name(paper: Paper) -> None:
    (figure,) = paper.figures
    (drawing,) = figure.drawings
    others = [
        replace(figure, caption="Another"),
        replace(figure, drawings=(replace(drawing, data=b"another"),)),
        replace(figure, drawings=(drawing, drawing)),
    ]
    names = {pictures(replace(paper, figures=(other,))).name for other in (figure, *others)}
    assert len(names) == 4
