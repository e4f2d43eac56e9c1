"""What a fault may take away of what was accepted, and how that is told from what must not be lost."""

from collections.abc import Sequence
from enum import Enum
from uuid import UUID

from core.ids import time_of_id

WINDOW_MS = 1_000
"""A replica is in step within so much; of what was accepted longer before the master's death nothing may be lost."""


class Loss(Enum):
    """What may be lost."""

    NOTHING = "nothing"
    TOLD = "what is answered 410 ledger-lost from then on"
    UNREPLICATED = "what the master had not yet sent to its replica"


def is_in_window(at_ms: float, deaths_ms: Sequence[float]) -> bool:
    """Whether a time lies in the replication window of a master's death."""
    return any(death_ms - WINDOW_MS <= at_ms <= death_ms for death_ms in deaths_ms)


def made_ms(id: str) -> float:
    """Return when an id was made, in ms since 1970."""
    return 1000 * time_of_id(UUID(id)).timestamp()
