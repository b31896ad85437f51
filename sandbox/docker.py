"""The Docker sandbox: a fresh container for every command, without network or privileges.

A container's first process is our keeper (`keeper.py`): it takes the files, runs the command, kills whatever
is left and answers. Few questions to the daemon then, and none while untrusted code runs. Where the connection
is lost the command is run again in another container: it had a copy of its own and has changed nothing else.
"""

import functools
import logging
import socket
import tarfile
import tempfile
import time
import weakref
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import requests
from docker.context import ContextAPI
from docker.errors import APIError, DockerException, NotFound
from docker.types import DeviceRequest, DriverConfig, LogConfig, Mount, Ulimit
from docker.utils import kwargs_from_env

from sandbox.ahead import FRESH_SECONDS, Ahead
from sandbox.errand import Errand
from sandbox.image import environment_image
from sandbox.interface import (
    WORK,
    Command,
    Platform,
    SandboxCancelled,
    SandboxError,
    SandboxUnavailable,
)
from sandbox.keeper import USER
from sandbox.report import CommandResult, Limits
from sandbox.room import LOST, POLL_SECONDS, WAITS, Frames, Room, insist, new_name, remove

_SOCKET = "unix:///var/run/docker.sock"
_LOCAL = (_SOCKET, "http+unix:///var/run/docker.sock")
_LOG = logging.getLogger(__name__)
_KEEPER = (Path(__file__).parent / "keeper.py").read_text("utf-8")
_EXPIRES, _JOB = "paper2code.expires", "paper2code.job"
_GRACE_SECONDS = 20.0
"""For the keeper to notice the command's own limit, and to give the answer."""
_MARGIN_SECONDS = FRESH_SECONDS + 300
"""After a command's limit, until a container left behind counts as dead."""
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_PROBE = "import platform as p, sys; print('%d.%d' % sys.version_info[:2], p.libc_ver()[0] or 'musl')"


