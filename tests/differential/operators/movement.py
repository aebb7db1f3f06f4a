"""What moves elements and computes nothing: reshapes, slices, joins, pads, gathers, scatters."""

import numpy as np

import truth
import values
from case import BOTH, EXACT, NEWEST, SUM, Case, Impossible
from registry import operator, types_of


def any_array(d, op, at=0, low=0, high=4, shape=None, **more):
    t = d.kind([x for x in types_of(op, at, **more)])
    return d.array(t, d.shape(low, high) if shape is None else shape)


def ints(x, t=np.int64):
    return np.array(x, t)


@operator("Reshape")
def reshape(d, op):
    x = any_array(d, op)
    dims = list(x.shape)
    allow = d.maybe(lambda: d.below(2))
    if len(dims) > 1 and d.below(2):
        dims[-2:] = [dims[-1] * dims[-2]]
    if d.below(2):
        dims.insert(d.below(len(dims) + 1), 1)
    dims = [dims[i] for i in np.random.default_rng(d.below(100)).permutation(len(dims))]
    if dims and d.below(2) and (0 not in dims):
        dims[d.below(len(dims))] = -1
    elif dims and not allow and d.below(2):
        dims = [0 if i < x.ndim and n == x.shape[i] else n for i, n in enumerate(dims)]
    if 0 in x.shape and 0 in dims:
        allow = 1
    wrong = d.chance(20) and -1 not in dims and dims and 0 not in dims
    if wrong:
        dims[0] += 1
    return Case(op, [x, ints(dims)], {"allowzero": allow}, refuse=bool(wrong))


@operator("Flatten")
def flatten(d, op):
    x = any_array(d, op)
    axis = d.maybe(lambda: d.between(-x.ndim, x.ndim))
    return Case(op, [x], {"axis": 0 if x.ndim == 0 else axis})  # the default, 1, is beyond a scalar


@operator("Transpose")
def transpose(d, op):
    x = any_array(d, op, high=5)
    return Case(op, [x], {"perm": d.maybe(lambda: [a % x.ndim for a in d.axes(x.ndim, x.ndim)] if x.ndim else None)})


@operator("Squeeze")
def squeeze(d, op):
    shape = list(d.shape(high=3))
    for _ in range(d.below(3)):
        shape.insert(d.below(len(shape) + 1), 1)
    x = any_array(d, op, shape=shape)
    ones = [i for i, n in enumerate(shape) if n == 1]
    axes = [i - len(shape) if d.chance(3) else i for i in ones if d.below(2)] if d.below(3) else None
    return Case(op, [x, None if axes is None else ints(axes)])


@operator("Unsqueeze")
def unsqueeze(d, op):
    x = any_array(d, op, high=3)
    count = d.between(1, 3)
    rank = x.ndim + count
    axes, rest = [], list(range(rank))
    for _ in range(count):
        at = rest.pop(d.below(len(rest)))
        axes.append(at - rank if d.chance(3) else at)
    wrong = d.chance(30)
    if wrong:
        axes = [axes[0], axes[0]]
    return Case(op, [x, ints(axes)], refuse=wrong)


@operator("Shape")
def shape_(d, op):
    x = any_array(d, op)
    return Case(op, [x], {a: d.maybe(lambda: d.between(-5, 5)) for a in ("start", "end")}, truth=truth.shape)


@operator("Size")
def size(d, op):
    return Case(op, [any_array(d, op)])


@operator("Expand")
def expand(d, op):
    shape = d.shape()
    x = any_array(d, op, shape=d.part_of(shape))
    target = list(shape)
    for i in range(len(target)):
        behind = len(target) - i
        if behind <= x.ndim and d.chance(4) and x.shape[-behind] == target[i]:
            target[i] = 1
    while target and d.chance(4):
        target.pop(0)
    return Case(op, [x, ints(target)])


@operator("Tile")
def tile(d, op):
    x = any_array(d, op)
    return Case(op, [x, ints([d.pick((1, 2, 3, 0)) for _ in range(x.ndim)])])


