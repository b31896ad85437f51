"""LaTeX: the members of a source archive to a Paper. Pure: no files, no network.

This module knows the structure of a document (headings, environments, floats); running text, tables,
numbers and macros are in `tex_*.py` and `macros.py`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from pipeline import tex_files, tex_floats
from pipeline.errors import PaperUnreadable
from pipeline.macros import VERBATIM, Macro, expand, group
from pipeline.paper import Block, BlockKind, Paper, Section
from pipeline.tex_inline import Inline, resolve
from pipeline.tex_numbers import HEADINGS, Counters, Target, styled

_EVENT = re.compile(
    VERBATIM.pattern + r"|\\(?P<command>[A-Za-z@]+)\*?|(?P<display>\$\$|\\\[)|(?P<math>\$|\\\()|\\."
    r"|(?P<blank>\n[ \t]*\n\s*)",
    re.DOTALL,
)
_DISPLAY = frozenset(
    "equation align gather multline eqnarray alignat flalign displaymath dmath xalignat math@ IEEEeqnarray".split()
)
_ROWS = frozenset("align gather eqnarray alignat flalign xalignat IEEEeqnarray".split())
_FLOATS = {
    **dict.fromkeys(
        "figure wrapfigure SCfigure teaserfigure sidewaysfigure floatingfigure figwindow".split(), "figure"
    ),
    **dict.fromkeys("table wraptable sidewaystable longtable margintable".split(), "table"),
    **dict.fromkeys("algorithm algorithm2e algo procedure@".split(), "algorithm"),
    "listing": "listing",
}
_TABULAR = frozenset(
    "tabular tabularx tabulary longtable tabu tblr supertabular xltabular NiceTabular array".split()
)
_LISTS = frozenset(
    "itemize enumerate description compactitem compactenum inparaenum asparaenum asparaitem itemize@ tasks".split()
)
_SKIPPED = frozenset(
    "tikzpicture pgfpicture picture CCSXML comment filecontents axis forest overpic psfrags".split()
)
_THEOREMS = {
    "theorem": "Theorem", "lemma": "Lemma", "proposition": "Proposition", "corollary": "Corollary",
    "definition": "Definition", "assumption": "Assumption", "remark": "Remark", "example": "Example",
    "claim": "Claim", "conjecture": "Conjecture", "fact": "Fact", "observation": "Observation",
}  # fmt: skip
# Arguments of environments that are settings and not text.
_ENVIRONMENT_ARGUMENTS = {
    "minipage": 1, "multicols": 1, "adjustwidth": 2, "subfigure": 1, "subtable": 1, "wrapfigure": 2, "wraptable": 2,
    "tabular": 1, "array": 1, "tabularx": 2, "tabulary": 2, "longtable": 1, "tabu": 1, "tblr": 1, "tabular*": 2,
    "supertabular": 1, "xltabular": 2, "NiceTabular": 1, "alignat": 1, "xalignat": 1, "spacing": 1, "adjustbox": 1,
    "thebibliography": 1, "IEEEeqnarray": 1, "tcolorbox": 0, "list": 2, "textblock": 1, "mdframed": 0,
    "floatingfigure": 1, "savenotes": 0, "CJK": 2, "CJK*": 2, "minted": 1, "resizebox": 2,
}  # fmt: skip
# Commands that declare something, with their number of mandatory arguments.
_DECLARATIONS = {
    "newtheorem": 2, "declaretheorem": 1, "spnewtheorem": 2, "title": 1, "author": 1, "icmlauthor": 2, "abstract": 1,
    "numberwithin": 2, "counterwithin": 2, "@addtoreset": 2, "setcounter": 2, "addtocounter": 2, "renewcommand": 2,
}  # fmt: skip
_PREFIX = {"figure": "Fig", "table": "Tab", "algorithm": "Alg", "listing": "Lst"}
_MAX_NESTING = 40


def read(files: Mapping[str, bytes], main: str | None = None) -> Paper:
    """The paper that the members of an archive (path → content) make; `main` is its main file where known.

    Raises PaperUnreadable if there is no LaTeX document among them or nothing in it.
    """
    document = tex_files.document(files, main)
    if document is None:
        raise PaperUnreadable(
            "There is no LaTeX document in this source.",
            "Give the file that holds \\documentclass, or the PDF of the paper.",
        )
    paper = _Reader(document.text, document.macros, document.notes).paper()
    if not paper.abstract and not any(s.blocks for top in paper.sections for _, s in top.walk()):
        raise PaperUnreadable(
            f"{document.main} is a LaTeX file without any text in it.",
            "Check that the file is complete; the PDF of the paper can be read as well.",
        )
    return paper


@dataclass
class _Node:
    """A section while it is being read."""

    anchor: str
    number: str
    title: str
    level: int
    blocks: list[Block] = field(default_factory=list)
    children: list["_Node"] = field(default_factory=list)


@dataclass
class _Float:
    """A figure, table or algorithm while it is being read."""

    kind: str
    part: bool = False
    captions: list[tuple[str, str | None, str]] = field(default_factory=list)
    """`Figure 3`, its anchor, and the text."""
    parts: int = 0
    part_labels: dict[str, str] = field(default_factory=dict)
    """Labels of parts, `(a)`, that wait for the number of the whole."""
    early: list[str] = field(default_factory=list)
    """Labels that stand before their caption."""
    late: list[str] = field(default_factory=list)


@dataclass
class _Theorem:
    name: str
    counter: str | None


class _Reader:
    """Reads one document from top to bottom, once."""

    def __init__(self, text: str, macros: Mapping[str, Macro], notes: tuple[str, ...]) -> None:
        self.notes = list(notes)
        self.source = expand(text, dict(macros))
        declared = re.search(r"\\document(?:class|style)\s*(?:\[[^\]]*\])?\s*\{([^{}]*)\}", self.source)
        self.counters = Counters(declared.group(1).strip() if declared else "article")
        self.inline = Inline(self._cite)
        self.title = self.abstract = ""
        self.authors: tuple[str, ...] = ()
        self.references: list[str] = []
        self.bibliography: dict[str, tuple[int, str, str]] = {}  # key → (index, authors, year)
        self.numeric = bool(
            re.search(
                r"\\usepackage\s*\[[^\]]*\bnumbers\b[^\]]*\]\s*\{natbib\}|\\setcitestyle\{[^}]*numbers|\{n\}",
                self.source,
            )
        )
        self.theorems: dict[str, _Theorem] = {}
        self.front = _Node("Front", "", "", 0)
        self.stack = [self.front]
        self.roots = [self.front]
        self.anchors: set[str] = set()
        self.raw: list[str] = []
        self.float: _Float | None = None
        self.into: list[list[Block]] = []  # where blocks go instead of the section, innermost last
        self.nesting = 0

    # The document -----------------------------------------------------------------------------------------

    def paper(self) -> Paper:
        begin = re.search(r"\\begin\s*\{document\}", self.source)
        preamble = self.source[: begin.start()] if begin else ""
        body = self.source[begin.end() :] if begin else self.source
        end = re.search(r"\\end\s*\{document\}", body)
        body = body[: end.start()] if end else body
        self._bibliography_keys(body)
        self._preamble(preamble)
        self._read(body)
        self._flush()
        labels = self.inline.labels
        sections = tuple(
            self._finished(node, labels)
            for node in self.roots
            if node.blocks or node.children or node.anchor not in ("Front", "Appendix")
        )
        return Paper(
            title=resolve(self.title, labels),
            authors=self.authors,
            abstract=resolve(self.abstract, labels),
            sections=sections,
            references=tuple(resolve(text, labels) for text in self.references),
            source="latex",
            notes=tuple(self.notes),
        )

    def _finished(self, node: _Node, labels: dict[str, Target]) -> Section:
        return Section(
            node.anchor,
            node.number,
            resolve(node.title, labels),
            tuple(Block(b.kind, resolve(b.text, labels), b.anchor) for b in node.blocks),
            tuple(self._finished(child, labels) for child in node.children),
        )

    def _preamble(self, text: str) -> None:
        for found in re.finditer(r"\\(?P<command>[A-Za-z@]+)\*?", text):
            if found["command"] in _DECLARATIONS:
                self._declaration(found["command"], text, found.end(), found.group().endswith("*"))

    def _read(self, text: str) -> None:
        """Blocks of `text` in order; the last paragraph stays open."""
        if self.nesting > _MAX_NESTING:
            self.raw.append(text)
            return
        self.nesting += 1
        position = 0
        while event := _EVENT.search(text, position):
            self.raw.append(text[position : event.start()])
            position = event.end()
            if event["environment"]:
                self._code(event.group(), event["environment"])
            elif event["blank"]:
                self._flush()
            elif event["display"]:
                closing = "$$" if event.group() == "$$" else "\\]"
                end = text.find(closing, position)
                if end >= 0:
                    self._equation("displaymath", text[position:end], starred=True)
                    position = end + 2
            elif event["math"]:
                position = self._skip_mathematics(text, event.start(), event.group())
            elif event["command"]:
                position = self._command(event["command"], text, event.start(), event.end())
            else:
                self.raw.append(event.group())
        self.raw.append(text[position:])
        self.nesting -= 1

    def _skip_mathematics(self, text: str, start: int, opening: str) -> int:
        closing = re.compile(r"\\\)" if opening != "$" else r"(?:\\.|[^$\\])*?\$", re.DOTALL)
        found = (
            closing.search(text, start + len(opening)) if opening != "$" else closing.match(text, start + 1)
        )
        end = found.end() if found else start + len(opening)
        if "\n\n" in text[start:end]:
            end = start + len(opening)
        self.raw.append(text[start:end])
        return end

    def _command(self, command: str, text: str, start: int, end: int) -> int:
        if command == "begin":
            return self._environment(text, start, end)
        if command in HEADINGS:
            return self._heading(command, text, end, text[end - 1] == "*")
        if command in ("paragraph", "subparagraph"):
            self._flush()
            found = group(text, end)
            if found:
                self.raw.append(f"\\textbf{{{found[0].strip()}}} ")
            return found[1] if found else end
        if command == "par":
            self._flush()
            return end
        if command in ("footnote", "footnotetext", "thanks"):
            option = group(text, end, "[", "]")
            found = group(text, option[1] if option else end)
            self.raw.append(text[start : found[1]] if found else "")
            return found[1] if found else end
        if command == "appendix":
            self._appendix()
            return end
        if command in _DECLARATIONS:
            return self._declaration(command, text, end, text[end - 1] == "*")
        if command == "label":
            # A heading's label must see the heading, not the paragraph before it.
            found = group(text, end)
            if found:
                self._label(found[0].strip())
            return found[1] if found else end
        if command == "caption":
            return self._caption(text, end, text[end - 1] == "*")
        if command == "captionof":
            named = group(text, end)
            return self._caption(text, named[1], False, named[0].strip()) if named else end
        if self.float and command in ("subfloat", "subfigure", "subcaptionbox", "subtable"):
            return self._part(command, text, end)
        self.raw.append(text[start:end])
        return end

    # Paragraphs and headings ------------------------------------------------------------------------------

    def _flush(self) -> None:
        raw, self.raw = "".join(self.raw), []
        text = self.inline.paragraph(raw) if raw.strip() else ""
        if text and not re.fullmatch(r"[\s{}\[\]*=.,;:-]*|\d*(?:pt|em|cm)", text):
            self._put(Block("paragraph", text))
        self._put_footnotes()

    def _put_footnotes(self) -> None:
        pending, self.inline.footnotes = self.inline.footnotes, []
        for number, note in pending:
            self._put(Block("footnote", f"Footnote {number}: {note}", f"Fn{number}"))

    def _put(self, block: Block) -> None:
        (self.into[-1] if self.into else self.stack[-1].blocks).append(block)

    def _blocks(self, text: str) -> list[Block]:
        """The blocks of `text`, kept apart from the section."""
        self._flush()
        self.into.append([])
        self._read(text)
        self._flush()
        return self.into.pop()

    def _heading(self, command: str, text: str, position: int, starred: bool) -> int:
        option = group(text, position, "[", "]")
        found = group(text, option[1] if option else position)
        if found is None:
            return position
        self._flush()
        level = HEADINGS[command]
        title = self.inline.paragraph(found[0])
        numbered = not starred and level <= self.counters.depth and command != "part"
        number = self.counters.step(command) if numbered else ""
        if numbered:
            anchor = ("App" if self.counters.appendix else "S") + number
        else:
            anchor = _camel_case(title)
        self._open_section(anchor, number, title, level)
        name = (
            "Appendix"
            if self.counters.appendix and numbered
            else command.removeprefix("sub").removeprefix("sub")
        )
        self.inline.here = Target(self.stack[-1].anchor, number or title, name.capitalize())
        self._put_footnotes()
        return found[1]

    def _appendix(self) -> None:
        self._flush()
        self.counters.begin_appendix()
        # What stands before its first heading must not go to the section before.
        self._open_section("Appendix", "", "Appendix", HEADINGS["section"])

    def _open_section(self, anchor: str, number: str, title: str, level: int) -> None:
        """Begin a section; everything after it goes there."""
        node = _Node(self._unique(anchor), number, title, level)
        while len(self.stack) > 1 and self.stack[-1].level >= level:
            self.stack.pop()
        if len(self.stack) == 1:
            self.roots.append(node)
        else:
            self.stack[-1].children.append(node)
        self.stack.append(node)

    def _unique(self, anchor: str) -> str:
        unique, count = anchor, 1
        while unique in self.anchors:
            count += 1
            unique = f"{anchor}-{count}"
        self.anchors.add(unique)
        return unique

    # Environments -----------------------------------------------------------------------------------------

    def _environment(self, text: str, start: int, position: int) -> int:
        name = group(text, position)
        if name is None:
            return position
        environment = name[0].strip()
        content_end, end = _end_of(environment, text, name[1])
        body = text[name[1] : content_end]
        starred = environment.endswith("*")
        bare = environment.rstrip("*")
        if bare in _DISPLAY:
            self._equation(bare, _after_arguments(bare, body), starred)
        elif bare == "subequations":
            self._subequations(body)
        elif bare == "algorithmic" or bare == "algorithmicx":
            self._put_now(Block("algorithm", _fenced(self._algorithmic(body))))
        elif bare == "longtable":
            self._longtable(body)
        elif bare in _FLOATS and not (self.float and bare == "table"):
            content = _after_arguments(bare, body)
            if _FLOATS[bare] == "algorithm" and "\\begin{algorithmic}" not in content:
                content = self._algorithm2e(content)
            self._put_float(_FLOATS[bare], content)
        elif self.float and bare in ("subfigure", "subtable"):
            self._put_float("part", _after_arguments(bare, body))
        elif self.float and bare == "minipage" and "\\caption" in body and self.float.kind != "part":
            self._put_float(self.float.kind, _after_arguments(bare, body))
        elif bare in _TABULAR:
            self._flush()
            if printed := tex_floats.table(_after_arguments(environment, body), self._cell):
                self._put(Block("table", printed))
        elif bare in _LISTS:
            self._list(bare, body)
        elif bare in _SKIPPED:
            pass
        elif bare in self.theorems or bare in _THEOREMS or bare in ("restatable", "thmbis"):
            self._theorem(bare, body, starred)
        else:
            self._other_environment(bare, body)
        return end

    def _other_environment(self, bare: str, body: str) -> None:
        if bare == "abstract":
            self._abstract(body)
        elif bare == "proof":
            option = group(body, 0, "[", "]") if body[:1] == "[" else None
            self._flush()
            self.raw.append(f"\\emph{{{option[0] if option else 'Proof'}.}} ")
            self._read(body[option[1] :] if option else body)
            self._flush()
        elif bare == "thebibliography":
            self._bibliography(body)
        elif bare in ("appendices", "subappendices", "appendix"):
            self._appendix()
            self._read(body)
        elif bare in ("acks", "acknowledgments", "acknowledgements", "ack"):
            self._flush()
            self._open_section("Acknowledgements", "", "Acknowledgements", HEADINGS["section"])
            self._read(body)
            self._flush()
        else:
            content = _after_arguments(bare, body)
            separate = bare in (
                "quote",
                "quotation",
                "center",
                "abstract",
                "minipage",
                "flushleft",
                "verse",
                "tcolorbox",
            )
            if separate:
                self._flush()
            self._read(content)
            if separate:
                self._flush()

    def _cell(self, text: str) -> str:
        """One cell of a table; what has a structure of its own is read as such."""
        if "\\begin" not in text:
            return self.inline.paragraph(text)
        return " ".join(block.text for block in self._blocks(text))

    def _put_now(self, block: Block) -> None:
        self._flush()
        self._put(block)

    def _abstract(self, body: str) -> None:
        blocks = self._blocks(body)
        self.abstract = "\n\n".join(block.text for block in blocks)

    def _code(self, text: str, environment: str) -> None:
        if environment.startswith("filecontents"):
            return
        content = re.sub(r"\\begin\s*\{[^{}]*\}", "", text.rpartition("\\end")[0], count=1)
        if environment == "minted":
            content = re.sub(r"^\s*(?:\[[^\]]*\])?\s*\{[^{}]*\}", "", content)
        option = group(content, 0, "[", "]") if content[:1] == "[" else None
        caption = None
        if option:
            content = content[option[1] :]
            caption = re.search(r"caption\s*=\s*(\{(?:[^{}]|\{[^{}]*\})*\}|[^,\]]+)", option[0])
        block = Block("code", _fenced(content.strip("\n")))
        if caption and option:
            number = self.counters.step("listing")
            label = re.search(r"label\s*=\s*\{?([^,{}\]]+)", option[0])
            anchor = self._unique(f"Lst{number}")
            if label:
                self.inline.labels[label.group(1).strip()] = Target(anchor, number, "Listing")
            title = self.inline.paragraph(caption.group(1))
            block = Block("code", f"Listing {number}: {title}\n\n{block.text}", anchor)
        self._put_now(block)

    def _equation(self, name: str, body: str, starred: bool) -> None:
        self._flush()
        rows = _equation_rows(body) if name in _ROWS else [body]
        anchors: list[str] = []
        for row in rows:
            tag = re.search(r"\\tag\*?\s*\{([^{}]*)\}", row)
            hidden = re.search(r"\\(?:nonumber|notag)(?![A-Za-z])", row)
            if tag:
                number = tag.group(1).replace("$", "").strip()
            elif starred or hidden or name == "displaymath" or not row.strip():
                number = ""
            else:
                counter = "subequation" if self.counters.values.get("in subequations") else "equation"
                number = self.counters.step(counter)
            if number:
                anchor = self._unique(f"Eq{number.replace(' ', '')}")
                anchors.append(anchor)
                target = Target(anchor, number, "Equation")
                for label in re.findall(r"\\label\s*\{([^{}]*)\}", row):
                    self.inline.labels[label.strip()] = target
        here = self.inline.here
        for label in re.findall(r"\\label\s*\{([^{}]*)\}", body):
            self.inline.labels.setdefault(label.strip(), here)
        text = re.sub(r"\s*\\label\s*\{[^{}]*\}", "", body).strip()
        text = re.sub(r"\\(eq)?ref\s*\{([^{}]*)\}", lambda m: f"\x02{m[1] or ''}ref|{m[2]}\x03", text)
        if not text:
            return
        if name in _ROWS or name == "multline":
            shown = {"eqnarray": "align", "IEEEeqnarray": "align"}.get(name, name)
            star = "*" if not anchors else ""
            if name == "eqnarray":
                text = text.replace("&=&", "&=")
            text = f"\\begin{{{shown}{star}}}\n{text}\n\\end{{{shown}{star}}}"
        further = " ".join(f"[{anchor}]" for anchor in anchors[1:])
        text = f"$$\n{text}\n$$"
        if anchors:
            text = f"{further}\n{text}"
        self._put(Block("equation", text, anchors[0] if anchors else None))

    def _subequations(self, body: str) -> None:
        number = self.counters.step("equation")
        self.inline.here = Target(f"Eq{number}", number, "Equation")
        self.counters.values |= {"in subequations": 1, "subequation": 0}
        self._read(body)
        self.counters.values["in subequations"] = 0

    def _list(self, name: str, body: str) -> None:
        self._flush()
        ordered = "enum" in name
        # The option of the list is not text; the option of an item is.
        body = _after_arguments(name, body)
        items = _items(body)
        lines: list[str] = []
        notes: list[Block] = []
        for number, (option, content) in enumerate(items, 1):
            blocks = self._blocks(content)
            notes += [b for b in blocks if b.kind == "footnote"]
            label = self.inline.paragraph(option) if option else ""
            mark = f"{number}." if ordered and not label else "-"
            head = f"**{label}** " if label and name == "description" else f"{label} " if label else ""
            text = "\n\n".join(b.markdown() for b in blocks if b.kind != "footnote")
            pad = "\n" + " " * (len(mark) + 1)
            lines.append(f"{mark} {head}" + text.replace("\n\n", "\n").replace("\n", pad))
        if lines:
            self._put(Block("list", "\n".join(lines)))
        for note in notes:
            self._put(note)

    def _theorem(self, name: str, body: str, starred: bool) -> None:
        self._flush()
        option = group(body, 0, "[", "]") if body.lstrip()[:1] == "[" else None
        body = body[option[1] :] if option else body
        label = None
        if name == "restatable":
            kind = group(body, 0)
            label = group(body, kind[1]) if kind else None
            if kind and label:
                name, body = kind[0].strip(), body[label[1] :]
        theorem = self.theorems.get(name) or _Theorem(_THEOREMS.get(name, name.capitalize()), name)
        number = self.counters.step(theorem.counter) if theorem.counter and not starred else ""
        anchor = self._unique(_camel_case(theorem.name) + number) if number else None
        here = self.inline.here
        if anchor:
            self.inline.here = Target(anchor, number, theorem.name)
            if label:
                self.inline.labels[label[0].strip()] = self.inline.here
        title = f"**{theorem.name}{f' {number}' if number else ''}**" + (
            f" ({self.inline.paragraph(option[0])})" if option else ""
        )
        blocks = self._blocks(body)
        self.inline.here = here
        first = blocks[0].text if blocks and blocks[0].kind == "paragraph" else ""
        self._put(Block("theorem", f"{title}. {first}".strip(), anchor))
        for block in blocks[bool(first) :]:
            self._put(Block("theorem", block.text) if block.kind == "paragraph" else block)

    # Floats -----------------------------------------------------------------------------------------------

    def _put_float(self, kind: str, body: str) -> None:
        self._flush()
        for block in self._float(kind, body):
            self._put(block)

    def _longtable(self, body: str) -> None:
        """A table over several pages: its caption is a row, its heading is there once for each kind of page."""
        body = _after_arguments("longtable", body)
        body = re.sub(r"\\endfirsthead.*?\\endhead", "", body, flags=re.DOTALL)
        body = re.sub(r"\\end(?:first)?head.*?\\end(?:last)?foot", "", body, flags=re.DOTALL)
        caption = re.search(r"\\caption\*?", body)
        found = group(body, caption.end()) if caption else None
        head = ""
        if caption and found:
            head = body[caption.start() : found[1]] + "".join(re.findall(r"\\label\s*\{[^{}]*\}", body))
            body = body[: caption.start()] + body[found[1] :]
        body = re.sub(r"\\label\s*\{[^{}]*\}", "", body)
        self._put_float("table", f"{head}\n\n\\begin{{tabular}}{{}}{body}\\end{{tabular}}")

    def _algorithm2e(self, body: str) -> str:
        """The body of an algorithm with its statements set as code; captions and labels stay LaTeX."""
        if not re.search(r"\\;|\\(?:Kw\w+|SetK\w+|ForEach|eIf)\b", body):
            return body
        head = ""
        for command in ("caption", "label"):
            found = re.search(rf"\\{command}\s*(?=\{{)", body)
            text = group(body, found.end()) if found else None
            if found and text:
                head += body[found.start() : text[1]]
                body = body[: found.start()] + body[text[1] :]
        lines = tex_floats.algorithm2e(body, self._statement)
        return f"{head}\\begin{{verbatim}}\n{lines}\n\\end{{verbatim}}"

    def _float(self, kind: str, body: str) -> list[Block]:
        """A float's blocks: its caption with what it stands for; floats inside of it follow."""
        outer, here = self.float, self.inline.here
        self.float = _Float(kind, part=outer is not None and kind == "part")
        if outer and kind == "part":
            outer.parts += 1
        blocks = self._blocks(body)
        made, self.float, self.inline.here = self.float, outer, here
        if outer and kind == "part":
            letter = styled(outer.parts, "alph")
            labels = [*made.early, *made.late]
            outer.part_labels |= dict.fromkeys(labels, letter)
            caption = " ".join(text for _, _, text in made.captions)
            content = [Block("paragraph", f"({letter}) {caption}")] if caption else []
            return [*content, *blocks]
        for label in made.early:
            self.inline.labels.setdefault(label, here)
        for label, letter in made.part_labels.items():
            self.inline.labels.setdefault(label, Target(here.anchor, letter, kind.capitalize()))
        return _assembled(kind, made, blocks)

    def _caption(self, text: str, position: int, starred: bool, of: str | None = None) -> int:
        float_ = self.float or _Float(of or "figure")
        option = group(text, position, "[", "]")
        found = group(text, option[1] if option else position)
        if found is None:
            return position
        self._flush()
        if float_.part:
            float_.captions.append(("", None, self.inline.paragraph(found[0])))
            return found[1]
        kind = of or float_.kind
        title, anchor = kind.capitalize(), None
        if not starred:
            number = self.counters.step(kind)
            anchor = self._unique(f"{_PREFIX.get(kind, title)}{number}")
            self.inline.here = Target(anchor, number, title)
            self.inline.labels |= dict.fromkeys(float_.early, self.inline.here)
            for label, letter in float_.part_labels.items():
                self.inline.labels[label] = Target(anchor, number + letter, title)
            float_.early.clear()
            float_.part_labels.clear()
            title = f"{title} {number}"
        caption = self.inline.paragraph(found[0])
        float_.captions.append((title, anchor, caption))
        if self.float is None:
            self._put(Block("figure" if kind == "figure" else "table", f"{title}: {caption}", anchor))
        return found[1]

    def _label(self, name: str) -> None:
        if self.float and self.float.part:
            self.float.late.append(name)
        elif self.float and not self.float.captions:
            self.float.early.append(name)
        else:
            self.inline.labels[name] = self.inline.here

    def _part(self, command: str, text: str, position: int) -> int:
        """`\\subfloat[caption]{…}` and `\\subcaptionbox{caption}{…}`."""
        option = group(text, position, "[", "]")
        if command == "subcaptionbox":
            option = group(text, position)
        content = group(text, option[1] if option else position)
        if content is None:
            return position
        caption = f"\\caption{{{option[0]}}}" if option else ""
        self._put_float("part", caption + content[0])
        return content[1]

    def _algorithmic(self, body: str) -> str:
        numbered = body[:1] == "["
        option = group(body, 0, "[", "]") if numbered else None
        for label in re.findall(r"\\label\s*\{([^{}]*)\}", body):
            self.inline.labels.setdefault(label.strip(), self.inline.here)
        body = re.sub(r"\\label\s*\{[^{}]*\}", "", body[option[1] :] if option else body)
        return tex_floats.algorithm(body, self._statement, numbered)

    def _statement(self, text: str) -> str:
        """One line of an algorithm, which is shown as it is: without marks for bold and the like."""
        return re.sub(r"\*\*|`", "", self.inline.paragraph(text))

    # Declarations and references --------------------------------------------------------------------------

    def _declaration(self, command: str, text: str, position: int, starred: bool) -> int:
        arguments: list[str] = []
        options: list[tuple[int, str]] = []
        wanted = _DECLARATIONS[command]
        while len(arguments) < wanted or (
            command in ("newtheorem", "title") and text[position : position + 1] == "["
        ):
            option = group(text, position, "[", "]")
            if option:
                options.append((len(arguments), option[0].strip()))
                position = option[1]
                continue
            found = group(text, position)
            if found is None:
                return position
            arguments.append(found[0])
            position = found[1]
        if command in ("newtheorem", "declaretheorem", "spnewtheorem"):
            option = group(text, position, "[", "]") if command == "newtheorem" else None
            if option:
                options.append((2, option[0].strip()))
                position = option[1]
            self._new_theorem(command, arguments, options, starred)
        elif command == "title":
            self.title = self.inline.paragraph(re.sub(r"\\(thanks|footnote)\s*\{[^{}]*\}", "", arguments[0]))
            self.inline.footnotes.clear()
        elif command in ("author", "icmlauthor"):
            self.authors += authors(arguments[0], self.inline)
        elif command == "abstract":
            self._abstract(arguments[0])
        elif command in ("numberwithin", "counterwithin", "@addtoreset"):
            if not starred:
                self.counters.within[arguments[0].strip()] = arguments[1].strip()
        elif command in ("setcounter", "addtocounter"):
            self._set_counter(arguments[0].strip(), arguments[1].strip(), command == "addtocounter")
        elif command in ("renewcommand",):
            name = arguments[0].strip()
            if name.startswith("\\the"):
                self.counters.formats[name[4:]] = arguments[1]
        return position

    def _set_counter(self, name: str, value: str, add: bool) -> None:
        if not re.fullmatch(r"-?\d+", value):
            return
        if name == "secnumdepth":
            self.counters.depth = int(value) + 1
        elif name == "footnote":
            self.inline.footnote = int(value) + (self.inline.footnote if add else 0)
        else:
            self.counters.values[name] = int(value) + (self.counters.values.get(name, 0) if add else 0)

    def _new_theorem(
        self, command: str, arguments: list[str], options: list[tuple[int, str]], starred: bool
    ) -> None:
        name = arguments[0].strip()
        if command == "declaretheorem":
            settings = dict(part.split("=", 1) for _, o in options for part in o.split(",") if "=" in part)
            title = settings.get("name", settings.get("title", name.capitalize())).strip("{} ")
            shared = settings.get("sibling", settings.get("numberlike", settings.get("sharenumber")))
            within = settings.get("numberwithin", settings.get("within", settings.get("parent")))
        else:
            title = self.inline.paragraph(arguments[1])
            shared = next((o for place, o in options if place == 1), None)
            within = next((o for place, o in options if place == 2), None)
        counter = name
        if shared:
            other = self.theorems.get(shared.strip())
            counter = (other.counter if other else None) or shared.strip()
        self.theorems[name] = _Theorem(title, None if starred else counter)
        if within:
            self.counters.within[counter] = within.strip()

    def _bibliography_keys(self, body: str) -> None:
        for index, found in enumerate(re.finditer(r"\\bibitem(?![A-Za-z])", body), 1):
            option = group(body, found.end(), "[", "]")
            key = group(body, option[1] if option else found.end())
            if key:
                label = re.sub(r"[{}]|\\protect|\\citeauthoryear", "", option[0]) if option else ""
                dated = re.match(r"(.*?)\s*[(,]\s*(\d{4}\w?|n\.d\.)\)?", label.replace("~", " "), re.DOTALL)
                who, year = (self.inline.paragraph(dated.group(1)), dated.group(2)) if dated else ("", "")
                self.bibliography[key[0].strip()] = (index, who, year)

    def _bibliography(self, body: str) -> None:
        self._flush()
        for entry in re.split(r"\\bibitem(?![A-Za-z])", body)[1:]:
            option = group(entry, 0, "[", "]")
            key = group(entry, option[1] if option else 0)
            text = self.inline.paragraph(entry[key[1] :] if key else entry)
            self.references.append(f"[{len(self.references) + 1}] {text}")
        self.inline.footnotes.clear()

    def _cite(self, command: str, keys: list[str], before: str, after: str) -> str:
        """A citation as printed; by its keys where the list of references is not there."""
        known = [self.bibliography.get(key) for key in keys]
        if self.numeric or not all(entry and entry[1] for entry in known):
            labels = [str(entry[0]) if entry else key for key, entry in zip(keys, known, strict=True)]
            inside = ", ".join(labels)
            return f"[{before + ' ' if before else ''}{inside}{', ' + after if after else ''}]"
        dated = [(entry[1], entry[2]) for entry in known if entry]
        if command == "citet":
            return ", ".join(f"{who} ({year}{', ' + after if after else ''})" for who, year in dated)
        inside = "; ".join(f"{who}, {year}" for who, year in dated)
        return f"({before + ' ' if before else ''}{inside}{', ' + after if after else ''})"


