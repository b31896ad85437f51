"""Threads that know what the one knew that asked them: whose log lines and limits theirs are."""

import contextvars
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from pipeline.errors import AnswerInvalid

P = ParamSpec("P")
T = TypeVar("T")


class Threads(ThreadPoolExecutor):
    """A ThreadPoolExecutor whose work has a copy of the submitter's context.

    Where AnswerInvalid ends it, what was refused beside that counts as refused as well.
    """

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self._submitted: list[Future[Any]] = []

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """See ThreadPoolExecutor; `map` comes here as well."""
        future = super().submit(contextvars.copy_context().run, partial(fn, *args, **kwargs))
        self._submitted.append(future)
        return future

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if not isinstance(error, AnswerInvalid):
            return
        for future in self._submitted:
            also = None if future.cancelled() else future.exception()
            if isinstance(also, AnswerInvalid):
                error.refused = {**error.refused, **also.refused}
