"""Where the wheel's files come to lie, by the table in pyproject.toml; a checkout that is installed keeps its own."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Layout(BuildHookInterface[Any]):
    """Hatchling would copy what is placed by its own table into an editable installation as well."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See hatchling; `version` is the kind of wheel."""
        if version == "standard":
            build_data["force_include"] |= self.config["places"]
