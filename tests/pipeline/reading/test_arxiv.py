import hashlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path

import pymupdf
import pytest

from pipeline.errors import ArxivUnavailable, PaperNotFound, PaperUnreadable, PaperWithdrawn
from pipeline.reading.arxiv import Arxiv, read
from pipeline.reading.references import Reference
from tests.fakes.arxiv import FakeArxiv, Submission, fake_arxiv, one_file, tar_gz
from tests.pipeline.reading.papers import real

TEX = r"\documentclass{article}\title{In the file}\begin{document}\section{One}Some text.\end{document}"
INTERVAL = 0.05


def pdf(text: str = "Some words that a PDF prints. " * 20, **save: object) -> bytes:
    document = pymupdf.open()
    page = document.new_page()
    if text:
        page.insert_textbox((50, 50, 550, 800), text)
    return bytes(document.tobytes(**save))


@pytest.fixture
def fake() -> Iterator[FakeArxiv]:
    with fake_arxiv(
        Submission(
            "1706.03762", "Attention", ("A. V.", "N. S."), source=tar_gz({"ms.tex": TEX.encode()}), version=5
        ),
        Submission("2101.00001", source=one_file(TEX), pdf=pdf()),
        Submission("2101.00002", source=pdf(), pdf=pdf()),
        Submission("2101.00003", source=None, pdf=pdf()),
        Submission("2101.00004", source=tar_gz({"a.tex": b"\\documentclass{a}"}), pdf=pdf()),
        Submission("2101.00005", withdrawn=True, version=2, source=one_file(TEX)),
        Submission("2101.00006", comment="This paper has been withdrawn by the author", source=one_file(TEX)),
        Submission("math.GT/0309136", source=one_file(TEX)),
    ) as server:
        yield server


@pytest.fixture
def arxiv(fake: FakeArxiv, tmp_path: Path) -> Arxiv:
    return Arxiv(fake.url, fake.url, tmp_path / "cache", interval=INTERVAL)


def test_a_paper_with_what_arxiv_says_of_it(arxiv: Arxiv) -> None:
    paper = read("https://arxiv.org/abs/1706.03762", arxiv)
    assert (paper.title, paper.authors) == ("Attention", ("A. V.", "N. S."))
    assert (paper.arxiv_id, paper.version, paper.published) == ("1706.03762", 5, date(2017, 6, 16))
    assert paper.licence == "http://creativecommons.org/licenses/by/4.0/"
    assert (paper.source, paper.notes) == ("latex", ())
    assert "Some text." in paper.text()


def test_metadata(arxiv: Arxiv) -> None:
    metadata = arxiv.metadata(Reference("1706.03762", 5))
    assert metadata.versions[0] == (1, date(2017, 6, 12)) and len(metadata.versions) == 5
    assert metadata.categories == ("cs.CL",)
    assert metadata.published == date(2017, 6, 12)


@pytest.mark.parametrize(
    ("identifier", "source", "said"),
    [
        ("2101.00001", "latex", ""),
        ("2101.00002", "pdf", "no LaTeX source"),
        ("2101.00003", "pdf", "could not be read"),
        ("2101.00004", "pdf", "could not be read"),
        ("math.GT/0309136", "latex", ""),
    ],
)
def test_latex_is_preferred_and_the_reader_is_told_otherwise(
    arxiv: Arxiv, identifier: str, source: str, said: str
) -> None:
    paper = read(f"arxiv:{identifier}", arxiv)
    assert paper.source == source
    assert said in " ".join(paper.notes)


