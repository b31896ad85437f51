"""A file that somebody asked for is there as a whole, or as it was."""

import os
import threading
from pathlib import Path

import pytest

from sandbox.files import write_whole


def test_what_cannot_be_written_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "report.json"
    write_whole(file, "earlier")

    with pytest.raises(UnicodeEncodeError):
        write_whole(file, "half of \ud800")
    monkeypatch.setattr(Path, "replace", _no_space)
    with pytest.raises(OSError):
        write_whole(file, "another")

    assert file.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [file]


def _no_space(self: Path, target: Path) -> None:
    raise OSError("No space left on device")


def test_a_link_is_followed_and_a_pipe_written_to(tmp_path: Path) -> None:
    link, pipe, read = tmp_path / "link", tmp_path / "pipe", list[str]()
    link.symlink_to(tmp_path / "file")
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()

    write_whole(link, "text")
    write_whole(pipe, "text")

    reader.join()
    assert link.is_symlink() and (tmp_path / "file").read_text() == "text"
    assert pipe.is_fifo() and read == ["text"]
