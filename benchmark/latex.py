"""LaTeX, held against LaTeX: numbers label by label, and sentences of the PDF that it makes.

    python -m benchmark.latex [FOLDER or FILE…]

Without arguments: all of `../shared/papers` and `examples`. Each paper is compiled in a folder of its own by a
`pdflatex` that may neither start programs nor read or write outside. What `\\newlabel` says in the `.aux` files is
what the paper prints; each label is compared with ours. Then each sentence of the PDF's running text is looked for in
ours. Every difference is listed below the table.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pymupdf
from rich.console import Console
from rich.table import Table

from benchmark.papers import papers
from pipeline.errors import PaperError
from pipeline.reading.arxiv import Arxiv, read
from pipeline.reading.latex.document import numbers
from pipeline.reading.paper import Paper

SECONDS = 120
"""For one run of pdflatex."""
SMALLEST = 8_000
"""Bytes of a file that is looked for in a folder; what is smaller is no paper."""
MOST_ABSENT = 6
"""Style files that a source comes without; more are not made up for."""
TOGETHER = 4
"""Words in a row that have to stand in ours, so that they count as found."""
ENOUGH = 0.75
"""Share of a sentence's plain words that have to be found."""
SHORTEST = 8
"""Plain words of a sentence; a shorter one is a heading, a cell or a piece of a figure."""
_LABEL = re.compile(r"\\newlabel\{([^{}]+)\}\{\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")
_NO_LABEL = re.compile(
    r"@cref$|^sub@|^SC@|^LastBibItem$|^(?:First|Last|Tot)Pages?$|^totpage$|^question@\d+$|^tocindent"
    r"|^jmlr(?:start|end)$|@xvr$|@vr$|^autoref-\d+$|^acro:|^thmt@@|^(?:eof|lastpage)$"
)
"""What classes and packages label for themselves: the last page, uses of a notion or an acronym."""
_FORMULA = re.compile(r"(?<!\\)(?:\$\$.*?(?<!\\)\$\$|\$[^$\n]*(?<!\\)\$)", re.DOTALL)
_OF_THE_CLASS = re.compile(
    r"^(?:Permission to make digital or hard copies|Copyrights for (?:third-party )?components of this work"
    r"|To copy otherwise, or republish|Published by Elsevier B\.V\.|This paper has been typeset from a T"
    r"|This is a provisional file)"
)
"""What a class prints that no author wrote."""
_ANY_OPTION = r"\DeclareOption*{}\ProcessOptions\relax"
_CITING = re.compile(rb"\\usepackage[^{}]{0,2000}+\{[^{}]{0,2000}?\b(?:cite|biblatex|natbib)\b")
_NO_NUMBER = re.compile(r"csname|@xref")
_REFERENCES = re.compile(
    r"^\s*(?:\d+\.?\s+)?(?:references|bibliography|literature cited)\s*$", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True)
class Comparison:
    """One paper."""

    name: str
    kind: str
    """Its document class."""
    labels: int
    different: tuple[tuple[str, str, str], ...]
    """Label, LaTeX's number, ours."""
    sentences: int
    missing: tuple[str, ...]
    seconds: float
    failure: str = ""


def main(arguments: Sequence[str]) -> None:
    """Print the table and what differs."""
    console = Console(width=150)
    if shutil.which("pdflatex") is None:
        console.print(
            "There is no pdflatex here: install a TeX Live, e.g. Debian's texlive-latex-extra and texlive-publishers."
        )
        return
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        compared = list(pool.map(compared_with_latex, _documents([Path(argument) for argument in arguments])))
    table = Table(title="Numbers and sentences beside LaTeX's own")
    for heading in ("paper", "class", "labels", "equal", "sentences", "found", "s"):
        table.add_column(heading, justify="left" if heading in ("paper", "class") else "right")
    for one in compared:
        table.add_row(
            one.name,
            one.kind,
            str(one.labels),
            one.failure or _share(one.labels - len(one.different), one.labels),
            str(one.sentences),
            "" if one.failure else _share(one.sentences - len(one.missing), one.sentences),
            f"{one.seconds:.2f}",
        )
    labels, sentences = sum(one.labels for one in compared), sum(one.sentences for one in compared)
    equal = labels - sum(len(one.different) for one in compared)
    found = sentences - sum(len(one.missing) for one in compared)
    table.add_section()
    table.add_row(f"{len(compared)} papers", f"{len({one.kind for one in compared})} classes", str(labels),
                  _share(equal, labels), str(sentences), _share(found, sentences), "")  # fmt: skip
    console.print(table)
    for one in compared:
        for label, theirs, ours in one.different:
            console.print(f"{one.name}: {label} is {theirs!r}, ours {ours!r}", markup=False, highlight=False)
        for sentence in one.missing:
            console.print(f"{one.name}: not found: {sentence[:200]}", markup=False, highlight=False)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _documents(given: Sequence[Path]) -> list[Path]:
    if not given:
        return [path for path in papers() if path.suffix == ".tex"]
    found: list[Path] = []
    for path in given:
        inside = sorted(path.rglob("*.tex")) if path.is_dir() else [path]
        found += [
            file
            for file in inside
            if (file == path or file.stat().st_size > SMALLEST)
            and re.search(rb"^\s*\\document(?:class|style)", file.read_bytes(), re.MULTILINE)
        ]
    return found


