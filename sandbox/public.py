"""Whether pins can be installed where people are: from the public index alone, in each platform's default builds.

The sandbox has builds of its own (torch for processors), from wherever the host says; none of that reaches what is
delivered. Nothing is installed here: uv resolves for machines that are not there.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from packaging.utils import canonicalize_name

from sandbox.files import write_whole
from sandbox.interface import InstallationFailed
from sandbox.packages import digest, explanation
from sandbox.requirements import parsed, uncommented
from sandbox.uv import run_uv

PLATFORMS = {
    "Linux x86-64": "x86_64-unknown-linux-gnu",
    "macOS arm64": "aarch64-apple-darwin",
    "Windows x86-64": "x86_64-pc-windows-msvc",
}
_OLDEST_MACOS = {"MACOSX_DEPLOYMENT_TARGET": "14.0"}
_ROUNDS = 5
_BUILD = re.compile(r"(==\s{0,9}[\w.!]*)\+[\w.-]+")
"""A local version, behind the others' one."""


@dataclass(frozen=True)
class Public:
    """Requirements for strangers."""

    pins: tuple[str, ...]
    """`name==version` without builds of our own, in the order that was asked for."""
    platforms: Mapping[str, str] = field(default_factory=dict)
    """Those that were looked at, and why these pins cannot be installed there; empty: they can."""


def without_builds(pins: Collection[str]) -> Public:
    """`torch==2.13.0+cpu` is `torch==2.13.0` for everybody else. No index is asked."""
    return Public(tuple(_BUILD.sub(r"\1", pin) for pin in pins))


def public(
    pins: Collection[str], python: str, cache: Path, cancelled: Callable[[], bool] = lambda: False
) -> Public:
    """`pins` as everybody can have them; a version that is only here gives way to one that fits the others.

    Lines without a version are left as they stand. The same question is answered from `cache` for the rest of the
    day. Raises InstallationFailed and, soon after `cancelled`, SandboxCancelled.
    """
    wanted = without_builds(pins).pins
    answer = cache / "public" / f"{digest(json.dumps([wanted, python, str(datetime.now(UTC).date())]))}.json"
    if answer.is_file():
        stored = json.loads(answer.read_text("utf-8"))
        return Public(tuple(stored["pins"]), stored["platforms"])
    names = {line: name for line in wanted if (name := _pinned(line))}
    settled = _settled(names, python, cache, cancelled)
    why = {
        name: _resolve(settled.values(), python, platform, cache, cancelled)[1]
        for name, platform in PLATFORMS.items()
    }
    told = Public(tuple(settled.get(line, line) for line in wanted), why)
    write_whole(answer, json.dumps(asdict(told)))
    return told


def _settled(
    names: Mapping[str, str], python: str, cache: Path, cancelled: Callable[[], bool]
) -> dict[str, str]:
    """Each pin, and the one that resolves on Linux: of those that the resolver blames, it chooses the version.

    `names` are the lines and whom each pins; one that is not for Linux stays.
    """
    asked = {line: line for line in names}
    for _ in range(_ROUNDS):
        resolved, why = _resolve(asked.values(), python, PLATFORMS["Linux x86-64"], cache, cancelled)
        if not why:
            return {
                line: f"{name}=={resolved[name]}" if name in resolved else line
                for line, name in names.items()
            }
        blamed = {
            line: name
            for line, name in names.items()
            if asked[line] == line and re.search(rf"(?<![\w-]){name}(?![\w-])", why)
        }
        if not blamed:
            break
        asked |= blamed
    return {line: line for line in names}


def _resolve(
    lines: Collection[str], python: str, platform: str, cache: Path, cancelled: Callable[[], bool]
) -> tuple[dict[str, str], str]:
    """Versions by name, or why there are none."""
    arguments = ["pip", "compile", "-", "--quiet", "--no-header", "--no-annotate", "--only-binary", ":all:"]
    arguments += ["--python-version", python, "--python-platform", platform]
    done = run_uv(cache, arguments, "\n".join(lines), cancelled, public=_OLDEST_MACOS)
    if not done.returncode:
        return dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", done.stdout, re.MULTILINE)), ""
    if "No solution found" in done.stderr:
        return {}, explanation(done)
    raise InstallationFailed(f"uv could not resolve what is delivered: {explanation(done)}")


def _pinned(line: str) -> str | None:
    """The name of the package whose version a line gives; None where it gives none."""
    try:
        requirement = parsed(uncommented(line))
    except ValueError:
        return None
    exact = any(specifier.operator == "==" for specifier in requirement.specifier)
    return canonicalize_name(requirement.name) if exact else None
