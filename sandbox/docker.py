"""The Docker sandbox: a fresh container for every command, without network or privileges.

A container's first process only sleeps; the command runs beside it, so that its exit status comes from the
daemon and its files can be collected while nothing of it moves any more.
"""

import base64
import functools
import json
import socket
import tarfile
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from docker.types import DeviceRequest, DriverConfig, LogConfig, Mount, Ulimit
from docker.utils import kwargs_from_env

from sandbox import seccomp
from sandbox.image import environment_image
from sandbox.interface import (
    OUTPUT_CAP,
    PACKAGES,
    TOOLS,
    WORK,
    Command,
    Platform,
    SandboxCancelled,
    SandboxError,
    SandboxUnavailable,
    files,
)
from sandbox.report import CommandResult, Limits
from sandbox.streams import HeadTail

_USER = 65534
_EXPIRES, _JOB = "paper2code.expires", "paper2code.job"
_MARGIN_SECONDS = 300
"""After a command's limit, until a container left behind counts as dead."""
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_PROBE = "import platform as p, sys; print('%d.%d' % sys.version_info[:2], p.libc_ver()[0] or 'musl')"
_POLL_SECONDS = 0.5
_GO_TYPE, _GO_FOLDER = 0x8F280000, 0x80000000
"""Of Go's file mode, in which Docker tells what a path is: a link has another bit, a file none."""


