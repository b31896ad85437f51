"""Gunicorn with our settings, as a real process, and clients that take their time."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

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
"""
CONFIGURATION = """
from bot.web import serving
from bot.web.serving import *
serving.READ_SECONDS = 1.0
threads = 2
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "slow.py").write_text(APP)
    (tmp_path / "settings_of_gunicorn.py").write_text(CONFIGURATION)
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
    with subprocess.Popen([*command, "slow:app"], cwd=tmp_path, env=environment) as process:
        try:
            _answer(port, 60)
            yield port
        finally:
            process.terminate()


def _answer(port: int, seconds: float) -> float:
    """When it answered, in seconds from now."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        with suppress(httpx.HTTPError):
            assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=seconds).text == "ok"
            return time.monotonic() - started
    raise AssertionError(f"no answer in {seconds} s")


@pytest.mark.parametrize(
    "begun",
    [
        b"POST /webhook HTTP/1.1\r\nHost: a\r\n",
        b"POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nbody",
    ],
    ids=["header", "body"],
)
def test_clients_that_never_finish_do_not_hold_all_threads(server: int, begun: bytes) -> None:
    with ExitStack() as slow:
        for _ in range(8):
            client = slow.enter_context(socket.create_connection(("127.0.0.1", server)))
            client.sendall(begun)

        assert _answer(server, 60) < 30


def test_the_program_serves_by_gunicorn_itself(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PAPER2CODE_DATA_DIR": str(tmp_path), "GITHUB_WEBHOOK_SECRET": "s3cret"}
    command = [sys.executable, str(ROOT / "paper2code.py"), "serve", "--port", str(port), "--processes", "1"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                with suppress(httpx.HTTPError):
                    assert httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=30).json() == {"status": "ok"}
                    break
            else:
                raise AssertionError("no answer")
            assert "gunicorn" in httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=30).headers["server"]
        finally:
            process.terminate()


def test_a_setting_that_is_missing_is_said_without_a_traceback(tmp_path: Path) -> None:
    environment = {**os.environ, "PAPER2CODE_DATA_DIR": str(tmp_path), "GITHUB_APP_ID": "1"}
    command = [sys.executable, str(ROOT / "paper2code.py"), "serve", "--port", "0", "--processes", "1"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "GITHUB_WEBHOOK_SECRET is not set" in done.stderr and "Traceback" not in done.stderr
