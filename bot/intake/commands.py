"""The grammar of `/paper2code`. Pure; what a command does, and who may give it, is decided elsewhere."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, get_args

from pipeline.markdown import code
from pipeline.reading.references import besides

Verb = Literal["reproduce", "status", "cancel", "retry", "revise", "rate", "help"]
OPTIONS = ("model", "judge_model", "max_usd", "max_fixes", "refine", "full")
_MEANT = {"usd": "max_usd", "cap": "max_usd", "budget": "max_usd", "limit": "max_usd"}
_YES_OR_NO = ("true", "false")
_COMMAND = re.compile(r" {0,3}/paper2code(?::\s*|\s+|$)(.*)", re.IGNORECASE)
_OPTION = re.compile(
    r"(?P<dashes>-{1,2}|[\u2013\u2014])?(?P<name>[^\W\d][\w-]*)(?:(?P<sign>[=:])(?P<value>.*))?"
)

USAGE = """\
| command, in the first line of a comment | does |
|---|---|
| `/paper2code [arxiv:ID] [key=value…]` | implement the paper; without an ID, the one that the issue names |
| `/paper2code arxiv:ID TEXT` | only what you say, as you say: `only Table 2 and the ablation, in PyTorch` |
| `/paper2code status` | stage, time and cost of this issue's jobs |
| `/paper2code cancel` | stop them; what was made so far is kept |
| `/paper2code retry` | continue the last one from what is already paid for |
| `/paper2code rate 1-5 [TEXT]` | what you think of the pull request, kept beside the judge's score |
| `/paper2code revise TEXT` | in a pull request of mine, or at a line of it: change that, run it again, push |
| `/paper2code help` | this table |

Keys: `model`, `judge_model` (who audits, judges and writes tests), `max_usd` (only downwards), `max_fixes`, `refine`
(comma-separated), `full` (true or false). `--max-usd 2` and `max_usd: 2` say the same as `max_usd=2`."""


@dataclass(frozen=True)
class Command:
    """What somebody asked for."""

    verb: Verb
    text: str = ""
    """The rest: references and a wish (reproduce), or the words of revise and rate."""
    options: tuple[tuple[str, str], ...] = ()
    score: int | None = None
    """Of rate, 1 to 5."""

    @property
    def wish(self) -> str:
        """Of reproduce: what somebody wants of the paper, and how, word for word; empty: all of it."""
        return besides(self.text) if self.verb == "reproduce" else ""


@dataclass(frozen=True)
class Mistake:
    """A command that was meant and cannot be understood."""

    message: str


def parse(text: str) -> Command | Mistake | None:
    """The command in the first line of `text` that is not empty; None if there is none."""
    lines = text.replace("\r\n", "\n").split("\n")
    begin = next((number for number, line in enumerate(lines) if line.strip()), 0)
    first, following = lines[begin], "\n".join(lines[begin + 1 :])
    match = _COMMAND.fullmatch(first)
    if not match:
        return None
    rest = match[1].strip()
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
    """What looks like an option is one, or is refused: a cap that was meant is never passed over."""
    said: list[str] = []
    options: dict[str, str] = {}
    words = rest.split()
    while words:
        found = _option(words)
        if found is None:
            said.append(words.pop(0))
            continue
        key, value, taken = found
        if key not in OPTIONS:
            near = _near(key)
            hint = f" Did you mean `{near}`?" if near else ""
            return Mistake(
                f"There is no key {code(key, 40)}; there are {', '.join(f'`{o}`' for o in OPTIONS)}.{hint}"
            )
        if key in options or not value:
            return Mistake(f"`{key}` needs exactly one value.")
        options[key] = value
        del words[:taken]
    return Command("reproduce", " ".join(said), tuple(options.items()))


def _option(words: list[str]) -> tuple[str, str, int] | None:
    """Key, value, and how many of `words` they are, where these begin with what looks like an option."""
    match = _OPTION.fullmatch(words[0])
    if not match:
        return None
    key, sign, value, taken = match["name"].lower().replace("-", "_"), match["sign"], match["value"] or "", 1
    if not sign and words[1:] and words[1][0] in "=:":
        sign, value, taken = words[1][0], words[1][1:], 2
    dashes = match["dashes"] or ""
    known = key in OPTIONS or _near(key) is not None
    if not (dashes not in ("", "-") or (sign == "=" and taken == 1) or (known and (sign or dashes))):
        return None
    if value or (
        key == "full" and not sign and words[taken : taken + 1] not in ([each] for each in _YES_OR_NO)
    ):
        return key, value or "true", taken
    following = words[taken] if words[taken:] else ""
    return key, following, taken + 1


def _near(key: str) -> str | None:
    """The key that was perhaps meant."""
    squeezed = {option.replace("_", ""): option for option in OPTIONS}
    close = get_close_matches(key.replace("_", ""), squeezed, n=1, cutoff=0.75)
    return _MEANT.get(key) or (squeezed[close[0]] if close else None)
