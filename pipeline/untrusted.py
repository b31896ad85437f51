"""JSON and YAML that others have written, as values: whatever it is, one error says that it cannot be read."""

import json
import math
import re
from typing import Any, NoReturn

import yaml

from pipeline.markdown import code
from sandbox.answers import with_texts

_DEEPEST = 10
"""Of YAML."""
_LONGEST_NUMBER = 100
"""Characters, in whatever system: as a float it is finite, and it can be printed."""
_BEGINS = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_ENDS = yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken


class Unreadable(ValueError):
    """No value comes of it; the message is Markdown without a full stop."""


class _Bounded(yaml.SafeLoader):
    """Refuses numbers that nobody can print or use, before it counts them together, and text that is no Unicode."""

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        return super().construct_yaml_int(_number(node))

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        return super().construct_yaml_float(_number(node))

    def construct_yaml_str(self, node: yaml.ScalarNode) -> str:
        text = super().construct_yaml_str(node)
        if not _is_unicode(text):
            raise Unreadable(f"text that is no Unicode is not accepted, {_where(node)}")
        return text


for _kind in ("int", "float", "str"):
    _Bounded.add_constructor(f"tag:yaml.org,2002:{_kind}", getattr(_Bounded, f"construct_yaml_{_kind}"))


class _Plain(_Bounded):
    """Takes for numbers what everybody does (`1:30`, `010` and `yes` are text to it), and each key once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set[str]()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise Unreadable(f"{code(key.value, 80)} stands twice, again {_where(key)}")
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
    """Raises Unreadable, also for depth and for numbers that nobody can print or use.

    Half a surrogate pair becomes U+FFFD: what a model has been paid for is not refused for a character.
    """
    try:
        said = json.loads(text, parse_int=_integer, parse_float=_finite, parse_constant=_no_json)
        return with_texts(said, _unicode)
    except Unreadable:
        raise
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
        return _Plain(text).get_single_data() if plain else _Bounded(text).get_single_data()
    except Unreadable:
        raise
    except Exception as error:  # the parser has no common root for what it raises over a value
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise Unreadable(f"the file is not valid YAML{where}") from error


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise Unreadable(f"a number of {len(digits):,} characters is not accepted")
    return int(digits)


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise Unreadable(f"the number {code(digits, 80)} is too large")
    return number


def _no_json(word: str) -> NoReturn:
    raise Unreadable(f"{code(word)} is no number of JSON")


def _unicode(text: str) -> str:
    return text if _is_unicode(text) else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _where(what: yaml.Token | yaml.Node) -> str:
    return f"in line {what.start_mark.line + 1}"


def _number(node: yaml.ScalarNode) -> yaml.ScalarNode:
    if len(node.value) > _LONGEST_NUMBER:
        raise Unreadable(f"a number of {len(node.value):,} characters is not accepted, {_where(node)}")
    return node


def _refuse_what_grows(text: str) -> None:
    depth = 0
    for token in yaml.scan(text, yaml.SafeLoader):
        where = _where(token)
        if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
            raise Unreadable(f"anchors and aliases (`&` and `*`) are not accepted, {where}")
        if isinstance(token, yaml.ScalarToken) and token.plain and token.value == "<<":
            raise Unreadable(f"merge keys (`<<`) are not accepted, {where}")
        if isinstance(token, yaml.TagToken):
            raise Unreadable(f"tags (`!`) are not accepted, {where}")
        depth += isinstance(token, _BEGINS) - isinstance(token, _ENDS)
        if depth > _DEEPEST:
            raise Unreadable(f"values are nested too deeply, {where}")
