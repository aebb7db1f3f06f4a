"""Values in and out: every element type, layouts, strings, sequences, maps, optionals, sparse, OrtValue, IOBinding."""

import gc
import sys

import ml_dtypes
import nets
import numpy as np
import onward as ort
import pytest
from onnx import TensorProto as T
from onnx import helper as h

G = np.random.default_rng(7)
NUMPY_TYPES = {
    T.FLOAT: "float32", T.UINT8: "uint8", T.INT8: "int8", T.UINT16: "uint16", T.INT16: "int16", T.INT32: "int32",
    T.INT64: "int64", T.BOOL: "bool", T.FLOAT16: "float16", T.DOUBLE: "float64", T.UINT32: "uint32", T.UINT64: "uint64",
    T.COMPLEX64: "complex64", T.COMPLEX128: "complex128",
}  # fmt: skip
ML_TYPES = {
    T.BFLOAT16: ml_dtypes.bfloat16, T.FLOAT8E4M3FN: ml_dtypes.float8_e4m3fn, T.FLOAT8E4M3FNUZ: ml_dtypes.float8_e4m3fnuz,
    T.FLOAT8E5M2: ml_dtypes.float8_e5m2, T.FLOAT8E5M2FNUZ: ml_dtypes.float8_e5m2fnuz, T.UINT4: ml_dtypes.uint4,
    T.INT4: ml_dtypes.int4, T.FLOAT4E2M1: ml_dtypes.float4_e2m1fn, T.FLOAT8E8M0: ml_dtypes.float8_e8m0fnu,
    T.UINT2: ml_dtypes.uint2, T.INT2: ml_dtypes.int2,
}  # fmt: skip
ALL_TYPES = {**{k: np.dtype(v) for k, v in NUMPY_TYPES.items()}, **{k: np.dtype(v) for k, v in ML_TYPES.items()}}
LOW = {"uint4": 0, "int4": -8, "uint2": 0, "int2": -2}


def identity(proto, opset=25):
    return ort.InferenceSession(nets.identity(proto, opset).SerializeToString())


def sample(dtype, shape):
    if dtype.name in LOW:
        bits = int(dtype.name[-1])
        return G.integers(LOW[dtype.name], LOW[dtype.name] + 2**bits, shape).astype("int8").astype(dtype)
    if dtype.name == "bool":
        return G.integers(0, 2, shape).astype(bool)
    return G.integers(1, 100, shape).astype("float32").astype(dtype)


@pytest.mark.parametrize("number", ALL_TYPES, ids=lambda n: T.DataType.Name(n))
@pytest.mark.parametrize("shape", [(), (0,), (5,), (3, 2, 3)], ids=str)
def test_every_element_type_goes_through(number, shape):
    dtype = ALL_TYPES[number]
    session = identity(h.make_tensor_type_proto(number, None))
    x = np.asarray(sample(dtype, shape))
    (z,) = session.run(None, {"x": x})
    assert z.dtype == dtype and z.shape == x.shape
    assert z.tobytes() == x.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int4", "int64"])
def test_layouts_are_taken_as_they_are_meant(dtype):
    dtype = np.dtype(dtype) if dtype in ("float32", "int64") else np.dtype(getattr(ml_dtypes, dtype))
    number = next(n for n, d in ALL_TYPES.items() if d == dtype)
    session = identity(h.make_tensor_type_proto(number, None))
    base = sample(dtype, (6, 4))
    for x in (
        base.T,
        base[::2],
        base[:, ::-1],
        np.asfortranarray(base),
        base[1:, 1:],
        np.broadcast_to(base[0], (3, 4)),
    ):
        np.testing.assert_array_equal(session.run(None, {"x": x})[0].astype("f4"), np.array(x).astype("f4"))


def test_memory_that_is_not_aligned():
    data = bytes(range(64))
    for dtype, number in (("f4", T.FLOAT), ("f8", T.DOUBLE), ("c16", T.COMPLEX128), ("i2", T.INT16)):
        session = identity(h.make_tensor_type_proto(number, None))
        for offset in range(9):
            x = np.frombuffer(data, dtype, 3, offset)
            assert session.run(None, {"x": x})[0].tobytes() == x.tobytes()
            assert ort.OrtValue.ortvalue_from_numpy(x).numpy().tobytes() == x.tobytes()


