"""The answer without the thoughts that open models write before it, each family in marks of its own."""

import re

_TAGS = ("think", "thinking", "thought", "thoughts", "reasoning", "reflection", "seed:think", "mm:think")
_MARKS = (
    *((f"<{tag}>", f"</{tag}>") for tag in _TAGS),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|think_start|>", "<|think_end|>"),
    ("<unused94>", "<unused95>"),
)
"""What opens thoughts, and what closes them."""
_PAIRS = [
    (re.compile(re.escape(opening), re.IGNORECASE), re.compile(re.escape(closing), re.IGNORECASE))
    for opening, closing in _MARKS
]
_CHANNELS = re.compile(r"\A\s*(?:<\|start\|>\w*)?<\|channel\|>|<\|start\|>\w*<\|channel\|>")
_FINAL = re.compile(
    r"<\|channel\|>\s*final\b[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>|\Aanalysis(?=[A-Z\s]).*?assistantfinal",
    re.DOTALL,
)
"""The channel that is meant for readers; without its special tokens where a server drops them."""
_ENDS = re.compile(r"<\|(?:end|return|call)\|>")
_WRAPS = re.compile(r"\s*(?:<\|START_RESPONSE\|>|<\|begin_of_solution\|>|<answer>|<response>)", re.IGNORECASE)
_UNWRAPS = re.compile(r"(?:<\|END_RESPONSE\|>|<\|end_of_solution\|>|</answer>|</response>)\Z", re.IGNORECASE)
"""What some put around the answer that follows thoughts."""
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)


def without_thoughts(text: str) -> str:
    """The answer: what stands beside thoughts, or nothing where all of it is thought.

    Thoughts open where a line begins, outside of fenced blocks. What opens them may be missing, since some
    templates write it into the prompt: then they begin with the text.
    """
    answer = _final_channel(text)
    for opening, closing in _PAIRS:
        answer = _answer(answer, opening, closing)
    wrapped = _WRAPS.match(answer) if answer != text else None
    return _UNWRAPS.sub("", answer[wrapped.end() :].rstrip()).strip() if wrapped else answer


def _final_channel(text: str) -> str:
    finals = list(_FINAL.finditer(text))
    if finals:
        return _ENDS.split(text[finals[-1].end() :])[0]
    return "" if _CHANNELS.match(text) else text


def _answer(text: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    end = closing.search(text)
    if end and not opening.search(text, 0, end.start()) and _closes(text, end):
        text = text[end.end() :].lstrip()
    start = opening.search(text)
    while start:
        begins_line = not text[text.rfind("\n", 0, start.start()) + 1 : start.start()].strip()
        end = closing.search(text, start.end())
        if not begins_line or _fenced(text, start.start()):
            start = opening.search(text, start.end())
        elif end:
            text = text[: start.start()] + text[end.end() :].lstrip()
            start = opening.search(text, start.start())
        else:
            return text if text[: start.start()].strip() else ""
    return text


def _closes(text: str, mark: re.Match[str]) -> bool:
    """Whether a closing mark that nothing has opened closes thoughts, and is not something said about it."""
    if text.lstrip().startswith("{"):
        return False
    before, after = text[: mark.start()], text[mark.end() :]
    alone = not before.rpartition("\n")[2].strip() and not after.partition("\n")[0].strip()
    quoted = before[-1:] in tuple("'\"`\\") or after[:1] in tuple("'\"`\\)")
    return alone or not (quoted or _fenced(text, mark.start()))


def _fenced(text: str, at: int) -> bool:
    return len(_FENCE.findall(text, 0, at)) % 2 == 1
