"""The child that opens a PDF or another drawing: its pages as lines with their places and fonts, or a picture.

Run as a script in a process of its own, because a hostile file may hang or crash the library. Imports
nothing of the project; `confined.py` starts it. What the lines mean is the business of `document.py` and what it
imports.
"""

import base64
import json
import resource
import struct
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

MAX_BARS = 1000
"""On a page; a drawing may have any number."""
MAX_DRAWN = 300
"""The largest on a page: what they leave out lies between them."""
MOST_ALIKE = 1000
"""Of pieces on a page that are alike; more are the points of a plot, which some programs set as letters."""
MAX_PIXELS = 60_000_000
"""Of a picture before it is scaled."""
_IMAGES = {
    b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"GIF8": "gif", b"BM": "bmp", b"II*\0": "tiff", b"MM\0*": "tiff",
}  # fmt: skip
"""What files begin with. The library would open books and web pages too."""
_VECTOR = 3
_ENLARGED = 2.5
"""A small drawing is not blown up further: it would cost more and show nothing more."""
_GAP = 6


def main(memory: int, seconds: int) -> int:
    """Answer tasks from standard input, each with one line of JSON: its result, or `{"error": …}`.

    The first line there is `{"sizes": […], "tasks": [[name, arguments], …]}`; the files follow, one after the
    other.
    """
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    import pymupdf

    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    asked = json.loads(sys.stdin.buffer.readline())
    files = [sys.stdin.buffer.read(size) for size in asked["sizes"]]
    tasks: dict[str, Callable[..., dict[str, Any]]] = {
        "pages": _pages,
        "picture": _picture,
        "redrawn": _redrawn,
    }
    for name, arguments in asked["tasks"]:
        task = tasks[name]
        try:
            answer = task(files, **arguments)
        except Exception as error:
            answer = _error("broken", str(error))
        # Not `json.dump`, which takes four times as long.
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    return 0


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"error": kind, "message": message[:300]}


# Pages ------------------------------------------------------------------------------------------------------


def _pages(files: list[bytes], file: int, max_pages: int) -> dict[str, Any]:
    import pymupdf

    document = pymupdf.open(stream=files[file], filetype="pdf")
    if document.needs_pass:
        return _error("encrypted", "")
    if len(document) == 0:
        return _error("broken", "no pages")
    flags = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP | pymupdf.TEXT_COLLECT_VECTORS
    metadata = document.metadata or {}
    return {
        "pages": [_page(document[number], flags) for number in range(min(len(document), max_pages))],
        "count": len(document),
        "title": metadata.get("title") or "",
        "author": metadata.get("author") or "",
    }


def _page(page: Any, flags: int) -> dict[str, Any]:
    lines = []
    bars: list[list[float]] = []
    rules: list[list[float]] = []
    drawn = {tuple(map(round, image["bbox"])) for image in page.get_image_info()}
    for block in page.get_text("dict", flags=flags)["blocks"]:
        x0, y0, x1, y1 = block["bbox"]
        if block["type"] == _VECTOR:
            if y1 - y0 < 1.2 and x1 - x0 > 2:
                kind = bars if x1 - x0 < 0.7 * page.rect.width else rules
                kind.append(_rounded((x0, x1, (y0 + y1) / 2)))
            elif y1 - y0 > 1.2:
                drawn.add((round(x0), round(y0), round(x1), round(y1)))
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
    alone = Counter(line[2][0][0] for line in lines if len(line[2]) == 1)
    return {
        "width": page.rect.width,
        "height": page.rect.height,
        "lines": [line for line in lines if len(line[2]) > 1 or alone[line[2][0][0]] < MOST_ALIKE],
        "bars": bars[:MAX_BARS],
        "rules": rules[:MAX_BARS],
        "drawn": sorted(drawn, key=_area)[-MAX_DRAWN:],
    }


