"""Against GitHub's own examples of its payloads (npm: @octokit/webhooks-examples)."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.github.marks import marked
from bot.intake.commands import Command, Mistake
from bot.intake.configuration import Configuration
from bot.intake.intake import Admitted, Refusal, admit, ended, payload_of, read
from bot.intake.jobs import Job, Request, Wish, paper_of
from bot.words.pull_request import body
from tests.bot.conftest import PLACE, reproduction

EXAMPLES = Path(__file__).parents[2] / "node_modules/@octokit/webhooks-examples/api.github.com/index.json"
PAYLOADS: dict[str, list[dict[str, Any]]] = {
    event["name"]: event["examples"] for event in json.loads(EXAMPLES.read_text())
}


def payload(event: str, action: str, **changes: Any) -> dict[str, Any]:
    """GitHub's example with `title`, `body`, `sender` type or `changes` replaced."""
    found = next(example for example in PAYLOADS[event] if example.get("action") == action)
    example = copy.deepcopy(found)
    example["sender"]["type"] = changes.pop("sender", "User")
    if "changes" in changes:
        example["changes"] = changes.pop("changes")
    if "label" in changes:
        example["label"]["name"] = changes.pop("label")
    subject = example["comment"] if "comment" in example and "title" not in changes else example["issue"]
    subject.update(changes)
    return example


def test_no_example_of_any_event_breaks_it_and_none_asks_for_anything() -> None:
    for event, examples in PAYLOADS.items():
        for example in examples:
            assert read(event, example) is None, event


def test_a_comment_asks() -> None:
    event = payload("issue_comment", "created", body="/paper2code arxiv:1706.03762v5 model=o1\nPlease.")
    request = read("issue_comment", event)
    assert request is not None
    assert request.command == Command("reproduce", "arxiv:1706.03762v5", (("model", "o1"),))
    assert request.references == ("1706.03762v5",)
    assert request.comment == event["comment"]["id"]
    assert request.place.repository == event["repository"]["full_name"]
    assert request.actor == event["sender"]["login"]
    assert request.received == datetime.fromisoformat(event["comment"]["created_at"])


def test_a_redelivery_is_the_same_request_and_another_comment_is_not() -> None:
    event = payload("issue_comment", "created", body="/paper2code status")
    first, again = read("issue_comment", event), read("issue_comment", copy.deepcopy(event))
    event["comment"]["id"] += 1
    other = read("issue_comment", event)
    assert first and again and other
    assert first.id == again.id != other.id


def test_a_bare_command_takes_the_issues_paper() -> None:
    event = payload("issue_comment", "created", body="/paper2code")
    event["issue"]["body"] = "See https://arxiv.org/abs/1706.03762."
    request = read("issue_comment", event)
    assert request and request.references == ("1706.03762",)


def test_words_that_are_no_paper_are_a_mistake_even_if_the_issue_names_one() -> None:
    event = payload("issue_comment", "created", body="/paper2code stauts")
    event["issue"]["body"] = "See https://arxiv.org/abs/1706.03762."
    request = read("issue_comment", event)
    assert request and isinstance(request.command, Mistake)


@pytest.mark.parametrize(
    "body",
    [
        "https://arxiv.org/abs/1706.03762",
        "I would not use /paper2code arxiv:1706.03762",
        "> /paper2code arxiv:1706.03762",
        "```\n/paper2code arxiv:1706.03762\n```",
        None,
    ],
)
def test_comments_without_a_command_do_nothing(body: str | None) -> None:
    assert read("issue_comment", payload("issue_comment", "created", body=body)) is None


@pytest.mark.parametrize(
    "event",
    [
        payload("issue_comment", "created", body="/paper2code arxiv:1706.03762", sender="Bot"),
        payload("issues", "opened", body="arXiv:1706.03762", sender="Bot"),
        payload("issue_comment", "edited", body="/paper2code arxiv:1706.03762"),
        payload("issue_comment", "deleted", body="/paper2code arxiv:1706.03762"),
    ],
)
def test_bots_edits_and_deletions_of_comments_do_nothing(event: dict[str, Any]) -> None:
    assert read("issue_comment" if "comment" in event else "issues", event) is None


