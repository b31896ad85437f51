import contextlib
import gzip
import io
import tarfile
import zipfile
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PaperUnreadable
from pipeline.reading.archives import Limits, Truncated, unpack
from pipeline.reading.latex import document as latex
from tests.fakes.arxiv import tar_gz

TEX = rb"\documentclass{article}\begin{document}x\end{document}"


def tar(*members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_the_three_answers_of_arxiv_are_told_apart_by_content() -> None:
    assert unpack(tar_gz({"a.tex": TEX, "f.png": b"\x89PNG", "sub/b.bbl": b"b"})).files == {
        "a.tex": TEX,
        "sub/b.bbl": b"b",
    }
    assert unpack(gzip.compress(TEX)).files == {"paper.tex": TEX}
    assert unpack(b"%PDF-1.5 and so on").kind == "pdf"
    assert unpack(gzip.compress(b"%PDF-1.5 and so on")).kind == "pdf"


def test_what_people_have_on_their_disks() -> None:
    assert unpack(tar((info("a.tex"), TEX), mode="w")).files == {"a.tex": TEX}
    assert unpack(zipped({"dir/a.tex": TEX, "x.jpg": b"x"})).files == {"dir/a.tex": TEX}
    assert unpack(TEX).files == {"paper.tex": TEX}
    old = bytearray(tar((info("a.tex"), TEX), mode="w"))
    old[257:265] = bytes(8)
    old[148:156] = b"%06o\0 " % (sum(old[:148]) + 8 * 32 + sum(old[156:512]))
    assert unpack(bytes(old)).files == {"a.tex": TEX}


def test_a_listing_is_kept_with_the_text_that_shows_it() -> None:
    main = rb"\documentclass{article}\begin{document}\lstinputlisting{code/run.py}\end{document}"
    source = unpack(tar_gz({"main.tex": main, "code/run.py": b"print(1)"}))
    assert "print(1)" in latex.read(source.files).text()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"  \n",
        b"<!DOCTYPE html><html>",
        b"%!PS-Adobe-2.0",
        b"just words",
        bytes(range(256)) * 10,
        gzip.compress(b""),
        tar_gz({"a.png": b"x"}),
        zipped({}),
        tar_gz({"../../etc/a.tex": TEX}),
        tar_gz({"/etc/a.tex": TEX}),
        tar_gz({"a/../../b.tex": TEX}),
        tar_gz({"a\\..\\..\\b.tex": TEX}),
        zipped({"../a.tex": TEX}),
        zipped({"C:/a.tex": TEX}),
    ],
    ids=repeat("data"),
)
def test_what_is_no_paper_is_refused_with_a_hint(data: bytes) -> None:
    with pytest.raises(PaperUnreadable) as error:
        unpack(data)
    assert str(error.value).endswith((".", ")")) and error.value.hint


@pytest.mark.parametrize(
    "data",
    [tar_gz({"a.tex": TEX * 999})[:-40], gzip.compress(TEX * 999)[:60], zipped({"a.tex": TEX})[:-30]],
    ids=repeat("data"),
)
def test_an_incomplete_archive_is_known_as_one(data: bytes) -> None:
    with pytest.raises(Truncated):
        unpack(data)


def test_links_and_devices_are_not_followed() -> None:
    data = tar(
        (info("a.tex"), TEX),
        (info("b.tex", tarfile.SYMTYPE, "/etc/passwd"), b""),
        (info("c.tex", tarfile.LNKTYPE, "../../secret"), b""),
        (info("d.tex", tarfile.CHRTYPE), b""),
        (info("e.tex", tarfile.FIFOTYPE), b""),
    )
    assert unpack(data).files == {"a.tex": TEX}


def test_links_and_secrets_in_a_zip_are_not_read() -> None:
    link = zipfile.ZipInfo("b.tex")
    link.external_attr = 0o120777 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.tex", TEX)
        archive.writestr(link, "/etc/passwd")
    assert unpack(buffer.getvalue()).files == {"a.tex": TEX}
    locked = bytearray(zipped({"a.tex": TEX}))
    place = locked.index(b"PK\x01\x02")
    locked[6] |= 1
    locked[place + 8] |= 1
    with pytest.raises(PaperUnreadable, match="encrypted"):
        unpack(bytes(locked))


