"""What a fault is: the function that strikes, the house that it needs, and what it may do to whom."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from tests.faults.house import PRODUCT, House
from tests.faults.loss import Loss
from tests.faults.scene import Scene

S = TypeVar("S")

RECOVERED_WITHIN_S, FAILED_OVER_WITHIN_S = 10, 30


@dataclass(frozen=True, slots=True)
class Striking(Generic[S]):
    """A fault, told of by the name and the docstring of the function that strikes a scene.

    After it the house must be whole again within `recovers_within_s` seconds. Not every machine can have every fault:
    `is_possible` says whether this one can.
    """

    strike: Callable[[S], None]
    may_lose: Loss = Loss.NOTHING
    recovers_within_s: float = RECOVERED_WITHIN_S
    is_possible: Callable[[], bool] = lambda: True

    @property
    def name(self) -> str:
        """What the table calls it."""
        return self.strike.__name__.replace("_", " ")

    @property
    def about(self) -> str:
        """What happens, in a sentence."""
        return " ".join((self.strike.__doc__ or "").split())


Build = Callable[[Path, Mapping[str, str]], AbstractContextManager[House]]
"""Makes a house in a folder, with these settings."""


@dataclass(frozen=True, slots=True)
class Fault(Striking[Scene]):
    """A fault that strikes jobs; `entry` is Celery's way in to the workers that it needs, `build` makes its house."""

    entry: str = PRODUCT
    build: Build = House
