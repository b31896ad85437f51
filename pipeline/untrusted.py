"""JSON and YAML that others have written, as values: whatever it is, one error says that it cannot be read."""

import json
from typing import Any

import yaml

_DEEPEST = 10
"""Of YAML."""
_BEGINS = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_ENDS = yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken


class Unreadable(ValueError):
    """No value comes of it; the message is Markdown without a full stop."""


def of_json(text: str | bytes) -> Any:
    """Raises Unreadable, also for depth and for numbers that are too long."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise Unreadable("it is nested too deeply") from error
    except ValueError as error:
        raise Unreadable(str(error)) from error


def of_yaml(text: str) -> Any:
    """Raises Unreadable, also for what a few bytes can make endless: aliases, merges, depth."""
    try:
        _refuse_what_grows(text)
        return yaml.safe_load(text)
    except Unreadable:
        raise
    except Exception as error:  # the parser has no common root for what it raises over a value
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise Unreadable(f"the file is not valid YAML{where}") from error


def _refuse_what_grows(text: str) -> None:
    depth = 0
    for token in yaml.scan(text, yaml.SafeLoader):
        where = f"in line {token.start_mark.line + 1}"
        if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
            raise Unreadable(f"anchors and aliases (`&` and `*`) are not accepted, {where}")
        if isinstance(token, yaml.ScalarToken) and token.plain and token.value == "<<":
            raise Unreadable(f"merge keys (`<<`) are not accepted, {where}")
        if isinstance(token, yaml.TagToken):
            raise Unreadable(f"tags (`!`) are not accepted, {where}")
        depth += isinstance(token, _BEGINS) - isinstance(token, _ENDS)
        if depth > _DEEPEST:
            raise Unreadable(f"values are nested too deeply, {where}")
