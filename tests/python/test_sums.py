"""Long sums of float32 and float64, against long double: within 2 eps of the sum of magnitudes, for every operator that sums."""

import numpy as np
import onnx
import onnx.helper as oh
import onnx.numpy_helper as onh
import pytest

import onward

COUNT = 100_003
TYPES = {"float32": np.float32, "float64": np.float64}


def numbers(dtype, shape):
    return np.random.default_rng(7).random(shape).astype(dtype)


def run(op, inputs, attributes=None, constants=None, strict=False, opset=22):
    """The first output of one node. inputs: fed; constants: the inputs after them."""
    names = [f"x{i}" for i in range(len(inputs))]
    weights = {f"c{i}": value for i, value in enumerate(constants or [])}
    of = onh.from_array(inputs[0]).data_type
    graph = oh.make_graph([oh.make_node(op, [*names, *weights], ["y"], **(attributes or {}))], "sum",
                          [oh.make_tensor_value_info(name, of, list(x.shape)) for name, x in zip(names, inputs)],
                          [oh.make_tensor_value_info("y", of, None)],
                          [onh.from_array(value, name) for name, value in weights.items()])
    model = oh.make_model(graph, opset_imports=[oh.make_opsetid("", opset)])
    options = onward.SessionOptions()
    if strict:
        options.add_session_config_entry("onward.strict_math", "1")
    session = onward.InferenceSession(model.SerializeToString(), options)
    return session.run(None, dict(zip(names, inputs)))[0]


def wide(x):
    return x.astype(np.longdouble)


def close(got, want, dtype, eps=2):
    error = np.max(np.abs(wide(np.asarray(got)) - want) / np.abs(want)) / np.finfo(dtype).eps
    assert error <= eps, f"{float(error):.1f} eps"


REDUCTIONS = {
    "ReduceSum": lambda x: x.sum(),
    "ReduceMean": lambda x: x.sum() / x.size,
    "ReduceL1": lambda x: x.sum(),
    "ReduceL2": lambda x: np.sqrt((x * x).sum()),
    "ReduceSumSquare": lambda x: (x * x).sum(),
    "ReduceLogSum": lambda x: np.log(x.sum()),
    "ReduceLogSumExp": lambda x: np.log(np.exp(x).sum()),
}


@pytest.mark.parametrize("dtype", TYPES.values(), ids=TYPES)
@pytest.mark.parametrize("op", REDUCTIONS)
@pytest.mark.parametrize("along", ["rows", "columns"])
def test_reductions(op, dtype, along):
    x = numbers(dtype, (COUNT, 3))
    want = np.array([REDUCTIONS[op](wide(x[:, i])) for i in range(3)])
    given, axis = (x, 0) if along == "columns" else (np.ascontiguousarray(x.T), 1)
    close(run(op, [given], {"keepdims": 0}, [np.array([axis])]), want, dtype)


@pytest.mark.parametrize("dtype", TYPES.values(), ids=TYPES)
def test_running_sums(dtype):
    x = numbers(dtype, (COUNT,))
    close(run("CumSum", [x], {}, [np.array(0)]), np.cumsum(wide(x)), dtype)


@pytest.mark.parametrize("dtype", TYPES.values(), ids=TYPES)
@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax", "LpNormalization"])
def test_denominators(op, dtype):
    x = numbers(dtype, (2, COUNT))
    exact = wide(x)
    if op == "LpNormalization":
        return close(run(op, [x], {"axis": -1, "p": 1}), exact / exact.sum(1, keepdims=True), dtype)
    want = np.exp(exact) / np.exp(exact).sum(1, keepdims=True)
    close(run(op, [x], {"axis": -1}), want if op == "Softmax" else np.log(want), dtype)


