"""Lists of papers: our own form, and those that others publish, as they lie in their repositories."""

import json
from pathlib import Path

import pytest

from benchmark.field.suite import Unusable, suite


def write(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def test_a_file_of_papers_names_what_stands_beside_it(tmp_path: Path) -> None:
    write(tmp_path, {"a.tex": "", "theirs/main.py": "", "authors/x.py": "", "r.json": "{}", "j.jsonl": ""})
    (tmp_path / "papers.toml").write_text(
        '[[paper]]\nname = "a"\nsource = "a.tex"\ngroup = "ICML"\nreference = "authors"\nrubric = "r.json"\n'
        'written = {them = "theirs"}\nrecordings = {full = "j.jsonl"}\npeople = {them = 3.5}\n'
        '[[paper]]\nname = "b"\nsource = "1706.03762"\n'
    )
    a, b = suite(tmp_path / "papers.toml")
    assert (a.source, a.group, a.reference) == (str(tmp_path / "a.tex"), "ICML", tmp_path / "authors")
    assert (a.written, a.people) == ({"them": tmp_path / "theirs"}, {"them": 3.5})
    assert a.recordings == {"full": tmp_path / "j.jsonl"} and a.rubric == tmp_path / "r.json"
    assert b.source == "1706.03762"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[[paper]]\nname = "a"\n', "source: Field required"),
        ('[[paper]]\nname = "a"\nsource = "x"\nrubic = "r"\n', "rubic: Extra inputs"),
        ('[[paper]]\nname = "a"\nsource = "x"\nrubric = "r"\n', "names r, which is not there"),
        ('[[paper]]\nname = "../a"\nsource = "x"\n', "is no name for a paper"),
        ('[[paper]]\nname = "a"\nsource = "x"\n[[paper]]\nname = "A"\nsource = "y"\n', "two papers alike"),
        ("[[paper", "cannot be read"),
        ("paper = []", "lists no paper"),
    ],
)
def test_what_is_wrong_with_it_is_said(text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "papers.toml").write_text(text)
    with pytest.raises(Unusable, match=complaint):
        suite(tmp_path / "papers.toml")


@pytest.mark.parametrize(
    "text", ["[]", '{"iclr2024": [{"paper": "On Means"}]}', '{"iclr2024": 3}', "[" * 99_999]
)
def test_a_list_of_another_form_than_is_published_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "dataset_info.json").write_text(text)
    with pytest.raises(Unusable, match=r"is not of the form|cannot be read"):
        suite(tmp_path)


def test_a_folder_that_is_no_benchmark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="neither"):
        suite(tmp_path)


def test_paper2codebench_is_read_as_it_is_published(tmp_path: Path) -> None:
    info = {
        "iclr2024": [
            {"source": "oral", "paper": "On Means", "repo_name": "means", "repo_url": "https://x/means"}
        ],
        "icml2024": [
            {"source": "poster", "paper": "P", "repo_name": "as-pdf", "repo_url": ""},
            {"source": "poster", "paper": "Q", "repo_name": "not-there", "repo_url": ""},
        ],
    }
    body = [
        {"text": "It is a mean.", "section": "Method", "sec_num": "2"},
        {"text": "Of all.", "section": "Method", "sec_num": "2"},
        {"text": "We count.", "section": "Setup", "sec_num": "2.1"},
    ]
    parsed = {
        "title": "junk of the PDF", "abstract": "Means.",
        "pdf_parse": {"body_text": body, "back_matter": [], "ref_entries": {"TABREF0": {"text": "Table 1: Means"}}},
    }  # fmt: skip
    data = "checkout/data/paper2code"
    write(
        tmp_path,
        {
            f"{data}/dataset_info.json": json.dumps(info),
            f"{data}/iclr2024/means_cleaned.json": json.dumps(parsed),
            f"{data}/icml2024/pdfs/as-pdf.pdf": "%PDF",
            "outputs/means_repo/main.py": "",
            "authors/means/main.py": "",
        },
    )
    means, pdf = suite(
        tmp_path / "checkout", {"papercoder": tmp_path / "outputs"}, tmp_path / "authors", tmp_path / "keep"
    )
    assert Path(means.source).read_text() == (
        "# On Means\n\n## Abstract\n\nMeans.\n\n## 2 Method\n\nIt is a mean.\n\nOf all.\n\n### 2.1 Setup\n\nWe count."
        "\n\nTable 1: Means\n"
    )
    assert (means.group, pdf.group, Path(pdf.source).name) == ("iclr2024", "icml2024", "as-pdf.pdf")
    assert means.written == {"papercoder": tmp_path / "outputs/means_repo"} and pdf.written == {}
    assert means.reference == tmp_path / "authors/means" and pdf.reference is None


def test_paperbench_leaves_out_papers_that_are_only_pointers(tmp_path: Path) -> None:
    papers = "project/paperbench/data/papers"
    write(
        tmp_path,
        {
            f"{papers}/rice/rubric.json": "{}",
            f"{papers}/rice/paper.md": "# Rice",
            f"{papers}/pinn/rubric.json": "{}",
            f"{papers}/pinn/paper.md": "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "submissions/rice/submission/main.py": "",
        },
    )
    (rice,) = suite(tmp_path, {"paperguru": tmp_path / "submissions"})
    assert (rice.name, rice.rubric) == ("rice", tmp_path / papers / "rice/rubric.json")
    assert rice.written == {"paperguru": tmp_path / "submissions/rice/submission"}
