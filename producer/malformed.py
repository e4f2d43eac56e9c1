"""Malformed bodies: what no client should send and some do. The service must answer each with a 4xx problem."""

import json
import math
import random
from collections.abc import Callable
from urllib.parse import urlencode

from contract.patient import Patient
from producer.scenarios import Values

Kind = Callable[[Values, random.Random], bytes]

REQUIRED = tuple(name for name, field in Patient.model_fields.items() if field.is_required())


def encode(values: Values) -> bytes:
    """Return the body of a submit of this one patient."""
    return json.dumps(values).encode()


def cut_short(values: Values, rng: random.Random) -> bytes:
    """The connection broke."""
    body = encode(values)
    return body[: rng.randrange(len(body))]


def send_form(values: Values, _: random.Random) -> bytes:
    """A web form was sent as it is."""
    return urlencode(values).encode()


def lose_field(values: Values, rng: random.Random) -> bytes:
    """The client forgot a field."""
    lost = rng.choice(REQUIRED)
    return encode({name: value for name, value in values.items() if name != lost})


def add_field(values: Values, _: random.Random) -> bytes:
    """The client knows a field that we do not."""
    return encode(values | {"weight": 80})


def quote_number(values: Values, _: random.Random) -> bytes:
    """The client made a text of a number."""
    return encode(values | {"age": str(values["age"])})


def send_nan(values: Values, _: random.Random) -> bytes:
    """The client's mean was that of nothing."""
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
    """Return a body that holds these values and cannot be taken, of a kind drawn at random."""
    return rng.choice(KINDS)(values, rng)
