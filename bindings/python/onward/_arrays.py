"""Values of the engine out of what users feed, and what users get out of values.

In: a C-contiguous array is borrowed for as long as the engine needs it; lists, other layouts and byte orders are copied
into one first. Out: an array on the engine's own memory, which it keeps alive (`array.base` is the Value). The 2- and
4-bit types are packed in the engine and one byte an element in ml_dtypes, so they are copied both ways.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _types
from ._engine import Value
from ._errors import InvalidArgument, RuntimeException, make

NOTHING, TENSOR, SEQUENCE, MAP, SPARSE = range(5)


def pack(array: np.ndarray, bits: int) -> np.ndarray:
    """Elements of `bits` bits, first element in the low bits: `pack(numpy.array([1, 2], "uint8"), 4)` is [0x21]."""
    per_byte = 8 // bits
    flat = array.reshape(-1).view(np.uint8) & ((1 << bits) - 1)
    flat = np.concatenate([flat, np.zeros(-len(flat) % per_byte, np.uint8)]).reshape(-1, per_byte)
    fields = flat << (np.arange(per_byte, dtype=np.uint8) * bits)
    packed: np.ndarray = np.bitwise_or.reduce(fields, axis=1, dtype=np.uint8)
    return packed


def unpack(packed: np.ndarray, number: int, shape: tuple[int, ...]) -> np.ndarray:
    """The inverse of pack: one byte an element, as ml_dtypes has them; `unpack(packed, 22, (2,))` for int4."""
    bits = _types.PACKED_BITS[number]
    per_byte = 8 // bits
    fields = (packed[:, None] >> (np.arange(per_byte, dtype=np.uint8) * bits)) & ((1 << bits) - 1)
    flat = fields.reshape(-1)[: int(np.prod(shape, dtype=np.int64))].astype(np.uint8)
    return flat.view(_types.numpy_type(number)).reshape(shape)


def _texts(array: np.ndarray) -> list[str | bytes]:
    if array.dtype.kind == "S":
        return [bytes(x) for x in array.reshape(-1)]
    return [x if isinstance(x, (str, bytes)) else str(x) for x in array.reshape(-1).tolist()]


def from_numpy(array: np.ndarray, number: int | None = None, writable: bool = False) -> Value:
    """A tensor on the memory of `array`; of the element type `number` where its bits mean another than numpy's says."""
    number = _types.number_of(array.dtype) if number is None else number
    if number is None:
        raise make(InvalidArgument, f"an array of {array.dtype} has no element type in ONNX")
    if number == _types.STRING:
        return Value.strings(array.shape, _texts(array))
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if number in _types.PACKED_BITS:
        return Value.wrap(number, array.shape, pack(np.ascontiguousarray(array), _types.PACKED_BITS[number]))
    flags = array.flags
    if not (flags.c_contiguous and flags.aligned):
        array = np.array(array, order="C")  # ascontiguousarray would make a scalar 1-d
    shape = array.shape
    if number >= _types.BFLOAT16:  # no buffer protocol for what numpy does not know
        array = array.reshape(-1).view(np.uint8)
    return Value.wrap(number, shape, array, writable)


def to_numpy(value: Value) -> np.ndarray:
    """A tensor as an array on the same memory; strings and the packed types are copied."""
    number = value.dtype
    if number == _types.STRING:
        flat = np.empty(int(np.prod(value.shape, dtype=np.int64)), dtype=object)
        flat[:] = value.read_strings()
        return flat.reshape(value.shape)
    array = np.asarray(value)
    if number < _types.BFLOAT16:
        return array
    if number in _types.PACKED_BITS:
        return unpack(array, number, value.shape)
    return array.view(_types.numpy_type(number))


def to_python(value: Value) -> Any:
    """An array, list, dict, SparseTensor or None."""
    kind = value.kind
    if kind == TENSOR:
        return to_numpy(value)
    if kind == SEQUENCE:
        return [to_python(value.at(i)) for i in range(len(value))]
    if kind == MAP:
        return {key: _map_item(item) for key, item in value.map_items()}
    if kind == SPARSE:
        from ._sparse import SparseTensor

        return SparseTensor._from_value(value)
    return None


def _map_item(item: Value) -> Any:
    """What a map holds for a key: a number or text where it is a tensor of one element, else as to_python."""
    found = to_python(item)
    return found.reshape(-1)[0].item() if isinstance(found, np.ndarray) and found.size == 1 else found


def _array_from(given: Any, number: int | None, name: str) -> np.ndarray:
    """An array of the declared type out of nested lists or a number."""
    try:
        return np.array(given, dtype=_types.numpy_type(number) if number else None)
    except (ValueError, TypeError, OverflowError) as error:
        raise make(RuntimeException, f"no tensor can be made of what is given for input '{name}': {error}") from error


def from_python(given: Any, type_text: str, name: str) -> Value:
    """What a user feeds for an input of type `type_text` ("seq(tensor(float))"), as a value."""
    if isinstance(given, np.ndarray) and not type_text.startswith("seq"):
        return from_numpy(given)
    value = getattr(given, "_value", None)  # an OrtValue
    if isinstance(value, Value):
        return value
    if given is None:
        return Value()
    if hasattr(given, "_to_value"):  # a SparseTensor
        made: Value = given._to_value()
        return made
    kind, _, rest = type_text.partition("(")
    inner = rest[:-1]
    if kind == "optional":
        return from_python(given, inner, name)
    if kind == "seq":
        return _sequence(given, inner, name)
    if kind == "map":
        return _map(given, inner, name)
    if kind == "tensor":
        return _tensor(given, inner, name)
    raise make(InvalidArgument, f"input '{name}' is {type(given).__name__}, expected {type_text}")


def _tensor(given: Any, element: str, name: str) -> Value:
    if isinstance(given, (list, tuple, np.generic, int, float, bool, complex)):
        number = _types.number_of(given.dtype) if isinstance(given, np.generic) else _types.number_of_name(element)
        return from_numpy(_array_from(given, number, name), number)
    if isinstance(given, (str, bytes)) and element == "string":
        return from_numpy(np.array(given, dtype=object))
    if hasattr(given, "__array__"):
        return from_numpy(np.asarray(given))
    raise make(RuntimeException, f"input '{name}' is {type(given).__name__}, expected an array of {element}")


def _sequence(given: Any, inner: str, name: str) -> Value:
    if isinstance(given, (str, bytes, dict)) or not hasattr(given, "__iter__"):
        raise make(RuntimeException, f"input '{name}' is {type(given).__name__}, expected a list")
    return Value.sequence([from_python(item, inner, name) for item in given])


def _map(given: Any, inner: str, name: str) -> Value:
    if not isinstance(given, dict):
        raise make(RuntimeException, f"input '{name}' is {type(given).__name__}, expected a dict")
    key, _, item = inner.partition(",")
    items = [from_python(v, item, name) for v in given.values()]
    return Value.map(_types.number_of_name(key), list(given), items)
