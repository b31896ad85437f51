"""The grammar of `/paper2code`. Pure; what a command does, and who may give it, is decided elsewhere."""

import re
import unicodedata
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, get_args

from pipeline.markdown import code, visible
from pipeline.reading.references import besides, said

Verb = Literal[
    "reproduce",
    "plan",
    "approve",
    "change",
    "tick",
    "status",
    "cancel",
    "retry",
    "revise",
    "ask",
    "rate",
    "help",
]
_UNSPOKEN = ("reproduce", "tick")
"""`tick` is an edit of our own comment."""
OPTIONS = ("model", "judge_model", "max_usd", "max_fixes", "refine", "plan", "mode", "full")
_MEANT = {"usd": "max_usd", "cap": "max_usd", "budget": "max_usd", "limit": "max_usd"}
_YES_OR_NO = ("true", "false")
_COMMAND = re.compile(r" {0,3}/paper2code(?:\s*:|\s|$)(.*)", re.IGNORECASE)
_LEADING_COMMENTS = re.compile(r"\A(?:\s{0,99}<!--(?:(?!-->).){0,9999}-->){1,20}", re.DOTALL)
"""Of templates for issues."""
_OPTION = re.compile(
    r"(?P<dashes>-{1,2}|[\u2013\u2014])?(?P<name>[^\W\d][\w-]*)(?:(?P<sign>[=:])(?P<value>.*))?"
)
_CAP = re.compile(r"max[^a-z\d]{0,3}usd[^a-z\d]{0,6}(?:is|to|of|at)?[^a-z\d]{0,3}\d", re.IGNORECASE)
"""As a person may write it: in backticks, with an arrow, in words."""
_CURRENCY = r"(?:us)?[$\u20ac\u00a3\u00a5\u00a2]|(?:usd|eur|(?:us )?dollars?|euros?|bucks?)(?![a-z])"
_MONEY = re.compile(
    rf"(?<![a-z])(?:{_CURRENCY})\s?\.?\d"
    rf"|(?:\dk?|\b(?:one|two|three|four|five|six|seven|eight|nine|ten))\s?(?:{_CURRENCY})"
    r"|(?<![a-z])(?:budget|cap|limit|spend|costs?)\W{1,3}(?:(?:is|of|to|at|most|only|than|no|more|up)\s){0,3}\d"
    r"|(?<![a-z])max(?:imum)?\W{1,3}\d[\d.,]{0,12}\W{0,12}$",
    re.IGNORECASE,
)
_MATHEMATICS = re.compile(r"\$(?=\S)[^$\n]{1,200}(?<=\S)\$(?!\d)")
_SHORT = 4
"""Words of a line that is no prose."""

_ON_STORED_JOBS = ("status", "cancel", "retry", "rate")
"""Only where jobs are stored: a workflow run knows no other."""
_USAGE = """\
| command, in the first line of a comment | does |
|---|---|
| `/paper2code [arxiv:ID] [key=value…]` | implement the paper; without an ID, the one that the issue names |
| `/paper2code arxiv:ID TEXT` | only what you say, as you say: `only Table 2 and the ablation, in PyTorch` |
| `/paper2code plan [arxiv:ID] [TEXT]` | read and plan only, then ask: scope, experiments, open questions, cost |
| `/paper2code approve` | go on from that plan; boxes that you have unticked in it are left out |
| `/paper2code change TEXT` | plan again, with that changed |
| `/paper2code status` | stage, time and cost of this issue's jobs |
| `/paper2code cancel` | stop them; what was made so far is kept |
| `/paper2code retry` | continue the last one from what is already paid for |
| `/paper2code rate 1-5 [TEXT]` | what you think of the pull request, kept beside the judge's score |
| `/paper2code revise TEXT` | in a pull request of mine, or at a line of it: change that, run it again, push |
| `/paper2code revise` | in a pull request of mine, alone: take up all open remarks at its lines |
| `/paper2code ask TEXT` | in a pull request of mine, or at a line of it: an answer from paper and code |
| `/paper2code help` | this table |

Keys: `model`, `judge_model` (who audits, judges and writes tests), `max_usd` (only downwards), `max_fixes`, `refine`
(comma-separated), `plan` (write, or review to be asked first), `mode` (smoke, scaled or full: what is run once it runs
on tiny data), `full` (true: `mode=full`). `--max-usd 2` and `max_usd: 2` say the same as `max_usd=2`."""


def usage(hosted: bool) -> str:
    """What can be said; `hosted`: to the App, whose jobs are stored, rather than to the Action."""
    lines = _USAGE.split("\n")
    refused = tuple(f"| `/paper2code {verb}" for verb in (() if hosted else _ON_STORED_JOBS))
    return "\n".join(line for line in lines if not line.startswith(refused))


@dataclass(frozen=True)
class Command:
    """What somebody asked for."""

    verb: Verb
    text: str = ""
    """The rest: references and a wish (reproduce, plan), or the words of change, revise and rate.

    Of tick it is our comment as it was edited.
    """
    options: tuple[tuple[str, str], ...] = ()
    score: int | None = None
    """Of rate, 1 to 5."""
    version: int | None = None
    """Of the plan that is approved, where it is said."""

    @property
    def is_for_papers(self) -> bool:
        """Whether it starts something, rather than being about what was started."""
        return self.verb in ("reproduce", "plan")

    @property
    def wish(self) -> str:
        """What somebody wants of the paper, and how, word for word; empty: all of it."""
        return besides(self.text) if self.is_for_papers else ""


