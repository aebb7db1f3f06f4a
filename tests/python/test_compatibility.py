"""What programs for ONNX Runtime set and ask for, where it means something here and where it does not."""

import contextlib

import numpy as np
import onnx
import onward as ort
import pytest
from onnx import TensorProto as T
from onnx import helper as h

import nets

X, Y = np.ones((2, 3), np.float32), np.ones(3, np.float32)


def bytes_of(proto):
    return proto.SerializeToString()


# Exceptions: the class of each failure is a number of the engine's, so the same words under another code change it.


def of_one_node(node, **arguments):
    return nets.model([node], [nets.tensor("x", [1])], [nets.tensor("z", [1])], **arguments)


def without(proto, *fields):
    for field in fields:
        proto.ClearField(field)
    return proto


MODELS = {
    "nothing": (b"", ort.InvalidArgument),
    "no graph": (bytes_of(without(nets.add(), "graph")), ort.InvalidArgument),
    "no protobuf": (b"\xff\xfe not a model", ort.InvalidProtobuf),
    "cut off": (bytes_of(nets.add())[:-3], ort.InvalidProtobuf),
    "unknown operator": (bytes_of(of_one_node(h.make_node("NoSuch", ["x"], ["z"]))), ort.InvalidGraph),
    "unknown attribute": (bytes_of(of_one_node(h.make_node("Relu", ["x"], ["z"], a=1))), ort.InvalidGraph),
    "operator named like a broken byte": (
        bytes_of(of_one_node(h.make_node("varint", ["x"], ["z"], name="is cut off, 3 remain"))),
        ort.InvalidGraph,
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_exceptions_of_models(name, tmp_path):
    data, kind = MODELS[name]
    path = tmp_path / "varint that is cut off.onnx"
    path.write_bytes(data)
    for source in (data, path):
        found = pytest.raises(ort.Error, ort.InferenceSession, source).value
        assert type(found) is kind
        assert found.message and found.message in str(found) and f"{found.code} : {found.kind}" in str(found)
    onnxruntime = pytest.importorskip("onnxruntime")
    theirs = pytest.raises(Exception, onnxruntime.InferenceSession, data).value
    assert type(theirs).__name__ == kind.__name__


def test_exceptions_of_files(tmp_path):
    with pytest.raises(ort.NoSuchFile, match="varint.onnx"):
        ort.InferenceSession(tmp_path / "varint.onnx")
    with pytest.raises(ort.Fail) as found:
        ort.InferenceSession(tmp_path)
    assert type(found.value) is ort.Fail and found.value.is_io


# Seeds.


def noise():
    shape = {"shape": [16]}
    nodes = [h.make_node("RandomNormal", [], ["a"], **shape), h.make_node("RandomUniform", [], ["b"], **shape),
             h.make_node("RandomUniform", [], ["c"], seed=3.0, **shape)]  # fmt: skip
    return bytes_of(nets.model(nodes, [], [nets.tensor(x, [16]) for x in "abc"]))


@pytest.fixture
def seed():
    yield ort.set_seed
    ort._session._default_seed = None


def test_set_seed_decides_what_is_drawn(seed):
    draw = lambda session: np.array(session.run(None, {}))  # noqa: E731
    seed(7)
    first, second = ort.InferenceSession(noise()), ort.InferenceSession(noise())
    a, b = draw(first), draw(first)
    np.testing.assert_array_equal(a, draw(second))
    np.testing.assert_array_equal(b, draw(second))
    assert (a[:2] != b[:2]).all() and (a[0] != a[1]).all() and (a[2] == b[2]).all()
    seed(8)
    other = draw(ort.InferenceSession(noise()))
    assert (other[:2] != a[:2]).all() and (other[2] == a[2]).all()
    seed(7)
    np.testing.assert_array_equal(draw(ort.InferenceSession(noise())), a)
    options = ort.SessionOptions()
    options.add_session_config_entry("onward.random_seed", "8")
    np.testing.assert_array_equal(draw(ort.InferenceSession(noise(), options)), other)
    with pytest.raises(ValueError, match="64 bits"):
        seed(1 << 63)


def test_without_a_seed_runs_differ():
    assert (np.array(ort.InferenceSession(noise()).run(["a"], {})) != ort.InferenceSession(noise()).run(["a"], {})).all()


# One symbol, two sizes.


def test_a_symbol_may_stand_for_two_sizes(capfd):
    """y = x @ z, where the file calls three different sizes N."""
    node = h.make_node("MatMul", ["x", "z"], ["m"])
    shape = h.make_node("Shape", ["m"], ["s"])
    model = bytes_of(nets.model([node, shape], [nets.tensor("x", ["N", "N"]), nets.tensor("z", ["N", "N"])],
                                [nets.tensor("m", ["N", "N"]), nets.tensor("s", [2], T.INT64)]))  # fmt: skip
    session = ort.InferenceSession(model)
    onnxruntime = pytest.importorskip("onnxruntime")
    onnxruntime.set_default_logger_severity(4)
    reference = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    g = np.random.default_rng(1)
    for m, k, n in ((2, 3, 4), (3, 3, 3), (5, 1, 2), (4, 4, 1)):
        feed = {"x": g.normal(size=(m, k)).astype("f"), "z": g.normal(size=(k, n)).astype("f")}
        found = session.run(None, feed)
        np.testing.assert_allclose(found[0], reference.run(None, feed)[0], rtol=1e-5)
        assert found[1].tolist() == [m, n]
    assert capfd.readouterr().err.count("'N' is") == 1
    with pytest.raises(ort.InvalidArgument):
        session.run(None, {"x": np.ones((2, 3), np.float32), "z": np.ones((2, 3), np.float32)})


# Providers, policies and streams.


def chosen_by(delegate, **arguments):
    options = ort.SessionOptions()
    assert not options.has_providers()
    options.set_provider_selection_policy_delegate(delegate)
    assert options.has_providers()
    return ort.InferenceSession(bytes_of(nets.add()), options, **arguments).get_providers()


def test_a_policy_delegate_is_asked():
    asked = []

    def delegate(devices, model_metadata, runtime_metadata, max_selections):
        asked.append((devices, model_metadata, runtime_metadata, max_selections))
        return devices[:1]

    assert chosen_by(delegate) == ["CPUExecutionProvider"]
    devices, metadata, runtime, most = asked.pop()
    assert [d.ep_name for d in devices] == ort.get_available_providers() and most >= 1 and runtime == {}
    assert metadata["producer_name"] == "tests" and metadata["graph_name"] == "net" and metadata["classes"] == "cat,dog"
    chosen_by(delegate, providers=["CPUExecutionProvider"])
    assert not asked  # providers of the session's own count for more
    for answer, text in ((lambda *a: [], "did not select"), (lambda *a: 1 / 0, "ZeroDivisionError"), (lambda *a: 5, "int")):
        with pytest.raises(ort.Fail, match=text):
            chosen_by(answer)
    with pytest.raises(TypeError, match="str"):
        chosen_by("CPUExecutionProvider")


@pytest.fixture(params=["onward", "onnxruntime"])
def engine(request):
    return pytest.importorskip(request.param)


def test_what_has_no_meaning_on_a_cpu_is_taken_or_refused_as_there(engine):
    device = engine.get_ep_devices()[0]
    with pytest.raises(RuntimeError, match="non-CPU"):
        device.create_sync_stream()
    for kind in (engine.OrtSyncStream, engine.OrtEpContextData, engine.OrtEpContextDataBuffer):
        with pytest.raises(TypeError):
            kind()
    session = engine.InferenceSession(bytes_of(nets.add()), providers=["CPUExecutionProvider"])
    assert session.release_captured_graph() is None and session.release_captured_graph(1) is None
    assert session.get_tuning_results() == [] and session.set_tuning_results([]) is None
    tuned = [{"ep": "CPUExecutionProvider", "results": {}, "validators": {}}]
    session.set_tuning_results(tuned)
    with pytest.raises(RuntimeError, match="index=0.*CPUExecutionProvider"):
        session.set_tuning_results(tuned, error_on_invalid=True)
    with pytest.raises(KeyError):
        session.set_tuning_results([{"ep": "CPUExecutionProvider"}])
    with pytest.raises(TypeError):
        session.set_tuning_results("none")


def test_functions_for_the_data_of_context_nodes(engine):
    options = engine.SessionOptions()
    read = lambda name, buffer: None  # noqa: E731
    options.set_ep_context_data_read_func(read, 1 << 20)
    engine.InferenceSession(bytes_of(nets.add()), options, providers=["CPUExecutionProvider"])
    options.clear_ep_context_data_read_func()
    for function, size, kind in ((None, 10, RuntimeError), (read, 0, RuntimeError), (read, -1, TypeError), (3, 10, TypeError)):
        with pytest.raises(kind):
            options.set_ep_context_data_read_func(function, size)
    compiler = engine.ModelCompiler(engine.SessionOptions(), bytes_of(nets.add()))
    compiler.set_ep_context_data_write_func(lambda name, data: None)
    compiler.clear_ep_context_data_write_func()
    onnx.checker.check_model(onnx.load_from_string(compiler.compile_to_bytes()))


def test_plain_names(engine):
    assert engine.contextlib is contextlib and engine.import_capi_exception is None and engine.cuda_version == ""
    package, version, cuda = engine.onnxruntime_validation.get_package_name_and_version_info()
    assert (engine.package_name, engine.version, engine.cuda_version) == (package, version, cuda)
    assert package == engine.__name__ and version == engine.__version__
    assert engine.onnxruntime_validation.check_distro_info() is None
    info = engine.OrtExternalInitializerInfo("w.bin", 4, 16)
    assert (info.filepath, info.file_offset, info.byte_size) == ("w.bin", 4, 16)
    flags = engine.OrtCompileApiFlags
    assert [int(f) for f in (flags.NONE, flags.ERROR_IF_NO_NODES_COMPILED, flags.ERROR_IF_OUTPUT_FILE_EXISTS)] == [0, 1, 2]
