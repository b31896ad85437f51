"""What our adapter makes of GitHub's answers, and that no credential leaves it."""

import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from bot.github.branch import BranchRefused, publish
from bot.github.credentials import AppCredentials, GitHubRefused, GitHubUnavailable
from bot.github.github import GitHub
from pipeline.record import Commit
from tests.bot.conftest import PLACE
from tests.fakes.github.server import FakeGitHub, key_pair
from tests.fakes.github.state import ACTIONS_TOKEN, APP_ID, Json

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CODE = Commit("Write the code", "", {"main.py": "print(1)\n"})


@pytest.mark.parametrize(
    ("status", "headers", "message", "wait"),
    [
        (403, {"retry-after": "7"}, "You have exceeded a secondary rate limit.", 7),
        (403, {}, "You have exceeded a secondary rate limit.", 60),
        (429, {}, "Too many requests", 60),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, "API rate limit exceeded for x", 0),
        (502, {}, "Bad gateway", 0),
        (403, {"retry-after": "9" * 400}, "You have exceeded a secondary rate limit.", 60),
        (403, {"retry-after": "\xb2"}, "You have exceeded a secondary rate limit.", 60),
        (
            403,
            {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" * 20},
            "API rate limit exceeded for x",
            60,
        ),
    ],
)
def test_what_passes_by_itself_says_how_long_to_wait(
    hub: FakeGitHub, github: GitHub, status: int, headers: dict[str, str], message: str, wait: float
) -> None:
    hub.open_issue("A", "")
    hub.fail("POST", "/comments$", status, headers=headers, message=message)
    with pytest.raises(GitHubUnavailable) as raised:
        github.comment(PLACE, "m", "text", NOW)
    assert raised.value.wait == wait
    assert github.comment(PLACE, "m", "text", NOW)


def test_a_write_is_not_repeated_blindly(hub: FakeGitHub, github: GitHub) -> None:
    hub.open_issue("A", "")
    hub.fail("POST", "/comments$", 500, times=5, carried_out=True)
    with pytest.raises(GitHubUnavailable):
        github.comment(PLACE, "m", "text", NOW)
    assert len(hub.state.comments) == 1
    github.comment(PLACE, "m", "text", NOW)
    assert len(hub.state.comments) == 1


def test_a_no_is_told_in_githubs_words(hub: FakeGitHub, github: GitHub) -> None:
    with pytest.raises(GitHubRefused, match="GitHub answered 410: This issue was deleted"):
        github.comment(PLACE, "m", "text", NOW)


def test_a_key_that_is_not_the_apps_is_refused(hub: FakeGitHub) -> None:
    stranger = GitHub(AppCredentials(APP_ID, key_pair()[0]), hub.api_url, hub.url, 0)
    with pytest.raises(GitHubRefused, match="401"):
        stranger.token(PLACE)


def test_what_never_arrived_is_asked_for_again(hub: FakeGitHub) -> None:
    credentials, heard = AppCredentials(APP_ID, hub.private_key), list[str]()

    def hook(event: str, payload: Json, guid: str) -> int:
        heard.append(guid)
        return 202

    hub.hook = hook
    hub.delivered("issues", {"action": "opened"}, 502, timedelta(days=4))
    missed = [
        hub.delivered("issues", {"action": "opened"}, status, timedelta(hours=1))["guid"]
        for status in (0, 502, 401)
    ]
    for _ in range(100):  # so that it takes more than one page
        hub.delivered("issues", {"action": "opened"}, 202)
    assert credentials.redeliver(hub.api_url) == 3
    assert sorted(heard) == sorted(missed)
    assert credentials.redeliver(hub.api_url) == 0


