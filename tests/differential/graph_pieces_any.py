"""Pieces of random graphs that work on anything: element-wise chains, shapes, choices, types, quantities, control flow."""

import numpy as np
from graph_builder import Unfit
from graph_pieces_image import activate, conv, image
from graph_pieces_tokens import tokens

UNARY = ("Neg", "Abs", "Sqrt", "Reciprocal", "Exp", "Log", "Erf", "Sin", "Cos", "Tanh", "Sigmoid", "Floor", "Sign", "Atan")


def some(b, where=lambda v: True, rank=None):
    return b.pick(rank, where=lambda v: v.rank >= 1 and v.array.size > 0 and where(v))


def safely(b, x, kind):
    """A function of x, kept where it is tame."""
    if kind in ("Sqrt", "Log", "Reciprocal"):
        x = b.op("Add", b.op("Abs", x), b.scalar(b.one([0.5, 1.0, 0.1])))
    elif kind == "Exp":
        x = b.clip(x, -4, 4) if b.chance(0.5) else b.op("Neg", b.op("Abs", x))
    elif kind in ("Floor", "Sign"):
        x = b.op("Add", b.op("Mul", x, b.scalar(1.37)), b.scalar(0.123))
    return b.op(kind, x)


def operand(b, x):
    """Something that goes with x: a number, a row, channels, a value of the same shape, one that broadcasts."""
    way = b.integer(0, 5)
    if way == 0 and x.rank >= 2:
        return b.const(b.normal(x.shape[-1]))
    if way == 1 and x.rank >= 3:
        return b.const(b.normal(x.shape[1], *(1,) * (x.rank - 2)))
    if way == 2:
        return b.const(b.normal(*(1 if b.chance(0.5) else n for n in x.shape[1:])))
    if way == 3:
        fit = [v for v in b.pool if v.dtype == np.float32 and v.rank <= x.rank and v.array.size
               and all(p in (1, q) for p, q in zip(v.shape[::-1], x.shape[::-1]))]  # fmt: skip
        return b.one(fit)
    return b.scalar(b.one([2, 0.5, 1, -1, 0.1, 3, 1.7]))


def chain(b):
    x = some(b)
    first = x
    for _ in range(b.integer(1, 7)):
        way = b.integer(0, 9)
        if way < 4:
            kind, other = b.one(["Add", "Sub", "Mul", "Add", "Mul", "Max", "Min"]), operand(b, x)
            x = b.op(kind, *((x, other) if b.chance(0.7) else (other, x)))
        elif way == 4:
            x = b.op("Div", x, b.op("Add", b.op("Abs", operand(b, x)), b.scalar(0.5)))
        elif way == 5:
            x = safely(b, x, b.one(UNARY))
        elif way == 6:
            x = b.op("Pow", b.op("Abs", x), b.scalar(b.one([2, 3, 0.5, 1.5])))
        elif way == 7 and first.shape == x.shape:
            x = b.op(b.one(["Add", "Mul", "Sub"]), x, first)
        elif way == 8:
            x = b.op(b.one(["Sum", "Mean", "Max"]), *(x, operand(b, x), operand(b, x))[: b.integer(1, 3)])
        else:
            x = activate(b, x)
        if b.chance(0.1):
            b.keep(x)
    b.keep(x)


def chosen(b):
    x = some(b)
    y = operand(b, x)
    kind = b.one(["Greater", "Less", "GreaterOrEqual"] if b.opset >= 12 else ["Greater", "Less"])
    cond = b.op(kind, x, y if b.chance(0.5) else b.scalar(0.1))
    if b.chance(0.3):
        cond = b.op("Not", cond)
    if b.chance(0.2):
        cond = b.op(b.one(["And", "Or", "Xor"]), cond, b.op("Less", x, b.scalar(0.4)))
    z = b.op("Where", cond, x, y)
    b.keep(z)
    if b.chance(0.2):
        b.keep(b.op("Cast", cond, to=1))


def reduced(b):
    x = some(b, lambda v: v.rank >= 2)
    axes = sorted({b.integer(1, x.rank - 1) for _ in range(b.integer(1, 3))})
    axes = [a - x.rank for a in axes] if b.chance(0.3) else axes
    kind = b.one(["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceL1", "ReduceLogSumExp",
                  "ReduceSumSquare"])  # fmt: skip
    keep = b.integer(0, 1)
    y = b.reduce(kind, x, axes, keep)
    if keep and b.chance(0.6):
        y = b.op(b.one(["Sub", "Add"]), x, y) if b.chance(0.7) else b.op("Div", x, b.op("Add", b.op("Abs", y), b.scalar(1)))
    b.keep(y)


