"""`onward compare`: metrics against numpy, the first node that differs, gates, references of every kind."""

import json
import sys

import numpy as np
import onnx
import onnx.reference
import pytest
from onnx import TensorProto, helper, numpy_helper

from conftest import call, floats, save


def net(path, wrong=0.0, extra=0.0):
    """x[2,8] -> MatMul -> a -> Relu -> b -> MatMul -> y[2,10]; `wrong` spoils the second matrix, `extra` the first."""
    rng = np.random.default_rng(7)
    w1, w2 = rng.standard_normal((8, 6)).astype(np.float32), rng.standard_normal((6, 10)).astype(np.float32)
    w2[:, 0] += wrong
    w1 += extra
    nodes = [helper.make_node("MatMul", ["x", "w1"], ["a"], name="first"), helper.make_node("Relu", ["a"], ["b"], name="relu"),
             helper.make_node("MatMul", ["b", "w2"], ["y"], name="second")]
    return save(path, nodes, [floats("x", [2, 8])], [floats("y", [2, 10])],
                [numpy_helper.from_array(w1, "w1"), numpy_helper.from_array(w2, "w2")])


def report(*arguments, code):
    done = call("compare", *arguments, "--json")
    assert done.code == code, done.err + done.out
    return json.loads(done.out)


def test_metrics_are_numpys(tmp_path):
    a, b = net(tmp_path / "a.onnx"), net(tmp_path / "b.onnx", wrong=0.5)
    for model, out in ((a, "ya"), (b, "yb")):
        assert call("run", model, "--seed", 3, "--out", tmp_path / out).code == 0
    found, expected = (np.load(tmp_path / out / "y.npy").astype(np.float64) for out in ("yb", "ya"))
    d = report(b, "--with", a, "--seed", 3, code=1)["outputs"][0]
    diff = np.abs(found - expected)
    assert d["max_abs"] == pytest.approx(diff.max())
    assert d["max_rel"] == pytest.approx((diff / np.abs(expected)).max())
    assert d["l1"] == pytest.approx(diff.sum())
    assert d["rel_l2"] == pytest.approx(np.linalg.norm(diff) / np.linalg.norm(expected))
    assert d["cosine"] == pytest.approx(np.vdot(found, expected) / np.linalg.norm(found) / np.linalg.norm(expected))
    assert d["mismatched"] == np.count_nonzero(diff > 1e-5 + 1e-3 * np.abs(expected))
    assert d["rows"] == 2 and d["same_argmax"] == np.count_nonzero(found.argmax(1) == expected.argmax(1))
    top = [len(set(np.argsort(-f)[:5]) & set(np.argsort(-e)[:5])) for f, e in zip(found, expected)]
    assert d["same_top_k"] == pytest.approx(sum(top) / 10)


def test_names_the_first_node_and_who_is_to_blame(tmp_path):
    good, bad, early = net(tmp_path / "a.onnx"), net(tmp_path / "b.onnx", wrong=0.5), net(tmp_path / "c.onnx", extra=0.5)
    first = report(bad, "--with", good, code=1)["first_difference"]
    assert first["node"] == "second" and first["op_type"] == "MatMul"
    assert [i["name"] for i in first["inputs"]] == ["b"] and first["inputs"][0]["passed"]
    assert "itself" in first["verdict"]
    assert report(early, "--with", good, code=1)["first_difference"]["node"] == "first"
    values = report(early, "--with", good, "--nodes", code=1)["values"]
    assert [v["name"] for v in values] == ["a", "b", "y"] and not values[0]["passed"]
    text = call("compare", bad, "--with", good)
    assert text.code == 1 and "first difference: MatMul 'second'" in text.out and text.out.endswith("FAIL\n")


def test_gates(tmp_path):
    a, b = net(tmp_path / "a.onnx"), net(tmp_path / "b.onnx", wrong=0.01)
    for flags, code in [([], 1), (["--rtol", "1"], 1), (["--atol", "1"], 0), (["--max-rel-l2", "0.1"], 0),
                        (["--max-rel-l2", "1e-9"], 1), (["--min-cosine", "0.99"], 0), (["--min-cosine", "1"], 1),
                        (["--max-abs", "0.5"], 0), (["--max-abs", "1e-7"], 1), (["--max-mismatched", "1"], 0)]:
        done = call("compare", b, "--with", a, *flags)
        assert done.code == code or flags == ["--rtol", "1"], (flags, done.out)
    assert call("compare", a, "--with", a, "--runs", 3).code == 0


