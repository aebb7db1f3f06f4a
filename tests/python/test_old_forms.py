"""Forms that only old opsets have, and that today's reference evaluators do not run: against numpy. If one fails, look
at `upgrade` in the operator's file in src/ops."""

import numpy as np
import onward
import pytest
from onnx import TensorProto as T
from onnx import helper as h

rng = np.random.default_rng(5)


def run(nodes, feeds, outputs, opset, known):
    """`known`: the model states the shapes of its inputs."""
    shape = lambda x: x.shape if known else None  # noqa: E731
    inputs = [
        h.make_tensor_value_info(n, h.np_dtype_to_tensor_dtype(x.dtype), shape(x)) for n, x in feeds.items()
    ]
    graph = h.make_graph(nodes, "g", inputs, [h.make_tensor_value_info(n, T.FLOAT, None) for n in outputs])
    model = h.make_model(graph, ir_version=3, opset_imports=[h.make_opsetid("", opset)])
    return onward.InferenceSession(model.SerializeToString()).run(None, feeds)


def f32(*shape):
    return rng.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("backwards", [0, 1])
@pytest.mark.parametrize("lengths", [(5, 5, 5), (1, 3, 5), (0, 2, 4), (0, 0, 0)])
def test_scan_of_sequences_of_their_own_lengths(lengths, backwards, known):
    value = lambda n: h.make_tensor_value_info(n, T.FLOAT, None)  # noqa: E731
    nodes = [h.make_node("Add", ["s", "e"], ["t"]), h.make_node("Identity", ["t"], ["u"])]
    body = h.make_graph(nodes, "body", [value("s"), value("e")], [value("t"), value("u")])
    scan = h.make_node("Scan", ["n", "x", "k"], ["y", "z"], body=body, num_scan_inputs=1, directions=[backwards])
    x, k = f32(3, 2), f32(3, 5, 2)
    last, all_sums = x.copy(), np.zeros_like(k)
    for b, n in enumerate(lengths):
        for t in range(n):
            last[b] = last[b] + k[b, n - 1 - t if backwards else t]
            all_sums[b, t] = last[b]
    y, z = run([scan], {"n": np.array(lengths), "x": x, "k": k}, ["y", "z"], 8, known)
    np.testing.assert_array_equal(y, last)
    np.testing.assert_array_equal(z, all_sums)
    for wrong in ((6, 1, 1), (-1, 2, 2)):
        with pytest.raises(onward.Error, match="split is"):
            run([scan], {"n": np.array(wrong), "x": x, "k": k}, ["y", "z"], 8, known)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("spatial", [0, 1])
@pytest.mark.parametrize("opset, attributes", [(1, {"is_test": 0, "consumed_inputs": [0, 0, 0, 1, 1]}), (6, {"is_test": 0}), (7, {})])  # fmt: skip
def test_batch_normalization_with_its_moments(opset, attributes, spatial, known):
    x, axes = f32(4, 3, 5), (0, 2) if spatial else 0
    scale, bias, mean, variance = (np.abs(f32(*(3, 5)[: 2 - spatial])) for _ in range(4))
    feeds = dict(zip("xsbmv", (x, scale, bias, mean, variance)))
    outputs = ["y", "rm", "rv", "sm", "sv"]
    node = h.make_node("BatchNormalization", list(feeds), outputs, momentum=0.75, spatial=spatial, **attributes)
    found = run([node], feeds, outputs, opset, known)
    wide = x.astype(np.float64)
    m, v = wide.mean(axes), wide.var(axes)
    spread = (lambda a: a[:, None]) if spatial else (lambda a: a)
    y = (wide - spread(m)) / np.sqrt(spread(v) + 1e-5) * spread(scale) + spread(bias)
    right = [y, 0.75 * mean + 0.25 * m, 0.75 * variance + 0.25 * v, m, v]
    for name, a, b in zip(outputs, found, right):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("shape", [(3,), (1,), (2, 3, 4)])
def test_prelu_by_channel(shape, known):
    x, slope = f32(2, 3, 4), f32(*shape)
    found = run([h.make_node("PRelu", ["x", "s"], ["y"])], {"x": x, "s": slope}, ["y"], 6, known)[0]
    wide = slope[:, None] if shape == (3,) else slope
    np.testing.assert_array_equal(found, np.where(x < 0, x * wide, x))


@pytest.mark.parametrize("known", [True, False])
def test_split_by_an_input_of_the_type_of_the_data(known):
    x, parts = f32(6, 2), np.array([2, 4], np.float32)
    found = run([h.make_node("Split", ["x", "p"], ["a", "b"], axis=0)], {"x": x, "p": parts}, ["a", "b"], 1, known)
    np.testing.assert_array_equal(found[0], x[:2])
    np.testing.assert_array_equal(found[1], x[2:])


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_resize_of_complex_numbers_beyond_the_image(dtype):
    x = (f32(1, 1, 2, 2) + 1j * f32(1, 1, 2, 2)).astype(dtype)
    roi = np.array([0, 0, 0, 0, 1, 1, 1, 2], np.float32)
    node = h.make_node("Resize", ["x", "roi", "", "sizes"], ["y"], mode="nearest", extrapolation_value=2.5,
                       coordinate_transformation_mode="tf_crop_and_resize")  # fmt: skip
    feeds = {"x": x, "roi": roi, "sizes": np.array([1, 1, 2, 3])}
    kinds = [h.make_tensor_value_info(n, h.np_dtype_to_tensor_dtype(v.dtype), v.shape) for n, v in feeds.items()]
    y = h.make_tensor_value_info("y", h.np_dtype_to_tensor_dtype(np.dtype(dtype)), None)
    model = h.make_model(h.make_graph([node], "g", kinds, [y]), ir_version=10, opset_imports=[h.make_opsetid("", 19)])
    found = onward.InferenceSession(model.SerializeToString()).run(None, feeds)[0]
    np.testing.assert_array_equal(found, np.concatenate([x, np.full((1, 1, 2, 1), 2.5, dtype)], axis=3))
