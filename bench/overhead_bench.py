#!/usr/bin/env python3
"""Time around the kernels: models of many tiny nodes and loops of many short iterations, beside ONNX Runtime.

Both engines run the same model in one process, in turn; the table has medians and onward's share of ONNX
Runtime's time. The results are compared, too. Needs the packages onnx, onnxruntime and numpy.

  ./dev bench overhead --repeat 50
"""

import argparse
import ctypes
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

ROOT = Path(__file__).resolve().parent.parent
NODES, ITERATIONS, WIDTH = 1000, 1000, 32


class Api:
    """The functions of include/onward/onward.h that are used here, by their place in the table."""

    NAMES = (
        "status_code status_message status_free library_version set_log_level set_log_sink model_load "
        "model_load_bytes model_free model_input_count model_output_count model_input model_output model_field "
        "model_metadata_count model_metadata_key model_metadata_value session_create session_free session_run "
        "session_placement_json session_profile_json session_trim value_kind value_free tensor_create tensor_wrap "
        "tensor_dtype tensor_rank tensor_dims tensor_bytes tensor_data"
    ).split()
    POINTERS = {"status_message": ctypes.c_char_p, "tensor_dims": ctypes.POINTER(ctypes.c_int64)}

    def __init__(self, path):
        library = ctypes.CDLL(str(path))
        library.onward_get_api.restype = ctypes.c_void_p
        table = library.onward_get_api(1) + 16  # behind size and version
        for i, name in enumerate(self.NAMES):
            address = ctypes.c_void_p.from_address(table + 8 * i).value
            result = self.POINTERS.get(name, ctypes.c_size_t if name in ("tensor_rank", "tensor_bytes") else ctypes.c_void_p)
            setattr(self, name, ctypes.CFUNCTYPE(result)(address))

    def check(self, status):
        if status:
            sys.exit(f"onward: {self.status_message(ctypes.c_void_p(status)).decode()}")


class SessionOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("threads", ctypes.c_int32), ("optimization", ctypes.c_int32),
                ("rest", ctypes.c_char * 64)]


class Onward:
    def __init__(self, api, model, threads):
        self.api = api
        data = model.SerializeToString()
        handle, self.session = ctypes.c_void_p(), ctypes.c_void_p()
        api.check(api.model_load_bytes(data, ctypes.c_size_t(len(data)), None, ctypes.byref(handle)))
        options = SessionOptions(size=16, threads=threads)
        api.check(api.session_create(handle, ctypes.byref(options), ctypes.byref(self.session)))
        self.outputs = (ctypes.c_void_p * len(model.graph.output))()

    def feed(self, inputs):
        count = len(inputs)
        self.names = (ctypes.c_char_p * count)(*(name.encode() for name in inputs))
        self.values = (ctypes.c_void_p * count)()
        self.kept = inputs
        for i, array in enumerate(inputs.values()):
            dims = (ctypes.c_int64 * array.ndim)(*array.shape)
            value = ctypes.c_void_p()
            self.api.check(self.api.tensor_wrap(
                onnx.helper.np_dtype_to_tensor_dtype(array.dtype), dims, ctypes.c_size_t(array.ndim),
                ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes), None, None, ctypes.byref(value)))
            self.values[i] = value.value
        self.count = ctypes.c_size_t(count)

    def run(self):
        self.api.check(self.api.session_run(self.session, None, self.names, self.values, self.count, None,
                                            ctypes.c_size_t(0), self.outputs))

    def release(self):
        for value in self.outputs:
            self.api.value_free(ctypes.c_void_p(value))

    def arrays(self):
        out = []
        for value in map(ctypes.c_void_p, self.outputs):
            rank = self.api.tensor_rank(value)
            dims = self.api.tensor_dims(value)[:rank]
            data = ctypes.string_at(self.api.tensor_data(value), self.api.tensor_bytes(value))
            out.append(np.frombuffer(data, np.float32).reshape(dims))
        return out


def info(name, shape, dtype=T.FLOAT):
    return h.make_tensor_value_info(name, dtype, shape)


def model(nodes, inputs, outputs, constants):
    graph = h.make_graph(nodes, "g", inputs, outputs, [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()])
    return h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)


def vector(seed):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (1, WIDTH)).astype(np.float32)


def chain():
    """Relu, Add, Mul, Sub by turns."""
    nodes, last = [], "x"
    for i in range(NODES):
        op, second = [("Relu", None), ("Add", "a"), ("Mul", "b"), ("Sub", "a")][i % 4]
        nodes.append(h.make_node(op, [last] + ([second] if second else []), [f"v{i}"]))
        last = f"v{i}"
    nodes[-1].output[0] = "y"
    shape = (1, WIDTH)
    return model(nodes, [info("x", shape)], [info("y", shape)], {"a": vector(1), "b": vector(2) + 1}), {"x": vector(3)}


