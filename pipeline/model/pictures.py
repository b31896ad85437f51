"""Pictures: what a model is shown of a paper's figures, in the shape of a prompt."""

import functools
import hashlib
import threading

from pipeline.model.llm import NO_PICTURES, Image, Pictures
from pipeline.reading import figures
from pipeline.reading.paper import Paper


def pictures(paper: Paper) -> Pictures:
    """The paper's most informative figures in reading order, each behind its anchor and caption; the label of the
    last says which others there are. Drawn once, when they are first asked for.
    """
    if not paper.figures:
        return NO_PICTURES
    lock, made = threading.Lock(), functools.cache(lambda: _images(paper))

    def drawn() -> tuple[Image, ...]:
        with lock:  # prompts that start together
            return made()

    return Pictures(_name(paper), drawn)


def _name(paper: Paper) -> str:
    """Of what the figures are drawn from."""
    digest = hashlib.sha256()
    for figure in paper.figures:
        digest.update(repr((figure.anchor, figure.caption)).encode())
        for drawing in figure.drawings:
            digest.update(repr((drawing.name, drawing.page, drawing.box)).encode())
            digest.update(hashlib.sha256(drawing.data).digest())
    return digest.hexdigest()


def _images(paper: Paper) -> tuple[Image, ...]:
    shown = figures.shown(paper)
    made = [Image(picture.label, picture.media_type, picture.data) for picture in shown.pictures]
    if made and shown.left_out:
        others = "; ".join(f"[{anchor}]: {why}" for anchor, why in shown.left_out)
        last = made[-1]
        made[-1] = Image(f"{last.label}\n(Without a picture: {others}.)", last.media_type, last.data)
    return tuple(made)
