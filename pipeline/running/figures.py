"""Figures that a run has drawn: files that nobody vouches for become pictures that were written here, or a reason.

They show that the code draws; a smoke run draws from tiny data. No model is ever shown one.
"""

import base64
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from pipeline.paths import fold, refusal
from pipeline.reading.pdf.confined import answers
from sandbox.report import ExecutionReport, Mode
from sandbox.streams import shown as readable

FOLDER = "docs/figures/"
DRAWN = re.compile(r"results/(?:smoke|scaled|full)/([^/]+)\.png")
"""What the harness writes of a run's figures."""
MOST = 20
MOST_BYTES = 300_000
SIDE = 2_000
"""Pixels of the longer side: more than any screen shows of a page's column."""
SECONDS = 30
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}")


@dataclass(frozen=True)
class Figure:
    """A PNG of pixels alone, at most MOST_BYTES large."""

    name: str
    """That of the file without its ending: the paper's anchor, as the harness wants it."""
    width: int
    height: int
    scaled: bool
    """It was drawn larger."""
    data: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """Where it is delivered."""
        return f"{FOLDER}{self.name}.png"


@dataclass(frozen=True)
class Figures:
    """What came of a run's figures."""

    shown: tuple[Figure, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    """Names, each with the reason, as the end of a sentence."""
    beyond: int = 0
    """So many more were drawn than MOST."""
    mode: Mode = "smoke"
    """Of which run they are."""

    @property
    def files(self) -> dict[str, bytes]:
        """Path → PNG."""
        return {figure.path: figure.data for figure in self.shown}


NO_FIGURES = Figures()


def is_figure(path: str) -> bool:
    """Whether a file of a delivered repository is a figure of a run."""
    return path.startswith(FOLDER) and path.endswith(".png")


def figures_of(
    execution: ExecutionReport | None, anchors: Collection[str], longer: ExecutionReport | None = None
) -> Figures:
    """What the harness's report has drawn last; what is named as one of the paper's `anchors` comes first.

    Those of a longer run stand for those of the smoke run, where it has drawn any.
    """
    mode = longer.mode if longer else "smoke"
    drawn = (
        {p: data for p, data in longer.files.items() if p.startswith(f"results/{mode}/")} if longer else {}
    )
    if longer and any(DRAWN.fullmatch(path) for path in drawn):
        return replace(redrawn(drawn, anchors), mode=longer.mode)
    reports = [phase.result for phase in execution.phases if phase.phase == "report"] if execution else []
    return redrawn(reports[-1].outputs, anchors) if reports else NO_FIGURES


def redrawn(outputs: Mapping[str, bytes], anchors: Collection[str] = ()) -> Figures:
    """Those of a run's files that are figures, decoded and written again in a process of its own."""
    found = {match[1]: data for path, data in outputs.items() if (match := DRAWN.fullmatch(path))}
    left_out = {name: why for name in sorted(found) if (why := _unfit(name, found))}
    fit = sorted(found.keys() - left_out.keys(), key=lambda name: (name not in anchors, _natural(name)))
    taken, data = fit[:MOST], [found[name] for name in fit[:MOST]]
    tasks = [("redrawn", {"file": n, "side": SIDE, "limit": MOST_BYTES}) for n in range(len(data))]
    shown = []
    for name, answer in zip(taken, answers(data, tasks, seconds=SECONDS), strict=True):
        if "error" in answer:
            left_out[name] = _WHY.get(answer["error"]) or f"it cannot be read ({answer['message']})"
            continue
        png = base64.b64decode(answer["data"])
        shown.append(Figure(name, answer["width"], answer["height"], answer["scaled"], png))
    named = tuple((readable(name)[:60], readable(why)) for name, why in left_out.items())
    return Figures(tuple(shown), named[:MOST], len(fit[MOST:]) + len(named[MOST:]))


def _unfit(name: str, found: Mapping[str, bytes]) -> str:
    """Why it is not even opened; empty: it is."""
    if not _NAME.fullmatch(name) or refusal(f"{FOLDER}{name}.png"):
        return "its name cannot be that of a file here"
    if any(other < name and fold(other) == fold(name) for other in found):
        return "another has the same name but for capital letters"
    return "" if found[name] else f"its file is empty, or larger than {MOST_BYTES // 1_000} kB"


def _natural(name: str) -> list[tuple[str, int]]:
    """Orders `Fig2` before `Fig10`."""
    return [(words, int(number or 0)) for words, number in re.findall(r"(\D+)(\d*)", name)]


_WHY = {
    "slow": f"all of them together take longer than {SECONDS} s to read",
    "crashed": "its file makes the program fail that should read it",
}
