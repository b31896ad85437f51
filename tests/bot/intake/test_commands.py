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
        ("/paper2code: arxiv:1706.03762", Command("reproduce", "arxiv:1706.03762")),
        ("/paper2code:status", Command("status")),
        ("/paper2code : arxiv:1706.03762", Command("reproduce", "arxiv:1706.03762")),
        ("\r\n  \n/paper2code status", Command("status")),
        ("\ufeff\u200b/paper2code status\u200b", Command("status")),
        ("<!-- of a\ntemplate -->\n <!-- two -->\n\n/paper2code status", Command("status")),
        (
            "/paper2code revise Say\n```\n/paper2code help\n```",
            Command("revise", "Say\n```\n/paper2code help\n```"),
        ),
        (
            "/paper2code --full arxiv:1706.03762",
            Command("reproduce", "arxiv:1706.03762", (("full", "true"),)),
        ),
        ("/paper2code --full false", Command("reproduce", "", (("full", "false"),))),
        ("/paper2code \u2014max-fixes 3", Command("reproduce", "", (("max_fixes", "3"),))),
        ("/paper2code status", Command("status")),
        ("/paper2code Cancel", Command("cancel")),
        ("/paper2code retry\nIt was the network.", Command("retry")),
        ("/paper2code help", Command("help")),
        ("/paper2code revise Use Adam.\nNot SGD.", Command("revise", "Use Adam.\nNot SGD.")),
        ("/paper2code revise", Command("revise")),
        ("/paper2code ask Why?", Command("ask", "Why?")),
        ("/paper2code plan", Command("plan", options=(("plan", "review"),))),
        (
            "/paper2code plan arxiv:1706.03762 max_usd=2 only Table 2",
            Command("plan", "arxiv:1706.03762 only Table 2", (("max_usd", "2"), ("plan", "review"))),
        ),
        ("/paper2code approve", Command("approve")),
        ("/paper2code approve v2", Command("approve", version=2)),
        ("/paper2code change In JAX.", Command("change", "In JAX.")),
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
        "<!--\n/paper2code status\n-->",
        "<!-- x\n/paper2code status",
        "/paper2codex",
        "/paper2code-bot status",
        "please /paper2code",
    ],
)
def test_anything_but_a_first_line_is_no_command(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("line", "wish"),
    [
        (
            "arxiv:1706.03762 only Table 2 and the ablation, in PyTorch",
            "only Table 2 and the ablation, in PyTorch",
        ),
        ("only Table 2 of https://arxiv.org/pdf/1706.03762v5.pdf, in JAX", "only Table 2 of in JAX"),
        ("max_usd=2 (1706.03762) only  Table 2 --full", "only Table 2"),
        ("arxiv:1706.03762 a model with full attention", "a model with full attention"),
        ("arxiv:1706.03762", ""),
        ("https://arxiv.org/abs/1706.03762#S3.", ""),
        ("[1706.03762](https://arxiv.org/abs/1706.03762)", ""),
    ],
)
def test_what_is_neither_paper_nor_option_is_the_persons_wish(line: str, wish: str) -> None:
    command = parse(f"/paper2code {line}")
    assert isinstance(command, Command)
    assert command.wish == wish


@pytest.mark.parametrize("line", ["only Table 2 with lr=0.1", "only Table 2, modle: small", "Table 2 --fast"])
def test_a_wish_hides_no_option(line: str) -> None:
    assert isinstance(parse(f"/paper2code arxiv:1706.03762 {line}"), Mistake)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/paper2code rate 6", "1 to 5"),
        ("/paper2code rate", "1 to 5"),
        ("/paper2code budget=3 arxiv:1706.03762", "no key `budget`"),
        ("/paper2code model=", "exactly one value"),
        ("/paper2code model=a model=b", "exactly one value"),
        ("/paper2code change", "what to change in the plan"),
        ("/paper2code approve all", "but the version"),
        ("/paper2code plan plan=write", "says the contrary"),
        ("/paper2code ask", "needs a question"),
        ("/paper2code status please", "nothing after it"),
        ("/paper2code status\n/paper2code cancel", "gives one command"),
    ],
)
def test_what_cannot_be_understood_is_said(text: str, words: str) -> None:
    mistake = parse(text)
    assert isinstance(mistake, Mistake)
    assert words in mistake.message


