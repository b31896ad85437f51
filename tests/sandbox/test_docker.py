import hashlib
import json
import secrets
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker as engine
import pytest

from sandbox.choice import choose
from sandbox.docker import DockerSandbox, named_engine
from sandbox.interface import Command, SandboxCancelled, SandboxError, SandboxUnavailable
from sandbox.local import LocalSandbox
from sandbox.report import Limits
from tests.conftest import available
from tests.sandbox.conftest import SMALL, eventually

SOCKET = "/var/run/docker.sock"

pytestmark = pytest.mark.docker


@pytest.fixture
def docker() -> DockerSandbox:
    """One whose containers can be told from those of tests that run at the same time."""
    available("docker")
    return DockerSandbox(job=secrets.token_hex())


@pytest.fixture(scope="module")
def client() -> Iterator[engine.DockerClient]:
    available("docker")
    with_client = engine.from_env()
    yield with_client
    with_client.close()


def test_the_container_is_closed_on_all_sides(
    docker: DockerSandbox, tmp_path: Path, client: engine.DockerClient
) -> None:
    """What the daemon says about a container of ours while it lives."""
    seen: list[dict[str, Any]] = []

    def look() -> bool:
        (container,) = client.containers.list(filters={"label": f"paper2code.job={docker._job}"})
        seen.append(container.attrs)
        return False

    docker.run(tmp_path, Command(("sleep", "0.3"), SMALL, cancelled=look))
    host, state = seen[0]["HostConfig"], seen[0]["Config"]
    assert host["NetworkMode"] == "none"
    assert host["CapDrop"] == ["ALL"] and not host["Privileged"]
    assert host["ReadonlyRootfs"] and host["SecurityOpt"] == ["no-new-privileges"]
    assert host["PidsLimit"] == SMALL.pids
    assert host["Memory"] == host["MemorySwap"] == SMALL.memory_bytes
    assert host["LogConfig"]["Type"] == "none" and not host["Binds"]
    assert state["User"] == "65534:65534"
    assert float(state["Labels"]["paper2code.expires"]) > time.time()


def test_nothing_is_left_behind(docker: DockerSandbox, tmp_path: Path, client: engine.DockerClient) -> None:
    docker.run(tmp_path, Command(("true",), SMALL))
    docker.run(tmp_path, Command(("sleep", "60"), Limits(seconds=1, disk_bytes=1 << 20)))
    docker.run(tmp_path, Command(("true",), SMALL, followed=True))
    with pytest.raises(SandboxCancelled):
        docker.run(tmp_path, Command(("sleep", "60"), SMALL, cancelled=lambda: True))
    docker.close()
    ours = {"label": f"paper2code.job={docker._job}"}
    assert not client.containers.list(all=True, filters=ours)
    assert not client.volumes.list(filters=ours)


def test_a_killed_caller_takes_what_runs_along(tmp_path: Path, client: engine.DockerClient) -> None:
    job = secrets.token_hex()
    script = (
        "from pathlib import Path; from sandbox.interface import Command; "
        "from sandbox.docker import DockerSandbox; "
        f"DockerSandbox(job={job!r}).run(Path({str(tmp_path)!r}), Command(('sleep', '600'), followed=True))"
    )
    caller = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2])
    try:
        ours = {"label": f"paper2code.job={job}"}
        assert eventually(lambda: len(client.containers.list(filters=ours)) == 2)
        caller.kill()
        caller.wait()
        assert eventually(lambda: not client.containers.list(filters=ours))
    finally:
        caller.kill()
        for container in client.containers.list(all=True, filters=ours):
            container.remove(force=True, v=True)


def test_the_reaper_takes_what_expired_and_nothing_else(
    docker: DockerSandbox, client: engine.DockerClient
) -> None:
    def leave(**labels: str) -> str:
        container = client.containers.create(
            docker._image.id, ["sleep", "60"], labels=labels, network_mode="none"
        )
        container.start()
        return str(container.id)

    past, future = str(int(time.time()) - 1), str(int(time.time()) + 60)
    dead = leave(**{"paper2code.expires": past})
    alive = leave(**{"paper2code.expires": future})
    others = leave(somebody="else")
    volume = client.volumes.create(labels={"paper2code.expires": past})
    kept = client.volumes.create(labels={"somebody": "else"})
    try:
        docker.reap()
        left = {each.id for each in client.containers.list(all=True, ignore_removed=True)}
        assert dead not in left and {alive, others} <= left
        names = {each.name for each in client.volumes.list()}
        assert volume.name not in names and kept.name in names
    finally:
        for container in (alive, others):
            client.containers.get(container).remove(force=True)
        kept.remove()


