"""The derivative of each operator that Gradient knows, against central differences in float64.

The model is y = sum(w * f(inputs)), where w is drawn so that no two elements of f count alike. Each case runs with
shapes that the model states and with shapes (and, where the rule can, ranks) that only the run knows. If one fails,
the rule of its operator in src/ops/op/gradient_*.cc is wrong, or the operator itself."""

import numpy as np
import onward
import pytest
from onnx import TensorProto as T
from onnx import helper as h

TRAINING = "ai.onnx.preview.training"
OPSET = 24
rng = np.random.default_rng(7)


def normal(*shape):
    return rng.standard_normal(shape)


def between(low, high, *shape):
    return rng.uniform(low, high, shape)


def distinct(*shape):
    """No two closer than a step of the differences."""
    return rng.permutation(np.arange(np.prod(shape, dtype=int)) * 0.25 - 2).reshape(shape)


def ints(*values):
    return np.array(values, np.int64)


X = normal(2, 3, 4)
FAR = np.where(np.abs(X) < 0.05, 0.3, X)  # from kinks at 0
IMAGE, LINE, CUBE = normal(2, 4, 7, 6), normal(2, 3, 9), normal(1, 2, 4, 5, 3)

# Operator, inputs (float64 ones are differentiated by, None is omitted), attributes.
CASES = [
    *[(op, [X], {}) for op in ("Cosh", "Sinh", "Asinh", "Atan", "Mish", "Gelu", "Swish", "Tan", "Softplus", "Erf")],
    *[(op, [FAR], {}) for op in ("Elu", "Selu", "Softsign", "ThresholdedRelu", "Shrink", "HardSigmoid", "HardSwish")],
    ("Gelu", [X], {"approximate": "tanh"}),
    ("Elu", [FAR], {"alpha": 0.5}),
    ("Swish", [X], {"alpha": 1.7}),
    ("HardSigmoid", [FAR * 3], {"alpha": 0.3, "beta": 0.4}),
    *[(op, [between(-0.9, 0.9, 2, 3)], {}) for op in ("Acos", "Asin", "Atanh")],
    ("Acosh", [between(1.2, 3, 2, 3)], {}),
    ("PRelu", [FAR, normal(3, 1)], {}),
    ("PRelu", [FAR, normal(1)], {}),
    ("Pow", [between(0.5, 2, 2, 3), normal(3)], {}),
    ("Pow", [between(0.5, 2, 3), normal(2, 1)], {}),
    ("Max", [distinct(2, 3), distinct(3) + 0.1, distinct(2, 1) + 0.06], {}),
    ("Min", [distinct(2, 3), distinct(3) + 0.1], {}),
    ("Clip", [distinct(2, 3, 2), np.array(-0.6), np.array(0.7)], {}),
    ("Clip", [distinct(5), None, np.array(-0.6)], {}),
    ("Clip", [distinct(5)], {}),
    ("CumSum", [X, np.array(1)], {}),
    ("CumSum", [X, np.array(-1)], {"exclusive": 1, "reverse": 1}),
    # moves
    ("Gather", [X, ints(2, 0, 2, -1)], {"axis": 1}),
    ("Gather", [X, np.array(1)], {"axis": -1}),
    ("GatherElements", [X, rng.integers(-2, 2, (5, 3, 2))], {"axis": 0}),
    ("GatherND", [X, ints([0, 1], [1, 2], [0, 1])], {}),
    ("GatherND", [X, ints([[1], [1]], [[0], [2]])], {"batch_dims": 1}),
    ("Slice", [X, ints(3, -1), ints(0, -9), ints(2, 1), ints(-2, -1)], {}),
    ("Tile", [X, ints(2, 1, 3)], {}),
    ("Trilu", [X, np.array(1)], {}),
    ("Trilu", [X], {"upper": 0}),
    ("DepthToSpace", [normal(1, 8, 2, 3)], {"blocksize": 2, "mode": "CRD"}),
    ("SpaceToDepth", [normal(1, 2, 4, 6)], {"blocksize": 2}),
    ("ReverseSequence", [X, ints(1, 2, 1)], {}),
    ("Compress", [X, np.array([True, False, True])], {"axis": 1}),
    ("CenterCropPad", [X, ints(5, 2)], {"axes": [1, -1]}),
    ("Pad", [X, ints(1, 0, -1, 0, 2, 1), np.array(0.5)], {}),
    ("Pad", [X, ints(1, 2), None, ints(-1)], {}),
    *[("Pad", [X, ints(1, 2, 3, 1, 0, 2)], {"mode": mode}) for mode in ("edge", "wrap")],
    ("Pad", [X, ints(1, 2, 3, 1, 0, 2)], {"mode": "reflect"}),
    ("ScatterElements", [X, ints([[1, 0, 2], [0, 2, 1]]).reshape(2, 3, 1), normal(2, 3, 1)], {"axis": 2}),
    ("ScatterElements", [X, ints([[1, 1]]).reshape(1, 1, 2), normal(1, 1, 2)], {"axis": 1, "reduction": "add"}),
    ("ScatterND", [X, ints([0, 1], [1, 2]), normal(2, 4)], {}),
    ("ScatterND", [X, ints([0, 1], [0, 1]), normal(2, 4)], {"reduction": "add"}),
    ("TopK", [distinct(2, 5, 3), ints(2)], {"axis": 1}),
    ("Resize", [normal(1, 2, 3, 4), None, np.array([1, 1, 2, 1.5], np.float32)], {"nearest_mode": "floor"}),
    # products
    *[("Einsum", [normal(2, 3), normal(3, 4)], {"equation": e}) for e in ("ij,jk->ik", "ij , jk", "ij,kl->li", "ij,jk->")],
    ("Einsum", [normal(2, 3), normal(2, 3), normal(3)], {"equation": "ab,ab,b->a"}),
    # windows
    ("Conv", [IMAGE, normal(6, 2, 3, 2), normal(6)], {"group": 2, "strides": [2, 1], "pads": [1, 0, 2, 1], "dilations": [1, 2]}),
    ("Conv", [LINE, normal(2, 3, 3)], {"auto_pad": "SAME_UPPER", "strides": [2]}),
    ("Conv", [LINE, normal(2, 3, 4)], {"auto_pad": "SAME_LOWER", "strides": [3]}),
    ("Conv", [LINE, normal(2, 3, 2)], {"auto_pad": "VALID", "strides": [4]}),
    ("Conv", [CUBE, normal(3, 2, 2, 3, 1), normal(3)], {"strides": [1, 2, 1]}),
    ("Conv", [IMAGE, normal(4, 1, 3, 3), normal(4)], {"group": 4, "pads": [1, 1, 1, 1]}),
    ("ConvTranspose", [normal(2, 4, 3, 4), normal(4, 3, 3, 2), normal(6)],
     {"group": 2, "strides": [2, 3], "pads": [1, 0, 0, 1], "dilations": [2, 1], "output_padding": [1, 2]}),
    ("ConvTranspose", [LINE, normal(3, 2, 3)], {"strides": [2], "output_shape": [18]}),
    ("ConvTranspose", [LINE, normal(3, 2, 4)], {"strides": [3], "auto_pad": "SAME_UPPER"}),
    ("ConvTranspose", [LINE, normal(3, 2, 4)], {"strides": [3], "auto_pad": "SAME_LOWER"}),
    ("MaxPool", [distinct(1, 2, 5, 6)], {"kernel_shape": [3, 2], "strides": [1, 2], "pads": [1, 0, 1, 0]}),
    ("MaxPool", [distinct(2, 2, 7)], {"kernel_shape": [2], "dilations": [3], "strides": [2], "ceil_mode": 1}),
    ("AveragePool", [IMAGE], {"kernel_shape": [3, 2], "strides": [2, 3], "pads": [1, 0, 1, 1]}),
    ("AveragePool", [IMAGE], {"kernel_shape": [3, 2], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    ("AveragePool", [IMAGE], {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    ("AveragePool", [LINE], {"kernel_shape": [3], "strides": [2], "pads": [1, 1], "ceil_mode": 1, "count_include_pad": 1}),
    ("AveragePool", [LINE], {"kernel_shape": [3], "auto_pad": "SAME_LOWER", "strides": [2], "dilations": [2]}),
    ("GlobalAveragePool", [IMAGE], {}),
    ("GlobalMaxPool", [distinct(2, 3, 2, 3)], {}),
    # attention: several heads, shared ones, packed ones
    ("Attention", [normal(2, 2, 3, 4), normal(2, 2, 5, 4), normal(2, 2, 5, 6)], {}),
    ("Attention", [normal(2, 4, 3, 4), normal(2, 2, 3, 4), normal(2, 2, 3, 5)], {"is_causal": 1, "softcap": 1.5}),
    ("Attention", [normal(2, 3, 16), normal(2, 5, 8), normal(2, 5, 6), rng.random((3, 5)) > 0.3],
     {"q_num_heads": 4, "kv_num_heads": 2, "scale": 0.75}),
    ("Attention", [normal(2, 2, 3, 4), normal(2, 2, 3, 4), normal(2, 2, 3, 6), None,
                   normal(2, 2, 2, 4).astype(np.float32), normal(2, 2, 2, 6).astype(np.float32)], {"is_causal": 1}),
    # normalizations
    ("LayerNormalization", [X, normal(4), normal(4)], {}),
    ("LayerNormalization", [X, normal(3, 4)], {"axis": 1, "epsilon": 0.01}),
    ("RMSNormalization", [X, normal(4)], {"stash_type": 11}),
    ("InstanceNormalization", [IMAGE, normal(4), normal(4)], {}),
    ("GroupNormalization", [IMAGE, normal(4), normal(4)], {"num_groups": 2, "stash_type": 11}),
    ("MeanVarianceNormalization", [IMAGE], {}),
    ("BatchNormalization", [IMAGE, normal(4), normal(4), normal(4), between(0.5, 2, 4)], {}),
    ("LpNormalization", [FAR], {"axis": 1}),
    ("LpNormalization", [FAR], {"axis": -1, "p": 1}),
    # reductions
    *[(op, [distinct(2, 3, 4) + 0.1, ints(*axes)], {"keepdims": keep})
      for op in ("ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp")
      for axes, keep in (((1,), 0), ((0, -1), 1))],
    ("ReduceMax", [distinct(2, 3)], {"keepdims": 0}),
    ("ReduceLogSum", [between(0.5, 2, 2, 3), ints(0)], {}),
    ("ReduceProd", [between(0.5, 2, 2, 3), ints(1)], {"keepdims": 0}),
    ("ReduceProd", [np.array([[0.0, 2, 3], [0, 0, 5], [2, 3, 4]]), ints(1)], {}),
    # losses
    *[(op, [normal(3, 5, 2), ints([0, 4], [2, 1], [3, 2]), *weight], {"reduction": reduction, **ignore})
      for op in ("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss")
      for reduction in ("none", "sum", "mean")
      for weight, ignore in (([], {}), ([between(0.5, 2, 5).astype(np.float32)], {"ignore_index": 2}))],
    ("SoftmaxCrossEntropyLoss", [normal(3, 5), ints(0, -1, 3)], {"ignore_index": -1}),
]  # fmt: skip

NEED_RANK = {"Conv", "Attention"}  # rules that take the rank from the model: of kernel_shape, or of one of the inputs


def outputs_of(op):
    return {"TopK": ["f", "places"]}.get(op, ["f"])


def build(op, inputs, attributes, known):
    names = [f"x{i}" if x is not None else "" for i, x in enumerate(inputs)]
    xs = [n for n, x in zip(names, inputs) if n and x.dtype == np.float64]
    kinds = {n: h.np_dtype_to_tensor_dtype(x.dtype) for n, x in zip(names, inputs) if n}
    weight32 = [n for n in kinds if kinds[n] == T.FLOAT and op != "Resize"]  # a constant of the type of the others
    nodes = [h.make_node("CastLike", [n, xs[0]], [f"{n}d"]) for n in weight32]
    nodes += [
        h.make_node(op, [f"{n}d" if n in weight32 else n for n in names], outputs_of(op), **attributes),
        h.make_node("Mul", ["f", "w"], ["p"]),
        h.make_node("ReduceSum", ["p"], ["y"], keepdims=0),
        h.make_node("Gradient", xs, [f"d{n}" for n in xs], domain=TRAINING, xs=xs, y="y"),
    ]
    stated = {n: x.shape if known == "known" else [None] * x.ndim if known == "rank" else None
              for n, x in zip(names, inputs) if n}  # fmt: skip
    graph = h.make_graph(
        nodes,
        "g",
        [h.make_tensor_value_info(n, kinds[n], stated[n]) for n in kinds] + [h.make_tensor_value_info("w", T.DOUBLE, None)],
        [h.make_tensor_value_info(n, T.DOUBLE, None) for n in ("y", *[f"d{n}" for n in xs])]
        + [h.make_tensor_value_info("f", T.DOUBLE, None)],
    )
    opsets = [h.make_opsetid("", OPSET), h.make_opsetid(TRAINING, 1)]
    return h.make_model(graph, ir_version=11, opset_imports=opsets), xs


def differences(value, x, step=1e-5):
    out = np.empty(x.shape)
    for i in np.ndindex(x.shape):
        sides = []
        for d in (step, -step):
            moved = x.copy()
            moved[i] += d
            sides.append(value(moved))
        out[i] = (sides[0] - sides[1]) / (2 * step)
    return out


def session_of(model):
    return onward.InferenceSession(model.SerializeToString())


@pytest.mark.parametrize("op, inputs, attributes", CASES, ids=[f"{i}-{c[0]}" for i, c in enumerate(CASES)])
def test_against_differences(op, inputs, attributes):
    feeds = {f"x{i}": x for i, x in enumerate(inputs) if x is not None}
    right = None
    for known in ("known", "rank", "open"):
        if known == "open" and (op in NEED_RANK or "Pool" in op or op == "ConvTranspose"):
            continue
        model, xs = build(op, inputs, attributes, known)
        session = session_of(model)
        if right is None:
            shape = session.run(["f"], {**feeds, "w": np.array(1.0)})[0].shape
            w = np.random.default_rng(3).uniform(0.5, 1.5, shape)
            value = lambda n, x: session.run(["y"], {**feeds, n: x, "w": w})[0]  # noqa: E731
            right = [differences(lambda x, n=n: value(n, x), feeds[n]) for n in xs]
        found = session.run([f"d{n}" for n in xs], {**feeds, "w": w})
        for n, a, b in zip(xs, found, right):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7, err_msg=f"{op} by {n}, shapes {known}")


@pytest.mark.parametrize("spatial", [(5,), (3, 4)])
def test_batch_normalization_in_training_mode(spatial):
    x, scale, bias, zeros, ones = normal(3, 2, *spatial), normal(2), normal(2), np.zeros(2), np.ones(2)
    names = ["x", "s", "b", "m", "v"]
    nodes = [
        h.make_node("BatchNormalization", names, ["f", "rm", "rv"], training_mode=1),
        h.make_node("Mul", ["f", "w"], ["p"]),
        h.make_node("ReduceSum", ["p"], ["y"], keepdims=0),
        h.make_node("Gradient", ["x", "s", "b"], ["dx", "ds", "db"], domain=TRAINING, xs=["x", "s", "b"], y="y"),
    ]
    graph = h.make_graph(nodes, "g", [h.make_tensor_value_info(n, T.DOUBLE, None) for n in [*names, "w"]],
                         [h.make_tensor_value_info(n, T.DOUBLE, None) for n in ("y", "dx", "ds", "db")])  # fmt: skip
    opsets = [h.make_opsetid("", OPSET), h.make_opsetid(TRAINING, 1)]
    session = session_of(h.make_model(graph, ir_version=11, opset_imports=opsets))
    feeds = {"x": x, "s": scale, "b": bias, "m": zeros, "v": ones, "w": rng.uniform(0.5, 1.5, x.shape)}
    found = session.run(["dx", "ds", "db"], feeds)
    for n, a in zip("xsb", found):
        b = differences(lambda v, n=n: session.run(["y"], {**feeds, n: v})[0], feeds[n])
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7, err_msg=n)


def test_dropout_whose_mask_is_an_output():
    nodes = [
        h.make_node("Dropout", ["x", "ratio", "training"], ["f", "mask"], seed=3),
        h.make_node("Mul", ["f", "w"], ["p"]),
        h.make_node("ReduceSum", ["p"], ["y"], keepdims=0),
        h.make_node("Gradient", ["x"], ["dx"], domain=TRAINING, xs=["x"], y="y"),
    ]
    inputs = [h.make_tensor_value_info(n, T.DOUBLE, None) for n in ("x", "w", "ratio")]
    graph = h.make_graph(nodes, "g", [*inputs, h.make_tensor_value_info("training", T.BOOL, [])],
                         [h.make_tensor_value_info("dx", T.DOUBLE, None), h.make_tensor_value_info("mask", T.BOOL, None)])  # fmt: skip
    opsets = [h.make_opsetid("", 22), h.make_opsetid(TRAINING, 1)]
    session = session_of(h.make_model(graph, ir_version=10, opset_imports=opsets))
    x, w = normal(50), normal(50)
    for training in (False, True):
        dx, mask = session.run(None, {"x": x, "w": w, "ratio": np.array(0.25), "training": np.array(training)})
        np.testing.assert_allclose(dx, w * mask / 0.75 if training else w, rtol=1e-12)
        assert mask.all() != training


def test_celu():
    """Of float alone: against e^(x / alpha) below 0."""
    nodes = [
        h.make_node("Celu", ["x"], ["y"], alpha=0.5),
        h.make_node("Gradient", ["x"], ["dx"], domain=TRAINING, xs=["x"], y="y"),
    ]
    graph = h.make_graph(nodes, "g", [h.make_tensor_value_info("x", T.FLOAT, None)],
                         [h.make_tensor_value_info("dx", T.FLOAT, None)])  # fmt: skip
    opsets = [h.make_opsetid("", OPSET), h.make_opsetid(TRAINING, 1)]
    x = FAR.astype(np.float32)
    found = session_of(h.make_model(graph, ir_version=11, opset_imports=opsets)).run(None, {"x": x})[0]
    np.testing.assert_allclose(found, np.where(x < 0, np.exp(x / 0.5), 1), rtol=1e-6)
