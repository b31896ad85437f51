import pytest

from pipeline.markdown import block, code, line, link, plain, prose, visible

ZERO = "\u200b"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain words", "plain words"),
        ("two\nlines", "two lines"),
        ("ask @octocat", f"ask @{ZERO}octocat"),
        ("fixes #12", f"fixes \\#{ZERO}12"),
        ("closes octo-org/papers#12", f"closes octo-org/papers\\#{ZERO}12"),
        ("resolves GH-12", f"resolves GH-{ZERO}12"),
        ("https://github.com/o/r/issues/1", f"https:{ZERO}//github.com/o/r/issues/1"),
        ("www.example.org", f"www{ZERO}.example.org"),
        ("<img src=x onerror=alert(1)>", "\\<img src=x onerror=alert(1)\\>"),
        ("<!-- paper2code job -->", "\\<\\!-- paper2code job --\\>"),
        ("[text](http://a)", f"\\[text\\](http:{ZERO}//a)"),
        ("a | b", "a \\| b"),
        ("`code`", "\\`code\\`"),
        ("&#64;octocat", f"\\&\\#{ZERO}64;octocat"),
        ("$x^2$", "\\$x^2\\$"),
        ("- item", "\\- item"),
        ("# heading", "\\# heading"),
        ("\u202eevil\u2066 \u200bzero\ufeff\u00ad", "evil zero"),
        ("\x1b[31mred\x1b[0m \x1b]8;;http://a\x07link\x1b]8;;\x07", "red link"),
        ("bell\x07 null\x00", "bell null"),
    ],
)
def test_prose_shows_the_text_and_does_nothing_else(text: str, safe: str) -> None:
    assert prose(text) == safe


@pytest.mark.parametrize(
    ("text", "safe"),
    [("1. first", "1\\. first"), ("12) last", "12\\) last"), ("3.", "3\\."), ("41.8 BLEU", "41.8 BLEU")],
)
def test_a_numbered_line_does_not_become_a_list_and_a_number_stays(text: str, safe: str) -> None:
    assert prose(text) == safe


def test_commit_messages_keep_their_lines() -> None:
    assert plain("Fixes #1\n\n@octocat") == f"Fixes #{ZERO}1\n\n@{ZERO}octocat"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (
            "https://github.com/o/r/issues/1#issuecomment-2",
            "[al\\*ce](https://github.com/o/r/issues/1#issuecomment-2)",
        ),
        ("javascript:alert(1)", "al\\*ce"),
        ("https://x/) [y](https://z", "al\\*ce"),
    ],
)
def test_only_what_is_an_address_is_linked(address: str, shown: str) -> None:
    assert link("al*ce", address) == shown


def test_titles_are_cut() -> None:
    assert line("x" * 400) == "x" * 299 + "…"


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("x", "`x`"),
        ("a`b", "``a`b``"),
        ("`a`", "`` `a` ``"),
        ("a|b", "`a\\|b`"),
        ("", "`  `"),
        ("@octocat #1", "`@octocat #1`"),
        ("two\nlines", "`two lines`"),
    ],
)
def test_code_spans_cannot_be_left(text: str, span: str) -> None:
    assert code(text) == span


def test_blocks_cannot_be_left() -> None:
    assert block("````\nout\n````").startswith("`````text\n")
    assert block("~~~\nx") == "```text\n~~~\nx\n```"


def test_letters_of_every_language_stay() -> None:
    assert visible("Schrödinger 薛定谔 é ∑ 🙂") == "Schrödinger 薛定谔 é ∑ 🙂"
