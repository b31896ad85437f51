"""Times and prices in words, the same on a terminal, on a page and on GitHub. Pure."""


def duration(seconds: float) -> str:
    """`9 s`, `2 min 05 s`, `1 h 02 min`; nothing less than `0 s`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def money(usd: float | None, unknown: str = "unknown cost") -> str:
    """`$0.31`, `$0.0042`; `unknown` where the model has no known price."""
    if usd is None:
        return unknown
    return f"${usd:.4f}" if 0 < usd < 0.01 else f"${usd:.2f}"
