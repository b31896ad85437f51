"""Papers, measured: seconds, memory, characters and anchors of each reading, beside pymupdf4llm and pandoc.

    python -m benchmark.papers [FILE…]

Without files: all of `../shared/papers` and `examples`. The rivals are in the optional dependencies `bench`; where
one is not installed its columns stay empty. Every reading is a process of its own, so that imports and peak memory
count for all alike.
"""

import importlib.util
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipeline.reading.arxiv import Arxiv, read
from pipeline.reading.paper import Paper

ROOT = Path(__file__).resolve().parents[1]
RUNS = 3
"""Of each reading; the fastest counts, since other work on the machine only ever slows."""

_OURS = """
import sys
from pathlib import Path
from pipeline.reading.arxiv import Arxiv, read
sys.stdout.write(read(sys.argv[1], Arxiv("", "", Path("/nonexistent"))).text())
"""
_PYMUPDF4LLM = """
import sys
import pymupdf4llm
text = pymupdf4llm.to_markdown(sys.argv[1])
sys.stdout.write(text)
"""
_PANDOC = """
import sys
import pypandoc
sys.stdout.write(pypandoc.convert_file(sys.argv[1], "markdown", format="latex"))
"""
_MEASURED = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
done = subprocess.run(sys.argv[1:], capture_output=True)
seconds = time.perf_counter() - start
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
text = done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
print(json.dumps([seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, text]))
"""


def main(arguments: Sequence[str]) -> None:
    """Print the table, and how the paper that is there in both forms compares."""
    table = Table(
        title="Reading papers (s: wall clock of a process, brackets: of the processor; within: in a running process)"
    )
    for heading in (
        "paper",
        "ours s",
        "within s",
        "MB",
        "characters",
        "anchors",
        "rival",
        "s",
        "MB",
        "characters",
    ):
        table.add_column(heading, justify="left" if heading in ("paper", "rival") else "right")
    with tempfile.TemporaryDirectory() as folder:
        for path in [Path(argument) for argument in arguments] or papers():
            ours = measured(_OURS, path)
            rival, script = ("pymupdf4llm", _PYMUPDF4LLM) if path.suffix == ".pdf" else ("pandoc", _PANDOC)
            module = "pymupdf4llm" if path.suffix == ".pdf" else "pypandoc"
            there = importlib.util.find_spec(module) is not None and path.suffix != ".md"
            theirs = measured(script, unpacked(path, Path(folder))) if there else None
            anchors = len(set(re.findall(r"^(?:#+ )?\[([A-Z][\w.-]*)\]", ours[3], re.MULTILINE)))
            table.add_row(
                f"{path.parent.name}/{path.name}",
                f"{ours[0]:.2f} ({ours[1]:.2f})",
                f"{min(within(path) for _ in range(RUNS)):.2f}",
                f"{ours[2] / 1024:.0f}",
                f"{len(ours[3]):,}",
                str(anchors),
                *(
                    (
                        rival,
                        f"{theirs[0]:.2f} ({theirs[1]:.2f})",
                        f"{theirs[2] / 1024:.0f}",
                        f"{len(theirs[3]):,}",
                    )
                    if theirs
                    else ("-", "", "", "")
                ),
            )
    console = Console(width=140)
    console.print(table)
    console.print(comparison())


def papers() -> list[Path]:
    """All papers there are to read."""
    shared = next((p / "shared" / "papers" for p in ROOT.parents if (p / "shared" / "papers").is_dir()), None)
    folders = [folder for folder in (shared, ROOT / "examples") if folder and folder.is_dir()]
    names = ("paper.pdf", "paper.tex", "*.tar.gz")
    found = [path for folder in folders for path in sorted(p for name in names for p in folder.rglob(name))]
    return found + [path for folder in folders for path in sorted(folder.rglob("paper.md"))]


def measured(script: str, path: Path) -> tuple[float, float, int, str]:
    """Seconds, seconds of the processor, peak memory in kB, and the text that `script` makes of `path`."""
    command = [sys.executable, "-c", _MEASURED, sys.executable, "-c", script, str(path)]
    runs = []
    for _ in range(RUNS):
        done = subprocess.run(command, capture_output=True, cwd=ROOT, check=True)  # noqa: S603
        seconds, cpu, memory, text = json.loads(done.stdout)
        runs.append((float(seconds), float(cpu), int(memory), str(text)))
    return min(runs, key=lambda run: run[0])


def within(path: Path) -> float:
    """Seconds of a reading in this process, as in a worker; a PDF is opened in a child all the same."""
    start = time.perf_counter()
    read(str(path), Arxiv("", "", Path("/nonexistent"))).text()
    return time.perf_counter() - start


def unpacked(path: Path, folder: Path) -> Path:
    """What pandoc can read: the main file of an archive, else the file itself."""
    if path.suffix != ".gz":
        return path
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isreg() and "/" not in member.name and member.name.endswith((".tex", ".bbl", ".sty")):
                content = archive.extractfile(member)
                (folder / member.name).write_bytes(content.read() if content else b"")
    return folder / "main.tex"


def comparison() -> str:
    """How far the PDF's reading of a paper agrees with its LaTeX's."""
    both = [path for path in papers() if path.name == "paper.tex" and path.with_suffix(".pdf").exists()]
    lines = []
    for path in both:
        tex, printed = (
            read(str(p), Arxiv("", "", Path("/nonexistent"))) for p in (path, path.with_suffix(".pdf"))
        )
        wanted = words(tex)
        blocks = SequenceMatcher(None, wanted, words(printed), autojunk=False).get_matching_blocks()
        share = sum(block.size for block in blocks) / max(1, len(wanted))
        same = "identical" if headings(tex) == headings(printed) else "different"
        lines.append(
            f"{path.parent.name}: {share:.1%} of the LaTeX's {len(wanted):,} words of running text stand in the same "
            f"order in the PDF's reading; numbers and titles of sections are {same}."
        )
    return "\n".join(lines)


def headings(paper: Paper) -> list[tuple[str, str]]:
    """Number and title of every numbered section."""
    return [(s.number, s.title) for top in paper.sections for _, s in top.walk() if s.number]


def words(paper: Paper) -> list[str]:
    """Words of running text in order; floats, notes, mathematics and citations are left out."""
    text = [paper.abstract]
    for top in paper.sections:
        for _, section in top.walk():
            text += [
                section.title,
                *(b.text for b in section.blocks if b.kind in ("paragraph", "list", "theorem")),
            ]
    bare = re.sub(
        r"\]\(https?:[^()\s]*\)|\$\$[^$]*\$\$|\$[^$]*\$|\[[^\[\]()]{0,80}\]|[\^_]\{[^}]*\}",
        " ",
        " ".join(text),
    )
    return [word for word in re.findall(r"[a-z]+", bare.lower()) if len(word) > 1]


if __name__ == "__main__":
    main(sys.argv[1:])