def test_byte_order_read_only_and_lists():
    session = identity(h.make_tensor_type_proto(T.FLOAT, None))
    x = np.arange(6, dtype=">f4").reshape(2, 3)
    np.testing.assert_array_equal(session.run(None, {"x": x})[0], x.astype("f4"))
    frozen = np.arange(3, dtype="f4")
    frozen.flags.writeable = False
    np.testing.assert_array_equal(session.run(None, {"x": frozen})[0], frozen)
    for given in ([[1, 2], [3, 4]], ((1.5, 2), (3, 4)), 5, 2.5, np.float32(3), [], [np.float32(1), 2]):
        np.testing.assert_array_equal(session.run(None, {"x": given})[0], np.array(given, "f4"))


@pytest.mark.parametrize(
    "x",
    [np.array(["a", "ü", ""]), np.array(["a", "日本"], object), np.array("alone"), np.array([["x"], ["y"]]),
     np.array(["a\0b", "c"], object), np.array([], object)],
    ids=["U", "object", "scalar", "matrix", "nul", "empty"],
)  # fmt: skip
def test_strings(x):
    (z,) = identity(h.make_tensor_type_proto(T.STRING, None)).run(None, {"x": x})
    assert z.dtype == object and z.shape == x.shape
    assert z.tolist() == x.tolist() and all(isinstance(s, str) for s in z.reshape(-1))


def test_strings_of_other_kinds():
    session = identity(h.make_tensor_type_proto(T.STRING, None))
    assert session.run(None, {"x": np.array([b"a", b"bc"])})[0].tolist() == ["a", "bc"]
    assert session.run(None, {"x": ["a", "b"]})[0].tolist() == ["a", "b"]
    assert session.run(None, {"x": np.array([1, None, 2.5], object)})[0].tolist() == ["1", "None", "2.5"]
    (z,) = session.run(None, {"x": np.array([b"\xff\xfe"], object)})
    assert z[0].encode("utf-8", "surrogateescape") == b"\xff\xfe"
    assert session.run(None, {"x": z})[0].tolist() == z.tolist()


def test_sequences():
    session = identity(h.make_sequence_type_proto(h.make_tensor_type_proto(T.FLOAT, None)), 16)
    x = [np.ones((1, 2), np.float32), np.zeros(3, np.float32)]
    (z,) = session.run(None, {"x": x})
    assert isinstance(z, list) and [a.shape for a in z] == [(1, 2), (3,)]
    assert session.run(None, {"x": []}) == [[]]
    (v,) = session.run_with_ort_values(
        None, {"x": ort.OrtValue(session.run_with_ort_values(None, {"x": _sequence(x)})[0])}
    )
    assert v.is_tensor_sequence() and v.data_type() == "seq(tensor(float))" and not v.is_tensor()
    np.testing.assert_array_equal(v.to_python()[0], x[0])


def _sequence(arrays):
    from onward._arrays import from_python

    return ort.OrtValue(from_python(arrays, "seq(tensor(float))", "x"))


def test_optionals_are_none():
    session = identity(h.make_optional_type_proto(h.make_tensor_type_proto(T.FLOAT, [2])), 16)
    x = np.ones(2, np.float32)
    np.testing.assert_array_equal(session.run(None, {"x": x})[0], x)
    assert session.run(None, {"x": None}) == [None]
    assert session.run(None, {}) == [None]
    (empty,) = session.run_with_ort_values(None, {})
    assert not empty.has_value()


def test_maps_in_and_out():
    kinds = {T.INT64: {3: 1.5, -7: 2.5}, T.STRING: {"b": 1.5, "a": 2.5}}
    for key, given in kinds.items():
        attribute = "int64_vocabulary" if key == T.INT64 else "string_vocabulary"
        order = list(given)
        node = h.make_node("DictVectorizer", ["x"], ["z"], domain="ai.onnx.ml", **{attribute: order[::-1]})
        proto = h.make_map_type_proto(key, h.make_tensor_type_proto(T.FLOAT, []))
        model = nets.model([node], [h.make_value_info("x", proto)], [nets.tensor("z", [1, 2])])
        session = ort.InferenceSession(model.SerializeToString())
        (z,) = session.run(None, {"x": given})
        np.testing.assert_array_equal(z.reshape(-1), np.array([given[k] for k in order[::-1]], "f4"))


