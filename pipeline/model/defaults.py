"""Which models are asked where nobody says, which have ended, and which service a model's name belongs to."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Literal

Provider = Literal["openai", "anthropic"]
"""Whose protocol is spoken."""

DEFAULTS: Mapping[Provider, str] = {"openai": "gpt-6.2-sol", "anthropic": "claude-sonnet-5-5"}
"""What each provider recommends for long programming work at a moderate price, as of 2026-11-29."""

ENDED: Mapping[str, date] = {
    **dict.fromkeys(("o1", "o3-mini", "o4-mini", "gpt-4-turbo"), date(2026, 10, 23)),
    **dict.fromkeys(("o3", "gpt-5", "gpt-5-mini", "gpt-5-nano"), date(2026, 12, 11)),
    **dict.fromkeys(("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini"), date(2027, 1, 14)),
}
"""The day from which a model answers no more, as its provider has announced; as of 2026-11-29."""

_CLAUDE = re.compile(r"(?:[a-z-]+\.)?(?:anthropic\.)?claude-", re.IGNORECASE)


def default_model(provider: Provider | None, *, only_anthropic: bool) -> str:
    """The model that is asked where none is named: `provider`'s, else that of whom there is a key for."""
    return DEFAULTS[provider or ("anthropic" if only_anthropic else "openai")]


def provider_of(model: str) -> Provider:
    """Whose protocol a model is asked in by default: Anthropic's for Claude, also as Bedrock and Vertex name it.

    A name with a slash, such as `anthropic/claude-opus-5.5`, is a router's, which speaks OpenAI's.
    """
    return "anthropic" if _CLAUDE.match(model) else "openai"
