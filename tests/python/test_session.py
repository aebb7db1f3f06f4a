"""InferenceSession: what it tells, what it takes, and what it says of what is wrong."""

import json
import os
import pathlib
import time
import warnings

import nets
import numpy as np
import onnx
import onward as ort
import pytest
from onnx import TensorProto as T
from onnx import helper as h
from onward.capi import onnxruntime_pybind11_state as state

X, Y = np.ones((2, 3), np.float32), np.arange(3, dtype=np.float32)


def bytes_of(model):
    return model.SerializeToString()


def test_path_pathlike_and_bytes_load(folder):
    path = folder / "add.onnx"
    for given in (str(path), path, path.read_bytes()):
        (z,) = ort.InferenceSession(given).run(None, {"x": X, "y": Y})
        np.testing.assert_array_equal(z, X + Y)


def test_positional_keyword_and_named_outputs(add):
    for outputs in (
        add.run(None, {"x": X, "y": Y}),
        add.run([], {"x": X, "y": Y}),
        add.run(["z"], {"y": Y, "x": X}, ort.RunOptions()),
        add.run(output_names=["z"], input_feed={"x": X, "y": Y}, run_options=None),
    ):
        np.testing.assert_array_equal(outputs[0], X + Y)


def test_inputs_outputs_and_metadata(add):
    assert [(a.name, a.type, a.shape) for a in add.get_inputs()] == [
        ("x", "tensor(float)", ["N", 3]), ("y", "tensor(float)", [3])]  # fmt: skip
    assert isinstance(add.get_inputs()[0], ort.NodeArg)
    assert [(a.name, a.shape) for a in add.get_outputs()] == [("z", ["N", 3])]
    meta = add.get_modelmeta()
    assert isinstance(meta, ort.ModelMetadata)
    assert (meta.producer_name, meta.graph_name, meta.version, meta.description) == ("tests", "net", 7, "adds")
    assert meta.custom_metadata_map == {"classes": "cat,dog"}


F1 = h.make_tensor_type_proto(T.FLOAT, [None, "a", 2])


@pytest.mark.parametrize(
    "proto, text, shape",
    [
        (F1, "tensor(float)", [None, "a", 2]),
        (h.make_tensor_type_proto(T.DOUBLE, None), "tensor(double)", []),
        (h.make_sequence_type_proto(F1), "seq(tensor(float))", []),
        (h.make_optional_type_proto(h.make_sequence_type_proto(F1)), "optional(seq(tensor(float)))", []),
    ],
    ids=["tensor", "no-rank", "sequence", "optional"],
)
def test_type_texts_are_those_of_onnxruntime(proto, text, shape):
    model = bytes_of(nets.identity(proto, 16))
    (ours,) = ort.InferenceSession(model).get_inputs()
    assert (ours.type, ours.shape) == (text, shape)
    theirs = pytest.importorskip("onnxruntime").InferenceSession(model).get_inputs()[0]
    assert (ours.type, ours.shape) == (theirs.type, theirs.shape)


