"""Element types by the names of ONNX's type strings, and values of one type as values of another.

A value is carried over so that it stays good for the operator: numbers keep their sign where the type has one, and stay
in its range; fractions become integers in tens, so that they do not all become zero.
"""

import ml_dtypes
import numpy as np
from onnx import TensorProto, helper


def number(name):
    """TensorProto's code: number("float16") is 10."""
    return getattr(TensorProto, name.upper())


def dtype(name):
    return np.dtype(object) if name == "string" else np.dtype(helper.tensor_dtype_to_np_dtype(number(name)))


def kind(name):
    if name in ("bool", "string"):
        return name
    if name.startswith("complex"):
        return "complex"
    return "integer" if "int" in name else "float"


def name_of(array):
    """The element type of an array; text is "string"."""
    if array.dtype.kind in "OUS":
        return "string"
    return TensorProto.DataType.Name(helper.np_dtype_to_tensor_dtype(array.dtype)).lower()


def limits(name):
    info = ml_dtypes.iinfo(dtype(name)) if kind(name) == "integer" else ml_dtypes.finfo(dtype(name))
    return float(info.min), float(info.max)


def spacing(name):
    """The distance from one to the next value of a floating type, at least."""
    return float(ml_dtypes.finfo(dtype(name)).eps)


def real(array):
    """As float64, whatever it is; text by its length and position where it is no number."""
    if array.dtype.kind not in "OUS":
        return (array.real if array.dtype.kind == "c" else array).astype(np.float64)
    numbers = []
    for i, text in enumerate(array.reshape(-1)):
        try:
            numbers.append(float(text))
        except ValueError:
            numbers.append(i % 5)
    return np.array(numbers, np.float64).reshape(array.shape)


def convert(array, name):
    """`array` in the type `name`."""
    source, target = name_of(array), kind(name)
    if source == name:
        return array
    v = real(array)
    if target == "bool":
        return v > 0 if source != "bool" else array
    if target == "string":
        whole = kind(source) != "float"
        flat = [str(int(x)) if whole else f"{x:.3g}" for x in v.reshape(-1)]
        out = np.empty(v.size, object)
        out[:] = flat
        return out.reshape(v.shape)
    if target == "complex":
        return (v + 0.5j * v).astype(dtype(name))
    low, high = limits(name)
    if target == "integer":
        if kind(source) == "float" and v.size and np.abs(v[np.isfinite(v)]).max(initial=0) < 4 and (v != v.round()).any():
            v = v * 10
        v = np.nan_to_num(v, nan=1, posinf=7, neginf=-7).round()
        if low == 0:
            v = np.abs(v)
        most = min(high, 30000)
        v = np.where(np.abs(v) <= most, v, np.fmod(v, most))  # and not clipped, which would make many alike
        return np.maximum(v, low).astype(np.int64).astype(dtype(name))
    if low >= 0:  # float8e8m0: powers of two
        v = np.maximum(np.abs(v), 0.25)
    finite = np.clip(v, low, high)
    special = name != "float4e2m1"  # the only one without NaN
    return np.where(np.isfinite(v) | (not special), np.nan_to_num(finite, nan=1), v).astype(dtype(name))


def sample(name, *shape):
    """Some values of the type, none of them zero."""
    n = int(np.prod(shape, dtype=int))
    if kind(name) == "string":
        return convert((np.arange(n) % 5 + 1).reshape(shape), name)
    if kind(name) == "bool":
        return (np.arange(n) % 3 != 0).reshape(shape)
    return convert((np.arange(n) % (1 if name == "int2" else 3 if name == "uint2" else 5) + 1).reshape(shape), name)


def difference(found, expected, tolerance=0):
    """None, or how `found` differs from what is expected: arrays, lists, maps, None. Integers may be `tolerance` apart,
    floats one spacing of their type."""
    if isinstance(expected, (list, tuple)):
        if not isinstance(found, (list, tuple)) or len(found) != len(expected):
            return f"{found!r}, expected {expected!r}"
        return next((d for f, e in zip(found, expected) if (d := difference(f, e, tolerance))), None)
    if isinstance(expected, dict) or expected is None:
        return None if found == expected else f"{found!r}, expected {expected!r}"
    expected, found = np.asarray(expected), np.asarray(found)
    if found.shape != expected.shape or name_of(found) != name_of(expected):
        return f"{name_of(found)}{list(found.shape)}, expected {name_of(expected)}{list(expected.shape)}"
    name = name_of(expected)
    if name == "string":
        return None if found.tolist() == expected.tolist() else f"{found.tolist()}, expected {expected.tolist()}"
    if kind(name) in ("integer", "bool"):
        a, b = found.astype(np.int64), expected.astype(np.int64)
        same = bool((abs(a - b) <= tolerance).all())
    else:
        a, b = (x.astype(np.complex128 if kind(name) == "complex" else np.float64) for x in (found, expected))
        eps = spacing(name) if kind(name) == "float" and spacing(name) > 1e-6 else 2e-6
        finite = np.isfinite(b)
        scale = np.abs(b[finite]).max(initial=0)
        with np.errstate(invalid="ignore"):
            near = finite & (np.abs(a - b) <= eps * np.abs(b) + 2e-6 * scale)
        same = bool((near | (a == b) | (np.isnan(a) & np.isnan(b))).all())
    return None if same else f"{found.reshape(-1)[:6]}, expected {expected.reshape(-1)[:6]}"
