"""Pieces of random graphs that are parts of known networks: windows, class tokens, caches, detection heads, dense joins."""

import numpy as np
from graph_builder import Unfit
from graph_pieces_image import activate, block, conv, image, norm
from graph_pieces_tokens import linear, rotate, split_heads, tokens


def made_somehow(b, x):
    """An image of x's size, by some operator or other."""
    way = b.integer(0, 9)
    if way < 3:
        return block(b, x, same=True)
    if way == 3:
        return b.op("MaxPool", x, kernel_shape=[3, 3], pads=[1] * 4)
    if way == 4:
        return b.op("Add", x, b.const(b.normal(x.shape[1], 1, 1)))
    if way == 5:
        return b.slice(x, [0], [b.integer(1, x.shape[1])], [1])
    if way == 6:
        return activate(b, norm(b, x))
    if way == 7:
        small = b.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
        y = b.resize(conv(b, small, same=True), scales=(1, 1, 2, 2), mode="nearest")
        return b.slice(y, [0, 0], [*x.shape[2:]], [2, 3])
    if way == 8:
        return b.transpose(b.transpose(x, 0, 2, 3, 1), 0, 3, 1, 2)
    return x


def woven_joins(b):
    """Concats of anything, of one another, of parts that others read, taken apart again."""
    x = image(b)
    parts = [x]
    for _ in range(b.integer(2, 6)):
        way = b.integer(0, 5)
        if way < 3:
            parts.append(made_somehow(b, b.one(parts)))
        elif way == 3:
            few = [b.one(parts) for _ in range(b.integer(1, 4))]
            parts.append(b.op("Concat", *few, axis=1))
        elif way == 4:
            y = b.one(parts)
            if y.shape[1] > 1:
                at = b.integer(1, y.shape[1] - 1)
                parts += b.split(y, [at, y.shape[1] - at], 1)
        else:
            y = b.one(parts)
            same = [p for p in parts if p.shape == y.shape]
            parts.append(b.op("Add", y, b.one(same)))
        if parts[-1].shape[1] > 100:
            raise Unfit("wide")
        if b.chance(0.1):
            b.keep(parts[-1])
    last = b.op("Concat", *(parts[-b.integer(2, 4) :]), axis=1)
    b.keep(last if b.chance(0.4) else conv(b, last, same=True))


def pyramid(b):
    """Pools of one another, side by side, as SPPF has it."""
    x = conv(b, image(b), size=1, same=True)
    parts = [x]
    for _ in range(b.integer(2, 3)):
        parts.append(b.op("MaxPool", parts[-1], kernel_shape=[5, 5], pads=[2] * 4))
    b.keep(block(b, b.op("Concat", *parts, axis=1), size=1, same=True))


def focus(b):
    """Every second pixel, four times, as channels."""
    x = image(b, where=lambda v: v.shape[2] % 2 == 0 and v.shape[3] % 2 == 0)
    parts = []
    for column in (0, 1):
        for row in (0, 1):
            y = b.slice(x, [row], [2**31], [2], [2])
            parts.append(b.slice(y, [column], [2**31], [3], [2]))
    b.keep(block(b, b.op("Concat", *parts, axis=1)))


def rolled(b, x, axis):
    n = x.shape[axis]
    k = b.integer(1, n - 1)
    return b.op("Concat", b.slice(x, [k], [2**31], [axis]), b.slice(x, [0], [k], [axis]), axis=axis)


