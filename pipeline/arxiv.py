"""arXiv: references in text, metadata, and source archives. The only module that talks to arXiv."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.paper import Paper


@dataclass(frozen=True)
class Reference:
    """An arXiv identifier; `str` gives `1706.03762v5`."""

    identifier: str
    version: int | None = None

    def __str__(self) -> str:
        return self.identifier if self.version is None else f"{self.identifier}v{self.version}"


def references(text: str) -> list[Reference]:
    """All references in `text`, in order, each once; none from code, quotations or HTML comments."""
    raise NotImplementedError


class Arxiv:
    """A client that keeps arXiv's terms of use, with a cache on disk."""

    def __init__(self, url: str, api_url: str, cache: Path) -> None:
        raise NotImplementedError


def read(source: str, arxiv: Arxiv) -> Paper:
    """The paper that PAPER of the command line names: an arXiv reference, or a path to a `.pdf`, `.tex`,
    e-print archive (`.tar.gz`, `.gz`, `.zip`), `.md`, or a folder of LaTeX.

    Raises PaperError and its children, ArxivUnavailable.
    """
    raise NotImplementedError
