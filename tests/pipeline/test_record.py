from pathlib import Path

import pytest

from pipeline.coding.repository import RefusedPath, Repository
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
