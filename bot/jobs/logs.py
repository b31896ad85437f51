"""The log of `serve` and `work`: a line for each thing that happened, with the job that it happened to."""

import contextvars
import json
import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Literal

from pipeline.markdown import visible

_job = contextvars.ContextVar("job", default="")


@contextmanager
def about(job: str) -> Iterator[None]:
    """Within it, what this thread logs is about `job`."""
    before = _job.set(job)
    try:
        yield
    finally:
        _job.reset(before)


def start(form: Literal["text", "json"], level: str, redact: Callable[[str], str]) -> None:
    """Write the log of this process to the error stream, all of it through `redact`. May be called again."""
    handler = _Stderr()
    handler.setFormatter(_Lines(form, redact))
    root = logging.getLogger()
    root.handlers[:] = [*(each for each in root.handlers if not isinstance(each, _Stderr)), handler]
    root.setLevel(logging.WARNING)  # Libraries tell too much of what goes well.
    for ours in ("bot", "pipeline", "sandbox", "paper2code", "gunicorn"):
        logging.getLogger(ours).setLevel(level.upper())
    # DBOS has a handler of its own, which would write a second form.
    dbos = logging.getLogger("dbos")
    dbos.handlers[:] = [handler]
    dbos.propagate = False


class _Stderr(logging.Handler):
    """The error stream, whichever it is by then."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)


class _Lines(logging.Formatter):
    """One line for each record; a traceback stays within it in JSON, and follows it in text."""

    def __init__(self, form: Literal["text", "json"], redact: Callable[[str], str]) -> None:
        super().__init__()
        self._json, self._redact = form == "json", redact

    def format(self, record: logging.LogRecord) -> str:
        """The line, without any secret; what strangers wrote cannot begin another one."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        message = self._redact(record.getMessage())
        trace = self._redact("".join(traceback.format_exception(*record.exc_info))) if record.exc_info else ""
        if self._json:
            told = {
                "time": when,
                "level": record.levelname.lower(),
                "logger": record.name,
                "job": _job.get() or None,
                "message": message,
            }
            return json.dumps(told | ({"traceback": trace} if trace else {}), ensure_ascii=False)
        line = f"{when} {record.levelname.lower():7} [{_job.get() or '-'}] {visible(message)}"
        return " ".join(line.splitlines()) + (f"\n{visible(trace.rstrip())}" if trace else "")
