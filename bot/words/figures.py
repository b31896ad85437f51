"""The figures that a run has drawn, in the description of its pull request. Pure; as messages.py."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pipeline.markdown import code, prose
from pipeline.proving.documents import small_data
from pipeline.running.figures import MOST


def figures(report: Mapping[str, Any], base: str, most: int) -> str:
    """What the run has drawn, at most `most` of it; empty: nothing.

    Below an address of GitHub's a picture is asked for with `?raw=true`, which shows it to whoever may see the
    repository, also where that is private.
    """
    told = report.get("figures")
    if not told or not (told["shown"] or told["left_out"] or told["beyond"]):
        return ""
    parts = [
        f"## Figures of the smoke run\n\nDrawn from {small_data(report)}. They show that the code draws them, not what "
        "the paper found."
        if told.get("mode", "smoke") == "smoke"
        else f"## Figures of the {told['mode']} run"
    ]
    raw = "?raw=true" if "://" in base else ""
    shown = told["shown"][:most]
    for figure in shown:
        name = figure["file"].rpartition("/")[2]
        after = f", named after {prose(figure['anchor'], 20)} of the paper" if figure["anchor"] else ""
        caption = f": “{prose(figure['caption'], 200)}”" if figure["caption"] else ""
        scaled = " (scaled down)" if figure["scaled"] else ""
        image = f"![{name}]({address(base, figure['file'])}{raw})"
        parts.append(f"{code(name)}{after}{scaled}{caption}\n\n{image}")
    left_out = [
        f"- Left out: {prose(each['name'], 60)}, because {prose(each['why'], 160)}"
        for each in told["left_out"][:most]
    ]
    if more := told["beyond"] + len(told["left_out"][most:]):
        left_out.append(f"- Left out: {more} more; at most {MOST} are delivered.")
    parts += ["\n".join(left_out)] if left_out else []
    if hidden := len(told["shown"]) - len(shown):
        parts.append(f"… and {hidden} more in `docs/figures/`.")
    return "\n\n".join(parts)


def address(base: str, path: str) -> str:
    """Of a file below `base`, which is an address or a path."""
    prefix = base if "://" in base else quote(base)
    return f"{prefix}/{quote(path)}"