class DockerSandbox:
    """Runs commands in hardened containers of the daemon that the docker command would speak to."""

    name = "docker"

    def __init__(
        self,
        *,
        image: str | None = None,
        runtime: str | None = None,
        gpus: int = 0,
        job: str = "",
    ) -> None:
        """`image`: one of your own with python3; `runtime`: e.g. `runsc`; `gpus`: how many, -1 for all.

        `job` is written on every container, for whoever looks at the machine. Raises SandboxUnavailable.
        """
        self._image_name = image
        self._runtime = runtime
        self._gpus = gpus
        self._job = job
        try:
            _refuse_silence()
            self._client = insist(lambda: docker.from_env(timeout=60), WAITS[:1])
            self._ahead = Ahead(Room.clear)
            self._close = weakref.finalize(self, _close, self._ahead, self._client)
            insist(self._client.ping, WAITS[:1])
        except (DockerException, requests.RequestException, OSError) as error:
            engine = named_engine()
            mend = (
                f"start what shall listen at {engine}, or choose another by DOCKER_HOST or `docker context use`"
                if engine
                else "`sudo scripts/docker-up` starts one on Debian and Ubuntu"
            )
            raise SandboxUnavailable(
                f"no Docker daemon answers ({error}): {mend}; else set PAPER2CODE_SANDBOX=local."
            ) from error

    def platform(self) -> Platform:
        """What the image holds; asked once."""
        return self._platform

    @functools.cached_property
    def _platform(self) -> Platform:
        nothing = Path(tempfile.mkdtemp())
        try:
            result = self.run(nothing, Command(("python3", "-I", "-c", _PROBE), Limits(seconds=60)))
        finally:
            nothing.rmdir()
        if not result.ok:
            raise SandboxUnavailable(
                f"python3 does not start in image {self._image.tags}: {result.stderr[-500:]}"
            )
        version, libc = result.stdout.split()
        return Platform(
            python=version,
            machine=f"{self._machine}-unknown-linux-{'gnu' if libc == 'glibc' else 'musl'}",
            image=f"{(self._image.tags or ['(no tag)'])[0]} {self._image.id}",
        )

    @functools.cached_property
    def _image(self) -> Any:
        if self._image_name is None:
            return environment_image(self._client)
        try:
            return self._client.images.get(self._image_name)
        except NotFound:
            try:
                return self._client.images.pull(self._image_name)
            except APIError as error:
                raise SandboxUnavailable(
                    f"image {self._image_name} is not here and cannot be pulled: {error}"
                ) from error

    @property
    def _machine(self) -> str:
        architecture: str = self._image.attrs["Architecture"]
        return _MACHINES.get(architecture, architecture)

    def run(self, directory: Path, command: Command) -> CommandResult:
        """See `Sandbox.run`."""
        try:
            return insist(lambda: self._run(directory, command), WAITS, command.cancelled)
        except LOST as error:
            raise SandboxError(
                f"the connection to the Docker daemon was lost {len(WAITS) + 1} times ({error}): see whether it "
                "runs (`docker info`) and why it ended, then try again."
            ) from error
        except (DockerException, requests.RequestException, OSError) as error:
            raise SandboxError(f"Docker failed: {error}") from error

    def _run(self, directory: Path, command: Command) -> CommandResult:
        kind = command.limits, command.packages, command.tools, command.data
        make = functools.partial(self._open, *kind)
        room = self._ahead.take(kind, make)
        try:
            if command.followed:
                self._ahead.prepare(kind, make)
            return self._carry_out(room, directory, command)
        finally:
            self._ahead.clear(room)

    def close(self) -> None:
        """Let go of the daemon; ends when nothing is left there."""
        self._close()

    def reap(self) -> int:
        """Remove containers, with their volumes, whose worker must be dead; how many there were.

        What cannot be removed now, perhaps because somebody else is at it, is left for the next time.
        """
        now, found = time.time(), 0
        try:
            for container in self._client.containers.list(
                all=True, filters={"label": _EXPIRES}, ignore_removed=True
            ):
                if float(container.labels[_EXPIRES]) < now:
                    with suppress(APIError):
                        container.remove(force=True, v=True)
                        found += 1
            for volume in self._client.volumes.list(filters={"label": _EXPIRES, "dangling": True}):
                if float(volume.attrs["Labels"][_EXPIRES]) < now:
                    with suppress(APIError):
                        volume.remove(force=True)
                        found += 1
        except (DockerException, requests.RequestException) as error:
            raise SandboxError(f"Docker failed: {error}") from error
        return found

    def _open(
        self,
        limits: Limits,
        packages: Path | None,
        tools: Path | None,
        data: tuple[tuple[str, Path], ...] = (),
    ) -> Room:
        """A container whose keeper waits for its order."""
        lifetime = int(limits.seconds) + _MARGIN_SECONDS
        labels = {_EXPIRES: str(int(time.time()) + lifetime), _JOB: self._job}
        # A tmpfs *volume*: unlike `--tmpfs` it can be filled and read through the daemon under a read-only
        # root.
        options = f"{_caps(limits.disk_bytes)},uid={USER},gid={USER}"
        work = Mount(
            WORK,
            None,
            type="volume",
            labels=labels,
            no_copy=True,
            driver_config=DriverConfig("local", {"type": "tmpfs", "device": "tmpfs", "o": options}),
        )
        quarter = f"{_caps(limits.disk_bytes // 4)},mode=1777"
        folders = Command((), packages=packages, tools=tools, data=data).folders
        gpus = self._cards(limits)
        if data and self._remote:
            raise SandboxError("a Docker daemon on another machine does not see folders of data on this one")
        make = functools.partial(
            self._client.containers.create,
            self._image.id,
            ["python3", "-I", "-S", "-c", _KEEPER],
            labels=labels,
            stdin_open=True,
            mounts=[work, *(self._folder(path, target) for target, path in folders.items())],
            tmpfs={"/tmp": f"{quarter},exec", "/dev/shm": f"{quarter},noexec"},  # noqa: S108
            user=f"{USER}:{USER}",
            entrypoint=[],
            working_dir=WORK,
            network_mode="none",
            hostname="sandbox",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            read_only=True,
            ipc_mode="private",
            pids_limit=limits.pids,
            mem_limit=limits.memory_bytes,
            memswap_limit=limits.memory_bytes,
            nano_cpus=int(min(limits.cpus, self._cpus) * 1e9),
            ulimits=[
                Ulimit(name="core", soft=1, hard=1),  # see jail.py
                Ulimit(name="nofile", soft=4096, hard=4096),
                Ulimit(name="fsize", soft=limits.disk_bytes, hard=limits.disk_bytes),
                Ulimit(name="msgqueue", soft=0, hard=0),
            ],
            log_config=LogConfig(type=LogConfig.types.NONE),
            runtime=self._runtime,
            device_requests=[DeviceRequest(count=gpus, capabilities=[["gpu"]])] if gpus else [],
        )
        room = Room(self._client.api)
        try:
            room.open(make)
        except BaseException:
            room.clear()
            raise
        return room

    def _cards(self, limits: Limits) -> int:
        """How many graphics cards a container asks the daemon for; -1: all."""
        if limits.gpus is None or limits.gpus == -1:
            return self._gpus
        return limits.gpus if self._gpus == -1 else min(limits.gpus, self._gpus)

    @functools.cached_property
    def _cpus(self) -> float:
        return float(self._client.info()["NCPU"])

    def _folder(self, path: Path, target: str) -> Mount:
        """A folder of this machine, read-only; as a volume where the daemon does not see our files."""
        if self._remote:
            return Mount(target, self._volume(path), type="volume", read_only=True)
        return Mount(target, str(path.resolve()), type="bind", read_only=True)

    @functools.cached_property
    def _remote(self) -> bool:
        """Whether the daemon is somewhere else: all but a unix socket is."""
        address = self._client.api.base_url
        return not address.startswith("http+docker://") or "ssh" in address

    def _volume(self, path: Path) -> str:
        """A volume with a folder's content, made once: folders are named by what is in them."""
        name = f"paper2code-{path.name}"
        complete = "/volume/.paper2code-complete"
        self._client.volumes.create(name)
        filling = new_name()
        try:
            filler = self._client.containers.create(
                self._image.id,
                ["true"],
                name=filling,
                labels={_EXPIRES: str(int(time.time()) + 3600), _JOB: self._job},
                mounts=[Mount("/volume", name, type="volume")],
                network_mode="none",
            )
            try:
                filler.get_archive(complete)
            except NotFound:
                with tempfile.TemporaryFile() as archive:
                    with tarfile.open(fileobj=archive, mode="w") as tar:
                        tar.add(path, arcname=".")
                    archive.seek(0)
                    filler.put_archive("/volume", archive)
                with tempfile.TemporaryFile() as archive:
                    with tarfile.open(fileobj=archive, mode="w") as tar:
                        tar.addfile(tarfile.TarInfo(Path(complete).name))
                    archive.seek(0)
                    filler.put_archive("/volume", archive)
        finally:
            remove(self._client.api, filling)
        return name

    def _carry_out(self, room: Room, directory: Path, command: Command) -> CommandResult:
        errand = Errand.answered_on_stdout(command)
        for data in errand.order(directory, "/usr/local/bin:/usr/bin:/bin", self._machine):
            room.connection.sendall(data)
        frames = Frames({1: errand.hear, 2: errand.stderr.add})
        # From here on: sending the files has its own time limit, the socket's.
        deadline = time.monotonic() + command.limits.seconds + _GRACE_SECONDS
        room.connection.settimeout(POLL_SECONDS)
        # Everything is read, however much is kept: a daemon that cannot get rid of output stops answering.
        while not command.cancelled():
            if time.monotonic() > deadline:
                return _starved(room, errand)
            try:
                data = room.connection.recv(1 << 16)
            except TimeoutError:
                continue
            if not data:
                return errand.result() if errand.complete else _unanswered(room, errand)
            frames.add(data)
        raise SandboxCancelled


