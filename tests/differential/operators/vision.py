"""Pictures, regions and signals: Resize, GridSample, RoiAlign, transforms and windows."""

import numpy as np

import truth
import values
from case import SUM, Case, Impossible
from registry import operator

REALS = ("float", "double", "float16", "bfloat16")


def coordinate_units(shape):
    """A coordinate among n is a number up to n, rounded in float; the result goes with it."""
    return 64 + 8 * max(shape)


@operator("Resize")
def resize(d, op):
    mode = d.maybe(lambda: d.pick(("nearest", "linear", "cubic")))
    t = d.kind(("float", "double", "float16", "uint8", "int32", "int8"))
    rank = d.pick((4, 3, 2)) if mode != "cubic" else d.pick((4, 2))
    shape = d.shape(rank, rank, most=9, zero=False)
    used = [rank - 2, rank - 1] if rank > 2 else [0, 1]
    axes = used if d.below(2) else None
    frame = d.maybe(lambda: d.pick(("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric",
                                    "tf_crop_and_resize")))  # fmt: skip
    if frame == "half_pixel_symmetric" and t not in ("float", "uint8"):
        t = "float"  # the evaluator has it wrong where a scale's output size is rounded down
    antialias = d.maybe(lambda: d.below(2), 3) if mode in ("linear", "cubic") else None
    if antialias and frame == "pytorch_half_pixel":
        t = "float"  # the evaluator has one output at the edge, ONNX Runtime in the middle, as PyTorch
    at = used if axes is None else axes
    count = rank if axes is None else len(axes)
    factors, sizes = [1.0] * count, list(shape) if axes is None else [shape[a] for a in axes]
    policy = None
    by_size = d.below(2)
    for k in range(count):
        if axes is None and k not in at:
            continue
        # Whether the length at the corners is that before or after rounding down, engines do not agree on.
        factors[k] = d.pick((2.0, 1.0, 3.0) if frame in ("align_corners", "tf_crop_and_resize") else (2.0, 0.5, 1.0, 1.5, 0.6, 3.3))
        sizes[k] = d.dim(13)
    if by_size and axes is not None:
        policy = d.maybe(lambda: d.pick(("stretch", "not_larger", "not_smaller")))
    elif any(int(np.floor(np.float32(f) * n)) < 1 for f, n in zip(factors, shape if axes is None else [shape[a] for a in axes])):
        raise Impossible("nothing would be left")
    roi = None
    if frame == "tf_crop_and_resize":
        cut = [axes is not None or k in at for k in range(count)]  # ONNX Runtime looks at no other axis
        roi = [d.pick((0.0, 0.25)) if c else 0.0 for c in cut] + [d.pick((1.0, 0.75, 1.25)) if c else 1.0 for c in cut]
        roi = np.array(roi, np.float32)
    given = {"mode": mode, "coordinate_transformation_mode": frame, "axes": axes, "antialias": antialias,
             "keep_aspect_ratio_policy": policy,
             "nearest_mode": d.maybe(lambda: d.pick(("round_prefer_floor", "floor", "ceil", "round_prefer_ceil")))
             if mode in (None, "nearest") else None,
             "cubic_coeff_a": d.maybe(lambda: -0.5) if mode == "cubic" else None,
             "exclude_outside": d.maybe(lambda: d.below(2)) if mode == "cubic" else None,
             "extrapolation_value": 2.0 if frame == "tf_crop_and_resize" else None}  # fmt: skip
    inputs = [d.array(t, shape, edge=None), roi, None if by_size else np.array(factors, np.float32),
              np.array(sizes, np.int64) if by_size else None]  # fmt: skip
    return Case(op, inputs, given, close=SUM, apart=1, wide=values.kind(t) == "float", unit="float",
                units=coordinate_units(shape), constant=[2, 3] if antialias else ())  # fmt: skip


