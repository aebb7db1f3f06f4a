"""Quantized numbers."""

import numpy as np

import truth_layers
import values
from case import ROUNDED, Case
from draw import integer_limits
from operators.layers import channels, matrix_shapes, padded, window
from registry import operator, types_of

# Powers of two: neither a product nor a quotient is rounded then, so that halves fall alike everywhere.
SCALES = (0.5, 0.25, 1.0, 2.0, 0.125)


def scales(d, t, shape):
    picks = np.array(SCALES)
    return picks[d.array("int32", shape, 0, len(SCALES) - 1)].astype(values.dtype(t)).reshape(shape)


def layout(d, shape):
    """The shape of the scales, and the attributes that go with it: of all, along an axis, in blocks."""
    way = d.below(3)
    if way == 0 or not shape:
        return (), {}
    axis = d.axis(len(shape))
    if way == 1:
        return (shape[axis],), {"axis": axis if axis != 1 else d.maybe(lambda: 1)}
    block = d.pick((2, 1, 3))
    out = list(shape)
    out[axis] = -(-shape[axis] // block)
    return tuple(out), {"axis": axis, "block_size": block}


def zero_point(d, t, shape):
    if values.kind(t) != "integer":
        return np.zeros(shape, values.dtype(t))
    return d.array(t, shape, max(-3, integer_limits(t)[0]), 3 if integer_limits(t)[1] > 1 else 1)


@operator("QuantizeLinear")
def quantize(d, op):
    source = d.kind([t for t in types_of(op) if t in ("float", "float16", "bfloat16", "int32")])
    target = d.kind(["uint8", *[t for t in types_of(op, output=True) if t != "uint8"]])
    shape = d.shape(0, 3, zero=False)
    of, given = layout(d, shape)
    x = d.array(source, shape, edge=None)
    zero = d.maybe(lambda: zero_point(d, target, of))
    if zero is None and (target != "uint8" or d.below(2)):
        given["output_dtype"] = values.number(target)
    if target.startswith("float8"):
        given["saturate"] = d.maybe(lambda: d.below(2))
    types = [f"tensor({target})"]
    s = scales(d, source if source != "int32" else "float", of)
    return Case(op, [x, s, zero], given, out_types=types, wide=False)


@operator("DequantizeLinear")
def dequantize(d, op):
    source = d.kind(["uint8", *[t for t in types_of(op) if t != "uint8"]])
    target = d.kind(("float", "float16", "bfloat16"))
    shape = d.shape(0, 3, zero=False)
    of, given = layout(d, shape)
    x = d.array(source, shape, edge=None)
    zero = d.maybe(lambda: zero_point(d, source, of)) if source != "int32" else None
    return Case(op, [x, scales(d, target, of), zero], given, close=ROUNDED, out_types=[f"tensor({target})"], wide=False)


@operator("DynamicQuantizeLinear")
def dynamic_quantize(d, op):
    return Case(op, [d.array("float", d.shape(zero=False), edge=None)], outputs=3, apart=1, close=ROUNDED)


def one(d, t):
    return np.array(d.pick((0.5, 0.25, 1.0, 2.0)), values.dtype(t))


@operator("QLinearMatMul")
def q_matmul(d, op):
    a, b = matrix_shapes(d, 17)
    if len(a) < 2 or len(b) < 2:
        a, b = (3, 5), (5, 4)
    ta, tb, ty = (d.pick(("uint8", "int8")) for _ in range(3))
    per = d.chance(3) and len(b) == 2
    of = (b[-1],) if per else ()
    zero = lambda t, shape=(): zero_point(d, t, shape)  # noqa: E731
    sy = np.array(d.pick((4.0, 16.0, 64.0)), np.float32)
    inputs = [d.array(ta, a), one(d, "float"), zero(ta), d.array(tb, b), scales(d, "float", of), zero(tb, of), sy, zero(ty)]
    return Case(op, inputs, apart=1)


@operator("QLinearConv")
def q_conv(d, op):
    axes = d.pick((2, 1, 3))
    given, size = window(d, axes)
    c, m, group = channels(d)
    if np.prod(size) * c * m > 100000:
        c, m, group = 3, 4, 1
    given["group"] = group
    tx, tw, ty = (d.pick(("uint8", "int8")) for _ in range(3))
    of = (m,) if d.below(2) else ()
    x, w = d.array(tx, (d.between(1, 2), c, *size)), d.array(tw, (m, c // group, *given["kernel_shape"]))
    zero = lambda t, shape=(): zero_point(d, t, shape)  # noqa: E731
    zw = zero(tw) if not of else np.full(of, zero(tw))
    sy = np.array(d.pick((16.0, 4.0, 64.0)), np.float32)
    bias = d.maybe(lambda: d.array("int32", (m,), -500, 500))
    return Case(op, [x, one(d, "float"), zero(tx), w, scales(d, "float", of), zw, sy, zero(ty), bias], given, apart=1,
                restated=padded(given, size), truth=truth_layers.qlinear_conv)