def _assembled(kind: str, made: _Float, blocks: list[Block]) -> list[Block]:
    content = [b for b in blocks if b.anchor is None]
    separate = [b for b in blocks if b.anchor is not None]
    block_kind: BlockKind = kind if kind in get_args(BlockKind) else "code"  # type: ignore[assignment]
    inside = "\n\n".join(block.text for block in content)
    if not made.captions:
        return [*([Block(block_kind, inside)] if inside else []), *separate]
    result = []
    for index, (title, anchor, caption) in enumerate(made.captions):
        text = f"{title}: {caption}" if anchor else caption
        last = index == len(made.captions) - 1
        result.append(Block(block_kind, f"{text}\n\n{inside}".strip() if last and inside else text, anchor))
    return result + separate


def _end_of(environment: str, text: str, position: int) -> tuple[int, int]:
    """Where the body of an environment ends and where reading goes on; the end of `text` if it is not closed."""
    depth = 1
    for found in re.finditer(rf"\\(begin|end)\s*\{{\s*{re.escape(environment)}\s*\}}", text[position:]):
        depth += 1 if found.group(1) == "begin" else -1
        if depth == 0:
            return position + found.start(), position + found.end()
    return len(text), len(text)


def _after_arguments(environment: str, body: str) -> str:
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


