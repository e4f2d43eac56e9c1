"""Arrivals: how long it is from one patient to the next."""

import random
from collections.abc import Iterator
from itertools import cycle

CALM_S = 60
BURST_S = 5
"""How long a calm and a burst last, on the average."""


def pause_randomly(low_s: float, high_s: float, rng: random.Random) -> Iterator[float]:
    """Yield pauses in seconds, uniform between the two."""
    while True:
        yield rng.uniform(low_s, high_s)


def arrive_randomly(rate: float, burst: float, rng: random.Random) -> Iterator[float]:
    """Yield the pauses in seconds of a Poisson process: `rate` patients a second, and in bursts `burst` times as many.

    Calms of a minute and bursts of 5 s, both on the average, take turns; a calm comes first.
    """
    pause_s = 0.0
    for times, mean_s in cycle(((1, CALM_S), (burst, BURST_S))):
        left_s = rng.expovariate(1 / mean_s)
        while (next_s := rng.expovariate(times * rate)) < left_s:
            yield pause_s + next_s
            pause_s, left_s = 0, left_s - next_s
        pause_s += left_s  # who would come later comes at the pace of what follows
