"""What workflow runs leave, as the API shows it and hands it out: from another host, which must not see the token."""

import io
import zipfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, redirect, request

from tests.fakes.github.gate import ROOT, page, permitted
from tests.fakes.github.state import REPOSITORY_ID, Json, Token, now

if TYPE_CHECKING:
    from tests.fakes.github.server import FakeGitHub


def artifacts(hub: "FakeGitHub", api: Blueprint) -> None:
    state, repository = hub.state, partial(permitted, hub)

    @api.get(f"{ROOT}/actions/artifacts")
    @repository("actions", "read")
    def list_artifacts(token: Token) -> Any:
        named = [each for each in state.artifacts if each["name"] == request.args.get("name", each["name"])]
        shown = [{name: each[name] for name in each if name != "data"} for each in reversed(named)]
        return {"total_count": len(shown), "artifacts": page(shown)}

    @api.get(f"{ROOT}/actions/artifacts/<int:number>/zip")
    @repository("actions", "read")
    def download(token: Token, number: int) -> Any:
        found = next((each for each in state.artifacts if each["id"] == number), None) or abort(
            404, "Not Found"
        )
        if found["expired"]:
            abort(410, "Artifact has expired")
        return redirect(f"{hub.url.replace('127.0.0.1', 'localhost')}/storage/{number}")


def storage(hub: "FakeGitHub", number: int) -> Any:
    """The host that keeps artifacts."""
    assert "Authorization" not in request.headers
    found = next(each for each in hub.state.artifacts if each["id"] == number)
    return Response(found["data"], content_type="application/zip")


def left(hub: "FakeGitHub", name: str, folder: Path, branch: str = "main", fork: bool = False) -> Json:
    """What a workflow run has uploaded: the files of `folder`."""
    data, number = io.BytesIO(), next(hub.ids)
    with zipfile.ZipFile(data, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    address = f"{hub.shapes.repository_url}/actions/artifacts/{number}"
    artifact = {
        "id": number,
        "node_id": f"A_{number}",
        "name": name,
        "size_in_bytes": len(data.getvalue()),
        "url": address,
        "archive_download_url": f"{address}/zip",
        "expired": False,
        "created_at": now(),
        "expires_at": now(),
        "updated_at": now(),
        "workflow_run": {
            "id": 1,
            "repository_id": REPOSITORY_ID,
            "head_repository_id": 7 if fork else REPOSITORY_ID,
            "head_branch": branch,
            "head_sha": "0" * 40,
        },
        "data": data.getvalue(),
    }
    hub.state.artifacts.append(artifact)
    return artifact
