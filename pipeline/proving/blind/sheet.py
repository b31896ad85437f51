"""One page on which a person ranks, compares and criticises blinded repositories of one paper.

The human study of Paper2Code (arXiv 2504.17192, section 4.1) as a form. The page holds all it needs, sends nothing
anywhere, and saves a JSON file; which repository is which stands in a file of its own.
"""

import base64
import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from pipeline import rendering
from pipeline.proving.blind.neutral import neutral

MOST = 9
"""Repositories on a page: each has a key."""
QUESTIONS: Mapping[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "score": ("How faithful to the paper", tuple((str(n), str(n)) for n in (5, 4, 3, 2, 1))),
    **{
        part: (label, (("full", "whole"), ("partial", "in part"), ("none", "not at all")))
        for part, label in (
            ("data", "Data processing is there"),
            ("method", "The method is there"),
            ("evaluation", "The evaluation is there"),
        )
    },
}
"""Asked of each repository, beside its rank: key → words and the answers, value and words."""
CRITERIA: Mapping[str, str] = {
    "completeness": "it is complete",
    "faithfulness": "it is faithful to the paper",
    "structure": "its structure is clear",
    "ease": "it is easy to use",
    "other": "something else (say what below)",
}
"""Why the first is first."""
_environment = rendering.templates("pipeline.proving.blind").overlay(autoescape=True)


@dataclass(frozen=True)
class Sheet:
    """A page, and what only who made it may see."""

    page: str
    """HTML, self-contained."""
    key: Mapping[str, object]
    """`sheet`, `paper`, `repositories`: letter → folder."""


def sheet(title: str, folders: Sequence[Path], paper: str = "", order: random.Random | None = None) -> Sheet:
    """`folders` under letters in random order; `paper` is its text, to be read beside them.

    Raises ValueError for none, for too many, and for a folder that is given twice or has nothing to show.
    """
    if not 1 <= len(folders) <= MOST:
        raise ValueError(f"a sheet takes 1 to {MOST} repositories, not {len(folders)}")
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise ValueError("the same folder is given twice")
    shuffled = list(folders)
    (order or random.SystemRandom()).shuffle(shuffled)
    lettered = dict(zip("ABCDEFGHI", shuffled, strict=False))
    shown = {letter: neutral(folder) for letter, folder in lettered.items()}
    if empty := [str(lettered[letter]) for letter, each in shown.items() if not each.files]:
        raise ValueError(f"{empty[0]} holds no file that could be shown")
    data = {letter: {"files": dict(each.files), "changes": each.changes} for letter, each in shown.items()}
    told = {"paper": title, "text": paper, "repositories": data}
    name = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
    script, style = (_environment.get_template(file).render() for file in ("sheet.js", "sheet.css"))
    page = _environment.get_template("sheet.html").render(
        title=title,
        letters=tuple(lettered),
        changes={letter: each.changes for letter, each in shown.items()},
        questions=QUESTIONS,
        criteria=CRITERIA,
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        policy=f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "base-uri 'none'; form-action 'none'",
        data=Markup(_inert({"sheet": name, **told})),  # noqa: S704 - it cannot end its element
    )
    key = {"sheet": name, "paper": title, "repositories": {n: str(f.resolve()) for n, f in lettered.items()}}
    return Sheet(page, key)


def lay_out(made: Sheet, page: Path) -> Path:
    """Write the page, and beside it the key, whose path comes back.

    Raises FileExistsError where there is one: what people answer to another page could not be read without it.
    """
    key = page.with_name(f"{page.stem}.key.json")
    page.parent.mkdir(parents=True, exist_ok=True)
    with key.open("x", encoding="utf-8") as file:
        file.write(json.dumps(made.key, ensure_ascii=False, indent=1) + "\n")
    try:
        page.write_text(made.page, encoding="utf-8")
    except OSError:
        key.unlink()
        raise
    return key


def _hash(text: str) -> str:
    """As a content security policy names what may run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _inert(value: object) -> str:
    """JSON that no browser can take for the end of the element it stands in."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
