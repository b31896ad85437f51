import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reading.references import MAX_TEXT, Reference, references

NEW = "1706.03762"


@pytest.mark.parametrize(
    "text",
    [
        "arxiv:1706.03762",
        "arXiv:1706.03762",
        "ARXIV: 1706.03762",
        "arXiv 1706.03762",
        "1706.03762",
        "https://arxiv.org/abs/1706.03762",
        "http://www.arxiv.org/abs/1706.03762?context=cs.LG#comments",
        "https://arxiv.org/pdf/1706.03762.pdf",
        "https://arxiv.org/pdf/1706.03762",
        "https://arxiv.org/html/1706.03762#S3",
        "https://export.arxiv.org/e-print/1706.03762",
        "https://arxiv.org/format/1706.03762",
        "https://arxiv.org/src/1706.03762",
        "arxiv.org/abs/1706.03762",
        "https://ar5iv.org/abs/1706.03762",
        "https://ar5iv.labs.arxiv.org/html/1706.03762",
        "https://www.alphaxiv.org/abs/1706.03762",
        "https://alphaxiv.org/overview/1706.03762",
        "https://huggingface.co/papers/1706.03762",
        "https://scirate.com/arxiv/1706.03762",
        "https://papers.cool/arxiv/1706.03762",
        "https://www.semanticscholar.org/arxiv/1706.03762",
        "https://api.semanticscholar.org/arXiv:1706.03762",
        "https://api.semanticscholar.org/graph/v1/paper/arXiv:1706.03762?fields=title",
        "https://www.alphaxiv.org/pdf/1706.03762",
        "https://inspirehep.net/api/arxiv/1706.03762",
        "arXiv: 1706.03762 [cs.CL]",
        "[arXiv:1706.03762]",
        "arXiv:1706.03762 [cs.CL];",
        "see https://arxiv.org/abs/1706.03762, or https://arxiv.org/abs/1706.03762...",
        "arXiv:1706.\u200b03762",
        "\u200earXiv:\u00a01706.03762\u200f",
        "arXiv：1706.03762",
        "_1706.03762_",
        "https://doi.org/10.48550/arXiv.1706.03762",
        "10.48550/ARXIV.1706.03762",
        "doi:10.48550/arXiv.1706.03762",
        "(see 1706.03762).",
        "“arXiv:1706.03762”, for one;",
        "[Attention](https://arxiv.org/abs/1706.03762)",
        "[1706.03762](https://arxiv.org/abs/1706.03762)",
        "<https://arxiv.org/abs/1706.03762>",
        "**1706.03762**!",
        "/paper2code arxiv:1706.03762 model=o3-mini",
    ],
)
def test_every_form_that_people_paste(text: str) -> None:
    assert references(text) == [Reference(NEW)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("arXiv:1706.03762v5", "1706.03762v5"),
        ("https://arxiv.org/pdf/1706.03762v5.pdf", "1706.03762v5"),
        ("ARXIV:1706.03762V5", "1706.03762v5"),
        ("https://huggingface.co/papers/2504.17192v12", "2504.17192v12"),
        ("hep-th/9901001v2", "hep-th/9901001v2"),
        ("HEP-TH/9901001", "hep-th/9901001"),
        ("arXiv:math.GT/0309136", "math.GT/0309136"),
        ("https://arxiv.org/abs/math/0309136", "math/0309136"),
        ("https://arxiv.org/abs/cs.LG/0309136v1.", "cs.LG/0309136v1"),
        ("0704.0001", "0704.0001"),
        ("1412.6980", "1412.6980"),
        ("1501.00001", "1501.00001"),
    ],
)
def test_versions_old_identifiers_and_both_lengths(text: str, expected: str) -> None:
    assert [str(reference) for reference in references(text)] == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "1713.03762",  # month 13
        "1700.03762",
        "1412.06980",  # five digits before 2015
        "1501.0001",  # four digits since 2015
        "0703.0001",  # before the new identifiers
        "1706.037621",
        "11706.03762",
        "1706.03762.5",
        "1706.03762abc",
        "hep-th/9913001",
        "hep-th/0704001",  # after the old identifiers
        "hep-xx/9901001",
        "github.com/someone/1706.03762",
        "v1706.03762",
        "$ -1706.03762",
        "1501.00000",
    ],
)
def test_what_cannot_be_a_paper_is_none(text: str) -> None:
    assert references(text) == []


def test_only_what_the_author_says_counts() -> None:
    text = """First arXiv:2101.00001, then 2101.00002.

> somebody else said arXiv:2101.00003
> and https://arxiv.org/abs/2101.00004
as an answer to it

`arXiv:2101.00005` and ``2101.00006 ` ``

```
arXiv:2101.00007
```
<!-- arXiv:2101.00008 -->

    arXiv:2101.00009

<pre>arXiv:2101.00010</pre>
~~~~ text
arXiv:2101.00011
~~~~
Last https://arxiv.org/abs/2101.00012v3 <!-- never closed 2101.00013
"""
    assert [str(r) for r in references(text)] == ["2101.00001", "2101.00002", "2101.00012v3"]


def test_each_paper_once_with_the_version_that_was_named() -> None:
    assert references("1706.03762, then 1412.6980, then 1706.03762v5, again 1706.03762") == [
        Reference(NEW, 5),
        Reference("1412.6980"),
    ]
    assert references("1706.03762v1 against 1706.03762v5") == [Reference(NEW, 1), Reference(NEW, 5)]


@pytest.mark.parametrize(
    "token",
    ["`", "``` ", "```\n", "~~~", "<!--", "<pre", "<pre>", "<code ", "> ", ">\n", "    a\n", "1706.03762 ",
     "arxiv ", "arxiv:", "doi:", "a.", "a-", "https://", "\u200b", "1", "9" * 7 + "/", "` `` ", "\n \n"],
)  # fmt: skip
def test_no_text_costs_more_than_its_length(token: str) -> None:
    def seconds(size: int) -> float:
        text = "1706.03762 " + (token * size)[:size]
        times = []
        for _ in range(3):
            began = time.process_time()
            references(text)
            times.append(time.process_time() - began)
        return min(times)

    assert seconds(100_000) < max(0.3, 10 * seconds(25_000))


def test_what_stands_beyond_the_cap_is_not_looked_at() -> None:
    assert references("x" * (MAX_TEXT - 20) + " 1706.03762 " + "1412.6980 " * 10) == [Reference(NEW)]


@given(
    st.integers(15, 99),
    st.integers(1, 12),
    st.integers(1, 99999),
    st.one_of(st.none(), st.integers(1, 99)),
    st.sampled_from(
        ["{}", "arxiv:{}", "https://arxiv.org/abs/{}", "[x](https://arxiv.org/pdf/{}.pdf)", "({})."]
    ),
)
def test_what_is_written_is_read(year: int, month: int, number: int, version: int | None, form: str) -> None:
    reference = Reference(f"{year}{month:02}.{number:05}", version)
    assert references(f"Please do {form.format(reference)} and thanks") == [reference]


@given(st.text(alphabet="arxiv:1706.03762v5/hep-th `>~<!-\n\t abs", max_size=80))
def test_any_text_gives_possible_references(text: str) -> None:
    for reference in references(text):
        assert references(str(reference)) == [reference]
