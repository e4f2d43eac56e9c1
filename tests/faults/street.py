"""Two houses in which short trials are held side by side, since most of a trial is waiting."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from tempfile import mkdtemp
from typing import Self

from tests.faults.fault import Build
from tests.faults.house import House
from tests.faults.trial import Count
from tests.faults.witness import Witness

HOUSES = 2

# Times so short that a lost lease is found out in little more than two seconds.
SHORT = {
    "SCORELINE_LEASE_S": "2",
    "SCORELINE_TASK_LIMIT_S": "1.5",
    "SCORELINE_RESEND_AFTER_S": "1",
    "SCORELINE_CANARY_EVERY_S": "0.5",
    "SCORELINE_SWEEP_EVERY_S": "0.2",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial, which `hold` holds in a house that is its own meanwhile; `build` makes the house.

    The witness knows all that was read in that house before. A house that is like no other is used for one trial.
    """

    hold: Callable[[House, Witness], Count]
    build: Build = House


class Street:
    """Holds each of the named trials, in the background and as soon as a house is free."""

    def __init__(self, folder: Path, trials: Iterable[tuple[str, Trial]]) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._free: SimpleQueue[tuple[House, Witness]] = SimpleQueue()
        self._pool = ThreadPoolExecutor(HOUSES, "street")
        self._counts: dict[str, Future[Count]] = {name: self._pool.submit(self._hold, trial) for name, trial in trials}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._stack.close()

    def count(self, name: str) -> Count:
        """Return what the trial of that name counted, once it is over; raises what it raised."""
        return self._counts[name].result()

    def _hold(self, trial: Trial) -> Count:
        if trial.build is not House:
            with trial.build(Path(mkdtemp(dir=self._folder)), SHORT) as own:
                return trial.hold(own, Witness())
        house, witness = (self._build(), Witness()) if self._free.empty() else self._free.get()
        try:
            count = trial.hold(house, witness)
        except BaseException:  # it is not used again, and costs the others nothing
            house.__exit__()
            raise
        self._free.put((house, witness))
        return count

    def _build(self) -> House:
        return self._stack.enter_context(House(Path(mkdtemp(dir=self._folder)), SHORT))
