"""`onward run` and `onward bench`: files in, files out, and what is said about bad ones."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from conftest import BUILD, DEMO_MODEL, call, files_under, floats, save


def test_npy_in_npy_out(tmp_path, affine_model):
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "k.npy", np.array([7, -2], np.int64))
    done = call("run", affine_model, "--input", f"x={tmp_path}/x.npy", "--input", f"k={tmp_path}/k.npy", "--out",
                tmp_path / "out", "--json")
    assert done.code == 0, done.err
    assert files_under(tmp_path / "out") == ["out_y.npy", "z.npy"]
    y = np.load(tmp_path / "out/out_y.npy")
    assert y.dtype == np.float32 and (y == 2 * x + 1).all()
    assert np.load(tmp_path / "out/z.npy").tolist() == [7, -2]
    summary = json.loads(done.out)["outputs"][0]
    assert summary == {"name": "out/y", "kind": "tensor", "type": "float32", "shape": [4, 3], "min": 1.0, "max": 23.0,
                       "mean": 12.0, "nan_count": 0}


TYPES = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
         "bool", "complex64", "complex128", "str"]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("form", ["npy", "fortran", "big-endian", "pb"])
def test_every_type_and_form_survives(tmp_path, kind, form):
    if kind == "str":
        values = np.array([["a", "\u00e9\u20ac"], ["", "\U0001f600x"], ["longer text", "b"]])
    else:
        values = (np.random.default_rng(3).random((3, 2)) * 100).astype(kind)
    element = TensorProto.STRING if kind == "str" else helper.np_dtype_to_tensor_dtype(values.dtype)
    model = save(tmp_path / "m.onnx", [helper.make_node("Identity", ["x"], ["y"])],
                 [helper.make_tensor_value_info("x", element, [3, 2])],
                 [helper.make_tensor_value_info("y", element, [3, 2])])
    path = tmp_path / ("x.pb" if form == "pb" else "x.npy")
    if form == "pb":
        path.write_bytes(numpy_helper.from_array(values.astype(object) if kind == "str" else values).SerializeToString())
    elif form == "fortran":
        np.save(path, np.asfortranarray(values))
    elif form == "big-endian":
        np.save(path, values.astype(values.dtype.newbyteorder(">")))
    else:
        np.save(path, values)
    done = call("run", model, "--input", f"x={path}", "--out", tmp_path / "out")
    assert done.code == 0, done.err
    got = np.load(tmp_path / "out/y.npy")
    assert got.dtype == values.dtype and (got == values).all()


def test_bfloat16_is_widened(tmp_path):
    model = save(tmp_path / "m.onnx", [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.BFLOAT16)],
                 [floats("x", [4])], [helper.make_tensor_value_info("y", TensorProto.BFLOAT16, [4])])
    np.save(tmp_path / "x.npy", np.array([1, -2.5, 1e30, 0], np.float32))
    assert call("run", model, "--input", f"x={tmp_path}/x.npy", "--out", tmp_path / "out").code == 0
    got = np.load(tmp_path / "out/y.npy")
    assert got.dtype == np.float32 and np.allclose(got, [1, -2.5, 1e30, 0], rtol=1e-2)


def test_picture_becomes_a_tensor(tmp_path, picture):
    model = save(tmp_path / "m.onnx", [helper.make_node("Identity", ["x"], ["y"])], [floats("x", [1, 3, "h", "w"])],
                 [floats("y", [1, 3, "h", "w"])])
    assert call("run", model, "--input", f"x={picture}", "--out", tmp_path / "out").code == 0
    got = np.load(tmp_path / "out/y.npy")
    assert np.allclose(got[0].transpose(1, 2, 0) * 255, np.asarray(Image.open(picture)), atol=1e-3)


def test_random_input_is_repeatable(tmp_path, affine_model):
    means = {}
    for name, flags in {"a": ["--seed", 1], "b": ["--seed", 1], "c": ["--seed", 2]}.items():
        done = call("run", affine_model, "--shape", "N=50", "--json", *flags)
        means[name] = json.loads(done.out)["outputs"][0]["mean"]
        assert json.loads(done.out)["outputs"][0]["shape"] == [50, 3]
    assert means["a"] == means["b"] != means["c"]


def test_outputs_whose_names_collide_get_their_own_files(tmp_path):
    nodes = [helper.make_node("Identity", ["x"], [name]) for name in ("a/b", "a_b", "../c")]
    model = save(tmp_path / "m.onnx", nodes, [floats("x", [2])], [floats(n, [2]) for n in ("a/b", "a_b", "../c")])
    assert call("run", model, "--out", tmp_path / "out").code == 0
    assert files_under(tmp_path / "out") == ["_.._c.npy", "a_b.npy", "a_b_2.npy"]


def test_shape_by_name_and_repeat(affine_model):
    done = call("run", affine_model, "--shape", "x=5x3", "--repeat", 3, "--optimization", "off", "--json")
    report = json.loads(done.out)
    assert report["outputs"][0]["shape"] == [5, 3] and len(report["run_ms"]) == 3


def test_profile_is_a_chrome_trace(tmp_path, affine_model):
    assert call("run", affine_model, "--profile", tmp_path / "trace.json").code == 0
    trace = json.loads((tmp_path / "trace.json").read_text())
    events = trace["traceEvents"] if isinstance(trace, dict) else trace
    assert any("name" in e and "dur" in e for e in events)


def test_bad_calls_are_2(tmp_path, affine_model):
    np.save(tmp_path / "wrong.npy", np.zeros((2, 4), np.float32))
    np.save(tmp_path / "double.npy", np.zeros((2, 3), np.float64))
    for arguments, message in [
        ([], "model is required"),
        ([affine_model, "--input", "x"], "expected NAME=VALUE"),
        ([affine_model, "--input", "nope=x.npy"], "no input 'nope'; it has 'x' float[N,3], 'k' int64[2]"),
        ([affine_model, "--shape", "x=axb"], "expected NAME=1x3x224x224"),
        ([affine_model, "--shape", "M=4"], "no open dimension of that name"),
        ([affine_model, "--threads", "0"], "--threads"),
        ([affine_model, "--optimization", "most"], "--optimization"),
        ([affine_model, "--input", f"x={tmp_path}/wrong.npy"], "'x'"),
        ([affine_model, "--input", f"x={tmp_path}/double.npy"], "'x'"),
        ([DEMO_MODEL], "axis 2 is open; give --shape 'height=N'"),
    ]:
        for command in ("run", "bench"):
            done = call(command, *arguments)
            assert done.code == 2, (command, arguments, done.err)
            assert message in done.err, (command, arguments, done.err)
    assert call().code == 2
    done = call("nonsense")
    assert done.code == 2 and "'nonsense' is no command; expected one of colorize, run" in done.err


def test_failed_jobs_are_1_and_leave_nothing(tmp_path, affine_model):
    (tmp_path / "text.npy").write_text("hello")
    (tmp_path / "short.npy").write_bytes(b"\x93NUMPY\x01\x00\xff\xff{")
    (tmp_path / "cut.onnx").write_bytes(affine_model.read_bytes()[:40])
    before = files_under(tmp_path)
    for arguments, message in [
        ([tmp_path / "none.onnx"], "none.onnx"),
        ([tmp_path / "cut.onnx"], "cut.onnx"),
        ([affine_model, "--input", "x=none.npy"], "none.npy: cannot be opened"),
        ([affine_model, "--input", f"x={tmp_path}"], "not an ordinary file"),
        ([affine_model, "--input", f"x={tmp_path}/text.npy"], "text.npy: neither .npy"),
        ([affine_model, "--input", f"x={tmp_path}/short.npy"], "short.npy: the .npy file ends"),
        ([affine_model, "--profile", tmp_path / "none/trace.json"], "trace.json: the profile cannot be written"),
        ([affine_model, "--out", tmp_path / "text.npy/out"], "text.npy/out: cannot be made"),
    ]:
        done = call("run", *arguments)
        assert done.code == 1, (arguments, done.err)
        assert message in done.err, (arguments, done.err)
    assert files_under(tmp_path) == before


def test_bench_reports(affine_model):
    done = call("bench", affine_model, "--seconds", 0, "--runs", 20, "--threads", 1, "--json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert report["runs"] == 20 and report["cpu"]
    assert 0 < report["p10_ms"] <= report["median_ms"] <= report["p90_ms"]
    assert report["runs_per_s"] > 0 and report["peak_rss_mib"] > 1 and report["load_ms"] > 0
    assert "median" in call("bench", affine_model, "--seconds", 0).out


def classifier(path):
    """Mean colour of the picture -> 7 scores."""
    nodes = [helper.make_node("GlobalAveragePool", ["x"], ["p"]), helper.make_node("Flatten", ["p"], ["f"]),
             helper.make_node("Gemm", ["f", "w"], ["y"])]
    weight = np.random.default_rng(1).normal(size=(3, 7)).astype(np.float32)
    save(path, nodes, [floats("x", ["N", 3, 32, 32])], [floats("y", ["N", 7])], [numpy_helper.from_array(weight, "w")])
    return weight


def test_examples(tmp_path):
    weight = classifier(tmp_path / "c.onnx")
    done = call(tmp_path / "c.onnx", program=BUILD / "examples/hello")
    assert done.code == 0 and done.out == "input x: float[N,3,32,32]\noutput y: float[N,7], now [1,7]\n", done.err
    Image.new("RGB", (50, 20), (200, 30, 90)).save(tmp_path / "p.ppm")
    done = call(tmp_path / "c.onnx", tmp_path / "p.ppm", program=BUILD / "examples/classify")
    assert done.code == 0, done.err
    mean = (np.array([200, 30, 90]) / 255 - [.485, .456, .406]) / [.229, .224, .225]
    scores = mean @ weight
    shares = 100 * np.exp(scores) / np.exp(scores).sum()
    expected = [f"class {k}  {shares[k]:.2f} %" for k in np.argsort(-scores)[:5]]
    assert done.out.splitlines() == expected
    assert call(tmp_path / "none.onnx", program=BUILD / "examples/hello").code == 1
    assert call(tmp_path / "c.onnx", tmp_path / "none.ppm", program=BUILD / "examples/classify").code == 1
