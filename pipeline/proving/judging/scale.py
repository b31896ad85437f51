"""Any repository judged on the scale from 1 to 5, as `proving/scoring.py` judges our own."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

from pipeline.model.asking import Context, block, render
from pipeline.model.llm import LLM
from pipeline.proving.judging.choosing import Shelf, named, room, tokens
from pipeline.proving.judging.reach import Reach
from pipeline.proving.judging.sources import Sources
from pipeline.proving.scoring import LOWEST, Critique, Judgement, Remark, opinions_on, placed, severest_first

APART = 1.0
"""Points between two judges from which on a third is asked."""


def judge(
    sources: Sources,
    context: Context,
    llm: LLM,
    samples: int = 1,
    reference: Sources | None = None,
    window: int | None = None,
) -> Judgement:
    """The mean of `samples` opinions; 1, unasked, where there is nothing to judge.

    `context` holds the paper, and `window` is the model's, in tokens: where the code is too much for it, those
    files are shown that have most of the paper's words, and an index of the rest. Raises AnswerInvalid and what the
    model's client raises.
    """
    reach = Reach(sources)
    if why := reach.nothing():
        path = next(iter(sources.files), "")
        return Judgement(LOWEST, (Critique(path, 1, 1, "high", why),), ())
    space = room(window, tokens(context.shared)) // (2 if reference else 1)
    behind = context
    shown, rest = _shown(sources, reach, context.shared, space)
    for path, text in shown.items():
        behind = behind.extended("code", text, path=path)
    theirs = ""
    if reference:
        files, _ = _shown(reference, Reach(reference), context.shared, space)
        theirs = "\n\n".join(block("reference", text, path=path) for path, text in files.items())
    told = "The code stands above."
    if rest:
        told += (
            f" It is a part; this stands in the other files, which are not shown:\n\n{block('index', rest)}"
        )
    if others := named(sources):
        told += (
            f"\n\nThese files are there as well and are not shown; code that reads one finds it:\n\n{others}"
        )
    task = render("judge", code=told, reference=theirs, listed=False)
    return opinions_on(lambda remark: _placed(remark, sources), behind, task, llm, samples)


def settled(judges: Sequence[Callable[[], Judgement]]) -> Judgement:
    """What one, two or three judges hold: the third is asked where the first two are further apart than a point.

    The score is the median: of two their mean.
    """
    given = [judge() for judge in judges[:2]]
    if len(given) == 1 or not given[0].samples:
        return given[0]
    if len(judges) > 2 and abs(given[0].score - given[1].score) > APART:
        given.append(judges[2]())
    usds = [each.usd for each in given]
    return Judgement(
        score=statistics.median(each.score for each in given),
        critiques=severest_first([critique for each in given for critique in each.critiques]),
        scores=tuple(score for each in given for score in each.scores),
        dropped=sum(each.dropped for each in given),
        model=" and ".join(dict.fromkeys(each.model for each in given)),
        usd=None if None in usds else sum(usd for usd in usds if usd is not None),
        usage=sum((each.usage for each in given[1:]), given[0].usage),
    )


def code(sources: Sources, reference: Sources | None, window: int | None, paper: int) -> int:
    """Tokens of code that one question shows, behind a paper of so many."""
    space = room(window, paper) // (2 if reference else 1)
    return sum(min(Shelf(each, Reach(each)).size, space) for each in (sources, reference) if each)


def _shown(sources: Sources, reach: Reach, paper: str, space: int) -> tuple[dict[str, str], str]:
    """The files that fit, and an index of those that do not."""
    shelf = Shelf(sources, reach)
    ranked = shelf.ranked(paper)
    shown = shelf.fitting(ranked, space if shelf.size <= space else space * 3 // 4)
    return shown, shelf.index((path for path in ranked if path not in shown), space // 4)


def _placed(remark: Remark, sources: Sources) -> Critique | None:
    """The critique at its line of the file as it is."""
    line = sources.as_shown(remark.file, remark.line)
    critique = placed(remark.model_copy(update={"line": line}), sources)
    if critique is None:
        return None
    number = sources.original(critique.path, critique.start)
    return replace(critique, start=number, end=number)
