"""`onward simplify`: smaller models that onnx.checker accepts and ONNX Runtime computes the same with."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from conftest import call, floats, save


def conv_net(path):
    rng = np.random.default_rng(1)
    weights = {"w": rng.standard_normal((4, 3, 3, 3)), "s": rng.random(4) + 0.5, "b": rng.random(4),
               "m": rng.random(4), "v": rng.random(4) + 0.5, "one": np.ones(4), "two": np.full(4, 2.0)}
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Mul", ["one", "two"], ["k"]),
             helper.make_node("Div", ["k", "two"], ["unit"]), helper.make_node("Mul", ["s", "unit"], ["scale"]),
             helper.make_node("BatchNormalization", ["c", "scale", "b", "m", "v"], ["n"]),
             helper.make_node("Identity", ["n"], ["i"]), helper.make_node("Relu", ["i"], ["y"], name="last")]
    model = save(path, nodes, [floats("x", ["N", 3, 8, 8])], [floats("y", ["N", 4, 6, 6])],
                 [numpy_helper.from_array(v.astype(np.float32), n) for n, v in weights.items()])
    return model


def ort(path, feeds):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, feeds)


def test_smaller_and_the_same(tmp_path):
    model, out = conv_net(tmp_path / "m.onnx"), tmp_path / "s.onnx"
    done = call("simplify", model, "-o", out, "--runs", 2, "--json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert report["nodes"] == [7, 2] and report["opset"] == [17, 17] and report["written"]
    assert all(d["passed"] and d["elements"] for d in report["verified"])
    small = onnx.load(out)
    onnx.checker.check_model(small, full_check=True)
    assert [n.op_type for n in small.graph.node] == ["Conv", "Relu"] and small.graph.node[1].name == "last"
    assert small.graph.input == onnx.load(model).graph.input
    x = np.random.default_rng(2).standard_normal((2, 3, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(ort(out, {"x": x})[0], ort(model, {"x": x})[0], rtol=1e-4, atol=1e-5)


def test_node_names_stay_unique(tmp_path):
    """Softmax-11 becomes several nodes; ONNX Runtime refuses a name that comes twice."""
    nodes = [helper.make_node("Softmax", ["x"], ["y"], name="soft", axis=1)]
    model = save(tmp_path / "m.onnx", nodes, [floats("x", [2, 3, 4])], [floats("y", [2, 3, 4])], opset=11)
    assert call("simplify", model, "-o", tmp_path / "s.onnx").code == 0
    names = [n.name for n in onnx.load(tmp_path / "s.onnx").graph.node if n.name]
    assert len(names) == len(set(names))
    x = np.random.default_rng(0).random((2, 3, 4), np.float32)
    np.testing.assert_allclose(ort(tmp_path / "s.onnx", {"x": x})[0], ort(model, {"x": x})[0], rtol=1e-5)


def test_why_and_bad_calls(tmp_path):
    model = conv_net(tmp_path / "m.onnx")
    done = call("simplify", model, "-o", tmp_path / "s.onnx", "--why", "Relu")
    assert done.code == 0 and "computed from" in done.out
    assert call("simplify", model).code == 2
    assert call("simplify", tmp_path / "none.onnx", "-o", tmp_path / "x.onnx").code == 1
    assert not (tmp_path / "x.onnx").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.onnx", "s.onnx"]


def test_external_data_stays_external(tmp_path):
    model = onnx.load(conv_net(tmp_path / "m.onnx"))
    onnx.save(model, tmp_path / "e.onnx", save_as_external_data=True, location="e.bin", size_threshold=0)
    done = call("simplify", tmp_path / "e.onnx", "-o", tmp_path / "out.onnx", "--json")
    assert done.code == 0, done.err
    onnx.checker.check_model(str(tmp_path / "out.onnx"))
    x = np.ones((1, 3, 8, 8), np.float32)
    np.testing.assert_allclose(ort(tmp_path / "out.onnx", {"x": x})[0], ort(tmp_path / "m.onnx", {"x": x})[0], rtol=1e-4)


CASES = ["test_loop11", "test_if", "test_scan9_sum", "test_sequence_map_identity_1_sequence", "test_softmax_axis_0",
         "test_dynamicquantizelinear_expanded", "test_layer_normalization_2d_axis0_expanded", "test_cast_FLOAT_to_INT4",
         "test_gru_defaults", "test_ai_onnx_ml_label_encoder_string_int", "test_resize_upsample_scales_nearest"]


@pytest.mark.parametrize("case", CASES)
def test_official_cases(tmp_path, case):
    """A sample of the official cases; all of them take a minute: tests/cli/simplify_all.py."""
    from simplify_all import DATA, problem_of
    assert problem_of(DATA / "node" / case, tmp_path) == ""
