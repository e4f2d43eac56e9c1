"""What the producer shows: a live line on a terminal, elsewhere a line of log now and then. Never a patient's value."""

import logging
import time
from types import TracebackType
from typing import Self

from rich.console import Console

from producer.tally import Tally

LOG_EVERY_S = 10

log = logging.getLogger("producer")


class Screen:
    """Where the tally is shown while the block runs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("starting") if console.is_terminal else None
        self._logged_s = time.monotonic()

    def show(self, tally: Tally) -> None:
        """Show the tally as it stands."""
        if self._status:
            self._status.update(str(tally))
        elif time.monotonic() >= self._logged_s + LOG_EVERY_S:
            self._logged_s = time.monotonic()
            log.info("%s", tally)

    def tell(self, sentence: str) -> None:
        """Say something that happened once."""
        if self._status:
            self._console.print(sentence, markup=False, highlight=False)
        else:
            log.info("%s", sentence)

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()
