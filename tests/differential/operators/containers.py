"""Sequences, optionals and graphs within graphs."""

import numpy as np
from onnx import TensorProto, helper

import truth
import values
from case import SUM, Case, Impossible
from registry import operator, types_of

KINDS = ("float", "int64", "double", "bool", "string", "int32", "float16")


def sequence(d, t, most=4, shape=None):
    count = d.below(most + 1)
    return [d.array(t, d.shape(high=3, most=5) if shape is None else shape) for _ in range(count)]


def position(d, length, wrong):
    t = d.pick((np.int64, np.int32))
    if wrong:
        return np.array(d.pick((length + 1, -length - 2, np.iinfo(t).max, np.iinfo(t).min)), t)
    if not length:
        raise Impossible("no element")
    return np.array(d.between(-length, length - 1), t)


@operator("SequenceAt", "SequenceErase")
def at(d, op):
    t = d.kind(KINDS)
    s = sequence(d, t)
    wrong = d.chance(8)
    if op == "SequenceErase" and d.chance(3) and s and not wrong:
        i = None
    else:
        i = position(d, len(s), wrong)
    out = f"tensor({t})" if op == "SequenceAt" else f"seq(tensor({t}))"
    return Case(op, [(f"seq(tensor({t}))", s), i], out_types=[out], refuse=wrong)


@operator("SequenceInsert")
def insert(d, op):
    t = d.kind(KINDS)
    s = sequence(d, t)
    wrong = d.chance(8)
    i = position(d, len(s), True) if wrong else d.maybe(lambda: np.array(d.between(-len(s), len(s)), np.int64))
    return Case(op, [(f"seq(tensor({t}))", s), d.array(t, d.shape(high=2)), i], out_types=[f"seq(tensor({t}))"], refuse=wrong,
                truth=truth.sequence_insert)  # fmt: skip


@operator("SequenceLength")
def length(d, op):
    t = d.kind(KINDS)
    return Case(op, [(f"seq(tensor({t}))", sequence(d, t))])


@operator("SequenceConstruct")
def construct(d, op):
    t = d.kind(KINDS)
    parts = [d.array(t, d.shape(high=3, most=5)) for _ in range(d.between(1, 4))]
    return Case(op, parts, out_types=[f"seq(tensor({t}))"])


@operator("SequenceEmpty")
def empty(d, op):
    t = d.maybe(lambda: d.kind(KINDS))
    return Case(op, [], {"dtype": None if t is None else values.number(t)}, out_types=[f"seq(tensor({t or 'float'}))"])


@operator("ConcatFromSequence")
def concat(d, op):
    t = d.kind(KINDS)
    new = d.maybe(lambda: d.below(2))
    shape = list(d.shape(low=0 if new else 1, high=3, most=5))
    axis = d.axis(len(shape) + (1 if new else 0))
    parts = []
    for _ in range(d.between(1, 4)):
        if not new:
            shape[axis] = d.dim(5, zero=True)
        parts.append(d.array(t, shape))
    return Case(op, [(f"seq(tensor({t}))", parts)], {"axis": axis, "new_axis": new}, out_types=[f"tensor({t})"])


@operator("SplitToSequence")
def split(d, op):
    t = d.kind([k for k in KINDS if f"tensor({k})" and k in types_of(op)])
    shape = list(d.shape(low=1, high=3, most=9, zero=False))
    axis = d.maybe(lambda: d.axis(len(shape)))
    kind = d.pick((np.int64, np.int32))
    way = d.below(3)
    sizes = None
    if way == 1:
        sizes = np.array(d.between(1, 4), kind)
    elif way == 2:
        parts = [d.between(0, 4) for _ in range(d.between(1, 4))]
        shape[axis or 0] = sum(parts)
        sizes = np.array(parts, kind)
    keep = d.maybe(lambda: d.below(2)) if sizes is None else None
    return Case(op, [d.array(t, shape), sizes], {"axis": axis, "keepdims": keep}, out_types=[f"seq(tensor({t}))"])


@operator("Optional")
def optional(d, op):
    t = d.kind(KINDS)
    if d.below(2):
        return Case(op, [d.array(t, d.shape())], out_types=[f"optional(tensor({t}))"])
    return Case(op, [(f"seq(tensor({t}))", sequence(d, t))], out_types=[f"optional(seq(tensor({t})))"])


@operator("OptionalGetElement", "OptionalHasElement")
def optional_element(d, op):
    t = d.kind(KINDS)
    of, x = (f"seq(tensor({t}))", sequence(d, t)) if d.below(2) else (f"tensor({t})", d.array(t, d.shape()))
    held = f"optional({of})" if d.below(3) else of
    if op == "OptionalHasElement":
        if d.chance(4):
            return Case(op, [(f"optional({of})", None)], check=lambda inputs, outputs: None if not outputs[0] else "True for none")
        return Case(op, [(held, x)], check=lambda inputs, outputs: None if outputs[0] else "False for an element")
    return Case(op, [(held, x)], out_types=[of])