def test_a_new_issue_mentions_a_paper() -> None:
    event = payload("issues", "opened", title="Implement arXiv:1706.03762", body=None)
    request = read("issues", event)
    assert request
    assert (request.command, request.references) == (None, ("1706.03762",))


def test_an_edit_asks_only_for_what_it_adds() -> None:
    text = "arXiv:1706.03762 and arXiv:2504.17192"
    before = {"body": {"from": "arXiv:1706.03762"}}
    request = read("issues", payload("issues", "edited", body=text, changes=before))
    assert request and request.references == ("2504.17192",)
    same = payload("issues", "edited", body=text, changes={"body": {"from": text + " "}})
    assert read("issues", same) is None


def test_our_label_asks_for_the_issues_papers_and_no_other_label_does() -> None:
    ours = payload("issues", "labeled", label="paper2code", body="arXiv:1706.03762", title="A paper")
    request = read("issues", ours)
    assert request and request.command == Command("reproduce")
    assert read("issues", payload("issues", "labeled", label="bug", body="arXiv:1706.03762")) is None


def review_event(event: str, thing: str, **changes: Any) -> dict[str, Any]:
    action = {"review": "submitted", "comment": "created"}[thing]
    example = copy.deepcopy(next(each for each in PAYLOADS[event] if each["action"] == action))
    example["sender"]["type"] = "User"
    example[thing].update(changes)
    return example


def test_a_review_asks_as_a_comment_does() -> None:
    event = review_event("pull_request_review", "review", body="/paper2code revise Use Adam.")
    request = read("pull_request_review", event)
    assert request and request.command == Command("revise", "Use Adam.")
    assert request.place.issue == event["pull_request"]["number"]
    assert (request.comment, request.thread) == (None, None)
    assert read("pull_request_review", event | {"action": "dismissed"}) is None
    assert read("pull_request_review", review_event("pull_request_review", "review", body=None)) is None


@pytest.mark.parametrize("root", [None, 265])
def test_a_comment_at_a_line_asks_in_its_thread(root: int | None) -> None:
    name, body = "pull_request_review_comment", "/paper2code revise Use Adam."
    event = review_event(name, "comment", body=body, in_reply_to_id=root)
    request = read(name, event)
    assert request and request.command == Command("revise", "Use Adam.")
    assert request.comment == event["comment"]["id"]
    assert request.thread == (root or event["comment"]["id"])
    assert read(name, review_event(name, "comment", body="/paper2code help"))
    assert read(name, review_event(name, "comment", body=body) | {"action": "edited"}) is None


JOB = Job("j", PLACE, "alice", "1706.03762", Configuration(), datetime(2019, 5, 15, tzinfo=UTC))


def closed(**head: Any) -> dict[str, Any]:
    event = copy.deepcopy(next(each for each in PAYLOADS["pull_request"] if each["action"] == "closed"))
    event["pull_request"]["head"]["ref"] = JOB.branch
    event["pull_request"]["head"] |= head
    return event


def test_a_closed_pull_request_ends_its_jobs_that_were_asked_for_before() -> None:
    event = closed()
    ending, repository = ended("pull_request", event), event["repository"]["id"]
    assert ending
    mine = replace(JOB, place=replace(PLACE, repository_id=repository))
    assert ending.ends(mine)
    wish = Wish("w", "Use Adam.", JOB.branch, "main")
    assert ending.ends(replace(mine, place=replace(mine.place, issue=1000), wish=wish))
    assert not ending.ends(JOB)
    assert not ending.ends(replace(mine, paper="1706.00001"))
    assert not ending.ends(replace(mine, created=datetime(2019, 5, 16, tzinfo=UTC)))