def softmax(b):
    x = some(b, lambda v: v.rank >= 2)
    b.keep(b.op(b.one(["Softmax", "Softmax", "LogSoftmax"]), x, axis=b.integer(1, x.rank - 1) if b.chance(0.6) else -1))


def rearranged(b):
    x = some(b, lambda v: v.rank >= 2)
    for _ in range(b.integer(1, 3)):
        way = b.integer(0, 6)
        if way == 0:
            x = b.transpose(x, 0, *(1 + b.rng.permutation(x.rank - 1)).tolist())
        elif way == 1:
            x = b.unsqueeze(x, b.integer(1, x.rank)) if x.rank < 5 else b.op("Identity", x)
        elif way == 2 and 1 in x.shape[1:]:
            x = b.squeeze(x, 1 + x.shape[1:].index(1))
        elif way == 3:
            x = b.op("Flatten", x, axis=b.integer(1, 2) if x.rank > 2 and b.chance(0.3) else 1)
        elif way == 4 and x.rank > 2:
            at = b.integer(1, x.rank - 2)
            x = b.reshape(x, -1, *x.shape[1:at], x.shape[at] * x.shape[at + 1], *x.shape[at + 2 :])
        elif way == 5:
            n = x.shape[-1]
            parts = [p for p in (2, 3, 4) if n % p == 0]
            x = b.reshape(x, -1, *x.shape[1:-1], parts[0], n // parts[0]) if parts and x.rank < 5 else x
        else:
            x = activate(b, x)
    b.keep(x)


def sized_by_shape(b):
    """A Reshape whose goal is computed of Shape, as traced models have it."""
    x = some(b, lambda v: v.rank >= 3)
    shape = b.op("Shape", x)
    first = b.op("Gather", shape, b.const(np.int64(0)), axis=0)
    way = b.integer(0, 2)
    if way == 0:
        goal = b.op("Concat", b.unsqueeze(first, 0), b.ints(-1), axis=0)
        y = b.op("Reshape", x, goal)
    elif way == 1:
        one, two = (b.op("Gather", shape, b.const(np.int64(i)), axis=0) for i in (1, 2))
        goal = [b.unsqueeze(first, 0), b.unsqueeze(b.op("Mul", one, two), 0)]
        y = b.op("Reshape", x, b.op("Concat", *goal, *([b.ints(-1)] if b.chance(0.5) or x.rank > 3 else []), axis=0))
    else:
        zeros = b.op("ConstantOfShape", b.op("Concat", b.unsqueeze(first, 0), b.ints(*x.shape[1:]), axis=0))
        y = b.op("Add", x, zeros)
    b.keep(y)


def joined(b):
    """Values that differ in one axis at most; of any axis but the batch's."""
    x = some(b, lambda v: v.rank >= 2)
    axis = b.integer(1, x.rank - 1)
    fit = [v for v in b.pool if v.dtype == x.dtype and v.rank == x.rank
           and all(i == axis or p == q for i, (p, q) in enumerate(zip(v.shape, x.shape)))]  # fmt: skip
    parts = [x if b.chance(0.5) else activate(b, x)] + [b.one(fit) for _ in range(b.integer(1, 5))]
    y = b.op("Concat", *parts, axis=axis - (x.rank if b.chance(0.2) else 0))
    if b.chance(0.3) and y.shape[axis] > 1:
        cut = b.integer(1, y.shape[axis] - 1)
        for part in b.split(y, [cut, y.shape[axis] - cut], axis):
            b.keep(part)
    b.keep(y)


def split_up(b):
    x = some(b, lambda v: v.rank >= 2 and max(v.shape[1:]) > 1)
    axis = b.one([i for i in range(1, x.rank) if x.shape[i] > 1])
    n = x.shape[axis]
    cuts = sorted({b.integer(1, n - 1) for _ in range(b.integer(1, 3))})
    sizes = [q - p for p, q in zip([0, *cuts], [*cuts, n])]
    parts = b.split(x, sizes, axis)
    parts = [activate(b, p) if b.chance(0.4) else p for p in parts]
    for p in parts:
        if b.chance(0.5):
            b.keep(p)
    b.keep(b.op("Concat", *(parts[::-1] if b.chance(0.5) else parts), axis=axis))


def gathered(b):
    x = some(b, lambda v: v.rank >= 2)
    axis = b.integer(1, x.rank - 1)
    n = x.shape[axis]
    way = b.integer(0, 5)
    if way == 0:
        y = b.op("Gather", x, b.const(np.int64(b.integer(-n, n - 1))), axis=axis)
    elif way == 1:
        y = b.op("Gather", x, b.const(b.rng.integers(-n, n, b.integer(1, 6))), axis=axis)
    elif way == 2:  # one row of indices for many
        i = b.const(b.rng.integers(0, n, (*(1,) * axis, b.integer(1, 5), *(1,) * (x.rank - axis - 1))))
        shape = [*x.shape]
        shape[axis] = i.shape[axis]
        goal = b.ints(*shape)
        if b.chance(0.5):
            goal = b.op("Concat", b.slice(b.op("Shape", x), [0], [1], [0]), b.ints(*shape[1:]), axis=0)
        y = b.op("GatherElements", x, b.op("Expand", i, goal), axis=axis)
    elif way == 3:
        _, i = b.op("TopK", x, b.ints(b.integer(1, n)), n=2, axis=axis)
        y = b.op("GatherElements", x, i, axis=axis)
    elif way == 4:
        y = b.slice(x, [b.integer(-n, n - 1)], [2**31], [axis]) if b.chance(0.6) else b.slice(
            x, [n], [-n - 1], [axis], [-b.integer(1, 2)])  # fmt: skip
    else:
        i = b.const(np.stack([b.rng.integers(0, n, b.integer(1, 4)) for n in x.shape[1:2]], -1))
        y = b.op("GatherND", b.transpose(x, 1, 0, *range(2, x.rank)), i)
        y = b.transpose(y, 1, 0, *range(2, y.rank))
    if y.array.size == 0:
        raise Unfit("nothing is left")
    b.keep(y)


def scattered(b):
    x = some(b, lambda v: v.rank >= 2)
    axis = b.integer(1, x.rank - 1)
    n = b.integer(1, x.shape[axis])
    i = b.rng.permutation(x.shape[axis])[:n]
    if b.chance(0.5):
        turned = b.transpose(x, axis, *(k for k in range(x.rank) if k != axis))
        u = b.op("Mul", b.op("Gather", turned, b.const(i.astype(np.int64)), axis=0), b.scalar(0.5))
        y = b.op("ScatterND", turned, b.const(i[:, None].astype(np.int64)), u)
        y = b.transpose(y, *np.argsort([axis, *(k for k in range(x.rank) if k != axis)]).tolist())
    else:
        u = b.op("Neg", b.op("Gather", x, b.const(i.astype(np.int64)), axis=axis))
        shape = [1] * x.rank
        shape[axis] = n
        goal = b.op("Shape", u)
        y = b.op("ScatterElements", x, b.op("Expand", b.const(i.reshape(shape).astype(np.int64)), goal), u, axis=axis)
    b.keep(y)


def spread(b):
    x = some(b, lambda v: v.rank >= 2 and v.array.size < 3000)
    way = b.integer(0, 3)
    if way == 0:
        y = b.op("Tile", x, b.ints(1, *(b.integer(1, 2) for _ in x.shape[1:])))
    elif way == 1:
        y = b.op("Expand", b.unsqueeze(x, 1), b.ints(1, b.integer(1, 3), *x.shape[1:]))
    elif way == 2:
        axis = b.const(np.int64(b.integer(1, x.rank - 1)))
        y = b.op("CumSum", b.op("Mul", x, b.scalar(0.2)), axis, exclusive=b.integer(0, 1), reverse=b.integer(0, 1))
    else:
        if x.rank < 3 or b.opset < 14:
            raise Unfit("no matrices")
        y = b.op("Trilu", x, b.const(np.int64(b.integer(-2, 2))), upper=b.integer(0, 1))
    b.keep(y)


def found_out(b):
    """Where things are: whole numbers, for an output and for a Gather."""
    x = some(b, lambda v: v.rank >= 2)
    axis = b.integer(1, x.rank - 1)
    if b.chance(0.5):
        i = b.op(b.one(["ArgMax", "ArgMin"]), x, axis=axis, keepdims=b.integer(0, 1))
    else:
        y, i = b.op("TopK", x, b.ints(b.integer(1, x.shape[axis])), n=2, axis=axis, largest=b.integer(0, 1))
        b.keep(y)
    b.keep(i)
    if b.chance(0.5):
        b.keep(b.op("Gather", b.const(b.normal(x.shape[axis], 4)), i))


def other_types(b):
    x = some(b)
    to = b.one([11, 10, 10, 16, 6]) if b.chance(0.8) else 1
    if to == 16:
        y = b.op("Cast", b.op("Cast", x, to=16), to=1) if b.opset >= 13 else x
    elif to == 6:
        y = b.op("Cast", b.op("Cast", b.op("Add", b.op("Mul", x, b.scalar(10)), b.scalar(0.4142)), to=6), to=1)
    else:
        y = b.op("Cast", x, to=to)
        y = b.op(b.one(["Tanh", "Neg", "Sigmoid", "Relu"]), y)
        y = b.op("Add", y, y) if b.chance(0.4) else y
        y = b.op("Cast", y, to=1)
    b.keep(y)


def quantized(b):
    """To 8 bits and back, as simulated quantization has it, or products of 8 bits."""
    if b.opset < 13:
        raise Unfit("no axes")
    scale, kind = np.float32(b.one([0.03, 0.0171, 0.1])), b.one([np.uint8, np.int8])
    zero = kind(b.one([0, 3, 7]) + (100 if kind is np.uint8 else 0))

    def there_and_back(x):
        q = b.op("QuantizeLinear", x, b.const(scale), b.const(zero))
        return b.op("DequantizeLinear", q, b.const(scale), b.const(zero))

    def weight(*shape, axis):
        w = b.rng.integers(-127, 128, shape).astype(np.int8)
        n = shape[axis]
        s = b.rng.uniform(0.001, 0.01, n).astype(np.float32)
        return b.op("DequantizeLinear", b.const(w), b.const(s), b.const(np.zeros(n, np.int8)), axis=axis)

    way = b.integer(0, 4)
    if way == 0:
        y = there_and_back(some(b))
    elif way == 1:
        x = image(b)
        out = b.integer(1, 8)
        y = b.op("Conv", there_and_back(x), weight(out, x.shape[1], 3, 3, axis=0), pads=[1] * 4)
        y = there_and_back(b.op("Relu", y)) if b.chance(0.6) else y
    elif way == 2:
        x = tokens(b)
        y = b.op("MatMul", there_and_back(x), weight(x.shape[2], b.integer(1, 12), axis=1))
    elif way == 3:
        x = tokens(b)
        q, s, z = b.op("DynamicQuantizeLinear", x, n=3)
        w = b.const(b.rng.integers(-127, 128, (x.shape[2], b.integer(1, 12))).astype(np.int8))
        y = b.op("MatMulInteger", q, w, z)
        y = b.op("Mul", b.op("Cast", y, to=1), b.op("Mul", s, b.scalar(0.01)))
    else:
        x = tokens(b)
        q = b.op("QuantizeLinear", x, b.const(scale), b.const(zero))
        w = b.const(b.rng.integers(-127, 128, (x.shape[2], b.integer(1, 12))).astype(np.int8))
        y = b.op("QLinearMatMul", q, b.const(scale), b.const(zero), w, b.const(np.float32(0.01)), b.const(np.int8(0)),
                 b.const(np.float32(0.05)), b.const(zero))  # fmt: skip
        y = b.op("DequantizeLinear", y, b.const(np.float32(0.05)), b.const(zero))
    b.keep(y)


def branch(b):
    x = some(b, lambda v: v.rank >= 2)
    if b.chance(0.5):
        cond = b.add_input(np.array(b.chance(0.5)))
    else:
        cond = b.op("Greater", b.reduce("ReduceMax", x, tuple(range(x.rank)), 0), b.scalar_0d(0.3))
    other = operand(b, x)
    kinds = b.rng.permutation(["Relu", "Tanh", "Neg", "Sigmoid"])

    def body(i):
        def make(_):
            y = b.op(str(kinds[i]), x)
            y = b.op(b.one(["Add", "Mul"]), y, other) if b.chance(0.6) else y
            return [activate(b, y) if b.chance(0.4) else y]

        return make

    b.keep(b.op("If", cond, then_branch=b.subgraph("then", [], body(0)), else_branch=b.subgraph("else", [], body(1))))


def loop(b):
    x = some(b, lambda v: v.rank >= 2 and v.array.size < 5000)
    if b.chance(0.3) and x.rank == 4:
        x = conv(b, x, same=True)
    turns = b.integer(1, 4)
    w = b.weight(x.shape[-1], x.shape[-1])
    gather = b.chance(0.5)

    def make(given):
        i, cond, state = given
        y = b.op("MatMul", state, w) if b.chance(0.5) else b.op("Mul", state, b.scalar(0.7))
        y = b.op("Add", y, x) if b.chance(0.5) else b.op("Add", y, b.op("Cast", i, to=1))
        y = b.op("Tanh", y)
        same = b.op("Identity", cond)
        return [same, y, *([b.op("Neg", y)] if gather else [])]

    body = b.subgraph("body", [np.array(0, np.int64), np.array(True), x.array], make)
    made = b.op("Loop", b.const(np.int64(turns)), b.const(np.array(True)), x, n=1 + gather, body=body)
    state, *scans = [made] if not gather else made
    b.keep(state)
    for s in scans:
        b.keep(b.transpose(s, 1, 0, *range(2, s.rank)))


def scan(b):
    x = tokens(b)
    turned = b.transpose(x, 1, 0, 2)
    start = b.op("Mul", b.op("Gather", turned, b.const(np.int64(0)), axis=0), b.scalar(0.5))

    def make(given):
        state, row = given
        y = b.op("Tanh", b.op("Add", b.op("Mul", state, b.scalar(0.5)), row))
        return [y, b.op("Mul", y, row)]

    body = b.subgraph("step", [start.array, turned.array[0]], make)
    last, rows = b.op("Scan", start, turned, n=2, body=body, num_scan_inputs=1)
    b.keep(last)
    b.keep(b.transpose(rows, 1, 0, 2))


def dead(b):
    """What nobody reads."""
    x = some(b)
    activate(b, b.op("Mul", x, operand(b, x)))
    b.ints(1, 2, 3)


def constants(b):
    """Computed of constants alone: to be folded."""
    x = some(b, lambda v: v.rank >= 2)
    c = b.op("Mul", b.const(b.normal(x.shape[-1])), b.scalar(0.5))
    numbers = b.op("Range", *(b.const(np.int64(n)) for n in (0, x.shape[-1], 1)))
    c = b.op("Add", c, b.op("Cast", numbers, to=1))
    c = b.op("Expand", b.unsqueeze(c, 0), b.ints(1, x.shape[-1])) if b.chance(0.5) else c
    y = b.op(b.one(["Add", "Mul"]), x, b.op("Identity", c) if b.chance(0.3) else b.op("Tanh", c))
    b.keep(b.op("Identity", y) if b.chance(0.3) else y)


def overridable(b):
    """A weight that is an input, too: what is fed takes its place."""
    x = some(b, lambda v: v.rank >= 2)
    w = b.const(b.normal(x.shape[-1]))
    if w not in b.initializers:
        raise Unfit("a Constant node")
    b.defaults.append(w)
    b.keep(b.op(b.one(["Add", "Mul"]), x, w))


def across_batch(b):
    """Rows that are not on their own."""
    x = some(b, lambda v: v.rank >= 2)
    way = b.integer(0, 3)
    if way == 0:
        y = b.op("Sub", x, b.reduce("ReduceMean", x, (0,)))
    elif way == 1:
        y = b.op("Concat", x, activate(b, x), axis=0)
    elif way == 2:
        y = b.transpose(x, 1, 0, *range(2, x.rank))
    else:
        y = b.op("Softmax", x, axis=0)
    b.keep(y)


def in_sequence(b):
    x = some(b, lambda v: v.rank >= 2)
    axis = b.integer(1, x.rank - 1)
    # One node that only the whole graph can compute, so its halves are computed apart here.
    b.keep(b.through_sequence(x, axis))


ANY_PIECES = {chain: 8, chosen: 2, reduced: 3, softmax: 1, rearranged: 3, sized_by_shape: 2, joined: 4, split_up: 3, gathered: 3,
              scattered: 1, spread: 2, found_out: 1, other_types: 1, quantized: 2, branch: 1, loop: 1, scan: 0.5, dead: 1,
              constants: 2, overridable: 1, across_batch: 0.3, in_sequence: 0.5}  # fmt: skip