def compared_with_latex(main: Path) -> Comparison:
    """Compile a paper, read it, and compare."""
    text = main.read_bytes().decode("utf-8", "replace")
    declared = re.search(r"\\document(?:class|style)\s*(?:\[[^\]]*\])?\s*\{([^{}]*)\}", text)
    kind = declared.group(1) if declared else "?"
    name = "/".join(main.parts[-2:])
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "paper"
        shutil.copytree(
            main.parent, place, ignore=shutil.ignore_patterns("*.aux", ".git"), ignore_dangling_symlinks=True
        )
        aux, printed = _compiled(place, main.name)
    began = time.process_time()
    try:
        paper = read(str(main), Arxiv("", "", Path("/nonexistent")))
        seconds = time.process_time() - began
        ours = numbers(_members(main), main.name)
    except PaperError as error:
        return Comparison(name, kind, 0, (), 0, (), 0.0, str(error)[:60])
    # The AAS's changes are labelled 1, 2, …
    tracked = r"\d+" if "trackchanges" in text else "(?!)"
    theirs = {
        label: plain(number)
        for label, number in aux.items()
        if not _NO_LABEL.search(label) and not re.fullmatch(tracked, label)
    }
    # What a package writes for itself is a command, or the name of a reference of its own.
    theirs = {label: number for label, number in theirs.items() if number and not _NO_NUMBER.search(number)}
    if not theirs and not printed:
        return Comparison(name, kind, 0, (), 0, (), seconds, "does not compile")
    different = [
        (label, number, ours.get(label, ""))
        for label, number in theirs.items()
        if plain(ours.get(label, "")) != number
    ]
    sentences, missing = _sentences(printed, paper)
    return Comparison(name, kind, len(theirs), tuple(different), sentences, tuple(missing), seconds)


def _members(main: Path) -> dict[str, bytes]:
    """The files below a paper's folder that are text."""
    kinds = (".tex", ".bbl", ".sty", ".cls", ".ltx", ".txt", ".def", ".tikz")
    found = (path for path in sorted(main.parent.rglob("*")) if path.suffix in kinds and path.is_file())
    return {path.relative_to(main.parent).as_posix(): path.read_bytes() for path in found}