def test_a_pull_request_that_is_not_ours_ends_nothing() -> None:
    assert ended("pull_request", closed(ref="changes")) is None
    assert ended("pull_request", closed(repo=None)) is None
    assert ended("pull_request", closed(repo={"id": 1})) is None
    assert ended("pull_request", closed() | {"action": "reopened"}) is None


@pytest.mark.parametrize("action", ["deleted", "suspend"])
def test_an_app_that_is_gone_ends_the_jobs_of_its_installation(action: str) -> None:
    event = next(each for each in PAYLOADS["installation"] if each["action"] == action)
    ending = ended("installation", event)
    mine = replace(JOB, place=replace(PLACE, installation=event["installation"]["id"]))
    assert ending and ending.ends(mine) and not ending.ends(JOB)
    later = replace(mine, created=datetime(2025, 1, 1, tzinfo=UTC))
    assert ending.ends(later) == (action == "deleted")


def test_a_repository_that_is_taken_away_ends_its_jobs_only() -> None:
    event = next(each for each in PAYLOADS["installation_repositories"] if each["action"] == "removed")
    ending, installation = ended("installation_repositories", event), event["installation"]["id"]
    (gone,) = event["repositories_removed"]
    mine = replace(JOB, place=replace(PLACE, installation=installation, repository_id=gone["id"]))
    assert ending and ending.ends(mine)
    assert not ending.ends(replace(mine, place=replace(mine.place, repository_id=1)))


def test_the_other_examples_end_nothing() -> None:
    ending = {
        (event, example.get("action"))
        for event, examples in PAYLOADS.items()
        for example in examples
        if ended(event, example)
    }
    assert ending == {
        ("installation", "deleted"),
        ("installation", "suspend"),
        ("installation_repositories", "removed"),
        ("issues", "deleted"),
        ("issues", "transferred"),
    }


@pytest.mark.parametrize(
    ("branch", "paper"),
    [
        ("paper2code/1706.03762-1", "1706.03762"),
        ("paper2code/1706.03762v5", "1706.03762v5"),
        ("paper2code/math.GT-0309136v1-12", "math.GT/0309136v1"),
        ("paper2code/hep-th-9901001", "hep-th/9901001"),
        ("paper2code/notes", None),
        ("main", None),
        ("x/paper2code/1706.03762-1", None),
    ],
)
def test_a_branch_names_its_paper(branch: str, paper: str | None) -> None:
    assert paper_of(branch) == paper
    if paper:
        issue = int(branch.rpartition("-")[2]) if branch.endswith(("-1", "-12")) else None
        assert replace(JOB, paper=paper, place=replace(PLACE, issue=issue)).branch == branch


def ask(command: Command | Mistake | None, *references: str) -> Request:
    return Request("r", PLACE, "alice", 2, datetime(2026, 1, 1, tzinfo=UTC), command, references)


REPRODUCE = Command("reproduce")


@pytest.mark.parametrize(
    ("permission", "needed", "may"),
    [
        ("none", "read", False),
        ("read", "write", False),
        ("triage", "write", False),
        ("triage", "triage", True),
        ("write", "write", True),
        ("maintain", "write", True),
        ("write", "admin", False),
        ("admin", "admin", True),
    ],
)
def test_who_may_ask(permission: str, needed: Any, may: bool) -> None:
    decision = admit(ask(REPRODUCE, "1706.03762"), Configuration(permission=needed), permission)
    assert isinstance(decision, Admitted if may else Refusal)


def test_a_strangers_mention_on_a_public_repository_is_passed_over_in_silence() -> None:
    assert admit(ask(None, "1706.03762"), Configuration(), "read") is None


def test_mentions_count_only_where_they_are_wanted() -> None:
    assert isinstance(admit(ask(None, "1706.03762"), Configuration(), "write"), Admitted)
    assert admit(ask(None, "1706.03762"), Configuration(trigger="command"), "write") is None