def body(nodes, states, scans):
    inputs = [info("i", (), T.INT64), info("go", (), T.BOOL)] + [info(s, (1, WIDTH)) for s in states]
    outputs = [info("go_on", (), T.BOOL)] + [info(s + "_next", (1, WIDTH)) for s in states]
    return h.make_graph([h.make_node("Identity", ["go"], ["go_on"])] + nodes, "body", inputs,
                        outputs + [info(s, (1, WIDTH)) for s in scans])


def loop():
    """Four small operators an iteration, one state, one scan output."""
    nodes = [h.make_node("Mul", ["s", "b"], ["p"]), h.make_node("Add", ["p", "x"], ["q"]),
             h.make_node("Relu", ["q"], ["e"]), h.make_node("Sub", ["e", "a"], ["s_next"])]
    outer = [h.make_node("Loop", ["trips", "", "x"], ["y", "all"], body=body(nodes, ["s"], ["e"]))]
    return model(outer, [info("x", (1, WIDTH))], [info("y", None), info("all", None)],
                 {"trips": np.int64(ITERATIONS), "a": vector(1), "b": vector(2)}), {"x": vector(3)}


def branches():
    """A loop with an If in it."""
    yes = h.make_graph([h.make_node("Mul", ["s", "b"], ["r1"])], "yes", [], [info("r1", (1, WIDTH))])
    no = h.make_graph([h.make_node("Add", ["s", "a"], ["r2"])], "no", [], [info("r2", (1, WIDTH))])
    nodes = [h.make_node("Mod", ["i", "two"], ["odd"]), h.make_node("Equal", ["odd", "one"], ["is_odd"]),
             h.make_node("If", ["is_odd"], ["s_next"], then_branch=yes, else_branch=no)]
    outer = [h.make_node("Loop", ["trips", "", "x"], ["y"], body=body(nodes, ["s"], []))]
    return model(outer, [info("x", (1, WIDTH))], [info("y", None)],
                 {"trips": np.int64(ITERATIONS), "a": vector(1), "b": vector(2), "one": np.int64(1),
                  "two": np.int64(2)}), {"x": vector(3)}


def scan():
    """A plain recurrence over the rows of x."""
    inner = h.make_graph([h.make_node("Mul", ["s", "b"], ["p"]), h.make_node("Add", ["p", "t"], ["s_next"]),
                          h.make_node("Relu", ["s_next"], ["e"])], "body",
                         [info("s", (1, WIDTH)), info("t", (1, WIDTH))],
                         [info("s_next", (1, WIDTH)), info("e", (1, WIDTH))])
    outer = [h.make_node("Scan", ["h", "x"], ["y", "all"], body=inner, num_scan_inputs=1)]
    x = np.random.default_rng(5).uniform(-1, 1, (ITERATIONS, 1, WIDTH)).astype(np.float32)
    return model(outer, [info("h", (1, WIDTH)), info("x", x.shape)], [info("y", None), info("all", None)],
                 {"b": vector(2)}), {"h": vector(3), "x": x}


CASES = {"chain": chain, "loop": loop, "if": branches, "scan": scan}


def measure(api, make, threads, repeat, clock):
    """Medians in seconds: (onward, ONNX Runtime)."""
    proto, inputs = make()
    ours = Onward(api, proto, threads)
    ours.feed(inputs)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    theirs = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    expected = theirs.run(None, inputs)
    ours.run()
    for got, want in zip(ours.arrays(), expected):
        if got.shape != want.shape or not np.allclose(got, want, rtol=1e-4, atol=1e-5):
            sys.exit(f"{make.__name__}: the results differ: {got.shape} {want.shape}")
    ours.release()
    times = ([], [])
    for i in range(repeat + 3):
        start = clock()
        ours.run()
        middle = clock()
        ours.release()
        again = clock()
        theirs.run(None, inputs)
        end = clock()
        if i >= 3:
            times[0].append(middle - start)
            times[1].append(end - again)
    return tuple(map(statistics.median, times))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=30, help="runs of each engine per case")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--cpu-time", action="store_true", help="processor time instead of elapsed time: on a busy machine")
    parser.add_argument("--library", type=Path, default=ROOT / "build/lib/libonward.so")
    a = parser.parse_args()
    api = Api(a.library)
    clock = time.process_time if a.cpu_time else time.perf_counter
    print(f"{'case':8} {'threads':>7} {'onward':>10} {'onnxruntime':>12} {'share':>6}   (us; share of ONNX Runtime's time)")
    for threads in a.threads:
        for name in a.only:
            ours, theirs = measure(api, CASES[name], threads, a.repeat, clock)
            print(f"{name:8} {threads:7} {ours * 1e6:10.0f} {theirs * 1e6:12.0f} {ours / theirs:6.2f}", flush=True)


if __name__ == "__main__":
    main()
