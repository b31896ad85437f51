"""The REST calls for pull requests, their reviews and remarks, and for check runs."""

from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, jsonify, make_response, request

from tests.fakes.github.gate import ROOT, body, page, permitted, since
from tests.fakes.github.state import NAME, OWNER, Json, Token, now

if TYPE_CHECKING:
    from tests.fakes.github.server import FakeGitHub


def pulls(hub: "FakeGitHub", api: Blueprint) -> None:
    state, repository = hub.state, partial(permitted, hub)

    @api.get(f"{ROOT}/pulls")
    @repository("pull_requests", "read")
    def list_pulls(token: Token) -> Any:
        owner, _, head = request.args.get("head", "").partition(":")
        wanted = request.args.get("state", "open")
        if head and owner != state.names[-1].partition("/")[0]:
            return jsonify([])
        found = [
            number
            for number, pull in state.pulls.items()
            if head in ("", pull["head"]) and wanted in ("all", pull["state"])
        ]
        return jsonify([hub.shapes.pull(number) for number in reversed(found)])

    @api.post(f"{ROOT}/pulls")
    @repository("pull_requests", "write")
    def create_pull(token: Token) -> Any:
        asked = request.get_json()
        if token.login == "github-actions[bot]" and not state.actions_may_open_pulls:
            abort(403, "GitHub Actions is not permitted to create or approve pull requests.")
        if asked.get("draft") and not state.drafts:
            abort(422, "Draft pull requests are not supported in this repository.")
        for end in ("head", "base"):
            if asked[end] not in hub.refs():
                problem = {
                    "message": "Validation Failed",
                    "errors": [{"resource": "PullRequest", "field": end, "code": "invalid"}],
                    "documentation_url": "https://docs.github.com/rest/pulls/pulls#create-a-pull-request",
                }
                abort(make_response(jsonify(problem), 422))
        if any(p["head"] == asked["head"] and p["state"] == "open" for p in state.pulls.values()):
            abort(422, f"A pull request already exists for {OWNER}:{asked['head']}.")
        if len(asked["body"]) > 65536:
            abort(422, "body is too long (maximum is 65536 characters)")
        number = 1000 + len(state.pulls)
        state.pulls[number] = {
            "number": number,
            "state": "open",
            "user": token.login,
            "created_at": now(),
            "draft": asked.get("draft", False),
            **{name: asked[name] for name in ("title", "body", "head", "base")},
        }
        return hub.shapes.pull(number), 201

    @api.patch(f"{ROOT}/pulls/<int:number>")
    @repository("pull_requests", "write")
    def edit_pull(token: Token, number: int) -> Any:
        state.pulls[number] |= request.get_json()
        return hub.shapes.pull(number)

    @api.get(f"{ROOT}/pulls/<int:number>")
    @repository("pull_requests", "read")
    def get_pull(token: Token, number: int) -> Any:
        return hub.shapes.pull(number) if number in state.pulls else abort(404, "Not Found")


def reviews(hub: "FakeGitHub", api: Blueprint) -> None:
    state, repository = hub.state, partial(permitted, hub)

    def show_review(review: Json) -> Json:
        return {name: review[name] for name in review if name not in ("comments", "pull")}

    @api.get(f"{ROOT}/pulls/<int:number>/reviews")
    @repository("pull_requests", "read")
    def list_reviews(token: Token, number: int) -> Any:
        found = [show_review(review) for review in state.reviews if review["pull"] == number]
        return jsonify(page(found))

    @api.post(f"{ROOT}/pulls/<int:number>/reviews")
    @repository("pull_requests", "write")
    def create_review(token: Token, number: int) -> Any:
        asked, pull = request.get_json(), state.pulls.get(number) or abort(404, "Not Found")
        body()
        if asked["event"] != "COMMENT" and token.login == pull["user"]:
            abort(422, "Can not approve or request changes on your own pull request")
        for comment in asked.get("comments", ()):
            lines = hub.lines_in_diff(number, comment["path"])
            if not {comment["line"], comment.get("start_line", comment["line"])} <= lines:
                abort(422, "Pull request review thread line must be part of the diff")
        known = next(hub.ids)
        address, page = (
            f"{hub.shapes.repository_url}/pulls/{number}",
            f"{hub.url}/{OWNER}/{NAME}/pull/{number}",
        )
        review = {
            "id": known,
            "node_id": f"PRR_{known}",
            "user": hub.shapes.user(token.login),
            "body": asked["body"],
            "state": "COMMENTED",
            "html_url": f"{page}#pullrequestreview-{known}",
            "pull_request_url": address,
            "_links": {"html": {"href": page}, "pull_request": {"href": address}},
            "submitted_at": now(),
            "commit_id": asked["commit_id"],
            "author_association": "NONE",
            "comments": asked.get("comments", []),
            "pull": number,
        }
        state.reviews.append(review)
        return show_review(review)


