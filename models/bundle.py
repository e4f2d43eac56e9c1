"""The bundle: the files of one model, read and checked to belong together. Loads no model, and starts no thread."""

import hashlib
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from core.errors import BrokenBundle
from core.schema.patient import COLUMNS
from models.card import CARD_FILE, MODEL_FILE, Card
from models.features import FEATURES, MEASURES
from models.probes import PROBES_FILE, Probes

FILES = (MODEL_FILE, PROBES_FILE, CARD_FILE)
"""The files of a bundle, in the order in which a release replaces them: the card is last, since it names the model."""

HASH_DIGITS = 8
"""How many hex digits of the model's SHA-256 its version ends with."""

ANEW = "Run `make train` to make it anew."

Described = TypeVar("Described", bound=BaseModel)


class Bundle(NamedTuple):
    """The card, the ONNX model as bytes, and the probes of one bundle."""

    card: Card
    model: bytes
    probes: Probes


def read_bundle(folder: Path) -> Bundle:
    """Return the bundle in `folder`. Raises BrokenBundle, as `read_model` and `read_probes` do."""
    card, model = read_model(folder)
    return Bundle(card, model, read_probes(folder, card))


def read_model(folder: Path) -> tuple[Card, bytes]:
    """Return the card in `folder` and the model that it describes.

    Raises BrokenBundle if they are missing, half-written, damaged, or made for other fields, or if the version is not
    that of the model.
    """
    card = read_card(folder)
    model = read_file(folder / MODEL_FILE)
    sha256 = hashlib.sha256(model).hexdigest()
    if sha256 != card.model_sha256:
        raise BrokenBundle(
            f"The bundle is half-written or damaged: {MODEL_FILE} is not the model that {CARD_FILE} describes. {ANEW}"
        )
    if not card.version.endswith(f"+{sha256[:HASH_DIGITS]}"):
        raise BrokenBundle(
            f"The version in {CARD_FILE} is of another model: it must end with +{sha256[:HASH_DIGITS]}, the first "
            f"digits of the model's hash. {ANEW}"
        )
    if card.features != FEATURES or card.trained_ranges.keys() != set(MEASURES) or tuple(card.fields) != COLUMNS:
        raise BrokenBundle(f"The model was trained on other features than this version of Scoreline makes. {ANEW}")
    return card, model


def read_probes(folder: Path, card: Card) -> Probes:
    """Return the probes in `folder`. Raises BrokenBundle if they are missing, or of another model or other fields."""
    if not (folder / PROBES_FILE).exists():
        raise BrokenBundle(
            f"The bundle has no {PROBES_FILE}, which older ones lack. If its model is the one that you want, "
            "`python -m models probe FOLDER` writes it from what the model says now; else run `make train`."
        )
    probes = read_document(folder / PROBES_FILE, Probes)
    if probes.model_sha256 != card.model_sha256 or probes.fields != tuple(card.fields):
        raise BrokenBundle(
            f"The bundle is half-written or damaged: {PROBES_FILE} is not of the model that {CARD_FILE} describes. "
            f"{ANEW}"
        )
    return probes


def read_card(folder: Path) -> Card:
    """Return the card of the bundle in `folder`. Raises BrokenBundle if it is missing, or is not a card."""
    return read_document(folder / CARD_FILE, Card)


def read_document(path: Path, kind: type[Described]) -> Described:
    """Return the contents of a bundle's JSON file. Raises BrokenBundle if it is missing, or is not of that kind."""
    try:
        return kind.model_validate_json(read_file(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BrokenBundle(f"{path.name} is not what it must be: {where}: {first['msg']}. {ANEW}") from None


def read_file(path: Path) -> bytes:
    """Return the bytes of one file of a bundle. Raises BrokenBundle if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BrokenBundle(
            f"{path.name} cannot be read ({error.strerror}). Run `make train` to make the bundle, or set "
            "SCORELINE_BUNDLE."
        ) from error
