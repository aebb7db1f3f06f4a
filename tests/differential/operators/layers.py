"""Products, convolutions, pooling, normalizations, recurrent cells, attention, losses."""

import numpy as np

import truth
import truth_layers
import values
from case import EXACT, NEWEST, ROUNDED, SUM, Case, Impossible
from registry import operator, types_of

REALS = ("float", "double", "float16", "bfloat16")


def real(d, op, at=0, opset=None):
    return d.kind([t for t in types_of(op, at, opset=opset) if t in REALS])


def soft(t):
    return "soft" if values.kind(t) == "float" else None


# --- products


def matrix_shapes(d, most=33):
    m, k, n = (d.dim(most, zero=True) for _ in range(3))
    if d.chance(10):
        m, k, n = d.pick(((130, 3, 65), (1, 300, 7), (5, 257, 129), (64, 64, 64)))
    way = d.below(5)
    if way == 0:
        return (m, k), (k, n)
    if way == 1:
        return (k,), (k, n)
    if way == 2:
        return (m, k), (k,)
    if way == 3:
        return (k,), (k,)
    batch = d.shape(1, 3, most=5)
    m, n, k = min(m, 9), min(n, 9), min(k, 9)
    return (*d.part_of(batch), m, k), (*d.part_of(batch), k, n)


@operator("MatMul")
def matmul(d, op):
    t = d.kind(types_of(op))
    a, b = matrix_shapes(d)
    return Case(op, [d.array(t, a, edge=soft(t)), d.array(t, b, edge=soft(t))], close=SUM)


@operator("Gemm")
def gemm(d, op):
    t = d.kind(types_of(op))
    m, k, n = (d.dim(33, zero=True) for _ in range(3))
    ta, tb = (d.maybe(lambda: d.below(2)) for _ in range(2))
    a, b = d.array(t, (k, m) if ta else (m, k), edge=None), d.array(t, (n, k) if tb else (k, n), edge=None)
    c = d.maybe(lambda: d.array(t, d.part_of((m, n)), edge=None))
    factors = (0.5, 1.0, 2.0, 0.0, -1.0) if values.kind(t) == "float" else (1.0, 2.0)
    given = {"transA": ta, "transB": tb, "alpha": d.maybe(lambda: d.pick(factors)), "beta": d.maybe(lambda: d.pick(factors))}
    return Case(op, [a, b, c], given, close=SUM)


@operator("MatMulInteger")
def matmul_integer(d, op):
    a, b = matrix_shapes(d)
    ta, tb = d.pick(types_of(op)), d.pick(types_of(op, 1))
    za = d.maybe(lambda: d.array(ta, () if d.below(2) or len(a) < 2 else (a[-2],) if len(a) == 2 else (), 0, 100))
    zb = d.maybe(lambda: d.array(tb, () if d.below(2) or len(b) < 2 else (b[-1],) if len(b) == 2 else (), 0, 100))
    return Case(op, [d.array(ta, a), d.array(tb, b), za, zb], truth=truth.matmul_integer)


# --- convolution and pooling


def window(d, axes, most=9, dilated=True):
    """Attributes of a sliding window and an image size that it fits in."""
    kernel = [d.pick((3, 1, 2, 4, 5, 7)[: 6 if axes < 3 else 3]) for _ in range(axes)]
    strides = d.maybe(lambda: [d.pick((1, 2, 3)) for _ in range(axes)])
    dilations = d.maybe(lambda: [d.pick((1, 2, 3)) for _ in range(axes)], 3) if dilated and d.below(2) else None
    if d.chance(8):  # larger than kernels are made for
        kernel[d.below(axes)] = d.pick((8, 9, 11, 13, 16, 18, 19, 20, 31))
        if axes == 2 and d.below(2):
            kernel = [max(kernel)] * 2
        if strides and d.below(2):
            strides[d.below(axes)] = d.pick((4, 5, 8, 17, 20))
        if dilations and d.below(2):
            dilations[d.below(axes)] = d.pick((4, 7, 16))
    size = [d.dim(most) for _ in range(axes)]
    spans = [(k - 1) * e + 1 for k, e in zip(kernel, dilations or [1] * axes)]
    size = [max(n, s - 1) for n, s in zip(size, spans)]
    auto = d.pick(("pads", None, "SAME_UPPER", "SAME_LOWER", "VALID"))
    given = {"kernel_shape": kernel, "strides": strides, "dilations": dilations}
    if auto == "pads":
        given["pads"] = [d.between(0, min(3, (k - 1))) for k in kernel * 2]
    elif auto:
        given["auto_pad"] = auto
    pads = given.get("pads", [0] * 2 * axes)
    if not auto or auto in ("VALID", "pads"):
        size = [max(n, s - a - b) for n, s, a, b in zip(size, spans, pads[:axes], pads[axes:])]
    if d.chance(12):
        size[-1] += d.pick((40, 100))
    return given, size


