"""Threads that know what the one knew that asked them: whose log lines and limits theirs are."""

import contextvars
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Threads(ThreadPoolExecutor):
    """A ThreadPoolExecutor whose work has a copy of the submitter's context."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """See ThreadPoolExecutor; `map` comes here as well."""
        return super().submit(contextvars.copy_context().run, partial(fn, *args, **kwargs))
