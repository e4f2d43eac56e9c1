"""Visits: the patients in the order in which they come, the pauses between them, and what goes wrong with each."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, cycle

from producer.copula import Copula
from producer.scenarios import Scenario, encode, malform

CALM_S = 60
BURST_S = 5
"""How many seconds a calm and a burst last on average."""


def pause_randomly(low_s: float, high_s: float, rng: random.Random) -> Iterator[float]:
    """Yield pauses in seconds, uniform between the two."""
    while True:
        yield rng.uniform(low_s, high_s)


def arrive_randomly(rate: float, burst: float, rng: random.Random) -> Iterator[float]:
    """Yield the pauses in seconds of a Poisson process: `rate` patients a second, and in bursts `burst` times as many.

    Calms of a minute and bursts of 5 s, on average, alternate; a calm comes first.
    """
    pause_s = 0.0
    for times, mean_s in cycle(((1, CALM_S), (burst, BURST_S))):
        left_s = rng.expovariate(1 / mean_s)
        while (next_s := rng.expovariate(times * rate)) < left_s:
            yield pause_s + next_s
            pause_s, left_s = 0, left_s - next_s
        pause_s += left_s  # a patient due after this period comes at the pace of the next


@dataclass(frozen=True)
class Visit:
    """One patient as sent to the service."""

    body: bytes = field(repr=False)  # what is submitted
    disease: bool = field(repr=False)  # what the angiogram will show
    malformed: bool = False  # whether the body is one that the service must refuse
    twice: bool = False  # whether it is submitted again, as if the first answer were lost
    label_after_s: float = 0  # how long after the submit the angiogram is known


@dataclass(frozen=True)
class Mishaps:
    """What goes wrong: a scenario, from the patient with number `since` (from 1) on; and shares, each from 0 to 1."""

    scenario: Scenario | None = None
    since: int = 1
    malformed: float = 0
    duplicates: float = 0
    label_after_s: float = 0
    """Mean seconds until the result of an angiogram is known."""


def make_visits(copula: Copula, mishaps: Mishaps, seed: int | None) -> Iterator[Visit]:
    """Yield visits forever; equal seeds yield the same visits, and the same patients whatever goes wrong with them."""
    drawing, spoiling, losing, labelling = (stream(seed, what) for what in ("draw", "spoil", "lose", "label"))
    for number in count(1):
        case = copula.draw(drawing)
        values = case.patient.model_dump()
        if mishaps.scenario and number >= mishaps.since:
            values = mishaps.scenario(values, spoiling)
        malformed, twice = losing.random() < mishaps.malformed, losing.random() < mishaps.duplicates
        body = malform(values, losing) if malformed else encode(values)
        after_s = labelling.expovariate(1) * mishaps.label_after_s
        yield Visit(body, case.disease, malformed, twice and not malformed, after_s)


def stream(seed: int | None, what: str) -> random.Random:
    """Return a random generator for one purpose: the same for the same seed; without a seed, a new one each time."""
    return random.Random(None if seed is None else f"{seed} {what}")  # noqa: S311 - not for secrets
