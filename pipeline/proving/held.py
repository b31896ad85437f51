"""Requirements that only settings have to fulfil, judged by program where it can see that they do."""

from collections.abc import Iterator

from pipeline.coding.checks.settings import naming, reading, setting
from pipeline.coding.repository import Repository
from pipeline.planning.plan import Plan, Requirement
from pipeline.proving.evidence import Evidence, Finding
from pipeline.reading.quantities import mentions

CHECKED = "Checked by program: "


def held(requirement: Requirement, plan: Plan, repository: Repository) -> Finding | str | None:
    """The finding; a sentence on why a program cannot tell; None where the plan does not say that settings do.

    The paper states each value where it states the requirement, `config.yaml` still holds it, and code reads
    it by its key.
    """
    keys = [key for item in plan.logic.held if item.requirement == requirement.id for key in item.keys]
    if not keys:
        return None
    if doubts := [doubt for key in keys for doubt in _doubts(key, requirement, plan, repository)]:
        return f"A program could not tell from settings alone: {'; '.join(doubts)}."
    evidence, checked = [], []
    for key in keys:
        line, reads = setting(key, repository), reading(key, repository)
        if line and reads:
            evidence += [
                Evidence(file=reads.file, symbol=reads.symbol, line=reads.line),
                Evidence(file="config.yaml", symbol="", line=line.text),
            ]
            checked.append(f"`{key}` is {line.value} and read in `{reads.file}`")
    return Finding(requirement, "implemented", tuple(evidence), f"{CHECKED}{'; '.join(checked)}.")


def _doubts(key: str, requirement: Requirement, plan: Plan, repository: Repository) -> Iterator[str]:
    """Why the setting shows nothing."""
    entry = next((entry for entry in plan.configuration.entries if entry.key == key), None)
    line = setting(key, repository)
    same_place = key in plan.anchors and plan.anchors[key] == plan.anchors.get(requirement.id)
    if entry is None or line is None:
        yield f"`config.yaml` holds no `{key}`" if line is None else f"the plan gives `{key}` no value"
    elif line.value != (planned := entry.model_dump(mode="json")["value"]):
        yield f"`{key}` is {line.value}, and was planned as {planned}"
    elif not mentions(requirement.quote, entry.value) and not same_place:
        source = (
            f"is quoted from [{plan.anchors[key]}], and" if key in plan.anchors else "has no quotation, and"
        )
        yield f"`{key}` {source} what is quoted for the requirement does not hold it"
    elif reading(key, repository) is None:
        path = naming(key, repository)
        yield (
            f"`{key}` is named in `{path}`, but not as a key that is read"
            if path
            else f"no code names `{key}`"
        )
