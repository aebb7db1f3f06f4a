#!/usr/bin/env python3
"""ONNX Runtime or OpenVINO as one of the engines that ./dev bench models compares: a process of its own.

  peer_worker.py ENGINE MODEL THREADS INPUTS       ENGINE: onnxruntime, openvino, openvino-f32

Speaks what onward_worker.cc says at its top. Inputs and outputs stay bound to the same memory from run to run.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np

from comparison import tensors


class OnnxRuntime:
    def __init__(self):
        import onnxruntime

        self.library = onnxruntime
        onnxruntime.disable_telemetry_events()

    def load(self, model: str, threads: int) -> None:
        options = self.library.SessionOptions()
        options.graph_optimization_level = self.library.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.intra_op_num_threads = threads
        options.log_severity_level = 4
        self.session = self.library.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def bind(self, inputs: dict) -> None:
        self.binding = self.session.io_binding()
        for name, array in inputs.items():
            self.binding.bind_ortvalue_input(name, self.library.OrtValue.ortvalue_from_numpy(array))
        self.names = [output.name for output in self.session.get_outputs()]
        for name in self.names:
            self.binding.bind_output(name)

    def run(self) -> None:
        self.session.run_with_iobinding(self.binding)

    def outputs(self) -> dict:
        return dict(zip(self.names, self.binding.copy_outputs_to_cpu()))


class OpenVino:
    """As it comes: it may compute float32 models in bfloat16 or float16. `precision` forbids that."""

    precision = None

    def __init__(self):
        sys.modules["openvino_telemetry"] = None  # the package reports its use and leaves processes behind; it is optional
        import openvino

        self.library = openvino
        self.core = openvino.Core()

    def load(self, model: str, threads: int) -> None:
        settings = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": threads}
        if self.precision:
            settings["INFERENCE_PRECISION_HINT"] = self.precision
        self.model = self.core.compile_model(model, "CPU", settings)

    def bind(self, inputs: dict) -> None:
        self.request = self.model.create_infer_request()
        for name, array in inputs.items():
            self.request.set_tensor(name, self.library.Tensor(array, shared_memory=bool(array.ndim)))

    def run(self) -> None:
        self.request.infer(share_outputs=True)

    def outputs(self) -> dict:
        """Under every name that OpenVINO knows an output by."""
        return {name: np.array(self.request.get_tensor(port).data) for port in self.model.outputs for name in port.names}


class OpenVinoFloat32(OpenVino):
    precision = "f32"


ENGINES = {"onnxruntime": OnnxRuntime, "openvino": OpenVino, "openvino-f32": OpenVinoFloat32}


def peak_kib() -> int:
    """Of resident memory, since the last reset where the system lets it be reset."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def reset_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass


class Worker:
    def __init__(self, engine: str, model: str, threads: str, inputs: str):
        self.inputs = tensors.read(Path(inputs))
        self.engine, self.model, self.threads = ENGINES[engine](), model, int(threads)
        self.base_kib = 0

    def load(self) -> str:
        reset_peak()
        self.base_kib = peak_kib()
        start = time.perf_counter()
        self.engine.load(self.model, self.threads)
        ms = (time.perf_counter() - start) * 1e3
        self.engine.bind(self.inputs)
        return f"{ms:.4f}"

    def run(self, count: str, warm_ms: str) -> str:
        run, clock = self.engine.run, time.perf_counter
        stop = clock() + float(warm_ms) / 1e3
        while float(warm_ms) > 0:
            run()
            if clock() >= stop:
                break
        times = []
        for _ in range(int(count)):
            start = clock()
            run()
            times.append(clock() - start)
        return " ".join(f"{seconds * 1e3:.6f}" for seconds in times)

    def save(self, folder: str) -> str:
        tensors.write(Path(folder), self.engine.outputs())
        return ""

    def memory(self) -> str:
        return str(peak_kib() - self.base_kib)


def main() -> None:
    # Engines may print: what they print goes to stderr.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(text: str) -> None:
        print(" ".join(text.split()), file=answers, flush=True)

    try:
        worker = Worker(*sys.argv[1:])
    except Exception as problem:  # whatever an engine throws is its answer
        return say(f"error {type(problem).__name__}: {problem}")
    say("ready")
    for line in sys.stdin:
        command, *words = line.split()
        try:
            say("ok " + {"load": worker.load, "run": worker.run, "save": worker.save, "memory": worker.memory}[command](*words))
        except Exception as problem:
            say(f"error {type(problem).__name__}: {problem}")


if __name__ == "__main__":
    main()
