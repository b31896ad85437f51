"""The paper's numbers and ours, in the description of a pull request. Pure; as messages.py."""

from collections.abc import Mapping
from typing import Any

from pipeline.proving.comparison import RESULTS, counted, legend, tables


def numbers(report: Mapping[str, Any], most: int) -> str:
    """The paper's tables with what was measured in them, at most `most` of them; empty: no number is planned."""
    results = report.get("results")
    if not results:
        return ""
    parts = ["## The paper's numbers", f"{counted(results)}."]
    if not any(result["measured"] is not None for result in results):
        ran = (
            "The smoke run is of tiny data: its numbers are"
            if report["mode"] == "smoke"
            else "No number of ours is"
        )
        parts.append(
            f"{ran} not put beside the paper's. `{RESULTS}` has the paper's tables, and says how to fill them."
        )
        return "\n\n".join(parts)
    shown = tables(results)
    parts += [*shown[:most], legend(results)] if most else []
    left = len(shown) - most
    parts.append(
        f"{f'{left} more tables, and what' if left > 0 else 'What'} each verdict rests on: `{RESULTS}`."
    )
    return "\n\n".join(parts)