def windows(b):
    """Shifted windows: an image of tokens, rolled, cut into squares, mixed inside, and put back."""
    x = image(b, where=lambda v: v.shape[2] % 2 == 0 and v.shape[3] % 2 == 0 and v.shape[1] > 1)
    c, height, width = x.shape[1:]
    y = b.transpose(x, 0, 2, 3, 1)
    if b.chance(0.5):
        y = rolled(b, rolled(b, y, 1), 2)
    y = b.reshape(y, -1, height // 2, 2, width // 2, 2, c)
    y = b.reshape(b.transpose(y, 0, 1, 3, 2, 4, 5), -1, 4, c)
    q, k, v = (linear(b, y, c) for _ in range(3))
    scores = b.op("Mul", b.op("MatMul", q, b.transpose(k, 0, 2, 1)), b.scalar(c**-0.5))
    scores = b.op("Add", scores, b.const(b.normal(1, 4, 4))) if b.chance(0.6) else scores
    y = b.op("MatMul", b.op("Softmax", scores, axis=2), v)
    y = b.reshape(y, -1, height // 2, width // 2, 2, 2, c)
    y = b.reshape(b.transpose(y, 0, 1, 3, 2, 4, 5), -1, height, width, c)
    b.keep(b.op("Add", x, b.transpose(y, 0, 3, 1, 2)))


def class_token(b):
    x = tokens(b)
    d = x.shape[2]
    first = b.slice(b.op("Shape", x), [0], [1], [0])
    token = b.op("Expand", b.const(b.normal(1, 1, d)), b.op("Concat", first, b.ints(1, d), axis=0))
    y = b.op("Concat", token, x, axis=1)
    b.keep(b.op("Add", y, b.const(b.normal(1, y.shape[1], d))))
    if b.chance(0.5):
        b.keep(b.op("Gather", y, b.const(np.int64(0)), axis=1))


def cached(b):
    """Keys and values of earlier tokens come as inputs, and leave as outputs; heads of keys serve several of queries."""
    x = tokens(b, lambda v: v.shape[2] % 4 == 0)
    d = x.shape[2]
    size, past = d // 4, b.integer(1, 5)
    groups = b.one([1, 2, 4])
    if len(b.inputs) > 3:
        raise Unfit("inputs enough")
    kv = [b.add_input(b.normal(b.batch, groups, past, size)) for _ in range(2)]
    q, k, v = split_heads(b, linear(b, x, d), 4), *(split_heads(b, linear(b, x, groups * size), groups) for _ in range(2))
    if size % 2 == 0 and b.chance(0.6):
        q, k = rotate(b, q), rotate(b, k)
    k, v = (b.keep(b.op("Concat", old, new, axis=2)) for old, new in zip(kv, (k, v)))
    if groups < 4:
        times = b.ints(1, 1, 4 // groups, 1, 1)
        k, v = (b.reshape(b.op("Expand", b.unsqueeze(y, 2), times), -1, 4, y.shape[2], size) for y in (k, v))
    scores = b.op("Mul", b.op("MatMul", q, b.transpose(k, 0, 1, 3, 2)), b.scalar(size**-0.5))
    if b.chance(0.6):
        n, m = q.shape[2], k.shape[2]
        scores = b.op("Add", scores, b.const(np.triu(np.full((1, 1, n, m), -1e4, np.float32), m - n + 1)))
    y = b.op("MatMul", b.op("Softmax", scores, axis=3), v)
    b.keep(linear(b, b.reshape(b.transpose(y, 0, 2, 1, 3), -1, x.shape[1], d), d))


def detection_head(b):
    """Boxes and scores of every cell of two images, as one list."""
    lists = []
    for _ in range(b.integer(1, 3)):
        x = image(b)
        y = conv(b, x, out=2 * 6, size=1, same=True)
        y = b.reshape(y, -1, 2, 6, *y.shape[2:])
        y = b.op("Sigmoid", b.transpose(y, 0, 1, 3, 4, 2))
        xy, wh, rest = b.split(y, [2, 2, 2], 4)
        cells = np.stack(np.meshgrid(np.arange(y.shape[3]), np.arange(y.shape[2])), -1)[None, None].astype("f")
        xy = b.op("Mul", b.op("Add", b.op("Sub", b.op("Mul", xy, b.scalar(2)), b.scalar(0.5)), b.const(cells)), b.scalar(8))
        wh = b.op("Mul", b.op("Pow", b.op("Mul", wh, b.scalar(2)), b.scalar(2)), b.const(b.normal(1, 2, 1, 1, 2)))
        lists.append(b.reshape(b.op("Concat", xy, wh, rest, axis=4), -1, y.array[0].size // 6, 6))
    b.keep(b.op("Concat", *lists, axis=1) if len(lists) > 1 else lists[0])


def scaled_conv(b):
    """A convolution with a factor, a shift or a norm behind it; weights of two readers; weights that are computed."""
    x = image(b)
    way = b.integer(0, 4)
    y = conv(b, x, same=True)
    c = y.shape[1]
    if way == 0:
        y = b.op("Mul", y, b.const(b.normal(1, c, 1, 1) if b.chance(0.5) else b.normal(c, 1, 1)))
        y = b.op("Add", y, b.const(b.normal(c, 1, 1)))
    elif way == 1:
        w = b.weight(x.shape[1], x.shape[1], 3, 3)
        y = b.op("Conv", x, w, pads=[1] * 4)
        y = b.op("Conv", activate(b, y), w, pads=[1] * 4)
    elif way == 2:
        w = b.op("Mul", b.weight(c, x.shape[1], 3, 3), b.op("Abs", b.const(b.normal(c, 1, 1, 1))))
        y = b.op("Conv", x, w, pads=[1] * 4)
    elif way == 3:  # weights that depend on an input's mean
        s = b.reduce("ReduceMean", x, (0, 2, 3))
        y = b.op("Conv", x, b.op("Mul", b.weight(c, x.shape[1], 3, 3), b.op("Sigmoid", s)), pads=[1] * 4)
    else:
        y = norm(b, activate(b, norm(b, y)))
    b.keep(activate(b, y) if b.chance(0.5) else y)


def two_sums(b):
    """Sums of several convolutions and images, in some order."""
    x = image(b)
    parts = [x, *(conv(b, x, out=x.shape[1], same=True) for _ in range(b.integer(2, 4)))]
    parts = [activate(b, p) if b.chance(0.3) else p for p in parts]
    order = [parts[i] for i in b.rng.permutation(len(parts))]
    y = order[0]
    for p in order[1:]:
        y = b.op("Add", *((y, p) if b.chance(0.5) else (p, y)))
        if b.chance(0.2):
            b.keep(y)
        y = activate(b, y) if b.chance(0.2) else y
    b.keep(y)


def masked_mean(b):
    x = tokens(b)
    there = b.op("Cast", b.op("Greater", b.slice(x, [0], [1], [2]), b.scalar(-0.5)), to=1)
    total = b.reduce("ReduceSum", b.op("Mul", x, there), (1,), 0)
    b.keep(b.op("Div", total, b.op("Max", b.reduce("ReduceSum", there, (1,), 0), b.scalar(1))))


def weight_left(b):
    """Constants on the left of a product; Gemm in its forms; Einsum."""
    x = tokens(b)
    way = b.integer(0, 3)
    if way == 0:
        y = b.op("MatMul", b.weight(b.integer(1, 9), x.shape[1]), x)
    elif way == 1:
        flat = b.reshape(x, -1, x.shape[2])
        w = b.weight(x.shape[2], 5) if b.chance(0.5) else b.weight(5, x.shape[2])
        turned = w.shape[0] == 5 and x.shape[2] != 5
        bias = b.const(b.normal(*b.one([(5,), (1, 5), (1,), ()])))
        y = b.op("Gemm", flat, w, bias, transB=int(turned), alpha=0.5, beta=b.one([1.0, 0.25]))
        y = activate(b, y) if b.chance(0.5) else y
    elif way == 2:
        y = b.op("Einsum", x, b.weight(x.shape[2], 6), equation=b.one(["bij,jk->bik", "bij, jk -> bki"]))
    else:
        y = b.op("Einsum", x, x, equation=b.one(["bid,bjd->bij", "bid,bid->bi"]))
        y = b.op("Mul", y, b.scalar(0.2))
    b.keep(y)


def positions(b):
    """Whole numbers: Range of a length, compared, gathered by, turned into a mask."""
    x = tokens(b)
    length = b.op("Gather", b.op("Shape", x), b.const(np.int64(1)), axis=0)
    where = b.op("Range", b.const(np.int64(0)), length, b.const(np.int64(1)))
    if b.chance(0.5):
        y = b.op("Gather", b.const(b.normal(x.shape[1] + 40, x.shape[2])), where)
        b.keep(b.op("Add", x, y))
        return
    rows, columns = b.unsqueeze(where, 1), b.unsqueeze(where, 0)
    causal = b.op("Less", columns, b.op("Add", rows, b.const(np.int64(1))))
    scores = b.op("Mul", b.op("MatMul", x, b.transpose(x, 0, 2, 1)), b.scalar(1 / x.shape[2]))
    scores = b.op("Where", causal, scores, b.const(np.float32(-1e4)))
    b.keep(b.op("MatMul", b.op("Softmax", scores, axis=2), x))


def found_rows(b):
    """Sizes that only the data tell."""
    x = b.pick(2, where=lambda v: v.array.size > 0) if b.chance(0.5) else b.reshape(tokens(b), -1, 4)
    kept = b.op("Greater", b.op("Gather", x, b.const(np.int64(0)), axis=1), b.scalar(0.0))
    if b.chance(0.5):
        y = b.op("Compress", x, kept, axis=0)
    else:
        y = b.op("Gather", x, b.squeeze(b.op("NonZero", kept), 0), axis=0)
    if y.array.size == 0:
        raise Unfit("nothing is left")
    y = linear(b, y, 3) if b.chance(0.5) else activate(b, y)
    b.keep(b.op("Concat", y, y, axis=1) if b.chance(0.3) else y)


def loop_of_convs(b):
    x = image(b, where=lambda v: v.array.size < 20000)
    c = x.shape[1]
    w, turns = b.weight(c, c, 3, 3), b.integer(1, 3)
    inside = b.chance(0.5)

    def make(given):
        i, cond, state = given
        y = b.op("Conv", state, w, pads=[1] * 4)
        y = b.op("Relu", b.op("Add", y, x)) if b.chance(0.7) else b.op("Tanh", y)
        if inside:
            y = b.op("Concat", b.slice(y, [0], [c // 2], [1]), b.slice(state, [c // 2], [c], [1]), axis=1) if c > 1 else y
        return [b.op("Identity", cond), y]

    body = b.subgraph("body", [np.array(0, np.int64), np.array(True), x.array], make)
    b.keep(b.op("Loop", b.const(np.int64(turns)), b.const(np.array(True)), x, body=body))


def branch_of_joins(b):
    x = image(b)
    cond = b.op("Greater", b.reduce("ReduceMean", x, (0, 1, 2, 3), 0), b.scalar_0d(0.0))

    def joins(_):
        y = b.op("Concat", x, block(b, x, same=True), axis=1)
        return [conv(b, y, out=4, size=1, same=True)]

    def plain(_):
        return [conv(b, x, out=4, same=True, size=3)]

    b.keep(b.op("If", cond, then_branch=b.subgraph("then", [], joins), else_branch=b.subgraph("else", [], plain)))


def views(b):
    """Nothing but other shapes and parts of a value, and of inputs, up to the outputs."""
    x = b.pick(where=lambda v: v.rank >= 2 and v.array.size)
    flat = b.reshape(x, -1, x.array[0].size)
    b.keep(flat)
    if flat.shape[1] > 1:
        half = flat.shape[1] // 2
        one, two = b.split(flat, [half, flat.shape[1] - half], 1)
        b.keep(one)
        back = b.op("Concat", one, two, axis=1)
        b.keep(b.reshape(back, -1, *x.shape[1:]))
        b.keep(b.op("Add", back, flat))


NET_PIECES = {woven_joins: 5, pyramid: 1, focus: 1, windows: 2, class_token: 1, cached: 2, detection_head: 1.5, scaled_conv: 2,
              two_sums: 2, masked_mean: 0.5, weight_left: 1, positions: 1, found_rows: 0.7, loop_of_convs: 0.7,
              branch_of_joins: 0.7, views: 1.5}  # fmt: skip
