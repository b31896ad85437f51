"""GitHub's objects as its API shows them, made from what the fake knows."""

from pathlib import Path

from tests.fakes.github.git import refs
from tests.fakes.github.state import APP_ID, INSTALLATION, NAME, OWNER, REPOSITORY_ID, Json, State, now


class Shapes:
    """Each has all that GitHub's description asks for, and little more."""

    def __init__(self, state: State, bare: Path, url: str, api_url: str) -> None:
        self._state, self._bare, self._url, self._api_url = state, bare, url, api_url

    @property
    def repository_url(self) -> str:
        """Of the API."""
        return f"{self._api_url}/repos/{self._state.names[-1]}"

    @property
    def page_url(self) -> str:
        """Of the repository, for people."""
        return f"{self._url}/{self._state.names[-1]}"

    def user(self, login: str) -> Json:
        address = f"{self._api_url}/users/{login}"
        names = "followers following gists starred subscriptions organizations repos events received_events"
        return {
            "login": login,
            "id": self._state.users[login],
            "node_id": f"U_{self._state.users[login]}",
            "avatar_url": f"{self._url}/avatars/{login}",
            "gravatar_id": "",
            "url": address,
            "html_url": f"{self._url}/{login}",
            **{f"{name}_url": f"{address}/{name}" for name in names.split()},
            "type": "Bot" if login.endswith("[bot]") else "User",
            "site_admin": False,
        }

    def public_user(self, login: str) -> Json:
        """With the counts that only `GET /users/…` has."""
        texts = dict.fromkeys(("bio", "blog", "company", "email", "location", "name"))
        counts = dict.fromkeys(("followers", "following", "public_gists", "public_repos"), 0)
        dates = {"created_at": now(), "updated_at": now()}
        known = {"user_view_type": "public", "hireable": None}
        return self.user(login) | texts | counts | dates | known | {"blog": ""}

    def repository(self) -> Json:
        address = self.repository_url
        names = """archive assignees blobs branches collaborators comments commits compare contents
            contributors
            deployments downloads events forks git_commits git_refs git_tags hooks issue_comment issue_events
            issues keys labels languages merges milestones notifications pulls releases stargazers statuses
            subscribers subscription tags teams trees git svn ssh mirror"""
        counts = """forks forks_count open_issues open_issues_count stargazers_count watchers watchers_count
            size network_count subscribers_count"""
        flags = """has_downloads has_issues has_projects has_wiki has_pages has_discussions archived disabled
            fork private"""
        return {
            **{f"{name}_url": f"{address}/{name}" for name in names.split()},
            **dict.fromkeys(counts.split(), 0),
            **dict.fromkeys(flags.split(), False),
            "private": self._state.private,
            "id": REPOSITORY_ID,
            "node_id": f"R_{REPOSITORY_ID}",
            "name": self._state.names[-1].partition("/")[2],
            "full_name": self._state.names[-1],
            "owner": self.user(self._state.names[-1].partition("/")[0]),
            "html_url": self.page_url,
            "url": address,
            "clone_url": f"{self.page_url}.git",
            "description": None,
            "homepage": None,
            "language": None,
            "license": None,
            "default_branch": self._state.default_branch,
            "created_at": now(),
            "updated_at": now(),
            "pushed_at": now(),
        }

    def issue(self, number: int, title: str, body: str, user: str) -> Json:
        address = f"{self.repository_url}/issues/{number}"
        return {
            "id": 5000 + number,
            "node_id": f"I_{number}",
            "number": number,
            "url": address,
            "repository_url": self.repository_url,
            **{f"{name}_url": f"{address}/{name}" for name in ("labels", "comments", "events")},
            "html_url": f"{self.page_url}/issues/{number}",
            "title": title,
            "body": body,
            "user": self.user(user),
            "labels": [],
            "state": "open",
            "locked": False,
            "assignee": None,
            "assignees": [],
            "milestone": None,
            "comments": 0,
            "created_at": now(),
            "updated_at": now(),
            "closed_at": None,
            "author_association": "NONE",
        }

    def issue_of_pull(self, number: int) -> Json:
        """A pull request, as events about its comments show it."""
        pull, address = self._state.pulls[number], f"{self.repository_url}/pulls/{number}"
        return self.issue(number, pull["title"], pull["body"], pull["user"]) | {
            "pull_request": {"url": address}
        }

    def comment(self, number: int, issue: int, body: str, user: str) -> Json:
        """A comment below an issue or a pull request."""
        address = f"{self.repository_url}/issues"
        return {
            "id": number,
            "node_id": f"IC_{number}",
            "url": f"{address}/comments/{number}",
            "html_url": f"{self.page_url}/issues/{issue}#issuecomment-{number}",
            "issue_url": f"{address}/{issue}",
            "body": body,
            "user": self.user(user),
            "created_at": now(),
            "updated_at": now(),
            "author_association": "NONE",
        }

    def remark(
        self,
        number: int,
        pull: int,
        body: str,
        user: str,
        path: str,
        lines: tuple[int, int],
        answers: int | None,
    ) -> Json:
        """A comment at lines of a pull request, or one that `answers` another's thread."""
        address = f"{self.repository_url}/pulls"
        head = refs(self._bare)[self._state.pulls[pull]["head"]]
        place = {
            "path": path,
            "commit_id": head,
            "original_commit_id": head,
            "diff_hunk": "@@ -0,0 +1,9 @@\n+the line",
            "line": lines[1],
            "original_line": lines[1],
            "start_line": lines[0] if lines[0] < lines[1] else None,
            "original_start_line": lines[0] if lines[0] < lines[1] else None,
            "side": "RIGHT",
            "start_side": "RIGHT",
            "subject_type": "line",
        }
        if answers:
            place = {name: self._state.remarks[answers][name] for name in place}
            place["in_reply_to_id"] = answers
        page = f"{self._url}/{OWNER}/{NAME}/pull/{pull}#discussion_r{number}"
        links = {
            "self": f"{address}/comments/{number}",
            "html": page,
            "pull_request": f"{address}/{pull}",
        }
        return place | {
            "id": number,
            "node_id": f"PRRC_{number}",
            "url": links["self"],
            "html_url": page,
            "pull_request_url": links["pull_request"],
            "pull_request_review_id": 1,
            "_links": {name: {"href": link} for name, link in links.items()},
            "body": body,
            "user": self.user(user),
            "created_at": now(),
            "updated_at": now(),
            "author_association": "NONE",
        }

    def label(self, name: str) -> Json:
        """As the API shows it."""
        address = f"{self.repository_url}/labels/{name}"
        return {
            "id": 1,
            "node_id": "L_1",
            "url": address,
            "name": name,
            "description": "",
            "color": "ededed",
            "default": False,
        }

    def pull(self, number: int) -> Json:
        """As the API shows it."""
        stored = self._state.pulls[number]
        address = f"{self.repository_url}/pulls/{number}"
        branches = refs(self._bare)
        links = ("html", "issue", "comments", "review_comments", "review_comment", "commits", "statuses")
        urls = {f"{name}_url": f"{address}/{name}" for name in (*links[1:], "diff", "patch")}

        def end(branch: str) -> Json:
            return {
                "label": f"{OWNER}:{branch}",
                "ref": branch,
                "sha": branches.get(branch, "0" * 40),
                "user": self.user(OWNER),
                "repo": self.repository(),
            }

        return {
            **urls,
            **{name: stored[name] for name in ("title", "body", "draft", "state", "number", "created_at")},
            **dict.fromkeys(("assignee", "closed_at", "merge_commit_sha", "merged_at", "milestone")),
            **dict.fromkeys(("additions", "changed_files", "comments", "commits", "deletions"), 0),
            **dict.fromkeys(("auto_merge", "merged_by", "mergeable"), None),
            "review_comments": 0,
            "mergeable_state": "unknown",
            "merged": False,
            "maintainer_can_modify": True,
            "locked": False,
            "id": 7000 + number,
            "node_id": f"PR_{number}",
            "url": address,
            "html_url": f"{self.page_url}/pull/{number}",
            "user": self.user(stored["user"]),
            "labels": [self.label(name) for name in self._state.labels.get(number, [])],
            "head": end(stored["head"])
            | ({"repo": self.repository() | {"id": 7}} if stored.get("fork") else {}),
            "base": end(stored["base"]),
            "_links": {name: {"href": address} for name in (*links, "self")},
            "author_association": "NONE",
            "updated_at": stored["created_at"],
        }

    def app(self) -> Json:
        """As `GET /app` shows it."""
        return {
            "id": APP_ID,
            "slug": "paper2code",
            "node_id": "A_1",
            "owner": self.user(OWNER),
            "name": "paper2code",
            "description": None,
            "external_url": self._url,
            "html_url": f"{self._url}/apps/paper2code",
            "created_at": now(),
            "updated_at": now(),
            "permissions": self._state.asked,
            "events": self._state.heard,
        }

    def installation(self) -> Json:
        """As `GET /app/installations` and `GET /user/installations` list it."""
        address = f"{self._api_url}/app/installations/{INSTALLATION}"
        return {
            "id": INSTALLATION,
            "account": self.user(OWNER)
            | {"name": OWNER, "slug": OWNER, "created_at": now(), "updated_at": now()},
            "access_tokens_url": f"{address}/access_tokens",
            "repositories_url": f"{self._api_url}/installation/repositories",
            "html_url": f"{self._url}/settings/installations/{INSTALLATION}",
            "app_id": APP_ID,
            "app_slug": "paper2code",
            "target_id": self._state.users[OWNER],
            "target_type": "User",
            "permissions": self._state.granted,
            "events": self._state.heard,
            "single_file_name": None,
            "repository_selection": "selected",
            "created_at": now(),
            "updated_at": now(),
            "suspended_by": None,
            "suspended_at": None,
        }
