"""Models that are written: optimized_model_filepath and ModelCompiler. A written model is held against the one that it
came from, in onnxruntime and in onward."""

import pathlib

import numpy as np
import onnx
import onward as ort
import pytest
from onnx import helper as h

import nets

onnxruntime = pytest.importorskip("onnxruntime")
onnxruntime.set_default_logger_severity(4)
LEVELS = [ort.GraphOptimizationLevel.ORT_DISABLE_ALL, ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
          ort.GraphOptimizationLevel.ORT_ENABLE_ALL]  # fmt: skip
NUMPY = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(double)": np.float64}


def written(model, path, level=LEVELS[-1], entries=(), **sizes):
    options = ort.SessionOptions()
    options.optimized_model_filepath = path
    options.graph_optimization_level = level
    for key, value in entries:
        options.add_session_config_entry(key, value)
    for name, size in sizes.items():
        options.add_free_dimension_override_by_name(name, size)
    return ort.InferenceSession(model, options)


def foldable():
    """y = Relu(BatchNormalization(Conv(x)) + (c * 2 + 1)): something for every pass."""
    g = np.random.default_rng(3)
    f = lambda *shape: g.normal(0, 0.5, shape).astype("f")  # noqa: E731
    weights = {"w": f(4, 3, 3, 3), "s": f(4), "b": f(4), "m": f(4), "v": f(4) ** 2, "c": f(4, 1, 1), "two": f(1)}
    nodes = [
        h.make_node("Conv", ["x", "w"], ["k"], name="conv"),
        h.make_node("BatchNormalization", ["k", "s", "b", "m", "v"], ["n"], name="norm"),
        h.make_node("Mul", ["c", "two"], ["c2"], name="scale"),
        h.make_node("Identity", ["n"], ["i"], name="nothing"),
        h.make_node("Add", ["i", "c2"], ["a"], name="add"),
        h.make_node("Relu", ["a"], ["y"], name="relu"),
    ]
    return nets.model(nodes, [nets.tensor("x", ["N", 3, 8, 8])], [nets.tensor("y", ["N", 4, 6, 6])], weights)


def feed_for(session):
    g = np.random.default_rng(9)
    feed = {}
    for x in session.get_inputs():
        shape = [n if isinstance(n, int) else 2 for n in x.shape]
        feed[x.name] = g.uniform(0, 3, shape).astype(NUMPY[x.type])
    return feed


def expect_same(a, b, feed):
    for x, y in zip(a.run(None, feed), b.run(None, feed), strict=True):
        assert np.asarray(x).dtype == np.asarray(y).dtype
        np.testing.assert_allclose(x, y, rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
@pytest.mark.parametrize("net", ["foldable", "classifier", "add"])
def test_a_written_model_is_the_same_model(tmp_path, net, level):
    proto = foldable() if net == "foldable" else getattr(nets, net)()
    path = tmp_path / "out.onnx"
    made = written(proto.SerializeToString(), path, level)
    onnx.checker.check_model(str(path))
    feed = feed_for(made)
    source = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for engine in (ort, onnxruntime):
        again = engine.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        expect_same(again, source, feed)
        assert [x.name for x in again.get_inputs()] == [x.name for x in made.get_inputs()]
        assert again.get_modelmeta().custom_metadata_map == made.get_modelmeta().custom_metadata_map


def test_levels_decide_what_is_rewritten(tmp_path):
    kinds = []
    for level in LEVELS:
        written(foldable().SerializeToString(), tmp_path / "out.onnx", level)
        kinds.append([n.op_type for n in onnx.load(tmp_path / "out.onnx").graph.node])
    assert kinds[0] == ["Conv", "BatchNormalization", "Mul", "Identity", "Add", "Relu"] or "Identity" in kinds[0]
    assert "Identity" not in kinds[1] and "BatchNormalization" in kinds[1]
    assert kinds[2] == ["Conv", "Add", "Relu"]


def test_operators_of_onnx_runtime_stay_its_own(tmp_path):
    nodes = [
        h.make_node("FastGelu", ["x"], ["g"], domain="com.microsoft"),
        h.make_node("SimplifiedLayerNormalization", ["g", "s"], ["y"], axis=-1, epsilon=1e-5),
    ]
    proto = nets.model(nodes, [nets.tensor("x", ["N", 8])], [nets.tensor("y", ["N", 8])],
                       {"s": np.linspace(1, 2, 8, dtype="f")})  # fmt: skip
    proto.opset_import.append(h.make_opsetid("com.microsoft", 1))
    made = written(proto.SerializeToString(), tmp_path / "out.onnx")
    again = onnxruntime.InferenceSession(str(tmp_path / "out.onnx"), providers=["CPUExecutionProvider"])
    expect_same(again, made, feed_for(made))


def test_sizes_and_initializers_of_the_options_are_in_it(tmp_path):
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "out.onnx")
    options.add_free_dimension_override_by_name("N", 5)
    w = np.full((4, 3, 3, 3), 0.25, np.float32)
    options.add_initializer("w", ort.OrtValue.ortvalue_from_numpy(w))
    made = ort.InferenceSession(foldable().SerializeToString(), options)
    again = onnxruntime.InferenceSession(options.optimized_model_filepath, providers=["CPUExecutionProvider"])
    assert again.get_inputs()[0].shape == [5, 3, 8, 8]
    expect_same(again, made, {"x": np.ones((5, 3, 8, 8), np.float32)})


