"""The few GraphQL calls that the bot makes: REST has no words for them. GraphQL refuses with status 200."""

from typing import TYPE_CHECKING, Any

from flask import jsonify, request

from tests.fakes.github.state import Json

if TYPE_CHECKING:
    from tests.fakes.github.server import FakeGitHub


def graphql(hub: "FakeGitHub") -> Any:
    """The answer to the present request."""
    token, wanted = hub.authenticated(), request.get_json()
    query, variables = wanted["query"], wanted["variables"]
    if "markPullRequestReadyForReview(input: $input)" in query:
        rights = {token.permissions.get(name) for name in ("contents", "pull_requests")}
        return _mark_ready(hub, variables["input"]["pullRequestId"], rights == {"write"})
    if "reviewThreads" in query:
        return _threads(hub, variables["node"], variables["after"])
    if "resolveReviewThread" in query:
        return _resolve(hub, variables["thread"], token.permissions.get("pull_requests") == "write")
    assert "userContentEdits" in query
    return _edits(hub, variables["node"])


def _mark_ready(hub: "FakeGitHub", node: str, allowed: bool) -> Any:
    pull = next((pull for number, pull in hub.state.pulls.items() if node == f"PR_{number}"), None)
    if pull is None or not allowed or not hub.state.may_mark_ready:
        kind, message = ("FORBIDDEN", "Resource not accessible by integration")
        if pull is None:
            kind, message = "NOT_FOUND", f"Could not resolve to a node with the global id of '{node}'"
        return jsonify(
            data={"markPullRequestReadyForReview": None}, errors=[{"type": kind, "message": message}]
        )
    pull["draft"] = False
    answer = {"clientMutationId": None, "pullRequest": {"isDraft": False}}
    return jsonify(data={"markPullRequestReadyForReview": answer})


def _edits(hub: "FakeGitHub", node: str) -> Any:
    """Who has edited a comment; the first entry is how it was written."""
    number = int(node.removeprefix("IC_"))
    author = hub.state.comments[number]["user"]
    edits = [
        {"editor": {"__typename": "Bot" if name.endswith("[bot]") else "User", "login": name}}
        for name in [author["login"], *hub.state.editors.get(number, ())]
    ]
    last = edits[-1]["editor"] if edits[1:] else None
    return jsonify(data={"node": {"editor": last, "userContentEdits": {"nodes": edits}}})


def _threads(hub: "FakeGitHub", node: str, after: str | None) -> Any:
    """Threads at lines, two on a page."""
    number = int(node.removeprefix("PR_"))
    mine = [r for r in hub.state.remarks.values() if r["pull_request_url"].endswith(f"/{number}")]
    firsts = [remark for remark in mine if "in_reply_to_id" not in remark]
    begin = int(after or 0)
    shown = [_thread(hub, first, mine) for first in firsts[begin : begin + 2]]
    page = {"hasNextPage": begin + 2 < len(firsts), "endCursor": str(begin + 2)}
    head = hub.refs()[hub.state.pulls[number]["head"]]
    threads = {"pageInfo": page, "nodes": shown}
    return jsonify(data={"node": {"headRefOid": head, "reviewThreads": threads}})


def _thread(hub: "FakeGitHub", first: Json, remarks: list[Json]) -> Json:
    said = [r for r in remarks if first["id"] in (r["id"], r.get("in_reply_to_id"))]
    return {
        "id": f"PRRT_{first['id']}",
        "isResolved": first["id"] in hub.state.resolved,
        "path": first["path"],
        "line": first["line"],
        "startLine": first["start_line"],
        "diffSide": first["side"],
        "comments": {
            "nodes": [
                {
                    "databaseId": each["id"],
                    "body": each["body"],
                    "url": each["html_url"],
                    "diffHunk": each["diff_hunk"],
                    "author": {
                        "__typename": each["user"]["type"],
                        "login": each["user"]["login"].removesuffix("[bot]"),
                    },
                }
                for each in said
            ]
        },
    }


def _resolve(hub: "FakeGitHub", node: str, allowed: bool) -> Any:
    if not allowed:
        errors = [{"type": "FORBIDDEN", "message": "Resource not accessible by integration"}]
        return jsonify(data={"resolveReviewThread": None}, errors=errors)
    hub.state.resolved.add(int(node.removeprefix("PRRT_")))
    return jsonify(data={"resolveReviewThread": {"thread": {"isResolved": True}}})