@operator("Upsample")
def upsample(d, op):
    t = d.kind(("float", "double", "uint8", "int32"))
    mode = d.maybe(lambda: d.pick(("nearest", "linear")))
    shape = d.shape(4, 4, most=7, zero=False)
    scales = np.array([1, 1, d.pick((2.0, 1.0, 1.5, 3.0)), d.pick((2.0, 1.0, 1.5))], np.float32)
    return Case(op, [d.array(t, shape, edge=None), scales], {"mode": mode}, opset=9, close=SUM, apart=1, constant=[1], truth=truth.upsample,
                units=coordinate_units(shape))  # fmt: skip


@operator("GridSample")
def grid_sample(d, op):
    t = d.kind(("float", "double", "float16"))
    axes = d.pick((2, 3))
    mode = d.maybe(lambda: d.pick(("linear", "nearest", "cubic")[: 3 if axes == 2 else 2]))
    n, c = d.between(1, 2), d.pick((1, 2, 3))
    size, out = ([d.dim(5) for _ in range(axes)] for _ in range(2))  # the evaluator takes long
    tg = d.kind(("float", "double")) if t != "float16" else t
    given = {"mode": mode, "padding_mode": d.maybe(lambda: d.pick(("zeros", "border", "reflection"))),
             "align_corners": d.maybe(lambda: d.below(2))}  # fmt: skip
    if mode == "cubic" and given["padding_mode"] in ("border", "reflection"):
        t = tg = "float"  # the evaluator clamps the point and not its neighbours
    grid = d.array(tg, (n, *out, axes), -1.4, 1.4)
    if d.chance(6):
        grid.reshape(-1)[0] = d.pick((1e4, -1e4, 7.5))
        if given["padding_mode"] == "reflection" or mode == "cubic" or mode == "nearest" or given["padding_mode"] == "border":
            grid.reshape(-1)[0] = 7.5  # what they make of these is left open
    return Case(op, [d.array(t, (n, c, *size), edge=None), grid], given, close=SUM)


@operator("AffineGrid")
def affine_grid(d, op):
    t = d.kind(REALS)
    axes = d.pick((2, 3))
    n = d.between(1, 2)
    size = np.array([n, d.dim(3), *[d.dim(9) for _ in range(axes)]], np.int64)
    given = {"align_corners": d.maybe(lambda: d.below(2))}
    if given["align_corners"] and 1 in size[2:]:
        raise Impossible("a single point lies at both corners")
    return Case(op, [d.array(t, (n, axes, axes + 1), edge=None), size], given, close=SUM)


@operator("RoiAlign")
def roi_align(d, op):
    t = d.kind(("float", "double", "float16"))
    n, c, h, w, count = d.between(1, 2), d.pick((1, 2, 3)), d.pick((8, 5, 9)), d.pick((8, 5, 9)), d.pick((1, 2, 3, 0))
    corner = d.array(t, (count, 2), -1, 5)
    rois = np.concatenate([corner, corner + d.array(t, (count, 2), 0.1, 5)], 1).astype(corner.dtype)
    given = {"mode": d.maybe(lambda: d.pick(("avg", "max"))), "output_height": d.maybe(lambda: d.pick((2, 1, 3))),
             "output_width": d.maybe(lambda: d.pick((2, 1, 3))), "sampling_ratio": d.maybe(lambda: d.below(4)),
             "spatial_scale": d.maybe(lambda: 0.5),
             "coordinate_transformation_mode": d.maybe(lambda: d.pick(("half_pixel", "output_half_pixel")))}  # fmt: skip
    wrong = d.chance(16) and count
    which = d.array("int64", (count,), 0, n - 1)
    if wrong:
        which[0] = d.pick((n, -n - 5, 2**40))
    return Case(op, [d.array(t, (n, c, h, w), edge=None), rois, which], given, close=SUM, refuse=bool(wrong),
                avoid=["onnxruntime"] * bool(wrong))  # fmt: skip


