from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.intake.configuration import (
    SAFE_SLUG,
    Configuration,
    ConfigurationInvalid,
    filled_in,
    overridden,
    read,
)
from pipeline.paths import refusal

EXAMPLE = """
trigger: mention
permission: write
model: gpt-6.2-sol
judge_model: claude-sonnet-5-5
max_usd: 3
max_fixes: 8
directory: papers/{arxiv_id}-{slug}
labels: [paper2code]
refine: [config]
run: {timeout: 600, memory: 4g, cpus: 2, full: false}
prove: {tests: true, results: true}
quota: {per_day: 20, concurrent: 5}
"""


def test_no_file_and_an_empty_one_mean_the_defaults() -> None:
    assert read(None) == read("") == read("# nothing\n") == Configuration()


def test_the_documented_example() -> None:
    configuration = read(EXAMPLE)
    assert configuration.refine == ("config",)
    assert configuration.run.memory_bytes == 4 * 2**30
    assert configuration == Configuration(
        model="gpt-6.2-sol", judge_model="claude-sonnet-5-5", refine=("config",)
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour: red", "`colour`: there is no such key"),
        ("run: {gpu: 1}", "`run.gpu`: there is no such key"),
        ("quota: {concurrent: -1}", "`quota.concurrent`: should be greater than or equal to 0"),
        ("trigger: always", "`trigger`: should be 'mention' or 'command'"),
        ("max_usd: -1", "`max_usd`: should be greater than or equal to 0.01"),
        ("max_usd: .inf", "`max_usd`"),
        ("directory: ../elsewhere", "`directory`: must be a relative folder"),
        ("directory: .github/workflows", "`directory`"),
        ("directory: /etc", "`directory`"),
        ("directory: papers/{0.__class__}", "`directory`"),
        ("directory: papers/{", "`directory`"),
        ("run: {memory: lots}", "`run.memory`"),
        ("prove: {tests: maybe}", "`prove.tests`"),
        ("prove: {results: maybe}", "`prove.results`"),
        ("prove: {all: true}", "`prove.all`: there is no such key"),
        ("- a\n- b", "`key: value` lines"),
        ("a: [", "not valid YAML at line"),
        ("!!python/object/apply:os.system [ls]", "tags"),
        ("directory: .{slug}", "`directory`"),
        ("directory: papers/{slug!r}", "`directory`: only"),
        ("directory: 'papers/{slug:>99999999}'", "`directory`: only"),
        ("directory: 'papers/{slug:{arxiv_id}}'", "`directory`: only"),
        ("directory: papers//{slug}", "`directory`"),
        ("directory: papers/{slug}/..", "`directory`"),
        ("directory: 'papers\\{slug}'", "`directory`"),
        ("directory: 'papers/{slug} '", "`directory`"),
        ("a: &a [1]\nb: *a", "anchors and aliases (`&` and `*`) are not accepted, in line 1"),
        ("run:\n  <<: {timeout: 60}", "merge keys (`<<`) are not accepted, in line 2"),
        ("[" * 60_000, "nested too deeply"),
        ("? " * 30_000, "nested too deeply"),
        ("max_usd: " + "1" * 5000, "a number of 5,000 characters is not accepted, in line 1"),
        ("max_fixes: 2026-99-99", "`max_fixes`"),
        ("? [a]\n: b", "not valid YAML"),
        ('labels: ["\\ud800"]', "no Unicode is not accepted, in line 1"),
        ("max_usd: .nan", "`max_usd`"),
        ("max_usd: 2\nmax_usd: 500", "`max_usd` stands twice, again in line 2"),
        ("run: {timeout: 60, timeout: 600}", "`timeout` stands twice"),
        ("max_usd: true", "`max_usd`: should not be true or false"),
        ("quota: {per_day: false}", "`quota.per_day`: should not be true or false"),
        *((f"max_usd: {said}", "`max_usd`") for said in ("yes", "1:30", "0x2", "0b1", "2 USD", "$2", "2,5")),
        ("x" * 70_000, "larger than"),
        *((f'labels: ["{said}"]', "`labels.0`") for said in ("\\0", " ", "a\\nb", "\\e[1m", "\\u2028a")),
        ("max_usd: 1e-320", "`max_usd`: should be greater than or equal to 0.01"),
        ("run: {cpus: 1e-320}", "`run.cpus`"),
        ("run: {minutes: 1e-320}", "`run.minutes`"),
        (f"refine: [{'code,' * 12_000}]", "`refine`: "),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence_each(text: str, words: str) -> None:
    with pytest.raises(ConfigurationInvalid) as raised:
        read(text)
    assert any(words in problem for problem in raised.value.problems), raised.value.problems


def test_a_number_is_what_people_read() -> None:
    configuration = read("max_usd: 010\nmax_fixes: 1e1\nrun: {full: yes}\nprove: {tests: off}")
    assert (configuration.max_usd, configuration.max_fixes) == (10, 10)
    assert configuration.run.full and not configuration.prove.tests


def test_every_problem_is_named() -> None:
    with pytest.raises(ConfigurationInvalid) as raised:
        read("colour: red\nmax_fixes: many")
    assert len(raised.value.problems) == 2


def test_a_command_may_spend_less_but_not_more() -> None:
    configuration = Configuration(max_usd=3)
    wanted = overridden(configuration, (("max_usd", "1.5"), ("refine", "config,code"), ("full", "true")))
    assert (wanted.max_usd, wanted.refine, wanted.run.full) == (1.5, ("config", "code"), True)
    with pytest.raises(ConfigurationInvalid, match="at most 3"):
        overridden(configuration, (("max_usd", "4"),))


def test_problems_without_end_are_cut_and_shown_as_text() -> None:
    keys = "\n".join(f'"@alice fixes #{number}\\n\\n`": 1' for number in range(2000))

    with pytest.raises(ConfigurationInvalid) as raised:
        read(keys)

    assert raised.value.problems[-1] == "and 1980 more"
    assert not any("\n" in problem for problem in raised.value.problems)


@settings(max_examples=300)
@given(text=st.text(alphabet="abc:-? [],{}&*!<|>'\"#%@\n\t0.~\\u\ud800", max_size=80))
def test_any_text_is_a_configuration_or_said_to_be_none(text: str) -> None:
    with suppress(ConfigurationInvalid):
        read(text)


@pytest.mark.parametrize("slug", ["con", "vercel", "jenkinsfile", "github", "x" * 60])
@pytest.mark.parametrize("template", ["{slug}", "papers/{arxiv_id}-{slug}", "lib/{slug}/{arxiv_id}"])
def test_whatever_the_method_is_called_the_folder_may_be_written(template: str, slug: str) -> None:
    configuration = read(f"directory: '{template}'")

    try:
        path = filled_in(configuration.directory, "1706.03762v5", slug)
    except ValueError:
        path = filled_in(configuration.directory, "1706.03762v5", SAFE_SLUG)

    assert refusal(path) is None
