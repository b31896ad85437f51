"""The pages in a real Chromium: as somebody uses them, by mouse or keys, at a desk or with a phone."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from bot.intake.jobs import Outcome
from bot.web import setup
from settings import APP_FILE, Settings
from tests.bot.conftest import until
from tests.bot.web.gallery import TITLE, TOKEN, Site, board, pages, served, site
from tests.fakes.github.server import FakeGitHub

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as shown:
        yield shown


@pytest.fixture
def steered(tmp_path: Path) -> Iterator[Site]:
    """One that a test changes. Asked for before `page`: a page that outlives its site complains of the lost stream."""
    with site(tmp_path) as shown:
        yield shown


def findings(page: "Page") -> list[str]:
    """What axe finds against WCAG 2.2 AA and good practice; each with the places."""
    page.evaluate(AXE.read_text())  # as a debugger does: the page's own policy is for its own scripts
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_every_page(browser: "Browser", full: Site, scheme: str) -> None:
    """No finding of axe, nothing wider than a phone, no complaint on the console."""
    look: Any = {"color_scheme": scheme, "viewport": PHONE, "extra_http_headers": BEARER}
    context = browser.new_context(**look)
    page, problems = context.new_page(), list[str]()
    page.set_default_timeout(120_000)
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    for name, path in pages(full).items():
        page.goto(full.url + path)
        if page.locator("pre.mermaid").count():
            page.wait_for_selector("pre.mermaid svg")
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        problems += [f"{name}: {each}" for each in findings(page)]
        problems += [f"{name} is wider than a phone"] if wide else []
    context.close()
    # What is not there is answered with 404, which Chromium tells its console.
    assert [each for each in problems if "404 (NOT FOUND)" not in each] == []


def test_from_signing_in_by_github_to_stopping_a_job(steered: Site, page: "Page") -> None:
    page.goto(f"{steered.url}/login?next={steered.paths['running']}")
    page.get_by_role("button", name="Authorize paper2code").click()
    page.wait_for_url(f"**{steered.paths['running']}")
    assert page.get_by_role("banner").get_by_text("alice").is_visible()
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_url("**?asked=cancel")
    assert steered.engine.pending() == 1
    page.get_by_role("link", name="paper2code").click()
    assert page.get_by_role("row").filter(has_text="does not run").count() == 1
    assert page.get_by_role("button", name="Sign out").is_visible()


def test_a_plan_is_approved_by_the_keyboard(steered: Site, page: "Page") -> None:
    page.goto(f"{steered.url}/login?next={steered.paths['waiting']}")
    page.get_by_role("button", name="Authorize paper2code").click()
    page.wait_for_url(f"**{steered.paths['waiting']}")
    assert page.get_by_role("link", name="Read the plan").get_attribute("href").endswith("#issuecomment-1000")  # type: ignore[union-attr]
    before = steered.engine.pending()
    page.get_by_role("button", name="Approve the plan").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**?asked=approve")
    assert steered.engine.pending() == before + 1


def test_a_page_follows_its_job_and_leaves_a_selection_alone(steered: Site, page: "Page") -> None:
    path = steered.paths["running"]
    page.set_extra_http_headers(BEARER)
    page.goto(steered.url + path)
    assert "3 of 8" in page.get_by_role("status").inner_text()
    chosen = page.evaluate(
        "() => { getSelection().selectAllChildren(document.querySelector('h1')); return getSelection().toString(); }"
    )
    assert TITLE in chosen
    page.locator(".log").focus()
    record = steered.engine.record(path.rpartition("/")[2])
    assert record
    steered.engine.put(replace(record, board=replace(board(until="run"), usd=0.99)))  # type: ignore[attr-defined]
    page.get_by_role("status").filter(has_text="Running the code").wait_for()
    assert page.get_by_role("status").get_attribute("aria-live") == "polite"
    assert page.evaluate("getSelection().toString()") == chosen
    assert page.evaluate("document.activeElement.tagName") == "OL"
    ended = Outcome("done", "runs", "https://github.com/octo-org/papers/pull/1000", usd=0.99)
    steered.engine.put(replace(record, state="done", outcome=ended, board=board()))  # type: ignore[attr-defined]
    page.get_by_role("link", name="Pull request #1000").wait_for()


def test_a_reviewer_sees_each_requirement_beside_its_proof(page: "Page", full: Site) -> None:
    page.set_extra_http_headers(BEARER)
    page.goto(full.url + full.paths["runs"])
    summary = page.locator("summary", has_text="Scale the dot products")
    summary.focus()
    page.keyboard.press("Enter")
    proof = page.locator(".requirement", has=summary)
    assert "We suspect that for large values" in proof.locator("blockquote").inner_text()
    assert "np.sqrt(key.shape[-1])" in proof.get_by_label("attention.py", exact=True).inner_text()
    assert "test_scores_are_scaled" in proof.get_by_label("tests/test_paper.py").inner_text()
    failure = page.locator(".failure")
    failure.locator("summary").first.click()
    assert "No module named 'tqdm'" in failure.locator("pre").first.inner_text()
    failure.locator(".diff summary").click()
    assert "+tqdm==4.67.1" in failure.locator(".diff pre").inner_text()
    assert page.locator("pre.mermaid svg").first.is_visible()


def test_a_page_tells_all_without_scripts(browser: "Browser", full: Site) -> None:
    context = browser.new_context(java_script_enabled=False, extra_http_headers=BEARER)
    page = context.new_page()
    page.goto(full.url + full.paths["runs"])
    assert "flowchart LR" in page.locator("pre.mermaid").first.inner_text()
    page.goto(full.url)
    page.get_by_label("Search").fill("attention")
    page.get_by_label("State").select_option("failed")
    page.get_by_role("button", name="Show").click()
    assert page.locator("tbody").first.get_by_role("row").count() == 1
    context.close()


def test_setting_up_takes_what_stands_in_the_fields(
    hub: FakeGitHub, page: "Page", bare: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPER2CODE_DATA_DIR", str(tmp_path))
    settings = Settings(
        data_dir=tmp_path,
        dashboard_token=SecretStr(TOKEN),
        github_api_url=hub.api_url,
        github_server_url=hub.url,
    )
    page.set_extra_http_headers(BEARER)
    with served(setup.create_app(settings)) as url:
        page.goto(url)
        assert page.url == f"{url}/setup"
        page.get_by_label("Organisation").fill("octo-org")
        page.get_by_label("Address").fill("ftp://nowhere")
        assert page.get_by_role("button", name="Make it on GitHub").is_disabled()
        page.get_by_label("Address").fill("https://bot.example.org")
        assert "https://bot.example.org/webhook" in page.get_by_role("table").inner_text()
        assert page.get_by_text("This is not the address").is_visible()
        assert findings(page) == []
        page.get_by_label("Address").fill(url)
        with page.expect_request(f"{hub.url}/organizations/octo-org/**") as sent:
            page.get_by_role("button", name="Make it on GitHub").click()
        assert "redirect_url" in (sent.value.post_data or "")
        page.get_by_role("button", name="Create GitHub App").click()
        page.get_by_role("heading", name="The App is there").wait_for()
        until((tmp_path / APP_FILE).exists)
        page.wait_for_load_state()
        # The real process answers by now, and the page still has its style.
        style = "getComputedStyle(document.body).maxWidth"
        assert page.evaluate(style) == "1152px"
        assert page.get_by_role("link", name="the dashboard").get_attribute("href") == "/"
