"""Vital threads: without one of them a process lives, but serves nobody; so its death must show in the health."""

import logging
from collections.abc import Callable
from threading import Thread

log = logging.getLogger(__name__)


class VitalThreads:
    """Starts the threads that a process cannot do without, and says which of them have died.

    A thread whose target returns has ended as it was asked to; one whose target raises has died. Safe to share by
    threads.
    """

    def __init__(self) -> None:
        self._dead: list[str] = []

    def start(self, name: str, target: Callable[[], None]) -> Thread:
        """Start a daemon thread of this name that runs the target, and return it."""
        thread = Thread(target=self._run, args=(name, target), name=name, daemon=True)
        thread.start()
        return thread

    def dead(self) -> list[str]:
        """Return the names of those that have died, in their order; empty while all is well."""
        return list(self._dead)

    def _run(self, name: str, target: Callable[[], None]) -> None:
        try:
            target()
        except BaseException as error:  # whatever it is, nobody else would hear of it
            self._dead.append(name)
            # The type alone: the text could hold a record's values.
            log.error("the thread %s died of %s: restart this program", name, type(error).__name__)
