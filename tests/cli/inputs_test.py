"""Inputs of `onward run` in every form that a value has: literals, archives, narrow types, sequences, maps."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from conftest import call, floats, save

ml_dtypes = pytest.importorskip("ml_dtypes")


def identity(path, kind, shape, opset=25):
    info = [helper.make_tensor_value_info(n, kind, shape) for n in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", info[:1], info[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=11), path)
    return path


def outputs(model, tmp_path, *inputs, code=0):
    done = call("run", model, *[a for i in inputs for a in ("--input", i)], "--out", tmp_path / "out")
    assert done.code == code, done.err
    return np.load(tmp_path / "out/y.npy") if code == 0 else done.err


@pytest.mark.parametrize("kind,text,expected", [
    (TensorProto.INT64, "[[1,2,3]]", np.array([[1, 2, 3]], np.int64)),
    (TensorProto.FLOAT, "[[1,2.5,\"nan\"]]", np.array([[1, 2.5, np.nan]], np.float32)),
    (TensorProto.UINT8, "[[0,128,255]]", np.array([[0, 128, 255]], np.uint8)),
    (TensorProto.BOOL, "[[true,false,1]]", np.array([[True, False, True]])),
    (TensorProto.STRING, "[[\"a\",\"b c\",\"\u00e9\"]]", np.array([["a", "b c", "\u00e9"]])),
    (TensorProto.FLOAT16, "[[1,2,3]]", np.array([[1, 2, 3]], np.float16)),
    (TensorProto.INT4, "[[-8,0,7]]", np.array([[-8, 0, 7]], np.int8)),
])
def test_literals(tmp_path, kind, text, expected):
    y = outputs(identity(tmp_path / "m.onnx", kind, [1, 3]), tmp_path, f"x={text}")
    assert y.dtype.kind == expected.dtype.kind and np.array_equal(y, expected, equal_nan=y.dtype.kind == "f")


def test_bad_literals_say_what_is_expected(tmp_path):
    model = identity(tmp_path / "m.onnx", TensorProto.UINT8, ["N"])
    for text, message in [("[256]", "found 256, expected a whole number that fits uint8"), ("[1.5]", "found 1.5"),
                          ("[[1],[2,3]]", "expected a full tensor"), ("[1,[2]]", "expected a full tensor")]:
        assert message in outputs(model, tmp_path, f"x={text}", code=1)


@pytest.mark.parametrize("packed", [False, True])
def test_npz(tmp_path, affine_model, packed):
    x, k = np.arange(3, dtype=np.float32).reshape(1, 3), np.array([4, 5], np.int64)
    (np.savez_compressed if packed else np.savez)(tmp_path / "in.npz", x=x, k=k)
    for inputs in ([f"{tmp_path}/in.npz"], [f"x={tmp_path}/in.npz", f"k={tmp_path}/in.npz:k"]):
        done = call("run", affine_model, *[a for i in inputs for a in ("--input", i)], "--out", tmp_path / "out")
        assert done.code == 0, done.err
        assert (np.load(tmp_path / "out/out_y.npy") == 2 * x + 1).all() and np.load(tmp_path / "out/z.npy").tolist() == [4, 5]
    np.savez(tmp_path / "other.npz", q=x, r=x)
    done = call("run", affine_model, "--input", f"x={tmp_path}/other.npz")
    assert done.code == 1 and "no array 'x'; it has 'q', 'r'" in done.err
    data = (tmp_path / "in.npz").read_bytes()
    for cut in (10, len(data) // 2, len(data) - 5):
        (tmp_path / "cut.npz").write_bytes(data[:cut])
        assert call("run", affine_model, "--input", f"{tmp_path}/cut.npz").code == 1


@pytest.mark.parametrize("name,kind", [("bfloat16", "BFLOAT16"), ("float8_e4m3fn", "FLOAT8E4M3FN"),
                                       ("float8_e5m2", "FLOAT8E5M2"), ("int4", "INT4"), ("uint4", "UINT4")])
def test_npy_of_ml_dtypes(tmp_path, name, kind):
    model = identity(tmp_path / "m.onnx", getattr(TensorProto, kind), [4])
    x = np.array([0, 1, 2, 3]).astype(getattr(ml_dtypes, name))
    np.save(tmp_path / "x.npy", x)
    wide = outputs(model, tmp_path, f"x={tmp_path}/x.npy")
    assert np.array_equal(wide.astype(np.float32), x.astype(np.float32))
    # What `run --out` wrote, wider, goes back in where nothing is lost.
    assert np.array_equal(outputs(model, tmp_path, f"x={tmp_path}/out/y.npy"), wide)
    wrong = call("run", identity(tmp_path / "f.onnx", TensorProto.DOUBLE, [4]), "--input", f"x={tmp_path}/x.npy")
    assert wrong.code == 1 and "raw elements" in wrong.err


def sequence_model(path):
    """y = items of the sequence x, one after the other."""
    x = helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, None)
    node = helper.make_node("ConcatFromSequence", ["x"], ["y"], axis=0)
    return save(path, [node], [x], [floats("y", ["n"])])


def test_sequences(tmp_path):
    model = sequence_model(tmp_path / "m.onnx")
    items = [np.array([i, i + 0.5], np.float32) for i in range(11)]
    expected = np.concatenate(items)
    (tmp_path / "seq").mkdir()
    for i, item in enumerate(items):
        np.save(tmp_path / f"seq/item_{i}.npy", item)
    (tmp_path / "x.pb").write_bytes(numpy_helper.from_list(items, "x").SerializeToString())
    (tmp_path / "x.json").write_text(json.dumps([item.tolist() for item in items]))
    for source in (tmp_path / "seq", tmp_path / "x.pb", tmp_path / "x.json", json.dumps([i.tolist() for i in items])):
        assert np.array_equal(outputs(model, tmp_path, f"x={source}"), expected), source
    np.save(tmp_path / "one.npy", items[0])
    assert "give a folder of .npy files" in outputs(model, tmp_path, f"x={tmp_path}/one.npy", code=1)
    done = call("run", model)
    assert done.code == 2 and "no random value" in done.err


def test_optionals(tmp_path):
    kind = helper.make_optional_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, [2]))
    graph = helper.make_graph([helper.make_node("OptionalHasElement", ["x"], ["y"])], "g",
                              [helper.make_value_info("x", kind)], [helper.make_tensor_value_info("y", TensorProto.BOOL, [])])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), tmp_path / "m.onnx")
    full = numpy_helper.from_optional(np.array([1, 2], np.float32), "x")
    (tmp_path / "full.pb").write_bytes(full.SerializeToString())
    np.save(tmp_path / "full.npy", np.array([1, 2], np.float32))
    for source, there in [(tmp_path / "full.pb", True), (tmp_path / "full.npy", True), ("[1,2]", True), ("null", False)]:
        assert outputs(tmp_path / "m.onnx", tmp_path, f"x={source}") == there, source


def test_maps(tmp_path):
    kind = helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    node = helper.make_node("DictVectorizer", ["x"], ["y"], domain="ai.onnx.ml", string_vocabulary=["a", "b", "c"])
    graph = helper.make_graph([node], "g", [helper.make_value_info("x", kind)], [floats("y", [1, 3])])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 1)],
                                ir_version=8), tmp_path / "m.onnx")
    done = call("run", tmp_path / "m.onnx", "--input", 'x={"a": 1.5, "c": -2}', "--out", tmp_path / "out")
    if "cannot make a map" in done.err:
        pytest.skip("this build's library has no call for maps as inputs")
    assert done.code == 0, done.err
    assert np.load(tmp_path / "out/y.npy").tolist() == [[1.5, 0, -2]]
