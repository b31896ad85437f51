"""Gunicorn with our settings, as a real process, and clients that take their time."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from bot.web import LARGEST

ROOT = Path(__file__).parents[3]
APP = """
from flask import Flask, request
app = Flask("slow")

@app.post("/webhook")
def webhook():
    return str(len(request.get_data()))

@app.get("/healthz")
def healthz():
    return "ok"

@app.get("/large")
def large():
    return b"a" * 20_000_000
"""
CONFIGURATION = """
from bot.web import serving
from bot.web.serving import *
threads = 2
worker_connections = 20
"""
HASTY = f"{CONFIGURATION}serving.READ_SECONDS = serving.WRITE_SECONDS = 1.0"
LARGE = 20_000_000
GITHUBS_PATIENCE = 10
"""Seconds, after which it takes a delivery for failed."""
HEADER = b"POST /webhook HTTP/1.1\r\nHost: a\r\n"
SLOW = {
    "nothing": b"",
    "a header": HEADER,
    "a body": HEADER + b"Content-Length: 1000\r\n\r\nbody",
    "a chunk": HEADER + b"Transfer-Encoding: chunked\r\n\r\n4\r\nbo",
    "what it asks to be asked for": HEADER + b"Expect: 100-continue\r\nContent-Length: 1000\r\n\r\n",
    "a second request": b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTT",
    "what cannot be understood": b"what?\r\n\r\n",
    "a whole request, whose answer it leaves": b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n",
    "a whole request, after which it stays": b"GET /healthz HTTP/1.0\r\n\r\n",
}


@contextmanager
def serving(folder: Path, configuration: str) -> Iterator[int]:
    """The port of a gunicorn of ours."""
    (folder / "slow.py").write_text(APP)
    (folder / "settings_of_gunicorn.py").write_text(configuration)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--config",
        "settings_of_gunicorn.py",
        "--bind",
        f"127.0.0.1:{port}",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([*command, "slow:app"], cwd=folder, env=environment) as process:
        try:
            _answer(port, 120)
            yield port
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with serving(tmp_path_factory.mktemp("server"), CONFIGURATION) as port:
        yield port


def _answer(port: int, seconds: float) -> float:
    """When it answered, in seconds from now."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        with suppress(httpx.HTTPError):
            assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=seconds).text == "ok"
            return time.monotonic() - started
    raise AssertionError(f"no answer in {seconds} s")


