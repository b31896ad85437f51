"""Analysis: each delicate file thought through before anybody writes it. Independent, so side by side.

Source: Paper2Code (arXiv 2504.17192), section 3.2.
"""

from collections.abc import Callable, Collection
from concurrent.futures import Executor
from dataclasses import dataclass

from pipeline.asking import Context, ask_text, refined, render
from pipeline.llm import LLM
from pipeline.plan import Draft, Plan


@dataclass(frozen=True)
class FileAnalysis:
    """What to mind when one file is written, as Markdown."""

    path: str
    text: str
    draft: Draft | None = None


def analyze(
    plan: Plan,
    context: Context,
    llm: LLM,
    executor: Executor,
    refine: Collection[str],
    advanced: Callable[[str], None],
) -> dict[str, FileAnalysis]:
    """An analysis for every delicate file, by path."""
    purposes = {file.path: file.purpose for file in plan.architecture.files}

    def one(path: str) -> FileAnalysis:
        stage, task = f"analysis.{path}", render("analysis", path=path, purpose=purposes[path])

        def ask_for(stage: str, task: str) -> str:
            return ask_text(llm, context, stage, task)

        text, draft = ask_for(stage, task), None
        if "analysis" in refine:
            better, critique = refined(llm, context, stage, task, text, ask_for)
            draft = Draft(stage=stage, text=text, critique=critique)
            text = better or text
        advanced(path)
        return FileAnalysis(path, text, draft)

    return {analysis.path: analysis for analysis in executor.map(one, plan.delicate())}
