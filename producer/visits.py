"""Visits: the patients in the order in which they come, with what goes wrong on the way."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from producer.copula import Copula
from producer.malformed import encode, malform
from producer.scenarios import Scenario


@dataclass(frozen=True)
class Visit:
    """One patient as the service is to see them."""

    body: bytes = field(repr=False)  # what is submitted
    disease: bool = field(repr=False)  # what the angiogram will show
    malformed: bool = False  # whether the body is one that the service must refuse
    twice: bool = False  # whether it is submitted again, as if the first answer were lost
    label_after_s: float = 0  # how long after the submit the angiogram is known


@dataclass(frozen=True)
class Mishaps:
    """What is to go wrong: a scenario `since` that patient, the first being 1; shares of all, each from 0 to 1."""

    scenario: Scenario | None = None
    since: int = 1
    malformed: float = 0
    duplicates: float = 0
    label_after_s: float = 0
    """Mean seconds until an angiogram is known."""


def make_visits(copula: Copula, mishaps: Mishaps, seed: int | None) -> Iterator[Visit]:
    """Yield visits for ever; the same ones for the same seed, and the same patients whatever goes wrong with them."""
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
    """Return random numbers for one purpose: the same ones for the same seed; without a seed, new ones each time."""
    return random.Random(None if seed is None else f"{seed} {what}")  # noqa: S311 - not for secrets