def remarks(hub: "FakeGitHub", api: Blueprint) -> None:
    state, repository = hub.state, partial(permitted, hub)

    @api.get(f"{ROOT}/pulls/<int:number>/comments")
    @repository("pull_requests", "read")
    def list_remarks(token: Token, number: int) -> Any:
        return jsonify(since(state.remarks.values(), "pull_request_url", number))

    @api.post(f"{ROOT}/pulls/<int:number>/comments/<int:remark>/replies")
    @repository("pull_requests", "write")
    def reply(token: Token, number: int, remark: int) -> Any:
        if remark not in state.remarks:
            abort(404, "Not Found")
        if "in_reply_to_id" in state.remarks[remark]:
            abort(422, "Replies to replies are not supported")
        return hub.remark(number, body(), token.login, answers=remark), 201

    @api.patch(f"{ROOT}/pulls/comments/<int:number>")
    @repository("pull_requests", "write")
    def edit_remark(token: Token, number: int) -> Any:
        if number not in state.remarks:
            abort(404, "Not Found")
        state.remarks[number] |= {"body": body(), "updated_at": now()}
        return state.remarks[number]


def checks(hub: "FakeGitHub", api: Blueprint) -> None:
    state, repository = hub.state, partial(permitted, hub)

    @api.get(f"{ROOT}/commits/<ref>/check-runs")
    @repository("checks", "read")
    def list_checks(token: Token, ref: str) -> Any:
        name = request.args.get("check_name")
        found = [
            check for check in state.checks if check["head_sha"] == ref and name in (None, check["name"])
        ]
        return {"total_count": len(found), "check_runs": found}

    @api.post(f"{ROOT}/check-runs")
    @repository("checks", "write")
    def create_check(token: Token) -> Any:
        asked = request.get_json()
        number = next(hub.ids)
        address = f"{hub.shapes.repository_url}/check-runs/{number}"
        check = {
            **{name: asked[name] for name in ("name", "head_sha", "external_id", "status", "conclusion")},
            "id": number,
            "node_id": f"CR_{number}",
            "url": address,
            "html_url": address,
            "details_url": address,
            "started_at": now(),
            "completed_at": asked["completed_at"],
            "check_suite": {"id": 1},
            "app": hub.shapes.app(),
            "pull_requests": [],
        }
        state.checks.append(check)
        state.annotations[number] = []
        return show_output(check, asked["output"]), 201

    @api.patch(f"{ROOT}/check-runs/<int:number>")
    @repository("checks", "write")
    def edit_check(token: Token, number: int) -> Any:
        check = next(check for check in state.checks if check["id"] == number)
        return show_output(check, request.get_json()["output"])

    def show_output(check: Json, output: Json) -> Json:
        """The check run with `output`, whose annotations are added to those that it has."""
        remarks = output.get("annotations", [])
        if len(remarks) > 50 or len(output["summary"]) > 65535:
            abort(422, "Invalid request")
        kept = state.annotations[check["id"]]
        kept += remarks
        counted = {"annotations_count": len(kept), "annotations_url": f"{check['url']}/annotations"}
        check["output"] = {"title": output["title"], "summary": output["summary"], "text": None} | counted
        return check
