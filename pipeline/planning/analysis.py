"""Analysis: the delicate files thought through once more before anybody writes them.

Source: Paper2Code (arXiv 2504.17192), section 3.2. There each file costs a call whose prompt is a hundred times
its answer; here one answer has a section for each file.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from pipeline.model.asking import Context, Unfit, ask_until, refined, render
from pipeline.model.llm import LLM
from pipeline.planning.corrections import separated
from pipeline.planning.plan import Correction, Draft, Plan


@dataclass(frozen=True)
class FileAnalysis:
    """What to mind when one file is written, as Markdown."""

    path: str
    text: str
    draft: Draft | None = None
    corrections: tuple[Correction, ...] = ()
    """Of the plan."""


def analyze(
    plan: Plan,
    context: Context,
    llm: LLM,
    refine: Collection[str],
    advanced: Callable[[str], None],
) -> dict[str, FileAnalysis]:
    """An analysis for every delicate file, by path. Raises AnswerInvalid and what the model's client raises."""
    paths = plan.delicate()
    if not paths:
        return {}
    purposes = {file.path: file.purpose for file in plan.architecture.files}
    task = render("analysis", files=[(path, purposes[path]) for path in paths])

    def ask_for(stage: str, task: str) -> dict[str, str]:
        return ask_until(llm, context, stage, task, lambda text: sections(text, paths))

    texts = ask_for("analysis", task)
    drafts: dict[str, Draft] = {}
    if "analysis" in refine:
        current = "\n\n".join(f"## {path}\n\n{text}" for path, text in texts.items())
        better, critique = refined(llm, context, "analysis", task, current, ask_for)
        drafts = {
            path: Draft(stage=f"analysis.{path}", text=text, critique=critique)
            for path, text in texts.items()
        }
        texts = better or texts
    for path in paths:
        advanced(path)
    told = {path: separated(texts[path]) for path in paths}
    return {path: FileAnalysis(path, text, drafts.get(path), wrong) for path, (text, wrong) in told.items()}


def sections(text: str, paths: Collection[str]) -> dict[str, str]:
    """What stands below the heading of each path. Raises Unfit where one has none."""
    heading = re.compile(rf"^#+[ \t]*`?({'|'.join(map(re.escape, paths))})`?[ \t]*$", re.MULTILINE)
    _, *parts = heading.split(text)
    found = {path: part.strip() for path, part in zip(parts[::2], parts[1::2], strict=True)}
    if missing := [path for path in paths if not found.get(path)]:
        raise Unfit([f"There is no section `## {path}`." for path in missing])
    return found
