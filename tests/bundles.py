"""Bundles for tests: the released one, and what a broken release makes of its graph, in real ONNX."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper

from bench.local.programs import ROOT
from models.bundle import FILES
from models.card import CARD_FILE, MODEL_FILE
from models.probes import PROBES_FILE

CHAMPION = ROOT / "models" / "champion"

Spoil = Callable[[GraphProto], None]
"""Changes a graph of the released model in place."""


def copy_bundle(folder: Path) -> Path:
    """Copy the released bundle to `folder`, and return it."""
    return Path(shutil.copytree(CHAMPION, folder))


def place_bundle(
    folder: Path, spoil: Spoil | None = None, *, model: bytes | None = None, version: str = "2.0.0"
) -> str:
    """Put a bundle of this model, or of the released one with its graph spoiled, into `folder`; return its version.

    Its files vouch for each other, so that only what the model takes and says can be wrong with it. Its version ends
    with the model's hash. Each file is replaced whole, and the card last, as a release does it.
    """
    model = model or (spoil_model(spoil) if spoil else (CHAMPION / MODEL_FILE).read_bytes())
    sha256 = hashlib.sha256(model).hexdigest()
    full = f"{version}+{sha256[:8]}"
    card = json.loads((CHAMPION / CARD_FILE).read_text()) | {"version": full, "model_sha256": sha256}
    probes = json.loads((CHAMPION / PROBES_FILE).read_text()) | {"model_sha256": sha256}
    texts = {PROBES_FILE: json.dumps(probes).encode(), CARD_FILE: json.dumps(card).encode()}
    place_files(folder, {MODEL_FILE: model} | texts)
    return full


def edit_probes(bundle: Path, **changes: object) -> None:
    """Rewrite these keys of the probes."""
    probes = json.loads((bundle / PROBES_FILE).read_text()) | changes
    (bundle / PROBES_FILE).write_text(json.dumps(probes))


def place_files(folder: Path, files: dict[str, bytes]) -> None:
    """Replace each file whole, in the order of a release."""
    folder.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as staging:
        for name in (name for name in FILES if name in files):
            (Path(staging) / name).write_bytes(files[name])
            (Path(staging) / name).replace(folder / name)


def spoil_model(spoil: Spoil) -> bytes:
    """Return the released model with its graph spoiled."""
    model: ModelProto = onnx.load(CHAMPION / MODEL_FILE)
    spoil(model.graph)
    written: bytes = model.SerializeToString(deterministic=True)
    return written


def rename(graph: GraphProto, output: str) -> None:
    """Have the node that makes the output make `inner` instead, so that another can make the output of it."""
    for node in graph.node:
        for place, name in enumerate(node.output):
            if name == output:
                node.output[place] = "inner"
        for place, name in enumerate(node.input):
            if name == output:
                node.input[place] = "inner"


def declare(graph: GraphProto, output: str, kind: int, shape: list[str | int]) -> None:
    """Declare the output anew."""
    for place, told in enumerate(graph.output):
        if told.name == output:
            graph.output[place].CopyFrom(helper.make_tensor_value_info(output, kind, shape))


def add_constant(graph: GraphProto, name: str, value: object) -> None:
    """Give the graph a constant."""
    graph.initializer.append(numpy_helper.from_array(np.array(value), name))


def make_column(graph: GraphProto) -> None:
    """Give the risk as a column (n, 1), as most converters do."""
    rename(graph, "risk")
    add_constant(graph, "last", [1])
    graph.node.append(helper.make_node("Unsqueeze", ["inner", "last"], ["risk"]))
    declare(graph, "risk", TensorProto.DOUBLE, ["n", 1])


def invert_risk(graph: GraphProto) -> None:
    """Give 1 - p, the probability of the other label."""
    rename(graph, "risk")
    add_constant(graph, "one", 1.0)
    graph.node.append(helper.make_node("Sub", ["one", "inner"], ["risk"]))


def double_risk(graph: GraphProto) -> None:
    """Give 2 p."""
    rename(graph, "risk")
    add_constant(graph, "two", 2.0)
    graph.node.append(helper.make_node("Mul", ["two", "inner"], ["risk"]))


def lose_risk(graph: GraphProto) -> None:
    """Give a risk that is not a number."""
    rename(graph, "risk")
    add_constant(graph, "nan", np.nan)
    graph.node.append(helper.make_node("Mul", ["nan", "inner"], ["risk"]))


def narrow_risk(graph: GraphProto) -> None:
    """Give the risk in single precision."""
    rename(graph, "risk")
    graph.node.append(helper.make_node("Cast", ["inner"], ["risk"], to=TensorProto.FLOAT))
    declare(graph, "risk", TensorProto.FLOAT, ["n"])


def rename_risk(graph: GraphProto) -> None:
    """Call the risk `probability`."""
    rename(graph, "risk")
    graph.node.append(helper.make_node("Identity", ["inner"], ["probability"]))
    for told in graph.output:
        if told.name == "risk":
            told.name = "probability"


def drop_term(graph: GraphProto) -> None:
    """Explain by one term less, as a model does that was trained before there was a further field."""
    rename(graph, "terms")
    for name, value in {"first": [0], "end": [12], "axis": [1]}.items():
        add_constant(graph, name, value)
    graph.node.append(helper.make_node("Slice", ["inner", "first", "end", "axis"], ["terms"]))
    declare(graph, "terms", TensorProto.DOUBLE, ["n", 12])


def negate_terms(graph: GraphProto) -> None:
    """Explain by the negative of each term."""
    rename(graph, "terms")
    graph.node.append(helper.make_node("Neg", ["inner"], ["terms"]))


def lose_terms(graph: GraphProto) -> None:
    """Explain by terms that are not numbers."""
    rename(graph, "terms")
    add_constant(graph, "nan", np.nan)
    graph.node.append(helper.make_node("Mul", ["nan", "inner"], ["terms"]))


def mix_patients(graph: GraphProto) -> None:
    """Have each risk depend on the company: times the mean risk of all."""
    rename(graph, "risk")
    graph.node.append(helper.make_node("ReduceMean", ["inner"], ["mean"], keepdims=1))
    graph.node.append(helper.make_node("Mul", ["inner", "mean"], ["risk"]))


def rename_input(graph: GraphProto) -> None:
    """Call the input `records`."""
    graph.input[0].name = "records"
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name == "patients":
                node.input[place] = "records"


def widen_input(graph: GraphProto) -> None:
    """Take one column more, as a model does that was trained on a further feature."""
    graph.input[0].type.tensor_type.shape.dim[1].dim_value += 1
    for constant in graph.initializer:
        if constant.name == "weights":
            weights = numpy_helper.to_array(constant)
            wider = np.vstack([weights, np.zeros((1, weights.shape[1]))])
            constant.CopyFrom(numpy_helper.from_array(wider, "weights"))


def loop_for_ever(graph: GraphProto) -> None:
    """Never come to an end."""
    rename(graph, "risk")
    add_constant(graph, "most", np.iinfo(np.int64).max)
    add_constant(graph, "go", True)
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["again"], ["go_on"]),
            helper.make_node("Identity", ["before"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("again", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.DOUBLE, ["n"]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.DOUBLE, ["n"]),
        ],
    )
    graph.node.append(helper.make_node("Loop", ["most", "go", "inner"], ["risk"], body=body))