@contextmanager
def forwarded(path: str) -> Iterator[str]:
    """The address of a TCP port of ours behind which the daemon's socket answers: a remote engine to us."""

    class Forward(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as daemon:
                daemon.connect(path)
                back = threading.Thread(target=pass_on, args=(daemon, self.request))
                back.start()
                pass_on(self.request, daemon)
                back.join()

    def pass_on(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Forward) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_remote_engine_gets_files_and_packages_and_answers(
    tmp_path: Path, client: engine.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / f"packages-{time.monotonic_ns()}"
    packages.mkdir()
    (packages / "alpha.py").write_text("value = 1")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "large.bin").write_bytes(bytes(8 << 20))
    program = (
        "import alpha, os; print(alpha.value, os.path.getsize('large.bin'))\n"
        "open('out.txt', 'w').write('x' * (4 << 20))\n"
        "try: open('/packages/x', 'w')\nexcept OSError: print('read-only')"
    )
    command = Command(
        ("python3", "-B", "-c", program), SMALL, packages=packages, outputs=("out.txt",), followed=True
    )
    with forwarded(SOCKET) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        docker = DockerSandbox(job=secrets.token_hex())
        try:
            for _ in range(2):
                result = docker.run(tmp_path / "work", command)
                assert result.stdout == "1 8388608\nread-only\n"
                assert result.outputs["out.txt"] == b"x" * (4 << 20)
            ours = {"label": f"paper2code.job={docker._job}"}
            # The room for the next command is made ahead, in a thread of its own.
            found: list[set[str]] = []

            def mounted() -> bool:
                rooms = client.containers.list(all=True, filters=ours, ignore_removed=True)
                found.extend({mount["Type"] for mount in room.attrs["Mounts"]} for room in rooms)
                return bool(found)

            assert eventually(mounted)
            assert found[0] == {"volume"}
        finally:
            docker.close()
            client.volumes.get(f"paper2code-{packages.name}").remove()


def test_the_image_has_no_setuid_programs_and_no_packages(docker: DockerSandbox, tmp_path: Path) -> None:
    program = (
        "import importlib.metadata as m, os, stat\n"
        "for folder, _, names in os.walk('/'):\n"
        "    for name in names:\n"
        "        try: mode = os.lstat(os.path.join(folder, name)).st_mode\n"
        "        except OSError: continue\n"
        "        if stat.S_ISREG(mode) and mode & 0o6000: print(folder, name)\n"
        "print([each.name for each in m.distributions()])"
    )
    result = docker.run(tmp_path, Command(("python", "-c", program), SMALL))
    assert result.stdout == "[]\n"


def test_another_image_and_a_missing_one(docker: DockerSandbox, tmp_path: Path) -> None:
    name = docker._image.tags[0]
    assert DockerSandbox(image=name).platform().image.startswith(name)
    with pytest.raises(SandboxUnavailable, match="is not here and cannot be pulled"):
        DockerSandbox(image="127.0.0.1:9/nobody/has:this").platform()


def test_where_a_daemon_answers_docker_is_chosen(docker: DockerSandbox) -> None:
    assert choose().name == choose("docker").name == docker.name
    with pytest.raises(SandboxUnavailable, match="is not here and cannot be pulled"):
        choose(image="127.0.0.1:9/nobody/has:this")


def test_without_a_daemon_the_local_one_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    available("local")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr("sandbox.docker._SOCKET", "unix:///nonexistent/docker.sock")
    with pytest.raises(SandboxUnavailable, match="docker-up"):
        choose("docker")
    assert isinstance(choose(), LocalSandbox)
    assert isinstance(choose("local"), LocalSandbox)
    with pytest.raises(SandboxUnavailable, match="no sandbox `podman`"):
        choose("podman")


def test_who_names_an_engine_or_an_image_is_not_given_the_local_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    with monkeypatch.context() as nobody:
        nobody.setattr("sandbox.docker._SOCKET", "unix:///nonexistent/docker.sock")
        with pytest.raises(SandboxUnavailable, match="no Docker daemon answers"):
            choose(image="127.0.0.1:9/nobody/has:this")
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    with pytest.raises(
        SandboxUnavailable, match=r"^the Docker engine is to be tcp://127\.0\.0\.1:9, but no Docker daemon"
    ):
        choose()


def test_the_engine_is_the_one_that_the_docker_command_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / ".docker"
    context = home / "contexts/meta" / hashlib.sha256(b"rootless").hexdigest()
    context.mkdir(parents=True)
    (home / "config.json").write_text('{"currentContext": "rootless"}')
    address = f"unix://{tmp_path}/d.sock"
    endpoints = {"docker": {"Host": address, "SkipTLSVerify": False}}
    (context / "meta.json").write_text(
        json.dumps({"Name": "rootless", "Metadata": {}, "Endpoints": endpoints})
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    assert named_engine() == address
    with pytest.raises(SandboxUnavailable, match="context") as refused:
        choose()
    assert address in str(refused.value) and "docker-up" not in str(refused.value)
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    assert named_engine() is None


@pytest.mark.parametrize(
    ("given", "asked", "requested"),
    [(0, None, 0), (2, None, 2), (2, 1, 1), (1, 4, 1), (-1, 4, 4), (-1, None, -1), (2, 0, 0)],
)
def test_docker_is_asked_for_graphics_cards_that_the_host_gives_and_a_run_wants(
    given: int,
    asked: int | None,
    requested: int,
    tmp_path: Path,
    docker: DockerSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    requests = []

    def refuse(api: engine.APIClient, config: Any, *others: object) -> None:
        requests.append(config["HostConfig"].get("DeviceRequests") or [])
        raise engine.errors.APIError("no more is needed of this request")

    monkeypatch.setattr(engine.APIClient, "create_container_from_config", refuse)
    with pytest.raises(SandboxError, match="no more is needed"):
        DockerSandbox(gpus=given).run(tmp_path, Command(("true",), Limits(gpus=asked)))
    (devices,) = requests
    assert [(each["Count"], each["Capabilities"]) for each in devices] == (
        [(requested, [["gpu"]])] if requested else []
    )