def test_several_papers_are_several_jobs_and_what_is_left_out_is_said() -> None:
    papers = [f"1706.0376{number}" for number in range(5)]
    decision = admit(ask(REPRODUCE, *papers), Configuration(), "write")
    assert isinstance(decision, Admitted)
    assert [job.paper for job in decision.jobs] == papers[:3]
    assert len({job.id for job in decision.jobs}) == 3
    assert papers[3] in decision.note and papers[4] in decision.note


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (ask(REPRODUCE), "no arXiv paper"),
        (ask(Mistake("`rate` needs a number.")), "`rate` needs a number."),
        (ask(Command("reproduce", options=(("max_usd", "100"),)), "1706.03762"), "at most 3"),
        (ask(Command("reproduce", options=(("refine", "x"),)), "1706.03762"), "refine"),
    ],
)
def test_refusals_say_why(request_: Request, words: str) -> None:
    decision = admit(request_, Configuration(), "write")
    assert isinstance(decision, Refusal)
    assert words in decision.message


def test_options_reach_the_job() -> None:
    command = Command("reproduce", options=(("max_usd", "1"), ("max_fixes", "2"), ("judge_model", "o2")))
    decision = admit(ask(command, "1706.03762"), Configuration(model="o1"), "write")
    assert isinstance(decision, Admitted)
    wish = decision.jobs[0].configuration
    assert (wish.max_usd, wish.max_fixes, wish.model, wish.judge_model) == (1, 2, "o1", "o2")


def test_a_wish_reaches_the_job_and_makes_it_another() -> None:
    texts = ("arxiv:1706.03762", "arxiv:1706.03762 only Table 2", "arxiv:1706.03762 only Table 3")
    jobs = []
    for text in texts:
        decision = admit(ask(Command("reproduce", text), "1706.03762"), Configuration(), "write")
        assert isinstance(decision, Admitted)
        jobs += decision.jobs
    assert [job.scope for job in jobs] == ["", "only Table 2", "only Table 3"]
    assert len({job.key for job in jobs}) == len({job.folder(Path("/data")) for job in jobs}) == 3
    assert len({job.lane for job in jobs}) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("/paper2code staus", "neither a command nor an arXiv paper"),
        ("/paper2code only Table 2", "arxiv:ID only Table 2"),
        ("/paper2code arxiv:1706.03762 " + "only " * 300, "at most 1000 characters"),
    ],
)
def test_what_might_be_a_misspelt_command_spends_nothing(body: str, words: str) -> None:
    for event, action in (("issue_comment", "created"), ("issues", "opened")):
        request = read(event, payload(event, action, body=body))
        assert request is not None
        assert isinstance(request.command, Mistake)
        assert words in request.command.message


def test_an_issue_that_somebody_moved_here_is_its_authors() -> None:
    event = payload("issues", "opened", body="/paper2code arxiv:1706.03762")
    event["sender"] |= {"login": "mover", "id": 4711}

    request = read("issues", event)

    assert request is not None
    assert (request.actor, request.actor_id) == (
        event["issue"]["user"]["login"],
        event["issue"]["user"]["id"],
    )


def test_an_issue_moved_here_counts_from_the_moment_of_that() -> None:
    moved = {"created_at": "2020-01-01T00:00:00Z", "updated_at": "2026-01-02T03:04:05Z"}
    request = read("issues", payload("issues", "opened", body="/paper2code arxiv:1706.03762", **moved))

    assert request is not None
    assert request.received == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        "Hello,\n\n/paper2code arxiv:1706.03762 max_usd=1",
        "arxiv:1706.03762\n/paper2code max_usd=1",
        "/paper2code arxiv:1706.03762\n/paper2code cancel",
    ],
)
def test_a_command_below_another_line_of_an_issue_is_never_passed_over(body: str) -> None:
    for action, changes in (("opened", {}), ("edited", {"body": {"from": ""}})):
        request = read("issues", payload("issues", action, body=body, changes=changes))
        assert request is not None
        assert isinstance(request.command, Mistake)
        assert "first line" in request.command.message


def test_a_command_that_an_issue_shows_is_none_of_it() -> None:
    body = "arxiv:1706.03762\n\n```\n/paper2code max_usd=1\n```\n> /paper2code cancel"
    request = read("issues", payload("issues", "opened", body=body))
    assert request is not None
    assert request.command is None


