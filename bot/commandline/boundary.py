"""The command line's error boundary and its Ctrl-C: every end becomes words for a person and an exit status.

0 the repository runs, 1 it was delivered but does not run, 2 usage or unreadable paper, 3 a service failed or its key
is missing (or paper2code itself failed), 4 budget reached, 130 interrupted. `bot/work/worker.py` has GitHub's.
"""

import contextlib
import errno
import os
import shlex
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import click

from pipeline import paths
from pipeline.errors import BudgetReached, Cancelled, PaperError, PipelineError
from pipeline.markdown import visible
from sandbox.interface import SandboxError

T = TypeVar("T", None, str, tuple[str, ...])
INTERRUPTED = 130
MOMENT = 2.0
"""Seconds between the second Ctrl-C and the end of the process, whatever still runs in it."""


@dataclass
class Errand:
    """What the error boundary has to know of the command under way."""

    command: list[str]
    """As typed."""
    directory: Path | None = None
    """Where results are kept; none before there are any."""
    resumable: bool = False
    """Whether the command takes `--resume`; else it goes on when it is simply given again."""
    explained: bool = False
    """Whether its end has been put into words: two threads may come to it."""


class Boundary(click.Group):
    """The one place of the command line where an error becomes words for a person."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keeps the command as typed, to say how to go on with it."""
        ctx.obj = Errand([ctx.info_name or "paper2code", *args])
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; whatever it raises ends in an exit status."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise click.UsageError(visible(error.format_message()), error.ctx) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click's own, and a reader such as `head` that has enough
        except (Exception, KeyboardInterrupt) as error:
            ctx.exit(explain(error, ctx.obj))


def explain(error: BaseException, errand: Errand) -> int:
    """Say what failed, why, what to do and what was kept; the exit status."""
    status, message, hint = _words(error, errand)
    if errand.explained:
        return status
    errand.explained = True
    lines = [f"Error: {message}"] if status != INTERRUPTED else [message]
    if hint:
        lines.append(f"What to do: {hint}")
    if errand.directory and any(errand.directory.glob("*")):
        lines.append(f"Kept: {_kept(errand.directory)}")
        resume = ["--resume"] if errand.resumable and "--resume" not in errand.command else []
        lines.append(f"Go on with: {shlex.join([*errand.command, *resume])}")
    click.echo(visible("\n".join(lines)), err=True)
    return status


def _words(error: BaseException, errand: Errand) -> tuple[int, str, str]:
    from settings import SettingsError

    match error:
        case KeyboardInterrupt() | Cancelled():
            return INTERRUPTED, "Interrupted.", ""
        case PaperError():
            return 2, str(error), error.hint
        case BudgetReached():
            return 4, str(error), error.hint
        case PipelineError():
            return 3, str(error), error.hint
        case SandboxError():
            return 3, str(error), ""
        case SettingsError():
            return 2, str(error), error.hint
        case OSError(errno=errno.ENOSPC):
            return 3, f"the disk is full ({error.filename or 'while writing'})", "Make room."
        case OSError():
            return 3, f"{error.strerror or error}: {error.filename or ''}".rstrip(": "), ""
    return (
        3,
        f"paper2code itself failed ({type(error).__name__}); the details are {_details(error, errand)}",
        "This is a defect, not your doing: please report it, with these details.",
    )


def _details(error: BaseException, errand: Errand) -> str:
    """Where the traceback is, secrets replaced."""
    from settings import SettingsError, load

    text = "".join(traceback.format_exception(error))
    with contextlib.suppress(SettingsError):
        text = load().redact(text)
    if not errand.directory and not sys.stderr.isatty():
        # Of a service, or a machine of CI: its temporary files go with it, and its log stays.
        click.echo(visible(text), err=True)
        return "above"
    try:
        path = (errand.directory or Path(tempfile.mkdtemp(prefix="paper2code-"))) / "error.txt"
        paths.write(path, text, errors="backslashreplace")
    except OSError:
        click.echo(visible(text), err=True)
        return "above"
    return f"in {path}"


def _kept(directory: Path) -> str:
    journal = directory / "journal.jsonl"
    paid = journal.exists() and journal.stat().st_size > 0
    return f"{directory}" + (", with the model's answers: none is paid for again" if paid else "")


def named(ctx: click.Context, param: click.Parameter, value: T) -> T:
    """The names of models, none of which is empty: a variable that is not set is no wish for the default."""
    names: tuple[str, ...] = value if isinstance(value, tuple) else () if value is None else (value,)
    if not all(name.strip() for name in names):
        raise click.BadParameter("it is empty: name a model, or leave the option out")
    return value


class NewFile(click.Path):
    """A file to be written at the end: refused before anything is done, or paid, where it could not be."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See click.ParamType."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if why := paths.unwritable(path):
            self.fail(f"{visible(str(path))} cannot be written: {why}", param, ctx)
        return path


class Interrupt:
    """Ctrl-C while a run lasts: the first asks it to stop, the second ends it at once."""

    def __init__(self, say: Callable[[str], None], leave: Callable[[], None]) -> None:
        """`leave` is called when the process is about to be ended without unwinding."""
        self._say = say
        self._leave = leave
        self._asked = threading.Event()

    def asked(self) -> bool:
        """Whether the run is to stop."""
        return self._asked.is_set()

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """Within it Ctrl-C is ours, and whatever a run dies of that was asked to stop, it was interrupted."""
        before = signal.signal(signal.SIGINT, self._handle)
        try:
            yield
        except Exception as error:
            if self.asked():
                raise Cancelled("Interrupted.") from error
            raise
        finally:
            signal.signal(signal.SIGINT, before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked():
            # The sandbox gets a moment to remove what it runs; threads that wait for a model get no more.
            last = threading.Timer(MOMENT, self._end)
            last.daemon = True
            last.start()
            raise KeyboardInterrupt
        self._asked.set()
        # In a thread of its own: the signal may have come in the middle of a line that is being printed.
        note = "Stopping after what is under way; Ctrl-C again ends at once."
        threading.Thread(target=self._say, args=[note], daemon=True).start()

    def _end(self) -> None:
        self._leave()
        os._exit(INTERRUPTED)