class DockerSandbox:
    """Runs commands in hardened containers of the daemon that `DOCKER_HOST` names, or the local one."""

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
            self._client = docker.from_env(timeout=60)
            weakref.finalize(self, self._client.close)
            self._client.ping()
        except (DockerException, requests.RequestException, OSError) as error:
            raise SandboxUnavailable(
                f"no Docker daemon answers ({error}): `sudo scripts/docker-up` starts one on Debian and "
                "Ubuntu; else "
                "use `--sandbox local`."
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
            with self._container(command) as container:
                container.start()
                self._put(container, directory, command.limits)
                return self._execute(container, command)
        except (DockerException, requests.RequestException, OSError) as error:
            raise SandboxError(f"Docker failed: {error}") from error

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

    @contextmanager
    def _container(self, command: Command) -> Iterator[Container]:
        limits = command.limits
        lifetime = int(limits.seconds) + _MARGIN_SECONDS
        labels = {_EXPIRES: str(int(time.time()) + lifetime), _JOB: self._job}
        # A tmpfs *volume*: unlike `--tmpfs` it can be filled and read through the daemon under a read-only
        # root.
        options = f"{_caps(limits.disk_bytes)},uid={_USER},gid={_USER}"
        work = Mount(
            WORK,
            None,
            type="volume",
            labels=labels,
            no_copy=True,
            driver_config=DriverConfig("local", {"type": "tmpfs", "device": "tmpfs", "o": options}),
        )
        quarter = f"{_caps(limits.disk_bytes // 4)},mode=1777"
        folders = {PACKAGES: command.packages, TOOLS: command.tools}
        container = self._client.containers.create(
            self._image.id,
            ["sleep", str(lifetime)],
            labels=labels,
            mounts=[work, *(self._folder(path, target) for target, path in folders.items() if path)],
            tmpfs={"/tmp": f"{quarter},exec", "/dev/shm": f"{quarter},noexec"},  # noqa: S108
            # Not the command's user, who could stop it or look into it.
            user=f"{_USER - 1}:{_USER - 1}",
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
                Ulimit(name="core", soft=0, hard=0),
                Ulimit(name="nofile", soft=4096, hard=4096),
                Ulimit(name="fsize", soft=limits.disk_bytes, hard=limits.disk_bytes),
                Ulimit(name="msgqueue", soft=0, hard=0),
            ],
            log_config=LogConfig(type=LogConfig.types.NONE),
            runtime=self._runtime,
            device_requests=[DeviceRequest(count=self._gpus, capabilities=[["gpu"]])] if self._gpus else [],
        )
        try:
            yield container
        finally:
            with suppress(NotFound):
                container.remove(force=True, v=True)

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
        filler = self._client.containers.create(
            self._image.id,
            ["true"],
            labels={_EXPIRES: str(int(time.time()) + 3600), _JOB: self._job},
            mounts=[Mount("/volume", name, type="volume")],
            network_mode="none",
        )
        try:
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
            filler.remove(force=True)
        return name

    @staticmethod
    def _put(container: Container, directory: Path, limits: Limits) -> None:
        """Copy the directory's regular files into the working directory."""
        with tempfile.SpooledTemporaryFile(max_size=32 << 20) as archive:
            with tarfile.open(fileobj=archive, mode="w") as tar:
                folders: set[str] = set()
                for relative in files(directory, limits):
                    for parent in reversed(Path(relative).parents):
                        if str(parent) not in folders | {"."}:
                            folders.add(str(parent))
                            tar.addfile(_owned(tarfile.TarInfo(str(parent)), tarfile.DIRTYPE, 0o755))
                    with (directory / relative).open("rb") as content:
                        about = tar.gettarinfo(arcname=relative, fileobj=content)
                        tar.addfile(_owned(about, tarfile.REGTYPE, about.mode & 0o755 | 0o644), content)
            archive.seek(0)
            if not container.put_archive(WORK, archive):
                raise SandboxError("Docker did not take the directory's files")

    def _execute(self, container: Container, command: Command) -> CommandResult:
        api = self._client.api
        environment = command.inside("/usr/local/bin:/usr/bin:/bin")
        # On top of Docker's own filter: older ones let a program speak to a virtual machine's host
        # (AF_VSOCK).
        confined = seccomp.program(self._machine)
        launcher = ("python3", "-I", "-S", "-c", seccomp.LAUNCHER, confined.hex()) if confined else ()
        execution = api.exec_create(
            container.id,
            [*launcher, *command.argv],
            environment=environment,
            workdir=WORK,
            user=f"{_USER}:{_USER}",
        )["Id"]
        started = time.monotonic()
        stream = api.exec_start(execution, socket=True)
        # Over a unix socket a file is wrapped around the connection; closing it alone would not close that.
        connection: socket.socket = getattr(stream, "_sock", stream)  # type: ignore[arg-type]
        kept = {1: HeadTail(command.limits.output_bytes), 2: HeadTail(command.limits.output_bytes)}
        try:
            deadline = started + command.limits.seconds
            timed_out = not self._drain(connection, kept, execution, deadline, command.cancelled)
        finally:
            connection.close()
            stream.close()
        seconds = time.monotonic() - started
        exit_code = None if timed_out else api.exec_inspect(execution)["ExitCode"]
        # Nothing of the program moves while its files are read; neither what it left behind nor what broke
        # its limit.
        with suppress(APIError):
            container.pause()
        outputs = {
            name: content for name in command.outputs if (content := _fetch(container, name)) is not None
        }
        with suppress(APIError):
            container.kill()
        # Only a dead container says whether the kernel had to kill for memory, in whichever of its processes.
        container.reload()
        oom = bool(container.attrs["State"]["OOMKilled"])
        return CommandResult(
            argv=command.argv,
            exit_code=None if oom and exit_code == 137 else exit_code,
            seconds=seconds,
            stdout=kept[1].text(),
            stderr=kept[2].text(),
            timed_out=timed_out,
            oom=oom,
            outputs=outputs,
        )

    def _drain(
        self,
        connection: socket.socket,
        kept: dict[int, HeadTail],
        execution: str,
        deadline: float,
        cancelled: Callable[[], bool],
    ) -> bool:
        """Read the command's output until it has ended; False when the deadline came first.

        Raises SandboxCancelled.

        Everything is read, however much is kept: a daemon that cannot get rid of output stops answering. A
        process left behind may hold the output open, so that its end alone does not tell.
        """
        frames = _Frames(kept)
        running, asked = True, time.monotonic()
        while (now := time.monotonic()) < deadline:
            if cancelled():
                raise SandboxCancelled
            if running and now - asked > _POLL_SECONDS:
                asked = now
                running = self._running(execution)
                # What it wrote last may still be on its way; what a survivor writes is not waited for.
                deadline = deadline if running else min(deadline, now + _POLL_SECONDS)
            connection.settimeout(max(0.01, min(_POLL_SECONDS if running else 0.1, deadline - now)))
            try:
                data = connection.recv(1 << 16)
            except TimeoutError:
                if running:
                    continue
                break
            if not data:
                break
            frames.add(data)
        # The end of its output is not yet its end: it may have closed it, or the daemon be a moment behind.
        pause = 0.002
        while running := self._running(execution):
            if cancelled():
                raise SandboxCancelled
            if time.monotonic() >= deadline:
                break
            time.sleep(pause)
            pause = min(2 * pause, _POLL_SECONDS)
        return not running

    def _running(self, execution: str) -> bool:
        return bool(self._client.api.exec_inspect(execution)["Running"])


