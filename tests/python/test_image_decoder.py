"""ImageDecoder in Python: the pixels that Pillow reads, and what happens without it, with damage and in threads."""

import concurrent.futures
import pathlib
import subprocess
import sys
import threading

import numpy as np
import onward
import pytest
from onnx import TensorProto as T
from onnx import helper as h

pytest.importorskip("PIL")
sys.path.append(str(pathlib.Path(__file__).parents[1] / "cli"))

from pictures import PICTURES, expected  # noqa: E402


def decoder(pixel_format="RGB"):
    node = h.make_node("ImageDecoder", ["file"], ["pixels"], name="decode", pixel_format=pixel_format)
    channels = 1 if pixel_format == "Grayscale" else 3
    inputs = [h.make_tensor_value_info("file", T.UINT8, ["n"])]
    outputs = [h.make_tensor_value_info("pixels", T.UINT8, ["h", "w", channels])]
    graph = h.make_graph([node], "g", inputs, outputs)
    return h.make_model(graph, opset_imports=[h.make_opsetid("", 20)], ir_version=9).SerializeToString()


def decode(session, data):
    return session.run(None, {"file": np.frombuffer(data, np.uint8)})[0]


@pytest.mark.filterwarnings("ignore:Palette images with Transparency")
@pytest.mark.parametrize("pixel_format", ["RGB", "BGR", "Grayscale"])
def test_pixels_are_pillows(pixel_format):
    session = onward.InferenceSession(decoder(pixel_format))
    for name, data in PICTURES.items():
        np.testing.assert_array_equal(decode(session, data), expected(data, pixel_format), name)


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "input is empty"),
        (b"no picture", "no picture that can be read"),
        (b"GIF89a" + b"\0" * 30, "no picture that can be read"),
        (PICTURES["png rgb"][:-30], "broken PNG"),
        (PICTURES["jpeg 444"][: len(PICTURES["jpeg 444"]) // 2], "broken (JPEG|picture)"),
        (PICTURES["webp"][:-30], "broken (WEBP|picture)"),
        (PICTURES["tiff tiff_lzw"][:-500], "broken TIFF|no picture"),
        (PICTURES["jpeg2000 rgb"][:-30], "broken JPEG2000"),
        (PICTURES["bmp rgb"][:-30], "broken BMP"),
        (b"P5 10 10 255\n123", "broken PPM"),
        (b"P5 10000 10000 255\n123", "10000 x 10000 pixels; at most 64 megapixels"),
    ],
)
@pytest.mark.filterwarnings("ignore:Image size")  # of Pillow's own limit
def test_damage_is_an_error_that_names_the_node(data, message):
    session = onward.InferenceSession(decoder())
    with pytest.raises(onward.InvalidArgument, match=f"'decode'.*({message})"):
        decode(session, data)
    assert decode(session, PICTURES["png rgb"]).shape == (21, 37, 3)  # and the session goes on


def test_threads_and_async_runs():
    session = onward.InferenceSession(decoder())
    chosen = [d for n, d in PICTURES.items() if n in ("jpeg 420", "png rgb", "webp", "tiff tiles", "jpeg2000 lossy")]
    want = [expected(d, "RGB") for d in chosen]

    def work(i):
        np.testing.assert_array_equal(decode(session, chosen[i % len(chosen)]), want[i % len(want)])

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(200)))
    found, done = [], threading.Event()

    def take(outputs, _, error):
        found.append(error or outputs[0])
        done.set()

    session.run_async(None, {"file": np.frombuffer(chosen[0], np.uint8)}, take, None)
    assert done.wait(30), "the callback was not called: does the decoder wait for a lock that its caller holds?"
    np.testing.assert_array_equal(found[0], want[0])


def test_what_the_decoder_raises_is_the_error(monkeypatch):
    import onward._image

    session = onward.InferenceSession(decoder())
    for raised, caught, message in (
        (RuntimeError("a text of its own"), onward.InvalidArgument, "a text of its own"),
        (KeyError, onward.InvalidArgument, "KeyError"),
        (ImportError("no such package"), onward.NotImplemented, "no such package"),
        (MemoryError("too much"), onward.OutOfMemory, "too much"),
        (KeyboardInterrupt, onward.Cancelled, "KeyboardInterrupt"),
    ):

        def fail(*_, raised=raised):
            raise raised

        monkeypatch.setattr(onward._image, "decode", fail)
        with pytest.raises(caught, match=f"'decode'.*{message}"):
            decode(session, b"?")
    for wrong in (None, (1, 2), (2, 2, b"123"), (0, 0, b""), (1 << 62, 1 << 62, b"123"), (2, 2, "text")):
        monkeypatch.setattr(onward._image, "decode", lambda *_, wrong=wrong: wrong)
        with pytest.raises(onward.Error, match="'decode'"):
            decode(session, b"?")


def test_without_pillow():
    program = (
        "import sys; sys.modules['PIL'] = None\n"
        "import numpy, onward\n"
        f"session = onward.InferenceSession({decoder()!r})\n"
        "try:\n"
        "    session.run(None, {'file': numpy.zeros(9, numpy.uint8)})\n"
        "except onward.NotImplemented as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert "pip install pillow" in done.stdout and "'decode'" in done.stdout, done.stdout + done.stderr
