"""The child that opens a PDF: pages to lines with their places and fonts, as JSON on standard output.

Run as a script in a process of its own, because a hostile file may hang or crash the library. Imports
nothing of the project. What the lines mean is the business of `document.py` and what it imports.
"""

import json
import resource
import sys
from typing import Any

MAX_BARS = 1000
"""On a page; a drawing may have any number."""
_VECTOR = 3


def main(max_pages: int, memory: int, seconds: int) -> int:
    """Read a PDF from standard input; print `{"pages": […], …}`, or `{"error": …}` with exit status 1."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    import pymupdf

    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    try:
        document = pymupdf.open(stream=sys.stdin.buffer.read(), filetype="pdf")
    except Exception as error:
        return _fail("broken", str(error))
    if document.needs_pass:
        return _fail("encrypted", "")
    if len(document) == 0:
        return _fail("broken", "no pages")
    flags = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP | pymupdf.TEXT_COLLECT_VECTORS
    pages = [_page(document[number], flags) for number in range(min(len(document), max_pages))]
    metadata = document.metadata or {}
    answer = {
        "pages": pages,
        "count": len(document),
        "title": metadata.get("title") or "",
        "author": metadata.get("author") or "",
    }
    # Not `json.dump`, which takes four times as long.
    sys.stdout.write(json.dumps(answer))
    return 0


def _fail(kind: str, message: str) -> int:
    json.dump({"error": kind, "message": message[:300]}, sys.stdout)
    return 1


def _page(page: Any, flags: int) -> dict[str, Any]:
    lines = []
    bars = []
    for block in page.get_text("dict", flags=flags)["blocks"]:
        x0, y0, x1, y1 = block["bbox"]
        if block["type"] == _VECTOR and y1 - y0 < 1.2 and 2 < x1 - x0 < 0.7 * page.rect.width:
            bars.append(_rounded((x0, x1, (y0 + y1) / 2)))
        for line in block.get("lines", ()):
            spans = [
                (
                    s["text"],
                    round(s["size"], 2),
                    s["flags"],
                    s["font"],
                    *_rounded(s["bbox"]),
                    round(s["origin"][1], 1),
                )
                for s in line["spans"]
                if s["text"]
            ]
            if any(text.strip() for text, *_ in spans):
                lines.append((_rounded(line["bbox"]), line["dir"][0] > 0.9, spans))
    return {"width": page.rect.width, "height": page.rect.height, "lines": lines, "bars": bars[:MAX_BARS]}


def _rounded(box: tuple[float, ...]) -> list[float]:
    return [round(value, 1) for value in box]


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:4])))
