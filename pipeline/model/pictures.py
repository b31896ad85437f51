"""Pictures: what a model is shown of a paper's figures, in the shape of a prompt."""

from pipeline.model.llm import Image
from pipeline.reading import figures
from pipeline.reading.paper import Paper


def images(paper: Paper) -> tuple[Image, ...]:
    """The paper's most informative figures in reading order, each behind its anchor and caption; the label of the
    last says which others there are.
    """
    shown = figures.shown(paper)
    made = [Image(picture.label, picture.media_type, picture.data) for picture in shown.pictures]
    if made and shown.left_out:
        others = "; ".join(f"[{anchor}]: {why}" for anchor, why in shown.left_out)
        last = made[-1]
        made[-1] = Image(f"{last.label}\n(Without a picture: {others}.)", last.media_type, last.data)
    return tuple(made)
