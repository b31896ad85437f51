"""Asks a model for the repairs of tests/broken that no program can make: tests/recordings/repairs.jsonl anew.

OPENAI_BASE_URL=… OPENAI_API_KEY=… python -m tests.pipeline.running.record_repairs DIR

DIR keeps what was answered; a second call continues there.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import SecretStr

from pipeline.model.session import Terms, open_llm
from sandbox.local import LocalSandbox
from tests.pipeline.running.test_broken import BROKEN, RECORDED, broken, fixer_of

SIDE_BY_SIDE = 6


def main(out: Path) -> None:
    """Ask, and write the recording; says of each case how it ended."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        answers = pool.map(lambda folder: repair(folder, out), sorted(BROKEN.iterdir()))
        RECORDED.write_text("".join(line for lines in answers for line in lines), "utf-8")


def repair(folder: Path, out: Path) -> list[str]:
    """Lines of the recording: none where a program mends the case alone."""
    case, journal = folder.name, out / folder.name / "journal.jsonl"
    verify, repository = broken(folder)
    with open_llm(
        Terms(
            os.environ.get("PAPER2CODE_MODEL", "o3-mini"),
            api_key=SecretStr(os.environ.get("OPENAI_API_KEY", "none")),
            base_url=os.environ["OPENAI_BASE_URL"],
        ),
        reasoning_effort="high",
        journal=journal,
        resume=True,
    ) as llm:
        fixer = fixer_of(verify, LocalSandbox(), out / "packages", out / case / "runs", llm)
        _, execution = fixer.fix(repository)
    sys.stdout.write(f"{case}: {'runs' if execution.ok else 'fails'}, {fixer.asked} answers\n")
    entries = [json.loads(line) for line in journal.read_text("utf-8").splitlines()] if fixer.asked else []
    return [
        json.dumps({"case": case, "stage": e["stage"], "completion": e["completion"]}) + "\n" for e in entries
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