UNHEARD = [
    "Please /paper2code plan arxiv:1706.03762",
    "See below.\n\nI would say: (/paper2code plan arxiv:1706.03762)",
    "\U0001f449 \u2044paper2code plan arxiv:1706.03762",
    "/paper2code/plan arxiv:1706.03762",
    "/ paper2code plan arxiv:1706.03762",
    "/paper-2-code plan arxiv:1706.03762",
    "[/paper2code plan](https://arxiv.org/abs/1706.03762)",
    "~~/paper2code plan~~ arxiv:1706.03762",
    "Hi @paper2code plan arxiv:1706.03762",
    "Could paper2code plan arxiv:1706.03762?",
]


@pytest.mark.parametrize("text", UNHEARD)
def test_a_command_in_an_issue_that_is_not_understood_is_answered_instead_of_guessed(text: str) -> None:
    for event in (
        payload("issues", "opened", title="A paper", body=text),
        payload("issues", "edited", title="A paper", body=text, changes={"body": {"from": ""}}),
        payload("issues", "labeled", label="paper2code", title="A paper", body=text),
        payload("issues", "opened", title=text.replace("\n", " "), body="arxiv:1706.03762"),
    ):
        assert "begins the first line" in str(decided(event))
        assert decided(event, permission="admin") is None or event["action"] == "labeled"


@pytest.mark.parametrize("text", ["- [X] {}", "<b>{}</b>", "__**{}**__", "- - {}"])
def test_a_command_that_an_issue_begins_with_is_taken_however_it_is_dressed(text: str) -> None:
    event = payload(
        "issues", "opened", title="A paper", body=text.format("/paper2code plan arxiv:1706.03762")
    )
    request = read("issues", event)
    assert request is not None
    assert request.command == Command("plan", "arxiv:1706.03762", (("plan", "review"),))


@pytest.mark.parametrize(
    "text",
    [
        "https://github.com/owner/paper2code on arxiv:1706.03762",
        "As .github/paper2code.yml says: arxiv:1706.03762",
        "For paper2code: arxiv:1706.03762",
        "arxiv:1706.03762\n> Please /paper2code plan",
    ],
)
def test_an_issue_that_names_us_is_a_mention(text: str) -> None:
    assert decided(payload("issues", "opened", title="A paper", body=text)) == {"1706.03762": 3}


def decided(event: dict[str, Any], **wishes: Any) -> dict[str, float] | str | None:
    """The cap of each paper that is started; or what is refused."""
    request = read("issue_comment" if "comment" in event else "issues", event)
    decision = request and admit(request, Configuration(**wishes), "write")
    if isinstance(decision, Admitted):
        return {job.paper: job.configuration.max_usd for job in decision.jobs}
    return decision.message if decision else None


def commented(comment: str, body: str) -> dict[str, Any]:
    event = payload("issue_comment", "created", body=comment)
    event["issue"].update(title="A paper", body=body)
    return event


ISSUES: dict[str, Callable[[str], dict[str, Any]]] = {
    "the body of a new issue": lambda text: payload("issues", "opened", title="A paper", body=text),
    "its title": lambda text: payload("issues", "opened", title=text, body=None),
    "the body of a labelled issue": lambda text: payload(
        "issues", "labeled", label="paper2code", title="A paper", body=text
    ),
    "the title of one": lambda text: payload("issues", "labeled", label="paper2code", title=text, body=None),
    "a comment's issue": lambda text: commented("/paper2code", text),
}


@pytest.mark.parametrize("place", ISSUES)
@pytest.mark.parametrize(
    "text",
    [
        "/paper2code arxiv:1706.03762 max_usd=1",
        "\uff0fpaper2code\uff1aarxiv:1706.03762 max_usd=1",
        "- **/paper2code** arxiv:1706.03762 max_usd=1",
        "@paper2code arxiv:1706.03762 max_usd=1",
        "/paper2code plan arxiv:1706.03762 --max-usd 1",
        "Please implement arxiv:1706.03762 max_usd=1",
    ],
)
def test_a_cap_in_an_issue_is_set_wherever_it_stands(text: str, place: str) -> None:
    assert decided(ISSUES[place](text)) == {"1706.03762": 1}


