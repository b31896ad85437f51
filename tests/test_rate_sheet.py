"""`paper2code rate-sheet`: a page that is used in a browser, by mouse and keys, and keeps all to itself."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.proving.blind.sheet import lay_out, sheet
from tests.test_app import run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HOSTILE = '</script><img src=x onerror="document.title=1">&lt;{{ 7*7 }}\u2028'


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Three repositories, the second of somebody who wants to take the page over."""
    files: list[dict[str, str]] = [
        {"README.md": "# One", "main.py": "one = 1\ntwo = 2\n", "z.py": "z = 3"},
        {f"a{HOSTILE.replace('/', '')[:40]}.py": HOSTILE, "__proto__": "own", "two  blanks.py": "blank"},
        {"README.md": "# Three by MetaGPT"},
    ]
    for number, held in enumerate(files):
        for path, text in held.items():
            (tmp_path / str(number) / path).parent.mkdir(exist_ok=True)
            (tmp_path / str(number) / path).write_text(text)
    return [tmp_path / str(number) for number in range(len(files))]


class InOrder(random.Random):
    def shuffle(self, x: Any) -> None:
        pass


@pytest.fixture
def opened(folders: list[Path], tmp_path: Path, page: "Page") -> Callable[[], "Page"]:
    """Opens the page of `folders`, in their order."""
    file = tmp_path / "sheet.html"
    lay_out(sheet(f"Means {HOSTILE}", folders, "# The paper", InOrder()), file)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))

    def load() -> "Page":
        page.goto(file.as_uri())
        assert {url for url in requests if not url.startswith("blob:")} == {file.as_uri()}
        return page

    return load


@pytest.mark.usefixtures("bare")
def test_the_command_writes_a_page_and_apart_from_it_who_is_who(
    folders: list[Path], paper: Path, tmp_path: Path
) -> None:
    made = run("rate-sheet", *folders, "--paper", paper, "--out", tmp_path / "out" / "page.html")
    assert made.exit_code == 0, made.output
    key = json.loads((tmp_path / "out" / "page.key.json").read_text())
    assert sorted(key["repositories"].values()) == sorted(map(str, folders))
    assert key["paper"] == "Means of Things"
    page = (tmp_path / "out" / "page.html").read_text()
    assert key["sheet"] in page and str(tmp_path) not in page
    assert "MetaGPT" not in page and "learning rate" in page


