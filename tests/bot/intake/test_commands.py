import itertools
import time

import pytest

from bot.intake.commands import Command, Mistake, has_command, mentioned_cap, parse, tells_command
from bot.intake.money import unset_cap, unset_cap_of_task


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
        ("/paper2code\tplan\tarxiv:1706.03762", Command("plan", "arxiv:1706.03762", (("plan", "review"),))),
        ("/paper2code plan: arxiv:1706.03762", Command("plan", "arxiv:1706.03762", (("plan", "review"),))),
        ("/paper2code status.", Command("status")),
        (f"<!--{'x' * 20_000}-->" * 3 + "\n/paper2code status", Command("status")),
        ("/paper2code status\n```\nmax_usd=2\n```\n> budget 2\n<!-- $2 -->", Command("status")),
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
    "name",
    [
        "\uff0fpaper2code",
        "/paper2code\uff1a",
        "/\uff50\uff41\uff50\uff45\uff52\uff12\uff43\uff4f\uff44\uff45",
        "/paper2code,",
        "/paper2code.",
        "/paper2code \u2060",
        "/paper2code\u2060",
        "/paper2code\ufe0f",
        *(f"{blank}/paper2code{blank}" for blank in "\u00a0\u3000\u2028\u2003\x0b\x85\u2800\u3164"),
        *(f"{unseen}/pap{unseen}er2code" for unseen in "\ufeff\u200b\u200d\u2060\u00ad\u034f"),
        "\u200b\u00a0\u00a0\u00a0\u00a0/paper2code",
        "**/paper2code**",
        "**/paper2code:**",
        "_/paper2code_",
        "**\uff0fpaper2code** ",
        "- /paper2code",
        "* **/paper2code**",
        "1. /paper2code",
        "- [ ] /paper2code",
        "### /paper2code",
        "\\/paper2code",
        *(f"{slash}paper2code" for slash in "\u2044\u2215\u29f8\u2571"),
        "&#47;paper2code",
        "- [X] /paper2code",
        "- [x]  /paper2code",
        "1. - /paper2code",
        "\u2022 /paper2code",
        "__**/paper2code**__",
        "<b>/paper2code</b>",
        "<p><em>/paper2code</em>",
        "@paper2code",
        "@paper2code[bot],",
        "- @Paper2Code:",
    ],
)
def test_a_command_is_one_however_it_is_dressed(name: str) -> None:
    asked = Command("reproduce", "arxiv:1706.03762", (("max_usd", "1"),))
    assert parse(f"{name} arxiv:1706.03762 max_usd=1") == asked
    assert parse(f"{name} status") == Command("status")
    assert parse(name) == Command("reproduce")


@pytest.mark.parametrize("name", ["/paper2code", "/paper2code\u2060", "/paper2code:"])
def test_the_paper_may_follow_the_name_at_once(name: str) -> None:
    assert parse(f"{name}arxiv:1706.03762 max_usd=1") == Command(
        "reproduce", "arxiv:1706.03762", (("max_usd", "1"),)
    )


@pytest.mark.parametrize(
    "text",
    [
        "paper2code arxiv:1706.03762 --max-usd 1",
        "**paper2code** max_usd=1",
        "paper2code: status",
        "paper2code cancel",
    ],
)
def test_a_command_without_its_slash_is_answered(text: str) -> None:
    mistake = parse(text)
    assert isinstance(mistake, Mistake)
    assert "begins with a slash: `/paper2code" in mistake.message