def _equation_rows(body: str) -> list[str]:
    """The rows of an aligned equation, each of which has a number of its own."""
    rows, current = [], []
    for row in tex_floats.cells(body):
        current = row
        rows.append("&".join(current))
    if rows and not re.sub(r"\\(label|nonumber|notag)\s*(\{[^{}]*\})?", "", rows[-1]).strip():
        # A last `\\` makes no row of its own; a label behind it belongs to the row before.
        last = rows.pop()
        if rows:
            rows[-1] += last
    return rows


_ITEM = re.compile(r"\\item(?![A-Za-z])|\\begin\s*\{|\\end\s*\{")


def _items(body: str) -> list[tuple[str, str]]:
    """Option and content of each `\\item` of this list; items of lists inside of it are content."""
    starts: list[tuple[int, int]] = []
    depth = 0
    for found in _ITEM.finditer(body):
        if found.group().startswith("\\begin"):
            depth += 1
        elif found.group().startswith("\\end"):
            depth -= 1
        elif depth == 0:
            starts.append((found.start(), found.end()))
    items = []
    for index, (_, start) in enumerate(starts):
        end = starts[index + 1][0] if index + 1 < len(starts) else len(body)
        option = group(body, start, "[", "]") if body[start:end].lstrip()[:1] == "[" else None
        items.append((option[0] if option else "", body[option[1] if option else start : end]))
    return items