def test_sparse_tensors():
    cpu = ort.OrtDevice.make("cpu", 0)
    values = np.array([1, 2], np.float32)
    x = ort.SparseTensor.sparse_coo_from_numpy(np.array([3, 3]), values, np.array([1, 5]), cpu)
    rows = ort.SparseTensor.sparse_csr_from_numpy(
        np.array([3, 3]), values, np.array([1, 2]), np.array([0, 1, 2, 2]), cpu
    )
    assert x.format() == ort.OrtSparseFormat.ORT_SPARSE_COO and x.as_coo_view().indices().tolist() == [1, 5]
    assert rows.as_csrc_view().outer().tolist() == [0, 1, 2, 2] and x.dense_shape().tolist() == [3, 3]
    with pytest.raises(RuntimeError):
        x.as_csrc_view()
    for sparse in (x, rows):
        value = ort.OrtValue.ort_value_from_sparse_tensor(sparse)
        assert value.is_sparse_tensor() and value.data_type() == "sparse_tensor(float)"
        assert value.shape() == [3, 3] and value.element_type() == 1
        back = value.as_sparse_tensor()
        np.testing.assert_array_equal(back.values(), values)
        assert back.format() == sparse.format()


def _sparse_type(shape, kind=T.FLOAT):
    return h.make_sparse_tensor_type_proto(kind, shape)


def _sparse_inputs(engine, dtype):
    """[1 0 2; 0 3 0], by coordinates and by rows."""
    cpu, shape, values = engine.OrtDevice.make("cpu", 0), np.array([2, 3]), np.array([1, 2, 3], dtype)
    at = np.array([[0, 0], [0, 2], [1, 1]])
    return {
        "coordinates": engine.SparseTensor.sparse_coo_from_numpy(shape, values, at, cpu),
        "rows": engine.SparseTensor.sparse_csr_from_numpy(shape, values, np.array([0, 2, 1]), np.array([0, 2, 3]), cpu),
    }


@pytest.mark.parametrize("form", ["coordinates", "rows"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint32])
def test_sparse_inputs_of_a_session(form, dtype):
    """SparseToDenseMatMul against ONNX Runtime, which leaves `alpha` out for any type but float, and numpy."""
    onnxruntime = pytest.importorskip("onnxruntime")
    kind = h.np_dtype_to_tensor_dtype(np.dtype(dtype))
    b, alpha = np.arange(6).astype(dtype).reshape(3, 2), 2.0 if dtype == np.float32 else 1.0
    node = h.make_node("SparseToDenseMatMul", ["a", "b"], ["y"], domain="com.microsoft", alpha=alpha)
    model = nets.model([node], [h.make_value_info("a", _sparse_type([2, 3], kind)), nets.tensor("b", [3, 2], kind)],
                       [nets.tensor("y", [2, 2], kind)])  # fmt: skip
    model.opset_import.append(h.make_opsetid("com.microsoft", 1))
    for engine in (onnxruntime, ort):
        session = engine.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        assert [x.type for x in session.get_inputs()][0].startswith("sparse_tensor(")
        value = engine.OrtValue.ort_value_from_sparse_tensor(_sparse_inputs(engine, dtype)[form])
        fed = {"a": value, "b": engine.OrtValue.ortvalue_from_numpy(b)}
        (y,) = session.run_with_ort_values(None, fed)
        np.testing.assert_array_equal(y.numpy(), dtype(alpha) * (np.array([[1, 0, 2], [0, 3, 0]], dtype) @ b))
    (again,) = session.run(None, {"a": _sparse_inputs(ort, dtype)[form], "b": b})  # ONNX Runtime's run refuses these
    np.testing.assert_array_equal(again, y.numpy())
    with pytest.raises(ort.InvalidArgument, match="'a'"):
        session.run(None, {"a": np.ones((2, 3), dtype), "b": b})


