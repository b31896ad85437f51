"""References: the arXiv papers that a text names, in every form that people paste. Pure.

Runs on strangers' text before anybody asked who they are: linear in a text whose length is capped.
"""

import itertools
import re
from dataclasses import dataclass

MAX_TEXT = 200_000
"""Characters that are looked at; GitHub's own limit for a comment is a third of it."""


@dataclass(frozen=True)
class Reference:
    """An arXiv identifier; `str` gives `1706.03762v5`."""

    identifier: str
    version: int | None = None

    def __str__(self) -> str:
        return self.identifier if self.version is None else f"{self.identifier}v{self.version}"


_ARCHIVES = (
    "acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn|chem-ph|cmp-lg|comp-gas|cond-mat|cs|dg-ga"
    "|funct-an|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math|math-ph|mtrl-th|nlin|nucl-ex|nucl-th|patt-sol|physics|plasm-ph"
    "|q-alg|q-bio|quant-ph|solv-int|supr-con"
)
_REFERENCE = re.compile(
    rf"""
    (?P<prefix>
        (?<![\w.-]) (?:https?://)? (?:[\w-]+\.)*
        (?: arxiv\.org/(?:abs|pdf|html|e-print|format|src|ps|tb)/
          | ar5iv\.org/(?:abs|html|pdf)/
          | alphaxiv\.org/(?:\w\w/)?(?:abs|pdf|html|overview|audio|resources)/
          | (?:scirate\.com|papers\.cool|semanticscholar\.org|inspirehep\.net(?:/api)?)/arxiv/
          | emergentmind\.com/papers/
          | lanl\.gov/(?:abs|pdf)/
          | huggingface\.co/papers/
          | hf\.co/papers/
          | doi\.org/10\.48550/arxiv\. )
      | (?<![\w.-]) (?:doi:\s{{0,3}})? 10\.48550/arxiv\.
      | (?<![\w.-]) arxiv (?:\s{{0,3}}[:：]\s{{0,3}}|\s{{1,3}})
      | (?<![^\W_]) (?<![./=%&+@\#:\\-])
    )
    (?: (?P<new>(?P<year>\d\d)(?P<month>\d\d)\.(?P<number>\d{{4,5}}))
      | (?P<archive>{_ARCHIVES})(?:\.(?P<subject>[a-z]{{2}}))?
        /(?P<old>(?P<old_year>\d\d)(?P<old_month>\d\d)\d{{3}}) )
    (?:v(?P<version>[1-9]\d{{0,2}}))?
    (?! [^\W_] | \.\d | -\d | /\d )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NUMBER = re.compile(r"\d{4}\.\d|/\d{7}")
"""Every reference holds one, on one line with what makes it one; found ten times as fast."""
# What is not seen: zero-width characters, soft hyphens and marks of direction come with what people copy.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_ENDING = re.compile(r"(?:\.pdf\b)?(?:[?#]\S*)?[])>.,;:]*")
"""What may follow a reference and is part of its address or of the punctuation around it."""
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})(.*)")
_QUOTED = re.compile(r"[ \t]{0,3}>")
# A paragraph goes on in a quotation, unless this begins.
_NO_QUOTATION = re.compile(r"[ \t]*(?:$|[-*+>#]|\d{1,9}[.)])")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.S)
_HTML_CODE = re.compile(r"<(pre|code|blockquote)\b[^<>]*>.*?(?:</\1\s{0,9}>|\Z)", re.S | re.I)
_TICKS = re.compile(r"`+|\n[ \t]*(?=\n)")


def references(text: str) -> list[Reference]:
    """All references in `text`, in order, each once; none from code, quotations or HTML comments.

    A paper that is named both with and without a version is the one with it. What stands beyond MAX_TEXT is not
    looked at.
    """
    text = _INVISIBLE.sub("", text[:MAX_TEXT].replace("\r\n", "\n"))
    if not _NUMBER.search(text):
        return []
    found: dict[str, list[int | None]] = {}
    for line in said(text).split("\n"):
        for match in _REFERENCE.finditer(line) if _NUMBER.search(line) else ():
            identifier = _identifier(match)
            if identifier is None:
                continue
            version = int(match["version"]) if match["version"] else None
            versions = found.setdefault(identifier, [])
            if version not in versions:
                versions.append(version)
    return [
        Reference(identifier, version)
        for identifier, versions in found.items()
        for version in ([v for v in versions if v] or versions[:1])
    ]


def besides(text: str) -> str:
    """What `text` says besides its references, on one line; empty where that is no word."""
    text = " ".join(_INVISIBLE.sub("", text[:MAX_TEXT]).split())
    kept, position = [], 0
    for match in _REFERENCE.finditer(text) if _NUMBER.search(text) else ():
        if match.start() >= position and _identifier(match):
            kept.append(text[position : match.start()].rstrip("([<"))
            position = _ENDING.match(text, match.end()).end()  # type: ignore[union-attr]
    rest = " ".join(" ".join([*kept, text[position:]]).split())
    return rest if re.search(r"\w", rest) else ""


def said(text: str) -> str:
    """What the author says, in its lines: without code, quotations and HTML comments."""
    text = "\n".join(_own_lines(text.split("\n")))
    for hidden in (_COMMENT, _HTML_CODE):
        text = hidden.sub(lambda found: "\n" * found.group().count("\n") or " ", text)
    return _without_ticks(text)


def _own_lines(lines: list[str]) -> list[str]:
    """Lines outside of fences, quotations and indented code; an empty one stands for each other."""
    own: list[str] = []
    fence, quoted, before = "", False, True
    for line in lines:
        opened = _FENCE.match(line)
        if fence:
            if opened and opened.group(1).startswith(fence) and not opened.group(2).strip("`~ \t"):
                fence = ""
            own.append("")
            continue
        if opened:
            fence, quoted = opened.group(1), False
        elif _QUOTED.match(line):
            quoted = True
        elif quoted and _NO_QUOTATION.match(line):
            quoted = False
        code = before and line.startswith(("    ", "\t"))
        own.append("" if fence or quoted or code else line)
        before = code or not line.strip()
    return own


def _without_ticks(text: str) -> str:
    """Without inline code: from a run of backticks to the next of its length in the same paragraph."""
    runs = list(_TICKS.finditer(text))
    ends: dict[int, list[int]] = {}
    paragraph = 0
    paragraphs = []
    for index, run in enumerate(runs):
        paragraph += run.group()[0] == "\n"
        paragraphs.append(paragraph)
        if run.group()[0] == "`":
            ends.setdefault(len(run.group()), []).append(index)
    following = {first: then for same in ends.values() for first, then in itertools.pairwise(same)}
    out: list[str] = []
    position = index = 0
    while index < len(runs):
        closing = following.get(index)
        if closing is None or paragraphs[closing] != paragraphs[index]:
            index += 1
            continue
        out.append(text[position : runs[index].start()])
        hidden = text[runs[index].start() : runs[closing].end()]
        out.append("\n" * hidden.count("\n") or " ")
        position, index = runs[closing].end(), closing + 1
    return "".join([*out, text[position:]])


def _identifier(match: re.Match[str]) -> str | None:
    """The identifier as arXiv writes it; None if there can be no such paper.

    Source: https://info.arxiv.org/help/arxiv_identifier.html
    """
    if match["new"]:
        issued = int(match["year"]) * 100 + int(match["month"])
        digits = 5 if issued >= 1501 else 4
        valid = 1 <= int(match["month"]) <= 12 and issued >= 704 and len(match["number"]) == digits
        return match["new"] if valid and int(match["number"]) > 0 else None
    year, month = int(match["old_year"]), int(match["old_month"])
    issued = (year + (1900 if year > 90 else 2000)) * 100 + month
    if not (1 <= month <= 12 and 199107 <= issued <= 200703):
        return None
    subject = f".{match['subject'].upper()}" if match["subject"] else ""
    return f"{match['archive'].lower()}{subject}/{match['old']}"
