"""Adapters, held against ONNX Runtime's: files both ways, runs, and damaged files."""

import random

import numpy as np
import onward as ort
import pytest
from onnx import helper as h

import nets

onnxruntime = pytest.importorskip("onnxruntime")
onnxruntime.set_default_logger_severity(4)
X = np.arange(6, dtype=np.float32).reshape(2, 3)


def low_rank():
    """y = x + x a b, with a and b optional inputs that are zero."""
    nodes = [h.make_node("MatMul", ["x", "a"], ["p"]), h.make_node("MatMul", ["p", "b"], ["q"]),
             h.make_node("Add", ["x", "q"], ["y"])]  # fmt: skip
    inputs = [nets.tensor("x", ["N", 3]), nets.tensor("a", [3, 1]), nets.tensor("b", [1, 3])]
    weights = {"a": np.zeros((3, 1), "f"), "b": np.zeros((1, 3), "f")}
    return nets.model(nodes, inputs, [nets.tensor("y", ["N", 3])], weights).SerializeToString()


def exported(engine, path, arrays):
    made = engine.AdapterFormat()
    made.set_adapter_version(3)
    made.set_model_version(-7)
    made.set_parameters({name: engine.OrtValue.ortvalue_from_numpy(x) for name, x in arrays.items()})
    made.export_adapter(str(path))
    return path


KEPT = []  # ONNX Runtime's options do not keep their adapters alive


def loaded(engine, path):
    adapter = engine.LoraAdapter()
    KEPT.append(adapter)
    adapter.Load(str(path))
    options = engine.RunOptions()
    options.add_active_adapter(adapter)
    return options


A = {"a": np.array([[1], [2], [3]], np.float32), "b": np.array([[0.5, 0, -1]], np.float32)}
ARRAYS = {
    **A,
    "nothing": np.zeros((0, 4), np.float32),
    "scalar": np.array(5, np.int64),
    "half": np.arange(5, dtype=np.float16),
    "bool": np.array([True, False, True]),
    "bytes": np.arange(7, dtype=np.uint8),
    "double": np.linspace(0, 1, 3),
}


THEIRS = {"a", "b", "half", "double"}  # what ONNX Runtime reads of it: no bools, bytes or scalars


@pytest.mark.parametrize("writer, reader", [(ort, onnxruntime), (onnxruntime, ort), (ort, ort)])
def test_files_go_both_ways(tmp_path, writer, reader):
    arrays = {k: v for k, v in ARRAYS.items() if reader is ort or k in THEIRS}
    path = exported(writer, tmp_path / "x.onnx_adapter", arrays)
    found = reader.AdapterFormat.read_adapter(str(path))
    assert (found.get_format_version(), found.get_adapter_version(), found.get_model_version()) == (1, 3, -7)
    parameters = found.get_parameters()
    assert parameters.keys() == arrays.keys()
    for name, x in arrays.items():
        assert parameters[name].numpy().dtype == x.dtype
        np.testing.assert_array_equal(parameters[name].numpy(), x)


def test_runs_take_its_parameters(tmp_path):
    path = exported(onnxruntime, tmp_path / "x.onnx_adapter", A)
    mine, theirs = ort.InferenceSession(low_rank()), onnxruntime.InferenceSession(low_rank())
    expected = theirs.run(None, {"x": X}, loaded(onnxruntime, path))[0]
    options = loaded(ort, path)
    np.testing.assert_array_equal(mine.run(None, {"x": X})[0], X)
    np.testing.assert_allclose(mine.run(None, {"x": X}, options)[0], expected)
    values = {"x": ort.OrtValue.ortvalue_from_numpy(X)}
    np.testing.assert_allclose(mine.run_with_ort_values(None, values, options)[0].numpy(), expected)
    fed = {"x": X, "a": np.ones((3, 1), np.float32)}  # the adapter's counts, there as here
    np.testing.assert_allclose(theirs.run(None, fed, loaded(onnxruntime, path))[0], expected)
    np.testing.assert_allclose(mine.run(None, fed, options)[0], expected)
    other = exported(ort, tmp_path / "y.onnx_adapter", {"a": A["a"] * 2})
    second = ort.LoraAdapter()
    second.Load(other)
    options.add_active_adapter(second)  # the last to name an input counts
    np.testing.assert_allclose(mine.run(None, {"x": X}, options)[0], X + 2 * (expected - X))


def test_errors(tmp_path):
    session = ort.InferenceSession(low_rank())
    unknown = exported(ort, tmp_path / "x.onnx_adapter", {"zz": A["a"]})
    with pytest.raises(ort.InvalidArgument, match="zz"):
        session.run(None, {"x": X}, loaded(ort, unknown))
    shape = exported(ort, tmp_path / "x.onnx_adapter", {"a": A["b"]})
    with pytest.raises(ort.InvalidArgument, match="'a'"):
        session.run(None, {"x": X}, loaded(ort, shape))
    with pytest.raises(RuntimeError, match="missing"):
        ort.LoraAdapter().Load("missing.onnx_adapter")
    with pytest.raises(RuntimeError, match="no/such"):
        ort.AdapterFormat().export_adapter("no/such/folder")
    with pytest.raises(RuntimeError, match="strings"):
        ort.AdapterFormat().set_parameters({"s": ort.OrtValue.ortvalue_from_numpy(np.array(["a"], object))})
    with pytest.raises(TypeError, match="int"):
        ort.RunOptions().add_active_adapter(5)
    with pytest.raises(ValueError, match="32 bits"):
        ort.AdapterFormat().set_model_version(1 << 31)


def test_damaged_files_are_refused_or_read(tmp_path):
    """Many lengths, and hundreds of bytes and words: an error of ours, or an adapter; nothing else."""
    path = exported(onnxruntime, tmp_path / "x.onnx_adapter", ARRAYS)
    whole, refused = path.read_bytes(), 0
    g = random.Random(5)
    broken = [whole[:n] for n in range(0, len(whole), 5)]
    for _ in range(500):
        data = bytearray(whole)
        at = g.randrange(len(data))
        new = g.choice([bytes([g.randrange(256)]), b"\xff\xff\xff\xff", b"\0\0\0\x80", g.randbytes(8)])
        data[at : at + len(new)] = new
        broken.append(bytes(data[: len(whole)]))
    for data in broken:
        path.write_bytes(data)
        try:
            for value in ort.AdapterFormat.read_adapter(path).get_parameters().values():
                value.numpy().tobytes()
        except RuntimeError as error:
            assert "x.onnx_adapter" in str(error)
            refused += 1
    assert refused > len(whole) / 5
