"""ImageDecoder in the program: its own readers of every format against Pillow's pixels (pictures.py).

To see one picture: .venv/bin/python -m pytest tests/cli/image_decoder_test.py -k RGB; the message names it.
"""

import re

import numpy as np
import onnx
import pytest
from conftest import call
from onnx import TensorProto, helper
from pictures import PICTURES, expected


def write_decoder(path, pixel_format, names):
    """A model with an ImageDecoder x<i> -> y<i> for each name."""
    channels = 1 if pixel_format == "Grayscale" else 3
    nodes, inputs, outputs = [], [], []
    for i, name in enumerate(names):
        nodes.append(helper.make_node("ImageDecoder", [f"x{i}"], [f"y{i}"], name=name, pixel_format=pixel_format))
        inputs.append(helper.make_tensor_value_info(f"x{i}", TensorProto.UINT8, [f"n{i}"]))
        outputs.append(helper.make_tensor_value_info(f"y{i}", TensorProto.UINT8, [None, None, channels]))
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), path)
    return path


@pytest.mark.parametrize("pixel_format", ["RGB", "BGR", "Grayscale"])
def test_pixels_are_pillows(tmp_path, pixel_format):
    model = write_decoder(tmp_path / "m.onnx", pixel_format, PICTURES)
    given = []
    for i, data in enumerate(PICTURES.values()):
        np.save(tmp_path / f"x{i}.npy", np.frombuffer(data, np.uint8))
        given += ["--input", f"x{i}={tmp_path}/x{i}.npy"]
    done = call("run", model, *given, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    wrong = []
    for i, (name, data) in enumerate(PICTURES.items()):
        got, want = np.load(tmp_path / f"out/y{i}.npy"), expected(data, pixel_format)
        # libtiff's and Pillow's YCbCr -> RGB round in different places; all else is the same bit for bit.
        most = 1 if name == "tiff ycbcr" else 0
        if got.shape != want.shape or np.abs(got.astype(int) - want).max() > most:
            wrong.append(f"{name}: {got.shape}, expected {want.shape}, or other pixels")
    assert not wrong, wrong


def test_a_picture_is_fed_as_its_bytes(tmp_path, picture):
    model = write_decoder(tmp_path / "m.onnx", "RGB", ["decode"])
    done = call("run", model, "--input", f"x0={picture}", "--out", tmp_path / "out")
    assert done.code == 0, done.err
    np.testing.assert_array_equal(np.load(tmp_path / "out/y0.npy"), expected(picture.read_bytes(), "RGB"))


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "input is empty"),
        (b"GIF89a" + b"\0" * 30, "not a picture that can be read: its first bytes are those of none of JPEG, PNG"),
        (PICTURES["png rgb"][:-30], "broken PNG"),
        (b"P5 100000 100000 255\n", "100000 x 100000 pixels; at most 64 megapixels"),
        (b"P5 10 10 255\n123", "ends early"),
    ],
)
def test_errors_name_the_node_and_the_reason(tmp_path, data, message):
    model = write_decoder(tmp_path / "m.onnx", "RGB", ["decode"])
    np.save(tmp_path / "x.npy", np.frombuffer(data, np.uint8))
    done = call("run", model, "--input", f"x0={tmp_path}/x.npy")
    assert done.code != 0
    assert re.search(f"'decode'.*{message}", done.err), done.err


def test_applications_read_every_format(tmp_path):
    names = ["tiff rgb", "webp", "jpeg2000 rgb", "bmp rgb", "pnm 6"]
    for name in names:
        (tmp_path / f"{name.replace(' ', '_')}.img").write_bytes(PICTURES[name])
    (tmp_path / "notes.txt").write_text("P5 is a format, this is text")
    (tmp_path / "more.txt").write_text("BMW is no picture, either")
    done = call("colorize", tmp_path, "--out", tmp_path / "out", "--quiet", "--size", 64)
    assert done.code == 0, done.err
    assert len(list((tmp_path / "out").iterdir())) == len(names), done.err