@pytest.mark.parametrize(
    "text",
    [
        "paper2code",
        "paper2code is great",
        "paper2code arxiv:1706.03762 gave me only half of it",
        "Paper2code: status of the project is unclear",
        "paper2code cancelled my job",
        "@paper2code thanks!",
        "@paper2code is great",
        "@paper2code nice work on arxiv:1706.03762!",
        "@paper2code plan looks good",
        "@paper2code change is good",
        "@paper2code revise is what I meant, sorry",
        "@paper2code help me understand",
        "@paper2code cancel culture",
        "@paper2code/team look",
        "@paper2coder status",
        "/paper2code.yml is not read",
        "/paper2code's table is wrong",
        "/paper2code/docs are empty",
        "~~/paper2code arxiv:1706.03762~~",
        '"/paper2code status" shows nothing',
        "See /paper2code status",
        "    - /paper2code status",
        "> **/paper2code** status",
        "`**/paper2code** status`",
        "\u3000> /paper2code status",
    ],
)
def test_a_sentence_about_us_is_no_command(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "/paper2code " + "a " * 32_000,
        "/paper2code arxiv:1706.03762 " + "wxyz " * 12_000,
        "/paper2code " + "a\u0315\u0300" * 21_000,
        "<!---->" * 9000,
        "\u00a0" * 60_000,
        "max_usd=1 " * 6000,
        "paper2code\n" * 6000,
    ],
)
def test_what_is_typed_is_read_in_linear_time(text: str) -> None:
    begin = time.process_time()
    for read in (parse, has_command, tells_command, mentioned_cap, unset_cap, unset_cap_of_task):
        read(text)
    assert time.process_time() - begin < 1.5


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
        "max_usd\uff1d2",
        "\uff0d\uff0dmax\uff3fusd\u3000\uff12",
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
                "maxcost:2",
                "max_price 2",
                "usdmax 2",
                "max two",
                "max-usd two",
                "$two",
                "twenty dollars",
                "a two-dollar run",
                "50 cents",
                "2 pounds",
                "capped at 2",
                "CHF 2",
                "2 \u20b9",
            )
        ),
        "/paper2code arxiv:1706.03762\n\n- Budget: $2",
        "/paper2code plan arxiv:1706.03762\nmax. 2 USD",
        "/paper2code revise Use Adam.\n$2 max",
        "/paper2code retry\nbudget 2",
        "/paper2code arxiv:1706.03762\nThank you all very much, budget: $2",
    ],
)
def test_a_cap_that_cannot_be_set_there_is_refused(text: str) -> None:
    mistake = parse(text)
    assert isinstance(mistake, Mistake)
    assert "`max_usd=2`" in mistake.message


COUNTS = (
    "2",
    "two",
    "a few",
    "\u00bd",
    "thirteen",
    "2.50",
    "2k",
    "**2**",
    "(2)",
    "`2`",
    "2 million",
    "\u0662",
    "&#50;",
)
CURRENCIES = (
    *(
        "USD",
        "usd",
        "U.S. dollars",
        "dollars",
        "(USD)",
        "*USD*",
        "`USD`",
        "Euro",
        "CAD",
        "SEK",
        "INR",
        "btc",
        "rubles",
    ),
    *("$", "\u20ac", "\u20b9", "\uff04", "\ufe69", "\U0001f4b2", "&dollar;", "&euro;", "\u5143", "z\u0142"),
)
SIGNS = (
    "$",
    "US$",
    "C$",
    "\u20ac",
    "\u00a3",
    "$\u2264",
    "$<",
    "$~",
    "$:",
    "**$**",
    "&#36;",
    "\\$",
    "USD ",
    "EUR: ",
    "usd at most ",
)
BOUNDS = (
    *(
        "budget of",
        "budget",
        "budget:",
        "budget \u2192",
        "cost under",
        "price:",
        "spend",
        "spend at most",
        "pay",
        "fee",
    ),
    *(
        "limited to",
        "limit it to",
        "at most",
        "no more than",
        "not more than",
        "under",
        "below",
        "up to",
        "max",
        "maximum",
    ),
    *(
        "cap",
        "capped to",
        "max_amount",
        "money:",
        "expenses:",
        "cheap,",
        "*budget*:",
        "_cap_",
        "`max_price`:",
        "max&#95;usd",
    ),
    *("max_usd&nbsp;", "`max_usd`:", "**max_usd**:", "usd max"),
)
MONEY = [
    *(f"{count} {currency}" for count, currency in itertools.product(COUNTS, CURRENCIES)),
    *(f"{sign}{count}" for sign, count in itertools.product(SIGNS, COUNTS)),
    *(f"{bound} {count}" for bound, count in itertools.product(BOUNDS, COUNTS)),
    *(
        "for a dollar",
        "a buck",
        "half a dollar",
        "2, USD",
        "2_USD",
        "2\u2013dollar",
        "2/USD",
        "$_2_",
        "$<b>2</b>",
    ),
    *(
        "under 2 U.S. dollars please",
        "dozens of dollars",
        "a fiver",
        "$$2$$",
        "$2$",
        "AUD 2",
        "zwei Dollar",
        "2 max",
    ),
]


@pytest.mark.parametrize("place", ["", "only Table 2, ", "plan", "\n", "\n\nThanks! ", "retry", "approve"])
def test_money_is_never_passed_over(place: str) -> None:
    command = (
        f"/paper2code {place}\n" if place in ("retry", "approve") else f"/paper2code arxiv:1706.03762 {place}"
    )
    if place == "plan":
        command = "/paper2code plan arxiv:1706.03762 "
    over = [said for said in MONEY if not isinstance(parse(f"{command}{said}"), Mistake)]
    assert over == []


