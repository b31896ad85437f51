"""Archives: the bytes that arXiv or a user gives, told apart by content, unpacked in memory within limits.

Nothing is written anywhere, so nothing can be written outside of a target. No network, no LaTeX.
"""

import gzip
import io
import lzma
import posixpath
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Literal

from pipeline.errors import PaperUnreadable

MAX_MEMBERS = 5_000
MAX_KEPT = 40_000_000
"""Bytes of all members that are text."""
MAX_HEADER = 8_192
"""Bytes of what a tar says of one member beside its header: twice the longest path. To parse it takes the square."""
MAX_PICTURE = 20_000_000
MAX_PICTURES = 100_000_000
"""Bytes of one picture, and of all; those beyond are passed over: a paper can be read without them."""


@dataclass(frozen=True)
class Limits:
    """What an archive may cost."""

    members: int = MAX_MEMBERS
    kept: int = MAX_KEPT
    unpacked: int = 600_000_000
    """Bytes of all members together, read or not."""
    ratio: int = 200
    """Unpacked bytes for each packed one, once `ratio_from` bytes are unpacked."""
    ratio_from: int = 30_000_000
    seconds: float = 60.0


@dataclass(frozen=True)
class Source:
    """A paper's source as it was given."""

    kind: Literal["latex", "pdf"]
    files: dict[str, bytes]
    """Path → content of every text file; for a PDF the one entry `paper.pdf`."""
    pictures: dict[str, bytes] = field(default_factory=dict)
    """Path → content of the files that figures are drawn in."""


class Truncated(PaperUnreadable):
    """The archive ends too early: worth another download."""


_TEXT = frozenset(
    (
        ".tex", ".ltx", ".latex", ".bbl", ".sty", ".cls", ".txt", ".def", ".tikz", ".bib", ".json", "",
        # What `\lstinputlisting` shows.
        ".py", ".r", ".jl", ".m", ".c", ".h", ".cpp", ".hpp", ".cc", ".cu", ".java", ".js", ".ts", ".rs", ".go", ".hs",
        ".ml", ".v", ".lean", ".scala", ".sh", ".sql", ".f90", ".f", ".asm", ".s", ".yaml", ".yml", ".xml", ".stan",
    )
)  # fmt: skip
FORMS = (".pdf", ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".svg", ".eps", ".ps")
"""What figures are kept in, the first where a name says none; the last two cannot be drawn here."""
_HINT = "Give another form of the paper: its PDF, its main .tex file, or a folder with its LaTeX source."
_BLOCK = 1 << 20


def unpack(data: bytes, limits: Limits = Limits()) -> Source:
    """What `data` holds: a PDF, one (gzipped) TeX file, or a tar, tar.gz or zip archive of files.

    Raises PaperUnreadable for anything else, for anything beyond the limits and for paths that lead out of
    the archive; Truncated if the end is missing.
    """
    if not data.strip(b"\0 \t\r\n"):
        raise PaperUnreadable("The file is empty.", "Check the download, or give the paper's arXiv id.")
    if b"%PDF-" in data[:1024]:
        return Source("pdf", {"paper.pdf": data})
    try:
        if data[:2] == b"\x1f\x8b":
            return _gzipped(data, limits)
        if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
            return _collect(_zip_members(data, limits), limits)
        if _is_tar(data[:512]):
            return _collect(_tar_members(_Metered(io.BytesIO(data), len(data), limits)), limits)
    except (
        EOFError,
        zlib.error,
        gzip.BadGzipFile,
        tarfile.ReadError,
        zipfile.BadZipFile,
        lzma.LZMAError,
    ) as error:
        raise Truncated(
            f"The archive is damaged or incomplete ({error}).", f"Download it again. {_HINT}"
        ) from error
    except (tarfile.TarError, NotImplementedError, RuntimeError, ValueError, OverflowError, OSError) as error:
        raise PaperUnreadable(f"The archive cannot be read ({error}).", _HINT) from error
    return Source("latex", {"paper.tex": _tex(data)})


def _tex(data: bytes) -> bytes:
    start = data[:4096].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise PaperUnreadable("This is a web page, not a paper.", _HINT)
    if start.startswith(b"%!ps"):
        raise PaperUnreadable("This is PostScript, which is not read.", "Give the PDF of the paper instead.")
    if b"\\" not in data or b"\0" in data[:4096]:
        raise PaperUnreadable("This is neither LaTeX nor a PDF nor an archive of LaTeX files.", _HINT)
    return data


def _gzipped(data: bytes, limits: Limits) -> Source:
    metered = _Metered(gzip.GzipFile(fileobj=io.BytesIO(data)), len(data), limits)
    head = metered.read(_BLOCK)
    if _is_tar(head[:512]):
        metered = _Metered(gzip.GzipFile(fileobj=io.BytesIO(data)), len(data), limits)
        return _collect(_tar_members(metered), limits)
    parts, size = [head], len(head)
    while block := metered.read(_BLOCK):
        parts.append(block)
        size += len(block)
        if size > limits.kept:
            raise _bomb(f"a single file of more than {limits.kept // 1_000_000} MB")
    content = b"".join(parts)
    if b"%PDF-" in content[:1024]:
        return Source("pdf", {"paper.pdf": content})
    return Source("latex", {"paper.tex": _tex(content)})