def _area(box: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    return (box[2] - box[0]) * (box[3] - box[1]), box


def _rounded(box: tuple[float, ...]) -> list[float]:
    return [round(value, 1) for value in box]


# Pictures ---------------------------------------------------------------------------------------------------


def _picture(
    files: list[bytes], parts: list[tuple[int, int, list[float] | None]], side: int, limit: int
) -> dict[str, Any]:
    """One picture of all parts (file, page, box), no side longer than `side` pixels: a PNG, or a JPEG where
    that takes more than `limit` bytes.
    """
    import pymupdf

    shown = []
    for file, number, box in parts:
        document = _opened(files[file])
        clip = pymupdf.Rect(box) if box else document[number].rect
        shown.append((document, number, clip & document[number].rect))
    if any(clip.is_empty for _, _, clip in shown):
        return _error("broken", "nothing is drawn there")
    width, height, places = _laid_out([(clip.width, clip.height) for _, _, clip in shown], side)
    sheet = pymupdf.open().new_page(width=width, height=height)
    for (document, number, clip), place in zip(shown, places, strict=True):
        sheet.show_pdf_page(pymupdf.Rect(place), document, number, clip=clip)
    pixels = sheet.get_pixmap(alpha=False)
    kind, data = "png", pixels.tobytes("png")
    if len(data) > limit:
        kind, data = "jpeg", pixels.tobytes("jpeg", jpg_quality=80)
    return {
        "media_type": f"image/{kind}",
        "width": pixels.width,
        "height": pixels.height,
        "data": base64.b64encode(data).decode("ascii"),
    }


def _redrawn(files: list[bytes], file: int, side: int, limit: int) -> dict[str, Any]:
    """A PNG written anew from its pixels alone: no side longer than `side`, and scaled until it takes at most
    `limit` bytes.
    """
    import pymupdf

    data = files[file]
    if not data.startswith(b"\x89PNG\r\n\x1a\n") or data[12:16] != b"IHDR":
        raise ValueError("it is no PNG")
    width, height = struct.unpack(">II", data[16:24])
    # Before anything is unpacked: so much memory would be taken for it.
    if width * height > MAX_PIXELS:
        raise ValueError(f"it has more than {MAX_PIXELS // 1_000_000} million pixels")
    whole = pixels = pymupdf.Pixmap(pymupdf.csRGB, pymupdf.Pixmap(data))
    scale = min(1.0, side / max(width, height))
    while True:
        if scale < 1:
            size = max(1, round(width * scale)), max(1, round(height * scale))
            pixels = pymupdf.Pixmap(whole, *size, None)
        # What the file says of its resolution would be written on.
        pixels.set_dpi(72, 72)
        written = pixels.tobytes("png")
        if len(written) <= limit:
            break
        scale *= 0.8
    return {
        "width": pixels.width,
        "height": pixels.height,
        "scaled": scale < 1,
        "data": base64.b64encode(written).decode("ascii"),
    }


def _opened(data: bytes) -> Any:
    import pymupdf

    if b"%PDF-" in data[:1024]:
        document = pymupdf.open(stream=data, filetype="pdf")
        if document.needs_pass:
            raise ValueError("it asks for a password")
        return document
    kind = next((kind for start, kind in _IMAGES.items() if data.startswith(start)), "")
    if not kind and b"<svg" in data[:2000]:
        kind = "svg"
    if not kind:
        raise ValueError("it is in no form that can be drawn here")
    image = pymupdf.open(stream=data, filetype=kind)
    if any(part["width"] * part["height"] > MAX_PIXELS for part in image[0].get_image_info()):
        raise ValueError(f"it has more than {MAX_PIXELS // 1_000_000} million pixels")
    return pymupdf.open(stream=image.convert_to_pdf(), filetype="pdf")


def _laid_out(
    sizes: list[tuple[float, float]], side: int
) -> tuple[float, float, list[tuple[float, float, float, float]]]:
    """Width and height of a sheet, and the place on it of each part: in so many columns that they get
    largest.
    """
    best: tuple[float, int] = (0.0, 1)
    for columns in range(1, len(sizes) + 1):
        room = _room(len(sizes), columns, side)
        best = max(best, (min(_scale(size, room) for size in sizes), columns))
    columns = best[1]
    room = _room(len(sizes), columns, side)
    places = []
    top = right = 0.0
    for first in range(0, len(sizes), columns):
        row = [
            (width * _scale((width, height), room), height * _scale((width, height), room))
            for width, height in sizes[first : first + columns]
        ]
        left = 0.0
        for width, height in row:
            places.append((left, top, left + width, top + height))
            left += width + _GAP
        right = max(right, left - _GAP)
        top += max(height for _, height in row) + _GAP
    return right, top - _GAP, places


def _room(parts: int, columns: int, side: int) -> tuple[float, float]:
    rows = -(-parts // columns)
    return (side - _GAP * (columns - 1)) / columns, (side - _GAP * (rows - 1)) / rows


def _scale(size: tuple[float, float], room: tuple[float, float]) -> float:
    return min(room[0] / size[0], room[1] / size[1], _ENLARGED)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3])))
