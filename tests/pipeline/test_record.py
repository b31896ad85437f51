from pathlib import Path

import pytest

from pipeline.coding.repository import RefusedPath, Repository
from pipeline.errors import ModelUnavailable
from pipeline.progress import Progress
from pipeline.record import Record
from tests.fakes.scripted import ScriptedLLM


@pytest.mark.parametrize(
    "refused",
    [{"main.py": "x = '\ud800'"}, {"../main.py": ""}, {"a": "", "a/b": ""}],
    ids=["text", "path", "both"],
)
def test_a_finished_repository_stays_where_its_replacement_cannot_be_written(
    tmp_path: Path, refused: dict[str, str]
) -> None:
    record = Record(tmp_path, ScriptedLLM({}), lambda progress: None)
    record.lay_out({"main.py": "finished\n"})

    with pytest.raises(RefusedPath):
        record.lay_out(refused)

    assert Repository.read(tmp_path / "repository").files == {"main.py": "finished\n"}


def test_what_was_laid_out_before_is_gone_afterwards(tmp_path: Path) -> None:
    record = Record(tmp_path, ScriptedLLM({}), lambda progress: None)
    record.lay_out({"old.py": "", "folder/old.py": ""})

    directory = record.lay_out({"main.py": "new\n"})

    assert Repository.read(directory).files == {"main.py": "new\n"}
    assert [path.name for path in tmp_path.iterdir()] == ["repository"]


@pytest.mark.parametrize(
    ("error", "told"),
    [(ModelUnavailable("The service is busy."), "The service is busy."), (ValueError("key-of-somebody"), "")],
    ids=["ours", "nobody's"],
)
def test_a_stage_that_fails_says_why_in_words(tmp_path: Path, error: Exception, told: str) -> None:
    events: list[Progress] = []
    record = Record(tmp_path, ScriptedLLM({}), events.append)
    with pytest.raises(type(error)), record.stage("plan"):
        raise error
    assert (events[-1].state, events[-1].detail) == ("failed", told)
