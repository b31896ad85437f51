"""What of a model's text is its answer."""

import pytest

from pipeline.model.thoughts import without_thoughts

FILES = 'main.py\n```python\nprint("final")\n```\n'
DRAFT = 'First a draft:\n\nnotes.py\n```python\nprint("draft")\n```\nNow the final one.'


@pytest.mark.parametrize(
    "text",
    [
        f"<think>\n{DRAFT}\n</think>\n\n{FILES}",
        f"<thinking>{DRAFT}</thinking>\n{FILES}",
        f"<Reasoning>\n{DRAFT}\n</Reasoning>\n\n{FILES}",
        f"<seed:think>{DRAFT}</seed:think>{FILES}",
        f"[THINK]{DRAFT}[/THINK]{FILES}",
        f"◁think▷{DRAFT}◁/think▷{FILES}",
        f"<|begin_of_thought|>{DRAFT}<|end_of_thought|>\n<|begin_of_solution|>{FILES}<|end_of_solution|>",
        f"<|START_THINKING|>{DRAFT}<|END_THINKING|><|START_RESPONSE|>{FILES}<|END_RESPONSE|>",
        f"<think>{DRAFT}</think>\n<answer>\n{FILES}</answer>",
        f"<think>one</think>\n<think>{DRAFT}</think>\n{FILES}",
        # what opens the thoughts stands in the prompt
        f"{DRAFT}\n</think>\n\n{FILES}",
        f"{DRAFT}</think>\n{FILES}",
        f"{DRAFT}\n</thinking>{FILES}",
        f"{DRAFT}[/THINK]{FILES}",
        f"{DRAFT}\n◁/think▷\n{FILES}",
        f"Unfinished:\n```python\nx = 1\n</think>\n{FILES}",
        # channels
        f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final<|message|>{FILES}",
        f"<|start|>assistant<|channel|>analysis<|message|>{DRAFT}<|end|>"
        f"<|start|>assistant<|channel|>final <|constrain|>json<|message|>{FILES}<|return|>",
        f"analysisWe need this. {DRAFT}assistantfinal{FILES}",
    ],
)
def test_thoughts_are_left_out(text: str) -> None:
    assert without_thoughts(text).strip() == FILES.strip()


def test_words_before_the_thoughts_stay() -> None:
    assert without_thoughts("Sure.\n<think>Hm</think>\nYes.") == "Sure.\nYes."


@pytest.mark.parametrize(
    "text",
    [
        "<think>Hm, and so on",
        "<think>Hm</think>\n",
        "Hm, and so on\n</think>\n",
        "<|channel|>analysis<|message|>Hm, and so on",
        "[THINK]Hm",
    ],
)
def test_all_of_it_may_be_thought(text: str) -> None:
    assert without_thoughts(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "Yes, <think>this</think> stays.",
        'main.py\n```python\ntext = text.split("</think>")[-1]\n```\n',
        "main.py\n```python\nPROMPT = '''\n<think>\nthink here\n</think>\n'''\n```\n",
        "README.md\n```markdown\nThoughts end with `</think>`.\n```\n",
        'The mark "</think>" closes thoughts.',
        '{"note": "</think> closes thoughts"}',
        "<analysis>of variance</analysis> is a table.",
        "[1, 2]",
        "",
    ],
)
def test_what_is_said_about_thoughts_stays(text: str) -> None:
    assert without_thoughts(text) == text
