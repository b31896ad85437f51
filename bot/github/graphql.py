"""What REST has no words for: who has edited a comment, and threads at lines of a pull request."""

import itertools
from typing import Any

from github.Repository import Repository

from bot.github.pulls import Edits, Remark, Thread

_EDITS = """
query($node: ID!) {
  node(id: $node) {
    ... on IssueComment {
      editor { __typename login }
      userContentEdits(first: 100) { nodes { editor { __typename login } } }
    }
  }
}"""
_THREADS = """
query($node: ID!, $after: String) {
  node(id: $node) {
    ... on PullRequest {
      headRefOid
      reviewThreads(first: 50, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes {
          id isResolved path line startLine diffSide
          comments(first: 100) { nodes { databaseId body url diffHunk author { __typename login } } }
        }
      }
    }
  }
}"""
_RESOLVE = """
mutation($thread: ID!) { resolveReviewThread(input: {threadId: $thread}) { thread { isResolved } } }"""
_MOST_PAGES = 10


def edits(repository: Repository, node: str) -> Edits:
    """Who has edited the comment."""
    comment = _asked(repository, _EDITS, node=node)["node"] or {}
    nodes = (comment.get("userContentEdits") or {}).get("nodes") or ()
    people = _people([comment.get("editor"), *(edit["editor"] for edit in nodes if edit)])
    return Edits(people, next(iter(_people([comment.get("editor")])), None))


def _people(editors: list[dict[str, Any] | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each["login"] for each in editors if each and each["__typename"] == "User"))


def open_threads(repository: Repository, number: int) -> list[Thread]:
    """Those of the pull request that nobody has resolved."""
    node, after, found = repository.get_pull(number).node_id, None, list[Thread]()
    for _ in itertools.repeat(None, _MOST_PAGES):
        pull = _asked(repository, _THREADS, node=node, after=after)["node"]
        threads = pull["reviewThreads"]
        found += [
            _thread(each, pull["headRefOid"])
            for each in threads["nodes"]
            if not each["isResolved"] and each["comments"]["nodes"]
        ]
        if not threads["pageInfo"]["hasNextPage"]:
            break
        after = threads["pageInfo"]["endCursor"]
    return found


def resolve(repository: Repository, thread: str) -> None:
    """Mark it as resolved."""
    _asked(repository, _RESOLVE, thread=thread)


def _asked(repository: Repository, query: str, **variables: Any) -> Any:
    _, data = repository.requester.graphql_query(query, variables)
    return data["data"]


def _thread(shown: dict[str, Any], head: str) -> Thread:
    said = shown["comments"]["nodes"]
    last = shown["line"] if shown["diffSide"] != "LEFT" else None
    return Thread(
        node=shown["id"],
        first=said[0]["databaseId"],
        remarks=tuple(_remark(each) for each in said),
        path=shown["path"],
        lines=(shown["startLine"] or last, last) if last else None,
        commit=head,
        hunk=said[0]["diffHunk"] or "",
    )


def _remark(shown: dict[str, Any]) -> Remark:
    author = shown["author"] or {"login": "ghost", "__typename": "User"}
    by_bot = author["__typename"] != "User"
    return Remark(author["login"], shown["body"] or "", shown["databaseId"], shown["url"], by_bot)
