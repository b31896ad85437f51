from typing import Any

from bot.words.numbers import numbers
from pipeline.planning.reported import ReportedNumber
from pipeline.proving.results import Run, compared, entry


def results(*values: float, hostile: str = "ours") -> list[dict[str, Any]]:
    paper = [
        ReportedNumber(
            **{
                "experiment": "table2",
                "method": method,
                "metric": "accuracy",
                "anchor": "Tab2",
                "table": 0,
                "step": 0.1,
            },
            **{"row": row, "row_name": name, "column_name": "accuracy | %", "value": value},
        )
        for row, (method, name, value) in enumerate((("ours", hostile, 90.0), ("other", "baseline", 86.0)))
    ]
    runs = [
        Run(
            mode="full",
            experiment="table2",
            method=method,
            seed=0,
            status="done",
            metrics={"accuracy": v},
            ended=1,
        )
        for method, v in zip(("ours", "other"), values, strict=False)
    ]
    return [entry(result, "smoke") for result in compared(paper, runs)]


def test_the_paper_s_table_has_our_numbers_and_verdicts_in_words() -> None:
    text = numbers({"results": results(80.0, 86.04), "mode": "full"}, 20)
    assert "2 numbers of the paper: 1 verified, 1 our run disagrees." in text
    assert "|  | accuracy \\| % |" in text
    assert "| ours | 90.0<br>**80.00** (1 seed) ❌ our run disagrees |" in text
    assert "| baseline | 86.0<br>**86.04** (1 seed) ✅ verified |" in text
    assert "falsified" not in text


def test_a_number_in_a_sentence_keeps_its_unit() -> None:
    paper = ReportedNumber(
        experiment="corpus",
        method="default",
        metric="pairs",
        anchor="S5",
        quote="36M pairs",
        value=36.0,
        step=1,
        factor=1e-6,
    )
    runs = [
        Run(
            mode="full",
            experiment="corpus",
            method="default",
            seed=0,
            status="done",
            metrics={"pairs": 35_800_000},
            ended=1,
        )
    ]
    shown = [entry(result, "full") for result in compared([paper], runs)]
    (row,) = [line for line in numbers({"results": shown, "mode": "full"}, 20).split("\n") if "36M" in line]
    assert "pairs`, in millions |" in row
    assert "36<br>**35.8**" in row


def test_where_nothing_was_run_nothing_is_beside_the_paper() -> None:
    text = numbers({"results": results(), "mode": "smoke"}, 20)
    assert "2 not run" in text and "tiny data" in text and "`docs/results.md`" in text
    assert "| " not in text


def test_without_a_planned_number_there_is_no_such_part() -> None:
    assert numbers({"results": [], "mode": "smoke"}, 20) == numbers({"mode": "smoke"}, 20) == ""


def test_names_of_the_paper_stay_text() -> None:
    text = numbers({"results": results(90.0, hostile="@octocat <b>|x"), "mode": "full"}, 20)
    assert "@octocat" not in text and "<b>" not in text.replace("\\<b", "")


def test_a_description_without_room_counts_alone() -> None:
    text = numbers({"results": results(90.0), "mode": "full"}, 0)
    assert "| " not in text and "1 verified" in text
