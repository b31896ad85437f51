"""The book-keeping of one run: its folder, its stages and their times, the commits it leaves behind."""

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from pipeline import paths
from pipeline.coding.repository import Repository
from pipeline.errors import PipelineError
from pipeline.model.llm import LLM
from pipeline.progress import Finding, Observer, Progress, Stage


@dataclass(frozen=True)
class Commit:
    """A state of the repository worth a commit of its own: the plan, the code, each repair."""

    subject: str
    body: str
    files: dict[str, str]
    """The whole repository at that point, relative path → text; `reproduce.sh` is executable."""
    figures: dict[str, bytes] = field(default_factory=dict, repr=False)
    """Those that a run has drawn, relative path → PNG that was written by us."""


@dataclass
class Record:
    """Tells the observer what happens and keeps what is finished in `out`. One stage at a time."""

    out: Path
    llm: LLM
    observe: Observer
    commits: list[Commit] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)
    """Files of the repository that are not code: added to every commit from then on."""
    _now: Progress = field(default=Progress("paper", "started"), init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _took: list[float] = field(default_factory=list, init=False)
    """Seconds of the sandbox that nobody was told of; it is appended to and popped from by any thread."""
    _folder: tuple[int, int] | None = field(default=None, init=False)
    """Device and number of the folder that was written first."""

    @contextmanager
    def stage(self, stage: Stage, total: int = 0) -> Iterator[None]:
        """Announces a stage of `total` parts and its end, and takes its time."""
        began = time.monotonic()
        self._tell(Progress(stage, "started", total=total))
        try:
            yield
        except BaseException as error:
            # What nobody foresaw may hold anything, and is told elsewhere.
            why = str(error) if isinstance(error, PipelineError) else ""
            self._tell(replace(self._now, state="failed", detail=why))
            raise
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.monotonic() - began
        self._tell(Progress(stage, "finished", done=total, total=total))

    def advanced(self, detail: str, output: str = "") -> None:
        """Announce a part of the current stage, which may have printed something; from any thread."""
        with self._lock:
            done = min(self._now.done + 1, self._now.total)
            self._tell(replace(self._now, state="advanced", detail=detail, done=done, output=output))

    def begun(self, what: str) -> None:
        """Announce what is under way from now on within the current stage; from any thread."""
        with self._lock:
            self._tell(replace(self._now, state="advanced", detail="", begun=what))

    def found(self, what: Finding, said: str) -> None:
        """Announce what is known of the result from now on; from any thread."""
        with self._lock:
            self._tell(replace(self._now, state="advanced", detail="", found=(what, said)))

    def took(self, seconds: float) -> None:
        """Count what the sandbox was in use for; from any thread."""
        self._took.append(seconds)

    def _tell(self, progress: Progress) -> None:
        usage = self.llm.usage
        now = replace(
            progress,
            usd=usage.usd,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            sandbox_seconds=sum(self._took.pop() for _ in range(len(self._took))),
        )
        self._now = replace(now, sandbox_seconds=0.0, output="", begun="", found=None)
        self.observe(now)

    def skip(self, stage: Stage, why: str) -> None:
        """Announce that a stage is left out."""
        self._tell(Progress(stage, "skipped", why))

    def keep(self, name: str, text: str) -> str:
        """Write a file of the run's folder, in the place of a link if there is one; the text comes back."""
        self._hold()
        paths.write(self.out / name, text)
        return text

    def lay_out(self, files: Mapping[str, str], figures: Mapping[str, bytes] = MappingProxyType({})) -> Path:
        """`out/repository` with exactly these files; what was there stays until they are written.

        A link that somebody has put there is replaced; where it leads, nothing is touched.
        """
        directory, repository = self.out / "repository", Repository(files)
        self._hold()
        beside = Path(tempfile.mkdtemp(prefix=".repository-", dir=self.out))
        try:
            made = beside / "new"
            repository.write(made)
            for path, data in figures.items():
                file = made / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
            with suppress(FileNotFoundError):
                directory.rename(beside / "old")
            made.rename(directory)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return directory

    def _hold(self) -> None:
        """Make the run's folder. Raises PipelineError where it is another one by now: that may be another run's."""
        if self._folder is None:
            self.out.mkdir(parents=True, exist_ok=True)
        try:
            about = self.out.stat()
        except FileNotFoundError:
            found = None
        else:
            found = about.st_dev, about.st_ino
            self._folder = self._folder or found
        if found != self._folder:
            raise PipelineError(
                f"The folder {self.out} was moved, removed or replaced while a run was writing it.",
                "Put it back where it was, then resume: nothing that is paid for in it is paid for again.",
            )

    def commit(
        self,
        subject: str,
        body: str,
        code: Repository,
        documents: Mapping[str, str] | None = None,
        figures: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        """Note a state of the repository, with all documents so far, and lay it out."""
        self.documents |= documents or {}
        files = {**code.files, **self.documents}
        self.commits.append(Commit(subject, body, files, dict(figures)))
        self.lay_out(files, figures)
