"""What we write, held against GitHub's own renderer: untrusted text is text there, and nothing else."""

from collections.abc import Callable
from html.parser import HTMLParser

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.markdown import block, code, line, plain, prose, visible

ZERO = "\u200b"
PIECES = [
    *"aZ09_ .,:;!?'\"()[]{}<>/\\|`*~^#&$%=+-@\n\t\r",
    *("\x00", "\u202e", "\u00a0", "\ud800", "\U0001f600", "\u4e2d"),
    *("http://", "https://", "ftp://", "www.", "_www.", "*www.", "~www.", "WWW.", "a.b", "a@b.co", "_a@b.co"),
    *(
        "mailto:a@b.co",
        "xmpp:a@b.co/x",
        "@octocat",
        "fixes #1",
        "GH-1",
        "o/r#1",
        "<!--",
        "-->",
        "<b>",
        "</td>",
    ),
    *("```", "~~~", "~~", "**", "__", "- [ ] ", "1. ", "> ", "---", "|---|", "[a](b)", "![a](b)", "[^1]"),
    *("&lt;", "&#64;", "\\\\", "    ", "<http://a.b>", "<!-- paper2code x -->", "$$", ":smile:"),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


class Seen(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.comments = 0
        self.feed(cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.comments += 1

    handle_decl = handle_pi = handle_comment


CONTEXTS = [
    "before {} after",
    "{}",
    "- {}",
    "> {}",
    "**{}**",
    "An item:\n- [ ] {}\n- other",
    "| a | b |\n|---|---|\n| {} | c |",
    "### {}\n\nafter",
]


def words(text: str) -> str:
    return " ".join(text.replace(ZERO, "").split())


@pytest.mark.parametrize("context", CONTEXTS)
@given(text=TEXTS)
@example(text="_www.evil.com_")
@example(text="a@b.co")
def test_prose_is_rendered_as_its_text(context: str, text: str) -> None:
    plain_page, page = Seen(context.format("x")), Seen(context.format(prose(text) or "x"))

    assert (page.tags, page.comments) == (plain_page.tags, 0)
    assert words(page.text) == words(plain_page.text.replace("x", line(text, 1000) or "x", 1))


@pytest.mark.parametrize("context", CONTEXTS)
@given(text=TEXTS)
def test_a_code_span_is_rendered_as_its_text(context: str, text: str) -> None:
    plain_page, page = Seen(context.format("`x`")), Seen(context.format(code(text)))

    assert (page.tags, page.comments) == (plain_page.tags, 0)
    # Only in a table does GitHub take away what keeps a bar from ending the cell.
    shown = line(text) if context.startswith("|") else line(text).replace("|", "\\|")
    assert words(page.text) == words(plain_page.text.replace("x", shown, 1))


@given(text=TEXTS)
def test_a_block_is_rendered_as_its_text(text: str) -> None:
    page = Seen(f"before\n\n{block(text)}\n\nafter")

    assert (page.tags, page.comments) == (["p", "pre", "code", "p"], 0)
    assert words(page.text) == words(f"before {visible(text)} after")


@pytest.mark.parametrize("write", [prose, plain, line])
@given(text=TEXTS)
def test_nobody_is_mentioned_and_nothing_linked(write: Callable[[str], str], text: str) -> None:
    written = write(text)

    for live in ("@octocat", "fixes #1", "GH-1", "o/r#1", "http://", "https://", "ftp://", "www.", "a@b.co"):
        assert live not in written