def graph(name, nodes, inputs, outputs):
    make = lambda n, t, shape=None: helper.make_tensor_value_info(n, t, shape)  # noqa: E731
    return helper.make_graph(nodes, name, [make(*i) for i in inputs], [make(*o) for o in outputs])


def step(d, t, x, y, other="x0"):
    """A node from x to y, which may also read the first input of the model."""
    number = TensorProto.FLOAT if t == "float" else TensorProto.INT64
    return d.pick((helper.make_node("Neg", [x], [y]), helper.make_node("Add", [x, x], [y]),
                   helper.make_node("Abs", [x], [y]), helper.make_node("Identity", [x], [y]))), number  # fmt: skip


@operator("If")
def if_(d, op):
    t = d.kind(("float", "int64"))
    x = d.array(t, d.shape(), edge=None)
    then, number = step(d, t, "x1", "a")
    other, _ = step(d, t, "x1", "b")
    given = {"then_branch": graph("then", [then], [], [("a", number)]), "else_branch": graph("else", [other], [], [("b", number)])}
    return Captured(op, [np.array(bool(d.below(2)))], given, x, out_types=[f"tensor({t})"])


class Captured(Case):
    """A case whose bodies read x1 of the graph around them: it is an input of the model and not of the node."""

    def __init__(self, op, inputs, given, outer, **more):
        super().__init__(op, [*inputs, outer], given, fed=[len(inputs)], **more)

    def node(self):
        made = super().node()
        del made.input[-1]
        return made


@operator("Loop")
def loop(d, op):
    t = d.kind(("float", "int64"))
    x = d.array(t, d.shape(high=2), edge=None)
    node, number = step(d, t, "v", "w")
    body = [node, helper.make_node("Identity", ["w"], ["s"])]
    most = d.between(0, 5)
    if d.below(2):
        limit = helper.make_node("Constant", [], ["limit"], value_int=d.between(0, 4))
        body += [limit, helper.make_node("Less", ["i", "limit"], ["go"])]
    else:
        body.append(helper.make_node("Identity", ["c"], ["go"]))
    inner = graph("body", body, [("i", TensorProto.INT64, ()), ("c", TensorProto.BOOL, ()), ("v", number)],
                  [("go", TensorProto.BOOL, ()), ("w", number), ("s", number)])  # fmt: skip
    cond = np.array(d.below(4) > 0)
    trip = np.array(most, np.int64)
    count = most if cond else 0
    if not count:
        raise Impossible("the shape of a scan output without iterations is left open")
    return Case(op, [trip, cond, x], {"body": inner}, outputs=2, out_types=[f"tensor({t})"] * 2)


@operator("Scan")
def scan(d, op):
    t = d.kind(("float", "int64"))
    number = TensorProto.FLOAT if t == "float" else TensorProto.INT64
    element = d.shape(high=2, most=5, zero=False)
    rank = len(element) + 1
    axis, out_axis = d.axis(rank), d.axis(rank)
    length = d.dim(7)
    shape = list(element)
    shape.insert(axis % rank, length)
    nodes = [helper.make_node(d.pick(("Add", "Sub", "Mul")), ["s", "e"], ["u"]), helper.make_node("Identity", ["u"], ["o"])]
    body = graph("body", nodes, [("s", number), ("e", number)], [("u", number), ("o", number)])
    given = {"body": body, "num_scan_inputs": 1, "scan_input_axes": [axis] if d.below(2) or axis else None,
             "scan_output_axes": [out_axis], "scan_input_directions": d.maybe(lambda: [d.below(2)]),
             "scan_output_directions": d.maybe(lambda: [d.below(2)])}  # fmt: skip
    inputs = [d.array(t, element, -2, 2), d.array(t, shape, -2, 2)]
    return Case(op, inputs, given, outputs=2, close=SUM, out_types=[f"tensor({t})"] * 2, truth=truth.scan)


@operator("SequenceMap")
def sequence_map(d, op):
    t = d.kind(("float", "int64"))
    number = TensorProto.FLOAT if t == "float" else TensorProto.INT64
    shape = d.shape(high=2, most=5)
    s = sequence(d, t, shape=shape)
    extra = d.below(3)
    inputs, inner = [(f"seq(tensor({t}))", s)], [("e", number)]
    if extra:
        second = [d.array(t, shape, edge=None) for _ in s] if extra == 2 else d.array(t, shape, edge=None)
        inputs.append((f"seq(tensor({t}))", second) if extra == 2 else second)
        inner.append(("f", number))
    node = helper.make_node("Add", ["e", "f" if extra else "e"], ["g"])
    return Case(op, inputs, {"body": graph("body", [node], inner, [("g", number)])}, out_types=[f"seq(tensor({t}))"], fed=[1])
