"""The installed package's door to the program, whose own top-level folders it alone puts on the path.

In a wheel this is `paper2code/__init__.py`, and `app.py`, `settings.py`, `bot/` and the others lie in `program/`
beside it, so that nobody's site-packages have an `app` or `settings` of ours. In a checkout they lie beside this file.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

_HERE = Path(__file__).parent
_PROGRAM = _HERE / "program" if (_HERE / "program").is_dir() else _HERE


def main() -> None:
    """The command line."""
    _enter()
    from app import main

    main()


def create_app() -> "Flask":
    """The web process, for WSGI servers: `gunicorn 'paper2code:create_app()'`. Raises SettingsError."""
    _enter()
    from app import create_app

    return create_app()


def _enter() -> None:
    if str(_PROGRAM) not in sys.path:
        # First: an `app` or `settings` of whoever starts us is not meant. The Action starts a checkout by `-P`, which
        # keeps the folder of the script away.
        sys.path.insert(0, str(_PROGRAM))


if __name__ == "__main__":
    main()
