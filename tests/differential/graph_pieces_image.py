"""Pieces of random graphs that work on images: convolutions and what networks put around them.

A piece is a function of a Builder. It reads values of the pool, makes nodes, and keeps what later pieces may read.
"""

import numpy as np
from graph_builder import Unfit

ACTIVATIONS = ("Relu", "Clip", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "SiLU", "HardSwishParts", "Tanh", "Elu",
               "Softplus", "Mish", "MishParts", "Selu", "Celu", "PRelu", "GeluErf", "GeluTanh", "QuickGelu", "Gelu",
               "ThresholdedRelu", "Softsign", "ReluMax")  # fmt: skip
COMMON = ("Relu", "Clip", "SiLU", "HardSwishParts", "LeakyRelu", "Sigmoid", "GeluErf")


def gelu_erf(b, x):
    form = b.integer(0, 2)
    inner = b.op("Div", x, b.scalar(np.sqrt(2))) if b.chance(0.6) else b.op("Mul", x, b.scalar(np.sqrt(0.5)))
    erf = b.op("Add", b.op("Erf", inner), b.scalar(1))
    if form == 0:
        return b.op("Mul", b.op("Mul", x, erf), b.scalar(0.5))
    if form == 1:
        return b.op("Mul", b.op("Mul", x, b.scalar(0.5)), erf)
    return b.op("Mul", x, b.op("Mul", erf, b.scalar(0.5)))


def gelu_tanh(b, x):
    cube = b.op("Pow", x, b.scalar(3)) if b.chance(0.5) else b.op("Mul", b.op("Mul", x, x), x)
    inner = b.op("Add", x, b.op("Mul", cube, b.scalar(0.044715)))
    t = b.op("Tanh", b.op("Mul", inner, b.scalar(np.sqrt(2 / np.pi))))
    return b.op("Mul", b.op("Mul", x, b.scalar(0.5)), b.op("Add", t, b.scalar(1)))


def activate(b, x, kind=None):
    kind = kind or b.one(COMMON if b.chance(0.7) else ACTIVATIONS)
    if kind == "Clip":
        return b.clip(x, *b.one([(0, 6), (-1, 1), (0, 1), (-0.5, 2)]))
    if kind == "SiLU":
        s = b.op("Sigmoid", x)
        return b.op("Mul", x, s) if b.chance(0.5) else b.op("Mul", s, x)
    if kind == "HardSwishParts":
        if b.chance(0.5):
            return b.op("Mul", x, b.op("HardSigmoid", x, alpha=1 / 6, beta=0.5))
        return b.op("Div", b.op("Mul", x, b.clip(b.op("Add", x, b.scalar(3)), 0, 6)), b.scalar(6))
    if kind == "QuickGelu":
        return b.op("Mul", x, b.op("Sigmoid", b.op("Mul", x, b.scalar(1.702))))
    if kind == "MishParts":
        return b.op("Mul", x, b.op("Tanh", b.op("Softplus", x)))
    if kind == "ReluMax":
        return b.op("Max", x, b.scalar(0))
    if kind == "GeluErf":
        return gelu_erf(b, x)
    if kind == "GeluTanh":
        return gelu_tanh(b, x)
    if kind == "PRelu":
        slope = b.normal(*((x.shape[1], *(1,) * (x.rank - 2)) if x.rank > 2 and b.chance(0.6) else (1,)))
        return b.op("PRelu", x, b.const(np.abs(slope) * 0.3))
    if kind in ("LeakyRelu", "Elu", "Celu", "ThresholdedRelu"):
        return b.op(kind, x, alpha=b.one([0.1, 0.01, 0.5, 1.5]))
    if kind == "HardSigmoid":
        return b.op(kind, x, **b.one([{}, {"alpha": 0.1, "beta": 0.4}]))
    since = {"HardSwish": 14, "Mish": 18, "Gelu": 20}.get(kind, 1)
    if b.opset < since:
        return b.op("Relu", x)
    if kind == "Gelu":
        return b.op(kind, x, approximate=b.one(["none", "tanh"]))
    return b.op(kind, x)