ERRORS = {
    "missing input": (lambda s: s.run(None, {"x": X}), ValueError, "y"),
    "unknown input": (lambda s: s.run(None, {"x": X, "y": Y, "q": Y}), ort.InvalidArgument, "q"),
    "unknown output": (lambda s: s.run(["q"], {"x": X, "y": Y}), ort.InvalidArgument, "q"),
    "wrong type": (lambda s: s.run(None, {"x": X.astype("f8"), "y": Y}), ort.InvalidArgument, "double"),
    "wrong rank": (lambda s: s.run(None, {"x": X[0], "y": Y}), ort.InvalidArgument, r"x"),
    "wrong size": (lambda s: s.run(None, {"x": X, "y": Y[:2]}), ort.InvalidArgument, r"y"),
    "text for numbers": (lambda s: s.run(None, {"x": "text", "y": Y}), RuntimeError, "x"),
    "ragged list": (lambda s: s.run(None, {"x": [[1.0], [1.0, 2.0]], "y": Y}), RuntimeError, "x"),
    "one name": (lambda s: s.run("z", {"x": X, "y": Y}), TypeError, "list"),
    "a list as feed": (lambda s: s.run(None, [X, Y]), AttributeError, "items"),
    "bad run options": (lambda s: s.run(None, {"x": X, "y": Y}, 5), TypeError, "RunOptions"),
    "no such file": (lambda s: ort.InferenceSession("missing.onnx"), ort.NoSuchFile, "missing.onnx"),
    "no such file, as Python's": (lambda s: ort.InferenceSession("missing.onnx"), FileNotFoundError, "missing.onnx"),
    "no protobuf": (
        lambda s: ort.InferenceSession(b"\xff\xfe not a model" * 9),
        ort.InvalidProtobuf,
        "INVALID_PROTOBUF",
    ),
    "no bytes": (lambda s: ort.InferenceSession(b""), ort.InvalidArgument, "empty"),
    "no path": (lambda s: ort.InferenceSession(5), TypeError, "int"),
    "no options": (lambda s: ort.InferenceSession(bytes_of(nets.add()), 5), TypeError, "SessionOptions"),
    "unknown attribute": (
        lambda s: setattr(ort.SessionOptions(), "intra_op_threads", 1),
        AttributeError,
        "intra_op_threads",
    ),
    "wrong attribute": (lambda s: setattr(ort.SessionOptions(), "logid", 1), TypeError, "logid"),
    "empty key": (lambda s: ort.SessionOptions().add_session_config_entry("", "1"), RuntimeError, "key"),
    "key not set": (lambda s: ort.SessionOptions().get_session_config_entry("a"), RuntimeError, "a"),
    "severity": (lambda s: ort.set_default_logger_severity(7), RuntimeError, "7"),
    "provider": (lambda s: ort.SessionOptions().add_provider("NoSuchProvider", {}), RuntimeError, "NoSuchProvider"),
    "custom ops": (lambda s: ort.SessionOptions().register_custom_ops_library("x.so"), ort.NotImplemented, "x.so"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(add, name):
    call, kind, text = ERRORS[name]
    with pytest.raises(kind, match=text):
        call(add)


def node_model(*nodes, opset=20):
    return bytes_of(nets.model(list(nodes), [nets.tensor("x", [1])], [nets.tensor("z", [1])], opset=opset))


def test_models_that_break_a_rule_are_refused_when_loaded():
    for model in (
        node_model(h.make_node("NoSuchOperator", ["x"], ["z"])),
        node_model(h.make_node("Relu", ["nowhere"], ["z"])),
        node_model(h.make_node("Relu", ["x", "x"], ["z"])),
    ):
        with pytest.raises((state.InvalidGraph, state.NotImplemented, state.InvalidArgument)):
            ort.InferenceSession(model)


def test_exceptions_are_one_family_under_two_names():
    for name in ("Fail", "InvalidArgument", "NoSuchFile", "NoModel", "EngineError", "RuntimeException",
                 "InvalidProtobuf", "ModelLoaded", "NotImplemented", "InvalidGraph", "EPFail", "NotFound"):  # fmt: skip
        assert getattr(state, name) is getattr(ort, name)
        assert issubclass(getattr(ort, name), ort.Error)
    assert "2 : INVALID_ARGUMENT" in str(pytest.raises(ort.InvalidArgument, ort.InferenceSession, b"").value)


def test_unknown_providers_fall_back_with_a_warning():
    model = bytes_of(nets.add())
    for providers, options in (
        (["CUDAExecutionProvider", "CPUExecutionProvider"], None),
        ([("CUDAExecutionProvider", {"device_id": 0})], None),
        (["CUDAExecutionProvider"], [{"device_id": 0}]),
        (["CPUExecutionProvider"] * 2, None),
        ([5], None),
        (["CPUExecutionProvider"], []),
    ):
        with pytest.warns(UserWarning):
            session = ort.InferenceSession(model, providers=providers, provider_options=options)
        assert session.get_providers() == ["CPUExecutionProvider"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for providers in (
            None,
            [],
            ["CPUExecutionProvider"],
            [("CPUExecutionProvider", {"a": 1})],
            ort.get_available_providers(),
        ):
            session = ort.InferenceSession(model, providers=providers)
    session.set_providers([("CPUExecutionProvider", {"use_arena": True})])
    assert session.get_provider_options() == {"CPUExecutionProvider": {"use_arena": "True"}}


def test_a_strict_session_does_not_fall_back():
    options = ort.SessionOptions()
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    with pytest.warns(UserWarning), pytest.raises(ort.Error, match="CUDA"):
        ort.InferenceSession(bytes_of(nets.add()), options, providers=["CUDAExecutionProvider"])


def test_session_config_keys(capfd):
    options = ort.SessionOptions()
    options.add_session_config_entry("session.disable_prepacking", "1")
    options.add_session_config_entry("session.disable_prepaking", "1")
    ort.InferenceSession(bytes_of(nets.add()), options)
    said = capfd.readouterr().err
    assert "'session.disable_prepaking'" in said and "'session.disable_prepacking'" not in said
    options.add_session_config_entry("session.intra_op.allow_spinning", "x")
    ort.InferenceSession(bytes_of(nets.add()), options)
    assert "'0' or '1'" in capfd.readouterr().err
    options.add_session_config_entry("session.intra_op.spin_duration_us", "long")
    with pytest.raises(ort.InvalidArgument, match="spin_duration_us.*long"):
        ort.InferenceSession(bytes_of(nets.add()), options)
    options.add_session_config_entry("session.load_model_format", "ORT")
    with pytest.raises(ort.NotImplemented, match="load_model_format"):
        ort.InferenceSession(bytes_of(nets.add()), options)


def test_options_of_the_engine_have_its_name_before_them():
    options = ort.SessionOptions()
    options.add_session_config_entry("onward.threads", "many")
    with pytest.raises(ort.InvalidArgument, match="threads"):
        ort.InferenceSession(bytes_of(nets.add()), options)
    options.add_session_config_entry("onward.threads", "1")
    ort.InferenceSession(bytes_of(nets.add()), options).run(None, {"x": X, "y": Y})


def test_overridable_initializers_are_fed_or_not():
    w = np.array([1, 2], np.float32)
    nodes = [h.make_node("Add", ["x", "w"], ["z"])]
    inputs = [nets.tensor("x", [2]), nets.tensor("w", [2])]
    session = ort.InferenceSession(bytes_of(nets.model(nodes, inputs, [nets.tensor("z", [2])], {"w": w})))
    assert [a.name for a in session.get_inputs()] == ["x"]
    assert [(a.name, a.type, a.shape) for a in session.get_overridable_initializers()] == [("w", "tensor(float)", [2])]
    x = np.ones(2, np.float32)
    np.testing.assert_array_equal(session.run(None, {"x": x})[0], x + w)
    np.testing.assert_array_equal(session.run(None, {"x": x, "w": w * 9})[0], x + w * 9)


def test_free_dimensions_get_sizes():
    options = ort.SessionOptions()
    options.add_free_dimension_override_by_name("N", 4)
    session = ort.InferenceSession(bytes_of(nets.add()), options)
    assert session.get_inputs()[0].shape == [4, 3]
    with pytest.raises(ort.InvalidArgument):
        session.run(None, {"x": X, "y": Y})
    assert session.run(None, {"x": np.ones((4, 3), np.float32), "y": Y})[0].shape == (4, 3)


def test_initializers_can_be_given_with_the_options(tmp_path):
    w = np.array([1, 2, 3], np.float32)
    model = nets.model(
        [h.make_node("Add", ["x", "w"], ["z"])], [nets.tensor("x", [3])], [nets.tensor("z", [3])], {"w": w}
    )
    options = ort.SessionOptions()
    options.add_initializer("w", ort.OrtValue.ortvalue_from_numpy(w * 10))
    np.testing.assert_array_equal(ort.InferenceSession(bytes_of(model), options).run(None, {"x": w})[0], w * 11)
    # External data in memory: the file itself is never written.
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], "w.bin", 0, 12)
    model.graph.initializer[0].ClearField("raw_data")
    model.graph.initializer[0].data_location = T.EXTERNAL
    options = ort.SessionOptions()
    data = (w * 5).tobytes()
    options.add_external_initializers_from_files_in_memory(["w.bin"], [data], [len(data)])
    np.testing.assert_array_equal(ort.InferenceSession(bytes_of(model), options).run(None, {"x": w})[0], w * 6)


def test_external_data_of_a_model_in_bytes_needs_its_folder(tmp_path):
    w = np.arange(3, dtype=np.float32)
    model = nets.model(
        [h.make_node("Add", ["x", "w"], ["z"])], [nets.tensor("x", [3])], [nets.tensor("z", [3])], {"w": w}
    )
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    np.testing.assert_array_equal(ort.InferenceSession(tmp_path / "m.onnx").run(None, {"x": w})[0], w * 2)
    data = (tmp_path / "m.onnx").read_bytes()
    with pytest.raises(ort.Error):
        ort.InferenceSession(data)
    options = ort.SessionOptions()
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(tmp_path))
    np.testing.assert_array_equal(ort.InferenceSession(data, options).run(None, {"x": w})[0], w * 2)