def test_sparse_outputs_of_a_session():
    """A sparse initializer that is an output, and an input that is one, in both engines."""
    onnxruntime = pytest.importorskip("onnxruntime")
    values, at = h.make_tensor("w", T.FLOAT, [3], [1.5, 2.5, 3.5]), h.make_tensor("at", T.INT64, [3], [2, 3, 5])
    graph = h.make_graph(
        [h.make_node("Identity", ["x"], ["y"])], "g",
        [nets.tensor("x", [1]), h.make_value_info("a", _sparse_type([2, 3]))],
        [nets.tensor("y", [1]), h.make_value_info("w", _sparse_type([3, 3])), h.make_value_info("a", _sparse_type([2, 3]))],
        sparse_initializer=[h.make_sparse_tensor(values, at, [3, 3])],
    )  # fmt: skip
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8).SerializeToString()
    for engine in (onnxruntime, ort):
        session = engine.InferenceSession(model, providers=["CPUExecutionProvider"])
        sparse = _sparse_inputs(engine, np.float32)["coordinates"]
        fed = {"x": engine.OrtValue.ortvalue_from_numpy(np.ones(1, np.float32)),
               "a": engine.OrtValue.ort_value_from_sparse_tensor(sparse)}  # fmt: skip
        _, w, a = session.run_with_ort_values(None, fed)
        assert w.is_sparse_tensor() and not w.is_tensor() and w.data_type() == "sparse_tensor(float)"
        found = w.as_sparse_tensor()
        assert found.values().tolist() == [1.5, 2.5, 3.5] and list(found.dense_shape()) == [3, 3]
        assert found.as_coo_view().indices().reshape(-1).tolist() == [2, 3, 5]
        assert a.as_sparse_tensor().values().tolist() == [1, 2, 3]
    assert session.get_outputs()[1].type == "sparse_tensor(float)"  # ONNX Runtime says tensor(float)
    w.as_sparse_tensor().values()[:] = 9  # the caller's own
    assert session.run_with_ort_values(["w"], fed)[0].as_sparse_tensor().values().tolist() == [1.5, 2.5, 3.5]


def test_inputs_are_borrowed_and_let_go():
    """A large input is not copied, and after the run nothing holds it."""
    session = identity(h.make_tensor_type_proto(T.FLOAT, ["N"]))
    x = np.zeros(1 << 20, np.float32)
    before = sys.getrefcount(x)
    (z,) = session.run(None, {"x": x})
    assert sys.getrefcount(x) == before
    assert not np.shares_memory(x, z), "an output is the caller's to write to, so it is no input's memory"
    value = ort.OrtValue.ortvalue_from_numpy(x)
    assert value.data_ptr() == x.ctypes.data, "the value is on the array's memory"
    assert sys.getrefcount(x) > before
    del value
    gc.collect()
    assert sys.getrefcount(x) == before


def test_outputs_are_the_engines_memory_without_a_copy():
    session = identity(h.make_tensor_type_proto(T.FLOAT, ["N"]))
    (value,) = session.run_with_ort_values(None, {"x": ort.OrtValue.ortvalue_from_numpy(np.ones(1000, np.float32))})
    a, b = value.numpy(), np.asarray(value)
    assert a.ctypes.data == b.ctypes.data == value.data_ptr() and np.shares_memory(a, b)
    del value, b
    gc.collect()
    assert a.sum() == 1000, "the array keeps the memory alive"
    a[:] = 5
    assert session.run(None, {"x": np.ones(1000, np.float32)})[0].sum() == 1000


def test_ort_value():
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    v = ort.OrtValue.ortvalue_from_numpy(x)
    assert (v.shape(), v.data_type(), v.element_type(), v.device_name()) == ([2, 3], "tensor(float)", 1, "cpu")
    assert v.has_value() and v.is_tensor() and not v.is_sparse_tensor() and not v.is_tensor_sequence()
    assert v.tensor_size_in_bytes() == 24 and v.__dlpack_device__() == (1, 0)
    v.update_inplace(x * 2)
    np.testing.assert_array_equal(x, np.arange(6).reshape(2, 3) * 2)
    with pytest.raises(RuntimeError, match="bytes"):
        v.update_inplace(x[0])
    for given in (np.float32, np.dtype("float32"), "float32", T.FLOAT):
        assert ort.OrtValue.ortvalue_from_shape_and_type([2, 3], given).data_type() == "tensor(float)"
    assert ort.OrtValue.ortvalue_from_shape_and_type([4], T.BFLOAT16).numpy().dtype == ml_dtypes.bfloat16
    bits = ort.OrtValue.ortvalue_from_numpy_with_onnx_type(np.array([0x3F80], np.uint16), T.BFLOAT16)
    assert bits.numpy()[0] == 1 and bits.data_type() == "tensor(bfloat16)"
    with pytest.raises(RuntimeError, match="cuda"):
        ort.OrtValue.ortvalue_from_shape_and_type([2], np.float32, "cuda", 0)
    with pytest.raises(Exception, match="nonsense"):
        ort.OrtValue.ortvalue_from_shape_and_type([2], np.float32, "nonsense", 0)
    assert np.asarray(v, dtype=np.float64).dtype == np.float64
    target = ort.OrtValue.ortvalue_from_shape_and_type([2, 3], np.float32)
    ort.copy_tensors([v], [target])
    np.testing.assert_array_equal(target.numpy(), x)