def _unanswered(room: Room, errand: Errand) -> CommandResult:
    """The keeper was killed, or the line cut; only a dead container says whether the kernel did it for memory.

    Raises ConnectionError where it did not.
    """
    status = room.container.wait(timeout=60)
    room.container.reload()
    if not room.container.attrs["State"]["OOMKilled"]:
        raise ConnectionError(f"a container ended without an answer: {status}")
    return replace(errand.cut_short(), seconds=0.0, timed_out=False, oom=True)


def _starved(room: Room, errand: Errand) -> CommandResult:
    """The program leaves the keeper no time to answer: it is killed from outside, with all that it has written.

    Raises SandboxError where it is the daemon that does not answer.
    """
    room.container.reload()
    if room.container.status != "running":
        raise SandboxError("the container did not answer in time and was removed")
    return errand.cut_short()


def _close(ahead: "Ahead[Room]", client: docker.DockerClient) -> None:
    ahead.close()
    client.close()


def named_engine() -> str | None:
    """The engine that somebody has chosen, read as the docker command reads it: `DOCKER_HOST`, else its context.

    None: nobody has; it is the local one.
    """
    address = kwargs_from_env().get("base_url") or ContextAPI.kwargs_from_context().get("base_url")
    return None if address in (None, *_LOCAL) else str(address)


def _refuse_silence() -> None:
    """Raises OSError where nothing listens at the daemon's socket: docker-py would leave its own open."""
    address = named_engine() or _SOCKET
    if address.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(60)
            probe.connect(address.removeprefix("unix://"))


def _caps(size: int) -> str:
    """Options of a tmpfs: about 16 KiB a file, so that empty files do not fill the kernel's memory."""
    return f"size={size},nr_inodes={max(1024, size >> 14)},nosuid,nodev"
