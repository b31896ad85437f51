"""Files: a paper that is on this machine, or whose source has been fetched, to a Paper. No network."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import PaperUnreadable
from pipeline.reading import archives, figures, markdown
from pipeline.reading.latex import document as latex
from pipeline.reading.paper import Paper
from pipeline.reading.pdf import document as pdf
from pipeline.reading.pdf import pages as pdf_pages

MAX_FILE = 150_000_000
"""Bytes of a paper that is given as a file."""
_FOLDER = re.compile(
    rb"\\(?:input|include|subfile|import|subimport|includestandalone\s*+(?:\[[^\[\]]{0,300}+\])?)\s*+\{\s*+(?:\./)?([\w-]+)/"
)
_GRAPHICS_PATH = re.compile(rb"\\graphicspath\s*\{((?:\s*\{[^{}]*\}){1,50})")


@contextmanager
def _within_bounds() -> Iterator[None]:
    """What exhausts Python itself is no paper that can be read."""
    try:
        yield
    except (RecursionError, MemoryError) as error:
        exhausted = (
            "nested too deeply" if isinstance(error, RecursionError) else "larger than this machine's memory"
        )
        raise PaperUnreadable(
            f"The paper is {exhausted} where it is read.", "Give another form of it, such as the PDF."
        ) from None


@_within_bounds()
def paper(path: Path) -> Paper:
    """The paper in a file (`.pdf`, `.tex`, an e-print archive, `.md`) or in a folder of LaTeX.

    Raises PaperUnreadable, OSError.
    """
    if path.is_dir():
        return _with_figures(latex.read(_folder(path)), path, _pictures_below(path))
    if path.stat().st_size > MAX_FILE:
        raise PaperUnreadable(
            f"{path} is larger than {MAX_FILE // 1_000_000} MB.", "Give the paper without its data."
        )
    data = path.read_bytes()
    if path.suffix.lower() in (".md", ".markdown"):
        return markdown.read(data.decode("utf-8", "replace"))
    source = archives.unpack(data)
    if path.suffix.lower() == ".tex" and list(source.files) == ["paper.tex"]:
        beside = _beside(path)
        found = latex.read(beside, main=path.name)
        folders = {folder for text in beside.values() for folder in _graphics_folders(text)}
        return _with_figures(found, path.parent, _pictures_beside(path.parent, found, folders))
    return parsed(source)


@_within_bounds()
def parsed(source: archives.Source) -> Paper:
    """The paper that a source is. Raises PaperUnreadable."""
    if source.kind == "pdf":
        data = source.files["paper.pdf"]
        return pdf.read(pdf_pages.pages(data), data)
    return figures.completed(latex.read(source.files), source.pictures)


def _folder(folder: Path) -> dict[str, bytes]:
    """The text files of a LaTeX source below `folder`; links are not followed."""
    files: dict[str, bytes] = {}
    size = 0
    for count, path in enumerate(sorted(folder.rglob("*"))):
        if count > archives.MAX_MEMBERS or size > archives.MAX_KEPT:
            raise PaperUnreadable(
                f"{folder} holds more than the source of one paper.", "Name the main .tex file."
            )
        if path.is_file() and not path.is_symlink() and archives.is_text(path.name):
            size += path.stat().st_size
            files[path.relative_to(folder).as_posix()] = path.read_bytes()
    return files


def _beside(main: Path) -> dict[str, bytes]:
    """A `.tex` file and what it may include: the files beside it, and folders there that a text names."""
    files: dict[str, bytes] = {}
    for path in sorted(main.parent.iterdir()):
        wanted = path.suffix in (".tex", ".ltx", ".bbl", ".sty", ".cls", ".txt") and not path.is_symlink()
        if path == main or (wanted and path.is_file() and path.stat().st_size < archives.MAX_KEPT // 10):
            files[path.name] = path.read_bytes()
    known = {".", ".."}
    new = dict(files)
    while new:
        named = {name.decode("utf-8", "replace") for text in new.values() for name in _FOLDER.findall(text)}
        new = {}
        for name in sorted(named - known):
            folder = main.parent / name
            if folder.is_dir() and not folder.is_symlink():
                new |= {f"{name}/{path}": content for path, content in _folder(folder).items()}
        known |= named
        files |= new
    return files


def _with_figures(found: Paper, folder: Path, pictures: Iterator[str]) -> Paper:
    """The paper with those of the pictures below `folder` that its figures name."""
    paths = list(pictures)
    named = {figures.located(drawing.name, paths) for figure in found.figures for drawing in figure.drawings}
    content: Mapping[str, bytes] = {
        path: (folder / path).read_bytes()
        for path in sorted(filter(None, named))
        if (folder / path).stat().st_size <= archives.MAX_PICTURE
    }
    return figures.completed(found, content)


def _pictures_below(folder: Path) -> Iterator[str]:
    for count, path in enumerate(sorted(folder.rglob("*"))):
        if count > archives.MAX_MEMBERS:
            return
        if archives.is_picture(path.name) and path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix()


def _pictures_beside(folder: Path, found: Paper, folders: set[str]) -> Iterator[str]:
    """Pictures beside a `.tex` file, and in the folders there that it names."""
    names = {posixpath.dirname(drawing.name) for figure in found.figures for drawing in figure.drawings}
    inside = {posixpath.normpath(posixpath.join(base, name)) for base in (".", *folders) for name in names}
    for name in sorted(name for name in inside if not name.startswith(("..", "/"))):
        if (folder / name).is_dir():
            for path in sorted((folder / name).iterdir()):
                if archives.is_picture(path.name) and path.is_file() and not path.is_symlink():
                    yield posixpath.normpath(posixpath.join(name, path.name))


def _graphics_folders(text: bytes) -> list[str]:
    """What `\\graphicspath` names."""
    return [
        name.decode("utf-8", "replace").strip()
        for found in _GRAPHICS_PATH.finditer(text)
        for name in re.findall(rb"\{([^{}]*)\}", found.group(1))
    ]
