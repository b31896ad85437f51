"""How a file is written that others read, or that must not be lost: as a whole or not at all."""

import os
import secrets
from pathlib import Path


def write_whole(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Write a file, text in UTF-8; into what is no ordinary file, such as a pipe, as it comes.

    `mode` is that of a new file before the umask. Raises OSError and UnicodeEncodeError.
    """
    data, target = content.encode() if isinstance(content, str) else content, path.resolve()
    if target.exists() and not target.is_file():
        target.write_bytes(data)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}-{secrets.token_hex(8)}")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:  # noqa: PTH123
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
