"""Questions to the model: prompts rendered from files, answers parsed, checked, and asked for again.

Prompts are Markdown files in `prompts/`; whatever comes from a paper, a model or a program's output is a
value in them, inside a block whose closing tag it cannot contain.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pipeline import rendering
from pipeline.errors import AnswerInvalid
from pipeline.model.llm import LLM, NO_PICTURES, Pictures, Prompt
from pipeline.untrusted import Unreadable, of_json

ASKED_AGAIN = 2
"""How often an answer that fails its checks goes back to the model."""

_LONGEST = 1_000_000
"""Characters of an answer that is a value: the longest that models give have less, and each may be a finding."""
MOST_FINDINGS = 100
"""That the model is told, and that are put together: a kilobyte of memory for each, and often a search."""

_prompts = rendering.templates("pipeline.model", "prompts")

Parsed = TypeVar("Parsed", bound=BaseModel)
Answered = TypeVar("Answered")


def render(prompt: str, **values: object) -> str:
    """The text of `prompts/<prompt>.md` with `values` filled in."""
    return _prompts.get_template(f"{prompt}.md").render(values).strip()


def block(tag: str, text: str, **attributes: str) -> str:
    """`text` as marked data. The mark is a hash of the text, so the text cannot contain its own end."""
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    named = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f"<{tag}{named} mark={mark}>\n{text}\n</{tag} mark={mark}>"


@dataclass(frozen=True)
class Context:
    """What every prompt of a run begins with. It only grows, so that providers' prefix caches hit."""

    system: str
    shared: str = ""
    pictures: Pictures = NO_PICTURES

    def prompt(
        self, stage: str, task: str, answer: type[BaseModel] | None = None, identity: str | None = None
    ) -> Prompt:
        """A question behind this context."""
        return Prompt(stage, self.system, self.shared, task, answer, identity, self.pictures)

    def extended(self, tag: str, text: str, **attributes: str) -> "Context":
        """The same context with one more block at its end."""
        return replace(self, shared=f"{self.shared}{block(tag, text, **attributes)}\n\n")

    def saying(self, text: str) -> "Context":
        """The same context with words of our own at its end."""
        return replace(self, shared=f"{self.shared}{text}\n\n")


def ask_text(llm: LLM, context: Context, stage: str, task: str) -> str:
    """A free answer."""
    return llm.complete(context.prompt(stage, task)).text.strip()


class Unfit(ValueError):
    """An answer that cannot be used; each finding is a sentence that the model can act on."""

    def __init__(self, findings: Sequence[str]) -> None:
        super().__init__("; ".join(findings))
        self.findings = findings


def ask(
    llm: LLM,
    context: Context,
    stage: str,
    task: str,
    answer: type[Parsed],
    check: Callable[[Parsed], Sequence[str]] = lambda value: (),
) -> Parsed:
    """An answer of the given type without findings; asked again with them at most twice.

    Raises AnswerInvalid, and what `llm.complete` raises.
    """

    def parse(text: str) -> Parsed:
        value = parsed(text, answer)
        if findings := check(value):
            raise Unfit(findings)
        return value

    return ask_until(llm, context, stage, task, parse, answer)


def parsed(text: str, answer: type[Parsed]) -> Parsed:
    """The value in a model's answer. Raises Unfit."""
    if len(text) > _LONGEST:
        raise Unfit([f"The answer has {len(text):,} characters, and at most {_LONGEST:,} are read"])
    try:
        return answer.model_validate(of_json(_json_part(text)))
    except ValidationError as error:
        if (count := error.error_count()) > MOST_FINDINGS:
            raise Unfit([f"{count:,} values in it are not of the form that was asked for"]) from error
        raise Unfit([f"{_path(e['loc'])}: {e['msg']}" for e in error.errors()]) from error
    except Unreadable as error:
        raise Unfit([f"The answer is not JSON: {error}"]) from error


def ask_until(
    llm: LLM,
    context: Context,
    stage: str,
    task: str,
    parse: Callable[[str], Answered],
    answer: type[BaseModel] | None = None,
    again: Callable[[str, Sequence[str]], str] | None = None,
) -> Answered:
    """What `parse` makes of an answer; where it raises Unfit, the model is asked again at most twice.

    `again` asks, of an answer and its findings, for another; without it, for all of it once more. Raises AnswerInvalid,
    and what `llm.complete` raises.
    """
    question, last, refused = task, Unfit([]), dict[str, str]()
    for number in range(1, ASKED_AGAIN + 2):
        name = stage if number == 1 else f"{stage}#{number}"
        answered = llm.complete(context.prompt(name, question, answer))
        try:
            return parse(answered.text)
        except Unfit as error:
            last = error
        refused[answered.key] = name
        question = f"{task}\n\n{(again or _in_full)(answered.text, last.findings)}"
    raise AnswerInvalid(
        f"The model's answer for {stage} failed its checks {ASKED_AGAIN + 1} times. The last findings: "
        + "; ".join(last.findings[:5]),
        "Everything before this step is kept, and the next run asks for this answer anew. Perhaps another model "
        "gives a better one.",
        refused,
    )


def _in_full(previous: str, findings: Sequence[str]) -> str:
    return render("again", previous=block("answer", previous), findings=bullets(findings))


def refined(
    llm: LLM, context: Context, stage: str, task: str, current: str, again: Callable[[str, str], Answered]
) -> tuple[Answered | None, str]:
    """Self-Refine (arXiv 2303.17651): a critique, then `again(stage, task)` with it; None: nothing to change.

    The critique comes back with the new answer.
    """
    what = stage.replace(".", " of ", 1)
    critique = ask_text(
        llm, context, f"{stage}.critique", render("critique", what=what, current=block("answer", current))
    )
    if critique == "NONE":
        return None, critique
    revision = render(
        "revise", what=what, current=block("answer", current), critique=block("critique", critique)
    )
    return again(f"{stage}.refined", f"{task}\n\n{revision}"), critique


def bullets(lines: Sequence[str]) -> str:
    """A Markdown list."""
    return "\n".join(f"- {line}" for line in lines)


def _json_part(text: str) -> str:
    """From the first brace to the last: models like to wrap JSON in fences and courtesies."""
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text


def _path(location: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in location) or "answer"