@pytest.mark.parametrize("backend", ["onnxruntime", "onnx"])
def test_other_engines(tmp_path, backend):
    pytest.importorskip(backend)
    model = net(tmp_path / "a.onnx")
    r = report(model, "--with", backend, "--python", sys.executable, "--nodes", "--runs", 2, code=0)
    assert [v["name"] for v in r["values"]] == ["a", "b", "y"] and r["outputs"][0]["elements"] == 20


def test_a_python_without_the_package_is_told(tmp_path, monkeypatch):
    model = net(tmp_path / "a.onnx")
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\nexec {sys.executable} -S -I \"$@\"\n")
    fake.chmod(0o755)
    done = call("compare", model, "--with", "onnxruntime", "--python", fake)
    assert done.code == 2 and "No module named" in done.err and "--python" in done.err
    done = call("compare", model, "--with", "onnxruntime", "--python", tmp_path / "none")
    assert done.code == 2 and "cannot be started" in done.err


def test_folders(tmp_path):
    model = net(tmp_path / "a.onnx")
    assert call("run", model, "--seed", 5, "--out", tmp_path / "saved").code == 0
    assert call("compare", model, "--with", tmp_path / "saved", "--seed", 5).code == 0
    assert call("compare", model, "--with", tmp_path / "saved", "--seed", 6).code == 1
    data = tmp_path / "test_data_set_0"
    data.mkdir()
    x = np.random.default_rng(0).random((2, 8), np.float32)
    onnx.save(onnx.load(model), tmp_path / "m.onnx")
    y = onnx.reference.ReferenceEvaluator(onnx.load(model)).run(None, {"x": x})[0]
    for name, array in (("input_0", x), ("output_0", y)):
        (data / f"{name}.pb").write_bytes(numpy_helper.from_array(array).SerializeToString())
    assert call("compare", model, "--with", data).code == 0
    done = call("run", model, "--test-data", data)
    assert done.code == 0 and "as expected" in done.out
    (data / "output_0.pb").write_bytes(numpy_helper.from_array(y + 1).SerializeToString())
    assert call("run", model, "--test-data", data).code == 1


def test_shapes_nan_and_bad_calls(tmp_path):
    def one(path, op, shape, **attributes):
        return save(path, [helper.make_node(op, ["x"], ["y"], **attributes)], [floats("x", [2, 3])], [floats("y", shape)])

    neg, flat = one(tmp_path / "n.onnx", "Neg", [2, 3]), one(tmp_path / "f.onnx", "Flatten", [1, 6], axis=0)
    log = save(tmp_path / "l.onnx", [helper.make_node("Neg", ["x"], ["t"]), helper.make_node("Log", ["t"], ["y"])],
               [floats("x", [2, 3])], [floats("y", [2, 3])])
    r = report(neg, "--with", flat, code=1)["outputs"][0]
    assert r["failed_because"] == "shape is float32[2,3], expected float32[1,6]"
    r = report(log, "--with", neg, code=1)["outputs"][0]
    assert r["non_finite_found"] == 6 and r["non_finite_mismatched"] == 6
    for arguments, message in [([neg], "--with is required"), ([neg, "--with", "nowhere"], "no folder and no model"),
                               ([neg, "--with", tmp_path], "no file of an output"),
                               ([neg, "--with", flat, "--rtol", "-1"], "--rtol")]:
        done = call("compare", *arguments)
        assert done.code == 2 and message in done.err, done.err


def test_html_report(tmp_path):
    a, b = net(tmp_path / "a.onnx"), net(tmp_path / "b.onnx", wrong=0.5)
    assert call("compare", b, "--with", a, "--nodes", "--html", tmp_path / "r.html").code == 1
    page = (tmp_path / "r.html").read_text()
    assert page.count("<circle") == 3 and "second" in page and "FAIL" in page
