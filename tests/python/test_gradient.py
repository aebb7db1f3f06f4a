"""A Gradient in a network of two layers, held against its derivatives written out in numpy."""

import numpy as np
import onnx
import onward
import pytest
from onnx import TensorProto as T
from onnx import helper as h

WEIGHTS = {"W1": (5, 7), "b1": (7,), "W2": (7, 3), "b2": (3,)}
TRAINING = "ai.onnx.preview.training"


def network(dtype):
    """The loss is the cross entropy of softmax(relu(x W1 + b1) W2 + b2), meant over the rows."""
    names = [*WEIGHTS]
    nodes = [
        h.make_node("Gemm", ["x", "W1", "b1"], ["z1"]),
        h.make_node("Relu", ["z1"], ["h1"]),
        h.make_node("MatMul", ["h1", "W2"], ["z2"]),
        h.make_node("Add", ["z2", "b2"], ["z3"]),
        h.make_node("LogSoftmax", ["z3"], ["p"], axis=1),
        h.make_node("Mul", ["p", "t"], ["pt"]),
        h.make_node("ReduceSum", ["pt", "axes"], ["rows"], keepdims=0),
        h.make_node("ReduceMean", ["rows"], ["mean"], keepdims=0),
        h.make_node("Neg", ["mean"], ["loss"]),
        h.make_node("Gradient", [*names, "x", "t"], [f"d{n}" for n in names], domain=TRAINING, xs=names,
                    zs=["x", "t"], y="loss"),
    ]  # fmt: skip
    given = {"x": ("rows", 5), "t": ("rows", 3), **WEIGHTS}
    made = {"loss": (), **{f"d{n}": shape for n, shape in WEIGHTS.items()}}
    graph = h.make_graph(
        nodes,
        "g",
        [h.make_tensor_value_info(n, dtype, s) for n, s in given.items()],
        [h.make_tensor_value_info(n, dtype, s) for n, s in made.items()],
        [h.make_tensor("axes", T.INT64, [1], [1])],
    )
    opsets = [h.make_opsetid("", 18), h.make_opsetid(TRAINING, 1)]
    return h.make_model(graph, ir_version=10, opset_imports=opsets)


def expected(x, t, W1, b1, W2, b2):
    z1 = x @ W1 + b1
    h1 = np.maximum(z1, 0)
    z3 = h1 @ W2 + b2
    p = np.exp(z3 - z3.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    loss = -(np.log(p) * t).sum(1).mean()
    dz3 = (p - t) / len(x)
    dz1 = (dz3 @ W2.T) * (z1 > 0)
    return loss, x.T @ dz1, dz1.sum(0), h1.T @ dz3, dz3.sum(0)


@pytest.mark.parametrize("level", ["ORT_DISABLE_ALL", "ORT_ENABLE_ALL"])
@pytest.mark.parametrize("dtype, rtol", [(np.float64, 1e-12), (np.float32, 2e-5), (np.float16, 2e-2)])
def test_network(level, dtype, rtol):
    options = onward.SessionOptions()
    options.graph_optimization_level = getattr(onward.GraphOptimizationLevel, level)
    model = network(h.np_dtype_to_tensor_dtype(np.dtype(dtype)))
    onnx.checker.check_model(model)
    session = onward.InferenceSession(model.SerializeToString(), options)
    random = np.random.default_rng(4)
    for rows in (1, 6):
        inputs = {n: random.standard_normal(s).astype(dtype) for n, s in {"x": (rows, 5), **WEIGHTS}.items()}
        inputs["t"] = np.eye(3, dtype=dtype)[random.integers(0, 3, rows)]
        wide = expected(**{n: v.astype(np.float64) for n, v in inputs.items()})
        for found, right in zip(session.run(None, inputs), wide):
            assert found.dtype == dtype and found.shape == np.shape(right)
            np.testing.assert_allclose(found, right, rtol, atol=rtol * np.abs(right).max())