@pytest.mark.parametrize("place", ISSUES)
@pytest.mark.parametrize(
    "text",
    [
        "/paper2code arxiv:1706.03762 max_usd 1",
        "Please implement arxiv:1706.03762 (max_usd: 1)",
        "arxiv:1706.03762, budget: $1",
        "arxiv:1706.03762 max_usd=9",
    ],
)
def test_a_cap_in_an_issue_that_cannot_be_set_is_refused(text: str, place: str) -> None:
    refused = decided(ISSUES[place](text))
    assert isinstance(refused, str)
    assert "`max_usd" in refused


def test_a_cap_in_a_title_above_a_command_is_refused() -> None:
    event = payload("issues", "opened", title="A paper, max_usd=1", body="/paper2code arxiv:1706.03762")
    assert "in the line of the command" in str(decided(event))
    twice = payload("issues", "opened", title="/paper2code max_usd=1", body="/paper2code arxiv:1706.03762")
    assert "gives one command" in str(decided(twice))


@pytest.mark.parametrize(
    "title",
    ["/paper2code ignores my file", "/paper2code status shows nothing", "/paper2code revise forgets a word"],
)
def test_a_title_about_a_command_gives_none(title: str) -> None:
    assert read("issues", payload("issues", "opened", title=title, body="It is so since today.")) is None


def test_an_issue_that_speaks_of_money_is_no_less_a_mention() -> None:
    body = "arXiv:1706.03762 costs 2 pounds of hydrogen, on a budget of $50.\n`max_usd=1` is its cap."
    event = payload("issues", "opened", title="Training for $1,890", body=body)
    assert decided(event) == {"1706.03762": 3}


def test_a_mentions_cap_is_heard_only_where_a_mention_is() -> None:
    for text in ("arxiv:1706.03762 max_usd=1", "arxiv:1706.03762 max_usd 1"):
        request = read("issues", payload("issues", "opened", title="A paper", body=text))
        assert request is not None
        assert admit(request, Configuration(trigger="command"), "write") is None
        public = replace(request, place=replace(request.place, private=False))
        assert admit(public, Configuration(), "read") is None


def test_a_label_asks_for_what_the_issue_asks_for() -> None:
    body = "/paper2code plan arxiv:1706.03762 max_usd=1 only Table 2"
    request = read("issues", payload("issues", "labeled", label="paper2code", title="A paper", body=body))
    assert request is not None
    assert request.command == Command(
        "plan", "arxiv:1706.03762 only Table 2", (("max_usd", "1"), ("plan", "review"))
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("/paper2code arxiv:1706.03762 max_usd=1", {"2504.17192": 1}),
        ("arxiv:1706.03762 max_usd=1", {"2504.17192": 1}),
        ("Hello\n/paper2code arxiv:1706.03762 mode=full", "first line"),
        ("/paper2code status", {"2504.17192": 3}),
    ],
)
def test_a_paper_added_to_an_issue_has_its_cap(body: str, expected: dict[str, float] | str) -> None:
    text, before = f"{body}\n\nand arxiv:2504.17192", {"body": {"from": body}}
    said = decided(payload("issues", "edited", title="A paper", body=text, changes=before))
    assert said == expected if isinstance(expected, dict) else expected in str(said)


@pytest.mark.parametrize("before", ["arxiv:1706.03762", "arxiv:1706.03762 max_usd=2"])
def test_a_cap_that_is_written_into_an_issue_later_is_answered(before: str) -> None:
    changes = {"body": {"from": before}}
    event = payload("issues", "edited", title="A paper", body="arxiv:1706.03762 max_usd=1", changes=changes)
    assert "written into an issue later" in str(decided(event))


