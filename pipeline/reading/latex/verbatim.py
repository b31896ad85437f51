"""Verbatim text: what is taken as it stands, of LaTeX's own environments and of those that an author defines. Pure.

A document's own forms are written as LaTeX's (`\\verb`, `verbatim`, `lstlisting`) before anything else is read.
"""

import re
from collections.abc import Iterable
from itertools import islice

from pipeline.reading.latex.groups import group

_ENVIRONMENTS = r"verbatim\*?|Verbatim\*?|lstlisting|minted|filecontents\*?"
VERBATIM = re.compile(
    rf"\\begin\s*\{{(?P<environment>{_ENVIRONMENTS})\}}.*?(?:\\end\s*\{{(?P=environment)\}}|\Z)"
    r"|\\(?:verb\*?|lstinline)(?P<bar>[^\sA-Za-z*{\[])[^\n]*?(?P=bar)",
    re.DOTALL,
)
_BAR = "\x04"
"""Delimits `\\verb` where we write it: no text holds it."""
MAX_OWN = 200
"""Of each kind of form, with LaTeX's own: each is looked for wherever one may begin."""
_AS_VERBATIM = (
    "BVerbatim", "LVerbatim", "SaveVerbatim", "spverbatim", "tcblisting", "Sinput", "Soutput", "Scode", "CodeInput",
    "CodeOutput", "pycode", "pyconsole", "alltt", "boxedverbatim", "luacode", "luacode*", "sagesilent", "sageblock",
    "asy", "Highlighting",
)  # fmt: skip
_DROPPED = ("comment", "VerbatimOut", "asydef", "sagesilent", "luacode")
_INLINE = ("Verb", "lstinline", "mintinline", "mint", "spverb", "path", "url", "nolinkurl", "pyv", "EscVerb")
_WITH_LANGUAGE = frozenset(("mintinline", "mint"))
_DEFINITION = re.compile(
    r"\\(?P<lst>lstnewenvironment|newtcblisting|renewtcblisting|DeclareTCBListing|NewTCBListing)\s*+(?:\[[^\]]{0,2000}+\]\s*+)?"
    r"\{(?P<lstname>[^{}]+)\}\s*(?P<lstargs>(?:\[[^\]]{0,2000}+\]|\{[a-zA-Z+ ]*+\}){0,2})"
    r"|\\(?:DefineVerbatimEnvironment|RecustomVerbatimEnvironment|newverbatim)\s*\{(?P<fancy>[^{}]+)\}"
    r"|\\newminted\s*+(?:\[(?P<minted>[^\]]{0,2000}+)\]\s*+)?\{(?P<language>[^{}]*)\}"
    r"|\\newmintinline\s*+(?:\[(?P<inline>[^\]]{0,2000}+)\]\s*+)?\{(?P<inlinelanguage>[^{}]*)\}"
    r"|\\(?:re)?newenvironment\s*\{(?P<own>[^{}]+)\}\s*+(?:\[\d\]\s*+)?(?:\[[^\]]{0,2000}+\]\s*+)?\{[^{}]*"
    r"(?:\{[^{}]*\}[^{}]*){0,6}?\\(?:[bBL]?[vV]erbatim|lstlisting|VerbatimEnvironment|comment)(?![A-Za-z])"
    r"|\\excludecomment\s*\{(?P<excluded>[^{}]+)\}"
    r"|\\(?:MakeShortVerb|lstMakeShortInline|DefineShortVerb)\*?\s*+(?:\[[^\]]{0,2000}+\]\s*+)?\{?\\?(?P<short>[^\s{}\\A-Za-z])\}?"
    r"|\\(?:re)?newcommand\*?\s*\{?\\(?P<command>[A-Za-z]+)\}?\s*\{\s*\\(?:lstinline|verb|Verb|mintinline)(?![A-Za-z])"
    r"(?:\s*\[[^\]]{0,2000}+\])?(?:\s*\{[a-z]+\})?\s*\}"
    r"|\\def\\(?P<plain>[A-Za-z]+)\s*\{\s*\\(?:lstinline|verb|Verb)(?![A-Za-z])(?:\s*\[[^\]]{0,2000}+\])?\s*\}"
    r"|\\let\\(?P<let>[A-Za-z]+)\s*=?\s*\\(?:lstinline|verb|Verb)(?![A-Za-z])"
)  # fmt: skip

_SWITCHED = re.compile(r"\\if@(?:(?!\\fi(?![A-Za-z])).){0,300}\Z", re.DOTALL)
"""What a class leaves out, if somebody turns its switch on: acmart's acknowledgements of an anonymous paper."""


