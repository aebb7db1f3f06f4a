"""`onward colorize`: its pictures against the published pipeline in NumPy over ONNX Runtime, and its manners."""

import json
import shutil

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper
from PIL import Image

from conftest import DEMO_MODEL, PHOTOS, call, files_under, floats, save

TO_XYZ = np.array([[.412453, .357580, .180423], [.212671, .715160, .072169], [.019334, .119193, .950227]])
TO_RGB = np.array([[3.240479, -1.53715, -.498535], [-.969256, 1.875991, .041556], [.055648, -.204043, 1.057311]])
WHITE = np.array([.950456, 1, 1.088754])
KNEE = 216 / 24389


def rgb_to_lab(rgb):
    linear = np.where(rgb <= .04045, rgb / 12.92, ((rgb + .055) / 1.055) ** 2.4)
    t = linear @ TO_XYZ.T / WHITE
    f = np.where(t > KNEE, np.cbrt(t), t * 841 / 108 + 16 / 116)
    lightness = np.where(t[..., 1] > KNEE, 116 * f[..., 1] - 16, 903.2963 * t[..., 1])
    return np.stack([lightness, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def lab_to_rgb(lab):
    fy = np.where(lab[..., 0] <= 8, 7.787 * lab[..., 0] / 903.3 + 16 / 116, (lab[..., 0] + 16) / 116)
    y = np.where(lab[..., 0] <= 8, lab[..., 0] / 903.3, fy ** 3)
    side = np.stack([fy + lab[..., 1] / 500, fy - lab[..., 2] / 200], -1)
    side = np.where(side <= 6 / 29, (side - 16 / 116) / 7.787, side ** 3)
    linear = np.clip(np.stack([side[..., 0], y, side[..., 1]], -1) * WHITE @ TO_RGB.T, 0, 1)
    return np.where(linear <= .0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - .055)


def resize(image, height, width, nearest=False):
    """(H,W,C), half-pixel bilinear without smoothing, or nearest by floor."""
    for axis, out in ((0, height), (1, width)):
        count = image.shape[axis]
        if nearest:
            image = np.take(image, np.arange(out) * count // out, axis)
            continue
        at = np.clip((np.arange(out) + .5) * count / out - .5, 0, count - 1)
        low = np.floor(at).astype(int)
        part = (at - low).reshape([-1 if a == axis else 1 for a in range(3)])
        image = np.take(image, low, axis) * (1 - part) + np.take(image, np.minimum(low + 1, count - 1), axis) * part
    return image


def reference(model, path, width, height, nearest=False, imagenet=False):
    rgb = np.asarray(Image.open(path).convert("RGB")) / 255
    grey = rgb_to_lab(resize(rgb, height, width)) * [1, 0, 0]
    fed = lab_to_rgb(grey)
    if imagenet:
        fed = (fed - [.485, .456, .406]) / [.229, .224, .225]
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    ab = session.run(None, {name: fed.transpose(2, 0, 1)[None].astype(np.float32)})[0][0].transpose(1, 2, 0)
    ab = resize(ab.astype(np.float64), *rgb.shape[:2], nearest=nearest)
    return 255 * lab_to_rgb(np.concatenate([rgb_to_lab(rgb)[..., :1], ab], -1))


def assert_same(path, expected):
    got = np.asarray(Image.open(path).convert("RGB")).astype(np.float64)
    assert got.shape == expected.shape
    error = np.abs(got - expected)
    assert error.max() < 1.6 and error.mean() < 0.3, (error.max(), error.mean())


def ab_model(path, height="h", width="w", scale=60.0, names=("in:0", "ab"), metadata=None):
    """A network of the colorizers' interface: ab = scale * the last two input channels of a 1x1 convolution."""
    weight = np.array([[.9, -.3, .2], [-.4, .1, .8]], np.float32).reshape(2, 3, 1, 1) * scale
    node = helper.make_node("Conv", [names[0], "w0"], [names[1]])
    constants = [helper.make_tensor("w0", TensorProto.FLOAT, weight.shape, weight.flatten())]
    save(path, [node], [floats(names[0], [1, 3, height, width])], [floats(names[1], [1, 2, height, width])], constants)
    if metadata:
        import onnx
        model = onnx.load(path)
        helper.set_model_props(model, metadata)
        onnx.save(model, path)
    return path


@pytest.mark.parametrize("size", [256, 384])
def test_shipped_model_matches_the_pipeline(tmp_path, size):
    photo = PHOTOS / "coffee.jpg"
    done = call("colorize", photo, "-o", tmp_path / "out.png", "--size", size)
    assert done.code == 0, done.err
    assert_same(tmp_path / "out.png", reference(DEMO_MODEL, photo, size, size))


def test_nearest_and_fixed_oblong_network(tmp_path, picture):
    model = ab_model(tmp_path / "m.onnx", 32, 64)
    assert call("colorize", picture, "-o", tmp_path / "o.png", "--model", model, "--upsample", "nearest").code == 0
    assert_same(tmp_path / "o.png", reference(model, picture, 64, 32, nearest=True))


@pytest.mark.parametrize("how", ["flag", "metadata"])
def test_imagenet_normalization(tmp_path, picture, how):
    model = ab_model(tmp_path / "m.onnx", scale=20, metadata={"normalization": "imagenet"} if how == "metadata" else None)
    flags = ["--normalization", "imagenet"] if how == "flag" else []
    assert call("colorize", picture, "-o", tmp_path / "o.png", "--model", model, "--size", 64, *flags).code == 0
    assert_same(tmp_path / "o.png", reference(model, picture, 64, 64, imagenet=True))


def test_presets_choose_the_network_size(tmp_path, picture):
    model = ab_model(tmp_path / "m.onnx")
    for preset, size in (("portrait", 512), ("building", 960), ("auto", 256)):
        done = call("colorize", picture, "-o", tmp_path / "o.png", "--model", model, "--preset", preset, "--json")
        assert json.loads(done.out)["pictures"][0]["network_width"] == size


def test_result_does_not_depend_on_threads(tmp_path):
    for threads in (1, 3):
        call("colorize", PHOTOS / "coffee.jpg", "-o", tmp_path / f"{threads}.png", "--threads", threads)
    assert (tmp_path / "1.png").read_bytes() == (tmp_path / "3.png").read_bytes()


def test_exif_orientation_is_applied_once(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (40, 20), 90).save(tmp_path / "turned.jpg", exif=exif)
    assert call("colorize", tmp_path / "turned.jpg", "-o", tmp_path / "o.jpg").code == 0
    out = Image.open(tmp_path / "o.jpg")
    assert out.size == (20, 40) and out.getexif().get(0x0112, 1) == 1


def test_folder_carries_on_past_broken_files(tmp_path, picture):
    album = tmp_path / "album"
    (album / "deep").mkdir(parents=True)
    shutil.copy(picture, album / "a.png")
    shutil.copy(picture, album / "deep/b.png")
    whole = (PHOTOS / "coffee.jpg").read_bytes()
    (album / "broken.jpg").write_bytes(whole[:len(whole) // 2])
    (album / "notes.txt").write_text("no picture")
    done = call("colorize", album, tmp_path / "missing.jpg", "-o", tmp_path / "out", "--sheet", tmp_path / "sheet.png")
    assert done.code == 1
    assert "2 of 4 pictures failed" in done.err
    assert "broken.jpg: broken JPEG" in done.err and "missing.jpg: cannot be opened" in done.err
    assert files_under(tmp_path / "out") == ["a.png", "deep/b.png"]
    assert Image.open(tmp_path / "sheet.png").size == (2 * 40 + 4, 2 * 24 + 4)


def test_alpha_and_grey_pictures(tmp_path):
    rgba = np.full((8, 8, 4), 120, np.uint8)
    rgba[..., 3] = np.arange(64).reshape(8, 8)
    Image.fromarray(rgba).save(tmp_path / "rgba.png")
    assert call("colorize", tmp_path / "rgba.png", "-o", tmp_path / "o.png").code == 0
    assert (np.asarray(Image.open(tmp_path / "o.png"))[..., 3] == rgba[..., 3]).all()


def test_bad_calls_are_2_and_leave_nothing(tmp_path, picture):
    out = tmp_path / "o.png"
    model = ab_model(tmp_path / "m.onnx", 64, 64)
    before = files_under(tmp_path)
    for arguments, message in [
        ([], "required"),
        ([picture], "--out"),
        ([picture, "-o", out, "--size", "100"], "multiple of 32"),
        ([picture, "-o", out, "--size", "x"], "--size"),
        ([picture, "-o", out, "--model", model, "--size", "128"], "made for 64 x 64"),
        ([picture, "-o", out, "--preset", "landscape"], "--preset"),
        ([picture, "-o", tmp_path / "o.gif"], "ends in neither"),
        ([picture, picture, "-o", out], "several pictures"),
        ([picture, "-o", out, "--sheet", "s.bmp"], "--sheet s.bmp"),
        ([picture, "-o", out, "--sheet", picture], "would overwrite"),
        ([picture, "-o", out, "--colour"], "--colour"),
    ]:
        done = call("colorize", *arguments)
        assert done.code == 2, (arguments, done.err)
        assert message in done.err, (arguments, done.err)
    assert files_under(tmp_path) == before


def test_failed_jobs_are_1_and_leave_nothing(tmp_path, picture, affine_model):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.onnx").write_text("no model")
    original = picture.read_bytes()
    before = files_under(tmp_path)
    for arguments, message in [
        ([picture, "-o", picture], "would overwrite an input"),
        ([picture, "-o", tmp_path / "none.png/o.png"], "none.png"),
        ([tmp_path / "empty", "-o", tmp_path / "x"], "no picture in this folder; expected JPEG, PNG"),
        ([picture, "-o", tmp_path / "o.png", "--model", tmp_path / "none.onnx"], "none.onnx"),
        ([picture, "-o", tmp_path / "o.png", "--model", tmp_path / "text.onnx"], "text.onnx"),
        ([picture, "-o", tmp_path / "o.png", "--model", affine_model], "not a colorizer: it has 2 inputs"),
    ]:
        done = call("colorize", *arguments)
        if "none.png" in message:
            assert done.code == 0  # the folder is made
            shutil.rmtree(tmp_path / "none.png")
            continue
        assert done.code == 1, (arguments, done.err)
        assert message in done.err, (arguments, done.err)
    assert files_under(tmp_path) == before and picture.read_bytes() == original


def test_folder_that_cannot_be_made(tmp_path, picture):
    (tmp_path / "file").write_text("in the way")
    done = call("colorize", picture, "-o", tmp_path / "file/o.png")
    assert done.code == 1 and "file/o.png: cannot be written: Not a directory" in done.err


def test_help_has_an_example():
    for command in ("colorize", "run", "bench"):
        done = call(command, "--help")
        assert done.code == 0 and f"  onward {command} " in done.out
