"""The JSON schema of an answer as model servers take it."""

import json
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from pipeline.model.schema import json_text, named, request_in_words


class Leaf(BaseModel):
    kind: Literal["leaf"]
    title: str = Field(default="none", max_length=9, pattern="x", description="Its name")
    default: int = Field(1, ge=1, le=3)


class Branch(BaseModel):
    kind: Literal["branch"]
    nodes: tuple["Node", ...] = Field(min_length=1)


Node = Annotated[Leaf | Branch, Field(discriminator="kind")]


class Tree(BaseModel):
    root: Leaf | None = None
    branch: Branch


class Open(BaseModel):
    table: dict[str, int]


class Anything(BaseModel):
    value: Any


class Pair(BaseModel):
    pair: tuple[int, str]


def nodes(schema: Any) -> list[dict[str, Any]]:
    """Every schema within a schema."""
    if isinstance(schema, list):
        return [node for item in schema for node in nodes(item)]
    if not isinstance(schema, dict) or not schema:
        return []
    named = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    return [schema, *nodes(named), *nodes(schema.get("anyOf", [])), *nodes(schema.get("items", {}))]


def test_strict_where_the_schema_permits() -> None:
    wanted = named(Tree)
    assert wanted["strict"] is True
    assert wanted["name"] == "Tree"
    known = {"$defs", "$ref", "additionalProperties", "anyOf", "const", "description", "enum", "items"}
    for node in nodes(wanted["schema"]):
        assert node.keys() <= known | {"properties", "required", "type"}
        if node.get("type") == "object":
            assert node["required"] == list(node["properties"])
            assert node["additionalProperties"] is False
        if "$ref" in node:
            assert node.keys() == {"$ref"}
    assert wanted["schema"]["$defs"]["Leaf"]["properties"].keys() == {"kind", "title", "default"}
    assert wanted["schema"]["$defs"]["Leaf"]["properties"]["title"]["description"] == "Its name"


@pytest.mark.parametrize("answer", [Open, Anything, Pair])
def test_not_strict_where_the_schema_says_more_than_strict_mode_can(answer: type[BaseModel]) -> None:
    wanted = named(answer)
    assert wanted["strict"] is False
    assert wanted["schema"] == answer.model_json_schema()


def test_a_name_that_servers_take() -> None:
    generic = type("Answer[of a model, of more than sixty-four characters in its whole length]", (Leaf,), {})
    name = named(generic)["name"]
    assert len(name) == 64
    assert name.replace("_", "").replace("-", "").isalnum()


@pytest.mark.parametrize("fenced", [True, False])
def test_the_request_in_words_holds_the_whole_schema(fenced: bool) -> None:
    words = request_in_words(Leaf, fenced=fenced)
    assert json.loads(words.strip().splitlines()[-1]) == Leaf.model_json_schema()
    assert ("```json" in words) is fenced


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ('{"a": 1}', '{"a": 1}'),
        (" [1]\n", "[1]"),
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ('Here it is:\n```JSON\n{"a": 1}\n```\nI hope it helps.', '{"a": 1}'),
        ('```\n{"a": 1}\n```', '{"a": 1}'),
        ('```json\n{"a": "```python\\nx\\n```"}\n```', '{"a": "```python\\nx\\n```"}'),
        ('{"a": "```json\\n1\\n```"}', '{"a": "```json\\n1\\n```"}'),
        ("no JSON at all", "no JSON at all"),
    ],
)
def test_json_text(text: str, inside: str) -> None:
    assert json_text(text) == inside
