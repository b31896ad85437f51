"""A model that knows a repository's wishes: they stand behind the system text of every prompt, whoever asks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pipeline.model.asking import block, render
from pipeline.model.llm import LLM, Completion, Prompt, Role, Share, Usage

LONGEST = 8 * 2**10
"""Bytes of wishes that are shown."""


@dataclass(frozen=True)
class Instructed:
    """`llm`, asked with `instructions`."""

    llm: LLM
    instructions: str

    @property
    def model(self) -> str:
        """See LLM."""
        return self.llm.model

    @property
    def usage(self) -> Usage:
        """See LLM."""
        return self.llm.usage

    @property
    def shares(self) -> Mapping[Role, Share]:
        """See LLM."""
        return self.llm.shares

    def complete(self, prompt: Prompt) -> Completion:
        """See LLM."""
        wishes = render("instructions", instructions=block("instructions", self.instructions))
        return self.llm.complete(replace(prompt, system=f"{prompt.system}\n\n{wishes}"))


def instructed(llm: LLM, instructions: str) -> LLM:
    """`llm` as it is where there are no wishes."""
    return Instructed(llm, instructions) if instructions else llm


def shortened(wishes: str) -> str:
    """As much of it as is shown."""
    return wishes.encode()[:LONGEST].decode(errors="ignore").strip()