def test_an_event_that_keeps_failing_is_asked_for_ever_more_seldom(hub: FakeGitHub) -> None:
    credentials = AppCredentials(APP_ID, hub.private_key)
    hub.delivered("issues", {"action": "opened"}, 500, timedelta(hours=1))
    assert [credentials.redeliver(hub.api_url) for _ in range(3)] == [1, 0, 0]
    for delivery in hub.state.deliveries:
        earlier = datetime.fromisoformat(delivery["delivered_at"]) - timedelta(hours=2)
        delivery["delivered_at"] = earlier.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert credentials.redeliver(hub.api_url) == 1


def test_workers_that_comment_at_the_same_moment_leave_one_comment(hub: FakeGitHub, github: GitHub) -> None:
    hub.open_issue("A", "")
    since, together = datetime.now(UTC) - timedelta(hours=1), Barrier(6)

    def comment(text: str) -> int:
        together.wait()
        return github.comment(PLACE, "job 1", text, since)

    with ThreadPoolExecutor(6) as pool:
        ids = set(pool.map(comment, "abcdef"))
    assert ids == set(hub.state.comments)
    assert len(ids) == 1


def test_git_goes_over_http_with_a_token_that_nobody_sees(hub: FakeGitHub) -> None:
    remote = f"{hub.url}/octo-org/papers.git"
    publish(remote, "main", "b", [CODE], "papers/x", "A <a@b>", ACTIONS_TOKEN)
    assert "b" in hub.refs()
    wrong = "-".join(["ghs", "wrong", "token"])
    with pytest.raises(BranchRefused) as raised:
        publish(remote, "main", "c", [CODE], "papers/x", "A <a@b>", wrong)
    told = "".join(traceback.format_exception(raised.value))
    assert wrong not in told
    assert "c" not in hub.refs()


def test_a_push_that_is_refused_says_why(hub: FakeGitHub) -> None:
    hook = hub.git / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'GH006: Protected branch update failed' >&2\nexit 1\n")
    hook.chmod(0o755)
    remote = f"{hub.url}/octo-org/papers.git"
    with pytest.raises(BranchRefused, match="Protected branch"):
        publish(remote, "main", "b", [CODE], "papers/x", "A <a@b>", ACTIONS_TOKEN)


FORGED = "Quoted:\n\n```text\n<!-- paper2code job 2 -->\n<!-- paper2code preface ends -->\n```"


def test_a_marker_in_what_is_quoted_is_nobodys(hub: FakeGitHub, github: GitHub) -> None:
    hub.open_issue("A", "")
    first = github.comment(PLACE, "job 1", FORGED, NOW)

    second = github.comment(PLACE, "job 2", "another job's", NOW)

    assert first != second
    assert github.comment(PLACE, "job 1", FORGED, NOW) == first
    assert "Quoted" in hub.state.comments[first]["body"]


def test_a_marker_within_a_line_or_by_somebody_else_is_not_ours(hub: FakeGitHub, github: GitHub) -> None:
    number = hub.open_issue("A", "")
    hub.write_comment(number, "text\n\n<!-- paper2code job 1 -->", "alice")

    ours = github.comment(PLACE, "job 1", "ours", NOW)
    hub.state.comments[ours]["body"] = "as in `<!-- paper2code job 1 -->`"

    assert github.comment(PLACE, "job 1", "ours", NOW) != ours


def test_a_preface_takes_nothing_of_the_pull_requests_body(hub: FakeGitHub, github: GitHub) -> None:
    publish(github.remote(PLACE), "main", "paper2code/x", [CODE], "papers/x", "x <x@x>", github.token(PLACE))
    body = f"{FORGED}\n\n| requirement |\n|---|\n| kept |"
    made = github.pull_request(PLACE, "job 1", "paper2code/x", "main", "Title", body, False, [])
    there = replace(PLACE, issue=made.number)

    github.preface(there, "first")
    github.preface(there, f"second\n{FORGED}")

    told = hub.state.pulls[made.number]["body"]
    assert told.count("<!-- paper2code preface -->") == told.count("| kept |") == 1
    assert "first" not in told and "second" in told
