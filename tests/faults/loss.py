"""What a fault may take away of what was accepted, and how that is told from what must not be lost."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from core.ids import time_of_id


class Loss(Enum):
    """What may be lost."""

    NOTHING = "nothing"
    TOLD = "what is answered 410 ledger-lost from then on"
    UNREPLICATED = "what the master had not yet sent to its replica"


class Window(NamedTuple):
    """When that was written which a master had not sent to its replica as it died, in ms since 1970."""

    begin_ms: float
    died_ms: float


def is_in_window(begun_ms: float, ended_ms: float, windows: Sequence[Window]) -> bool:
    """Whether what was written between two times may have been written in one of the windows."""
    return any(begun_ms <= window.died_ms and ended_ms >= window.begin_ms for window in windows)


def made_ms(id: str) -> float:
    """Return when an id was made, in ms since 1970."""
    return 1000 * time_of_id(UUID(id)).timestamp()
