"""Bundles that must not be served, made of the released one, and how one takes another's place."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from bench.local.programs import ROOT
from models.card import CARD_FILE, MODEL_FILE

RISK, SOUND = "risk", "sound_risk"


def damaged_models(sound: bytes) -> Iterator[bytes]:
    """Give models that onnxruntime loads: one with risks of shape (n, 1), one with 1 - p, one with 2 p."""
    yield with_step(sound, "Unsqueeze", [SOUND, "by"], np.array([1]), wide=True)
    yield with_step(sound, "Sub", ["by", SOUND], np.array(1.0))
    yield with_step(sound, "Mul", ["by", SOUND], np.array(2.0))


def with_step(sound: bytes, step: str, inputs: list[str], by: np.ndarray, *, wide: bool = False) -> bytes:
    """Return the model with one step more between its risk and its output of that name."""
    model = onnx.load_model_from_string(sound)
    last = next(node for node in model.graph.node if RISK in node.output)
    last.output[list(last.output).index(RISK)] = SOUND
    model.graph.node.append(helper.make_node(step, inputs, [RISK]))
    model.graph.initializer.append(numpy_helper.from_array(by, "by"))
    if wide:
        next(one for one in model.graph.output if one.name == RISK).type.tensor_type.shape.dim.add().dim_value = 1
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def put_in_place(bundle: Path, model: bytes) -> None:
    """Put a model into the folder, with a card whose hash and version are the model's own: each file whole."""
    card, sha256 = json.loads((bundle / CARD_FILE).read_text()), hashlib.sha256(model).hexdigest()
    card |= {"version": f"{card['version'].partition('+')[0]}+{sha256[:8]}", "model_sha256": sha256}
    replace(bundle / MODEL_FILE, model)
    replace(bundle / CARD_FILE, json.dumps(card).encode())


def put_back(bundle: Path, sound: Path) -> None:
    """Put a sound bundle's files into the folder: each whole."""
    for name in (MODEL_FILE, CARD_FILE):
        replace(bundle / name, (ROOT / sound / name).read_bytes())


def replace(place: Path, content: bytes) -> None:
    """Replace a file in one step."""
    new = place.with_name(f"{place.name}.new")
    new.write_bytes(content)
    new.replace(place)
