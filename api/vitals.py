"""The vitals of a gateway process: the threads and tasks that it cannot do without, and which of them have died."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from monitoring.vital import VitalThreads


class Vitals:
    """Starts tasks in the event loop; `threads` starts threads. One that ends without being canceled has died."""

    def __init__(self) -> None:
        self.threads = VitalThreads()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, run: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task of this name, and return it."""
        task = asyncio.create_task(run, name=name)
        self._tasks.append(task)
        return task

    def dead(self) -> list[str]:
        """Return the names of the threads and tasks that have died; empty while all is well."""
        ended = (task for task in self._tasks if task.done() and not task.cancelled())
        return [*self.threads.dead(), *(task.get_name() for task in ended)]