@pytest.mark.parametrize(
    "said",
    [
        "Spend at most $2 on what I ask for here.",
        "In JAX, and do it for under two dollars.",
        "Use a budget of 2 USD for that.",
    ],
)
@pytest.mark.parametrize("verb", ["change", "revise"])
def test_a_bound_on_money_in_a_task_is_never_passed_over(verb: str, said: str) -> None:
    assert isinstance(parse(f"/paper2code {verb} {said}"), Mistake)


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
        "with 2 pounds of hydrogen",
        "maximum likelihood with 2 penny stocks, two currencies",
        "the INR 2 network on CAD 3 data",
        "a budget of 10 epochs, and one of 1024 function evaluations",
        "limited to 2 GPUs, at most 3 layers, under 8 GB, max 100M parameters, up to 4-hop",
        "budgets of 1%, 5% and 10% of the labels, a compute budget of 1e18 FLOPs",
        "cap the gradient norm at 1.0, limit the vocabulary to 32000, with max length 512",
        r"the $2$ layers, $x_2$, and $\alpha=2$ of Eq. 3",
        "pay attention to Section 2, at a cost of 5 percent, up to Table 3",
        "2 SAR images and the price prediction of Section 4",
    ],
)
def test_a_wish_without_an_amount_of_money_is_one(said: str) -> None:
    command = parse(f"/paper2code arxiv:1706.03762 {said}")
    assert isinstance(command, Command)
    assert command.wish == said


@pytest.mark.parametrize(
    "text",
    [
        "/paper2code arxiv:1706.03762 max_usd=1\nThe paper says that training cost $2M, and I want that table.",
        "/paper2code change Charge a fee of $2 for each auction, as the paper does.",
        "/paper2code ask Why $2?",
        "/paper2code cancel\nIt has spent $2 already!",
        "/paper2code rate 4 $2 well spent",
    ],
)
def test_where_people_speak_at_length_they_may_speak_of_money(text: str) -> None:
    assert isinstance(parse(text), Command)


@pytest.mark.parametrize(
    "text",
    [
        "Please implement arxiv:1706.03762 max_usd=1",
        "Please implement arxiv:1706.03762, max_usd=1, and thank you",
        "arxiv:1706.03762\n\n--max-usd 1",
        "arxiv:1706.03762\n`max_usd`: 1",
        "arxiv:1706.03762 MAX\uff3fUSD\uff1a1.",
        "Hello,\n/paper2code arxiv:1706.03762 max_usd=1\nmax_usd=1",
    ],
)
def test_a_mention_sets_a_cap_as_a_command_does(text: str) -> None:
    assert mentioned_cap(text) == Command("reproduce", options=(("max_usd", "1"),))


@pytest.mark.parametrize(
    "text",
    [
        "arxiv:1706.03762 max_usd 1",
        "arxiv:1706.03762 (max_usd=1)",
        "arxiv:1706.03762 budget 2",
        "arxiv:1706.03762, budget of 2 USD.",
        "arxiv:1706.03762\n- **Budget**: $2",
        "arxiv:1706.03762 --budget=2",
        "arxiv:1706.03762 max cost 2",
        "arxiv:1706.03762\nusd: 2",
        "max_usd=1 arxiv:1706.03762 max_usd=2",
        "arxiv:1706.03762 max_usd&nbsp;1",
        "arxiv:1706.03762\n`max_usd` is at most 1",
    ],
)
def test_a_mention_with_what_sets_no_cap_is_refused(text: str) -> None:
    mistake = mentioned_cap(text)
    assert isinstance(mistake, Mistake)
    assert "max_usd" in mistake.message


@pytest.mark.parametrize(
    "text",
    [
        "The reaction of arxiv:1706.03762 costs 2 pounds of hydrogen",
        "arxiv:1706.03762: Training BERT on a budget of $50",
        "Micro-Budget diffusion (arXiv:2407.15811) trains for $1,890",
        "arxiv:1706.03762 with a budget of 1024 evaluations",
        "Budget: 1024 evaluations",
        "the EUR/USD rate was at most 1.08",
        "$2, two dollars, max two",
        "What is max_usd?",
        "`max_usd=1`\n> max_usd=1\n\n```\nbudget: 2\n```\n<!-- max_usd=1 -->",
    ],
)
def test_of_money_a_mention_may_speak(text: str) -> None:
    assert mentioned_cap(text) is None
