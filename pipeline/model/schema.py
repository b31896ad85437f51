"""The JSON schema of an answer, as model servers take it, and the JSON text out of what models wrap it in.

Whether the answer is valid is the caller's to decide.
"""

import json
import re
from typing import Any

from pydantic import BaseModel

_OPENING = re.compile(r"^```(?:json)?[ \t]*\n", re.MULTILINE | re.IGNORECASE)
_CLOSING = re.compile(r"^[ \t]*```", re.MULTILINE)
_INEXPRESSIBLE = frozenset({"allOf", "not", "patternProperties", "prefixItems", "if", "dependentRequired"})


class _NotStrictError(Exception):
    """The schema says something that strict mode cannot."""


def named(answer: type[BaseModel]) -> dict[str, Any]:
    """The schema with a `name`, and whether it is `strict`: what OpenAI's strict mode can express."""
    schema = answer.model_json_schema()
    name = re.sub(r"[^A-Za-z0-9_-]", "_", answer.__name__)[:64]
    try:
        if schema.get("type") != "object":
            raise _NotStrictError
        return {"name": name, "strict": True, "schema": _strict(schema)}
    except _NotStrictError:
        return {"name": name, "strict": False, "schema": schema}


def request_in_words(answer: type[BaseModel], *, fenced: bool) -> str:
    """Ask for the same in text, for servers that take no schema."""
    form = "exactly one fenced block that opens with ```json" if fenced else "one JSON object"
    schema = json.dumps(answer.model_json_schema(), separators=(",", ":"))
    return f"\n\nAnswer with {form} and nothing else. It must be valid against this JSON schema:\n{schema}\n"


def json_text(text: str) -> str:
    """The JSON in an answer: bare, or in a fenced block with or without words around it."""
    text = text.strip()
    if text.startswith(("{", "[")):
        return text
    # From the first opening to the last closing fence: strings inside the JSON may hold fences themselves.
    opening = _OPENING.search(text)
    closings = [fence.start() for fence in _CLOSING.finditer(text, opening.end())] if opening else []
    return text[opening.end() : closings[-1]].strip() if opening and closings else text


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    """What OpenAI's strict mode takes of a schema; bounds and formats are left to our validation."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    strict: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("$defs", "properties"):
            strict[key] = {name: _strict(part) for name, part in value.items()}
        elif key in ("anyOf", "oneOf"):
            strict["anyOf"] = [_strict(part) for part in value]
        elif key == "items":
            strict[key] = _strict(value)
        elif key in ("type", "enum", "const", "description"):
            strict[key] = value
    if strict.get("type") == "object":
        if schema.get("additionalProperties") or not strict.get("properties"):
            raise _NotStrictError
        strict |= {"required": list(strict["properties"]), "additionalProperties": False}
    anything = not {"type", "anyOf", "enum", "const"} & strict.keys()
    if (
        anything
        or _INEXPRESSIBLE & schema.keys()
        or (strict.get("type") == "array" and "items" not in strict)
    ):
        raise _NotStrictError
    return strict