@operator("Concat")
def concat(d, op):
    t = d.kind(types_of(op))
    shape = list(d.shape(low=1))
    axis = d.axis(len(shape))
    parts = []
    for _ in range(d.between(1, 4)):
        shape[axis] = d.dim(17, zero=True)
        parts.append(d.array(t, shape))
    return Case(op, parts, {"axis": axis})


@operator("Split")
def split(d, op):
    t = d.kind(types_of(op))
    shape = list(d.shape(low=1))
    axis = d.maybe(lambda: d.axis(len(shape)))
    count = d.between(1, 4)
    at = axis or 0
    if d.below(2):
        sizes = [d.between(0, 5) for _ in range(count)]
        shape[at] = sum(sizes) + (d.chance(20))
        return Case(op, [d.array(t, shape), ints(sizes)], {"axis": axis}, outputs=count, refuse=shape[at] != sum(sizes))
    x = d.array(t, shape)
    step = -(-shape[at] // count)
    if step * (count - 1) >= shape[at] and count > 1:
        raise Impossible("the text does not say what the last parts are")
    return Case(op, [x], {"axis": axis, "num_outputs": count}, outputs=count)


@operator("Slice")
def slice_(d, op):
    x = any_array(d, op, low=1)
    axes = d.axes(x.ndim) if d.below(3) else None
    count = x.ndim if axes is None else len(axes)
    t = d.pick((np.int64, np.int32))
    edges = (np.iinfo(t).max, np.iinfo(t).min + 1)
    start, end = ([d.between(-20, 20) if d.below(4) else d.pick(edges) for _ in range(count)] for _ in range(2))
    steps = d.maybe(lambda: ints([d.pick((1, 2, -1, -2, 3, 7, -20)) for _ in range(count)], t))
    return Case(op, [x, ints(start, t), ints(end, t), None if axes is None else ints(axes, t), steps], truth=truth.slice_)


@operator("Pad")
def pad(d, op):
    mode = d.maybe(lambda: d.pick(("constant", "reflect", "edge", "wrap")))
    plain = mode in (None, "constant")
    shape = d.shape(low=1, zero=plain, most=9)
    t = d.kind([x for x in types_of(op) if x != "string" and "complex" not in x])
    axes = d.axes(len(shape)) if d.below(2) else None
    over = [shape[a] for a in (range(len(shape)) if axes is None else axes)]
    most = [n - 1 if mode == "reflect" else n for n in over]
    pads = [d.between(-(n // 3) if plain else 0, min(4, m) if not plain else 4) for n, m in zip(over * 2, most * 2)]
    value = d.maybe(lambda: d.array(t, (), edge=None)) if plain else None
    if t == "float8e8m0" and plain and value is None:
        raise Impossible("the type has no zero to pad with")
    kind = d.pick((np.int64, np.int32)) if axes is not None else np.int64
    return Case(op, [d.array(t, shape), ints(pads), value, None if axes is None else ints(axes, kind)], {"mode": mode},
                truth=truth.pad)  # fmt: skip


def indices(d, size, shape, t=None, wrong=False):
    """Indices of an axis from the front and the back; with `wrong`, one of them beyond it."""
    t = t or d.pick((np.int64, np.int32))
    if size == 0 and np.prod(shape, dtype=int):
        raise Impossible("no element to gather")
    name = "int64" if t == np.int64 else "int32"
    out = d.array(name, shape, -size if d.below(2) else 0, max(size - 1, 0)) if size else np.zeros(shape, t)
    if wrong and out.size:
        out = out.copy()
        out.reshape(-1)[d.below(out.size)] = d.pick((size, -size - 1, np.iinfo(t).max, np.iinfo(t).min))
    return out


def is_wrong(d, index):
    return d.chance(12) and index


@operator("Gather")
def gather(d, op):
    x = any_array(d, op, low=1)
    axis = d.maybe(lambda: d.axis(x.ndim))
    wrong = d.chance(12)
    i = indices(d, x.shape[axis or 0], d.shape(high=3, most=9), wrong=wrong)
    return Case(op, [x, i], {"axis": axis}, refuse=wrong and i.size > 0, truth=truth.gather)


@operator("GatherElements")
def gather_elements(d, op):
    x = any_array(d, op, low=1)
    axis = d.maybe(lambda: d.axis(x.ndim))
    shape = [d.between(0 if n == 0 else 1, n) for n in x.shape]
    shape[axis or 0] = d.dim(9, zero=True)
    wrong = d.chance(12)
    i = indices(d, x.shape[axis or 0], shape, wrong=wrong)
    return Case(op, [x, i], {"axis": axis}, refuse=wrong and i.size > 0, truth=truth.gather_elements)


def nd_indices(d, shape, batch, wrong):
    depth = d.between(1, len(shape) - batch)
    lead = list(shape[:batch]) + list(d.shape(high=2, most=5))
    parts = [indices(d, n, lead, np.int64) for n in shape[batch : batch + depth]]
    out = np.stack(parts, -1).astype(np.int64)
    if wrong and out.size:
        out[..., 0].reshape(-1)  # of the first coordinate
        flat = out.reshape(-1, depth)
        flat[d.below(len(flat)), 0] = d.pick((shape[batch], -shape[batch] - 1, np.iinfo(np.int64).max))
        out = flat.reshape(out.shape)
    return out


@operator("GatherND")
def gather_nd(d, op):
    x = any_array(d, op, low=1)
    batch = d.below(x.ndim) if d.below(2) else 0
    wrong = d.chance(12)
    i = nd_indices(d, x.shape, batch, wrong)
    return Case(op, [x, i], {"batch_dims": batch if batch else d.maybe(lambda: 0)}, refuse=wrong and i.size > 0)


def unlike(i, axis):
    """The same entry is written once at most along the axis."""
    return all(len(set(line)) == len(line) for line in np.moveaxis(i, axis, -1).reshape(-1, i.shape[axis]).tolist())


def reduction(d, t):
    if values.kind(t) not in ("float", "integer") or t in ("int2", "uint2", "int4", "uint4"):
        return None
    return d.maybe(lambda: d.pick(("none", "add", "mul", "max", "min")))


@operator("ScatterElements", "Scatter")
def scatter_elements(d, op):
    t = d.kind(types_of(op, opset=10 if op == "Scatter" else None))
    x = d.array(t, d.shape(low=1, elements=800), edge=None)
    axis = d.maybe(lambda: d.axis(x.ndim))
    shape = [d.between(0 if n == 0 else 1, n) for n in x.shape]
    wrong = d.chance(12)
    way = None if op == "Scatter" else reduction(d, t)
    i = indices(d, x.shape[axis or 0], shape, wrong=wrong)
    bad = wrong and i.size > 0
    if i.size and not bad and way in (None, "none"):
        at = axis or 0
        line = np.random.default_rng(d.below(99)).permutation(x.shape[at])[: i.shape[at]]
        i = np.broadcast_to(line.reshape([-1 if k == at % x.ndim else 1 for k in range(x.ndim)]), i.shape).astype(i.dtype).copy()
    if i.size and op == "Scatter" and not bad:
        i = np.abs(i)
    given = {"axis": axis, **({} if op == "Scatter" else {"reduction": way})}
    return Case(op, [x, i, d.array(t, i.shape, edge=None)], given, refuse=bad, close=SUM if way in ("add", "mul") else EXACT,
                opset=10 if op == "Scatter" else None, wide=False, truth=truth.scatter)  # fmt: skip


@operator("ScatterND")
def scatter_nd(d, op):
    t = d.kind(types_of(op))
    x = d.array(t, d.shape(low=1, elements=800), edge=None)
    wrong = d.chance(12)
    i = nd_indices(d, x.shape, 0, wrong)
    way = reduction(d, t)
    if way in (None, "none"):
        places = [tuple(k % n if n else 0 for k, n in zip(row, x.shape)) for row in i.reshape(-1, i.shape[-1]).tolist()]
        if len(set(places)) < len(places) and not wrong:
            raise Impossible("the order of two writes to one place is left open")
    u = d.array(t, i.shape[:-1] + x.shape[i.shape[-1] :], edge=None)
    return Case(op, [x, i, u], {"reduction": way}, refuse=wrong and i.size > 0, close=SUM if way in ("add", "mul") else EXACT,
                wide=False)  # fmt: skip


@operator("TensorScatter")
def tensor_scatter(d, op):
    t = d.kind(types_of(op))
    b, heads, length, depth = d.dim(4), d.dim(3), d.dim(9), d.dim(5)
    rank = d.pick((4, 3))
    axis = d.maybe(lambda: -2)
    past = d.array(t, (b, heads, length, depth) if rank == 4 else (b, length, depth))
    n = d.between(1, length)
    shape = list(past.shape)
    shape[-2] = n
    mode = d.maybe(lambda: d.pick(("linear", "circular")))
    at = d.maybe(lambda: d.array("int64", (b,), 0, length - 1 if mode == "circular" else length - n))
    wrong = at is not None and mode != "circular" and d.chance(12)
    if wrong:
        at = at.copy()
        at[0] = d.pick((length - n + 1, -1, 2**62))
    return Case(op, [past, d.array(t, shape), at], {"axis": axis, "mode": mode}, refuse=wrong, truth=truth.tensor_scatter)


@operator("OneHot")
def one_hot(d, op):
    t_in = d.kind([x for x in types_of(op, 0) if x in ("int64", "int32", "float", "double", "uint8", "int8", "int16", "uint32")])
    depth = d.pick((3, 1, 5, 8))
    t_out = d.kind([x for x in types_of(op, 2) if "complex" not in x])
    shape = d.shape(high=3)
    signed = t_in not in ("uint8", "uint32")
    i = d.array(t_in, shape, -depth - 2 if signed else 0, depth + 1)
    if values.kind(t_in) == "float":
        i = np.round(i)
    axis = d.maybe(lambda: d.between(-len(shape) - 1, len(shape)))
    n = np.array(depth if d.below(2) else [depth], values.dtype(d.pick(("int64", "int32", "float"))))
    return Case(op, [i, n, d.array(t_out, (2,))], {"axis": axis}, truth=truth.one_hot)


@operator("Compress")
def compress(d, op):
    t = d.kind(types_of(op))
    x = d.array(t, d.shape(low=1))
    axis = d.maybe(lambda: d.axis(x.ndim))
    n = x.size if axis is None else x.shape[axis]
    length = d.between(0, min(n, 40))
    return Case(op, [x, d.array("bool", (length,))], {"axis": axis})


@operator("NonZero")
def non_zero(d, op):
    t = d.kind(types_of(op))
    return Case(op, [d.array(t, d.shape(elements=1000))], truth=truth.non_zero)


@operator("EyeLike")
def eye_like(d, op):
    t = d.kind(types_of(op))
    to = d.maybe(lambda: d.pick([x for x in types_of(op, output=True)]))
    x = d.array(t, d.shape(2, 2), edge=None)
    return Case(op, [x], {"k": d.maybe(lambda: d.between(-6, 6)), "dtype": None if to is None else values.number(to)},
                out_types=[f"tensor({to or t})"])  # fmt: skip


@operator("Trilu")
def trilu(d, op):
    t = d.kind([x for x in types_of(op) if x != "string"])
    x = d.array(t, d.shape(2, 4))
    k = d.maybe(lambda: np.array(d.between(-8, 8) if d.below(6) else d.pick((2**62, -(2**62))), np.int64))
    return Case(op, [x, k], {"upper": d.maybe(lambda: d.below(2))})


@operator("ReverseSequence")
def reverse_sequence(d, op):
    t = d.kind(types_of(op))
    shape = d.shape(2, 4, zero=False)
    b, s = d.pick(((None, None), (1, 0), (0, 1)))
    batch, time = shape[1 if b is None else b], shape[0 if s is None else s]
    n = d.array("int64", (batch,), 1, time)
    wrong = d.chance(12)
    if wrong:
        n = n.copy()
        n[0] = d.pick((time + 1, -1, 2**62))
    return Case(op, [d.array(t, shape), n], {"batch_axis": b, "time_axis": s}, refuse=wrong)


@operator("DepthToSpace", "SpaceToDepth")
def depth(d, op):
    t = d.kind(types_of(op))
    size = d.pick((2, 1, 3))
    n, c, h, w = d.dim(3, zero=True), d.dim(5), d.dim(5), d.dim(9)
    if op == "DepthToSpace":
        mode = d.maybe(lambda: d.pick(("DCR", "CRD")))
        return Case(op, [d.array(t, (n, c * size * size, h, w))], {"blocksize": size, "mode": mode})
    return Case(op, [d.array(t, (n, c, h * size, w * size))], {"blocksize": size})


@operator("CenterCropPad")
def center_crop_pad(d, op):
    t = d.kind([x for x in types_of(op) if x != "string"])
    shape = d.shape(low=1)
    axes = d.axes(len(shape)) if d.below(2) else None
    count = len(shape) if axes is None else len(axes)
    return Case(op, [d.array(t, shape), ints([d.dim(9) for _ in range(count)])], {"axes": axes})


@operator("Range")
def range_(d, op):
    opset = d.pick((BOTH, NEWEST))
    t = d.kind(types_of(op, opset=opset))
    if values.kind(t) == "float":
        start, step = d.between(-8, 8) / 2, d.pick((1.0, 0.5, -0.25, 0.1, -1.0))
        stop = start + step * d.between(-2, 40) + d.pick((0, 0.01))
    else:
        edge = int(values.limits(t)[1]) if t != "int64" else 2**63 - 1
        start = 0 if values.limits(t)[0] == 0 else d.between(-9, 9)
        step = d.pick((1, 2, 3, 7) if values.limits(t)[0] == 0 else (1, 2, -1, -3, 7))
        stop = max(start + step * d.between(-2, 40) + d.below(3), 0 if values.limits(t)[0] == 0 else -100)
        stop = min(stop, edge, 120)
    return Case(op, [np.array(v, values.dtype(t)) for v in (start, stop, step)], opset=opset, close=SUM, wide=False)


@operator("ConstantOfShape")
def constant_of_shape(d, op):
    from onnx import numpy_helper

    t = d.maybe(lambda: d.kind([x for x in types_of(op, output=True)]))
    value = None if t is None else numpy_helper.from_array(d.array(t, (1,)), "v")
    wrong = d.chance(20)
    shape = ints([-1, 2] if wrong else d.shape())
    return Case(op, [shape], {"value": value}, out_types=[f"tensor({t or 'float'})"], refuse=wrong)


@operator("Constant")
def constant(d, op):
    from onnx import numpy_helper

    way = d.pick(("value", "value_float", "value_floats", "value_int", "value_ints", "value_string", "value_strings"))
    if way == "value":
        t = d.kind([x for x in types_of(op, output=True) if x != "string"])
        return Case(op, [], {"value": numpy_helper.from_array(d.array(t, d.shape()), "v")}, out_types=[f"tensor({t})"])
    one, t = {"float": (0.1, "float"), "int": (2**62, "int64"), "string": ("né", "string")}[way[6:].rstrip("s")]
    return Case(op, [], {way: [one] * d.between(1, 5) if way.endswith("s") else one}, out_types=[f"tensor({t})"])


@operator("NonMaxSuppression")
def non_max_suppression(d, op):
    b, c, n = d.dim(3), d.dim(3), d.pick((3, 1, 6, 20, 0, 70))
    corner = d.array("float", (b, n, 2), 0, 10)
    boxes = np.concatenate([corner, corner + d.array("float", (b, n, 2), 0.5, 5)], -1)
    center = d.maybe(lambda: d.below(2))
    if d.chance(3) and not center:
        boxes = boxes[..., [2, 3, 0, 1]]  # the other corners
    scores = d.array("float", (b, c, n), 0, 1)
    most = d.maybe(lambda: d.array("int64", (1,), 0, 9))
    iou = d.maybe(lambda: d.array("float", (1,), 0, 1))
    least = d.maybe(lambda: d.array("float", (1,), 0, 1))
    return Case(op, [boxes.astype(np.float32), scores, most, iou, least], {"center_point_box": center})