def _is_tar(head: bytes) -> bool:
    if head[257:262] == b"ustar":
        return True
    # The oldest tars have no magic, but a checksum.
    if len(head) < 512 or head[:1] == b"\0":
        return False
    try:
        declared = int(head[148:156].strip(b" \0") or b"-", 8)
    except ValueError:
        return False
    return declared == sum(head[:148]) + 8 * 32 + sum(head[156:512])


class _Metered:
    """A file that is read within limits on bytes, ratio and time."""

    def __init__(self, file: BinaryIO | gzip.GzipFile, packed: int, limits: Limits) -> None:
        self._file, self._packed, self._limits = file, max(packed, 1), limits
        self._read = 0
        self._until = time.monotonic() + limits.seconds

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > 64 * _BLOCK:
            raise _bomb("a header of unreasonable size")
        block = self._file.read(size)
        self._read += len(block)
        self.check(self._read, self._packed)
        return block

    def check(self, unpacked: int, packed: int) -> None:
        """Raise PaperUnreadable where `unpacked` bytes from `packed` ones are beyond the limits."""
        limits = self._limits
        if unpacked > limits.unpacked:
            raise _bomb(f"more than {limits.unpacked // 1_000_000} MB")
        if unpacked > limits.ratio_from and unpacked > limits.ratio * packed:
            raise _bomb(f"more than {limits.ratio} times its size")
        if time.monotonic() > self._until:
            raise PaperUnreadable(f"The archive takes longer than {limits.seconds:.0f} s to unpack.", _HINT)


def _bomb(what: str) -> PaperUnreadable:
    return PaperUnreadable(f"The archive unpacks to {what} and was not read further.", _HINT)


class _Member(tarfile.TarInfo):
    """Refuses what precedes a member and says more of it than anybody needs."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.size > MAX_HEADER and self.type in _HEADERS:
            raise _bomb("a header of unreasonable size")
        found: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return found


_HEADERS = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)


def _tar_members(file: _Metered) -> Iterator[tuple[str, bytes | None]]:
    """Each member's path and content (None where it is not kept)."""
    room = MAX_PICTURES
    with tarfile.open(fileobj=file, mode="r|", errorlevel=1, tarinfo=_Member) as archive:  # type: ignore[call-overload]
        for member in archive:
            content = None
            picture = is_picture(member.name) and member.size <= min(room, MAX_PICTURE)
            # Holes cost nothing in the archive, and each one a copy of all before it to be read.
            regular = member.isreg() and not member.issparse()
            if regular and (picture or is_text(member.name)):
                room -= member.size if picture else 0
                reader = archive.extractfile(member)
                content = reader.read(member.size) if reader and member.size <= 64 * _BLOCK else None
            yield member.name, content


def _zip_members(data: bytes, limits: Limits) -> Iterator[tuple[str, bytes | None]]:
    unpacked, room = 0, MAX_PICTURES
    meter = _Metered(io.BytesIO(), len(data), limits)
    # Before the list of members is read, which takes thirty times its bytes.
    if data.count(b"PK\1\2") > limits.members:
        raise _bomb(f"more than {limits.members} files")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            if member.flag_bits & 1:
                raise PaperUnreadable("The archive is encrypted.", "Give it without a password.")
            regular = (member.external_attr >> 28) in (0, 8) and not member.is_dir()
            content = None
            picture = is_picture(member.filename) and member.file_size <= min(room, MAX_PICTURE)
            if regular and (picture or is_text(member.filename)):
                room -= member.file_size if picture else 0
                with archive.open(member) as reader:
                    parts = []
                    while block := reader.read(_BLOCK):
                        unpacked += len(block)
                        meter.check(unpacked, len(data))
                        parts.append(block)
                content = b"".join(parts)
            yield member.filename, content


def is_text(path: str) -> bool:
    """Whether a file of this name belongs to a paper's text."""
    return posixpath.splitext(posixpath.basename(path))[1].lower() in _TEXT


def is_picture(path: str) -> bool:
    """Whether a file of this name may be what a figure is drawn in."""
    return posixpath.splitext(path)[1].lower() in FORMS


def _collect(members: Iterator[tuple[str, bytes | None]], limits: Limits) -> Source:
    files: dict[str, bytes] = {}
    pictures: dict[str, bytes] = {}
    kept = 0
    for count, (name, content) in enumerate(members, 1):
        if count > limits.members:
            raise _bomb(f"more than {limits.members} files")
        path = posixpath.normpath(name.replace("\\", "/"))
        if path.startswith(("/", "../")) or path == ".." or "\0" in path or path[1:2] == ":":
            raise PaperUnreadable(
                f"The archive holds a path that leads out of it ({name[:80]!r}) and was not read.", _HINT
            )
        if content is not None and is_picture(path):
            pictures[path] = content
        elif content is not None:
            kept += len(content)
            if kept > limits.kept:
                raise _bomb(f"more than {limits.kept // 1_000_000} MB of text")
            files[path] = content
    if not files:
        raise PaperUnreadable("There is no LaTeX file in the archive.", _HINT)
    return Source("latex", files, pictures)