@operator("MaxRoiPool")
def max_roi_pool(d, op):
    t = d.kind(("float", "double", "float16"))
    n, c, h, w, count = d.between(1, 2), d.pick((1, 2, 3)), d.pick((8, 5, 9)), d.pick((8, 5, 9)), d.pick((1, 2, 3))
    rois = np.zeros((count, 5), values.dtype(t))
    for i in range(count):
        y, x = d.below(h), d.below(w)
        rois[i] = [d.below(n), x, y, d.between(x, w - 1), d.between(y, h - 1)]
    wrong = d.chance(16)
    if wrong:
        rois[0, 0] = d.pick((n, -1))
    given = {"pooled_shape": [d.pick((2, 1, 3)), d.pick((2, 1, 3))], "spatial_scale": d.maybe(lambda: d.pick((1.0, 0.5)))}
    return Case(op, [d.array(t, (n, c, h, w), edge=None), rois], given, refuse=wrong, wide=False, truth=truth.max_roi_pool)


@operator("ImageDecoder")
def image_decoder(d, op):
    import io

    from PIL import Image

    pixels = d.array("uint8", (d.dim(17), d.dim(17), 3), 0, 255)
    form = d.pick(("PNG", "BMP", "TIFF", "PPM", "WEBP", "JPEG2000"))
    data = io.BytesIO()
    more = {"lossless": True} if form == "WEBP" else {}
    Image.fromarray(pixels).save(data, form, **more)
    coded = np.frombuffer(data.getvalue(), np.uint8).copy()
    wrong = d.chance(12)
    if wrong:
        coded = coded[: d.below(20)]
    return Case(op, [coded], {"pixel_format": d.maybe(lambda: d.pick(("RGB", "BGR", "Grayscale")))}, refuse=wrong, apart=1, fed=[0])


# --- signals


@operator("BlackmanWindow", "HammingWindow", "HannWindow")
def window(d, op):
    t = d.kind(("float", "double", "float16"))
    n = np.array(d.pick((5, 1, 2, 3, 16, 130)), d.pick((np.int64, np.int32)))
    return Case(op, [n], {"periodic": d.maybe(lambda: d.below(2)), "output_datatype": values.number(t)}, out_types=[f"tensor({t})"],
                close=SUM)  # fmt: skip


@operator("DFT")
def dft(d, op):
    t = d.kind(("float", "double"))
    shape = d.shape(1, 3, most=17, zero=False)
    inverse, onesided = d.maybe(lambda: d.below(2)), d.maybe(lambda: d.below(2))
    is_complex = d.below(2) or bool(inverse)
    if onesided and is_complex and not inverse:
        onesided = None
    if inverse:
        onesided = None
    axis = d.axis(len(shape) + 1) if d.below(2) else None
    at = -2 if axis is None else axis
    if at % (len(shape) + 1) == len(shape):
        raise Impossible("the last axis has the parts")
    length = d.maybe(lambda: np.array(d.dim(17), np.int64))
    inputs = [d.array(t, (*shape, 2 if is_complex else 1), edge=None), length, None if axis is None else np.array(axis, np.int64)]
    return Case(op, inputs, {"inverse": inverse, "onesided": onesided}, close=SUM)


@operator("STFT")
def stft(d, op):
    t = d.kind(("float", "double"))
    frame = d.pick((4, 3, 8, 5, 16))
    step = d.pick((2, 1, 3))
    length = frame + d.below(20)
    onesided = d.maybe(lambda: d.below(2))
    is_complex = d.chance(3) and onesided == 0
    windowed = d.below(2)
    x = d.array(t, (d.between(1, 2), length, 2 if is_complex else 1), edge=None)
    inputs = [x, np.array(step, np.int64), d.array(t, (frame,), 0, 1) if windowed else None,
              np.array(frame, np.int64) if not windowed or d.below(2) else None]  # fmt: skip
    return Case(op, inputs, {"onesided": onesided}, close=SUM)


@operator("MelWeightMatrix")
def mel(d, op):
    t = d.kind(("float", "double"))
    bins, length, rate = d.pick((4, 1, 8)), d.pick((16, 64, 33)), d.pick((8192, 16000))
    low, high = d.pick((0.0, 20.0, 300.0)), d.pick((4000.0, 2000.0))
    inputs = [np.array(v, np.int64) for v in (bins, length, rate)] + [np.array(v, np.float32) for v in (low, high)]
    return Case(op, inputs, {"output_datatype": values.number(t)}, out_types=[f"tensor({t})"], close=SUM, wide=False)