@pytest.mark.parametrize("name", [n for n in NUMPY_TYPES.values()])
def test_dlpack_both_ways(name):
    x = sample(np.dtype(name), (2, 3))
    v = ort.OrtValue.from_dlpack(x)
    assert v.data_ptr() == x.ctypes.data
    back = np.from_dlpack(v)
    assert back.dtype == x.dtype and back.ctypes.data == x.ctypes.data
    again = ort.OrtValue.from_dlpack(Exporter(x))
    np.testing.assert_array_equal(again.numpy(), x)
    assert again.data_ptr() == x.ctypes.data
    del v, x
    gc.collect()
    np.testing.assert_array_equal(back, again.numpy())


class Exporter:
    """A stranger's tensor: nothing but the DLPack protocol, as a numpy array has it."""

    def __init__(self, array):
        self.array, self.dtype = array, array.dtype

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_dlpack_refuses_what_it_cannot_share():
    with pytest.raises(ValueError, match="contiguous"):
        ort.OrtValue.from_dlpack(Exporter(np.ones((3, 4), np.float32).T))
    with pytest.raises(TypeError):
        ort.OrtValue.from_dlpack(object())


def test_io_binding(add):
    x, y = np.ones((2, 3), np.float32), np.arange(3, dtype=np.float32)
    binding = add.io_binding()
    with pytest.raises(RuntimeError, match="nowhere"):
        binding.bind_cpu_input("nowhere", x)
    binding.bind_cpu_input("x", x)
    binding.bind_input("y", "cpu", 0, np.float32, [3], y.ctypes.data)
    with pytest.raises(RuntimeError, match="output"):
        add.run_with_iobinding(binding)
    binding.bind_output("z")
    binding.synchronize_inputs()
    add.run_with_iobinding(binding)
    binding.synchronize_outputs()
    np.testing.assert_array_equal(binding.copy_outputs_to_cpu()[0], x + y)
    x += 1
    add.run_with_iobinding(binding)
    np.testing.assert_array_equal(binding.get_outputs()[0].numpy(), x + y)
    assert len(binding.get_outputs_as_ortvaluevector()) == 1
    with pytest.raises(ValueError):
        ort.InferenceSession(nets.add().SerializeToString()).run_with_iobinding(binding)


def test_outputs_are_written_to_bound_memory(add):
    x, y, z = np.ones((2, 3), np.float32), np.arange(3, dtype=np.float32), np.zeros((2, 3), np.float32)
    binding = add.io_binding()
    binding.bind_cpu_input("x", x)
    binding.bind_cpu_input("y", y)
    binding.bind_output("z", "cpu", 0, np.float32, z.shape, z.ctypes.data)
    add.run_with_iobinding(binding)
    np.testing.assert_array_equal(z, x + y)
    assert binding.get_outputs()[0].data_ptr() == z.ctypes.data
    target = ort.OrtValue.ortvalue_from_shape_and_type([2, 3], np.float32)
    binding.clear_binding_outputs()
    assert binding.get_outputs() == []
    binding.bind_ortvalue_output("z", target)
    add.run_with_iobinding(binding)
    np.testing.assert_array_equal(target.numpy(), x + y)
    binding.bind_ortvalue_output("z", ort.OrtValue.ortvalue_from_shape_and_type([4, 3], np.float32))
    with pytest.raises(RuntimeError):
        add.run_with_iobinding(binding)


def test_vectors(add):
    feeds = [ort.OrtValue.ortvalue_from_numpy(a) for a in (np.ones((2, 3), np.float32), np.ones(3, np.float32))]
    fetches = ort.OrtValueVector()
    add.run_with_ortvaluevector(None, ["x", "y"], feeds, ["z"], fetches, [None])
    np.testing.assert_array_equal(fetches[0].numpy(), np.full((2, 3), 2))
    assert fetches.element_type_at(0) == 1 and np.from_dlpack(fetches[0]).shape == (2, 3)