def image(b, rank=4, where=lambda v: True):
    """A picture of the pool, or another input."""
    try:
        if b.chance(0.97):
            return b.pick(rank, where=lambda v: v.shape[0] == b.batch and min(v.shape) > 0 and where(v))
    except Unfit:
        pass
    if len(b.inputs) > 4:
        raise Unfit("inputs enough")
    made = new_image(b, rank)
    if not where(made):
        raise Unfit("no such input")
    return made


def new_image(b, rank=4):
    if rank == 4 and b.large:
        return b.add_input(b.normal(b.batch, b.one([3, 8, 16, 24, 32, 40, 64]), b.integer(14, 48), b.integer(14, 48)))
    least, most = {3: (3, 40), 4: (3, 15), 5: (2, 6)}[rank]
    spatial = tuple(b.integer(least, most) for _ in range(rank - 2))
    if rank == 4 and b.chance(0.12):
        spatial = (b.integer(16, 40), b.integer(16, 40))
    return b.add_input(b.normal(b.batch, b.one([1, 2, 3, 4, 5, 8, 12, 16, 17, 24]), *spatial))


def channels(b, x):
    if b.large and x.rank == 4:
        return b.one([8, 16, 24, 32, 33, 48, 64, x.shape[1]])
    return b.one([1, 2, 3, 4, 6, 7, 8, 8, 16, 16, 17, 24, 32, x.shape[1], x.shape[1]] + [48, 64] * (x.array[0, 0].size < 100))