def _begun(port: int, said: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    client.sendall(said)
    return client


def _all(client: socket.socket) -> bytes:
    """What still comes."""
    return b"".join(iter(lambda: client.recv(2**16), b""))


@pytest.mark.parametrize("begun", SLOW.values(), ids=SLOW)
def test_nobody_who_is_slow_keeps_others_waiting(server: int, begun: bytes) -> None:
    with ExitStack() as slow:
        for _ in range(8):
            slow.enter_context(_begun(server, begun))

        assert _answer(server, 60) < GITHUBS_PATIENCE


def test_more_connections_than_are_allowed_keep_nobody_out(server: int) -> None:
    with ExitStack() as slow:
        first = slow.enter_context(_begun(server, HEADER))
        for _ in range(60):
            slow.enter_context(_begun(server, HEADER))

        assert _answer(server, 60) < GITHUBS_PATIENCE
        assert first.recv(1) == b""


def test_who_is_slow_is_cut_off_in_the_end(tmp_path: Path) -> None:
    asks = SLOW["a whole request, whose answer it leaves"]
    with serving(tmp_path, HASTY) as port, _begun(port, HEADER) as sends, _begun(port, asks) as reads:
        assert sends.recv(1) == b""
        until = time.monotonic() + 3
        while time.monotonic() < until:
            _answer(port, 60)
        assert len(_all(reads)) < LARGE


def test_what_is_large_arrives_whole(server: int) -> None:
    body = b"b" * LARGEST
    for content in (body, iter([body[:7], body[7:]])):
        answer = httpx.post(f"http://127.0.0.1:{server}/webhook", content=content, timeout=60)
        assert answer.text == str(len(body))
    assert len(httpx.get(f"http://127.0.0.1:{server}/large", timeout=60).content) == LARGE


def test_what_is_as_large_as_allowed_is_waited_for_to_its_end(server: int) -> None:
    chunked = HEADER + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    with _begun(server, chunked + b"%x\r\n" % LARGEST + b"b" * LARGEST) as client:
        _answer(server, 60)
        client.sendall(b"\r\n0\r\n\r\n")
        assert _all(client).endswith(b"\r\n%d" % LARGEST)


@pytest.mark.parametrize(
    "kind",
    [
        "Content-Length: 8\r\nContent-Length: 0",
        "Content-Length: 8\r\nTransfer-Encoding: chunked",
        "Content-Length: +8",
        "Content-Length : 8",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
    ],
)
def test_a_request_hides_no_other(server: int, kind: str) -> None:
    hidden = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    with _begun(server, HEADER + kind.encode() + b"\r\n\r\n0\r\n\r\n" + hidden) as client:
        said = _all(client)
    assert said.count(b"HTTP/1.1 ") <= 1 and b"\r\n\r\nok" not in said


@contextmanager
def program(folder: Path, **environment: str) -> Iterator[int]:
    """The port of `paper2code serve`, as in production; its error stream is the file `log`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(ROOT / "paper2code.py"), "serve", "--port", str(port), "--processes", "1"]
    told = {**os.environ, "PAPER2CODE_DATA_DIR": str(folder), **environment}
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, cwd=folder, env=told, stderr=log) as process,
    ):
        try:
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline:
                with suppress(httpx.HTTPError):
                    httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=30)
                    break
            else:
                raise AssertionError("no answer")
            yield port
        finally:
            process.terminate()


def test_the_program_serves_by_gunicorn_itself(tmp_path: Path) -> None:
    with program(tmp_path, GITHUB_WEBHOOK_SECRET="s3cret") as port:
        assert httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=30).json() == {"status": "ok"}
        assert "gunicorn" in httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=30).headers["server"]


@pytest.mark.parametrize("level", ["info", "error"])
def test_what_gunicorn_says_is_of_the_form_and_level_that_are_asked_for(tmp_path: Path, level: str) -> None:
    asked = {"PAPER2CODE_LOG": "json", "PAPER2CODE_LOG_LEVEL": level, "GITHUB_WEBHOOK_SECRET": "s3cret"}
    with program(tmp_path, **asked):
        pass
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert any("Listening at" in line["message"] for line in lines) == (level == "info")
    assert any("0 requests wait" in line["message"] for line in lines) == (level == "info")


def test_a_proxy_elsewhere_is_believed_that_browsers_come_by_tls_where_it_is_named(tmp_path: Path) -> None:
    # As in containers: whoever comes through a published port does not come from 127.0.0.1.
    settings = {"FORWARDED_ALLOW_IPS": "127.0.0.2", "PAPER2CODE_DASHBOARD_TOKEN": "open-sesame-please"}
    with program(tmp_path, **settings) as port:
        for address, scheme in (("127.0.0.2", "https"), ("127.0.0.3", "http")):
            with httpx.Client(transport=httpx.HTTPTransport(local_address=address)) as proxy:
                page = proxy.get(
                    f"http://127.0.0.1:{port}/setup",
                    auth=("anybody", settings["PAPER2CODE_DASHBOARD_TOKEN"]),
                    headers={"Host": "bot.example.org", "X-Forwarded-Proto": "https"},
                    timeout=30,
                )
            assert f'value="{scheme}://bot.example.org"' in page.text


def test_a_setting_that_is_missing_is_said_without_a_traceback(tmp_path: Path) -> None:
    environment = {**os.environ, "PAPER2CODE_DATA_DIR": str(tmp_path), "GITHUB_APP_ID": "1"}
    command = [sys.executable, str(ROOT / "paper2code.py"), "serve", "--port", "0", "--processes", "1"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "GITHUB_WEBHOOK_SECRET is not set" in done.stderr and "Traceback" not in done.stderr
