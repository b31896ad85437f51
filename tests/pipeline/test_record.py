from pathlib import Path

import pytest

from pipeline.coding.repository import RefusedPath, Repository
from pipeline.errors import ModelUnavailable, PipelineError
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


@pytest.mark.parametrize("by", ["nothing", "a folder", "a link"])
def test_nothing_is_written_into_a_folder_that_took_the_place_of_the_runs(tmp_path: Path, by: str) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    record = Record(out, ScriptedLLM({}), lambda progress: None)
    record.lay_out({"main.py": "finished\n"})
    out.rename(tmp_path / "moved")
    other.mkdir()
    if by == "a folder":
        out.mkdir()
    elif by == "a link":
        out.symlink_to(other)

    with pytest.raises(PipelineError, match="was moved, removed or replaced"):
        record.lay_out({"main.py": "new\n"})
    with pytest.raises(PipelineError, match="was moved, removed or replaced"):
        record.keep("paper.md", "")

    assert not list(other.iterdir()) and not (out.exists() and list(out.iterdir()))
    assert Repository.read(tmp_path / "moved/repository").files == {"main.py": "finished\n"}


def test_a_link_in_the_repositorys_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    record = Record(tmp_path / "out", ScriptedLLM({}), lambda progress: None)
    mine = record.lay_out({"main.py": "mine\n"}).rename(tmp_path / "mine")
    (tmp_path / "out/repository").symlink_to(mine)

    record.lay_out({"main.py": "new\n"})

    assert Repository.read(tmp_path / "out/repository").files == {"main.py": "new\n"}
    assert Repository.read(mine).files == {"main.py": "mine\n"}


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/paper.md").symlink_to(mine)

    Record(tmp_path / "out", ScriptedLLM({}), lambda progress: None).keep("paper.md", "new\n")

    assert (tmp_path / "out/paper.md").read_text() == "new\n" and mine.read_text() == "mine\n"


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