def _compiled(place: Path, name: str) -> tuple[dict[str, str], str]:
    """What `\\newlabel` says, and the text of the PDF."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(place), "openin_any": "p", "openout_any": "p"}
    command = ["pdflatex", "-interaction=nonstopmode", "-no-shell-escape", "-draftmode", name]
    runs = [command, [part for part in command if part != "-draftmode"]]
    absent = 0
    while runs:
        try:
            done = subprocess.run(  # noqa: S603
                runs[0],
                cwd=place,
                env=environment,
                capture_output=True,
                timeout=SECONDS,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except subprocess.TimeoutExpired:
            break
        missing = re.search(rb"File `([\w.-]+\.sty)' not found", done.stdout)
        if missing and absent < MOST_ABSENT:
            # A conference's style that came without: numbers are rarely its business, citations mostly are.
            citations = "" if _CITING.search((place / name).read_bytes()) else "\\RequirePackage{natbib}"
            (place / missing.group(1).decode()).write_text(f"{_ANY_OPTION}{citations}\n")
            absent += 1
        else:
            runs.pop(0)
    aux = "".join(path.read_text(errors="replace") for path in place.rglob("*.aux"))
    pdf = place / f"{Path(name).stem}.pdf"
    printed = ""
    # A run that was ended leaves a part of a PDF.
    with (
        suppress(pymupdf.FileDataError, pymupdf.FileNotFoundError, pymupdf.EmptyFileError),
        pymupdf.open(pdf) as pages,
    ):
        blocks = [block[4] for page in pages for block in page.get_text("blocks") if block[6] == 0]
        printed = "\n\n".join(block.strip() for block in blocks)
    return dict(_LABEL.findall(aux)), printed


def plain(number: str) -> str:
    """A number without what only TeX reads in it."""
    number = re.sub(r"\\M@TitleReference\s*\{([^{}]*)\}\{[^{}]*\}", r"\1", number)
    number = re.sub(
        r"\\(?:nobreakspace|protect|relax|unskip|hbox|mbox|rm|ensuremath|upshape)(?![A-Za-z])|\\[,; ]|~",
        " ",
        number,
    )
    number = re.sub(r"\\textsuperscript\s*", "^", number)
    # jmlr: the number of the whole, the letter of the part.
    number = re.sub(r"\\@sub\w+label\s*\{([^{}]*)\}\s*\{([^{}]*)\}\s*\{[^{}]*\}", r"\1\2", number)
    return re.sub(r"[{}$\s]|\\(?=[A-Za-z])", "", number)


def _sentences(printed: str, paper: Paper) -> tuple[int, list[str]]:
    """How many sentences of running text a PDF holds, and which of them are not in ours."""
    text = " ".join((paper.text(), *paper.references))
    held, symbols = _words(text), _symbols(text)
    ours = {tuple(held[index : index + TOGETHER]) for index in range(len(held) - TOGETHER + 1)}
    heading = _REFERENCES.search(printed, len(printed) // 4)
    running = printed[: heading.start()] if heading else printed
    # Whether a hyphen at the end of a row belongs to its word cannot be known.
    running = re.sub(r"\S*[-\u00ad\u2010]\n\s*\S*", " | ", running)
    count, missing = 0, []
    for sentence in re.split(r"(?<=[a-z)\]][.?!])\s+(?=[A-Z])|\n\s*\n", running):
        runs = [run for run in _runs(sentence, set(held), symbols) if len(run) >= TOGETHER]
        words = sum(map(len, runs))
        names = sum(token[:1].isupper() or token[:1].isdigit() for token in sentence.split()) > 0.5 * len(
            sentence.split()
        )
        if words < SHORTEST or names or _OF_THE_CLASS.search(sentence):
            continue
        count += 1
        if sum(_seen(run, ours) for run in runs) < ENOUGH * words:
            missing.append(" ".join(sentence.split()))
    return count, missing


def _symbols(text: str) -> set[str]:
    """What formulas spell as the PDF prints it, in one word: `\\mathsf{upk}_{j}` is upkj."""
    formulas = _FORMULA.findall(unicodedata.normalize("NFKC", text))
    bare = (re.sub(r"\\[A-Za-z]+|\\.|[{}_^\s]", "", formula) for formula in formulas)
    return {symbol for formula in bare for symbol in re.findall(r"[^\W\d_]{2,}", formula)}


def _runs(sentence: str, vocabulary: set[str], symbols: set[str]) -> list[list[str]]:
    """Stretches of plain words: what TeX sets as mathematics, and numbers, stand between them."""
    runs: list[list[str]] = [[]]
    # Letters that are mathematics by themselves are printed close to the word behind them; Greek ones are symbols.
    sentence = re.sub("[\U0001d400-\U0001d7ff\u0370-\u03ff]+", " | ", sentence)
    for token in unicodedata.normalize("NFKC", sentence).split():
        words = _words(token)
        bare = token.strip("().,;:[]")
        symbol = bare in symbols and not (bare.islower() and bare in vocabulary)
        plain_word = re.fullmatch(r"[(\"'\[“‘]*[^\W\d_]+(?:[-–—/'’][^\W\d_]+)*[)\]\"'.,;:?!’”]*", token)
        # A symbol with its index reads like a short word.
        if plain_word and not symbol and all(len(word) > 3 or word in vocabulary for word in words):
            runs[-1] += words
        elif token.lower().strip("(.,;:)") != "a":
            runs.append([])
        if token[-1:] in ".,;:)?!":
            runs.append([])
    return runs


def _seen(run: list[str], ours: set[tuple[str, ...]]) -> int:
    """How many words of a stretch stand in ours with their neighbours."""
    seen = [False] * len(run)
    for index in range(len(run) - TOGETHER + 1):
        if tuple(run[index : index + TOGETHER]) in ours:
            seen[index : index + TOGETHER] = [True] * TOGETHER
    return sum(seen)


def _words(text: str) -> list[str]:
    """Words of two letters and more, in order, without formulas and the marks of Markdown."""
    # A dollar in code begins no formula.
    text = re.sub(r"```.*?```|`[^`\n]*`", lambda code: code.group().replace("$", " "), text, flags=re.DOTALL)
    text = unicodedata.normalize("NFKC", text)
    text = _FORMULA.sub(" ", text)
    return [word for word in re.findall(r"[^\W\d_]+", text.lower()) if len(word) > 1]


if __name__ == "__main__":
    main(sys.argv[1:])
