"""Which paths a generated repository may have: what may be planned, written and committed.

And how a file is written into a folder that somebody else may have made.
"""

import os
import re
import unicodedata
from pathlib import Path

MAX_PATH = 200

_WINDOWS_DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"
}
_CI_FILES = {
    "appveyor", "azure-pipelines", "bamboo", "bitbucket-pipelines", "bitrise", "buildspec", "cloudbuild",
    "codefresh", "codeship-services", "codeship-steps", "jenkinsfile", "netlify", "screwdriver", "shippable",
    "vercel", "wercker",
}  # fmt: skip
"""By the first part of the name; the vendors' hidden files are refused with all others."""


HIDDEN = (".gitignore", ".python-version")
"""The only hidden files, written by a program alone."""


def refusal(path: str) -> str | None:
    """Why `path` may not be in a generated repository, or None if it may."""
    if path in HIDDEN:
        return None
    if not path or path.startswith("/"):
        return f"{path!r} is not a relative path"
    if "\\" in path:
        return f"{path!r} contains a backslash"
    if len(path) > MAX_PATH:
        return f"{path[:40]!r}… is longer than {MAX_PATH} characters"
    if any(unicodedata.category(character)[0] == "C" for character in path):
        return f"{path!r} contains a control, bidirectional or invisible character"
    for part in path.split("/"):
        if reason := _part_refusal(part):
            return f"{path!r}: {reason}"
    return None


def write(path: Path, text: str, errors: str = "strict") -> None:
    """Write a file in UTF-8, in the place of a link if there is one and not through it. Raises OSError."""
    content = text.encode(errors=errors)
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def unwritable(path: Path) -> str:
    """Why no file can be written there, as far as that can be known before; empty where one can."""
    if not path.exists() and not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        return "that is not permitted"
    return ""


def _part_refusal(part: str) -> str | None:
    folded = fold(part)
    if folded in ("", ".", ".."):
        return "empty, `.` and `..` are not names"
    if folded.startswith(".") or re.match(r"git~\d", folded):
        return "hidden files are not allowed (`.git*`, `.github/`, configuration of services and editors)"
    if folded.split(".")[0] in _CI_FILES:
        return "files of continuous integration services are not allowed"
    if folded.split(".")[0].strip() in _WINDOWS_DEVICES:
        return "the name is reserved on Windows"
    if part != part.strip() or part.endswith(".") or re.search(r'[<>:"|?*]', folded):
        return "the name cannot exist on Windows"
    return None


def fold(name: str) -> str:
    """Equal for names that some file system takes for the same."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
