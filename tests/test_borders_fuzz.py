"""What others hand us becomes a value or a finding, whatever it is: sandbox answers, payloads, configuration."""

import base64
import copy
import dataclasses
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.intake import intake
from bot.intake.commands import Command, Mistake, parse
from bot.intake.configuration import ConfigurationInvalid, read
from bot.intake.jobs import REQUEST
from pipeline.coding.repository import Repository
from pipeline.proving.results import runs_of
from pipeline.running.longer import Afterwards, estimate_of
from pipeline.running.probing import Probed, probe
from sandbox import submission
from sandbox.contents import Contents, contents
from sandbox.execution import _coverage
from sandbox.report import (
    LONGEST_PROBLEM,
    MOST_PROBLEMS,
    CommandResult,
    Environment,
    ExecutionReport,
    Limits,
    PhaseResult,
)
from sandbox.results import Results, of_harness, of_program
from sandbox.steps import File, Stepped

TEXTS = st.text(alphabet=st.characters(exclude_categories=()), max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
RESULTS = st.fixed_dictionaries(
    {
        "mode": st.just("smoke") | VALUES,
        "metrics": VALUES | st.dictionaries(TEXTS, VALUES),
        "undefined": VALUES,
        "runs": VALUES,
    }
)

PROBED = st.fixed_dictionaries(
    {
        "tests": st.dictionaries(TEXTS, TEXTS) | VALUES,
        "calls": st.dictionaries(TEXTS, st.lists(TEXTS)) | VALUES,
        "mutants": st.just([]) | VALUES,
        "untried": st.integers() | VALUES,
        "unseen": st.lists(TEXTS) | VALUES,
    }
)
SUBMITTED = st.fixed_dictionaries(
    {
        "timed_out": st.booleans() | VALUES,
        "log": st.binary().map(lambda said: base64.b64encode(said).decode()) | VALUES,
        "made": st.lists(st.tuples(TEXTS, st.integers())) | VALUES,
        "count": st.integers() | VALUES,
    }
)
LONGER = {
    "runs": st.lists(st.fixed_dictionaries({"status": st.just("done") | VALUES}) | VALUES) | VALUES,
    "lowered": st.dictionaries(TEXTS, st.lists(VALUES, min_size=2, max_size=2)) | VALUES,
    "metrics": st.dictionaries(TEXTS, VALUES) | VALUES,
}
RUN = {
    "experiment": st.just("table2"),
    "method": st.just("ours"),
    "seed": st.just(0),
    "status": st.just("done"),
    "metrics": st.dictionaries(TEXTS, st.floats() | st.integers()) | VALUES,
    "ended": st.floats() | VALUES,
}

EXAMPLES = json.loads(
    (Path(__file__).parent / "node_modules/@octokit/webhooks-examples/api.github.com/index.json").read_text()
)
PAYLOADS = [
    (event["name"], example)
    for event in EXAMPLES
    if event["name"] in {name for name, _ in intake._READERS | intake._ENDINGS}
    for example in event["examples"]
]
NOT_GITHUBS = KeyError, TypeError, ValueError, AttributeError
"""What `intake.read` says of it, and the web process answers with 400."""


def written_down(value: Any) -> None:
    """As reports are."""
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


@pytest.mark.parametrize("read_as", [of_program, of_harness])
@given(said=RESULTS | VALUES, promised=st.lists(st.sampled_from(["loss", r"loss_(?>\w+?_)\w+"])))
def test_results_are_numbers_and_bounded_sentences(
    read_as: Callable[..., Results], said: Any, promised: list[str]
) -> None:
    results = read_as(json.dumps(said).encode(), "smoke", promised)

    phase = PhaseResult("smoke", CommandResult((), 0, 0.0, "", ""), results.problems)
    "".join([*results.metrics, *results.undefined, *results.undefined.values(), *phase.problems]).encode()
    assert len(phase.problems) <= MOST_PROBLEMS + 1
    assert all(len(problem) <= 6 * LONGEST_PROBLEM for problem in phase.problems)


@given(data=st.binary(max_size=50))
def test_bytes_are_results_or_a_problem(data: bytes) -> None:
    results = of_program(data, "smoke", ())

    assert results.problems or results.metrics


@given(
    said=VALUES | st.fixed_dictionaries({"secret": VALUES.filter(lambda it: it != "secret"), "lines": VALUES})
)
def test_whoever_does_not_know_the_secret_claims_no_line(said: Any, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "main.py").write_text("a = 1\n")

    found = _coverage(Contents(folder, {"main.py": 6}), json.dumps(said).encode(), "secret")

    assert not found["main.py"].executed


@given(lines=VALUES | st.dictionaries(st.just("/work/main.py"), VALUES | st.lists(VALUES | st.just(1))))
def test_lines_are_the_files_own_whatever_the_runner_says(lines: Any, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "main.py").write_text("a = 1\n")
    said = {"secret": "secret", "lines": lines}

    found = _coverage(Contents(folder, {"main.py": 6}), json.dumps(said).encode(), "secret")

    assert found["main.py"].executed <= {1}


@given(said=VALUES, printed=TEXTS)
def test_what_a_command_has_printed_can_be_written_down(said: Any, printed: str) -> None:
    result = CommandResult((), 0, 0.0, json.dumps(said, ensure_ascii=False), printed)

    written_down({"stdout": result.stdout, "stderr": result.stderr})


@given(said=PROBED | VALUES)
def test_whatever_the_prober_says_becomes_a_phase_that_can_be_written_down(said: Any) -> None:
    stepped = Stepped(CommandResult((), 0, 0.0, json.dumps(said), ""), {})

    phase = probe(Repository({}), lambda steps: [stepped], 60)

    written_down({"stdout": phase.result.stdout, "problems": phase.problems})
    if probed := Probed.of([phase]):
        written_down(dataclasses.asdict(probed))


@given(said=SUBMITTED | VALUES)
def test_whatever_a_submissions_runner_says_becomes_a_phase_that_can_be_written_down(
    said: Any, submission_of_one_step: Contents
) -> None:
    def run(argv: tuple[str, ...], outputs: tuple[str, ...], limits: Limits) -> CommandResult:
        return CommandResult(argv, 0, 0.0, json.dumps(said), "")

    phase = submission.prove(run, Limits(), submission_of_one_step)

    written_down({"stdout": phase.result.stdout, "problems": phase.problems})


@pytest.fixture(scope="module")
def submission_of_one_step(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    folder = tmp_path_factory.mktemp("submission")
    (folder / "reproduce.sh").write_text("python train.py > log.txt\n")
    return contents(folder)


@given(said=st.fixed_dictionaries({"mode": st.just("scaled") | VALUES}, optional=LONGER) | VALUES)
def test_whatever_a_longer_run_leaves_becomes_a_report_that_can_be_written_down(said: Any) -> None:
    content = json.dumps(said).encode()
    file = File("", content)
    phase = PhaseResult("scaled", CommandResult((), 0, 0.0, "", ""))
    environment = Environment("local", "", "3.11", (), Limits())
    longer = ExecutionReport("scaled", environment, (phase,), files={"results.json": content})
    steps = [Stepped(phase.result, {"results/estimate.json": file})]

    after = Afterwards(estimate_of(steps, []), longer, "scaled", 1)

    written_down([after.runs, after.full_run_estimate, after.documents])
    for text in after.documents.values():
        json.loads(text, parse_constant=pytest.fail)


@given(said=st.fixed_dictionaries(RUN) | VALUES)
def test_whatever_stands_in_a_runs_file_is_a_run_or_none(said: Any) -> None:
    runs = runs_of({"results/full/table2/ours/0-abc.json": json.dumps(said).encode()})

    written_down([run.model_dump() for run in runs])


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Where a value of the payload could be another."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, inner in items for found in [(value, key), *_places(inner)]]


@given(chosen=st.sampled_from(PAYLOADS), data=st.data())
def test_a_payload_is_a_request_that_can_be_stored_or_none_of_githubs(
    chosen: Any, data: st.DataObject
) -> None:
    event, example = chosen[0], copy.deepcopy(chosen[1])
    for _ in range(data.draw(st.integers(1, 4))):
        holder, key = data.draw(st.sampled_from(_places(example)))
        holder[key] = data.draw(VALUES | st.just("/paper2code arxiv:1706.03762 max_usd=1"))
    payload = intake.payload_of(json.dumps(example).encode())

    assert payload is not None
    with suppress(*NOT_GITHUBS):
        if asked := intake.read(event, payload):
            assert REQUEST.validate_json(REQUEST.dump_json(asked)) == asked
    with suppress(*NOT_GITHUBS):
        intake.ended(event, payload)


@given(
    text=TEXTS
    | st.lists(st.sampled_from(["/paper2code", "--max-usd=:2", "\n\r", "arxiv:1706.03762", "full"])).map(
        " ".join
    )
)
def test_any_comment_is_a_command_a_mistake_or_none(text: str) -> None:
    assert parse(text) is None or isinstance(parse(text), Command | Mistake)


@given(text=TEXTS | VALUES.map(json.dumps))
def test_any_text_is_a_configuration_or_said_to_be_none(text: str) -> None:
    with suppress(ConfigurationInvalid):
        read(text)
