"""Pieces of random graphs that work on tokens [batch, length, features]: products, normalization, attention, rotation."""

import numpy as np
from graph_builder import Unfit
from graph_pieces_image import activate


def tokens(b, where=lambda v: True):
    try:
        if b.chance(0.95):
            return b.pick(3, where=lambda v: v.shape[0] == b.batch and min(v.shape) > 0 and where(v))
    except Unfit:
        pass
    if len(b.inputs) > 4:
        raise Unfit("inputs enough")
    made = new_tokens(b)
    if not where(made):
        raise Unfit("no such input")
    return made


def new_tokens(b):
    if b.chance(0.3):  # by way of an embedding
        rows, d = b.integer(3, 20), b.one([4, 8, 12, 16, 24, 32])
        ids = b.add_input(b.rng.integers(0, rows, (b.batch, b.integer(1, 12))))
        y = b.op("Gather", b.const(b.normal(rows, d)), ids)
        if b.chance(0.5):
            y = b.op("Add", y, b.const(b.normal(1, *y.shape[1:])))
        return b.keep(y)
    if b.large:
        return b.add_input(b.normal(b.batch, b.integer(30, 200), b.one([32, 64, 96, 128, 192])))
    length, features = b.one([1, 2, 3, 5, 7, 8, 12, 16, 19, 33]), b.one([4, 6, 8, 8, 12, 16, 16, 20, 24, 32, 64])
    return b.add_input(b.normal(b.batch, length, features))


def linear(b, x, out, bias=None):
    w = b.weight(x.shape[-1], out, fan_in=x.shape[-1])
    if b.chance(0.2):  # as exporters that keep the weight's own order
        w = b.const(np.ascontiguousarray(w.array.T))
        w = b.transpose(w, 1, 0)
    if x.rank == 2 and b.chance(0.5):
        y = b.op("Gemm", x, w, *([b.const(b.normal(out))] if b.chance(0.7) else []), alpha=b.one([None, 0.5]))
        return y
    if x.rank == 3 and b.chance(0.1):  # as older exporters: two axes, and back
        y = b.op("Gemm", b.reshape(x, -1, x.shape[-1]), w, b.const(b.normal(out)))
        return b.reshape(y, -1, x.shape[1], out)
    y = b.op("MatMul", x, w)
    if b.chance(0.7) if bias is None else bias:
        row = b.const(b.normal(out))
        y = b.op("Add", *((y, row) if b.chance(0.6) else (row, y)))
    return y


def dense(b):
    x = tokens(b) if b.chance(0.7) else b.pick(where=lambda v: v.rank >= 2 and v.array.size)
    same = b.chance(0.4)
    y = linear(b, x, x.shape[-1] if same else b.one([1, 3, 4, 8, 16, 17, 32]))
    y = activate(b, y) if b.chance(0.5) else y
    if same and y.shape == x.shape:
        y = b.op("Add", *((x, y) if b.chance(0.5) else (y, x)))
        y = activate(b, y) if b.chance(0.3) else y
    b.keep(y)


def layer_norm(b, x):
    d = x.shape[-1]
    scale, shift, eps = b.normal(d), b.normal(d), b.one([1e-5, 1e-6, 1e-12, 1e-3])
    way = b.integer(0, 4)
    if way == 0 and b.opset >= 17:
        return b.op("LayerNormalization", x, b.const(scale), b.const(shift), axis=-1, epsilon=eps)
    eps = max(eps, 1e-6)
    if way == 1 and b.opset >= 23 and b.chance(0.5):
        return b.op("RMSNormalization", x, b.const(scale), epsilon=eps)
    if way == 1:  # root mean square
        square = b.op("Pow", x, b.scalar(2)) if b.chance(0.5) else b.op("Mul", x, x)
        root = b.op("Sqrt", b.op("Add", b.reduce("ReduceMean", square, (-1,)), b.scalar(eps)))
        y = b.op("Div", x, root) if b.chance(0.4) else b.op("Mul", x, b.op("Reciprocal", root))
        return b.op("Mul", *((y, b.const(scale)) if b.chance(0.5) else (b.const(scale), y)))
    mean = b.reduce("ReduceMean", x, (-1,) if b.chance(0.8) else (x.rank - 1,))
    centered = b.op("Sub", x, mean)
    again = b.op("Sub", x, mean) if b.chance(0.2) else centered
    square = b.op("Pow", again, b.scalar(2)) if b.chance(0.6) else b.op("Mul", again, again)
    root = b.op("Sqrt", b.op("Add", b.reduce("ReduceMean", square, (-1,)), b.scalar(eps)))
    y = b.op("Div", centered, root)
    if b.chance(0.8):
        y = b.op("Mul", y, b.const(scale))
        y = b.op("Add", y, b.const(shift)) if b.chance(0.8) else y
    return y


