"""A way to the real Docker daemon that can break: passes bytes on, and cuts the connection at a chosen call."""

import re
import socket
import socketserver
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, get_args

Moment = Literal["before", "after", "during"]
"""The daemon never hears of the call; its answer is lost; what follows the answer to `attach` is cut short."""
MOMENTS: tuple[Moment, ...] = get_args(Moment)
_CALL = re.compile(rb"(GET|HEAD|POST|PUT|DELETE) (?:/v[0-9.]+)?(/[^? ]*)")
_NAMED = re.compile("^/(containers|images|volumes)/(?!create$|json$)(?:[^/]+|.+(?=/json$))")


class BreakingDocker:
    """`address` is what `DOCKER_HOST` is to say."""

    def __init__(self, address: str, daemon: str) -> None:
        self.address = address
        self._daemon = daemon
        self.calls = Counter[str]()
        """How often each call was made, as `POST /containers/*/start`."""
        self.cuts = 0
        """Connections that were cut."""
        self._fault: tuple[str, int, Moment] | None = None
        self._lock = threading.Lock()

    def cut(self, call: str, number: int, moment: Moment) -> None:
        """Cut the connection at the call of this kind with this number, the first being 0."""
        self._fault = call, number, moment

    def _made(self, call: str) -> Moment | None:
        """Count a call; what is to become of it."""
        with self._lock:
            number = self.calls[call]
            self.calls[call] += 1
            if self._fault and self._fault[:2] == (call, number):
                self.cuts += 1
                return self._fault[2]
        return None

    def serve(self, ours: socket.socket) -> None:
        """Pass on one connection until one side or the fault ends it."""
        with socket.socket(socket.AF_UNIX) as daemon:
            daemon.connect(self._daemon)
            line = _Line(ours, daemon)
            back = threading.Thread(target=line.answer)
            back.start()
            with suppress(OSError):
                while data := ours.recv(1 << 16):
                    called = None if line.hijacked else _CALL.match(data)
                    if called:
                        path = _NAMED.sub(r"/\1/*", called[2].decode())
                        line.moment = self._made(f"{called[1].decode()} {path}")
                        line.hijacked = path.endswith("/attach")
                    if line.moment == "before":
                        break
                    daemon.sendall(data)
            line.end(daemon, ours, cut=line.moment is not None)
            back.join()


class _Line:
    """One connection, both ends."""

    def __init__(self, ours: socket.socket, daemon: socket.socket) -> None:
        self._ours, self._daemon = ours, daemon
        self.hijacked = False
        """Not HTTP any more."""
        self.moment: Moment | None = None

    def answer(self) -> None:
        """Pass on what the daemon says."""
        with suppress(OSError):
            while data := self._daemon.recv(1 << 16):
                if self.moment == "after":
                    break
                self._ours.sendall(data)
                if self.moment == "during":
                    self.moment = "after"  # the next words are lost
        self.end(self._ours, self._daemon, cut=self.moment is not None)

    def end(self, there: socket.socket, here: socket.socket, cut: bool) -> None:
        """Say that nothing comes any more; where it was cut, in both directions."""
        with suppress(OSError):
            there.shutdown(socket.SHUT_RDWR if cut else socket.SHUT_WR)
        if cut:
            with suppress(OSError):
                here.shutdown(socket.SHUT_RDWR)


@contextmanager
def breaking_docker(folder: Path, daemon: str = "/var/run/docker.sock") -> Iterator[BreakingDocker]:
    """The way to `daemon`, in a socket of its own within `folder`."""
    path = folder / "docker.sock"
    fake = BreakingDocker(f"unix://{path}", daemon)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            fake.serve(self.request)

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    with Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join()
