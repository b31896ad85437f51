"""How gunicorn serves: `paper2code serve --processes 1`, `gunicorn --config python:bot.web.serving 'app:create_app()'`.

A thread reads a request with as much patience as its client wants; here it has an end, so that sixteen slow clients
do not keep GitHub out.
"""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.errors import AppImportError
from gunicorn.workers.gthread import ThreadWorker

from settings import SettingsError

if TYPE_CHECKING:
    from flask import Flask

READ_SECONDS = 20.0
"""In which all of a request, header and body, has to be there."""

bind = "127.0.0.1:8000"
threads = 16
worker_class = "bot.web.serving.PromptWorker"
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190


class PromptWorker(ThreadWorker):  # type: ignore[misc]
    """Stops reading from a client whose request is not whole in time; what is written to it goes on."""

    def init_process(self) -> None:
        """In the worker's process: begin to watch."""
        self._until: dict[Any, float] = {}
        threading.Thread(target=self._watch, daemon=True).start()
        super().init_process()

    def handle(self, conn: Any) -> Any:
        """One request of a connection."""
        self._until[conn] = time.monotonic() + READ_SECONDS
        try:
            return super().handle(conn)
        finally:
            self._until.pop(conn, None)

    def _watch(self) -> None:
        while True:
            time.sleep(min(1.0, READ_SECONDS))
            for conn, until in list(self._until.items()):
                if until < time.monotonic():
                    with suppress(OSError):
                        conn.sock.shutdown(socket.SHUT_RD)


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with the settings above, as a part of this program: what is installed alone has no other door."""

    def __init__(self, create: "Callable[[], Flask]", host: str, port: int, processes: int) -> None:
        """`create` makes the application, once in each of the processes."""
        self._create = create
        self._own = {"bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}", "workers": processes}
        super().__init__()

    def load_config(self) -> None:
        """See gunicorn; no file and no variable adds to it."""
        here = globals()
        shared = ("threads", "limit_request_line", "limit_request_fields", "limit_request_field_size")
        for name, value in ({name: here[name] for name in shared} | self._own).items():
            self.cfg.set(name, value)
        self.cfg.set("worker_class", PromptWorker)

    def load(self) -> "Flask":
        """The application. Raises AppImportError, of which gunicorn prints the words alone."""
        try:
            return self._create()
        except SettingsError as error:
            raise AppImportError(f"Error: {error}\nWhat to do: {error.hint}") from None