def padded(given, size):
    """The attributes with explicit pads in place of auto_pad: ONNX's formula for them."""
    auto = given.get("auto_pad")
    if auto is None:
        return None
    out, pads = {k: v for k, v in given.items() if k != "auto_pad"}, []
    kernel = given["kernel_shape"]
    for i, n in enumerate(size):
        stride, step = (given[k][i] if given.get(k) else 1 for k in ("strides", "dilations"))
        total = max(0, (-(-n // stride) - 1) * stride + (kernel[i] - 1) * step + 1 - n) if auto != "VALID" else 0
        pads.append(total // 2 if auto == "SAME_UPPER" else total - total // 2)
        pads.append(total - pads[-1])
    return {**out, "pads": pads[::2] + pads[1::2]}


def channels(d):
    group = d.pick((1, 1, 2, 3, 4, 8))
    if d.chance(3):
        depthwise = d.dim(17)
        return depthwise, depthwise * d.pick((1, 1, 2)), depthwise
    return group * d.pick((1, 2, 3, 5, 8)), group * d.pick((1, 2, 3, 4, 9, 16)), group


@operator("Conv", "ConvInteger")
def conv(d, op):
    axes = d.pick((2, 1, 3))
    t = real(d, op) if op == "Conv" else d.pick(("uint8", "int8"))
    given, size = window(d, axes)
    c, m, group = channels(d)
    n = d.pick((1, 2, 0)) if d.chance(4) else d.between(1, 2)
    if np.prod(size) * c * m > 200000:
        c, m, group = 3, 4, 1
    if d.chance(6) and axes < 3:  # as large as layers of networks are, for the methods that only they take
        c, m, group = d.pick(((16, 16, 1), (32, 24, 1), (24, 48, 2), (3, 64, 1), (64, 16, 1), (32, 32, 32)))
        size = [max(k, d.pick((14, 17, 28, 12))) for k in size]
    given["group"] = group if group != 1 else d.maybe(lambda: 1)
    tw = t if op == "Conv" else d.pick(("uint8", "int8"))
    x, w = d.array(t, (n, c, *size), edge=soft(t)), d.array(tw, (m, c // group, *given["kernel_shape"]), edge=None)
    again = padded(given, size)
    if d.below(2):
        given.pop("kernel_shape")
    if op == "ConvInteger":
        zx = d.maybe(lambda: d.array(t, (), 0, 100))
        return Case(op, [x, w, zx, d.maybe(lambda: d.array(tw, (), 0, 100))], given, restated=again, truth=truth_layers.conv_integer)
    return Case(op, [x, w, d.maybe(lambda: d.array(t, (m,), edge=None))], given, close=SUM, restated=again, truth=truth_layers.conv)


@operator("ConvTranspose")
def conv_transpose(d, op):
    axes = d.pick((2, 1, 3))
    t = real(d, op)
    given, size = window(d, axes, most=5)
    c, m, group = channels(d)
    size = [min(n, 7) for n in size]
    strides = given["strides"] or [1] * axes
    dilations = given["dilations"] or [1] * axes
    given["group"] = group if group != 1 else None
    if given.get("auto_pad", "VALID") != "VALID" and any((k - 1) * e + 1 < s for k, e, s in zip(given["kernel_shape"], dilations, strides)):
        raise Impossible("pads below zero, whose halves are rounded as one likes")
    full = [(n - 1) * s + (k - 1) * e + 1 for n, s, k, e in zip(size, strides, given["kernel_shape"], dilations)]
    if "pads" in given:
        given["pads"] = [min(p, (full[i % axes] - 1) // 2) for i, p in enumerate(given["pads"])]
    if d.chance(3):
        given["output_padding"] = [d.below(max(s, e)) if s > 1 else 0 for s, e in zip(strides, [1] * axes)]
    elif d.chance(4) and "auto_pad" not in given:
        given.pop("pads", None)
        given["output_shape"] = [f - d.below(min(3, f)) for f in full]
    x, w = d.array(t, (d.between(1, 2), c, *size), edge=soft(t)), d.array(t, (c, m // group or 1, *given["kernel_shape"]), edge=None)
    out = (m // group or 1) * group
    return Case(op, [x, w, d.maybe(lambda: d.array(t, (out,), edge=None))], given, close=SUM, truth=truth_layers.conv_transpose)


@operator("DeformConv")
def deform_conv(d, op):
    t = real(d, op)
    kernel = [d.pick((3, 1, 2)) for _ in range(2)]
    strides, dilations = [d.pick((1, 2)) for _ in range(2)], [d.pick((1, 2)) for _ in range(2)]
    pads = [d.below(3) for _ in range(4)]
    size = [max(d.dim(5), (k - 1) * e + 1) for k, e in zip(kernel, dilations)]  # the evaluator takes long
    out = [(n + pads[i] + pads[i + 2] - (k - 1) * e - 1) // s + 1
           for i, (n, k, e, s) in enumerate(zip(size, kernel, dilations, strides))]  # fmt: skip
    group, offsets = d.pick((1, 2)), d.pick((1, 2))
    c, m, n = 2 * group, group * d.pick((1, 2, 3)), d.between(1, 2)
    points = kernel[0] * kernel[1] * offsets
    x, w = d.array(t, (n, c, *size), edge=None), d.array(t, (m, c // group, *kernel), edge=None)
    given = {"kernel_shape": kernel, "strides": strides, "dilations": dilations, "pads": pads, "group": group,
             "offset_group": offsets}  # fmt: skip
    inputs = [x, w, d.array(t, (n, 2 * points, *out), edge=None), d.maybe(lambda: d.array(t, (m,), edge=None)),
              d.maybe(lambda: d.array(t, (n, points, *out), edge=None))]  # fmt: skip
    return Case(op, inputs, given, close=SUM)


@operator("AveragePool", "MaxPool", "LpPool")
def pool(d, op):
    axes = d.pick((2, 1, 3))
    t = d.kind(types_of(op))
    given, size = window(d, axes)
    given["ceil_mode"] = d.maybe(lambda: d.below(2))
    spans = [(k - 1) * e + 1 for k, e in zip(given["kernel_shape"], given["dilations"] or [1] * axes)]
    if "pads" in given:
        given["pads"] = [min(p, (given["kernel_shape"] * 2)[i] - 1) for i, p in enumerate(given["pads"])]
        size = [max(n, s) for n, s in zip(size, spans)]
    if op == "AveragePool":
        given["count_include_pad"] = d.maybe(lambda: d.below(2))
    if op == "LpPool":
        given["p"] = d.maybe(lambda: d.pick((2, 1, 3)))
    outputs = 1
    if op == "MaxPool":
        given["storage_order"] = d.maybe(lambda: d.below(2))
        outputs = d.between(1, 2)
    x = d.array(t, (d.between(1, 2), d.pick((1, 3, 8, 9)), *size), edge="all" if op == "MaxPool" and outputs == 1 else None)
    if values.kind(t) == "float":
        x = np.where(np.isnan(x), np.array(1, x.dtype), x).astype(x.dtype)
    again = None if given.get("ceil_mode") and given.get("auto_pad") == "VALID" else padded(given, size)
    return Case(op, [x], given, outputs=outputs, close=EXACT if op == "MaxPool" else SUM, restated=again,
                truth=truth_layers.pool(op))  # fmt: skip


@operator("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(d, op):
    t = real(d, op)
    given = {"p": d.maybe(lambda: d.pick((2, 1, 3)))} if op == "GlobalLpPool" else {}
    x = d.array(t, d.shape(3, 5, zero=False), edge=None)
    said = {"GlobalMaxPool": truth.global_max_pool, "GlobalLpPool": truth.global_lp_pool}.get(op)
    return Case(op, [x], given, close=EXACT if op == "GlobalMaxPool" else SUM, truth=said)


@operator("MaxUnpool")
def max_unpool(d, op):
    t = real(d, op)
    n, c, h, w = d.between(1, 2), d.pick((1, 2, 3)), d.dim(5), d.dim(5)
    x = d.array(t, (n, c, h, w), edge=None)
    k = [d.pick((2, 3, 1)) for _ in range(2)]
    size = (h * k[0], w * k[1])
    wrong = d.chance(12)
    at = np.random.default_rng(d.below(999)).permutation(n * c * size[0] * size[1])[: x.size].reshape(x.shape)
    if wrong:
        at = at.copy()
        at.reshape(-1)[-1] = d.pick((n * c * size[0] * size[1], -1, 2**62))
    shape = np.array((n, c, *size), np.int64) if d.below(2) else None
    return Case(op, [x, at.astype(np.int64), shape], {"kernel_shape": k, "strides": k}, refuse=wrong)


@operator("LRN")
def lrn(d, op):
    t = real(d, op)
    given = {"size": d.pick((3, 1, 2, 5)), "alpha": d.maybe(lambda: 0.5), "beta": d.maybe(lambda: 0.25),
             "bias": d.maybe(lambda: 2.0)}  # fmt: skip
    return Case(op, [d.array(t, d.shape(4, 4, most=9, zero=False), edge=None)], given, close=SUM, truth=truth.lrn)


@operator("Col2Im")
def col2im(d, op):
    t = real(d, op)
    axes = d.pick((2, 1, 3))
    block = [d.pick((2, 1, 3)) for _ in range(axes)]
    strides, dilations = ([d.pick((1, 2)) for _ in range(axes)] for _ in range(2))
    pads = [d.below(2) for _ in range(2 * axes)]
    image = [max(d.dim(7), (k - 1) * e + 1) for k, e in zip(block, dilations)]
    count = 1
    for i in range(axes):
        count *= (image[i] + pads[i] + pads[i + axes] - (block[i] - 1) * dilations[i] - 1) // strides[i] + 1
    x = d.array(t, (d.between(1, 2), d.pick((1, 2, 3)) * int(np.prod(block)), count), edge=None)
    given = {"strides": strides, "dilations": dilations, "pads": pads}
    return Case(op, [x, np.array(image), np.array(block)], given, close=SUM)


# --- normalizations


def vector(d, t, n, low=None, high=None):
    return d.array(t, (n,), low, high, edge=None)


@operator("BatchNormalization")
def batch_normalization(d, op):
    t = d.kind(REALS)
    shape = d.shape(2, 5, most=9, zero=False)
    c = shape[1]
    training = d.chance(4)
    given = {"epsilon": d.maybe(lambda: 0.01), "momentum": d.maybe(lambda: 0.5), "training_mode": 1 if training else d.maybe(lambda: 0)}
    inputs = [d.array(t, shape, edge=None), vector(d, t, c), vector(d, t, c), vector(d, t, c), vector(d, t, c, 0.5, 2)]
    return Case(op, inputs, given, outputs=3 if training else 1, close=SUM,
                unit="float" if training else None)  # fmt: skip


@operator("InstanceNormalization")
def instance_normalization(d, op):
    t = real(d, op)
    shape = d.shape(3, 5, most=9, zero=False)
    given = {"epsilon": d.maybe(lambda: 0.01)}
    return Case(op, [d.array(t, shape, edge=None), vector(d, t, shape[1]), vector(d, t, shape[1])], given, close=SUM)


@operator("GroupNormalization")
def group_normalization(d, op):
    t = real(d, op)
    groups = d.pick((1, 2, 3))
    c = groups * d.pick((1, 2, 4))
    shape = (d.between(1, 2), c, *d.shape(1, 3, most=9, zero=False))
    given = {"num_groups": groups, "epsilon": d.maybe(lambda: 0.01)}
    return Case(op, [d.array(t, shape, edge=None), vector(d, t, c), vector(d, t, c)], given, close=SUM, unit="float")


@operator("LayerNormalization", "RMSNormalization")
def layer_normalization(d, op):
    t = real(d, op)
    shape = d.shape(low=1, zero=False)
    axis = d.maybe(lambda: d.axis(len(shape)))
    last = shape[len(shape) - 1 if axis is None else axis :]
    scale = d.array(t, last if d.below(3) else d.part_of(last), edge=None)
    given = {"axis": axis, "epsilon": d.maybe(lambda: 0.01)}
    if op == "RMSNormalization":
        return Case(op, [d.array(t, shape, edge=None), scale], given, close=SUM, unit="float")
    outputs = d.pick(([True], [True, True, True], [True, False, True]))
    bias = d.maybe(lambda: d.array(t, last, edge=None))
    return Case(op, [d.array(t, shape, edge=None), scale, bias], given, outputs=outputs, close=SUM, unit="float")


@operator("Dropout")
def dropout(d, op):
    t = real(d, op)
    x = d.array(t, d.shape())
    ratio = d.maybe(lambda: d.array(d.kind(REALS[:3]), (), 0.1, 0.9))
    if d.chance(4):  # trained: with a ratio of 0 nothing is dropped
        return Case(op, [x, np.array(0, np.float32), np.array(True)], outputs=d.between(1, 2), close=ROUNDED)
    return Case(op, [x, ratio, d.maybe(lambda: np.array(False))], {"seed": d.maybe(lambda: 3)}, outputs=d.between(1, 2))


# --- recurrent cells

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


@operator("RNN", "GRU", "LSTM")
def recurrent(d, op):
    t = d.kind(("float", "double", "float16"))
    gates = GATES[op]
    length, batch, size, hidden = d.pick((3, 1, 2, 5)), d.pick((1, 2, 3)), d.dim(9), d.pick((2, 1, 3, 5, 8))
    direction = d.maybe(lambda: d.pick(("forward", "reverse", "bidirectional")))
    both = 2 if direction == "bidirectional" else 1
    layout = d.maybe(lambda: d.below(2), 4)
    swap = (lambda a: np.ascontiguousarray(a.swapaxes(0, 1))) if layout else lambda a: a
    x = d.array(t, (batch, length, size) if layout else (length, batch, size), edge=None)
    w, r = d.array(t, (both, gates * hidden, size), edge=None), d.array(t, (both, gates * hidden, hidden), edge=None)
    x, w, r = (v * v.dtype.type(0.3) for v in (x, w, r))
    b = d.maybe(lambda: d.array(t, (both, 2 * gates * hidden), edge=None))
    lens = d.maybe(lambda: d.array("int32", (batch,), 1, length), 3) if d.below(2) else None
    state = lambda: swap(d.array(t, (both, batch, hidden), edge=None))  # noqa: E731
    inputs = [x, w, r, b, lens, d.maybe(state)]
    given = {"hidden_size": hidden, "direction": direction, "layout": layout}
    if d.chance(3):
        per = {"RNN": 1, "GRU": 2, "LSTM": 3}[op]
        given["activations"] = [d.pick(("Tanh", "Sigmoid", "Relu", "Softsign", "HardSigmoid", "Softplus", "Elu", "LeakyRelu"))
                                for _ in range(per * both)]  # fmt: skip
    if d.chance(4):
        given["clip"] = d.pick((0.5, 2.0))
    if op == "GRU":
        given["linear_before_reset"] = d.maybe(lambda: d.below(2))
    if op == "LSTM":
        inputs += [d.maybe(state), d.maybe(lambda: d.array(t, (both, 3 * hidden), edge=None))]
        given["input_forget"] = d.maybe(lambda: d.below(2), 4)
    outputs = d.pick(([True, True], [True], [False, True]))
    if op == "LSTM" and d.below(2):
        outputs = [True, True, True]
    return Case(op, inputs, given, outputs=outputs, close=SUM, truth=truth.recurrent(op))


# --- attention


@operator("Attention")
def attention(d, op):
    t = real(d, op)
    b, h, q, kv, n, v = d.pick((1, 2, 3)), d.pick((1, 2, 3)), d.dim(9), d.dim(9), d.pick((8, 2, 4, 16)), d.pick((8, 2, 4, 5))
    groups = d.pick((1, 2))
    flat = d.below(2)
    past = d.maybe(lambda: d.dim(5), 3)
    padded = None if past else d.maybe(lambda: d.array("int64", (b,), 1, kv), 4)
    total = kv + (past or 0)
    mask = None
    if d.below(2):
        shape = d.pick(((q, total), (b, 1, q, total), (b, h * groups, q, total), (1, 1, q, total), (b, 1, 1, total)))
        mask = d.array("bool", shape) if d.below(2) else d.array(t, shape, edge=None)
        if mask.dtype == bool:
            mask[..., 0] = True  # a row with nothing to attend to is left open
    def make(heads, length, width):  # noqa: E306
        return d.array(t, (b, length, heads * width) if flat else (b, heads, length, width), edge=None)
    inputs = [make(h * groups, q, n), make(h, kv, n), make(h, kv, v), mask,
              d.array(t, (b, h, past, n), edge=None) if past else None,
              d.array(t, (b, h, past, v), edge=None) if past else None, padded]  # fmt: skip
    given = {"scale": d.maybe(lambda: 0.5), "is_causal": d.maybe(lambda: d.below(2)), "softcap": d.maybe(lambda: 2.0, 3)}
    if flat:
        given.update(q_num_heads=h * groups, kv_num_heads=h)
    outputs = [True, True, True] if past else [True]
    if d.chance(4):
        given["qk_matmul_output_mode"] = d.below(4)
        outputs = [True, bool(past), bool(past), True]
    return Case(op, inputs, given, outputs=outputs, close=SUM, truth=truth_layers.attention)


@operator("LinearAttention")
def linear_attention(d, op):
    t = real(d, op, opset=NEWEST)
    b, steps, kv, group, dk, dv = d.pick((1, 2)), d.pick((3, 1, 2, 7)), d.pick((1, 2)), d.pick((1, 2)), d.pick((4, 1, 3)), d.pick((4, 2))
    rule = d.pick(("linear", "gated", "delta", "gated_delta"))
    make = lambda *shape: d.array(t, shape, -1, 1)  # noqa: E731
    decay = make(b, steps, kv * (dk if d.below(2) else 1)) if "gated" in rule else None
    beta = make(b, steps, kv if d.below(2) else 1) if "delta" in rule else None
    inputs = [make(b, steps, kv * group * dk), make(b, steps, kv * dk), make(b, steps, kv * dv),
              d.maybe(lambda: make(b, kv, dk, dv)), decay, beta]  # fmt: skip
    given = {"update_rule": rule, "q_num_heads": kv * group, "kv_num_heads": kv, "scale": d.maybe(lambda: 0.5)}
    outs = [f"tensor({t})"] * 2 if inputs[3] is None else None
    return Case(op, inputs, given, outputs=2, opset=NEWEST, close=SUM, out_types=outs)


@operator("CausalConvWithState")
def causal_conv(d, op):
    t = real(d, op, opset=NEWEST)
    b, c, n, k = d.pick((1, 2)), d.dim(9), d.dim(9), d.pick((3, 1, 2, 4))
    make = lambda *shape: d.array(t, shape, edge=None)  # noqa: E731
    inputs = [make(b, c, n), make(c, 1, k), d.maybe(lambda: make(c)), d.maybe(lambda: make(b, c, k - 1))]
    return Case(op, inputs, {"activation": d.maybe(lambda: d.pick(("none", "silu", "swish")))}, outputs=2, opset=NEWEST, close=SUM)


@operator("RotaryEmbedding")
def rotary(d, op):
    t = d.kind(("float", "float16", "bfloat16"))
    b, h, s, half = d.pick((1, 2)), d.pick((1, 2, 3)), d.dim(7), d.pick((2, 1, 4, 8))
    size = 2 * half
    flat = d.below(2)
    dim = d.maybe(lambda: 2 * d.between(1, half), 3)
    width = half if not dim else dim // 2
    ids = d.below(2)
    most = s + 3
    cache = (most, width) if ids else (b, s, width)
    x = d.array(t, (b, s, h * size) if flat else (b, h, s, size), edge=None)
    inputs = [x, d.array(t, cache, edge=None), d.array(t, cache, edge=None),
              d.array("int64", (b, s), 0, most - 1) if ids else None]  # fmt: skip
    given = {"interleaved": d.maybe(lambda: d.below(2)), "num_heads": h if flat else None, "rotary_embedding_dim": dim}
    return Case(op, inputs, given, close=SUM)


# --- losses


@operator("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss")
def loss(d, op):
    t = d.kind(REALS[:3])
    n, c, rest = d.pick((1, 2, 3)), d.pick((2, 3, 5)), d.shape(0, 2, most=5, zero=False)
    labels = d.array(d.pick(("int64", "int32")), (n, *rest), 0, c - 1)
    ignore = d.maybe(lambda: d.pick((-1, 0, 1)))
    if ignore == -1 and labels.size > 1:
        labels.reshape(-1)[0] = -1
    wrong = d.chance(20)
    if wrong:
        labels.reshape(-1)[-1] = c + 3
    weights = d.maybe(lambda: d.array(t, (c,), 0.5, 2))
    given = {"ignore_index": ignore, "reduction": d.maybe(lambda: d.pick(("mean", "sum", "none")))}
    outputs = 1 if op.startswith("N") else d.between(1, 2)
    return Case(op, [d.array(t, (n, c, *rest), edge=None), labels, weights], given, outputs=outputs, close=SUM, refuse=wrong)
