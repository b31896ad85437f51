"""Runs uv, and other programs that prepare packages, outside of the sandbox; stops them when asked to.

What uv is asked for is decided in `packages.py`.
"""

import configparser
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

from uv import find_uv_bin

from sandbox.interface import InstallationFailed, SandboxCancelled

_POLL_SECONDS, _RUN_SECONDS = 0.4, 1800.0


def run_uv(
    cache: Path,
    arguments: Collection[str | Path],
    stdin: str,
    cancelled: Callable[[], bool],
    public: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run uv with the host's index settings and nothing else of its environment.

    With `public`, which is added to it, without wheel folders and further indexes of the host: what is left is the
    public index or its mirror.
    """
    # uv's cache lies beside the unpacked packages, on one file system, so that it can link instead of
    # copying.
    folder = cache / "uv"
    environment = index_settings()
    if public is not None:
        environment = {n: v for n, v in environment.items() if n not in _HOSTS_OWN} | dict(public)
    if environment.pop(_NO_INDEX, "0").lower() not in ("0", "false", "no", "off"):
        arguments = [*arguments, "--no-index"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InstallationFailed(f"{folder} could not be written: {error}") from error
    return run(
        [find_uv_bin(), *map(str, arguments), "--cache-dir", str(folder), "--no-config", "--no-progress"],
        environment,
        stdin,
        cancelled,
    )


def run(
    command: list[str], environment: Mapping[str, str], stdin: str, cancelled: Callable[[], bool]
) -> subprocess.CompletedProcess[str]:
    """Run a program of ours to its end; killed, with all that it started, when somebody asks to stop."""
    try:
        process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            # What uv unpacks must be readable for the sandbox's user, whatever the umask of this process is.
            umask=0o022,
            # A group of its own, so that the programs which it starts end with it.
            start_new_session=True,
        )
    except OSError as error:
        raise InstallationFailed(f"{command[0]} could not be run: {error}") from error
    deadline = time.monotonic() + _RUN_SECONDS
    with process:
        try:
            given: str | None = stdin
            while not cancelled():
                try:
                    stdout, stderr = process.communicate(given, timeout=_POLL_SECONDS)
                    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)
                except subprocess.TimeoutExpired:
                    given = None
                if time.monotonic() > deadline:
                    raise InstallationFailed(f"{command[0]} was stopped after {_RUN_SECONDS:.0f} seconds")
            raise SandboxCancelled
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def forget(cache: Path, days: float) -> None:
    """Empty uv's cache if it was begun more than `days` ago: what is unpacked keeps the files that it links to.

    uv itself waits for those that use it, and gives up after some minutes.
    """
    folder = cache / "uv"
    with suppress(FileNotFoundError):
        if (folder / "CACHEDIR.TAG").stat().st_mtime < time.time() - days * 86_400:
            run(
                [find_uv_bin(), "cache", "clean", "--cache-dir", str(folder), "--no-config"],
                {},
                "",
                lambda: False,
            )


_HOSTS_OWN = ("UV_FIND_LINKS", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_NO_INDEX", "UV_INDEX_STRATEGY")
_NO_INDEX = "UV_NO_INDEX"
"""Our own: uv has an option for it, but no variable."""
_FROM_PIP = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": _NO_INDEX,
    "trusted-host": "UV_INSECURE_HOST",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "cert": "SSL_CERT_FILE",
}
_PASSED = re.compile(r"UV_|SSL_CERT_|(?i:https?|all|no)_proxy$|(HOME|PATH|TMPDIR|NETRC|XDG_CONFIG_HOME)$")
# Settings of uv that would change where we put things or what a lock means.
_OURS = re.compile(
    r"UV_(CACHE_DIR|CONFIG_FILE|EXCLUDE_NEWER|NO_CACHE|OFFLINE|PYTHON|TORCH_BACKEND|LINK_MODE|CONSTRAINT|OVERRIDE"
    r"|BUILD_CONSTRAINT|RESOLUTION|PRERELEASE|NO_BINARY|SYSTEM_PYTHON|REQUIRE_HASHES|COMPILE_BYTECODE|TARGET|PREFIX)"
)


def index_settings() -> dict[str, str]:
    """The environment for uv: the host's indexes, wheel folders, certificates and proxies.

    uv does not read pip's configuration, which is where a company's or a campus's mirror is named, so it is
    translated. This is the one place outside of `settings.py` that looks at the environment: these variables
    belong to pip, uv and the TLS library, and they go through to uv unread. By environment, not by argument:
    addresses may hold passwords, and arguments can be seen by every process.
    """
    environment = {
        name: value for name, value in os.environ.items() if _PASSED.match(name) and not _OURS.match(name)
    }
    pip = _pip_settings()
    own = "UV_INDEX" in environment or "UV_DEFAULT_INDEX" in environment or "UV_INDEX_URL" in environment
    for option, name in _FROM_PIP.items():
        if (value := pip.get(option)) and name not in environment and not (own and name.endswith("INDEX")):
            environment[name] = (
                ",".join(value.split()) if name == "UV_FIND_LINKS" else " ".join(value.split())
            )
    if "UV_INDEX" in environment and not own:
        # pip looks at all of its indexes for the best version; uv would stop at the first that has the name.
        environment.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return environment


def _pip_settings() -> Mapping[str, str]:
    """pip's settings for `install`, by option name: the widest file first, the environment last."""
    home = Path.home()
    files = [Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"), home / ".pip/pip.conf"]
    files += [
        Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf",
        Path(sys.prefix) / "pip.conf",
    ]
    if named := os.environ.get("PIP_CONFIG_FILE"):
        files = [] if named == os.devnull else [*files, Path(named)]
    settings: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, "utf-8")
        except (OSError, configparser.Error):
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                settings.update(parser.items(section))
    prefix = "PIP_"
    settings.update(
        (name.removeprefix(prefix).lower().replace("_", "-"), value)
        for name, value in os.environ.items()
        if name.startswith(prefix) and value
    )
    return settings
