"""What is measured: folders with a model, its inputs and the outputs that are expected, and what can be read off them."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import onnx

from comparison import tensors

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Case:
    """FOLDER/model.onnx, FOLDER/inputs and FOLDER/expected; `counted`: its floating-point operations mean something."""

    name: str
    folder: Path
    counted: bool = True

    @property
    def model(self) -> Path:
        return self.folder / "model.onnx"

    def reference(self) -> dict:
        return tensors.read(self.folder / "expected")

    def facts(self) -> dict:
        """flops (None if unknown), bytes of inputs, outputs and weights, and whether Winograd's algorithm can apply."""
        model = onnx.load(self.model, load_external_data=False)
        inputs = tensors.read(self.folder / "inputs")
        report = inspect(self.model, sizes(model, inputs))
        inferred = report.get("inferred") or {}
        flops = (inferred.get("flops") or {}).get("value")
        known = self.counted and not inferred.get("loops_counted_once") and not inferred.get("nodes_of_unknown_cost")
        touched = sum(file.stat().st_size for part in ("inputs", "expected") for file in (self.folder / part).glob("*.bin"))
        weights = report.get("parameters", {}).get("total", {}).get("bytes", 0)
        return {
            "flops": flops if known else None,
            "bytes": touched + weights if self.counted else None,
            "winograd": any(map(saves_multiplications, model.graph.node)),
        }


def sizes(model, inputs: dict) -> dict:
    """The symbols of the inputs' shapes, with the sizes that the given inputs have."""
    return {
        dim.dim_param: size
        for value in model.graph.input
        if value.name in inputs
        for dim, size in zip(value.type.tensor_type.shape.dim, inputs[value.name].shape)
        if dim.dim_param
    }


def inspect(model: Path, symbols: dict) -> dict:
    """The report of `onward inspect --json`; empty where it fails, which costs the row its GFLOP/s and no more."""
    command = [ROOT / "build/bin/onward", "inspect", "--json", model]
    for name, size in symbols.items():
        command += ["--shape", f"{name}={size}"]
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else {}


def saves_multiplications(node) -> bool:
    """A convolution by 3 or more along two axes, of stride and dilation 1, not depthwise: Winograd's algorithm fits."""
    attributes = {a.name: a for a in node.attribute}

    def numbers(name):
        return list(attributes[name].ints) if name in attributes else []

    group = attributes["group"].i if "group" in attributes else 1
    wide = sum(size >= 3 for size in numbers("kernel_shape")) >= 2
    steps = [*numbers("strides"), *numbers("dilations")]
    return node.op_type == "Conv" and wide and group == 1 and all(step == 1 for step in steps)
