"""Everything that is set: session and run options, profiling, metadata, providers that are missing, errors."""

import json
import os
import warnings

import numpy as np
import onnxruntime as ort
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidProtobuf, NoSuchFile

ort.set_default_logger_severity(4)
ort.disable_telemetry_events()


def attempt(call):
    try:
        return call()
    except (Fail, InvalidArgument, InvalidProtobuf, NoSuchFile, ValueError, RuntimeError, TypeError) as error:
        known = (Fail, InvalidArgument, InvalidProtobuf, NoSuchFile)
        return next((c.__name__ for c in known if type(error) is c), "other")


def main(folder):
    options = ort.SessionOptions()
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_free_dimension_override_by_name("N", 2)
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "profile")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        providers = [("CUDAExecutionProvider", {"device_id": 0}), "CPUExecutionProvider"]
        session = ort.InferenceSession(folder / "add.onnx", options, providers=providers)
    x, y = np.ones((2, 3), np.float32), np.arange(3, dtype=np.float32)
    run_options = ort.RunOptions()
    run_options.log_severity_level = 3
    run_options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    results = [session.run(["z"], {"x": x, "y": y}, run_options)[0] for _ in range(3)]
    profile = session.end_profiling()
    with open(profile) as file:
        events = json.load(file)
    nodes = [e for e in events if e["cat"] == "Node" and e["name"].endswith("_kernel_time")]
    os.remove(profile)
    meta = session.get_modelmeta()
    run_options.terminate = True
    plain = ort.InferenceSession(folder / "add.onnx")
    errors = [
        attempt(lambda: plain.run(None, {"x": x})),
        attempt(lambda: plain.run(None, {"x": x, "y": y, "q": y})),
        attempt(lambda: plain.run(["q"], {"x": x, "y": y})),
        attempt(lambda: plain.run(None, {"x": x.astype("f8"), "y": y})),
        attempt(lambda: plain.run(None, {"x": x[0], "y": y})),
        attempt(lambda: plain.run(None, {"x": x, "y": y[:2]})),
        attempt(lambda: plain.run(None, {"x": "text", "y": y})),
        attempt(lambda: plain.run("z", {"x": x, "y": y})),
        attempt(lambda: ort.InferenceSession("missing.onnx")),
        attempt(lambda: ort.InferenceSession(b"\xff\xfe not a model" * 9)),
        attempt(lambda: ort.InferenceSession(b"")),
        attempt(lambda: ort.InferenceSession(5)),
        attempt(lambda: options.get_session_config_entry("never.set")),
        attempt(lambda: options.add_session_config_entry("", "1")),
    ]
    described = [meta.producer_name, meta.graph_name, meta.description, meta.version, meta.custom_metadata_map]
    shown = [(i.name, i.type, i.shape) for i in plain.get_inputs()]
    return [
        results, [(e["name"], e["args"]["op_name"], e["ph"]) for e in nodes], profile.startswith(str(folder)), described,
        shown,
        errors, session.get_providers(), session.get_provider_options(), len(seen) >= 1, ort.get_device(),
        int(options.graph_optimization_level), options.get_session_config_entry("session.intra_op.allow_spinning"),
        isinstance(options, ort.SessionOptions), "CPUExecutionProvider" in ort.get_available_providers(),
    ]  # fmt: skip