@pytest.mark.usefixtures("bare")
def test_a_second_page_takes_no_key_away(folders: list[Path], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    run("rate-sheet", *folders, "--out", page)
    before = {path: path.read_bytes() for path in tmp_path.glob("page*")}

    second = run("rate-sheet", *folders, "--out", page)

    assert second.exit_code == 2 and "the key of another page" in " ".join(second.stderr.split())
    assert {path: path.read_bytes() for path in tmp_path.glob("page*")} == before


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (("0", "0"), "given twice"),
        (("empty",), "no file that could be shown"),
        (("nowhere",), "does not exist"),
    ],
)
def test_what_makes_no_sheet_ends_with_2(
    given: tuple[str, ...], complaint: str, folders: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    ended = run("rate-sheet", *(tmp_path / name for name in given))
    assert ended.exit_code == 2 and complaint in " ".join(ended.stderr.split())
    assert not (tmp_path / "rate-sheet.html").exists()


def test_letters_do_not_follow_the_order_in_which_folders_are_given(folders: list[Path]) -> None:
    seen = {json.dumps(sheet("", folders, order=random.Random(n)).key["repositories"]) for n in range(9)}
    assert len(seen) > 1


def test_what_a_person_answers_is_saved_as_json(opened: Callable[[], "Page"], tmp_path: Path) -> None:
    page = opened()
    page.get_by_label("A: rank").select_option("2")
    page.get_by_label("B: rank").select_option("1")
    page.get_by_label("A: How faithful").select_option("4")
    page.get_by_label("A: The method is there").select_option("in part")
    page.get_by_label("B: I have run it").check()
    page.get_by_label("A: critique").fill("high: main.py has\nno mean")
    page.get_by_label("it is complete").check()
    page.get_by_label("How sure").fill("85")
    page.get_by_label("Your name").fill("Ada ../L")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save").click()
    name = waiting.value.suggested_filename
    waiting.value.save_as(tmp_path / "saved.json")
    told = json.loads((tmp_path / "saved.json").read_text())
    assert name == f"rating-{told['sheet']}-Ada-L.json"
    assert told["repositories"]["A"] == {
        "rank": 2, "score": 4, "data": None, "method": "partial", "evaluation": None, "ran": False,
        "critique": "high: main.py has\nno mean",
    }  # fmt: skip
    assert (told["repositories"]["B"]["rank"], told["repositories"]["B"]["ran"]) == (1, True)
    assert (told["confidence"], told["why"], told["rater"]) == (85, ["completeness"], "Ada ../L")
    assert told["paper"] == f"Means {HOSTILE}"
    assert "Without a rank: C." in (page.get_by_role("status").text_content() or "")


def test_answers_are_there_again_after_the_page_was_closed(opened: Callable[[], "Page"]) -> None:
    page = opened()
    page.get_by_label("C: rank").select_option("3")
    page.get_by_label("A: I have run it").check()
    page.get_by_label("What decided").fill("the mean")
    page = opened()
    assert page.get_by_label("C: rank").input_value() == "3"
    assert page.get_by_label("A: I have run it").is_checked()
    assert page.get_by_label("What decided").input_value() == "the mean"


def test_keys_turn_pages_and_never_while_somebody_writes(opened: Callable[[], "Page"]) -> None:
    page = opened()
    left, right = page.locator("#left .code"), page.locator("#right .code")
    assert left.text_content() == "# One"
    page.keyboard.press("j")
    assert left.text_content() == "one = 1\ntwo = 2\n"
    assert page.locator("#left .numbers").text_content() == "1\n2\n3"
    page.keyboard.press("k")
    page.keyboard.press("k")
    assert left.text_content() == "z = 3"
    page.keyboard.press("Alt+3")
    assert right.text_content() == "# Three by SYSTEM"
    page.keyboard.press("p")
    assert left.text_content() == "# The paper"
    page.keyboard.press("r")
    page.keyboard.press("Tab")
    page.keyboard.press("2")
    assert page.get_by_label("A: rank").input_value() == "2"
    assert left.text_content() == "# The paper"


def test_what_others_wrote_is_text_and_nothing_else(opened: Callable[[], "Page"]) -> None:
    page = opened()
    page.keyboard.press("2")
    seen = set()
    for _ in range(3):
        seen.add(page.locator("#left .code").text_content())
        page.keyboard.press("j")
    assert seen == {HOSTILE, "own", "blank"}
    assert page.locator("h1").text_content() == f"Means {HOSTILE}"
    assert page.locator("img").count() == 0 and page.title().startswith("Rate:")


def test_the_page_may_run_its_own_script_and_reach_nothing(
    folders: list[Path], tmp_path: Path, browser: "Browser"
) -> None:
    lay_out(sheet("Means", folders), tmp_path / "sheet.html")
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto((tmp_path / "sheet.html").as_uri())
    taken = page.evaluate(
        """async () => {
            const script = document.createElement('script');
            script.textContent = 'window.taken = true';
            document.body.append(script);
            try { await fetch('https://example.org/'); } catch { return window.taken; }
            return 'sent';
        }"""
    )
    page.close()
    assert taken is None
    assert said and all("Content Security Policy" in text for text in said)


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_lies_outside_of_the_page(opened: Callable[[], "Page"], width: int) -> None:
    page = opened()
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_is_dark_and_text_is_seen_on_it(opened: Callable[[], "Page"]) -> None:
    page = opened()
    page.emulate_media(color_scheme="dark")
    colours = page.evaluate(
        """() => { const style = getComputedStyle(document.body); return [style.color, style.backgroundColor]; }"""
    )
    ink, paper = (sum(map(int, colour[4:-1].split(",")[:3])) for colour in colours)
    assert paper < 150 < 600 < ink
