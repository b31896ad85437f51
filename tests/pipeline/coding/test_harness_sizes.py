"""What the harness says that experiments take, and how it fits them into minutes."""

import json

from tests.pipeline.coding.test_harness import EXPERIMENTS, Room, room

__all__ = ["room"]

SLOW = EXPERIMENTS.replace("        step += 1\n", "        step += 1\n        time.sleep(0.01)\n")
LONG = "walk: {steps: 1000000, kept: 50000, rate: 0.1, seeds: [0, 1, 2]}\n"
LONG += "smoke: {walk: {steps: 4, kept: 2, rate: 0.5}}\n"
UNSAVED = EXPERIMENTS.replace("        run.checkpoint(step=step, x=x)\n", "")


def test_what_a_run_takes_is_measured_on_its_beginning_and_counted_in_steps(room: Room) -> None:
    room.write("experiments.py", SLOW)
    room.write("config.yaml", LONG)
    said = room("estimate", "--minutes", "0.1")
    told = {e["name"]: e for e in json.loads((room.folder / "results/estimate.json").read_text())}
    assert (told["walk"]["runs"], told["walk"]["steps"], told["walk"]["how"]) == (6, 1_000_000, "begun")
    assert told["walk"]["seconds"] >= 10_000 and told["walk"]["memory_gib"] > 0
    assert (told["read"]["how"], told["read"]["memory_gib"]) == ("planned", None)
    assert "| walk | 6 | 1000000 |" in said


def test_where_no_step_of_full_size_was_seen_those_of_the_smoke_run_count(room: Room) -> None:
    slow = "        time.sleep(0.01 if run.config['walk']['steps'] < 10 else 60)\n        step += 1\n"
    room.write("experiments.py", EXPERIMENTS.replace("        step += 1\n", slow))
    room.write("config.yaml", LONG)
    room("estimate", "--minutes", "0.02")
    told = {e["name"]: e for e in json.loads((room.folder / "results/estimate.json").read_text())}
    assert (told["walk"]["how"], told["walk"]["steps"]) == ("smoke", 1_000_000)
    assert told["walk"]["seconds"] >= 10_000


def test_a_scaled_run_lowers_lengths_alone_and_together_and_says_what_is_missing(room: Room) -> None:
    room.write("experiments.py", SLOW)
    room.write("config.yaml", LONG)
    room("run", "walk", "--mode", "scaled", "--minutes", "0.3")
    lowered = room.results["lowered"]
    assert lowered.keys() == {"walk.steps"} and 4 <= lowered["walk.steps"][1] < 1_000_000
    assert room.results["mode"] == "scaled"
    statuses = room.statuses()
    assert "done" in statuses.values() and statuses["read", "default", 0] == "skipped"
    assert not room.runs("results/full/*/*/*.json")
    # Whoever reports later reads the same sizes.
    assert (
        "Tab1" in room("report", "--mode", "scaled") + (room.folder / "results/scaled/report.md").read_text()
    )


def test_what_fits_is_run_as_it_stands(room: Room) -> None:
    room("run", "walk", "--mode", "scaled", "--minutes", "5")
    assert "lowered" not in room.results
    assert [status for (name, *_), status in room.statuses().items() if name == "walk"] == ["done"] * 6


def test_a_run_that_saves_nothing_is_stopped_when_the_time_is_over(room: Room) -> None:
    room.write("experiments.py", UNSAVED.replace("        step += 1\n", "        time.sleep(0.01)\n"))
    said = room("run", "walk", "--seed", "0", "--minutes", "0.02")
    assert "skipped: the time is over, and it saves no checkpoint" in said


def test_a_run_that_was_begun_and_did_not_end_is_not_called_planned(room: Room) -> None:
    slow = UNSAVED.replace("        step += 1\n", "        step += 1\n        time.sleep(0.05)\n")
    room.write("experiments.py", slow.replace('seeds="walk.seeds")', 'seeds="walk.seeds", minutes=0.001)'))
    room.write("config.yaml", LONG)
    room("estimate", "--minutes", "0.02")
    told = {e["name"]: e for e in json.loads((room.folder / "results/estimate.json").read_text())}
    assert (told["walk"]["how"], told["walk"]["steps"]) == ("begun", 0)