SMALL = Limits(members=20, kept=1_000_000, unpacked=3_000_000, ratio=50, ratio_from=100_000)


@pytest.mark.parametrize(
    ("data", "limit"),
    [
        (tar_gz({"a.tex": TEX, "a.png": bytes(2_000_000)}), "more than 50 times its size"),
        (gzip.compress(bytes(900_000)), "more than 50 times its size"),
        (zipped({"a.tex": bytes(900_000)}), "more than 50 times its size"),
        (tar((info("a.png"), bytes(4_000_000)), mode="w"), "more than 3 MB"),
        (tar_gz({f"{n}.tex": TEX for n in range(30)}), "more than 20 files"),
        (tar((info("a.tex"), TEX * 50_000), mode="w"), "more than 1 MB of text"),
        (gzip.compress(b"".join(b"%d" % n for n in range(300_000))), "a single file of more than 1 MB"),
        (gzip.compress(gzip.compress(bytes(9_000_000))), "neither LaTeX nor a PDF"),
    ],
    ids=repeat("data"),
)
def test_bombs_are_left_alone(data: bytes, limit: str) -> None:
    with pytest.raises(PaperUnreadable, match=limit):
        unpack(data, SMALL)


def test_unpacking_ends_when_its_time_is_over() -> None:
    with pytest.raises(PaperUnreadable, match="takes longer than 0 s"):
        unpack(tar_gz({"a.tex": TEX}), Limits(seconds=0))


def test_a_header_that_asks_for_much_memory_is_refused() -> None:
    bomb = info("x", tarfile.XHDTYPE)
    bomb.size = 400_000_000
    with pytest.raises(PaperUnreadable):
        unpack(gzip.compress(bomb.tobuf() + bytes(1_000_000)))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME], ids=repr)
def test_a_header_that_is_never_a_paths_is_refused_before_it_is_parsed(kind: bytes) -> None:
    with pytest.raises(PaperUnreadable, match="a header of unreasonable size"):
        unpack(tar((info("x", kind), b"1" * 20_000), (info("a.tex"), TEX)))
    long = "folder/" * 500 + "a.tex"
    assert unpack(tar((info(long), TEX))).files == {long: TEX}


def test_holes_are_not_read() -> None:
    holes = b"3\n64\n0\n128\n0\n192\n0\n".ljust(512, b"\0")
    sparse = tarfile.TarInfo("b.tex")
    sparse.size, sparse.pax_headers = len(holes), {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    sparse.pax_headers |= {"GNU.sparse.name": "b.tex", "GNU.sparse.realsize": "192"}
    data = sparse.tobuf(tarfile.PAX_FORMAT) + holes + tar((info("a.tex"), TEX), mode="w")
    assert unpack(data).files == {"a.tex": TEX}


def test_folders_without_end_count_as_members() -> None:
    folders = {f"{n}/": b"" for n in range(30)}
    with pytest.raises(PaperUnreadable, match="more than 20 files"):
        unpack(tar(*((info(name, tarfile.DIRTYPE), b"") for name in folders), (info("a.tex"), TEX)), SMALL)
    with pytest.raises(PaperUnreadable, match="more than 20 files"):
        unpack(zipped(folders | {"a.tex": TEX}), SMALL)
    assert unpack(zipped({"code/": b"", "code/a.tex": TEX})).files == {"code/a.tex": TEX}


@given(st.binary(max_size=300), st.sampled_from([b"", b"\x1f\x8b\x08\x00", b"PK\x03\x04", b"%PDF-", b"\\x"]))
def test_any_bytes_are_read_or_refused(data: bytes, start: bytes) -> None:
    with contextlib.suppress(PaperUnreadable):
        unpack(start + data)


@given(st.integers(0, 2000), st.integers(0, 255), st.sampled_from(["tar.gz", "tar", "zip"]))
def test_a_damaged_archive_is_read_or_refused(place: int, value: int, kind: str) -> None:
    files = {"a.tex": TEX * 5, "b.tex": TEX}
    whole = {"tar.gz": tar_gz(files), "zip": zipped(files), "tar": gzip.decompress(tar_gz(files))}[kind]
    data = bytearray(whole)
    data[place % len(data)] = value
    try:
        found = unpack(bytes(data))
    except PaperUnreadable:
        return
    assert all(not path.startswith(("/", "..")) for path in found.files)