def conv(b, x, out=None, size=None, stride=None, same=False, group=1, bias=None, dilate=None):
    n = x.rank - 2
    sizes = [size or b.one([1, 1, 3, 3, 3, 5, 7, 2])] * n
    if size is None and n == 2 and b.chance(0.1):
        sizes = b.one([[1, 3], [3, 1], [1, 7], [5, 3]])
    c = x.shape[1]
    out = out or channels(b, x)
    if group == 0:  # depthwise
        group, out = c, c * (1 if b.chance(0.85) else 2)
    elif group < 0:
        group = b.one([g for g in (2, 3, 4, 8) if c % g == 0])
        out = group * max(1, out // group)
    w = b.weight(out, c // group, *sizes)
    dilations = [dilate or (1 if same or b.chance(0.85) else 2)] * n
    strides = [stride or (1 if same or b.chance(0.75) else 2)] * n
    if n == 2 and not stride and not same and b.chance(0.03):
        strides = [1, 2]
    attributes = {"kernel_shape": sizes if b.chance(0.7) else None, "group": group if group > 1 else None,
                  "strides": strides if max(strides) > 1 or b.chance(0.5) else None,
                  "dilations": dilations if max(dilations) > 1 else None}  # fmt: skip
    whole = [(s - 1) * d for s, d in zip(sizes, dilations)]
    if b.chance(0.1) and max(dilations) == 1:
        attributes["auto_pad"] = b.one(["SAME_UPPER", "SAME_LOWER"])
    elif same or b.chance(0.75):
        attributes["pads"] = [t // 2 for t in whole] + [t - t // 2 for t in whole]
    elif b.chance(0.3):
        attributes["pads"] = [b.integer(0, 2) for _ in range(2 * n)]
    with_bias = b.chance(0.6) if bias is None else bias
    return b.op("Conv", x, w, *([b.const(b.normal(out, scale=0.3))] if with_bias else []), **attributes)


def norm(b, x):
    c = x.shape[1]
    stats = [b.const(a) for a in (b.rng.uniform(0.5, 1.5, c).astype("f"), b.normal(c, scale=0.3), b.normal(c, scale=0.3),
                                  b.rng.uniform(0.4, 2, c).astype("f"))]  # fmt: skip
    return b.op("BatchNormalization", x, *stats, epsilon=b.one([1e-5, 1e-3]))


def block(b, x, **options):
    y = conv(b, x, **options)
    if b.chance(0.4):
        y = norm(b, y)
    return activate(b, y) if b.chance(0.7) else y


def conv_chain(b):
    x = image(b)
    for _ in range(b.integer(1, 3)):
        x = block(b, x, group=b.one([1, 1, 1, 0, -1]))
    b.keep(x)


def residual(b):
    x = image(b)
    y = block(b, x, same=True)
    y = conv(b, y, out=x.shape[1], same=True)
    if b.chance(0.4):
        y = norm(b, y)
    if b.chance(0.2):
        y = activate(b, y)
    other = x if b.chance(0.7) else conv(b, x, out=x.shape[1], same=True)
    s = b.op("Add", *((y, other) if b.chance(0.5) else (other, y)))
    if b.chance(0.3):
        b.keep(s)
    b.keep(activate(b, s) if b.chance(0.6) else s)


def inverted_residual(b):
    x = image(b)
    c = x.shape[1]
    size = b.one([3, 3, 5, 7])
    y = conv(b, x, out=c * b.one([1, 2, 3, 4]), size=b.one([1, 1, 1, 3]), same=True)
    y = norm(b, y) if b.chance(0.3) else y
    y = activate(b, y, b.one(COMMON)) if b.chance(0.8) else y
    if b.chance(0.1):
        b.keep(y)
    y = conv(b, y, size=size, group=0, stride=b.one([1, 1, 2]), same=b.chance(0.8))
    y = norm(b, y) if b.chance(0.3) else y
    y = activate(b, y, b.one(COMMON)) if b.chance(0.8) else y
    if b.chance(0.3):
        y = squeeze_excite(b, y)
    y = conv(b, y, out=c, size=1, same=True)
    b.keep(b.op("Add", x, y) if y.shape == x.shape and b.chance(0.8) else y)


def squeeze_excite(b, x):
    mean = b.op("GlobalAveragePool", x) if b.chance(0.6) else b.reduce("ReduceMean", x, tuple(range(2, x.rank)))
    y = activate(b, conv(b, mean, out=max(1, x.shape[1] // 4), size=1, same=True), "Relu")
    y = activate(b, conv(b, y, out=x.shape[1], size=1, same=True), b.one(["Sigmoid", "HardSigmoid"]))
    return b.op("Mul", x, y) if b.chance(0.5) else b.op("Mul", y, x)


def excite(b):
    b.keep(squeeze_excite(b, image(b)))


def branches(b):
    """Convolutions, pools and the image itself, side by side; joined along channels or another axis."""
    x = image(b)
    axis = 1 if b.chance(0.8) else b.integer(1, 3)
    out = channels(b, x)
    parts = [x] if b.chance(0.4) else []
    for _ in range(b.integer(2, 4)):
        way = b.integer(0, 5)
        if way == 0:
            parts.append(b.op("MaxPool", x, kernel_shape=[3, 3], pads=[1] * 4, strides=[1, 1]))
        elif way == 1 and parts:
            parts.append(activate(b, parts[-1]))
        else:
            y = conv(b, x, out=out if axis > 1 else None, same=True)
            parts.append(activate(b, y) if b.chance(0.6) else y)
    if axis > 1:
        parts = [p for p in parts if p.shape[1] == parts[-1].shape[1]]
    if b.chance(0.1):
        parts.append(parts[0])
    joined = b.op("Concat", *parts, axis=axis if b.chance(0.8) else axis - 4)
    if b.chance(0.3):
        b.keep(b.one(parts))
    if b.chance(0.3):  # what joins, joined once more
        joined = b.op("Concat", joined, conv(b, joined, out=out if axis == 1 else joined.shape[1], same=True), axis=1)
    b.keep(block(b, joined) if b.chance(0.5) else joined)


def dense_block(b):
    x = image(b)
    features = [x]
    for _ in range(b.integer(2, 4)):
        joined = b.op("Concat", *features, axis=1) if len(features) > 1 else x
        y = norm(b, joined) if b.chance(0.4) else joined
        y = activate(b, y, "Relu") if b.chance(0.4) else y
        features.append(conv(b, y, out=b.one([2, 3, 4, 8]), size=b.one([1, 3]), same=True))
    b.keep(b.op("Concat", *features, axis=1))


def split_and_join(b):
    """Halves of the channels go separate ways, as in CSP blocks and shuffle units."""
    x = image(b, where=lambda v: v.shape[1] > 1)
    c = x.shape[1]
    left = b.integer(1, c - 1) if b.chance(0.4) else c // 2
    if b.chance(0.6):
        a, z = b.split(x, [left, c - left], 1)
    else:
        a, z = b.slice(x, [0], [left], [1]), b.slice(x, [left], [2**31], [1])
    parts = [a, z]
    for _ in range(b.integer(1, 3)):
        z = block(b, z, out=z.shape[1], same=True)
        parts.append(z)
    parts = parts if b.chance(0.5) else [a, z]
    y = b.op("Concat", *parts, axis=1)
    if b.chance(0.4):
        y = shuffle(b, y)
    b.keep(block(b, y, size=1) if b.chance(0.6) else y)


def shuffle(b, x):
    groups = [g for g in (2, 3, 4) if x.shape[1] % g == 0]
    if not groups:
        return x
    g = b.one(groups)
    y = b.reshape(x, 0 if b.chance(0.5) else -1, g, x.shape[1] // g, *x.shape[2:])
    y = b.transpose(y, 0, 2, 1, *range(3, y.rank))
    return b.reshape(y, -1, *x.shape[1:])


def channel_shuffle(b):
    b.keep(shuffle(b, image(b, where=lambda v: v.shape[1] > 1)))


def glu(b):
    x = image(b, where=lambda v: v.shape[1] % 2 == 0)
    a, z = b.split(x, [x.shape[1] // 2] * 2, 1)
    b.keep(b.op("Mul", a, b.op("Sigmoid", z)))


def pool(b):
    x = image(b, b.one([4, 4, 4, 3, 5]))
    n = x.rank - 2
    kind = b.one(["MaxPool", "MaxPool", "AveragePool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "LpPool"])
    if kind.startswith("Global"):
        return b.keep(b.op(kind, x))
    size = b.one([2, 3, 3, 5])
    a = {"kernel_shape": [size] * n, "strides": [b.one([1, 2, 2, 3])] * n}
    if b.chance(0.5):
        a["pads"] = [b.integer(0, size // 2) for _ in range(2 * n)]
    elif b.chance(0.2):
        a["auto_pad"] = "SAME_UPPER"
    if kind == "AveragePool":
        a["count_include_pad"] = b.integer(0, 1)
    if kind != "LpPool" and "auto_pad" not in a and b.chance(0.2):
        a["ceil_mode"] = 1
    whole = [s + sum(a.get("pads", [0] * (2 * n))[i::n]) for i, s in enumerate(x.shape[2:])]
    if min(whole) < size and "auto_pad" not in a:
        raise Unfit("the window is larger than the image")
    return b.keep(b.op(kind, x, **a))


def resize(b):
    x = image(b)
    mode = b.one(["nearest", "linear", "linear", "cubic"])
    a = {"mode": mode, "coordinate_transformation_mode":
         b.one(["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"])}  # fmt: skip
    if mode == "nearest":
        a["nearest_mode"] = b.one(["floor", "round_prefer_floor", "ceil", "round_prefer_ceil"])
    if b.chance(0.5):
        scales = b.one([(2, 2), (2, 2), (3, 2), (0.5, 0.5), (1.5, 2), (1, 2)])
        return b.keep(b.resize(x, (1, 1, *scales), **a))
    goal = [b.integer(2, 20), b.integer(2, 20)]
    if b.chance(0.5):
        head = b.slice(b.op("Shape", x), [0], [2], [0])
        sizes = b.op("Concat", head, b.ints(*goal), axis=0)
    else:
        sizes = b.ints(*x.shape[:2], *goal)
    return b.keep(b.resize(x, sizes=sizes, **a))


def up_and_join(b):
    """As decoders do: enlarged to the size of an earlier image, joined with it, convolved."""
    small = image(b)
    large = b.pick(4, where=lambda v: v.shape[0] == b.batch and min(v.shape) > 0)
    if b.chance(0.7):
        first, second = b.slice(b.op("Shape", small), [0], [2], [0]), b.slice(b.op("Shape", large), [2], [4], [0])
        sizes = b.op("Concat", first, second, axis=0)
        y = b.resize(small, sizes=sizes, mode=b.one(["nearest", "linear"]))
    else:
        y = b.op("ConvTranspose", small, b.weight(small.shape[1], b.one([2, 4, 8]), 2, 2), strides=[2, 2])
    if y.shape[2:] != large.shape[2:]:
        raise Unfit("other sizes")
    b.keep(block(b, b.op("Concat", y, large, axis=1), size=b.one([1, 3])))


def transposed(b):
    x = image(b, b.one([4, 4, 3]))
    n = x.rank - 2
    k, s = b.one([(2, 2), (3, 2), (3, 1), (4, 2)])
    g = b.one([1, 1, 1, *(g for g in (2, 4) if x.shape[1] % g == 0)])
    w = b.weight(x.shape[1], b.one([1, 2, 5, 8]), *[k] * n, fan_in=x.shape[1] * 2)
    y = b.op("ConvTranspose", x, w, strides=[s] * n, pads=[b.integer(0, 1)] * (2 * n), group=g,
             output_padding=[1] * n if s == 2 and b.chance(0.3) else None)  # fmt: skip
    b.keep(activate(b, y) if b.chance(0.4) else y)


def blocks_to_pixels(b):
    x = image(b)
    if b.chance(0.5):
        c = b.one([1, 2, 3])
        y = conv(b, x, out=4 * c, size=b.one([1, 3]), same=True)
        y = b.op("DepthToSpace", y, blocksize=2, mode=b.one(["DCR", "CRD"]))
        if b.chance(0.4):
            y = b.op("AveragePool", pad(b, y, b.one(["edge", "constant"]), 1), kernel_shape=[2, 2], strides=[1, 1])
    else:
        y = b.op("SpaceToDepth", x, blocksize=b.one([s for s in (2, 3) if x.shape[2] % s == 0 and x.shape[3] % s == 0]))
    b.keep(y)


def pad(b, x, mode=None, most=2):
    mode = mode or b.one(["constant", "constant", "constant", "reflect", "edge"])
    n = x.rank - 2
    if mode == "reflect" and min(x.shape[2:]) <= most:
        raise Unfit("too small to reflect")
    amounts = [0, 0, *(b.integer(0, most) for _ in range(n)), 0, 0, *(b.integer(0, most) for _ in range(n))]
    if mode == "constant" and b.chance(0.1):
        amounts[1] = 1
    value = [b.const(np.float32(b.one([0, 0, 0, 0.5])))] if mode == "constant" and b.chance(0.5) else []
    return b.op("Pad", x, b.ints(*amounts), *value, mode=mode)


def padded(b):
    y = pad(b, image(b, b.one([4, 4, 4, 3, 5])))
    if b.chance(0.6):
        y = conv(b, y)
    elif b.chance(0.5):
        y = b.op("AveragePool", y, kernel_shape=[2] * (y.rank - 2), pads=[b.integer(0, 1)] * (2 * (y.rank - 2)),
                 count_include_pad=b.integer(0, 1))  # fmt: skip
    b.keep(y)


def other_norms(b):
    x = image(b, b.one([4, 4, 3]))
    c = x.shape[1]
    way = b.integer(0, 3)
    if way == 0:
        y = b.op("InstanceNormalization", x, b.const(b.rng.uniform(0.5, 1.5, c).astype("f")), b.const(b.normal(c, scale=0.2)))
    elif way == 1:
        y = b.op("LRN", x, size=b.one([3, 5]), alpha=0.01, beta=0.75)
    elif way == 2:  # group normalization as exporters wrote it
        g = b.one([g for g in (1, 2, 4, 8) if c % g == 0])
        y = b.reshape(x, 0, g, -1)
        y = b.op("InstanceNormalization", y, b.const(np.ones(g, "f")), b.const(np.zeros(g, "f")))
        y = b.op("Reshape", y, b.op("Shape", x))
        tail = (1,) * (x.rank - 2)
        y = b.op("Add", b.op("Mul", y, b.const(b.normal(c, *tail))), b.const(b.normal(c, *tail)))
    else:
        y = norm(b, x)
    b.keep(activate(b, y) if b.chance(0.4) else y)


def channel_product(b):
    """Queries times the channels of an image, as mask heads do, and the convolution that reads them."""
    x = image(b)
    q = b.integer(1, 9)
    m = b.op("MatMul", b.reshape(b.op("GlobalAveragePool", x), 0, 1, -1), b.weight(x.shape[1], x.shape[1]))
    m = b.op("Add", m, b.const(b.normal(1, q, x.shape[1], scale=0.4)))
    y = b.op("Einsum", m, x, equation="bqc,bchw->bqhw")
    if b.chance(0.6):
        y = b.op("Concat", y, x, axis=1)
    if b.chance(0.7):
        y = conv(b, y, out=b.one([1, 2, 3, 16]), size=1, same=True)
    b.keep(y)


def sampled(b):
    if b.opset < 16:
        raise Unfit("no GridSample")
    x = image(b)
    grid = b.op("Tanh", b.transpose(conv(b, x, out=2, same=True), 0, 2, 3, 1))
    b.keep(b.op("GridSample", x, grid, mode=b.one(["bilinear", "nearest"] if b.opset < 20 else ["linear", "nearest"]),
                padding_mode=b.one(["zeros", "border", "reflection"]), align_corners=b.integer(0, 1)))  # fmt: skip


def other_ranks(b):
    """Convolutions of one and of three axes."""
    x = image(b, b.one([3, 3, 5]))
    y = block(b, x, group=b.one([1, 1, 0]))
    if b.chance(0.4) and y.rank == 3:
        y = block(b, y)
    b.keep(y)


def to_tokens(b):
    x = image(b)
    y = b.reshape(x, 0, x.shape[1], -1) if b.chance(0.7) else b.op("Reshape", x, b.op(
        "Concat", b.slice(b.op("Shape", x), [0], [2], [0]), b.ints(-1), axis=0))  # fmt: skip
    b.keep(b.transpose(y, 0, 2, 1))


def head(b):
    x = image(b)
    y = b.op("GlobalAveragePool", x) if b.chance(0.5) else x
    y = b.op("Flatten", y) if b.chance(0.6) else b.reshape(y, 0, -1)
    out = b.integer(1, 12)
    y = b.op("Gemm", y, b.weight(out, y.shape[1]), b.const(b.normal(out)), transB=1)
    y = activate(b, y) if b.chance(0.3) else y
    b.keep(b.op("Softmax", y, axis=1) if b.chance(0.3) else y)


def moved(b):
    """Layouts there and back, with something between."""
    x = image(b)
    y = b.transpose(x, 0, 2, 3, 1)
    way = b.integer(0, 3)
    if way == 0:
        y = activate(b, y)
    elif way == 1:
        y = b.op("Add", b.op("MatMul", y, b.weight(x.shape[1], x.shape[1])), b.const(b.normal(x.shape[1])))
    elif way == 2:
        y = b.op("Mul", y, b.const(b.normal(x.shape[1])))
    b.keep(b.transpose(y, 0, 3, 1, 2) if b.chance(0.8) else y)


def combined(b):
    """Images of one shape, added, multiplied, or the larger of them."""
    x = image(b)
    y = b.pick(x.rank, where=lambda v: v.shape == x.shape)
    z = b.op(b.one(["Add", "Sub", "Mul", "Max", "Min"]), x, y)
    b.keep(activate(b, z) if b.chance(0.4) else z)


def cropped(b):
    x = image(b)
    axis = b.integer(1, 3)
    n = x.shape[axis]
    start, step = b.integer(0, max(0, n - 1)), b.one([1, 1, 1, 2])
    y = b.slice(x, [start], [b.integer(start + 1, n)], [axis], [step]) if b.chance(0.8) else b.slice(
        x, [-1], [-(2**31)], [axis], [-1])  # fmt: skip
    b.keep(conv(b, y, same=True) if b.chance(0.5) else y)


IMAGE_PIECES = {conv_chain: 6, residual: 4, inverted_residual: 7, excite: 2, branches: 5, dense_block: 3, split_and_join: 3,
                channel_shuffle: 1, glu: 1, pool: 3, resize: 2, up_and_join: 2, transposed: 1, blocks_to_pixels: 2, padded: 3,
                other_norms: 2, channel_product: 2, sampled: 1, other_ranks: 2, to_tokens: 1, head: 1, moved: 2, combined: 2,
                cropped: 2}  # fmt: skip
