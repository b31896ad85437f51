import json
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.planning import diagrams
from pipeline.planning.documents import plan_documents
from pipeline.planning.plan import (
    Architecture,
    Call,
    FileLogic,
    Function,
    Parameter,
    Plan,
    PlannedClass,
    PlannedFile,
)
from tests.pipeline.plans import LOGIC, PLAN

PARSER = Path(__file__).with_name("parse_mermaid.mjs")
WORDS = ["end", "class", "note", "title", "click", "style", "direction TB", "subgraph", "loop", "{", "x~y~"]
names = st.text(max_size=30) | st.sampled_from(
    [*WORDS, "", " ", "a;b", "-->", ":::", "#quot;", "<script>", "%%{init}%%", "a\nb", "`", '"']
)
parameters = st.builds(Parameter, name=names, type=names)
functions = st.builds(
    Function, name=names, parameters=st.lists(parameters, max_size=2), returns=names, purpose=names
)
classes = st.builds(
    PlannedClass,
    name=names,
    file=names,
    purpose=names,
    bases=st.lists(names, max_size=2),
    attributes=st.lists(parameters, max_size=2),
    methods=st.lists(functions, max_size=2),
)
architectures = st.builds(
    Architecture,
    files=st.lists(st.builds(PlannedFile, path=names, purpose=names), max_size=3),
    classes=st.lists(classes, max_size=3),
    calls=st.lists(st.builds(Call, caller=names, callee=names, message=names), max_size=3),
)
files = st.builds(
    FileLogic,
    path=names,
    logic=names,
    functions=st.lists(functions, max_size=2),
    depends_on=st.lists(names, max_size=2),
    requirements=st.just(()),
)


def drawn(plan: Plan) -> list[str]:
    return [diagrams.classes(plan), diagrams.sequence(plan), diagrams.dependencies(plan)]


def refused(texts: list[str]) -> list[str]:
    """What the real mermaid package cannot parse."""
    result = subprocess.run(
        ["node", str(PARSER)],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
        timeout=250,
    )
    answer: list[str] = json.loads(result.stdout)
    return answer


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    """Plans with nasty names, found by hypothesis; collected, for one start of mermaid takes its time."""
    found: list[Plan] = []

    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    @given(architectures, st.lists(files, max_size=3))
    def collect(architecture: Architecture, logic: list[FileLogic]) -> None:
        designed = LOGIC.model_copy(update={"files": tuple(logic)})
        found.append(PLAN.model_copy(update={"architecture": architecture, "logic": designed}))

    collect()
    return found


def test_mermaid_parses_the_diagrams_of_any_plan(plans: list[Plan]) -> None:
    assert refused([text for plan in plans for text in drawn(plan)]) == []


def test_mermaid_parses_the_diagrams_as_they_are_delivered() -> None:
    message = "call @mean(values: list[float]) of #12, see https://example.org " * 8
    calls = (Call(caller="experiments.py", callee="estimator.py", message=message),)
    plan = PLAN.model_copy(update={"architecture": PLAN.architecture.model_copy(update={"calls": calls})})
    delivered = plan_documents(plan)["docs/plan/architecture.md"]
    blocks = re.findall(r"```mermaid\n(.*?)\n```", delivered, re.DOTALL)
    assert blocks == drawn(plan)
    assert refused(blocks) == []


def test_a_long_message_is_shown_in_rows_and_ends_with_a_word_or_an_ellipsis() -> None:
    def shown(message: str) -> list[str]:
        calls = (Call(caller="experiments.py", callee="estimator.py", message=message),)
        architecture = PLAN.architecture.model_copy(update={"calls": calls})
        text = diagrams.sequence(PLAN.model_copy(update={"architecture": architecture}))
        return text.partition("p0->>p1: ")[2].split("<br/>")

    rows = shown("predict then learn " * 10)
    assert " ".join(rows) == ("predict then learn " * 10).strip()
    cut = shown("predict then learn " * 50)
    assert cut[-1].endswith((" predict #8230;", " then #8230;", " learn #8230;"))


def test_every_word_that_means_something_to_mermaid_is_a_harmless_name() -> None:
    texts = []
    for word in WORDS:
        function = Function(
            name=word, parameters=(Parameter(name=word, type=word),), returns=word, purpose=""
        )
        planned = PlannedClass(
            name=word,
            file=word,
            purpose="",
            bases=(word,),
            attributes=function.parameters,
            methods=(function,),
        )
        architecture = Architecture(
            files=(), classes=(planned,), calls=(Call(caller=word, callee="b", message=word),)
        )
        logic = FileLogic(path=word, logic="", functions=(function,), depends_on=(word,), requirements=())
        plan = PLAN.model_copy(
            update={"architecture": architecture, "logic": LOGIC.model_copy(update={"files": (logic,)})}
        )
        texts += drawn(plan)
    assert refused(texts) == []


def test_the_parser_that_we_trust_refuses_what_is_wrong() -> None:
    assert len(refused(["flowchart TD\n a -->", "flowchart TD\n a --> b"])) == 1


def test_the_diagrams_show_the_plan() -> None:
    assert diagrams.dependencies(PLAN).splitlines()[1:] == [
        '  f0["estimator.py"]',
        '  f1["experiments.py"]',
        "  f1 --> f0",
    ]
    assert "p0->>p1: mean#40;values#41;" in diagrams.sequence(PLAN)
    assert "mean(values) float" in diagrams.classes(PLAN)


def test_a_method_in_the_call_flow_is_drawn_at_its_class() -> None:
    method = Function(name="fit", parameters=(), returns="None", purpose="")
    planned = PlannedClass(
        name="Model", file="model.py", purpose="", bases=(), attributes=(), methods=(method,)
    )
    calls = (
        Call(caller="experiments", callee="Model.fit", message="go"),
        Call(caller="experiments.py", callee="Model", message=""),
    )
    architecture = PLAN.architecture.model_copy(update={"classes": (planned,), "calls": calls})
    shown = diagrams.sequence(PLAN.model_copy(update={"architecture": architecture}))
    assert shown.count("participant") == 2