@pytest.mark.parametrize(
    "said",
    [
        "max_usd=2",
        "--max-usd 2",
        "--max_usd=2",
        "--max-usd = 2",
        "max_usd = 2",
        "max_usd =2",
        "max_usd= 2",
        "MAX_USD=2",
        "Max-USD: 2",
        "max_usd:2",
        "max_usd : 2",
        "\u2014max-usd 2",
        "-max_usd 2",
        "max\u200b_usd\u00ad=2",
    ],
)
@pytest.mark.parametrize("line", ["{} arxiv:1706.03762", "arxiv:1706.03762 {}"])
def test_a_cap_is_set_however_it_is_written(said: str, line: str) -> None:
    assert parse(f"/paper2code {line.format(said)}") == Command(
        "reproduce", "arxiv:1706.03762", (("max_usd", "2"),)
    )


@pytest.mark.parametrize(
    "said",
    [
        "maxusd=2",
        "max_us: 2",
        "usd: 2",
        "budget : 2",
        "cap: 2",
        "--cap 2",
        "--max-dollars 2",
        "--limit=2",
        "--x",
        "max_usd:",
        "--max-usd",
        "max_usd=1 --max-usd 2",
        "max_usd two",
        "max_fixes 3",
        "only Table 2, judge-model o3",
    ],
)
def test_what_could_have_been_an_option_is_refused(said: str) -> None:
    assert isinstance(parse(f"/paper2code arxiv:1706.03762 {said}"), Mistake)


@pytest.mark.parametrize(
    "text",
    [
        *(
            f"/paper2code arxiv:1706.03762 {said}"
            for said in (
                "max_usd 2",
                "max usd is $2",
                "only Table 2 (max_usd=2)",
                "only Table 2,max_usd=2",
                "`max_usd = 2`",
                "**max_usd=2**",
                r"max\_usd=2",
                "max_usd\u21922",
                "max_usd <= 2",
                "max_usd\uff1d2",
                "/max-usd 2",
            )
        ),
        "/paper2code arxiv:1706.03762\nmax_usd=2",
        "/paper2code plan arxiv:1706.03762\n\n- **max_usd**: 2",
        "/paper2code revise max_usd=2 Use Adam.",
        "/paper2code change In JAX.\n--max-usd 2",
        "/paper2code ask max_usd=0.1 Why?",
        "/paper2code retry\nmax_usd=2",
        *(
            f"/paper2code arxiv:1706.03762 {said}"
            for said in (
                "$2",
                "2$",
                "2 $ max",
                "US$2.50",
                "$.5",
                "\uff042",
                "2,50 \u20ac",
                "2 USD",
                "usd2",
                "2usd",
                "on a model with usd 2",
                "two dollars",
                "budget 2",
                "a budget of $2",
                "max-cost 2",
                "cost<=2",
                "cap at 2",
                "spend no more than 2",
                "max 2",
                "only Table 2 for $2-$3",
            )
        ),
        "/paper2code arxiv:1706.03762\n\n- Budget: $2",
        "/paper2code plan arxiv:1706.03762\nmax. 2 USD",
        "/paper2code revise Use Adam.\n$2 max",
        "/paper2code retry\nbudget 2",
    ],
)
def test_a_cap_that_cannot_be_set_there_is_refused(text: str) -> None:
    mistake = parse(text)
    assert isinstance(mistake, Mistake)
    assert "`max_usd=2`" in mistake.message


def test_of_the_cap_one_may_speak() -> None:
    assert parse("/paper2code ask What is max_usd? The report names 3.") == Command(
        "ask", "What is max_usd? The report names 3."
    )


@pytest.mark.parametrize(
    "said",
    [
        "only Table 2 with $n=2$ layers, max 10 epochs",
        r"the $2\times 2$ grid, at most 2 experiments",
        "the EUR/USD data, and limit cycles in Figure 3",
        "with 10 GPU hours, up to Section 3",
        "the cost function of Eq. 2",
    ],
)
def test_a_wish_without_an_amount_of_money_is_one(said: str) -> None:
    command = parse(f"/paper2code arxiv:1706.03762 {said}")
    assert isinstance(command, Command)
    assert command.wish == said


@pytest.mark.parametrize(
    "text",
    [
        "/paper2code arxiv:1706.03762\nThe paper says that training cost $2M, and I want that table.",
        "/paper2code change Charge a fee of $2 for each auction, as the paper does.",
        "/paper2code ask Why $2?",
        "/paper2code rate 4 $2 well spent",
    ],
)
def test_where_people_speak_at_length_they_may_speak_of_money(text: str) -> None:
    assert isinstance(parse(text), Command)