@pytest.mark.parametrize(
    ("named", "error"),
    [
        ("arxiv:2202.00001", PaperNotFound),
        ("arxiv:1706.03762v6", PaperNotFound),
        ("arxiv:2101.00005", PaperWithdrawn),
        ("arxiv:2101.00006", PaperWithdrawn),
        ("no such thing", PaperNotFound),
        ("missing.pdf", PaperNotFound),
    ],
)
def test_what_cannot_be_had(arxiv: Arxiv, named: str, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        read(named, arxiv)
    assert getattr(raised.value, "hint") or named.endswith("6")  # noqa: B009


def test_nothing_is_asked_twice(arxiv: Arxiv, fake: FakeArxiv) -> None:
    read("1706.03762v5", arxiv)
    asked = len(fake.requests)
    assert read("1706.03762v5", arxiv).title == "Attention"
    assert len(fake.requests) == asked


def test_a_source_that_cannot_be_read_is_not_asked_for_again_either(arxiv: Arxiv, fake: FakeArxiv) -> None:
    read("2101.00004v1", arxiv)
    asked = len(fake.requests)
    assert read("2101.00004v1", arxiv).source == "pdf"
    assert len(fake.requests) == asked


def test_a_damaged_cache_is_mended(arxiv: Arxiv, fake: FakeArxiv, tmp_path: Path) -> None:
    read("1706.03762v5", arxiv)
    for kept in (tmp_path / "cache" / "objects").iterdir():
        kept.write_bytes(b"rubbish")
    assert "Some text." in read("1706.03762v5", arxiv).text()
    for entry in (tmp_path / "cache" / "versions").iterdir():
        entry.write_text('{"metadata"')
    assert "Some text." in read("1706.03762v5", arxiv).text()
    assert not list((tmp_path / "cache").rglob("*.part"))


@pytest.mark.parametrize("trouble", ["503", "429 retry 0", "503 retry 1", "drop", "slow", "truncated"])
def test_trouble_that_passes(arxiv: Arxiv, fake: FakeArxiv, trouble: str) -> None:
    fake.troubles = ["", "", trouble]
    assert read("1706.03762", arxiv).source == "latex"


@pytest.mark.parametrize("trouble", ["html", "truncated"])
def test_a_source_that_never_arrives_whole(arxiv: Arxiv, fake: FakeArxiv, trouble: str) -> None:
    fake.troubles = ["", "", *[trouble] * 12]
    with pytest.raises(ArxivUnavailable) as error:
        read("1706.03762", arxiv)
    assert error.value.hint


def test_a_web_page_in_place_of_metadata(arxiv: Arxiv, fake: FakeArxiv) -> None:
    fake.troubles = ["html"]
    with pytest.raises(ArxivUnavailable):
        read("1706.03762", arxiv)


def test_an_answer_that_asks_for_an_hour_is_passed_on(arxiv: Arxiv, fake: FakeArxiv) -> None:
    fake.troubles = ["503 retry 3600"]
    with pytest.raises(ArxivUnavailable, match="3600"):
        read("1706.03762", arxiv)


def test_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(ArxivUnavailable):
        read("1706.03762", Arxiv("http://127.0.0.1:9", "http://127.0.0.1:9", tmp_path, interval=0.01))


def test_retry_after_is_obeyed_by_everybody(fake: FakeArxiv, tmp_path: Path) -> None:
    fake.troubles = ["503 retry 1"]
    one, other = (Arxiv(fake.url, fake.url, tmp_path, interval=INTERVAL) for _ in range(2))
    threads = [
        threading.Thread(target=read, args=("1706.03762", one)),
        threading.Thread(target=read, args=("2101.00001", other)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first, second = sorted(fake.requests, key=lambda request: request.began)[:2]
    assert second.began - first.began > 0.9


FETCH = """
import sys
from pathlib import Path
from pipeline.reading.arxiv import Arxiv, read
url, cache, named, interval = sys.argv[1:]
read(named, Arxiv(url, url, Path(cache), interval=float(interval)))
"""


def worker(fake: FakeArxiv, cache: Path, named: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", FETCH, fake.url, str(cache), named, str(INTERVAL)]
    return subprocess.Popen(command, cwd=Path(__file__).parents[3])


def test_terms_of_use_across_processes(fake: FakeArxiv, tmp_path: Path) -> None:
    workers = [worker(fake, tmp_path, name) for name in ("1706.03762", "2101.00001", "math.GT/0309136")]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    began = sorted(request.began for request in fake.requests)
    assert len(began) == 9
    assert fake.most_at_once() == 1
    # As the server saw it, which a busy machine also makes wait; test_polite.py counts exactly.
    assert all(later - earlier >= INTERVAL / 2 for earlier, later in pairwise(began))
    assert all("paper2code" in request.agent for request in fake.requests)


def test_many_who_want_the_same_paper_at_once_all_get_it(fake: FakeArxiv, tmp_path: Path) -> None:
    workers = [worker(fake, tmp_path, "1706.03762v5") for _ in range(3)]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    assert sorted(path.name for path in (tmp_path / "versions").iterdir()) == ["1706.03762v5.json"]
    assert len(list((tmp_path / "objects").iterdir())) == 1


KILLED = """
import os, signal, sys
from pathlib import Path
call, left = sys.argv.pop(1), int(sys.argv.pop(1))
owner = {"fsync": os, "flock": __import__("fcntl"), "replace": Path, "token_hex": __import__("secrets")}[call]
original = getattr(owner, call)

def killed(*arguments, **named):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments, **named)

setattr(owner, call, killed)
"""


@pytest.mark.parametrize("left", [0, 1])
@pytest.mark.parametrize("call", ["flock", "token_hex", "fsync", "replace"])
def test_whoever_is_killed_leaves_nothing_behind_that_matters(
    fake: FakeArxiv, tmp_path: Path, call: str, left: int
) -> None:
    command = [sys.executable, "-c", KILLED + FETCH, call, str(left)]
    killed = subprocess.run(
        [*command, fake.url, str(tmp_path), "1706.03762", str(INTERVAL)],
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    for kept in (tmp_path / "objects").glob("[!.]*"):
        assert hashlib.sha256(kept.read_bytes()).hexdigest() == kept.name
    assert "Some text." in read("1706.03762", Arxiv(fake.url, fake.url, tmp_path, interval=INTERVAL)).text()


# Files ------------------------------------------------------------------------------------------------------


def test_paths_of_every_kind(arxiv: Arxiv, tmp_path: Path) -> None:
    folder = tmp_path / "latex"
    (folder / "parts").mkdir(parents=True)
    (folder / "main.tex").write_text(TEX.replace("Some", r"\input{parts/one} Some"))
    (folder / "parts" / "one.tex").write_text("From a part.")
    (tmp_path / "a.tar.gz").write_bytes(tar_gz({"m.tex": TEX.encode()}))
    (tmp_path / "a.gz").write_bytes(one_file(TEX))
    (tmp_path / "a.pdf").write_bytes(pdf())
    (tmp_path / "a.md").write_text(
        "# A Title\n\nA. Author\n\nAbstract\n\nBrief.\n\n## 1. One\n\nSome text.\n"
    )
    for name in ("latex", "latex/main.tex"):
        assert "From a part. Some text." in read(str(tmp_path / name), arxiv).text()
    for name, source in (("a.tar.gz", "latex"), ("a.gz", "latex"), ("a.pdf", "pdf"), ("a.md", "markdown")):
        assert read(str(tmp_path / name), arxiv).source == source
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.pdf", b""),
        ("empty.tex", b""),
        ("empty.md", b""),
        ("encrypted.pdf", pdf(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="x", owner_pw="y")),
        ("images.pdf", pdf("")),
        ("broken.pdf", b"%PDF-1.5\n" + bytes(range(256)) * 50),
        ("cut.pdf", pdf()[:400]),
        ("page.pdf", b"<!DOCTYPE html><html><body>no</body></html>"),
        ("outside.tar.gz", tar_gz({"../x.tex": TEX.encode()})),
    ],
)
def test_files_that_are_no_papers(arxiv: Arxiv, tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PaperUnreadable) as error:
        read(str(tmp_path / name), arxiv)
    assert error.value.hint and str(error.value).startswith(f"{tmp_path / name}: ")


@pytest.mark.parametrize(
    ("named", "said", "hint"),
    [
        ("missing.pdf", "There is no file missing.pdf.", "Check the path."),
        ("9999.99999", "There can be no arXiv paper 9999.99999.", "year and month"),
        ("https://arxiv.org/abs/1713.00001", "There can be no arXiv paper", "year and month"),
        ("https://example.org/paper.pdf", "no link to a paper on arXiv", "Download"),
        ("Attention", "neither a file nor", "arxiv:1706.03762"),
        ("", "neither a file nor", "arxiv:1706.03762"),
    ],
)
def test_a_person_is_told_why_there_is_no_paper(arxiv: Arxiv, named: str, said: str, hint: str) -> None:
    with pytest.raises(PaperNotFound) as error:
        read(named, arxiv)
    assert said in str(error.value) and hint in error.value.hint


def test_links_in_a_folder_lead_nowhere(arxiv: Arxiv, tmp_path: Path) -> None:
    secret, folder = tmp_path / "secret", tmp_path / "paper"
    (secret / "parts").mkdir(parents=True)
    (secret / "other.tex").write_text("A secret.")
    (secret / "parts" / "one.tex").write_text("A secret.")
    folder.mkdir()
    (folder / "main.tex").write_text(TEX.replace("Some", r"\input{other}\input{parts/one} Some"))
    (folder / "other.tex").symlink_to(secret / "other.tex")
    (folder / "parts").symlink_to(secret / "parts")
    for named in (folder, folder / "main.tex"):
        text = read(str(named), arxiv).text()
        assert "Some text." in text and "secret" not in text


def test_a_real_archive(arxiv: Arxiv) -> None:
    paper = read(str(real("1911.02782-eprint/1911.02782.tar.gz")), arxiv)
    assert paper.title == "S2ORC: The Semantic Scholar Open Research Corpus"
    assert len(paper.references) == 55
    assert [s.number for s in paper.sections if s.anchor.startswith("S")][:8] == list("12345678")


def test_a_real_markdown_paper(arxiv: Arxiv) -> None:
    paper = read(str(real("dkd/paper.md")), arxiv)
    assert [s.number for s in paper.sections if s.anchor.startswith("S")] == list("12345")
    assert paper.find("target class knowledge distillation (TCKD)")
    assert "Tab6" in paper.text()
