"""Makes the clock of one Python process wrong by `CLOCK_AHEAD_S` seconds; Python imports it before any program.

For a process that has this folder on its PYTHONPATH. The monotonic clock stays right, as it does when an operator or
NTP sets a machine's clock. Python's `time.time` is all that Celery, kombu and redis-py go by; libfaketime, which shifts
the clock of C code too, would add a compiler to what the suite needs.
"""

import os
import time
from collections.abc import Callable

AHEAD_S = float(os.environ["CLOCK_AHEAD_S"])


def ahead(clock: Callable[[], float]) -> Callable[[], float]:
    """Return the clock, set wrong."""
    return lambda: clock() + AHEAD_S


time.time = ahead(time.time)
