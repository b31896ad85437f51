"""What a repository gets of what it asks for."""

from pathlib import Path

import pytest

from bot.intake.configuration import ConfigurationInvalid, Run, overridden, read
from bot.work.tools import granted
from settings import Settings


def test_a_host_gives_what_it_allows_and_says_what_it_does_not(tmp_path: Path) -> None:
    settings = Settings(max_minutes=20, max_memory=2048, datasets={"digits": tmp_path})
    run, said = granted(Run(mode="full", minutes=90, memory="8g", gpus=2, data=("digits", "faces")), settings)
    assert (run.minutes, run.memory_bytes, run.gpus, run.data) == (20, 2048 * 2**20, 0, ("digits",))
    assert said == (
        "This repository asks for 90 minutes; this host gives at most 20.",
        "This repository asks for 8192 MiB of memory; this host gives at most 2048.",
        "This repository asks for 2 GPUs; this host gives at most 0.",
        "This host lends no data named faces: what needs them is skipped.",
    )
    assert granted(Run(), Settings()) == (Run(), ())
    assert granted(Run(), Settings(max_cpus=1))[1] == (
        "By default a run has 2 CPUs; this host gives at most 1.",
    )


def test_a_mode_is_asked_for_in_a_file_or_a_command_and_full_is_one() -> None:
    assert read("run: {full: true}").run.mode == "full"
    asked = read("run: {mode: scaled, minutes: 30}")
    assert (asked.run.mode, asked.run.minutes) == ("scaled", 30)
    assert overridden(asked, (("mode", "smoke"),)).run.mode == "smoke"
    assert overridden(asked, (("full", "true"),)).run.mode == "full"


@pytest.mark.parametrize("path", ["/etc", "../data", "a/b", "~"])
def test_a_path_of_data_is_refused_in_words(path: str) -> None:
    with pytest.raises(
        ConfigurationInvalid, match="by the name under which the host lends them, never by a path"
    ):
        read(f"run: {{data: ['{path}']}}")