def _refuse_silence() -> None:
    """Raises OSError where nothing listens at the daemon's socket: docker-py would leave its own open."""
    address = kwargs_from_env().get("base_url") or "unix:///var/run/docker.sock"
    if address.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(60)
            probe.connect(address.removeprefix("unix://"))


class _Frames:
    """Docker's multiplexed stream: 8 bytes of header (stream, length), then the bytes."""

    def __init__(self, kept: dict[int, HeadTail]) -> None:
        self._kept = kept
        self._header = b""
        self._left = 0
        self._to: HeadTail | None = None

    def add(self, data: bytes) -> None:
        while data:
            if self._left:
                part, data = data[: self._left], data[self._left :]
                self._left -= len(part)
                if self._to:
                    self._to.add(part)
            else:
                missing = 8 - len(self._header)
                self._header += data[:missing]
                data = data[missing:]
                if len(self._header) == 8:
                    self._to = self._kept.get(self._header[0])
                    self._left = int.from_bytes(self._header[4:], "big")
                    self._header = b""


def _fetch(container: Container, relative: str) -> bytes | None:
    """A regular file of the working directory, or None; what else may be in the archive is not looked at."""
    if container.client is None:
        raise AssertionError("every container of ours comes from a client")
    api = container.client.api
    address = f"{api.base_url}/v{api.api_version}/containers/{container.id}/archive"
    for parent in list(Path(relative).parents)[:-1]:
        # The daemon would follow a link here, inside of the container, but away from the working directory.
        found = api.head(address, params={"path": f"{WORK}/{parent.as_posix()}"}, timeout=60)
        about = json.loads(base64.b64decode(found.headers.get("X-Docker-Container-Path-Stat", "e30=")))
        if about.get("mode", 0) & _GO_TYPE != _GO_FOLDER:
            return None
    # Not get_archive: its connection cannot be dropped half-way, and what is there may be endless.
    path, plain = {"path": f"{WORK}/{relative}"}, {"Accept-Encoding": "identity"}
    with api.get(address, params=path, headers=plain, stream=True, timeout=60) as response:
        if response.status_code == 404:
            return None
        response.raise_for_status()
        try:
            with tarfile.open(fileobj=response.raw, mode="r|") as tar:
                member = tar.next()
                if member is None or not member.isreg() or member.size > OUTPUT_CAP:
                    return None
                content = tar.extractfile(member)
                return content.read() if content else None
        except tarfile.ReadError:  # Docker breaks off at a socket.
            return None


def _caps(size: int) -> str:
    """Options of a tmpfs: about 16 KiB a file, so that empty files do not fill the kernel's memory."""
    return f"size={size},nr_inodes={max(1024, size >> 14)},nosuid,nodev"


def _owned(about: tarfile.TarInfo, kind: bytes, mode: int) -> tarfile.TarInfo:
    about.type, about.mode = kind, mode
    about.uid = about.gid = _USER
    about.uname = about.gname = ""
    return about
