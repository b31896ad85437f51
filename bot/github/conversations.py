"""What was said in a pull request, as its REST lists have it."""

import itertools
from typing import Any

from github.Repository import Repository

from bot.github.connection import PAGE
from bot.github.pulls import Conversation, Remark


def read(repository: Repository, number: int | None, thread: int | None, before: int | None) -> Conversation:
    """What was said before the comment `before`: in a thread, or in the pull request's conversation."""
    if thread is None:
        here = _all(repository, f"issues/{number}/comments")
    else:
        found = _all(repository, f"pulls/{number}/comments")
        here = [each for each in found if thread in (each["id"], each.get("in_reply_to_id"))]
    remarks = tuple(_remark(each) for each in here if not before or each["id"] < before)
    first = next((each for each in here if each["id"] == thread), None)
    if thread is None or first is None:
        return Conversation(remarks)
    last = first.get("line") if first.get("side") != "LEFT" else None
    return Conversation(
        remarks,
        path=first["path"],
        commit=first["commit_id"],
        lines=(first.get("start_line") or last, last) if last else None,
        hunk=first.get("diff_hunk") or "",
    )


def _all(repository: Repository, path: str) -> list[dict[str, Any]]:
    """All pages of a list. PyGithub's own objects ask once more for each one that lacks an optional field."""
    found: list[dict[str, Any]] = []
    for page in itertools.count(1):
        _, some = repository.requester.requestJsonAndCheck(
            "GET", f"{repository.url}/{path}", parameters={"per_page": PAGE, "page": page}
        )
        found += some
        if len(some) < PAGE:
            break
    return found


def _remark(shown: dict[str, Any]) -> Remark:
    author = shown["user"] or {"login": "ghost", "type": "User"}
    said = shown["body"] or ""
    return Remark(author["login"], said, shown["id"], shown["html_url"], author["type"] != "User")
