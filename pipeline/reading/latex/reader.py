"""The reader of a LaTeX document: from its expanded text to sections and blocks, once, from top to bottom.

It knows paragraphs, headings and where blocks go; what an environment or a command means is for those
that are given to it.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from pipeline.reading.latex.budget import Budget
from pipeline.reading.latex.crossreferences import Names, resolve, unresolved
from pipeline.reading.latex.groups import end_of, end_of_mathematics, group
from pipeline.reading.latex.inline import Inline
from pipeline.reading.latex.keywords import Keywords
from pipeline.reading.latex.numbers import Counters, Target
from pipeline.reading.latex.verbatim import VERBATIM
from pipeline.reading.paper import Anchor, Block, Section

_EVENT = re.compile(
    VERBATIM.pattern
    + r"|(?P<open>\{|\\b(?:egin)?group(?![A-Za-z]))|(?P<close>\}|\\e(?:nd)?group(?![A-Za-z]))"
    r"|\\(?P<command>[A-Za-z@]+)\*?|(?P<display>\$\$|\\\[)|(?P<math>\$|\\\()|\\."
    r"|(?P<blank>\n[ \t]*\n\s*)",
    re.DOTALL,
)
# Arguments of environments that are settings and not text.
_ENVIRONMENT_ARGUMENTS = {
    "minipage": 1, "multicols": 1, "adjustwidth": 2, "subfigure": 1, "subtable": 1, "wrapfigure": 2,
    "wraptable": 2, "wrapfloat": 3, "changemargin": 2, "leftbar": 0, "tabbing": 0, "letterspace": 1,
    "tabular": 1, "array": 1, "tabularx": 2, "tabulary": 2, "longtable": 1, "longtabu": 1, "tabu": 1, "tblr": 1,
    "longtblr": 1, "talltblr": 1, "deluxetable": 1, "tabular*": 2, "tabularray": 1, "supertabular": 1,
    "mpsupertabular": 1, "xltabular": 2, "NiceTabular": 1, "NiceTabularX": 2, "ltablex": 2,
    "alignat": 1, "xalignat": 1, "xxalignat": 1, "spacing": 1, "adjustbox": 1, "numcases": 1, "subnumcases": 1,
    "thebibliography": 1, "IEEEeqnarray": 1, "tcolorbox": 0, "list": 2, "textblock": 1, "mdframed": 0,
    "floatingfigure": 1, "floatingtable": 1, "savenotes": 0, "CJK": 2, "CJK*": 2, "minted": 1, "resizebox": 2,
    "otherlanguage": 1, "otherlanguage*": 1, "foreignlanguage": 1, "tikzcd": 0, "scope": 0, "labeling": 1,
    "acronym": 0, "turn": 1, "rotate": 1, "scaletikzpicturetowidth": 1,
    "column": 1, "onehalfspacing": 0, "fullwidth": 0, "bibunit": 0, "sidewaysfigure": 0, "SCfigure": 0,
    "glossarygroup": 1, "hangparas": 2, "paracol": 1, "lrbox": 1, "comment": 0, "keypoints": 0, "fmffile": 1,
}  # fmt: skip
_MAX_NESTING = 40


Environment = Callable[["Reader", str, str, bool], None]
"""What an environment does: reader, name, body, whether its name had a star."""
Command = Callable[["Reader", str, str, int, bool], int]
"""What a command does: reader, name, the text, where its arguments start, star; gives where reading goes
on.
"""

Group = tuple[Target, Target | None, int]
"""What `\\label` points to, the last caption, and how many formats were changed, where a group begins."""


@dataclass
class Node:
    """A section while it is being read."""

    anchor: Anchor
    number: str
    title: str
    level: int
    blocks: list[Block] = field(default_factory=list)
    children: list["Node"] = field(default_factory=list)

    def texts(self) -> Iterator[str]:
        """All that is in it, as it was read."""
        yield self.title
        yield from (block.text for block in self.blocks)
        for child in self.children:
            yield from child.texts()

    def finished(self, labels: Mapping[str, Target], names: Names, budget: Budget) -> Section:
        """The section, with the numbers that its references name."""
        return Section(
            self.anchor,
            self.number,
            resolve(self.title, labels, names, budget),
            tuple(
                Block(block.kind, resolve(block.text, labels, names, budget), block.anchor)
                for block in self.blocks
            ),
            tuple(child.finished(labels, names, budget) for child in self.children),
        )


@dataclass
class Float:
    """A figure, table or algorithm while it is being read."""

    kind: str
    part: bool = False
    continued: bool = False
    """Whether it bears the number of the one before."""
    captions: list[tuple[str, str | None, str]] = field(default_factory=list)
    """`Figure 3`, its anchor, and the text."""
    parts: int = 0
    part_labels: dict[str, str] = field(default_factory=dict)
    """Labels of parts, `(a)`, that wait for the number of the whole."""
    labels: list[str] = field(default_factory=list)
    """Of a part."""
    target: Target | None = None
    """What its last caption is."""


@dataclass(frozen=True)
class Drawn:
    """What a figure shows: files by name, and the words of what LaTeX itself draws."""

    files: tuple[str, ...]
    words: tuple[str, ...] = ()


@dataclass
class Theorem:
    """What `\\newtheorem` declares: its printed name and what counts it."""

    name: str
    counter: str | None
    prefix: str | None = None
    """Of labels, where title and label are arguments."""


class Reader:
    """Reads one document. Handlers change what is public here."""

    def __init__(
        self,
        counters: Counters,
        inline: Inline,
        environments: Mapping[str, Environment],
        commands: Mapping[str, Command],
    ) -> None:
        self.counters = counters
        self.inline = inline
        self.title = self.abstract = ""
        self.titled = False
        """Whether the title was printed already."""
        self.authors: tuple[str, ...] = ()
        self.references: list[str] = []
        self.theorems: dict[str, Theorem] = {}
        self.lists: dict[str, str] = {}
        """Lists that the author defines, and what they are like."""
        self.list_settings: list[tuple[list[str], dict[str, str]]] = []
        """Of `\\setlist`: for which lists and levels, and what."""
        self.enumitem = False
        self.enumerated: Counter[str] = Counter()
        """How many enumerations are open, by the beginning of their counters' names: `enum`."""
        self.resumed: dict[str, int] = {}
        """Where enumerations ended, for those that go on."""
        self.only_numbered: frozenset[str] | None = None
        """Labels whose equations have a number, where others have none."""
        self.hooks: Mapping[str, str] = {}
        """What a class or an author adds to `appendix`, and to `before`, `begin`, `end` and `after` of environments."""
        self.captioned: Target | None = None
        """The last caption or line that `\\label` points to also behind its float."""
        self.floats: dict[str, str] = {}
        """Floats that the author defines, and their printed names."""
        self.names = Names()
        self.float: Float | None = None
        self.parts = 0
        """Parts of the last float, for one that goes on with it."""
        self.parts_in_brackets = False
        """Whether a part is referred to as `1(a)`."""
        self.keywords = Keywords()
        self.raw: list[str] = []
        self.drawn: dict[Anchor, Drawn] = {}
        self._environments = environments
        self._commands = commands
        front = Node("Front", "", "", 0)
        self._stack = [front]
        self._roots = [front]
        self._anchors: set[Anchor] = set()
        self._counts: dict[Anchor, int] = {}
        self._into: list[list[Block]] = []  # where blocks go instead of the section, innermost last
        self._nesting = 0

    def sections(self) -> tuple[Section, ...]:
        """What has been read, with every reference resolved."""
        return tuple(
            node.finished(self.inline.labels, self.names, self.inline.budget)
            for node in self._roots
            if node.blocks or node.children or node.anchor not in ("Front", "Appendix")
        )

    def unresolved(self) -> Counter[str]:
        """Labels that references name and nothing bears, and how often."""
        texts = (self.title, self.abstract, *self.references)
        return unresolved(chain(texts, *(node.texts() for node in self._roots)), self.inline.labels)

    def read(self, text: str) -> None:
        """Blocks of `text` in order; the last paragraph stays open."""
        if self._nesting > _MAX_NESTING:
            self.raw.append(text)
            return
        self._nesting += 1
        position = 0
        groups: list[Group] = []
        while event := _EVENT.search(text, position):
            self.raw.append(text[position : event.start()])
            position = event.end()
            if event["environment"]:
                self._environments["verbatim"](self, event["environment"], event.group(), False)
            elif event["blank"]:
                self.flush()
            elif event["display"]:
                closing = "$$" if event.group() == "$$" else "\\]"
                end = end_of_mathematics(text, closing, position)
                if end >= 0:
                    self._environments["displaymath"](
                        self, "displaymath", text[position:end], closing == "\\]"
                    )
                    position = end + 2
            elif event["math"]:
                position = self._skip_mathematics(text, event.start(), event.group())
            elif event["command"]:
                position = self._command(event, text)
            else:
                self.raw.append(event.group())
                if event["open"]:
                    groups.append(self.begin_group())
                elif event["close"] and groups:
                    self.end_group(groups.pop())
        self.raw.append(text[position:])
        self._nesting -= 1

    def _skip_mathematics(self, text: str, start: int, opening: str) -> int:
        closing = "$" if opening == "$" else "\\)"
        end = end_of_mathematics(text, closing, start + len(opening))
        end = start + len(opening) if end < 0 else end + len(closing)
        if "\n\n" in text[start:end]:
            end = start + len(opening)
        self.raw.append(text[start:end])
        return end

    def _command(self, event: re.Match[str], text: str) -> int:
        name, starred = event["command"], event.group().endswith("*")
        if name == "begin":
            return self._environment(text, event.end())
        command = self._commands.get(name)
        if command is None:
            counter = name[3:] if name.startswith("the") else ""
            known = counter in self.counters.values or counter in self.counters.formats
            shown = f"{self.counters.printed(counter)}{{}}" if known else event.group()
            self.inline.budget.spend(len(shown))
            self.raw.append(shown)
            return event.end()
        return command(self, name, text, event.end(), starred)

    def _environment(self, text: str, position: int) -> int:
        name = group(text, position)
        if name is None:
            return position
        environment = name[0].strip()
        content_end, end = end_of(environment, text, name[1])
        bare = environment.rstrip("*")
        own = (("theorem", self.theorems), ("enumerate", self.lists), ("float", self.floats))
        handler = self._environments.get(next((kind for kind, names in own if bare in names), bare))
        body = text[name[1] : content_end]
        self.declare(f"before {bare}")
        outer = self.begin_group()
        self.declare(f"begin {bare}")
        if handler:
            handler(self, bare, body, environment != bare)
        else:
            self.read(after_arguments(bare, body))
        self.declare(f"end {bare}")
        if bare not in ("appendices", "subappendices", "appendix", "document", "frontmatter", "CJK"):
            self.end_group(outer)
        self.declare(f"after {bare}")
        return end

    def declare(self, hook: str) -> None:
        """What was added to `hook`: numbers, and no text."""
        if said := self.hooks.get(hook):
            self.obey(said)

    def obey(self, text: str) -> None:
        """What `text` says of numbers, without its words."""
        self.inline.budget.spend(len(text))
        raw, self.raw = self.raw, []
        self.read(text)
        self.raw = raw

    def begin_group(self) -> "Group":
        """What `end_group` needs."""
        return self.inline.here, self.captioned, len(self.counters.changed)

    def end_group(self, outer: "Group") -> None:
        """What `\\label` points to, and how numbers are printed, is as before a group: an environment or a brace."""
        here, captioned, changes = outer
        self.counters.undo(changes)
        self.inline.here = here if self.captioned is captioned or self.captioned is None else self.captioned

    def flush(self) -> None:
        """End the paragraph."""
        raw, self.raw = "".join(self.raw), []
        text = self.inline.paragraph(raw) if raw.strip() else ""
        if text and not re.fullmatch(r"[\s{}\[\]*=.,;:-]*|\d*(?:pt|em|cm)", text):
            self.put(Block("paragraph", text))
        pending, self.inline.footnotes = self.inline.footnotes, []
        for number, note in pending:
            self.put(Block("footnote", f"Footnote {number}: {note}", f"Fn{number}"))

    def put(self, block: Block) -> None:
        """Add a block where reading is."""
        self.inline.budget.spend(len(block.text))
        (self._into[-1] if self._into else self._stack[-1].blocks).append(block)

    def blocks(self, text: str) -> list[Block]:
        """The blocks of `text`, kept apart from the section."""
        self.flush()
        self._into.append([])
        self.read(text)
        self.flush()
        return self._into.pop()

    def cell(self, text: str) -> str:
        """One cell of a table; what has a structure of its own is read as such."""
        self.inline.cells += 1
        read = (
            " ".join(block.text for block in self.blocks(text))
            if "\\begin" in text
            else self.inline.paragraph(text)
        )
        self.inline.cells -= 1
        return read

    def open_section(self, anchor: Anchor, number: str, title: str, level: int) -> Anchor:
        """Begin a section; everything after it goes there. Gives its anchor, which is like no other."""
        self.flush()
        node = Node(self.unique(anchor), number, title, level)
        while len(self._stack) > 1 and self._stack[-1].level >= level:
            self._stack.pop()
        (self._roots if len(self._stack) == 1 else self._stack[-1].children).append(node)
        self._stack.append(node)
        return node.anchor

    def unique(self, anchor: Anchor) -> Anchor:
        """`anchor`, with a number behind it where there is one like it."""
        while True:
            count = self._counts[anchor] = self._counts.get(anchor, 0) + 1
            unique = anchor if count == 1 else f"{anchor}-{count}"
            if unique not in self._anchors:
                self._anchors.add(unique)
                return unique
            anchor = f"{unique}-2"


def after_arguments(environment: str, body: str) -> str:
    """The body of an environment behind its options and settings."""
    position = 0
    while option := (group(body, position, "[", "]") if body[position:].lstrip(" ")[:1] == "[" else None):
        position = option[1]
    for _ in range(_ENVIRONMENT_ARGUMENTS.get(environment, 0)):
        while option := (group(body, position, "[", "]") if body[position : position + 1] == "[" else None):
            position = option[1]
        found = group(body, position)
        if found is None:
            break
        position = found[1]
    return body[position:]


def fenced(text: str) -> str:
    """Lines as they are."""
    return f"```\n{text}\n```" if text.strip() else ""


def camel_case(title: str) -> str:
    """The anchor of what has no number: its first words in one."""
    words = re.findall(r"[A-Za-z0-9]+", title)
    return "".join(word[:1].upper() + word[1:] for word in words[:6]) or "Section"
