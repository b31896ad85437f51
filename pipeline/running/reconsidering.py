"""What a run that passed leaves in doubt goes back to its writer, once; what breaks is taken back."""

from pipeline.coding import edits
from pipeline.coding.repository import Repository
from pipeline.errors import BudgetReached
from pipeline.model.asking import block, bullets, render
from pipeline.planning.checks import ENTRY
from pipeline.running.doubts import doubts
from pipeline.running.durations import durations
from pipeline.running.fixing import Fixer, code_shown, first_sentence, in_words, state_of
from pipeline.running.remedies import Change


def reconsidered(fixer: Fixer, repository: Repository) -> tuple[Repository, str]:
    """The repository with doubts met where they could be, and what came of asking, in a sentence; empty: nobody was.

    Nobody is asked where nothing is in doubt, or where answers were recorded before there was this question.
    Raises SandboxError and what the model's client raises.
    """
    report = fixer.executed_as(repository)
    found = doubts(fixer.plan, repository, report) if report.ok and fixer.plan.contract > 1 else []
    if not found:
        return repository, ""
    named = {path for path in repository.python_files() if any(f"`{path}`" in doubt for doubt in found)}
    task = render(
        "doubts",
        doubts=bullets(found),
        limits=in_words(fixer.limits),
        durations=durations(report.outcome.result.stdout),
        metrics=block("metrics", "\n".join(f"{name}: {value:.6g}" for name, value in report.metrics.items())),
        code="\n\n".join(code_shown(repository, {*named, ENTRY[2]})),
        edit_format=render("edit_format"),
    )
    prompt = fixer.context.prompt("doubts.1", task, identity=f"{state_of(repository)} {found}")
    try:
        answer = fixer.llm.complete(prompt).text
    except BudgetReached as error:  # what runs stands
        return repository, f"Nobody was asked: {error}"
    said = first_sentence(answer)
    if said.startswith("NO CHANGE:"):
        return repository, said.removeprefix("NO CHANGE:").strip()
    try:
        changed = edits.apply(repository, edits.parse(answer))
    except edits.EditError as error:
        return repository, f"The answer could not be applied: {error}"
    if refused := fixer.objections(repository, changed):
        return repository, f"What was proposed was refused: {'; '.join(refused)}"
    change = Change(changed, f"doubts: {said}")
    if broken := fixer.broken_by(change, repository):
        return repository, f"What was proposed was taken back, since with it {broken}"
    fixer.changes.append(change)
    return changed, said
