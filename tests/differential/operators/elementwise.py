"""One element at a time: functions, arithmetic with broadcasting, comparisons, casts."""

import numpy as np

import truth
import values
from case import EXACT, FUNCTION, ROUNDED, Case, Impossible
from draw import integer_limits
from registry import operator, types_of


@operator("Abs", "Ceil", "Floor", "Neg", "Not", "Relu", "Round", "Sign", "IsNaN", "BitwiseNot", "Identity")
def exact_unary(d, op):
    t = d.kind(types_of(op))
    return Case(op, [d.array(t, d.shape())])


@operator("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cos", "Cosh", "Erf", "Exp", "Log", "Reciprocal", "Sigmoid",
          "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Tan", "Tanh", "HardSwish", "Mish")  # fmt: skip
def function(d, op):
    t = d.kind(types_of(op))
    low, high = {"Acos": (-1, 1), "Asin": (-1, 1), "Atanh": (-1, 1), "Acosh": (1, 9), "Log": (0, 9),
                 "Sqrt": (0, 9)}.get(op, (None, None))  # fmt: skip
    if d.below(2) or values.kind(t) != "float":
        low = high = None
    said = {"Erf": truth.erf_, "HardSwish": truth.hard_swish, "Softplus": truth.softplus}.get(op)
    return Case(op, [d.array(t, d.shape(), low, high)], close=FUNCTION, truth=said)


ATTRIBUTES = {"Celu": ("alpha",), "Elu": ("alpha",), "HardSigmoid": ("alpha", "beta"), "LeakyRelu": ("alpha",),
              "Selu": ("alpha", "gamma"), "Shrink": ("bias", "lambd"), "Swish": ("alpha",),
              "ThresholdedRelu": ("alpha",)}  # fmt: skip


@operator(*ATTRIBUTES)
def with_floats(d, op):
    t = d.kind(types_of(op))
    given = {a: d.maybe(lambda: d.pick((0.5, 1.0, 2.0, 0.0, -0.5))) for a in ATTRIBUTES[op]}
    x = d.array(t, d.shape())
    if op == "Shrink" and values.kind(t) == "integer":
        given["bias"] = d.pick((0.0, 0.5))  # beyond the limits of the type, and of what a double holds, it is left open
        x = np.where((x > 2**20) | (x < -(2**20) if np.iinfo(x.dtype).min else False), x.dtype.type(7), x)
    if op == "Celu" and given["alpha"] == 0:
        given["alpha"] = 3.0  # it divides by alpha
    return Case(op, [x], given, close=FUNCTION)


@operator("Gelu")
def gelu(d, op):
    x = d.array(d.kind(types_of(op)), d.shape())
    return Case(op, [x], {"approximate": d.maybe(lambda: d.pick(("none", "tanh")))}, close=FUNCTION, truth=truth.gelu_)


@operator("IsInf")
def is_inf(d, op):
    given = {a: d.maybe(lambda: d.below(2)) for a in ("detect_negative", "detect_positive")}
    return Case(op, [d.array(d.kind(types_of(op)), d.shape())], given)


def pair(d, op, most_rank=4):
    shape = d.shape(high=most_rank)
    t = d.kind(types_of(op))
    return t, d.array(t, d.part_of(shape)), d.array(t, d.part_of(shape))


def zero_divisor(inputs):
    return np.broadcast_arrays(inputs[0], inputs[1])[1] == 0


def shape_fault(d, a, b):
    """Now and then two shapes that do not go together."""
    if d.chance(40) and a.ndim and a.shape[-1] > 1:
        return d.array(values.name_of(b), a.shape[:-1] + (a.shape[-1] + 1,)), True
    return b, False


@operator("Add", "Sub", "Mul", "Div", "And", "Or", "Xor", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Equal", "Greater",
          "GreaterOrEqual", "Less", "LessOrEqual")  # fmt: skip
def binary(d, op):
    t, a, b = pair(d, op)
    b, is_wrong = shape_fault(d, a, b)
    whole = values.kind(t) == "integer"
    if op == "Div" and whole:
        # ONNX Runtime divides as the processor does, which ends the process.
        ends = is_wrong or 0 in b or (np.any(b == -1) if integer_limits(t)[0] < 0 else False)
        return Case(op, [a, b], free=None if is_wrong else zero_divisor, refuse=is_wrong, may_refuse=0 in b,
                    avoid=["onnxruntime"] * bool(ends))  # fmt: skip
    return Case(op, [a, b], close=ROUNDED if values.kind(t) == "float" else EXACT, refuse=is_wrong)


@operator("Mod")
def mod(d, op):
    t, a, b = pair(d, op)
    is_real = values.kind(t) == "float"
    fmod = 1 if is_real else d.maybe(lambda: d.below(2))
    ends = not is_real and (0 in b or (integer_limits(t)[0] < 0 and np.any(b == -1)))
    return Case(op, [a, b], {"fmod": fmod}, close=ROUNDED if is_real else EXACT, free=None if is_real else zero_divisor,
                may_refuse=not is_real and 0 in b,
                avoid=["onnxruntime"] * bool(ends))  # fmt: skip


