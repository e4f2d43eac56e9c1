"""Scenarios: what goes wrong at a hospital, applied to each patient; and bodies that no client should send.

Each scenario takes a patient's values by field, and a random generator, and returns the values to send; it changes its
own field only. Some make a patient that the service must refuse, others one that no check can detect.
"""

import json
import math
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from core.schema.patient import Patient

Values = dict[str, Any]
"""A patient's values by field, right or wrong; None means not measured."""

Scenario = Callable[[Values, random.Random], Values]

OLDER_BY_YEARS = 15
LOST_SHARE = 0.4
KPA_A_MMHG = 0.1333224  # NIST Special Publication 811 (2008), appendix B.8
MV_A_MM = 0.1  # the usual gain of an electrocardiogram, 10 mm a mV
HIGHEST_CP = 3
STUCK_AT_BPM = 150

Kind = Callable[[Values, random.Random], bytes]

REQUIRED = tuple(name for name, field in Patient.model_fields.items() if field.is_required())


def grow_older(values: Values, _: random.Random) -> Values:
    """The clinic admits patients who are 15 years older, most of them beyond the trained range."""
    return values | {"age": values["age"] + OLDER_BY_YEARS}


def lose_sensors(values: Values, rng: random.Random) -> Values:
    """The results of fluoroscopy and of the thallium test are lost, each for 40 % of the patients."""
    return values | {name: None for name in ("ca", "thal") if rng.random() < LOST_SHARE}


def give_kpa(values: Values, _: random.Random) -> Values:
    """A new monitor gives blood pressure in kPa, to a tenth: the service refuses it, and suggests the unit."""
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


def encode(values: Values) -> bytes:
    """Return the request body that submits this patient."""
    return json.dumps(values).encode()


def cut_short(values: Values, rng: random.Random) -> bytes:
    """The connection broke."""
    body = encode(values)
    return body[: rng.randrange(len(body))]


def send_form(values: Values, _: random.Random) -> bytes:
    """The body is that of a web form."""
    return urlencode(values).encode()


def lose_field(values: Values, rng: random.Random) -> bytes:
    """The client omitted a field."""
    lost = rng.choice(REQUIRED)
    return encode({name: value for name, value in values.items() if name != lost})


def add_field(values: Values, _: random.Random) -> bytes:
    """The client sends a field that we do not know."""
    return encode(values | {"weight": 80})


def quote_number(values: Values, _: random.Random) -> bytes:
    """The client sends a number as text."""
    return encode(values | {"age": str(values["age"])})


def send_nan(values: Values, _: random.Random) -> bytes:
    """The client sends NaN, such as the mean of no values."""
    return encode(values | {"oldpeak": math.nan})


KINDS: tuple[Kind, ...] = (
    cut_short,
    send_form,
    lose_field,
    add_field,
    quote_number,
    send_nan,
)


def malform(values: Values, rng: random.Random) -> bytes:
    """Return a body with these values that must be refused, of a kind drawn at random."""
    return rng.choice(KINDS)(values, rng)
