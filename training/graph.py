"""The graph: a fitted classifier written as ONNX."""

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, checker, helper, numpy_helper
from sklearn.pipeline import Pipeline

from models.features import FEATURES, MEASURES

_DECIMALS = 10
_OPSET, _IR_VERSION = 21, 10


def to_onnx(classifier: Pipeline) -> bytes:
    """Return the ONNX model of a fitted classifier: `patients` float32 (n, d) in, `risk` float64 (n,) out.

    The same classifier gives the same bytes.
    """
    # Written by hand, not converted by skl2onnx: a logistic regression is four nodes, the arithmetic stays in
    # double precision (a converter's would not), and nothing that changes from run to run gets in.
    weights, intercept = weigh(classifier)
    nodes = [
        helper.make_node("Cast", ["patients"], ["exact"], to=TensorProto.DOUBLE),
        helper.make_node("MatMul", ["exact", "weights"], ["evidence"]),
        helper.make_node("Add", ["evidence", "intercept"], ["log_odds"]),
        helper.make_node("Sigmoid", ["log_odds"], ["risk"]),
    ]
    graph = helper.make_graph(
        nodes,
        name="scoreline",
        inputs=[helper.make_tensor_value_info("patients", TensorProto.FLOAT, ["n", len(FEATURES)])],
        outputs=[helper.make_tensor_value_info("risk", TensorProto.DOUBLE, ["n"])],
        initializer=[
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(intercept, "intercept"),
        ],
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


def weigh(classifier: Pipeline) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what each feature adds to the log-odds per unit, float64 (d,), and the intercept, float64 ().

    The scaling is folded in, so that the weights speak of years and mmHg. They are rounded, because the last
    bits differ between processors: the tenth decimal moves no risk by more than a hundred-millionth.
    """
    scaler = classifier.named_steps["scaler"].named_transformers_["measures"]
    regression = classifier.named_steps["regression"]
    weights = regression.coef_[0].copy()
    weights[: len(MEASURES)] /= scaler.scale_
    intercept = regression.intercept_[0] - weights[: len(MEASURES)] @ scaler.mean_
    return weights.round(_DECIMALS), np.round(intercept, _DECIMALS)
