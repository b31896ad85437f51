"""PyTorch for a machine without graphics card: which builds of it there are, and what fits beside them.

Where the host's wheel folders have torch alone, its sister packages come from the index, built for CUDA. Both are
made to work without their compiled operators, which here cannot be loaded: then those have to go.
"""

import re
from collections.abc import Collection
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from sandbox.interface import Platform
from sandbox.uv import index_settings

_SISTERS = ("torchaudio", "torchvision")
_FOR_CUDA = b"libc10_cuda.so"

_ABOUT_OPERATORS = "_meta_registrations.py"
"""Of torchvision: says what shapes its operators give, and fails at import where there are none."""


def in_wheel_folders(platform: Platform) -> tuple[str, ...]:
    """CPU builds of torch in the host's own wheel folders, newest first, as constraints."""
    tag = "cp" + platform.python.replace(".", "")
    found = set()
    for place in re.split(r"[\s,]+", index_settings().get("UV_FIND_LINKS", "")):
        folder = Path(unquote(urlsplit(place).path) if place.startswith("file:") else place)
        for wheel in folder.glob("torch-*+cpu*.whl") if place and folder.is_dir() else ():
            try:
                name, version, _, tags = parse_wheel_filename(wheel.name)
            except InvalidWheelFilename:
                continue
            if name == "torch" and any(each.interpreter == tag for each in tags):
                found.add(version)
    return tuple(f"torch=={version}" for version in sorted(found, reverse=True))


def for_cuda(pins: Collection[str], platform: Platform) -> tuple[str, ...]:
    """The sister packages among `pins` that were built for CUDA, though torch was not."""
    # Elsewhere the index has builds for processors only.
    if not platform.machine.startswith("x86_64"):
        return ()
    versions = dict(pin.split("==", 1) for pin in pins)
    if "+cpu" not in versions.get("torch", ""):
        return ()
    return tuple(name for name in _SISTERS if "+cpu" not in versions.get(name, "+cpu"))


def note(name: str) -> str:
    """What a reader must know about one of `for_cuda`."""
    return (
        f"`{name}` works without its compiled operators: there is no build of it for processors beside torch's in "
        "the wheel folders of pip's or uv's settings."
    )


def without_operators(package: Path) -> None:
    """Make one of `for_cuda`, unpacked in the folder `package`, fit to be imported."""
    for library in package.rglob("*.so"):
        if _FOR_CUDA in library.read_bytes():
            library.unlink()
    about = package / _ABOUT_OPERATORS
    if about.is_file():
        # Not written to: uv may have linked it to its cache.
        about.unlink()
        about.touch()
