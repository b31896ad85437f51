"""Whether a recording can answer for a paper: noticed before anything is made, not in the middle of a run.

A recording matches by stage name, whatever the paper; so its own quotations are looked up in this one.
"""

import json
import re
from contextlib import suppress

from pipeline.model.journal import Recording
from pipeline.planning.plan import Method
from pipeline.reading.paper import Paper

_NEEDED: dict[Method, set[str]] = {"iterative": {"iterate"}, "one-shot": {"code"}}
_QUOTE = re.compile(r'"quote"\s*:\s*("(?:[^"\\]|\\.)+")')


def objection(recording: Recording, paper: Paper, method: Method) -> str:
    """Why the recording is of another paper or method, in a clause; empty where nothing speaks against it."""
    asked = {stage.partition(".")[0] for stage in recording.answers}
    if lacking := _NEEDED.get(method, {"plan", "code"}) - asked:
        held = ", ".join(sorted(asked))
        return f"it was made with another --method than {method}: no {' and no '.join(sorted(lacking))}, only {held}"
    text = "\n".join(answer for answers in recording.answers.values() for answer in answers)
    quotes = set()
    for quote in _QUOTE.findall(text):
        with suppress(ValueError):  # an answer that was asked for again need not be JSON
            quotes.add(json.loads(quote, strict=False))
    if quotes and not any(paper.find(quote) for quote in quotes):
        return (
            f"it is of another paper: none of the {len(quotes)} passages that it quotes is in “{paper.title}”"
        )
    return ""