@operator("Pow")
def power(d, op):
    shape = d.shape()
    t, e = d.kind(types_of(op)), d.kind(types_of(op, 1))
    x = d.array(t, d.part_of(shape), edge="all" if values.kind(t) == "float" else None)
    if values.kind(t) == "integer" or values.kind(e) == "integer":
        y = d.array(e, d.part_of(shape), 0, 4)  # 0 ** -1 and a negative one's root have no integer
        if values.kind(t) == "integer" and values.kind(e) == "float":
            y = np.round(y.astype(np.float64)).astype(y.dtype)
    else:
        y = d.array(e, d.part_of(shape))
        if e in ("float16", "bfloat16") and e != t:
            x = d.array(t, x.shape, edge=None)  # numpy's own power has a NaN for the root of -infinity there
    most = 6 if t in ("int8", "uint8", "int2", "uint2", "int4", "uint4") else 9
    if values.kind(t) == "integer":
        x = np.clip(x, min(-most, 0) if integer_limits(t)[0] else 0, most).astype(x.dtype)
    return Case(op, [x, y], close=FUNCTION, wide=values.kind(t) == "float")


@operator("PRelu")
def prelu(d, op):
    t = d.kind(types_of(op))
    shape = d.shape(low=1)
    return Case(op, [d.array(t, shape), d.array(t, d.part_of(shape))], close=ROUNDED, truth=truth.prelu)


@operator("BitShift")
def bit_shift(d, op):
    t = d.kind(types_of(op))
    shape = d.shape()
    bits = values.dtype(t).itemsize * 8
    x, y = d.array(t, d.part_of(shape)), d.array(t, d.part_of(shape), 0, bits + 3 if d.chance(4) else bits - 1)

    def beyond(inputs):
        return np.broadcast_arrays(inputs[0], inputs[1])[1].astype(int) >= bits

    return Case(op, [x, y], {"direction": d.pick(("LEFT", "RIGHT"))}, free=beyond)


@operator("Max", "Min", "Mean", "Sum")
def variadic(d, op):
    t = d.kind(types_of(op))
    shape = d.shape()
    return Case(op, [d.array(t, d.part_of(shape)) for _ in range(d.between(1, 4))],
                close=EXACT if op in ("Max", "Min") else ROUNDED, truth=truth.mean if op == "Mean" else None)  # fmt: skip


@operator("Where")
def where(d, op):
    shape, t = d.shape(), d.kind(types_of(op, 1))
    parts = [d.part_of(shape) for _ in range(3)]
    return Case(op, [d.array("bool", parts[0]), d.array(t, parts[1]), d.array(t, parts[2])])


@operator("Clip")
def clip(d, op):
    t = d.kind(types_of(op))
    limits = [d.maybe(lambda: d.array(t, ())) for _ in range(2)]
    return Case(op, [d.array(t, d.shape()), *limits])


def cast_values(d, source, target, shape):
    """Numbers that the target type has, or may be rounded or saturated to; what C++ leaves open is not drawn."""
    kind = values.kind(source)
    if source == "string":
        x = np.empty(shape, object)
        words = ("1", "-3", "0", "7") if values.kind(target) != "float" else ("1.5", "-3", "NaN", "INF", "-INF", "1e-3", "0.1")
        if values.kind(target) == "integer" and not integer_limits(target)[0]:
            words = ("1", "0", "7")
        x.reshape(-1)[:] = [d.pick(words) for _ in range(x.size)]
        return x
    if kind == "float" and values.kind(target) == "integer":
        least, most = integer_limits(target)
        return d.array(source, shape, max(least, -1000) * 0.75, min(most * 0.75, 1000))  # rounded, still inside
    if kind == "integer" and target == "float8e8m0":
        return d.array(source, shape, 1, 3)
    return d.array(source, shape, edge=None if target == "float8e8m0" else "all")


@operator("Cast", "CastLike")
def cast(d, op):
    source, target = d.pick(types_of(op)), d.pick(types_of(op, output=op == "Cast", at=1 if op == "CastLike" else 0))
    shape = d.shape(elements=60 if "string" in (source, target) else 6000)
    x = cast_values(d, source, target, shape)
    if "string" in (source, target) and {source, target} & {"float16", "bfloat16", "float8e8m0"}:
        raise Impossible("how these are written is left open")
    if "complex" in source or "complex" in target:
        raise Impossible("no reference casts them")
    narrow = target.startswith(("float8", "float4"))
    given = {"saturate": d.maybe(lambda: d.below(2)) if narrow and "e8m0" not in target else None}
    if op == "CastLike":
        return Case(op, [x, d.array(target, (1,), edge=None)], given, close=ROUNDED if source == "string" else EXACT, wide=False)
    return Case(op, [x], {**given, "to": values.number(target)}, out_types=[f"tensor({target})"], wide=False,
                close=ROUNDED if source == "string" else EXACT)  # fmt: skip


@operator("BitCast")
def bit_cast(d, op):
    sizes = {}
    for t in types_of(op):
        if t != "string" and "complex" not in t and not t.endswith(("2", "4", "4e2m1")) or t in ("float64", "int32", "int64"):
            sizes.setdefault(values.dtype(t).itemsize, []).append(t)
    sizes = {n: [t for t in of if t not in ("int2", "uint2", "int4", "uint4", "bool")] for n, of in sizes.items()}
    of = sizes[d.pick([n for n, of in sizes.items() if len(of) > 1])]
    source, target = d.pick(of), d.pick(of)
    return Case(op, [d.array(source, d.shape())], {"to": values.number(target)}, out_types=[f"tensor({target})"])