def slow_model():
    """Some seconds of work in one Loop, to be stopped."""
    body = h.make_graph(
        [h.make_node("MatMul", ["v", "v"], ["m"]), h.make_node("Tanh", ["m"], ["v2"]), h.make_node("Identity", ["c"], ["c2"])],
        "body", [nets.tensor("i", [], T.INT64), nets.tensor("c", [], T.BOOL), nets.tensor("v", [256, 256])],
        [nets.tensor("c2", [], T.BOOL), nets.tensor("v2", [256, 256])])  # fmt: skip
    weights = {"n": np.int64(1_000_000), "yes": np.bool_(True)}
    loop = h.make_node("Loop", ["n", "yes", "x"], ["z"], body=body)
    return bytes_of(nets.model([loop], [nets.tensor("x", [256, 256])], [nets.tensor("z", [256, 256])], weights))


def test_runs_can_be_stopped():
    import threading

    session, x = ort.InferenceSession(slow_model()), np.ones((256, 256), np.float32)
    options = ort.RunOptions()
    threading.Timer(0.1, lambda: setattr(options, "terminate", True)).start()
    start = time.monotonic()
    with pytest.raises(ort.Fail):
        session.run(None, {"x": x}, options)
    options = ort.RunOptions()
    options.timeout_ms = 50
    with pytest.raises(TimeoutError):
        session.run(None, {"x": x}, options)
    assert time.monotonic() - start < 20
    options = ort.RunOptions()
    options.memory_limit_bytes = 1000
    with pytest.raises(ort.LimitExceeded):
        session.run(None, {"x": x}, options)


