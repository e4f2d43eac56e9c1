"""Work beside a trial, in a thread of its own."""

from abc import ABC, abstractmethod
from threading import Event, Thread
from typing import Self


class Background(ABC):
    """Does `_work` in a thread until the block is left, which sets `_stop` and waits until it returns."""

    def __init__(self) -> None:
        self._stop = Event()
        self._thread = Thread(target=self._work, name=type(self).__name__, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @abstractmethod
    def _work(self) -> None: ...
