"""Whether a result is near enough to what the references say.

An element is right if one reference that has the result's type and shape is near it: references differ from each other in
what ONNX leaves open (the sign of a NaN, which of two zeros, how a tie is rounded) and in the order of their sums.

  exact     equal; NaN is NaN, and the zeros are one. For what only moves or compares.
  rounded   2 units in the last place: one operation, perhaps done in a wider type and rounded once more.
  function  16 units: exp, tanh and the like by polynomials. Near a zero of the function, 16 units of 1.
  sum       64 units of the largest number that went in or came out: sums of up to some hundred terms in any order.

A unit is the spacing of the result's type; float16 and bfloat16 are computed in float by some and in the type by others,
so they have 4 units of the largest number in a sum. Denormals may be flushed to zero.
"""

import ml_dtypes
import numpy as np

import values
from case import EXACT, FUNCTION, ROUNDED, SUM

MIXED = ("float", "float16", "bfloat16")  # an input of such a type beside a double one: what is computed in double is open
UNITS = {ROUNDED: 2, FUNCTION: 16, SUM: 64}


def magnitude(arrays):
    most = 1.0
    for a in arrays:
        if isinstance(a, np.ndarray) and a.size and values.kind(values.name_of(a)) in ("float", "integer"):
            with np.errstate(all="ignore"):
                v = np.abs(a.astype(np.float64))
                most = max(most, float(v[np.isfinite(v)].max(initial=0)))
    return most


def near(found, expected, case):
    """By element, of arrays of one type and shape."""
    name = values.name_of(found)
    kind = values.kind(name)
    if kind in ("string", "bool"):
        return found == expected
    if kind == "integer":
        if case.apart == 0:
            return found == expected
        return np.abs(found.astype(object) - expected.astype(object)) <= case.apart
    with np.errstate(all="ignore"):
        a, b = (x.astype(np.complex128 if kind == "complex" else np.float64) for x in (found, expected))
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        if case.close == EXACT:
            return same
        units, eps, tiny = case.units or UNITS[case.close], 2.0**-23, 2.0**-126
        if kind == "float":
            info = ml_dtypes.finfo(values.dtype(name))
            eps, tiny = float(info.eps), float(info.tiny)
        elif name == "complex128":
            eps, tiny = 2.0**-52, 2.0**-1022
        for wider in [case.unit, *(values.name_of(x) for x in case.inputs if isinstance(x, np.ndarray))] if kind == "float" else []:
            if wider and values.kind(wider) == "float":
                eps = max(eps, float(ml_dtypes.finfo(values.dtype(wider)).eps) if wider in MIXED else 0)
        if eps > 1e-6:
            units = min(units, 4) if case.units is None else 4
        slack = units * eps * np.abs(b) + tiny
        if case.close == FUNCTION:
            slack = np.maximum(slack, 16 * min(eps, 2.0**-23))
        if case.close == SUM:
            scale = max(magnitude(case.inputs), magnitude([expected]))
            slack = np.maximum(slack, units * eps * scale)
        return same | (np.isfinite(b) & (np.abs(a - b) <= slack))


def shape_text(x):
    if isinstance(x, (list, tuple)):
        return f"list of {len(x)}"
    if x is None or isinstance(x, dict):
        return type(x).__name__
    return f"{values.name_of(x)}{list(x.shape)}"


def normal(x):
    return [normal(v) for v in x] if isinstance(x, (list, tuple)) else x if x is None or isinstance(x, dict) else np.asarray(x)


def unlike(found, answers, case, free=None):
    """None, or how `found` differs from all of `answers` (label: value)."""
    found, answers = normal(found), {k: normal(v) for k, v in answers.items()}
    if isinstance(found, list):
        alike = {k: v for k, v in answers.items() if isinstance(v, list) and len(v) == len(found)}
        if not alike:
            return f"{shape_text(found)}, expected {next(shape_text(v) for v in answers.values())}"
        return next((t for i, f in enumerate(found) if (t := unlike(f, {k: v[i] for k, v in alike.items()}, case))), None)
    if found is None or isinstance(found, dict):
        return None if any(maps_alike(found, v) for v in answers.values()) else f"{found}, expected {list(answers.values())}"
    alike = {k: v for k, v in answers.items() if isinstance(v, np.ndarray) and shape_text(v) == shape_text(found)}
    if not alike:
        return f"{shape_text(found)}, expected " + ", ".join(f"{shape_text(v)} ({k})" for k, v in answers.items())
    good = np.zeros(found.shape, bool)
    for expected in alike.values():
        good |= np.asarray(near(found, expected, case), bool)
    if free is not None:
        good |= np.broadcast_to(free, good.shape)
    if good.all():
        return None
    at = tuple(int(i) for i in np.argwhere(~good)[0])
    said = ", ".join(f"{v[at]!r} ({k})" for k, v in alike.items())
    return f"{int((~good).sum())} of {good.size} differ, at {list(at)}: {found[at]!r}, expected {said}"


def maps_alike(a, b):
    if not isinstance(a, dict) or not isinstance(b, dict) or a.keys() != b.keys():
        return a is None and b is None
    return all(abs(a[k] - b[k]) <= 1e-6 * max(1, abs(b[k])) if isinstance(b[k], float) else a[k] == b[k] for k in a)
