"""Vital threads: a process that loses one still runs, but serves nobody, so its health must report the loss."""

import logging
from collections.abc import Callable
from threading import Thread

log = logging.getLogger(__name__)


class VitalThreads:
    """Starts the threads that a process cannot do without, and says which of them have died.

    A thread has ended well if its target returns, and has died if its target raises. Safe to share between threads.
    """

    def __init__(self) -> None:
        self._dead: list[str] = []

    def start(self, name: str, target: Callable[[], None]) -> Thread:
        """Start a daemon thread of this name that runs the target, and return it."""
        thread = Thread(target=self._run, args=(name, target), name=name, daemon=True)
        thread.start()
        return thread

    def dead(self) -> list[str]:
        """Return the names of the threads that have died, the first first; empty while all is well."""
        return list(self._dead)

    def _run(self, name: str, target: Callable[[], None]) -> None:
        try:
            target()
        except BaseException as error:  # of any kind: nothing else would report it
            self._dead.append(name)
            # The type alone: the text could hold a record's values.
            log.error("the thread %s died of %s: restart this program", name, type(error).__name__)
