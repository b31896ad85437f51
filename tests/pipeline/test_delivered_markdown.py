"""Every Markdown file that is delivered, made of hostile text in every field: it is text there, and nothing else."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any, Literal, get_origin

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from pydantic import BaseModel

from bot.words.pull_request import body
from pipeline.coding.given import given
from pipeline.markdown import inert
from pipeline.planning.analysis import FileAnalysis
from pipeline.planning.documents import analysis_documents, plan_documents
from pipeline.planning.plan import (
    AnsweredQuestion,
    Correction,
    DataSet,
    Draft,
    Parameter,
    Plan,
    PlannedClass,
    Source,
)
from pipeline.planning.reported import Numbers, ReportedNumber
from pipeline.proving.comparison import results_document
from pipeline.proving.documents import report_documents
from pipeline.proving.scope import KINDS
from pipeline.reading.tables import Cell, Table
from tests.bot.conftest import figures, report, reproduction
from tests.pipeline.plans import PAPER, PLAN

LINKS = (
    "[x](//evil.example/x) ![p](https&#58;//evil.example/p.png) <https://evil.example> [y]( //evil.example 'z') "
    "[x][y] [x] ![x] www.evil.example a&#64;b.co @octocat &#64;octocat fixes #1 <img src=//evil.example/q.png> "
    "<a href=https&colon;//evil.example>login</a> <!-- paper2code job x --> <?x?> <![CDATA[x]]>"
)
HOSTILE = {
    "links": LINKS,
    "a code span that is broken": f"a` {LINKS} <h1>x</h1> `b",
    "several": f"a``` {LINKS} ```` `",
    "mathematics that is none": f"a$ {LINKS} $`{LINKS}`$",
    "a table's cell": f"a | {LINKS} |\n|---|---|\n| {LINKS} |",
    "lines of their own": "a\n\n[x]: //evil.example\n[y]:\n //evil.example\n[^1]: //evil.example\n\n"
    f"<h1>x</h1>\n\n{LINKS}",
    "a fence": f"a\n```\n{LINKS}\n```\n{LINKS}\n\n~~~mermaid\nclick A href '//evil.example'\n~~~\n",
    "a drawing": "a\n\n```  MERMAID\nclick A href '//evil.example'\n```\n\n````&#109;ermaid\nx\n````\n",
}
BLOB = "https://github.com/o/r/blob/abc"
OURS = re.compile(rf"(?:docs/|data/|plan/|\.\./\.\./|https://arxiv\.org/abs/|{BLOB}/papers/x/)[\w./%#~-]*")
FIGURES = re.compile(rf"(?:{BLOB}/papers/x/docs/)?figures/Fig1\.png(?:\?raw=true)?")
TAGS = {
    *(
        "p",
        "br",
        "hr",
        "h1",
        "h2",
        "h3",
        "ul",
        "ol",
        "li",
        "code",
        "pre",
        "em",
        "strong",
        "del",
        "blockquote",
    ),
    *("table", "thead", "tbody", "tr", "th", "td", "a", "img", "details", "summary"),
}
KEPT = ("verdict", "kind", "phase", "status", "mode", "grade", "outcome", "severity", "contract", "method")
"""Of a report: what its schema enumerates."""
NUMBERED = ReportedNumber(experiment="table1", method="x", metric="x", anchor="x", table=0, value=1.0)
PLANNED = PLAN.model_copy(
    update={
        "overview": PLAN.overview.model_copy(
            update={
                "objectives": ("x",),
                "data": ("x",),
                "evaluation": ("x",),
                "unclear": (
                    AnsweredQuestion(
                        question="x", assumption="x", why="x", sources=(Source(by="x", link="x"),)
                    ),
                ),
            }
        ),
        "architecture": PLAN.architecture.model_copy(
            update={
                "classes": (
                    PlannedClass(
                        name="X",
                        file="estimator.py",
                        purpose="x",
                        bases=("x",),
                        attributes=(Parameter(name="x", type="x"),),
                        methods=PLAN.logic.files[0].functions,
                    ),
                )
            }
        ),
        "logic": PLAN.logic.model_copy(
            update={
                "conventions": ("x",),
                "data": (DataSet(name="x", files=("x",), size="x", where="x"),),
                "experiments": (PLAN.logic.experiments[0].model_copy(update={"needs": ("x",)}),),
            }
        ),
        "numbers": Numbers(found=(NUMBERED, NUMBERED.model_copy(update={"table": None})), dropped=("x",)),
        "refused": PLAN.overview.requirements,
        "corrections": (Correction(where="overview", wrong="x", right="x", quote="x"),),
        "drafts": (Draft(stage="x", text="x", critique="x"),),
    }
)


def hostile(value: Any, text: str) -> Any:
    """The same with `text` wherever text is free, whatever checks would say of it."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        free = {name: get_origin(fields[name].annotation) is not Literal for name in fields}
        said = {name: getattr(value, name) for name in fields}
        made = {name: hostile(each, text) if free[name] else each for name, each in said.items()}
        return type(value).model_construct(**made)
    if isinstance(value, dict):
        return {name: each if name in KEPT else hostile(each, text) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(hostile(each, text) for each in value)
    return text if isinstance(value, str) else value


NUMBER = {
    **{
        "anchor": "x",
        "quote": "",
        "row": "x",
        "column": "x",
        "metric": "x",
        "experiment": "table1",
        "why": "x",
    },
    **{
        "paper": 1.0,
        "paper_spread": None,
        "step": 0.1,
        "measured": None,
        "measured_spread": None,
        "factor": 1.0,
    },
    **{"verdict": "not-run", "mode": "full", "seeds": 1},
}
BESIDES: dict[str, Any] = {
    "results": [NUMBER, NUMBER | {"quote": "x"}],
    "unproven": "x",
    "shipped_data": ["x"],
    "unpaid": ["x"],
    "doubts": {"remaining": ["x"], "told": "x"},
    "corrections": [{"where": "x", "wrong": "x", "right": "x", "anchor": "x", "quote": "x"}],
    "scope": {kind: {"total": 1, "covered": 0, "left_out": [], "placed": []} for kind in KINDS}
    | {"tables": {"total": 2, "covered": 1, "left_out": [{"anchor": "Tab4", "label": "x", "why": "x"}]}},
    "judge": {
        **{"score": 2.0, "scores": [2], "dropped": 0, "checked": ["x"], "why_not": "", "model": "x"},
        "critiques": [
            {"severity": "high", "requirement": "x", "path": "x", "start": 1, "end": 1, "text": "x"}
        ],
    },
    "tests": {
        **{"total": 2, "passed": 1, "failed": 1, "disputed": 1, "mutants": 1, "killed": 0, "untried": 0},
        "disputes": [
            {"outcome": "open", "test": "x", "wrong": "x", "by_test": "x", "by_code": "x"}
            | {"quote": "x", "why": "x", "note": "x"}
        ],
        "settled": ["x"],
        "untested": [{"requirement": "x", "why": "x"}],
        "partly": [{"requirement": "x", "why": "x"}],
        "survivors": [{"what": "x", "symbol": "x", "line": 1}],
    },
}


class Live(HTMLParser):
    """What of a page is more than text."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.code, self.drawn = 0, False
        self.feed(cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.code += tag in ("code", "pre")
        for name, value in attrs:
            ours = {"href": OURS, "src": FIGURES}.get(name)
            if tag in ("a", "img") and name != "alt" and not (ours and ours.fullmatch(value or "")):
                self.found.append(f"{tag} {name}={value}")
            self.drawn = name == "lang" and (value or "").lower() == "mermaid"
        if tag not in TAGS:
            self.found.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.code -= tag in ("code", "pre")

    def handle_data(self, data: str) -> None:
        if self.drawn and re.search(r"^\s*click", data, re.MULTILINE):
            self.found.append(data)
        if not self.code:
            self.found += re.findall(r"@octocat|fixes #1|https?://evil|www\.evil", data)

    def handle_comment(self, data: str) -> None:
        self.found.append(f"<!--{data}")

    handle_decl = handle_pi = unknown_decl = handle_comment


def delivered(text: str) -> dict[str, str]:
    """All files of Markdown."""
    plan: Plan = hostile(PLANNED, text)
    made = reproduction()
    told = report(figures=figures(1, 1, text))
    told = hostile(told | BESIDES, text)
    told["paper"]["arxiv_id"] = text
    for figure in told["figures"]["shown"]:
        figure["file"] = "docs/figures/Fig1.png"
    cells = (Cell(text, 1.0, None, text, 0, 0), Cell(text, None, None, text, 0, 1))
    table = Table(text, text, (text,), ((text,), (text,)), ((text, text),), cells)
    paper = replace(PAPER, title=text)
    vars(paper)["tables"] = (table,)
    analyses = [FileAnalysis(path=text, text=text, draft=Draft(stage=text, text=text, critique=text))]
    return (
        plan_documents(plan)
        | report_documents(plan, told)
        | analysis_documents(analyses, [])
        | {"data/README.md": given(plan.logic)["data/README.md"]}
        | {"docs/results.md": results_document(plan, paper, told["results"])}
        | {"pull-request.md": body(replace(made, report=told, slug=text), "papers/x", BLOB, 1)}
    )


@pytest.mark.parametrize("kind", HOSTILE)
def test_nothing_that_others_wrote_is_more_than_text(kind: str) -> None:
    files = {path: text for path, text in delivered(HOSTILE[kind]).items() if not path.endswith(".json")}

    assert len(files) == 11
    assert {path: Live(text).found for path, text in files.items() if Live(text).found} == {}


def test_what_people_read_in_a_plan_stays_as_it_is() -> None:
    text = (
        "# Overview\n\nAs in [Eq3], $x_i \\in [0, 1]$ and `x: dict[str, int] = {}`; **if** $a < b$, "
        "*then* A & B [1].\n\n"
        "$$\n\\begin{aligned} a &= b \\\\ c &< d \\end{aligned}\n$$\n\n"
        "- one\n  1. two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "```python\nif a < b and c[0] < 2:\n    f(x)[1:]\n```\n"
    )
    assert inert(text) == text
