"""JSON and YAML that others have written, as values: whatever it is, one error says that it cannot be read."""

import json
import re
from typing import Any

import yaml

from pipeline.markdown import code

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


class _Plain(yaml.SafeLoader):
    """Takes for numbers what everybody does (`1:30`, `010` and `yes` are text to it), and each key once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set[str]()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise Unreadable(
                    f"{code(key.value, 80)} stands twice, again in line {key.start_mark.line + 1}"
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Plain.yaml_implicit_resolvers = {}
for _tag, _form, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _Plain.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"\A(?:{_form})\Z"), _first)


def of_json(text: str | bytes) -> Any:
    """Raises Unreadable, also for depth and for numbers that are too long."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise Unreadable("it is nested too deeply") from error
    except ValueError as error:
        raise Unreadable(str(error)) from error


def of_yaml(text: str, plain: bool = False) -> Any:
    """Raises Unreadable, also for what a few bytes can make endless: aliases, merges, depth.

    `plain`: as people read it, who know no YAML 1.1, rather than as programs do that load it.
    """
    try:
        _refuse_what_grows(text)
        return _Plain(text).get_single_data() if plain else yaml.safe_load(text)
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
