"""Random numbers: what they are drawn from is held by tests/python/test_random.py; here type, shape and range."""

import numpy as np

import values
from case import Case
from registry import operator, types_of

REALS = ("float", "double", "float16", "bfloat16")


def checked(name, shape, low=None, high=None):
    def check(inputs, outputs):
        y = np.asarray(outputs[0])
        if values.name_of(y) != name or y.shape != tuple(shape):
            return f"{values.name_of(y)}{list(y.shape)}, expected {name}{list(shape)}"
        v = y.astype(np.float64)
        if low is not None and not ((v >= low) & (v <= high)).all():
            return f"values beyond {low}..{high}"
        return None if np.isfinite(v).all() else "not finite"

    return check


@operator("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike")
def random(d, op):
    t = d.kind(REALS)
    shape = d.shape()
    low, high = d.pick(((0.0, 1.0), (-2.0, 3.0)))
    given = {"seed": d.maybe(lambda: 3.0)}
    given.update({"low": low, "high": high} if "Uniform" in op else {"mean": low, "scale": high})
    check = checked(t, shape, *(low, high) if "Uniform" in op else ())
    if op.endswith("Like"):
        source = t if d.below(2) else "int32"
        given["dtype"] = None if source == t else values.number(t)
        return Case(op, [d.array(source, shape)], given, out_types=[f"tensor({t})"], check=check)
    return Case(op, [], {**given, "dtype": values.number(t), "shape": list(shape)}, out_types=[f"tensor({t})"], check=check)


@operator("Bernoulli")
def bernoulli(d, op):
    t = d.kind(REALS)
    shape = d.shape()
    to = d.maybe(lambda: d.pick(types_of(op, output=True)))
    x = d.array(t, shape, 0, 1)
    sure = d.below(3)
    if sure:
        x = np.full(shape, sure - 1, x.dtype)

    def check(inputs, outputs):
        v = np.asarray(outputs[0]).astype(np.float64)
        if sure and not (v == sure - 1).all():
            return f"a probability of {sure - 1} gave something else"
        return checked(to or t, shape, 0, 1)(inputs, outputs)

    return Case(op, [x], {"dtype": None if to is None else values.number(to), "seed": d.maybe(lambda: 2.0)},
                out_types=[f"tensor({to or t})"], check=check)  # fmt: skip


@operator("Multinomial")
def multinomial(d, op):
    n, c, samples = d.pick((1, 2, 3)), d.pick((3, 1, 5)), d.pick((4, 1, 9))
    to = d.pick(("int32", "int64"))
    x = d.array(d.kind(("float", "double", "float16")), (n, c), edge=None)
    given = {"sample_size": samples, "dtype": values.number(to), "seed": d.maybe(lambda: 2.0)}
    return Case(op, [x], given, out_types=[f"tensor({to})"], check=checked(to, (n, samples), 0, c - 1))
