"""The paper as far as the model's window lets it be read: whole, and shorter where that is demanded."""

from collections.abc import Callable, Iterator
from typing import TypeVar, get_args

from pipeline.errors import ContextOverflow
from pipeline.model.asking import Context, block, render
from pipeline.model.pictures import pictures
from pipeline.reading.paper import Paper, Part

T = TypeVar("T")
SHORTEST_PAPER = 12_000
"""Characters: a paper cut below this is no longer one."""

Keep = Callable[[str, str], str]
"""Writes a file of the run's folder, by its name; the text comes back."""


def within_window(
    paper: Paper, keep: Keep, use: Callable[[Context], T], wish: str = "", rules: str | None = None
) -> T:
    """What `use` makes of the paper, which is shortened as far as the model's window demands."""
    shown = contexts(paper, keep, wish, rules)
    context = next(shown)
    while True:
        try:
            return use(context)
        except ContextOverflow:
            shorter = next(shown, None)
            if shorter is None:
                raise
            context = shorter


def whole(paper: Paper) -> str:
    """The paper as prompts have it where no window is too small for it."""
    return paper.text(without=get_args(Part))


def contexts(paper: Paper, keep: Keep, wish: str = "", rules: str | None = None) -> Iterator[Context]:
    """What all prompts begin with: the whole paper, and as long as more are asked for, less of it.

    After it what a person wants of the paper, if anybody has said. `rules` are the system text; None: those of
    whoever writes.
    """
    text, seen = whole(paper), pictures(paper)
    while True:
        context = Context(rules or render("system"), pictures=seen).extended("paper", keep("paper.md", text))
        yield context.saying(render("wish", wish=block("wish", wish))) if wish else context
        shorter = paper.text(len(text) // 4 * 2 // 3, without=get_args(Part))
        if len(shorter) >= len(text) or len(shorter) < SHORTEST_PAPER:
            return
        text = shorter
