import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.model.asking import Context
from pipeline.planning import scope
from pipeline.planning.documents import plan_documents
from pipeline.planning.plan import OpenQuestion, Placement, Plan, ScopeItem
from pipeline.planning.planning import Planner
from pipeline.reading.inventory import Inventory, Item
from pipeline.reading.paper import Block, Paper, Section
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.plans import LOGIC, PAPER, READING, REQUIREMENTS, recording

INVENTORY = Inventory(
    equations=tuple(Item(f"Eq{number}", "x = y") for number in range(1, 6)),
    algorithms=(Item("Alg1", "Algorithm 1: Sorting"),),
    figures=(Item("FigA1", "Figure A1: Curves"), Item("FigA2", "Figure A2: Bars")),
    tables=(Item("Tab1", "Table 1: Errors"), Item("Tab2", "Table 2: Opinions of people")),
    experiments=(Item("S4", "4 Experiments"),),
    datasets=(Item("Tab1", "CIFAR-10"),),
    baselines=(Item("Tab1", "ridge"), Item("Tab1", "lasso")),
)
ITEMS = scope.inventoried(INVENTORY)
IDS = {"R1", "R2"}
ALL = (
    Placement(items=("Eq1-Eq4", "Alg1", "[FigA1]–FigA2", "Tab1", "S4"), requirements=("R1", "R2")),
    Placement(items=("Eq5",), reason="proof only", why="a bound"),
    Placement(items=("Tab2",), reason="needs people", why="40 raters."),
    Placement(items=("Data1", "Base1", "lasso"), requirements=("R2",)),
)
EQUATIONS = Paper(
    title=PAPER.title,
    authors=PAPER.authors,
    abstract=PAPER.abstract,
    sections=(
        *PAPER.sections,
        Section(
            "S2",
            "2",
            "Theory",
            (Block("equation", "$$m = s / n$$", "Eq1"), Block("equation", "$$s = \\sum x$$", "Eq2")),
        ),
    ),
    references=(),
    source="markdown",
    published=PAPER.published,
)


def plan(
    llm: ScriptedLLM, paper: Paper = EQUATIONS, contract: int = 2, wish: str = "", most: int | None = None
) -> Plan:
    context = Context("system").extended("paper", paper.text())
    with ThreadPoolExecutor(1) as executor:
        told = Planner(paper, llm, context, executor, "full", (), lambda detail: None, contract, wish, most)  # type: ignore[arg-type]
        return told.plan()


def covering(*places: Placement) -> str:
    return REQUIREMENTS.model_copy(update={"places": places}).model_dump_json()


def test_everything_has_one_place() -> None:
    settled = scope.placed(ITEMS, ALL, IDS, wished=False)
    assert not scope.check(ITEMS, ALL, IDS, wished=False)
    assert [(item.anchor, item.why) for item in settled if not item.requirements] == [
        ("Eq5", "proof only: a bound"),
        ("Tab2", "needs people: 40 raters"),
    ]
    assert settled[0].requirements == ("R1", "R2")
    assert [item.requirements for item in settled if item.kind == "baselines"] == [("R2",), ("R2",)]


def test_the_model_sees_names_that_it_can_place() -> None:
    told = scope.listed(ITEMS)
    assert "equations: Eq1; Eq2; Eq3; Eq4; Eq5\n" in told
    assert "tables: Tab1 Errors; Tab2 Opinions of people\n" in told
    assert told.endswith("datasets: Data1 CIFAR-10\nbaselines: Base1 ridge; Base2 lasso")


@pytest.mark.parametrize(
    ("place", "finding"),
    [
        (Placement(items=("Eq9",), requirements=("R1",)), "'Eq9' is not in the inventory"),
        (Placement(items=("Eq1-Tab2",), requirements=("R1",)), "'Eq1-Tab2' is not in the inventory"),
        (Placement(items=("Eq1",), requirements=("R7",)), "'R7' is not a requirement"),
        (Placement(items=("Eq1",)), "Eq1: name the requirements that implement it"),
        (Placement(items=("Tab2",), reason="needs people"), "what it is that needs it"),
        (Placement(items=("Tab2",), reason="asked for by the person"), "nobody asked"),
        (Placement(items=("Eq1",), requirements=("R1",), reason="proof only", why="x"), "not both"),
    ],
)
def test_a_place_that_means_nothing_is_found(place: Placement, finding: str) -> None:
    assert any(finding in found for found in scope.check(ITEMS, (place,), IDS, wished=False))


def test_what_has_no_place_is_named_by_kind() -> None:
    found = scope.check(ITEMS, ALL[1:], IDS, wished=False)
    assert "These equations have no place: Eq1, Eq2, Eq3, Eq4." in found
    assert "These figures have no place: FigA1, FigA2." in found


def test_what_a_person_left_out_needs_a_person() -> None:
    place = (Placement(items=("Tab2",), reason="asked for by the person"),)
    assert not any("Tab2" in found for found in scope.check(ITEMS, place, IDS, wished=True))
    for wished, why in ((True, "asked for by the person"), (False, scope.UNPLACED)):
        (table,) = [i for i in scope.placed(ITEMS, place, IDS, wished) if i.anchor == "Tab2"]
        assert table.why == why


def test_a_requirement_outweighs_a_reason_in_whatever_order() -> None:
    left = Placement(items=("Tab2",), reason="needs people", why="raters")
    done = Placement(items=("Tab2",), requirements=("R1",))
    for places in ((left, done), (done, left)):
        (table,) = [i for i in scope.placed(ITEMS, places, IDS, False) if i.anchor == "Tab2"]
        assert (table.requirements, table.why) == (("R1",), "")


