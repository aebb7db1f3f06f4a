"""Element types: ONNX's number, the name in "tensor(float)", and numpy's type.

bfloat16, the 8-bit floats and the 2- and 4-bit types come from the package ml_dtypes where it is installed. Without it
their bits are shown as unsigned integers: uint16 for bfloat16, uint8 for the others.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

STRING = 8
BFLOAT16 = 16

# ONNX's number: (name in type strings, numpy's or ml_dtypes' name)
_ROWS: dict[int, tuple[str, str]] = {
    1: ("float", "float32"),
    2: ("uint8", "uint8"),
    3: ("int8", "int8"),
    4: ("uint16", "uint16"),
    5: ("int16", "int16"),
    6: ("int32", "int32"),
    7: ("int64", "int64"),
    8: ("string", "object"),
    9: ("bool", "bool"),
    10: ("float16", "float16"),
    11: ("double", "float64"),
    12: ("uint32", "uint32"),
    13: ("uint64", "uint64"),
    14: ("complex64", "complex64"),
    15: ("complex128", "complex128"),
    16: ("bfloat16", "bfloat16"),
    17: ("float8e4m3fn", "float8_e4m3fn"),
    18: ("float8e4m3fnuz", "float8_e4m3fnuz"),
    19: ("float8e5m2", "float8_e5m2"),
    20: ("float8e5m2fnuz", "float8_e5m2fnuz"),
    21: ("uint4", "uint4"),
    22: ("int4", "int4"),
    23: ("float4e2m1", "float4_e2m1fn"),
    24: ("float8e8m0", "float8_e8m0fnu"),
    25: ("uint2", "uint2"),
    26: ("int2", "int2"),
}
_FIRST_NARROW = 16  # numbers from here on are no types of numpy's own
_NUMBER_OF_NAME = {name: number for number, (name, _) in _ROWS.items()}
_NUMBER_OF_NUMPY = {numpy_name: number for number, (_, numpy_name) in _ROWS.items() if number != STRING}

# Bits of an element where several share a byte.
PACKED_BITS = {21: 4, 22: 4, 23: 4, 25: 2, 26: 2}


@functools.cache
def numpy_type(number: int) -> np.dtype:
    """numpy's type of an element type: `numpy_type(1)` is float32."""
    name = _ROWS[number][1]
    if number < _FIRST_NARROW:
        return np.dtype(name)
    try:
        import ml_dtypes
    except ImportError:
        return np.dtype(np.uint16 if number == BFLOAT16 else np.uint8)
    found: np.dtype = np.dtype(getattr(ml_dtypes, name))
    return found


@functools.lru_cache(maxsize=256)
def number_of(dtype: np.dtype) -> int | None:
    """ONNX's number of a type of numpy's, or None: `number_of(numpy.dtype("int64"))` is 7."""
    if dtype.kind in "UOST":
        return STRING
    return _NUMBER_OF_NUMPY.get(dtype.name)


def element_type(given: Any) -> int:
    """ONNX's number of what a user gave: a number, a type of numpy's or its name. `element_type(numpy.int8)` is 3."""
    if isinstance(given, int) and not isinstance(given, bool):
        if given not in _ROWS:
            raise ValueError(f"{given} is no element type of ONNX; expected 1 to {max(_ROWS)}")
        return given
    number = number_of(np.dtype(given))
    if number is None:
        raise ValueError(f"{given!r} has no element type in ONNX")
    return number


def is_known(number: int) -> bool:
    """Whether ONNX has an element type of that number: `is_known(1)`."""
    return number in _ROWS


def bytes_of(number: int, shape: Sequence[int]) -> int:
    """Bytes of a tensor of numbers: `bytes_of(22, (3,))` is 2, for three int4."""
    bits = PACKED_BITS.get(number) or 8 * numpy_type(number).itemsize
    return (math.prod(shape) * bits + 7) // 8


def name_of(number: int) -> str:
    """The name in type strings: `name_of(1)` is "float"."""
    return _ROWS[number][0] if number in _ROWS else "undefined"


def number_of_name(name: str) -> int:
    """The inverse of name_of: `number_of_name("double")` is 11."""
    return _NUMBER_OF_NAME[name]
