"""Threads that know for which request they work."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from typing_extensions import override


class Threads(ThreadPoolExecutor):
    """Threads in which a line of the log names the request that it is about, as in the event loop."""

    @override
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(copy_context().run, fn, *args, **kwargs)