def test_a_cap_that_was_refused_is_asked_for_once_it_is_right() -> None:
    changes = {"body": {"from": "arxiv:1706.03762 max_usd<=1"}}
    event = payload("issues", "edited", title="A paper", body="arxiv:1706.03762 max_usd=1", changes=changes)
    assert decided(event) == {"1706.03762": 1}


@pytest.mark.parametrize("comment", ["/paper2code plan\narxiv:1810.04805", "/paper2code:\n\n1810.04805"])
def test_a_paper_below_the_commands_line_comes_before_the_issues(comment: str) -> None:
    assert list(decided(commented(comment, "arxiv:1706.03762"))) == ["1810.04805"]


def test_a_title_of_a_paper_about_budgets_is_no_cap() -> None:
    event = payload("issues", "opened", title="Active learning (budget 100)", body="arxiv:1706.03762")
    assert decided(event) == {"1706.03762": 3}


def test_taking_a_command_away_asks_for_nothing() -> None:
    before = {"body": {"from": "/paper2code status\narxiv:1706.03762"}}
    event = payload("issues", "edited", title="A paper", body="arxiv:1706.03762", changes=before)
    assert read("issues", event) is None


def test_a_comments_own_cap_comes_before_the_issues() -> None:
    event = commented("/paper2code max_usd=2", "arxiv:1706.03762, budget: $1, max_usd=1")
    assert decided(event) == {"1706.03762": 2}


@pytest.mark.parametrize("author", [None, {"login": "app[bot]", "id": 1, "type": "Bot"}])
def test_an_issue_moved_here_that_no_person_has_written_asks_for_nothing(
    author: dict[str, Any] | None,
) -> None:
    event = payload("issues", "opened", body="/paper2code arxiv:1706.03762", user=author)

    assert read("issues", event) is None


@pytest.mark.parametrize("data", [b"", b"\xff", b"[1]", b"7", b"[" * 200_000, b'{"a": ' + b"1" * 5000 + b"}"])
def test_what_is_no_payload_is_none(data: bytes) -> None:
    assert payload_of(data) is None


def test_a_payload_is_unicode_whatever_is_escaped_in_it() -> None:
    said = payload_of(b'{"body": "half \\ud83d, whole \\ud83d\\ude00, \\\\ud800"}')

    assert said == {"body": "half ?, whole \U0001f600, \\ud800"}


CITING = "Which tokenizer? That of arXiv:2005.14165, warm-up as in https://arxiv.org/abs/1810.04805, budget 2 dollars"


def delivered() -> str:
    """The body of a pull request of ours."""
    assumed = {"kind": "open question", "subject": CITING, "assumption": CITING, "why": CITING}
    made = reproduction(assumptions=[assumed], scope=None)
    return marked(body(made, "papers/x", "https://github.com/o/r/blob/abc", 12), JOB.mark)


def test_in_a_pull_request_of_ours_only_its_own_paper_is_meant() -> None:
    assert "2005.14165" in delivered()
    assert decided(commented("/paper2code", delivered())) == {"1706.03762": 3.0}
    assert decided(commented("/paper2code max_usd=1", delivered().replace("\n", "\r\n"))) == {
        "1706.03762": 1.0
    }
    assert decided(commented("/paper2code arxiv:1810.04805", delivered())) == {"1810.04805": 3.0}
    review = review_event("pull_request_review", "review", body="/paper2code")
    review["pull_request"].update(title="Implement “arXiv:2005.14165”", body=delivered())
    request = read("pull_request_review", review)
    assert request is not None and request.references == ("1706.03762",)


def test_a_copy_of_what_we_have_written_names_no_paper() -> None:
    written = marked(f"The plan: {CITING}", "answer 1-comment-2")

    assert read("issues", payload("issues", "opened", title="About this", body=written)) is None
    assert "I found no arXiv paper" in str(decided(commented("/paper2code", written)))
    assert decided(commented("/paper2code", "<!-- paper2code reads this -->\narXiv:2005.14165")) == {
        "2005.14165": 3.0
    }
