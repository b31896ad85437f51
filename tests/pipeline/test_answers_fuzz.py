"""Whatever a model answers: a repository with a report that is one, or an error in words."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.coding import edits
from pipeline.coding.repository import Repository
from pipeline.errors import PipelineError
from tests.pipeline.plans import recording
from tests.pipeline.test_reproduce import run

TEXTS = st.text(max_size=30)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from(
        ["../a.py", "a.py", "main.py", ".github/x.yml", "{a}{b}", "a" * 5000, "R1", "table1", 10**400]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
PIECES = st.sampled_from(
    [
        "<<<<<<< SEARCH",
        "=======",
        ">>>>>>> REPLACE",
        "```python",
        "```",
        "~~~",
        "main.py",
        "../other.py",
        "### `pkg/new.py`",
        "a = 1",
        "    a = 1",
        "",
    ]
)
STRUCTURED = [stage for stage, text in recording().items() if text.startswith("{")]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Where a value of an answer could be another."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, inner in items for found in [(value, key), *places(inner)]]


def reproduced(answers: dict[str, str], factory: pytest.TempPathFactory) -> None:
    out: Path = factory.mktemp("out")
    try:
        made, _, _ = run(out, answers)
    except PipelineError as error:
        assert str(error).strip()
        return
    json.dumps(made.report).encode()
    assert all(".." not in path.split("/") for path in made.files)


@settings(max_examples=max(10, settings.default.max_examples // 5))
@given(stage=st.sampled_from(STRUCTURED), data=st.data())
def test_any_structured_answer_becomes_a_repository_or_an_error(
    stage: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    answer = json.loads(recording()[stage])
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = data.draw(st.sampled_from(places(answer)))
        holder[key] = data.draw(VALUES)
    reproduced(recording() | {stage: json.dumps(answer)}, tmp_path_factory)


@settings(max_examples=max(10, settings.default.max_examples // 5))
@given(
    stage=st.sampled_from(list(recording())),
    text=TEXTS | st.lists(PIECES | TEXTS, max_size=12).map("\n".join) | st.just("[" * 9000),
)
def test_any_other_answer_becomes_a_repository_or_an_error(
    stage: str, text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    reproduced(recording() | {stage: text}, tmp_path_factory)


@given(lines=st.lists(PIECES | TEXTS, max_size=30), text=st.lists(PIECES, max_size=10).map("\n".join))
def test_any_answer_is_edits_or_says_what_is_wrong(lines: list[str], text: str) -> None:
    repository = Repository({"main.py": text})
    try:
        after = edits.apply(repository, edits.parse("\n".join(lines)))
    except edits.EditError as error:
        assert str(error).strip()
    else:
        assert edits.lines_changed(repository, after) >= 0