def test_what_is_placed_at_once_costs_no_call() -> None:
    llm = ScriptedLLM(
        recording() | {"plan.requirements": covering(Placement(items=("Eq1-Eq2",), requirements=("R1",)))}
    )
    made = plan(llm)
    assert "plan.requirements.places" not in llm.stages
    assert made.scope == tuple(
        ScopeItem(kind="equations", anchor=f"Eq{n}", label=label, requirements=("R1",))
        for n, label in ((1, "m = s / n"), (2, "s = \\sum x"))
    )


def test_what_is_not_placed_goes_back_once_and_then_counts_as_left_out() -> None:
    rest = {"places": [{"items": ["Eq2"], "reason": "proof only", "why": "a definition"}]}
    llm = ScriptedLLM(recording() | {"plan.requirements.places": json.dumps(rest)})
    made = plan(llm)
    assert made.scope
    assert [(item.anchor, item.why) for item in made.scope] == [
        ("Eq1", "unplaced"),
        ("Eq2", "proof only: a definition"),
    ]
    (asked,) = [prompt.task for prompt in llm.asked if prompt.stage == "plan.requirements.places"]
    assert "These equations have no place: Eq1, Eq2." in asked
    (told,) = [prompt.shared for prompt in llm.asked if prompt.stage == "plan.logic"]
    assert "- unplaced: [Eq1] m = s / n" in told


def test_a_plan_by_the_older_contract_is_asked_nothing_more() -> None:
    older = recording() | {
        stage: recording()[stage].replace("experiments.py", "main.py")
        for stage in ("plan.architecture", "plan.logic")
    }
    logic = json.loads(older["plan.logic"])
    del logic["experiments"]
    llm = ScriptedLLM(older | {"plan.logic": json.dumps(logic)})
    assert plan(llm, contract=1).scope is None
    assert not any("counted" in prompt.task for prompt in llm.asked)


@pytest.mark.parametrize(
    ("question", "assumption"),
    [
        ("Who rates the dialogues?", "The human study of Tab4 is not implemented."),
        ("Is the GPT judge part of it?", "Left out."),
        ("What does [Tab3] omit?", "The paper omits no ablation; we omit all of them."),
        ("What of AppD's benchmark?", "It needs a cluster; we leave the whole benchmark out."),
        ("Which corpus?", "The 1T-token experiment is skipped."),
        ("The baselines of [Tab2] are omitted.", "Yes."),
    ],
)
def test_leaving_something_out_is_no_open_question(question: str, assumption: str) -> None:
    assert scope.drops(OpenQuestion(question=question, assumption=assumption, why=""))


@pytest.mark.parametrize(
    ("question", "assumption"),
    [
        ("How is [Tab3]'s last batch treated?", "It is dropped, as the loader does by default there."),
        ("How is the validation set drawn?", "Seeded part of the training set; test set unused."),
        ("How are trees written?", "Depth-first brackets, words omitted, as in [KVparse15]."),
        ("Is there dropout in evaluation?", "None."),
        ("Which step size do the baselines have?", "0.1; the paper omits the baselines' settings."),
        ("How is the ablation seeded?", "Seeds 0 to 9, which Tab3 does not include."),
    ],
)
def test_an_open_question_is_one(question: str, assumption: str) -> None:
    assert not scope.drops(OpenQuestion(question=question, assumption=assumption, why=""))


def test_what_leaves_out_goes_back_once_and_is_refused_then() -> None:
    real = OpenQuestion(question="Which mean?", assumption="arithmetic", why="usual")
    dropping = OpenQuestion(question="Is Tab4 part of it?", assumption="The study is left out.", why="people")
    hidden = OpenQuestion(question="Which seed for Tab5?", assumption="Tab5 is skipped.", why="slow")
    restated = OpenQuestion(question="Which seed for Tab5?", assumption="0", why="any does")
    llm = ScriptedLLM(
        recording()
        | {
            "plan.overview": READING.model_copy(
                update={"unclear": (real, dropping, hidden)}
            ).model_dump_json(),
            "plan.overview.unclear": json.dumps({"unclear": [dropping.model_dump(), restated.model_dump()]}),
        }
    )
    assert plan(llm, PAPER).overview.unclear == (real, restated)
    (asked,) = [prompt.task for prompt in llm.asked if prompt.stage == "plan.overview.unclear"]
    assert "Is Tab4 part of it?" in asked
    assert "Which mean?" not in asked


def test_a_wrong_plan_is_corrected_for_later_steps_and_in_its_documents() -> None:
    wrong = {"where": "overview", "wrong": "The mean.", "right": "The arithmetic mean."}
    proven = wrong | {"quote": "The estimate is the arithmetic mean of all observations."}
    invented = {"where": "logic", "wrong": "Sum over", "right": "Total over", "quote": "no such words here"}
    logic = LOGIC.model_dump(mode="json") | {"corrections": [proven, invented]}
    llm = ScriptedLLM(recording() | {"plan.logic": json.dumps(logic)})
    made = plan(llm, PAPER)
    assert [correction.quote for correction in made.corrections] == [proven["quote"], ""]
    written = plan_documents(made)
    overview, design = written["docs/plan/overview.md"], written["docs/plan/logic.md"]
    assert "# Overview\n\nThe arithmetic mean.\n" in overview
    assert (
        "overview said “The mean.”. What holds: The arithmetic mean. The paper: “The estimate is" in overview
    )
    assert "Total over count." in design
    assert "no such words here" not in design
