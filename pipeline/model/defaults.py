"""Which models are asked where nobody says, and which service a model's name belongs to."""

import re
from typing import Literal

Provider = Literal["openai", "anthropic"]
"""Whose protocol is spoken."""

_CLAUDE = re.compile(r"(?:[a-z-]+\.)?(?:anthropic\.)?claude-", re.IGNORECASE)


def provider_of(model: str) -> Provider:
    """Whose protocol a model is asked in by default: Anthropic's for Claude, also as Bedrock and Vertex name it.

    A name with a slash, such as `anthropic/claude-opus-5.5`, is a router's, which speaks OpenAI's.
    """
    return "anthropic" if _CLAUDE.match(model) else "openai"
