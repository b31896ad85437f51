import pytest

from bot.intake.configuration import Configuration, ConfigurationInvalid, overridden, read

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
        ("max_usd: -1", "`max_usd`: should be greater than 0"),
        ("max_usd: .inf", "`max_usd`"),
        ("directory: ../elsewhere", "`directory`: must be a relative folder, outside of .git and .github"),
        ("directory: .github/workflows", "`directory`"),
        ("directory: /etc", "`directory`"),
        ("directory: papers/{0.__class__}", "`directory`"),
        ("directory: papers/{", "`directory`"),
        ("run: {memory: lots}", "`run.memory`"),
        ("- a\n- b", "`key: value` lines"),
        ("a: [", "not valid YAML at line"),
        ("!!python/object/apply:os.system [ls]", "not valid YAML"),
        ("x" * 70_000, "larger than"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence_each(text: str, words: str) -> None:
    with pytest.raises(ConfigurationInvalid) as raised:
        read(text)
    assert any(words in problem for problem in raised.value.problems), raised.value.problems


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