def test_large_initializers_go_beside_it(tmp_path):
    entries = [("session.optimized_model_external_initializers_file_name", "weights.bin"),
               ("session.optimized_model_external_initializers_min_size_in_bytes", "100")]  # fmt: skip
    made = written(foldable().SerializeToString(), tmp_path / "out.onnx", entries=entries)
    assert (tmp_path / "weights.bin").stat().st_size == 4 * 3 * 9 * 4
    again = onnxruntime.InferenceSession(str(tmp_path / "out.onnx"), providers=["CPUExecutionProvider"])
    expect_same(again, made, feed_for(made))


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path):
    model = foldable().SerializeToString()
    kept = tmp_path / "kept.onnx"
    kept.write_bytes(b"mine")
    for path, kind in [(tmp_path / "no" / "out.onnx", ort.InvalidArgument), (tmp_path, ort.InvalidArgument),
                       (tmp_path / "out.ort", ort.NotImplemented)]:  # fmt: skip
        with pytest.raises(kind, match=path.name):
            written(model, path)
    with pytest.raises(ort.InvalidArgument, match="beside|plain"):
        written(model, kept, entries=[("session.optimized_model_external_initializers_file_name", "../w.bin")])
    with pytest.raises(ort.InvalidArgument, match="min_size"):
        written(model, kept, entries=[("session.optimized_model_external_initializers_min_size_in_bytes", "many")])
    assert kept.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [kept]


def compiler(source, **arguments):
    return ort.ModelCompiler(ort.SessionOptions(), source, **arguments)


def test_model_compiler_writes_files_bytes_and_streams(tmp_path):
    model = foldable().SerializeToString()
    path = tmp_path / "net.onnx"
    path.write_bytes(model)
    everything = {"graph_optimization_level": ort.GraphOptimizationLevel.ORT_ENABLE_ALL}
    compiler(path, **everything).compile_to_file()
    made = compiler(model, **everything).compile_to_bytes()
    assert (tmp_path / "net_ctx.onnx").read_bytes() == made
    assert [n.op_type for n in onnx.load_from_string(made).graph.node] == ["Conv", "Add", "Relu"]
    parts = []
    compiler(model).compile_to_stream(parts.append)
    assert "BatchNormalization" in [n.op_type for n in onnx.load_from_string(b"".join(parts)).graph.node]
    source = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    expect_same(onnxruntime.InferenceSession(made, providers=["CPUExecutionProvider"]), source, feed_for(source))


def test_model_compiler_asks_where_initializers_are(tmp_path):
    data, asked = bytearray(), []

    def place(name, value, found):
        asked.append((name, found))
        if value.tensor_size_in_bytes() < 64:
            return None
        info = ort.OrtExternalInitializerInfo("data.bin", len(data), value.tensor_size_in_bytes())
        data.extend(value.numpy().tobytes())
        return info

    made = compiler(foldable().SerializeToString(), get_initializer_location_func=place)
    made.compile_to_file(tmp_path / "out.onnx")
    (tmp_path / "data.bin").write_bytes(data)
    assert ("w", None) in asked
    source = ort.InferenceSession(foldable().SerializeToString())
    again = onnxruntime.InferenceSession(str(tmp_path / "out.onnx"), providers=["CPUExecutionProvider"])
    expect_same(again, source, feed_for(source))
    seen = []
    external = ort.ModelCompiler(ort.SessionOptions(), tmp_path / "out.onnx",
                                 get_initializer_location_func=lambda name, value, found: seen.append((name, found)))  # fmt: skip
    external.compile_to_bytes()
    found = dict(seen)["w"]
    assert (found.filepath, found.file_offset, found.byte_size) == ("data.bin", 0, 4 * 27 * 4)


@pytest.mark.parametrize("engine", [ort, onnxruntime], ids=["onward", "onnxruntime"])
def test_model_compiler_fails_as_onnx_runtimes(tmp_path, engine, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = foldable().SerializeToString()
    pathlib.Path("there.onnx").write_bytes(b"mine")
    make = lambda source=model, **a: engine.ModelCompiler(engine.SessionOptions(), source, **a)  # noqa: E731
    flags = engine.OrtCompileApiFlags
    exceptions = engine.capi.onnxruntime_pybind11_state
    with pytest.raises(exceptions.Fail):
        make(flags=flags.ERROR_IF_OUTPUT_FILE_EXISTS).compile_to_file("there.onnx")
    assert pathlib.Path("there.onnx").read_bytes() == b"mine"
    with pytest.raises(exceptions.Fail):
        make(flags=flags.ERROR_IF_NO_NODES_COMPILED).compile_to_file("new.onnx")
    with pytest.raises(exceptions.InvalidArgument):
        make().compile_to_file("no/such/folder.onnx")
    with pytest.raises(exceptions.InvalidArgument):
        make("missing.onnx").compile_to_file("new.onnx")
    with pytest.raises(exceptions.InvalidProtobuf):
        make(b"\xff no model").compile_to_file("new.onnx")
    with pytest.raises(exceptions.Fail, match="ZeroDivisionError"):
        make(get_initializer_location_func=lambda *a: 1 / 0).compile_to_file("new.onnx")
    with pytest.raises(exceptions.Fail, match="ZeroDivisionError"):
        make().compile_to_stream(lambda data: 1 / 0)
    with pytest.raises(ValueError):
        make(get_initializer_location_func=print, external_initializers_file_path="w.bin")
    for source, kind in (("", ValueError), (b"", ValueError), (5, TypeError)):
        with pytest.raises(kind):
            make(source)
    with pytest.raises(TypeError):
        engine.ModelCompiler(None, model)
    assert [p.name for p in pathlib.Path().iterdir()] == ["there.onnx"]
