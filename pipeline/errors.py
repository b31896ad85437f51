"""The pipeline's error tree. Each message says what failed, why, and what to do.

PipelineError
├── PaperError                 the paper cannot be had or read (exit status 2)
│   ├── PaperNotFound          unknown id
│   ├── PaperWithdrawn
│   └── PaperUnreadable        encrypted, no text, empty, bomb, traversal…
├── ServiceError               arXiv or the model service failed after retries (exit status 3)
│   ├── ArxivUnavailable
│   ├── ModelUnavailable       also: no key, bad key, unknown model, recording without the stage
│   │   ├── ModelUnreachable   nobody answers at its service's address
│   │   └── ContextOverflow    the prompt is longer than the model can read: shrink it, ask again
│   └── ModelRefused           the model declined to answer
├── AnswerInvalid              the model's answer did not pass its checks, asked again twice (exit status 3)
├── BudgetReached              the next call could break the cap (exit status 4)
└── Cancelled                  somebody asked to stop (exit status 130)
"""

from collections.abc import Mapping


class PipelineError(Exception):
    """Root of the tree; `hint` says what a person can do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class PaperError(PipelineError):
    """The paper cannot be had or read."""


class PaperNotFound(PaperError):
    """No such paper."""


class PaperWithdrawn(PaperError):
    """The authors or arXiv withdrew it."""


class PaperUnreadable(PaperError):
    """The file is not a paper that can be read."""


class ServiceError(PipelineError):
    """A service outside failed, after retries."""


class ArxivUnavailable(ServiceError):
    """ArXiv did not answer."""


class ModelUnavailable(ServiceError):
    """The model service did not answer."""


class ModelUnreachable(ModelUnavailable):
    """Nobody answers at the service's address."""


class ContextOverflow(ModelUnavailable):
    """The prompt is longer than the model can read."""


class ModelRefused(ServiceError):
    """The model declined to answer."""


class AnswerInvalid(PipelineError):
    """The model's answer failed its checks and was asked for again, in vain."""

    def __init__(self, message: str, hint: str = "", refused: Mapping[str, str] | None = None) -> None:
        """`refused`: questions whose answers came to nothing, key → stage. Whoever goes on asks them anew."""
        super().__init__(message, hint)
        self.refused: Mapping[str, str] = refused or {}


class BudgetReached(PipelineError):
    """The next call could cost more than is left."""


class Cancelled(PipelineError):
    """Somebody asked to stop."""