@pytest.mark.parametrize("dtype", TYPES.values(), ids=TYPES)
@pytest.mark.parametrize("op", ["GlobalAveragePool", "AveragePool"])
@pytest.mark.parametrize("shape", [(1, 5, COUNT), (2, 3, 113, 211)])
def test_averages(op, dtype, shape):
    x = numbers(dtype, shape)
    want = wide(x).reshape(*shape[:2], -1).sum(2) / np.prod(shape[2:])
    got = run(op, [x], {"kernel_shape": list(shape[2:])} if op == "AveragePool" else {})
    close(got.reshape(shape[:2]), want, dtype)


@pytest.mark.parametrize("dtype", TYPES.values(), ids=TYPES)
@pytest.mark.parametrize("op", ["GlobalLpPool", "LpPool"])
@pytest.mark.parametrize("p", [1, 2, 3])
def test_norms_of_windows(op, dtype, p):
    x = numbers(dtype, (2, 3, 113, 211))
    want = (wide(x) ** p).sum((2, 3)) ** (1 / np.longdouble(p))
    got = run(op, [x], {"p": p} | ({"kernel_shape": [113, 211]} if op == "LpPool" else {}))
    close(got.reshape(2, 3), want, dtype)


@pytest.mark.parametrize("dtype", TYPES.values(), ids=TYPES)
@pytest.mark.parametrize("op", ["LayerNormalization", "InstanceNormalization", "MeanVarianceNormalization"])
def test_statistics(op, dtype):
    """Of a mean far from zero; as much as the sums' rounding may move the result, 2 eps of mean over deviation."""
    x = numbers(dtype, (1, 2, COUNT)) + dtype(1)
    exact = wide(x)
    centred = exact - exact.mean(2, keepdims=True)
    epsilon = 0 if op.startswith("Mean") else np.longdouble(np.float32(1e-5))
    want = centred / (np.sqrt((centred**2).mean(2, keepdims=True) + epsilon) + (1e-9 if op.startswith("Mean") else 0))
    if op == "LayerNormalization":
        got = run(op, [x], {"axis": -1}, [np.ones(COUNT, dtype)])
    elif op == "InstanceNormalization":
        got = run(op, [x], {}, [np.ones(2, dtype), np.zeros(2, dtype)])
    else:
        got = run(op, [x], {"axes": [2]})
    error = float(np.abs(wide(got) - want).max()) / np.finfo(dtype).eps
    assert error <= 2 * 1.5 / 0.28, f"{error:.1f} eps"


@pytest.mark.parametrize("op, attributes", [("MatMul", {}), ("Gemm", {}), ("Einsum", {"equation": "ij,jk->ik"})])
@pytest.mark.parametrize("dtype", TYPES.values(), ids=TYPES)
def test_products(op, attributes, dtype):
    """Of float32 in the strict mode (docs/numerics.md)."""
    a, b = numbers(dtype, (3, COUNT)), numbers(dtype, (COUNT, 5))
    want = wide(a) @ wide(b)
    close(run(op, [a, b], attributes, strict=dtype == np.float32), want, dtype)
    close(run(op, [a], attributes, [b], strict=dtype == np.float32), want, dtype)


@pytest.mark.parametrize("dtype", TYPES.values(), ids=TYPES)
def test_losses(dtype):
    classes = 30_011
    x, labels = numbers(dtype, (50, classes)), np.random.default_rng(1).integers(0, classes, 50)
    log_prob = wide(x) - np.log(np.exp(wide(x)).sum(1, keepdims=True))
    want = -log_prob[np.arange(50), labels].mean()
    close(run("SoftmaxCrossEntropyLoss", [x], {}, [labels]), want, dtype)


def test_a_sum_is_infinite_or_nan_where_its_terms_say_so():
    x = numbers(np.float64, (4, 100))
    x[0, 3], x[1, 5], x[2, 1], x[2, 2], x[3, 9] = np.inf, -np.inf, np.inf, -np.inf, np.nan
    got = run("ReduceSum", [x], {"keepdims": 0}, [np.array([1])])
    assert got[0] == np.inf and got[1] == -np.inf and np.isnan(got[2:]).all()
