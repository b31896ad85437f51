import pytest

from bot.intake.commands import Command, Mistake, parse


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/paper2code", Command("reproduce")),
        ("  /PAPER2CODE  ", Command("reproduce")),
        ("/paper2code arxiv:1706.03762", Command("reproduce", "arxiv:1706.03762")),
        (
            "/paper2code max_usd=2 https://arxiv.org/abs/1706.03762 full=true\r\nthank you",
            Command("reproduce", "https://arxiv.org/abs/1706.03762", (("max_usd", "2"), ("full", "true"))),
        ),
        ("/paper2code status", Command("status")),
        ("/paper2code Cancel", Command("cancel")),
        ("/paper2code retry\nIt was the network.", Command("retry")),
        ("/paper2code help", Command("help")),
        ("/paper2code revise Use Adam.\nNot SGD.", Command("revise", "Use Adam.\nNot SGD.")),
        ("/paper2code rate 4 nearly\nperfect", Command("rate", "nearly\nperfect", score=4)),
        ("/paper2code rate 5", Command("rate", score=5)),
    ],
)
def test_commands(text: str, command: Command) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello\n/paper2code",
        "> /paper2code",
        "    /paper2code arxiv:1706.03762",
        "```\n/paper2code\n```",
        "`/paper2code`",
        "/paper2codex",
        "/paper2code-bot status",
        "please /paper2code",
    ],
)
def test_anything_but_a_first_line_is_no_command(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/paper2code rate 6", "1 to 5"),
        ("/paper2code rate", "1 to 5"),
        ("/paper2code revise", "what to change"),
        ("/paper2code budget=3 arxiv:1706.03762", "no key `budget`"),
        ("/paper2code model=", "exactly one value"),
        ("/paper2code model=a model=b", "exactly one value"),
        ("/paper2code status please", "nothing after it"),
    ],
)
def test_what_cannot_be_understood_is_said(text: str, words: str) -> None:
    mistake = parse(text)
    assert isinstance(mistake, Mistake)
    assert words in mistake.message