def test_profiling_writes_a_trace(tmp_path):
    options = ort.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(tmp_path / "run")
    session = ort.InferenceSession(bytes_of(nets.classifier()), options)
    before = time.monotonic_ns()
    session.run(None, {"image": np.zeros((1, 3, 32, 32), np.float32)})
    assert 0 < session.get_profiling_start_time_ns() <= before
    path = pathlib.Path(session.end_profiling())
    assert path.parent == tmp_path and path.name.startswith("run")
    events = json.loads(path.read_text())
    ops = [e["args"]["op_name"] for e in events if e["cat"] == "Node"]
    assert "Conv" in ops and all(e["dur"] >= 0 and e["ph"] == "X" for e in events)
    assert ort.InferenceSession(bytes_of(nets.add())).end_profiling() == ""


def test_every_optimization_level_gives_the_same(folder):
    x, results = np.random.default_rng(0).normal(0, 1, (2, 3, 32, 32)).astype(np.float32), []
    for level in ort.GraphOptimizationLevel:
        options = ort.SessionOptions()
        options.graph_optimization_level = level
        results.append(ort.InferenceSession(folder / "classifier.onnx", options).run(None, {"image": x})[0])
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], rtol=1e-5, atol=1e-6)


def test_graph_assignment_and_devices(add):
    (part,) = add.get_provider_graph_assignment_info()
    assert part.ep_name == "CPUExecutionProvider" and [n.op_type for n in part.get_nodes()] == ["Add"]
    assert [d.ep_name for d in ort.get_ep_devices()] == ["CPUExecutionProvider"]
    assert ort.OrtDevice.make("cpu", 0).device_type() == 0


def test_module_functions():
    assert ort.get_device() == "CPU" and ort.get_available_providers()[-1] == "CPUExecutionProvider"
    assert ort.get_version_string() == ort.__version__ and ort.__version__ in ort.get_build_info()
    ort.set_default_logger_severity(2)
    ort.set_default_logger_verbosity(0)
    ort.set_seed(1)
    ort.disable_telemetry_events()
    ort.preload_dlls()
    ort.set_global_thread_pool_sizes(2, 1)
    np.testing.assert_array_equal(
        ort.InferenceSession(bytes_of(nets.add())).run(None, {"x": X, "y": Y})[0], X + Y)  # fmt: skip
    ort.set_global_thread_pool_sizes(0, 0)
    assert os.path.exists(os.path.join(os.path.dirname(ort.__file__), "py.typed"))


def test_an_empty_file_is_named(tmp_path):
    (tmp_path / "empty.onnx").write_bytes(b"")
    with pytest.raises(ort.InvalidArgument, match="empty.onnx"):
        ort.InferenceSession(tmp_path / "empty.onnx")
