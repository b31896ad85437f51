"""Writes docs/configuration.md and the JSON Schema of `.github/paper2code.yml`: `configuration.py [FOLDER]`.

Both are made from the classes that read them, so that they cannot say anything else; `make configuration`.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bot.intake.configuration import PATH, Configuration  # noqa: E402
from settings import Settings, told  # noqa: E402

SCHEMA = "paper2code.schema.json"
_HEAD = """# Configuration

Made by `make configuration` from the program itself; edit [settings.py](../settings.py) and
[configuration.py](../bot/intake/configuration.py) instead.

## Of the program

Environment variables, and nothing else: no `.env` file is read. An empty one counts as unset.
`paper2code doctor --settings` shows where each value comes from; what is misspelt is named at the start.

| variable | default | allowed | |
|---|---|---|---|
"""
_REPOSITORY = f"""
## Of a repository

`{PATH}`, read from the default branch only. Every key may be left out; an unknown key or a bad value stops
everything and gets one comment. [`{SCHEMA}`]({SCHEMA}) is its JSON Schema. Editors that know YAML
schemas check and complete the file if it begins with a line that says where the schema lies, such as

```yaml
# yaml-language-server: $schema=https://raw.githubusercontent.com/OWNER/paper2code/main/docs/{SCHEMA}
```

| key | default | allowed | |
|---|---|---|---|
"""


def allowed(schema: Mapping[str, Any]) -> str:
    """What a JSON Schema lets through, in a few words; empty where that is any text."""
    for one in schema.get("anyOf", ()):
        if one.get("type") != "null":
            return allowed(one)
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        most = f"at most {schema['maxItems']}" if "maxItems" in schema else "a list"
        return f"{most} of {inner}" if (inner := allowed(schema["items"])) else most
    if "pattern" in schema:
        return f"`{schema['pattern']}`"
    if "maxLength" in schema:
        return f"at most {schema['maxLength']} characters"
    bounds = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return ", ".join(f"{sign} {schema[name]:g}" for name, sign in bounds.items() if name in schema) or (
        "true, false" if schema.get("type") == "boolean" else ""
    )


def row(*cells: str) -> str:
    """A line of a Markdown table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def keys(schema: Mapping[str, Any], kinds: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """The lines for the keys of an object, and of the objects in it."""
    for name, one in schema["properties"].items():
        if "$ref" in one:
            yield from keys(kinds[one["$ref"].rpartition("/")[2]], kinds, f"{before}{name}.")
        else:
            default = one["default"]
            shown = "" if default is None or default == "" else f"`{json.dumps(default)}`"
            yield row(f"`{before}{name}`", shown, allowed(one), one["description"])


def repository_schema() -> dict[str, Any]:
    """The JSON Schema of the file in a repository."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": PATH,
        **{key: value for key, value in Configuration.model_json_schema().items() if key != "title"},
    }


def page() -> str:
    """docs/configuration.md, whatever the environment of who makes it."""
    properties = Settings.model_json_schema(by_alias=False)["properties"].values()
    home = str(Path.home())
    rows = (
        row(
            f"`{one.variable}`",
            f"`{one.value.replace(home, '~')}`" if one.value else "",
            allowed(kind),
            one.meaning,
        )
        for one, kind in zip(told(Settings.model_construct()), properties, strict=True)
    )
    schema = repository_schema()
    return _HEAD + "".join(rows) + _REPOSITORY + "".join(keys(schema, schema["$defs"]))


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs"
    (folder / "configuration.md").write_text(page())
    (folder / SCHEMA).write_text(json.dumps(repository_schema(), indent=2) + "\n")