def normalized(b):
    x = tokens(b) if b.chance(0.8) else b.pick(where=lambda v: v.rank >= 2 and v.array.size and v.shape[-1] > 1)
    y = layer_norm(b, x)
    b.keep(linear(b, y, b.one([4, 8, x.shape[-1]])) if b.chance(0.4) else y)


def feed_forward(b):
    x = tokens(b)
    d = x.shape[-1]
    y = layer_norm(b, x) if b.chance(0.6) else x
    if b.chance(0.3):  # gated
        bias = b.chance(0.3)
        g, u = linear(b, y, 2 * d, bias), linear(b, y, 2 * d, bias)
        y = b.op("Mul", activate(b, g, b.one(["SiLU", "GeluErf", "Sigmoid"])), u)
    else:
        kind = b.one(["GeluErf", "GeluTanh", "QuickGelu", "Relu", "SiLU", "Gelu"])
        y = activate(b, linear(b, y, b.one([2 * d, 4 * d])), kind)
    y = linear(b, y, d)
    b.keep(b.op("Add", *((x, y) if b.chance(0.5) else (y, x))))


def split_heads(b, x, heads):
    y = b.reshape(x, 0 if b.chance(0.5) else -1, x.shape[1], heads, x.shape[2] // heads)
    return b.transpose(y, 0, 2, 1, 3)


def rotate(b, x):
    """x [.., length, d]: pairs turned by an angle that grows with the position, as exporters write it."""
    half = x.shape[-1] // 2
    if half * 2 != x.shape[-1]:
        raise Unfit("odd")
    angle = np.outer(np.arange(x.shape[-2]), 100.0 ** -(np.arange(half) / half))
    form = b.integer(0, 2)
    if form == 2:  # interleaved
        even, odd = b.slice(x, [0], [2**31], [-1], [2]), b.slice(x, [1], [2**31], [-1], [2])
        cos, sin = b.const(np.cos(angle), np.float32), b.const(np.sin(angle), np.float32)
        one = b.op("Sub", b.op("Mul", even, cos), b.op("Mul", odd, sin))
        two = b.op("Add", b.op("Mul", even, sin), b.op("Mul", odd, cos))
        joined = b.op("Concat", b.unsqueeze(one, x.rank), b.unsqueeze(two, x.rank), axis=-1)
        return b.reshape(joined, -1, *x.shape[1:])
    angle = np.concatenate([angle, angle], 1)
    if b.chance(0.4):  # computed in the graph from positions
        table = b.const(angle, np.float32)
        rows = b.op("Gather", table, b.ints(*range(x.shape[-2])))
        cos, sin = b.unsqueeze(b.op("Cos", rows), 0), b.unsqueeze(b.op("Sin", rows), 0)
    else:
        cos, sin = b.const(np.cos(angle), np.float32), b.const(np.sin(angle), np.float32)
    if form == 0:
        first, second = b.split(x, [half, half], x.rank - 1)
    else:
        first, second = b.slice(x, [0], [half], [x.rank - 1]), b.slice(x, [half], [2**31], [x.rank - 1])
    turned = b.op("Concat", b.op("Neg", second), first, axis=-1)
    return b.op("Add", b.op("Mul", x, cos), b.op("Mul", turned, sin))


def rotary(b):
    x = tokens(b, lambda v: v.shape[2] % 2 == 0)
    if b.opset >= 23 and b.chance(0.5):
        angle = np.outer(np.arange(x.shape[1]), 100.0 ** -np.linspace(0, 1, x.shape[2] // 2))
        goal = b.op("Concat", b.slice(b.op("Shape", x), [0], [1], [0]), b.ints(*angle.shape), axis=0)
        tables = [b.op("Expand", b.const(t[None], np.float32), goal) for t in (np.cos(angle), np.sin(angle))]
        return b.keep(b.op("RotaryEmbedding", x, *tables, num_heads=1, interleaved=b.integer(0, 1)))
    return b.keep(rotate(b, x))


def mask_of(b, q, s):
    """What is added to scores [.., q, s], or None."""
    way = b.integer(0, 4)
    if way == 0:
        return b.const(np.triu(np.full((q, s), b.one([-1e4, -np.inf]), np.float32), 1))
    if way == 1:
        return b.const(b.normal(1, 1, q, s))
    if way == 2:  # which tokens there are, an input
        there = b.add_input((b.rng.random((b.batch, s)) < 0.8).astype(np.int64))
        there.array[:, 0] = 1
        kept = b.op("Cast", b.unsqueeze(there, 1, 2), to=1)
        return b.op("Mul", b.op("Sub", b.scalar(1), kept), b.scalar(-1e4))
    if way == 3:
        causal = b.const(np.tril(np.ones((q, s), bool)))
        return b.op("Where", causal, b.const(np.float32(0)), b.const(np.float32(-1e4)))
    return None


def attention(b):
    x = tokens(b, lambda v: v.shape[2] % 2 == 0 and v.shape[2] > 2)
    d = x.shape[2]
    heads = b.one([h for h in (1, 2, 4) if d % h == 0 and d // h > 1])
    other = x if b.chance(0.8) else tokens(b)
    if other is x and b.chance(0.4):
        q, k, v = b.split(linear(b, x, 3 * d), [d, d, d], 2)
    else:
        q, k, v = linear(b, x, d), linear(b, other, d), linear(b, other, d)
    q, k, v = (split_heads(b, y, heads) for y in (q, k, v))
    if b.chance(0.3) and d // heads % 2 == 0:
        q, k = rotate(b, q), rotate(b, k)
    scale = (d // heads) ** -0.5
    if b.opset >= 23 and b.chance(0.5):
        mask = mask_of(b, q.shape[2], k.shape[2]) if b.chance(0.5) else None
        y = b.op("Attention", q, k, v, mask, is_causal=b.integer(0, 1) if not mask else 0)
        return b.keep(b.reshape(b.transpose(y, 0, 2, 1, 3), -1, y.shape[2], d))
    way = b.integer(0, 3)
    if way == 0:
        q = b.op("Mul", q, b.scalar(scale))
    elif way == 1:
        q, k = b.op("Mul", q, b.scalar(np.sqrt(scale))), b.op("Mul", k, b.scalar(np.sqrt(scale)))
    flat = b.chance(0.15)
    length, size = q.shape[2], k.shape[2]
    if flat:  # batch and heads as one axis, as detection transformers have it
        q, k, v = (b.reshape(y, -1, y.shape[2], y.shape[3]) for y in (q, k, v))
    scores = b.op("MatMul", q, b.transpose(k, *range(k.rank - 2), k.rank - 1, k.rank - 2))
    if way == 2:
        scores = b.op("Div", scores, b.scalar(1 / scale))
    elif way == 3:
        scores = b.op("Mul", scores, b.scalar(scale))
    mask = mask_of(b, length, size) if b.chance(0.6) else None
    if mask:
        if flat:
            scores = b.reshape(scores, -1, heads, length, size)
        scores = b.op("Add", *((scores, mask) if b.chance(0.6) else (mask, scores)))
        if flat:
            scores = b.reshape(scores, -1, length, size)
    weights = b.op("Softmax", scores, axis=scores.rank - 1 if b.opset < 13 or b.chance(0.3) else -1)
    if b.chance(0.1):
        hidden = b.op("IsNaN", weights)
        weights = b.op("Where", hidden, b.const(np.float32(0)), weights)
    if b.chance(0.1):
        weights = b.op("Dropout", weights)
    if b.chance(0.05):
        b.keep(weights)
    y = b.op("MatMul", weights, v)
    if flat:
        y = b.reshape(y, -1, heads, length, d // heads)
    y = b.reshape(b.transpose(y, 0, 2, 1, 3), 0 if b.chance(0.5) else -1, length, d)
    y = linear(b, y, d) if b.chance(0.7) else y
    b.keep(b.op("Add", x, y) if b.chance(0.6) else y)


def plain_attention(b):
    """Two products with a Softmax between, of three axes, of whatever fits."""
    q, k = tokens(b), tokens(b)
    v = k if b.chance(0.7) else b.pick(3, where=lambda v: v.shape[:2] == k.shape[:2])
    if q.shape[2] != k.shape[2]:
        q = linear(b, q, k.shape[2])
    scores = b.op("MatMul", q, b.transpose(k, 0, 2, 1))
    if b.chance(0.6):
        scores = b.op(b.one(["Mul", "Div"]), scores, b.scalar(b.one([0.25, 0.5, 2])))
    b.keep(b.op("MatMul", b.op("Softmax", scores, axis=2), v))


def recurrent(b):
    x = tokens(b)
    if x.shape[2] > 32:
        raise Unfit("wide")
    kind, gates = b.one([("LSTM", 4), ("GRU", 3), ("RNN", 1)])
    hidden, ways = b.one([3, 4, 8]), b.one([1, 1, 2])
    w, r = b.weight(ways, gates * hidden, x.shape[2], fan_in=x.shape[2]), b.weight(ways, gates * hidden, hidden, fan_in=hidden)
    bias = b.const(b.normal(ways, 2 * gates * hidden, scale=0.2)) if b.chance(0.7) else None
    x = b.transpose(x, 1, 0, 2)
    options = {"hidden_size": hidden, "direction": "bidirectional" if ways == 2 else b.one(["forward", "reverse"])}
    if kind == "GRU":
        options["linear_before_reset"] = b.integer(0, 1)
    y, h = b.op(kind, x, w, r, bias, n=2, **options)
    y = b.reshape(b.transpose(y, 2, 0, 1, 3), -1, y.shape[0], ways * hidden)
    b.keep(y)
    if b.chance(0.3):
        b.keep(b.transpose(h, 1, 0, 2))


def to_image(b):
    x = tokens(b, lambda v: v.shape[1] >= 4)
    t, c = x.shape[1:]
    height = b.one([h for h in range(1, t + 1) if t % h == 0])
    b.keep(b.reshape(b.transpose(x, 0, 2, 1), -1, c, height, t // height))


def products(b):
    """Of two computed matrices."""
    x = b.pick(where=lambda v: v.rank >= 3 and v.array.size)
    y = b.pick(where=lambda v: v.rank == x.rank and v.shape[:-2] == x.shape[:-2] and v.array.size)
    if x.shape[-1] == y.shape[-2]:
        b.keep(b.op("MatMul", x, b.op("Mul", y, b.scalar(0.2))))
    elif x.shape[-1] == y.shape[-1]:
        turned = b.transpose(y, *range(y.rank - 2), y.rank - 1, y.rank - 2)
        b.keep(b.op("Mul", b.op("MatMul", x, turned), b.scalar(1 / x.shape[-1])))
    else:
        raise Unfit("other sizes")


TOKEN_PIECES = {dense: 5, normalized: 4, feed_forward: 4, rotary: 2, attention: 5, plain_attention: 2, recurrent: 1, to_image: 1,
                products: 1}  # fmt: skip
