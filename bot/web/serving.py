"""How gunicorn serves: `paper2code serve --processes 1`, `gunicorn --config python:bot.web.serving 'app:create_app()'`.

A thread of gunicorn's waits for its client for as long as that one wants: to send, to take the answer, to hang up.
Here no thread waits for anybody. Requests are gathered, and answers handed out, by the loop that watches all
connections, within bounds of time, number and memory; so nobody who is slow keeps GitHub out.
"""

import errno
import re
import selectors
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.errors import AppImportError
from gunicorn.glogging import Logger
from gunicorn.http import get_parser
from gunicorn.http.errors import NoMoreData
from gunicorn.workers.gthread import ThreadWorker

from bot.web import LARGEST
from settings import SettingsError

if TYPE_CHECKING:
    from flask import Flask

READ_SECONDS = 20.0
"""In which all of a request, header and body, has to be there."""
WRITE_SECONDS = 60.0
"""In which all of its answer has to be taken."""
_LINGER_SECONDS = 2.0
"""For which a client may go on sending after its answer, so that nothing of that is lost."""
_LONGEST_HEADER = 2**16
_MOST_HELD = 2**27
"""Bytes of requests and answers, in one process, that wait for their clients."""
_PIECE = 2**16

bind = "127.0.0.1:8000"
threads = 16
worker_class = "bot.web.serving.PromptWorker"
worker_connections = 500
"""Below the 1,024 open files that a process commonly may have."""
keepalive = 0
"""A connection is for one request: nobody can hide a second one in it."""
sendfile = False
control_socket_disable = True
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190


class _Connection:
    """A request and its answer, between a client and a thread; to gunicorn, the socket that it writes to."""

    def __init__(self, peer: socket.socket, client: Any, server: Any) -> None:
        self.peer, self.client, self.server, self.sock = peer, client, server, self
        self.received, self.answer = bytearray(), bytearray()
        self.until = time.monotonic() + READ_SECONDS
        self._length: int | None = None
        """Of header and body; None: the header is not whole."""

    def sendall(self, data: bytes) -> None:
        """What a thread writes."""
        self.answer += data

    send = sendall

    def gettimeout(self) -> float:
        """Writing never waits."""
        return 0.0

    @property
    def whole(self) -> bool:
        """Whether all of the request is there, or as much as it takes to refuse it."""
        if self._length is None:
            end = self.received.find(b"\r\n\r\n") + 4
            if end < 4:
                return len(self.received) > _LONGEST_HEADER
            self._length = _length(bytes(self.received[:end]))
        if self._length < 0:
            return self.received.endswith(b"0\r\n\r\n") or len(self.received) > LARGEST + _LONGEST_HEADER
        return len(self.received) >= self._length