@dataclass(frozen=True)
class Mistake:
    """A command that was meant and cannot be understood."""

    message: str


def parse(text: str) -> Command | Mistake | None:
    """The command in the first line of `text` that is seen and not empty; None if there is none."""
    lines = _LEADING_COMMENTS.sub("", visible(text)).split("\n")
    begin = next((number for number, line in enumerate(lines) if line.strip()), 0)
    first, following = lines[begin], "\n".join(lines[begin + 1 :])
    match = _COMMAND.fullmatch(first)
    if not match:
        return None
    if has_command(following):
        return Mistake(
            "one comment gives one command, in its first line; each other needs a comment of its own."
        )
    command = _said(match[1].strip(), following)
    if isinstance(command, Command) and (cap := _unset(command, following)):
        return Mistake(
            f"{code(cap, 40)} sets no cap. It is set by `max_usd=2`, in the line of `/paper2code arxiv:ID` or "
            "`/paper2code plan`, alone; what means none has to be said without an amount."
        )
    return command


def has_command(text: str) -> bool:
    """Whether a line that its author says is a command."""
    return "/paper2code" in text.lower() and any(map(_COMMAND.fullmatch, said(visible(text)).split("\n")))


def unset_cap(wish: str) -> str:
    """What of a wish could have been meant as a cap, and would be none; empty: nothing."""
    wish = unicodedata.normalize("NFKC", visible(wish))
    found = _CAP.search(wish) or _MONEY.search(_MATHEMATICS.sub(" ", wish))
    return found[0].strip() if found else ""


def _unset(command: Command, following: str) -> str:
    """The same of a command; where people speak at length, they may speak of money."""
    told = f"{command.text}\n{following}"
    if cap := _CAP.search(unicodedata.normalize("NFKC", visible(told))):
        return cap[0]
    if command.verb in ("ask", "rate"):
        return ""
    lines = told.split("\n") if command.verb in ("change", "revise") else following.split("\n")
    short = (line for line in lines if len(line.split()) <= _SHORT)
    return next(filter(None, map(unset_cap, (command.wish, *short))), "")


def _said(rest: str, following: str) -> Command | Mistake:
    """What stands after the command's name, and in the lines below."""
    word, _, tail = rest.partition(" ")
    verb = word.lower()
    words = f"{tail.strip()}\n{following.strip()}".strip()
    if verb == "revise":
        return Command("revise", words)
    if verb == "ask":
        return Command("ask", words) if words else Mistake("`ask` needs a question.")
    if verb == "rate":
        return _rate(words)
    if verb == "change":
        return (
            Command("change", words)
            if words
            else Mistake("`change` needs to be told what to change in the plan.")
        )
    if verb == "plan":
        return _reproduce(tail, "plan")
    if verb == "approve":
        return _approve(tail.strip())
    if verb in get_args(Verb) and verb not in _UNSPOKEN:
        if tail.strip():
            return Mistake(f"`{verb}` takes nothing after it.")
        return Command(verb)  # type: ignore[arg-type]
    return _reproduce(rest)


def _rate(words: str) -> Command | Mistake:
    match = re.fullmatch(r"([1-5])(?:\s+(.*))?", words, re.DOTALL)
    if not match:
        return Mistake("`rate` needs a whole number from 1 to 5, and may have words after it.")
    return Command("rate", match[2] or "", score=int(match[1]))


def _approve(words: str) -> Command | Mistake:
    match = re.fullmatch(r"(?:(?:version ?|v)?(\d{1,4}))?", words, re.IGNORECASE)
    if not match:
        return Mistake("`approve` takes nothing after it but the version of the plan that is meant.")
    return Command("approve", version=int(match[1]) if match[1] else None)


def _reproduce(rest: str, verb: Literal["reproduce", "plan"] = "reproduce") -> Command | Mistake:
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
    if bare := next((option for option in map(_key, said) if "_" in option and option in OPTIONS), None):
        return Mistake(f"`{bare}` needs its value behind a sign, as in `max_usd=2`.")
    if verb == "plan" and options.setdefault("plan", "review") != "review":
        return Mistake("`plan` stops after the plan; `plan=write` says the contrary.")
    return Command(verb, " ".join(said), tuple(options.items()))


def _option(words: list[str]) -> tuple[str, str, int] | None:
    """Key, value, and how many of `words` they are, where these begin with what looks like an option."""
    match = _OPTION.fullmatch(words[0])
    if not match:
        return None
    key, sign, value, taken = _key(match["name"]), match["sign"], match["value"] or "", 1
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


def _key(name: str) -> str:
    return name.lower().replace("-", "_")


def _near(key: str) -> str | None:
    """The key that was perhaps meant."""
    squeezed = {option.replace("_", ""): option for option in OPTIONS}
    close = get_close_matches(key.replace("_", ""), squeezed, n=1, cutoff=0.75)
    return _MEANT.get(key) or (squeezed[close[0]] if close else None)