def _fenced(text: str) -> str:
    return f"```\n{text}\n```" if text.strip() else ""


def _camel_case(title: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", title)
    return "".join(word[:1].upper() + word[1:] for word in words[:6]) or "Section"


def authors(text: str, inline: Inline) -> tuple[str, ...]:
    """Names in `\\author`, without marks, addresses and affiliations."""
    names: list[str] = []
    text = re.sub(
        r"\\(?:thanks|Thanks|footnote|footnotemark|inst|orcidlink|orcidID|email|textsuperscript|affil\w*|IEEEauthorrefmark)\s*(?:\[[^\]]*\])?(?:\{(?:[^{}]|\{[^{}]*\})*\})?",
        "",
        text,
    )
    for part in re.split(r"\\(?:and|And|AND)(?![A-Za-z])|\\quad|\\qquad", text):
        line = re.sub(r"\\IEEEauthorblockN\s*", "", part).strip().split("\\\\")[0]
        line = re.sub(r"\$[^$]*\$|\\(?:dag|ddag|ast)\b", "", line)
        for name in re.split(r",|\band\b|;|\n\s*\n", inline.paragraph(line)):
            name = re.sub(r"[*†‡§¶\d\\^_]+|\[\^\d*\]", "", name).strip(" .&")
            if name and len(name) < 60 and "@" not in name and re.search(r"[^\W\d_]{2}", name):
                names.append(name)
    inline.footnotes.clear()
    return tuple(dict.fromkeys(names))
