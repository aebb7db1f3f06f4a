"""The built program, its models and pictures, for tests that call it as a user does."""

import os
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("ONWARD_BUILD", ROOT / "build"))
PROGRAM = BUILD / "bin/onward"
DEMO_MODEL = ROOT / "apps/colorize/models/ddcolor_demo.onnx"
PHOTOS = ROOT / "apps/colorize/photos"


class Done:
    def __init__(self, process):
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr


def call(*arguments, program=PROGRAM, cwd=None):
    assert program.exists(), f"{program} is not built"
    done = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True, timeout=120, cwd=cwd)
    assert done.returncode in (0, 1, 2), f"status {done.returncode}: {done.stderr}"
    return Done(done)


def save(path, nodes, inputs, outputs, initializers=(), opset=17):
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(initializers))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def floats(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


@pytest.fixture
def picture(tmp_path):
    """A 40 x 24 RGB picture as PNG."""
    y, x = np.mgrid[0:24, 0:40]
    rgb = np.stack([6 * x, 10 * y, 255 - 6 * x], -1).astype(np.uint8)
    path = tmp_path / "picture.png"
    Image.fromarray(rgb).save(path)
    return path


@pytest.fixture
def affine_model(tmp_path):
    """y = 2 x + 1 over float[N,3], and z = the int64 input k as it is."""
    nodes = [helper.make_node("Mul", ["x", "two"], ["t"]), helper.make_node("Add", ["t", "one"], ["out/y"]),
             helper.make_node("Identity", ["k"], ["z"])]
    constants = [helper.make_tensor("two", TensorProto.FLOAT, [], [2.0]),
                 helper.make_tensor("one", TensorProto.FLOAT, [], [1.0])]
    k = helper.make_tensor_value_info("k", TensorProto.INT64, [2])
    z = helper.make_tensor_value_info("z", TensorProto.INT64, [2])
    return save(tmp_path / "affine.onnx", nodes, [floats("x", ["N", 3]), k], [floats("out/y", ["N", 3]), z], constants)


def files_under(folder):
    return sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*") if p.is_file())
