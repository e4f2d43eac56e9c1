"""Scenarios: what goes wrong at a hospital, done to one patient after another.

Each takes a patient's values by field, and chance, and returns the values as they are sent; it changes its own field
only. Some make a patient whom the service must refuse, and some one whom it cannot tell from any other.
"""

import random
from collections.abc import Callable
from typing import Any

Values = dict[str, Any]
"""A patient's values by field, right or wrong; None means not measured."""

Scenario = Callable[[Values, random.Random], Values]

OLDER_BY_YEARS = 15
LOST_SHARE = 0.4
KPA_A_MMHG = 0.1333224  # NIST Special Publication 811 (2008), appendix B.8
MV_A_MM = 0.1  # the usual gain of an electrocardiogram, 10 mm a mV
HIGHEST_CP = 3
STUCK_AT_BPM = 150


def grow_older(values: Values, _: random.Random) -> Values:
    """The clinic takes in patients 15 years older, most of them beyond those that the model was trained on."""
    return values | {"age": values["age"] + OLDER_BY_YEARS}


def lose_sensors(values: Values, rng: random.Random) -> Values:
    """The results of fluoroscopy and of the thallium test are lost, each for 40 % of the patients."""
    return values | {name: None for name in ("ca", "thal") if rng.random() < LOST_SHARE}


def give_kpa(values: Values, _: random.Random) -> Values:
    """A new monitor gives blood pressure in kPa, to a tenth: the service refuses it, and says what it looks like."""
    return values | {"trestbps": round(values["trestbps"] * KPA_A_MMHG, 1)}


def give_mv(values: Values, _: random.Random) -> Values:
    """ST depression comes in mV, not in mm: a tenth of what it was, and every value could be right."""
    return values | {"oldpeak": round(values["oldpeak"] * MV_A_MM, 2)}


def reverse_cp(values: Values, _: random.Random) -> Values:
    """The codes of chest pain come in the opposite order, as many tutorials have them: 0 for 3, 1 for 2."""
    return values | {"cp": HIGHEST_CP - values["cp"]}


def stick(values: Values, _: random.Random) -> Values:
    """The heart rate monitor shows 150 bpm whatever happens."""
    return values | {"thalach": STUCK_AT_BPM}


SCENARIOS: dict[str, Scenario] = {
    "older": grow_older,
    "missing-sensor": lose_sensors,
    "kpa": give_kpa,
    "oldpeak-mv": give_mv,
    "cp-reversed": reverse_cp,
    "stuck-sensor": stick,
}
"""The scenarios by name."""
