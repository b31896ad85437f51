"""Somebody who did not write it reads what was made before anybody gets it, and what is found is mended."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.coding.repository import Repository
from pipeline.model.asking import Context
from pipeline.planning.plan import OpenQuestion, ScopeItem
from pipeline.proving.reviewer import shown
from pipeline.reproduce import Options, Reproduction, reproduce
from sandbox.report import LineCoverage
from tests.conftest import available
from tests.fakes.scripted import Answer, ScriptedLLM
from tests.pipeline.plans import (
    ESTIMATOR,
    PAPER,
    PLAN,
    RATE,
    READING,
    REQUIREMENTS,
    fenced,
    judgements,
    old_recording,
    opinion,
    recording,
    remark,
)
from tests.pipeline.running.test_fixing import report

LINE, BETTER = "return total / len(values)", "return total / values.size"
MENDING = (
    "The count is the array's.\n\nestimator.py\n"
    f"<<<<<<< SEARCH\n    {LINE}\n=======\n    {BETTER}\n>>>>>>> REPLACE\n"
)
BREAKING = MENDING.replace("values.size", "values.length")


def run(
    out: Path, answers: Mapping[str, Answer], packages: Path | None = None, **options: Any
) -> tuple[Reproduction, ScriptedLLM]:
    llm = ScriptedLLM({**recording(), **answers})
    sandbox = available("local") if packages else None
    made = reproduce(
        PAPER,
        llm=llm,
        sandbox=sandbox,
        out=out,
        options=Options(packages=packages or out, concurrency=2, **options),
        observe=lambda event: None,
    )
    return made, llm


def asked(llm: ScriptedLLM, stage: str) -> str:
    return next(prompt.shared + prompt.task for prompt in llm.asked if prompt.stage == stage)


def test_who_reviews_sees_paper_code_and_what_ran_and_nothing_that_the_writer_says_of_it(
    tmp_path: Path, packages: Path
) -> None:
    told = ESTIMATOR.replace("    total =", "    # Exactly as the paper has it.\n    total =")
    unclear = OpenQuestion(question="Which seed?", assumption="Any.", why="It is silent.")
    reading = READING.model_copy(update={"unclear": (unclear,), "summary": "Faithful in every way."})
    answers = {"code.estimator.py": fenced(told), "plan.overview": reading.model_dump_json()}
    made, llm = run(tmp_path, answers, packages)
    assert made.status == "runs"
    reviews = [prompt for prompt in llm.asked if prompt.stage in ("audit", "judge.1")]
    assert len(reviews) == 2 and len({prompt.shared for prompt in reviews}) == 1, "one has it read for both"
    writers = next(prompt for prompt in llm.asked if prompt.stage == "code.estimator.py")
    assert {prompt.system for prompt in reviews} != {writers.system}
    seen = reviews[0].shared
    for told_ in (
        "The estimate is the arithmetic mean of all observations.",  # the paper
        "R1 (algorithm, weight 3): The estimate is the sum divided by the count The paper [S1]: “The estimate is",
        "Which seed? Assumed: Any.",
        LINE,
        "seed: 0",
        "smoke, `python3 main.py --smoke`: passed",
    ):
        assert told_ in seen
    for hidden in (
        "Exactly as the paper has it",
        "Arithmetic mean [S1]",
        "Faithful in every way",
        "Sum over count",
    ):
        assert hidden not in seen
    for known in ("def summary(self", '"requirements.txt"', "table1_error: "):
        assert known not in seen, "neither the harness, nor pins, nor numbers of tiny data"
    for unseen in ("README", " plan"):
        assert not any(unseen in prompt.task for prompt in reviews), "what is not shown is not spoken of"


def test_who_reviews_knows_what_was_left_out_and_why() -> None:
    asked_for = ScopeItem(kind="tables", anchor="Tab2", label="Ablation", why="asked for by the person")
    done = ScopeItem(kind="equations", anchor="Eq1", label="Mean", requirements=("R1",))
    plan = PLAN.model_copy(update={"scope": (asked_for, done)})
    seen = shown(Context(""), plan, Repository({"estimator.py": ESTIMATOR}), None).shared
    assert "asked for by the person: Ablation [Tab2]" in seen and "Eq1" not in seen


def test_what_is_said_to_have_run_is_the_code_and_no_tests() -> None:
    lines = LineCoverage(frozenset({1, 2}), frozenset({1}))
    test = "tests/test_estimator.py"
    ran = replace(report(), coverage={"estimator.py": lines, test: lines})
    seen = shown(Context(""), PLAN, Repository({"estimator.py": ESTIMATOR, test: ESTIMATOR}), ran).shared
    assert "estimator.py: 1 of 2 executable lines ran" in seen and "tests/" not in seen


def test_a_fault_that_no_requirement_asks_about_is_mended_before_delivery(
    tmp_path: Path, packages: Path
) -> None:
    fault = remark(text="The count is of rows [S1].", requirement="")
    answers = {
        "judge.1": opinion(
            3, fault, remark(severity="low", symbol="", line="import numpy as np", requirement="")
        ),
        "repair.1": MENDING,
        "audit.1": opinion(5, judged=judgements(BETTER)),
    }
    made, llm = run(tmp_path, answers, packages)
    assert made.status == "runs" and BETTER in made.files["estimator.py"]
    repair = next(prompt.task for prompt in llm.asked if prompt.stage == "repair.1")
    assert "1. medium, estimator.py, mean" in repair and "2. low" not in repair
    judge = made.report["judge"]
    assert (judge["score"], [each["severity"] for each in judge["critiques"]]) == (5, ["low"])
    assert "estimator.py: The count is of rows [S1]." in made.commits[-2].body
    tried = [attempt["remedy"] for attempt in made.report["attempts"]]
    assert "what the review found: a fault in estimator.py" in tried


def test_a_second_look_is_at_what_changed(tmp_path: Path, packages: Path) -> None:
    answers = {
        "judge.1": opinion(3, remark(requirement="")),
        "repair.1": MENDING,
        "audit.1": opinion(5, judged=judgements(BETTER)),
    }
    made, llm = run(tmp_path, answers, packages)
    task = next(prompt.task for prompt in llm.asked if prompt.stage == "audit.1")
    assert f"-    {LINE}\n+    {BETTER}" in task
    assert "settings = run.config" not in task, "a file that did not change is not shown again"
    assert "Judge these requirements anew: R1." in task and "R2" not in task
    assert made.report["requirements"]["items"][0]["evidence"][0]["symbol"] == "mean"


def test_a_note_on_what_was_mended_since_is_not_delivered(tmp_path: Path, packages: Path) -> None:
    first, second = json.loads(judgements(verdict="partial")), json.loads(judgements(BETTER))
    first["judgements"][1]["note"] = "It rests on `mean`, which divides by a length."
    second["judgements"] = second["judgements"][:1]
    answers = {
        "audit": json.dumps(first),
        "repair.1": MENDING,
        "audit.1": opinion(5, judged=json.dumps(second)),
    }
    made, _ = run(tmp_path, answers, packages)
    assert BETTER in made.files["estimator.py"]
    mended, resting = made.report["requirements"]["items"]
    assert (mended["verdict"], resting["verdict"], resting["note"]) == ("implemented", "implemented", "")


def test_a_repair_that_breaks_is_reverted_and_what_remains_is_shown(tmp_path: Path, packages: Path) -> None:
    fault = remark(severity="high", text="The count is of rows [S1].")
    answers = {"judge.1": opinion(3, fault), "repair.1": BREAKING, "repair.2": "It cannot be mended."}
    made, llm = run(tmp_path, answers, packages)
    assert made.status == "runs" and LINE in made.files["estimator.py"]
    assert "has no attribute 'length'" in asked(llm, "repair.2")
    assert "audit.1" not in llm.stages, "nothing has changed that could be looked at again"
    (critique,) = made.report["judge"]["critiques"]
    assert (critique["path"], critique["start"], critique["severity"]) == ("estimator.py", 9, "high")
    for document in ("README.md", "docs/execution-report.md"):
        assert "The count is of rows" in made.files[document], document
    assert "Doubted by the judge (high, estimator.py:9)" in made.files["docs/plan/requirements.md"]


def test_a_fault_that_a_repair_leaves_or_makes_stands_where_it_is_now(tmp_path: Path, packages: Path) -> None:
    again = [
        remark(number=1, line=BETTER, text="Still of rows.", requirement=""),
        remark(number=0, line=BETTER, severity="low", text="Slower.", requirement=""),
    ]
    second = opinion(4, *again, judged=judgements(BETTER))
    answers = {
        "judge.1": opinion(3, remark(requirement="")),
        "repair.1": MENDING,
        "audit.1": second,
        "repair.2": "No.",
    }
    made, _ = run(tmp_path, answers, packages)
    found = made.report["judge"]["critiques"]
    assert [(each["text"], each["start"]) for each in found] == [("Still of rows.", 9), ("Slower.", 9)]
    assert "rows" not in made.commits[-2].body, "it is not said to be mended"


def test_the_judge_can_be_switched_off_or_asked_more_than_once(tmp_path: Path) -> None:
    without, llm = run(tmp_path / "none", {}, judge=0)
    assert without.report["judge"] is None and without.judgement is None and "judge.1" not in llm.stages
    looked = json.loads(opinion(3, remark())) | {"checked": "Eq1, the mean's count"}
    twice, _ = run(tmp_path / "two", {"judge.2": json.dumps(looked)}, judge=2)
    assert twice.report["judge"]["checked"] == ["Eq1, the mean's count"]
    assert "Looked for: Eq1, the mean's count." in twice.files["README.md"]
    assert (twice.report["judge"]["score"], twice.report["judge"]["scores"]) == (3.5, [4, 3])
    assert twice.report["models"]["judge"]["calls"] == 2


def test_what_is_delivered_stands_without_an_opinion_and_says_so(tmp_path: Path) -> None:
    bad = dict.fromkeys(("judge.1", "judge.1#2", "judge.1#3"), "I like it.")
    made, _ = run(tmp_path, bad)
    judge = made.report["judge"]
    assert judge["score"] is None and "judge.1" in judge["why_not"]
    assert made.report["requirements"]["implemented"] == 2
    assert "not judged" in made.files["README.md"]


def test_a_long_list_is_judged_in_parts_side_by_side(tmp_path: Path) -> None:
    many = tuple(
        RATE.model_copy(update={"id": f"R{number}", "text": f"Thing {number} is done."})
        for number in range(1, 34)
    )
    logic = json.loads(recording()["plan.logic"])
    for file in logic["files"]:
        file["requirements"] = [requirement.id for requirement in many]
    verdict = json.loads(judgements())["judgements"][0]

    def part(first: int, last: int) -> str:
        return json.dumps(
            {"judgements": [verdict | {"id": f"R{number}"} for number in range(first, last + 1)]}
        )

    answers = {
        "plan.requirements": REQUIREMENTS.model_copy(update={"requirements": many}).model_dump_json(),
        "plan.logic": json.dumps(logic),
        "audit.1of3": part(1, 11),
        "audit.2of3": part(12, 22),
        "audit.3of3": part(23, 33),
    }
    made, llm = run(tmp_path, answers)
    assert made.report["requirements"]["implemented"] == 33
    assert "R12, R13" in asked(llm, "audit.2of3").split("# Task")[1]
    assert "R11" not in asked(llm, "audit.2of3").split("# Task")[1]


def test_answers_by_the_contract_before_hold_the_whole_audit_and_no_opinion(tmp_path: Path) -> None:
    """As the recordings of HYLA, the Transformer and tanh-init do, whose `audit.1` names no faults either."""
    answers = {stage: text for stage, text in old_recording().items() if stage != "judge.1"}
    llm = ScriptedLLM(answers)
    options = Options(packages=tmp_path, concurrency=2, contract=1)
    made = reproduce(PAPER, llm=llm, sandbox=None, out=tmp_path, options=options, observe=lambda event: None)
    assert made.report["requirements"]["implemented"] == 2
    assert "judge.1" in made.report["judge"]["why_not"]
