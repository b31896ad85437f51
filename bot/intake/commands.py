"""The grammar of `/paper2code`. Pure; what a command does, and who may give it, is decided elsewhere."""

import html
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, get_args

from bot.intake.money import surely_a_cap, unset_cap, unset_cap_below, unset_cap_of_task
from pipeline.markdown import code, visible
from pipeline.reading.references import besides, references, said

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
_NAME = "/paper2code"
_DRESS = re.compile(
    r" {0,3}(?:(?:[-+*\u2022]|#{1,6}|\d{1,9}[.)]) {1,4}(?:\[[ xX]\] {1,4})?){0,3}(?P<marks>[*_]{0,6})\\?",
    re.ASCII,
)
"""Before a command that its author has made an item of a list, a heading or bold; what is crossed out is none."""
_TAG = re.compile(
    r"</?(?:a|b|big|br|center|details|div|em|font|h[1-6]|i|ins|li|ol|p|small|span|strong|sub|summary|sup|u|ul)\b[^<>]{0,200}>",
    re.IGNORECASE,
)
_SLASHES = str.maketrans(dict.fromkeys("\u2044\u2215\u29f8\u2571\u27cb", "/"))
"""Those that nobody tells from the keyboard's, and that NFKC leaves alone."""
_COMMAND = re.compile(
    r"(?P<sign>[/@]?)paper2code(?:\[bot\])?(?=arxiv|https?:|--|\.+(?!\S)|[^\w./'’\"`-]|$)[\s:,;.!。、]*(?P<rest>.*)",
    re.IGNORECASE,
)
_FORM = re.compile(
    r"(?<![\w.:/@-])(?:/{1,3}\s?paper[\s_-]?2[\s_-]?code(?![\w-]|[.'\u2019]\w)"
    rf"|@?paper2code(?:\[bot\])?[\s:,/]{{1,4}}(?:{'|'.join(get_args(Verb))})\b)",
    re.IGNORECASE,
)
_HIDDEN = re.compile(r"\s*<!--")
_ODD = r"[^\S\n\r\t ]|[\u2800\u3164\uffa0]"
"""Blanks that nobody tells from others; those before a line indent nothing."""
_WIDTHLESS = r"[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]"
_INDENT = re.compile(rf"^ {{0,3}}(?:{_ODD}|{_WIDTHLESS})(?:{_ODD}|{_WIDTHLESS}| )*", re.MULTILINE)
_BLANK = re.compile(_ODD)
_UNSEEN = re.compile(r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""What is not seen either, though Unicode calls it letters and marks."""
_JOINED = re.compile(rf"(?<=paper2code){_WIDTHLESS}+(?=\S)", re.IGNORECASE)
"""What is not seen between the command's name and what it is followed by."""
_OPTION = re.compile(
    r"(?P<dashes>-{1,2}|[\u2013\u2014])?(?P<name>[^\W\d][\w-]*)(?:(?P<sign>[=:])(?P<value>.*))?"
)
_TICKS = re.compile(r"(?<!`)`{1,2}(?!`)")
_NAMED = re.compile(r"(?<!`)`{1,2} ?([\w-]{1,40}) ?`{1,2}(?!`)")
"""A name in backticks, which shows nothing that could be typed."""
_FREE = ("status", "cancel", "help")
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
    lines = _uncovered(_typed(text)).split("\n")
    begin = next((number for number, line in enumerate(lines) if line.strip()), 0)
    following = "\n".join(lines[begin + 1 :])
    sign, rest = _called(lines[begin])
    if sign is None:
        return None
    command = _said(rest, following)
    if sign != "/" and not _addressed(command, rest, sign):
        return None
    if not sign:
        return Mistake(f"a command begins with a slash: {code(f'{_NAME} {rest}', 200)}.")
    if has_command(following):
        return Mistake(
            "one comment gives one command, in its first line; each other needs a comment of its own."
        )
    if isinstance(command, Command) and (cap := _unset(command, rest, following)):
        return _sets_none(cap)
    return command


def has_command(text: str) -> bool:
    """Whether a line that its author says is a command."""
    if "paper2code" not in text.lower():
        return False
    return any(_called(line)[0] == "/" for line in said(_typed(text)).split("\n"))


def tells_command(text: str) -> bool:
    """Whether its author says something of the form of a command anywhere, in a sentence perhaps."""
    return any(_FORM.search(_composed(line)) for line in said(_typed(text)).split("\n"))


def mentioned_cap(text: str) -> Command | Mistake | None:
    """What `text`, which gives no command, says of a cap; None: nothing.

    It may say much of money that is none of ours: `max_usd=2` sets the cap, and what can hardly mean anything else is
    refused.
    """
    caps: set[str] = set()
    spoken = said(_NAMED.sub(r"\1", _typed(text)))
    lines = [_without_cap(line, caps) for line in map(_composed, spoken.split("\n"))]
    if unset := _cap(lines):
        return _sets_none(unset)
    if len(caps) > 1:
        return Mistake("`max_usd` needs exactly one value.")
    return Command("reproduce", options=tuple(("max_usd", cap) for cap in caps)) if caps else None


def _cap(lines: Iterable[str]) -> str:
    """What in `lines`, of whatever they speak, can hardly be anything but a cap."""
    return next(filter(None, map(surely_a_cap, lines)), "")


def _without_cap(line: str, caps: set[str]) -> str:
    """`line` without what sets a cap in it, which goes to `caps`."""
    if "usd" not in line.lower():
        return line
    words, kept, at = line.split(), list[str](), 0
    while at < len(words):
        found = _option(words[at : at + 3])
        if found and found[0] == "max_usd":
            caps.add(found[1].rstrip(".,;)"))
        else:
            kept.append(words[at])
        at += found[2] if found and found[0] == "max_usd" else 1
    return " ".join(kept)


def _typed(text: str) -> str:
    """`text` as it is seen: without what is not, and with blanks that are blanks."""
    text = _JOINED.sub(" ", text)
    return visible(_UNSEEN.sub("", _BLANK.sub(" ", _INDENT.sub("", text))))


def _composed(line: str) -> str:
    """`line` in the characters that a keyboard has; one by one, as thousands of accents on one letter take long."""
    line = html.unescape(line)
    if line.isascii():
        return line.replace("\n", " ")
    composed = "".join(unicodedata.normalize("NFKC", character) for character in line)
    return visible(_UNSEEN.sub("", composed)).replace("\n", " ").translate(_SLASHES)


def _uncovered(text: str) -> str:
    """`text` without the comments of templates before it, which are not seen."""
    begin = 0
    while hidden := _HIDDEN.match(text, begin):
        end = text.find("-->", hidden.end())
        begin = len(text) if end < 0 else end + 3
    return text[begin:]


def _called(line: str) -> tuple[str | None, str]:
    """What a line calls us with, `/`, `@` or nothing, and says then; None: it does not call us."""
    line = _composed(line)
    if line.lstrip().startswith("<"):
        line = _TAG.sub("", line)
    dress: re.Match[str] = _DRESS.match(line)  # type: ignore[assignment]
    bare = line[dress.end() :]
    if marks := dress["marks"]:
        bare = bare.replace(marks[::-1], "", 1)
    match = _COMMAND.fullmatch(bare)
    return (match["sign"], match["rest"].replace("\t", " ").strip()) if match else (None, "")


def _addressed(command: Command | Mistake, rest: str, sign: str) -> bool:
    """Whether words behind our name without a slash are a command, rather than a sentence about us or thanks.

    What is spent on thanks is lost: nothing but a command may stand there, or a colon behind its verb.
    """
    if isinstance(command, Mistake):
        return bool(sign) and bool(references(rest))
    if not command.is_for_papers:
        return not command.text or (bool(sign) and rest.partition(" ")[0].endswith(":"))
    return (bool(sign) or bool(command.options)) and not command.wish


def _sets_none(cap: str) -> Mistake:
    return Mistake(
        f"{code(cap, 40)} sets no cap. It is set by `max_usd=2`, in the line of `/paper2code arxiv:ID` or "
        "`/paper2code plan`, alone; what means none has to be said without an amount."
    )


def _unset(command: Command, rest: str, following: str) -> str:
    """The same of a command that spends something; where people speak at length, they may speak of money."""
    if command.verb in _FREE:
        return ""
    first = command.text if command.is_for_papers else rest
    lines = [besides(line) for line in said(_TICKS.sub("", following)).split("\n")]
    if cap := _cap([first, *lines]):
        return cap
    if command.verb in ("ask", "rate"):
        return ""
    at_length = command.verb in ("change", "revise") or "max_usd" in dict(command.options)
    if not command.is_for_papers:
        lines.append(first)
    below = map(unset_cap_of_task if at_length else unset_cap_below, lines)
    return next(filter(None, (unset_cap(command.wish), *below)), "")


def _said(rest: str, following: str) -> Command | Mistake:
    """What stands after the command's name, and in the lines below."""
    word, _, tail = rest.partition(" ")
    verb = word.lower().rstrip(":,;.!")
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
    words, at = rest.split(), 0
    while at < len(words):
        found = _option(words[at : at + 3])
        if found is None:
            said.append(words[at])
            at += 1
            continue
        key, value, taken = found
        if key not in OPTIONS:
            meant = near(key)
            hint = f" Did you mean `{meant}`?" if meant else ""
            return Mistake(
                f"There is no key {code(key, 40)}; there are {', '.join(f'`{o}`' for o in OPTIONS)}.{hint}"
            )
        if key in options or not value:
            return Mistake(f"`{key}` needs exactly one value.")
        options[key] = value
        at += taken
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
    surely = dashes not in ("", "-") or (sign == "=" and taken == 1)
    if not (surely or ((sign or dashes) and (key in OPTIONS or near(key)))):
        return None
    if value or (
        key == "full" and not sign and words[taken : taken + 1] not in ([each] for each in _YES_OR_NO)
    ):
        return key, value or "true", taken
    following = words[taken] if words[taken:] else ""
    return key, following, taken + 1


def _key(name: str) -> str:
    return name.lower().replace("-", "_")


def near(key: str) -> str | None:
    """The key of OPTIONS that was perhaps meant."""
    squeezed = {option.replace("_", ""): option for option in OPTIONS}
    close = get_close_matches(key.replace("_", ""), squeezed, n=1, cutoff=0.75)
    return _MEANT.get(key) or (squeezed[close[0]] if close else None)