def _length(header: bytes) -> int:
    """Bytes of a request by its header; of a body that is too large, the header's alone. -1: it comes in chunks."""
    if re.search(rb"\r\ntransfer-encoding[ \t]*:", header, re.IGNORECASE):
        return -1
    told = re.search(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", header, re.IGNORECASE)
    body = int(told[1]) if told else 0
    return len(header) + (body if body <= LARGEST else 0)


class PromptWorker(ThreadWorker):  # type: ignore[misc]
    """Its threads see whole requests and no sockets."""

    def init_process(self) -> None:
        """In the worker's process."""
        self._waiting: dict[_Connection, None] = {}
        """For their clients, the oldest first; those that a thread has are not here."""
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        """Begin with a connection; where there is no room for it, whoever has been slow for longest goes."""
        if self.nr_conns >= self.worker_connections - 1:
            self._drop_oldest()
        try:
            peer, client = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._drop_oldest()
            return
        peer.setblocking(False)
        self.nr_conns += 1
        self._watch(_Connection(peer, client, listener.getsockname()), selectors.EVENT_READ, self._gather)

    def handle(self, conn: _Connection) -> None:
        """Answer a request, in a thread."""
        received, request = bytes(conn.received), None
        conn.received.clear()
        try:
            request = next(get_parser(self.cfg, [received], conn.client))
            self.handle_request(request, conn)
        except (NoMoreData, StopIteration) as error:
            self.log.debug("Not a whole request: %s", error)
        except Exception as error:
            if conn.answer:
                self.log.exception("An answer ends before its end")
            else:
                self.handle_error(request, conn, conn.client, error)

    def finish_request(self, conn: _Connection, _: Any) -> None:
        """Hand out the answer that a thread has left."""
        conn.until = time.monotonic() + WRITE_SECONDS
        self._watch(conn, selectors.EVENT_WRITE, self._hand_out)

    def murder_pending(self) -> None:
        """End what takes too long, or too much memory."""
        now = time.monotonic()
        for conn in list(self._waiting):
            if conn.until < now or not (self.alive or conn.received or conn.answer):
                self._drop(conn)
        while sum(len(conn.received) + len(conn.answer) for conn in self._waiting) > _MOST_HELD:
            self._drop_oldest()

    def _watch(self, conn: _Connection, event: int, then: Callable[[_Connection], None]) -> None:
        def ready(_: Any) -> None:
            try:
                if conn in self._waiting:
                    then(conn)
            except BlockingIOError:
                pass
            except OSError:
                self._drop(conn)

        self._waiting[conn] = None
        self.poller.register(conn.peer, event, ready)

    def _gather(self, conn: _Connection) -> None:
        data = conn.peer.recv(_PIECE)
        conn.received += data
        if not data:
            self._drop(conn)
        elif conn.whole:
            self._rest(conn)
            self.enqueue_req(conn)

    def _hand_out(self, conn: _Connection) -> None:
        del conn.answer[: conn.peer.send(conn.answer[:_PIECE])]
        if not conn.answer:
            conn.peer.shutdown(socket.SHUT_WR)
            conn.until = time.monotonic() + _LINGER_SECONDS
            self._rest(conn)
            self._watch(conn, selectors.EVENT_READ, self._linger)

    def _linger(self, conn: _Connection) -> None:
        if not conn.peer.recv(_PIECE):
            self._drop(conn)

    def _rest(self, conn: _Connection) -> None:
        del self._waiting[conn]
        self.poller.unregister(conn.peer)

    def _drop(self, conn: _Connection) -> None:
        self._rest(conn)
        self.nr_conns -= 1
        conn.peer.close()

    def _drop_oldest(self) -> None:
        if self._waiting:
            self._drop(next(iter(self._waiting)))


class _Log(Logger):  # type: ignore[misc]
    """What gunicorn tells becomes lines of this program's log."""

    def setup(self, cfg: object) -> None:
        """See gunicorn, whose handlers would write a second form, without regard to secrets."""
        self.error_log.propagate = True


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with the settings above, as a part of this program: what is installed alone has no other door."""

    def __init__(self, create: "Callable[[], Flask]", host: str, port: int, processes: int) -> None:
        """`create` makes the application, once in each of the processes."""
        self._create = create
        self._own = {"bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}", "workers": processes}
        super().__init__()

    def load_config(self) -> None:
        """See gunicorn; no file adds to it, and of variables FORWARDED_ALLOW_IPS alone."""
        here = globals()
        shared = (
            "threads",
            "worker_connections",
            "keepalive",
            "sendfile",
            "control_socket_disable",
            "limit_request_line",
            "limit_request_fields",
            "limit_request_field_size",
        )
        for name, value in ({name: here[name] for name in shared} | self._own).items():
            self.cfg.set(name, value)
        self.cfg.set("worker_class", PromptWorker)
        self.cfg.set("logger_class", _Log)

    def load(self) -> "Flask":
        """The application. Raises AppImportError, of which gunicorn prints the words alone."""
        try:
            return self._create()
        except SettingsError as error:
            raise AppImportError(f"Error: {error}\nWhat to do: {error.hint}") from None
