"""Operators of com.microsoft, which exporters write when they fuse for ONNX Runtime, against ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import call
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, INT32 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32
RANDOM = np.random.default_rng(7)


def real(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def angles(positions, half):
    at = np.arange(positions)[:, None] * 0.7 ** np.arange(half)[None]
    return {"cos": np.cos(at).astype(np.float32), "sin": np.sin(at).astype(np.float32)}


def held_against_ort(
    tmp_path, op_type, inputs, outputs, domain="com.microsoft", constants=(), compared=None, **attributes
):
    """`inputs`: name to array, or None for one left out; `constants` are initializers; open dimensions elsewhere."""
    names = [name if value is not None else "" for name, value in inputs.items()]
    node = helper.make_node(op_type, names, outputs, domain=domain, **attributes)
    given = {name: value for name, value in inputs.items() if value is not None}
    types = {name: helper.np_dtype_to_tensor_dtype(value.dtype) for name, value in given.items()}
    graph = helper.make_graph(
        [node],
        "g",
        [
            helper.make_tensor_value_info(
                name,
                types[name],
                [f"{name}{axis}" if axis < 2 else extent for axis, extent in enumerate(value.shape)],
            )
            for name, value in given.items()
            if name not in constants
        ],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs if name],
        [numpy_helper.from_array(given[name], name) for name in constants],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    fed = {name: value for name, value in given.items() if name not in constants}
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    expected = session.run([name for name in outputs if name], fed)
    arguments = []
    for name, value in fed.items():
        np.save(tmp_path / f"{name}.npy", value)
        arguments += ["--input", f"{name}={tmp_path / name}.npy"]
    done = call("run", path, *arguments, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    for name, reference in zip([name for name in outputs if name], expected):
        if name not in (compared or outputs):
            continue
        got = np.load(tmp_path / "out" / f"{name}.npy")
        assert got.shape == reference.shape, f"{op_type} {name}: the shape differs from ONNX Runtime's"
        np.testing.assert_allclose(got, reference, rtol=2e-5, atol=2e-5, err_msg=f"{op_type} {name}")


@pytest.mark.parametrize(
    "given", [{}, {"beta": real(6)}, {"beta": real(6), "bias": real(6)}, {"beta": None, "bias": real(6)}]
)
def test_skip_layer_normalization(tmp_path, given):
    inputs = {"x": real(2, 3, 6), "skip": real(2, 3, 6), "gamma": real(6)} | given
    held_against_ort(tmp_path, "SkipLayerNormalization", inputs, ["y", "", "", "sum"], epsilon=1e-3)


def test_skip_simplified_layer_normalization(tmp_path):
    inputs = {"x": real(2, 3, 6), "skip": real(2, 3, 6), "gamma": real(6), "bias": real(6)}
    held_against_ort(tmp_path, "SkipSimplifiedLayerNormalization", inputs, ["y", "", "", "sum"], epsilon=1e-3)


def test_simplified_layer_normalization_in_the_default_domain(tmp_path):
    held_against_ort(
        tmp_path,
        "SimplifiedLayerNormalization",
        {"x": real(2, 3, 6), "scale": real(6)},
        ["y"],
        domain="",
        epsilon=1e-2,
        axis=-1,
    )


@pytest.mark.parametrize(
    "op_type, bias",
    [("BiasGelu", True), ("FastGelu", True), ("FastGelu", False), ("Gelu", False), ("QuickGelu", False)],
)
def test_gelu(tmp_path, op_type, bias):
    held_against_ort(tmp_path, op_type, {"x": real(3, 5)} | ({"bias": real(5)} if bias else {}), ["y"])


@pytest.mark.parametrize("attributes", [{"transA": 1}, {"transB": 1, "alpha": 0.25}, {}])
def test_fused_matmul(tmp_path, attributes):
    a = real(2, 4, 3) if attributes.get("transA") else real(2, 3, 4)
    b = real(2, 5, 4) if attributes.get("transB") else real(2, 4, 5)
    held_against_ort(tmp_path, "FusedMatMul", {"a": a, "b": b}, ["y"], **attributes)


@pytest.mark.parametrize(
    "shape, attributes",
    [
        ((2, 3, 5, 8), {}),
        ((2, 5, 24), {"num_heads": 3}),
        ((2, 5, 24), {}),
        ((2, 3, 5, 8), {"interleaved": 1}),
        ((2, 5, 30), {"num_heads": 3, "rotary_embedding_dim": 8}),
    ],
)
@pytest.mark.parametrize("positions", [np.array([[0, 1, 2, 3, 4], [4, 3, 9, 1, 0]]), np.array([3])])
def test_rotary_embedding(tmp_path, shape, attributes, positions):
    inputs = {"x": real(*shape), "positions": positions.astype(np.int64)} | angles(10, 4)
    held_against_ort(tmp_path, "RotaryEmbedding", inputs, ["y"], constants=("cos", "sin"), **attributes)


def test_multi_head_attention(tmp_path):
    inputs = {
        "q": real(2, 3, 8),
        "k": real(2, 5, 8),
        "v": real(2, 5, 12),
        "bias": real(28),
        "mask": np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1]], np.int32),
        "scores": real(2, 2, 3, 5),
    }
    held_against_ort(tmp_path, "MultiHeadAttention", inputs, ["y"], constants=("bias",), num_heads=2)


def test_multi_head_attention_with_past(tmp_path):
    inputs = {
        "q": real(2, 1, 8),
        "k": real(2, 1, 8),
        "v": real(2, 1, 8),
        "bias": None,
        "mask": None,
        "scores": real(2, 2, 1, 4),
        "pk": real(2, 2, 3, 4),
        "pv": real(2, 2, 3, 4),
    }
    held_against_ort(tmp_path, "MultiHeadAttention", inputs, ["y", "nk", "nv"], num_heads=2, scale=0.3)


def decoder(batch, tokens, past, heads=4, kv_heads=2, size=8, packed=False):
    width = (heads + 2 * kv_heads if packed else heads) * size
    given = {"q": real(batch, tokens, width)}
    given |= (
        {"k": None, "v": None}
        if packed
        else {"k": real(batch, tokens, kv_heads * size), "v": real(batch, tokens, kv_heads * size)}
    )
    cache = (batch, kv_heads, past, size)
    given |= {"pk": real(*cache), "pv": real(*cache)} if past else {"pk": None, "pv": None}
    total = tokens + past
    return given | {"lengths": np.full([batch], total - 1, np.int32), "total": np.array(total, np.int32)}


GROUPED = {
    "first call": (decoder(2, 5, 0), {}),
    "step": (decoder(2, 1, 6), {"scale": 0.2}),
    "several tokens": (decoder(1, 3, 4), {}),
    "packed": (decoder(2, 1, 6, packed=True), {}),
    "window": (decoder(2, 6, 0), {"local_window_size": 3}),
    "softcap": (decoder(2, 5, 0), {"softcap": 2.0}),
    "rotary": (decoder(2, 1, 6, size=16) | angles(16, 8), {"do_rotary": 1}),
    "rotary at first": (decoder(2, 5, 0, size=16) | angles(16, 8), {"do_rotary": 1, "rotary_interleaved": 1}),
    "unequal lengths": (decoder(2, 1, 6) | {"lengths": np.array([6, 3], np.int32)}, {}),
    "bias": (decoder(2, 5, 0) | {"cos": None, "sin": None, "ids": None, "bias": real(2, 1, 5, 5)}, {}),
}


@pytest.mark.parametrize("name", GROUPED)
def test_group_query_attention(tmp_path, name):
    inputs, attributes = GROUPED[name]
    constants = [n for n in ("cos", "sin") if inputs.get(n) is not None]
    # What lies behind the end of a sequence is not defined.
    compared = ["y"] if name == "unequal lengths" else None
    held_against_ort(
        tmp_path,
        "GroupQueryAttention",
        inputs,
        ["y", "nk", "nv"],
        constants=constants,
        compared=compared,
        num_heads=4,
        kv_num_heads=2,
        **attributes,
    )


def skip_model(path, op_type, outputs):
    node = helper.make_node(op_type, ["x", "x", "g"], ["y", "mean", "deviation"], domain="com.microsoft")
    inputs = [
        helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in (("x", [1, 2, 4]), ("g", [4]))
    ]
    graph = helper.make_graph(
        [node], "g", inputs, [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs]
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return path


def test_outputs_that_are_named_need_not_be_used(tmp_path):
    for op_type in ("SkipLayerNormalization", "SkipSimplifiedLayerNormalization"):
        assert call("run", skip_model(tmp_path / "model.onnx", op_type, ["y"])).code == 0


def test_what_is_not_there_is_refused_at_load(tmp_path):
    done = call("run", skip_model(tmp_path / "model.onnx", "SkipSimplifiedLayerNormalization", ["y", "mean"]))
    assert done.code == 1 and "output 1 cannot be expressed" in done.err
