"""The graph: a fitted classifier written as ONNX."""

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, checker, helper, numpy_helper
from sklearn.pipeline import Pipeline

from core.schema.patient import COLUMNS
from models.features import FEATURES

_DECIMALS = 10
_OPSET, _IR_VERSION = 21, 10


def to_onnx(classifier: Pipeline, mean: NDArray[np.float64]) -> bytes:
    """Return the ONNX model of a fitted classifier, explained against the patient whose columns are `mean` (d,).

    In goes `patients` float32 (n, d). Out come `risk` float64 (n,) and what it is made of: `terms` float64 (n, f), what
    each of the f fields in `COLUMNS` adds to `baseline` float64 (), the log-odds of the mean patient, to give
    `log_odds` float64 (n,). The same classifier gives the same bytes.
    """
    # Written by hand, not converted by skl2onnx: a logistic regression is five nodes, the arithmetic stays in
    # double precision (a converter's would not), and nothing that changes from run to run gets in. That the risk
    # is made of the terms costs little, and onnxruntime computes every output whether or not it is asked for
    # (microsoft/onnxruntime#16483). Gemm, because its MatMul by a vector takes four times as long.
    nodes = [
        helper.make_node("Cast", ["patients"], ["exact"], to=TensorProto.DOUBLE),
        helper.make_node("Gemm", ["exact", "weights", "usual"], ["terms"], beta=-1.0),
        helper.make_node("ReduceSum", ["terms", "fields"], ["evidence"], keepdims=0),
        helper.make_node("Add", ["evidence", "baseline"], ["log_odds"]),
        helper.make_node("Sigmoid", ["log_odds"], ["risk"]),
    ]
    graph = helper.make_graph(
        nodes,
        name="scoreline",
        inputs=[helper.make_tensor_value_info("patients", TensorProto.FLOAT, ["n", len(FEATURES)])],
        outputs=[
            helper.make_tensor_value_info("risk", TensorProto.DOUBLE, ["n"]),
            helper.make_tensor_value_info("baseline", TensorProto.DOUBLE, []),
            helper.make_tensor_value_info("terms", TensorProto.DOUBLE, ["n", len(COLUMNS)]),
            helper.make_tensor_value_info("log_odds", TensorProto.DOUBLE, ["n"]),
        ],
        initializer=[numpy_helper.from_array(array, name) for name, array in weigh(classifier, mean).items()],
    )
    model = helper.make_model(
        graph,
        producer_name="scoreline",
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    checker.check_model(model, full_check=True)
    written: bytes = model.SerializeToString(deterministic=True)
    return written


def weigh(classifier: Pipeline, mean: NDArray[np.float64]) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of the graph: what each column adds per unit to its field's term, and what that is set against.

    `weights` is float64 (d, f), `usual` float64 (f,) what the mean patient's columns add, `baseline` float64 () that
    patient's log-odds, and `fields` int64 (1,) the axis of the fields. What the classifier makes of the columns is
    folded in, so that the weights speak of years, mmHg and codes. They are rounded, because the last bits differ
    between processors: the tenth decimal moves no risk by more than a hundred-millionth.
    """
    # Asked of the classifier itself, whatever it makes of the columns inside: its log-odds are a sum over them.
    probes = np.vstack([np.zeros(len(FEATURES)), np.eye(len(FEATURES))])
    intercept, *reached = classifier.decision_function(probes)
    slopes = np.array(reached) - intercept
    owner = np.array([[feature.partition("=")[0] == name for name in COLUMNS] for feature in FEATURES])
    weights = np.where(owner, slopes[:, None], 0).round(_DECIMALS)
    usual = (mean @ weights).round(_DECIMALS)
    return {
        "weights": weights,
        "usual": usual,
        "baseline": np.round(intercept + usual.sum(), _DECIMALS),
        "fields": np.array([1]),
    }
