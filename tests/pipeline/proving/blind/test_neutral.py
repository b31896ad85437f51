from pathlib import Path

from pipeline.proving.blind.neutral import LARGEST_FILE, neutral


def test_nothing_shown_names_who_wrote_it(tmp_path: Path) -> None:
    folder = tmp_path / "PaperCoder_repo"
    files = {
        "main.py": f"# made by Paper2Code, see {folder}/main.py\nprint('aider raiders')\n",
        "papercoder_model.py": "import metagpt\n",
        "README.md": "Paper-Coder and Paper 2 Code wrote this. MetaGPTs.",
        "LICENSE": "paper2code",
        "docs/execution-report.json": "{}",
        "docs/plan/overview.md": "plan",
        "docs/results.md": "kept",
        "planning_config.yaml": "a: 1",
        "sub/ChatChainConfig.json": "{}",
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "figure.png").write_bytes(b"\x89PNG\0")
    (folder / "data.csv").write_text("1" * (LARGEST_FILE + 1))
    shown = neutral(folder)
    assert shown.files == {
        "README.md": "SYSTEM and SYSTEM wrote this. MetaGPTs.",
        "SYSTEM_model.py": "import SYSTEM\n",
        "docs/results.md": "kept",
        "main.py": "# made by SYSTEM, see ./main.py\nprint('SYSTEM raiders')\n",
    }
    assert shown.changes == (
        "Not shown: 5 files, could name who wrote it.",
        "Not shown: 1 file, larger than 400,000 bytes.",
        "Not shown: 1 file, not text.",
        "“SYSTEM” stands for a system's name, in 6 places.",
    )


def test_names_that_become_one_lose_no_file(tmp_path: Path) -> None:
    files = {
        "SYSTEM/a.py": "1",
        "SYSTEM/a.2.py": "2",
        "metagpt/a.py": "3",
        "paper2code/a.py": "4",
        "aider": "5",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    shown = neutral(tmp_path).files
    assert sorted(shown.values()) == sorted(files.values())
    assert not any(name in path for path in shown for name in ("metagpt", "paper2code", "aider"))


def test_a_verdict_that_a_readme_tells_is_left_out_and_that_is_said(tmp_path: Path) -> None:
    said = "# A\n\n## What is where\n\nb.py\n\n## What the judge thinks\n\n5 of 5: all right.\n\n## Values\n\nx is 1\n"
    (tmp_path / "README.md").write_text(said)
    shown = neutral(tmp_path)
    assert shown.files["README.md"] == "# A\n\n## What is where\n\nb.py\n\n## Values\n\nx is 1\n"
    assert "Not shown: what an earlier judge has said." in shown.changes
