"""The grammar of `/paper2code`. Pure; what a command does, and who may give it, is decided elsewhere."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

Verb = Literal["reproduce", "status", "cancel", "retry", "revise", "rate", "help"]
OPTIONS = ("model", "judge_model", "max_usd", "max_fixes", "refine", "full")

USAGE = """\
| command, in the first line of a comment | does |
|---|---|
| `/paper2code [arxiv:ID] [key=value…]` | implement the paper; without an ID, the one that the issue names |
| `/paper2code status` | stage, time and cost of this issue's jobs |
| `/paper2code cancel` | stop them; what was made so far is kept |
| `/paper2code retry` | continue the last one from what is already paid for |
| `/paper2code rate 1-5 [TEXT]` | what you think of the pull request, kept beside the judge's score |
| `/paper2code revise TEXT` | in a pull request of mine, or at a line of it: change that, run it again, push |
| `/paper2code help` | this table |

Keys: `model`, `judge_model` (who audits and judges), `max_usd` (only downwards), `max_fixes`, `refine`
(comma-separated), `full` (true or false)."""


@dataclass(frozen=True)
class Command:
    """What somebody asked for."""

    verb: Verb
    text: str = ""
    """The rest: where a reference may stand (reproduce), or the words of revise and rate."""
    options: tuple[tuple[str, str], ...] = ()
    score: int | None = None
    """Of rate, 1 to 5."""


@dataclass(frozen=True)
class Mistake:
    """A command that was meant and cannot be understood."""

    message: str


def parse(text: str) -> Command | Mistake | None:
    """The command in the first line of `text`; None if there is none."""
    first, _, following = text.replace("\r\n", "\n").partition("\n")
    match = re.fullmatch(r" {0,3}/paper2code(?:\s+(.*))?", first, re.IGNORECASE)
    if not match:
        return None
    rest = (match[1] or "").strip()
    word, _, tail = rest.partition(" ")
    verb = word.lower()
    words = f"{tail.strip()}\n{following.strip()}".strip()
    if verb == "revise":
        return Command("revise", words) if words else Mistake("`revise` needs to be told what to change.")
    if verb == "rate":
        return _rate(words)
    if verb in get_args(Verb) and verb != "reproduce":
        if tail.strip():
            return Mistake(f"`{verb}` takes nothing after it.")
        return Command(verb)  # type: ignore[arg-type]
    return _reproduce(rest)


def _rate(words: str) -> Command | Mistake:
    match = re.fullmatch(r"([1-5])(?:\s+(.*))?", words, re.DOTALL)
    if not match:
        return Mistake("`rate` needs a whole number from 1 to 5, and may have words after it.")
    return Command("rate", match[2] or "", score=int(match[1]))


def _reproduce(rest: str) -> Command | Mistake:
    references: list[str] = []
    options: dict[str, str] = {}
    for word in rest.split():
        key, equals, value = word.partition("=")
        if equals and re.fullmatch(r"[a-z_]+", key):
            if key not in OPTIONS:
                return Mistake(f"There is no key `{key}`; there are {', '.join(f'`{o}`' for o in OPTIONS)}.")
            if key in options or not value:
                return Mistake(f"`{key}` needs exactly one value.")
            options[key] = value
        else:
            references.append(word)
    return Command("reproduce", " ".join(references), tuple(options.items()))
