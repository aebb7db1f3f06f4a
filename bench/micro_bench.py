#!/usr/bin/env python3
"""Single operators: onward beside ONNX Runtime and OpenVINO, in turns, and beside what this processor can do.

  ./dev bench micro --only conv --threads 1
  ./dev bench micro --quick

docs/benchmarks.md has the rules and why. The reference of the outputs is ONNX Runtime's answer.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

import micro_cases
from comparison import command, tensors
from comparison.cases import Case

FOLDER = command.ROOT / "build/bench/micro"


def expected(model: bytes, inputs: dict) -> dict:
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, map(np.asarray, session.run(None, inputs))))


def make(graph, folder: Path) -> None:
    """The folder that Case describes; one of the same model and inputs is kept."""
    model = graph.model()
    data = model.SerializeToString()
    digest = hashlib.sha256(data + onnxruntime.__version__.encode())
    for array in graph.inputs.values():
        digest.update(array.tobytes())
    stamp = folder / "made_by"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    tensors.write(folder / "inputs", graph.inputs)
    tensors.write(folder / "expected", expected(data, graph.inputs))
    onnx.save(model, folder / "model.onnx")
    stamp.write_text(digest.hexdigest())


def main() -> int:
    options = command.command_line(__doc__).parse_args()
    graphs = {graph.name: graph for graph in micro_cases.graphs()}
    cases = []
    for name in command.chosen(list(graphs), options):
        folder = FOLDER / name.replace("/", "_").replace(" ", "_").replace(">", "to")
        make(graphs[name], folder)
        cases.append(Case(name, folder, graphs[name].counted))
    return command.run("Single operators", "micro", "operator", cases, options)


if __name__ == "__main__":
    sys.exit(main())