class Verbatim:
    """The verbatim forms of one document."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._optional: dict[str, bool] = {}
        environments = dict.fromkeys(_AS_VERBATIM, "verbatim")
        dropped, inline, short = dict.fromkeys(_DROPPED), dict.fromkeys(_INLINE), set[str]()
        for text in texts:
            for found in _DEFINITION.finditer(text):
                if found["lst"]:
                    environments[found["lstname"]] = "lstlisting"
                elif found["fancy"] or found["own"]:
                    environments[found["fancy"] or found["own"]] = "verbatim"
                elif found["minted"] or found["language"]:
                    environments[found["minted"] or f"{found['language']}code"] = "verbatim"
                elif found["inline"] or found["inlinelanguage"]:
                    inline[found["inline"] or f"{found['inlinelanguage']}inline"] = None
                elif found["excluded"]:
                    before = text[max(0, found.start() - 320) : found.start()]
                    dropped |= {} if _SWITCHED.search(before) else {found["excluded"]: None}
                elif found["short"]:
                    short.add(found["short"])
                else:
                    inline[found["command"] or found["plain"] or found["let"]] = None
        kept = ((name, made) for name, made in environments.items() if name not in dropped)
        self._environments = dict(islice(kept, MAX_OWN))
        own = "|".join(sorted(map(re.escape, self._environments), key=len, reverse=True))
        names = "|".join(sorted(map(re.escape, islice(inline, MAX_OWN)), key=len, reverse=True))
        shorts = "".join(map(re.escape, sorted(short)))
        self.pattern = (
            VERBATIM.pattern
            + rf"|\\begin\s*\{{(?P<own>{own})\}}(?P<body>.*?)(?:\\end\s*\{{(?P=own)\}}|\Z)"
            + rf"|\\begin\s*\{{(?P<dropped>{'|'.join(map(re.escape, sorted(islice(dropped, MAX_OWN))))})\}}"
            r".*?(?:\\end\s*\{(?P=dropped)\}|\Z)"
            + rf"|\\(?P<inline>{names})\*?(?![A-Za-z])(?P<option>\s*\[[^\]\n]{{0,2000}}+\])?"
            r"(?P<lang>\{[a-z+#-]+\}(?=[{|!/+]))?"
            r"(?P<mark>[^\s\w\\\[\]])"
            + (rf"|(?<!\\)(?P<short>[{shorts}])[^\n]*?(?P=short)" if short else "|(?P<short>(?!))")
        )
        """Matches all of them, as one alternative of a larger expression."""

    def written_out(self, found: re.Match[str]) -> tuple[str, int] | None:
        """What a match of `pattern` is in LaTeX's own forms, and where reading goes on; None if it is another's."""
        text = found.string
        if found["environment"] or found["bar"]:
            return found.group(), found.end()
        if found["dropped"]:
            return "", found.end()
        if found["own"]:
            kind = self._environments[found["own"]]
            body = found["body"]
            option = group(body, 0, "[", "]") if body.startswith("[") else None
            given = f"[{option[0]}]" if option and kind == "lstlisting" else ""
            content = body[option[1] :] if option else body
            while content.startswith("{") and (argument := group(content, 0)):
                content = content[argument[1] :]
            return f"\\begin{{{kind}}}{given}\n{content.strip(chr(10))}\n\\end{{{kind}}}", found.end()
        if found["short"]:
            return f"\\verb{_BAR}{found.group()[1:-1]}{_BAR}", found.end()
        if found["inline"]:
            return self._inline(found, text)
        return None

    def _inline(self, found: re.Match[str], text: str) -> tuple[str, int]:
        mark, start = found["mark"], found.start("mark")
        if found["inline"] in ("url", "path", "nolinkurl") and mark == "{":
            return found.group()[:-1], start
        if (
            found["inline"] in _WITH_LANGUAGE
            and not found["lang"]
            and mark == "{"
            and (named := group(text, start))
        ):
            start, mark = named[1], text[named[1] : named[1] + 1]
        if mark == "{":
            read = group(text, start)
            content, end = read if read else (text[start + 1 : start + 1], start + 1)
        else:
            end = text.find(mark, start + 1) if mark else -1
            if end < 0 or "\n\n" in text[start:end]:
                return found.group(), found.end()
            content, end = text[start + 1 : end], end + 1
        if found["inline"] in ("url", "path", "nolinkurl"):
            return f"\\{found['inline']}{{{content}}}", end
        return f"\\verb{_BAR}{content}{_BAR}", end
