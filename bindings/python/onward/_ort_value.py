"""OrtValue: a value that stays the engine's between runs, and shares memory with numpy and DLPack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _arrays, _types
from ._device import OrtMemoryInfo, require_cpu
from ._engine import Value
from ._enums import OrtDeviceVendorId

if TYPE_CHECKING:
    from ._sparse import SparseTensor


class OrtValue:
    """A tensor, sequence, map, sparse tensor or nothing.

    >>> x = onward.OrtValue.ortvalue_from_numpy(numpy.zeros((2, 3), numpy.float32))
    >>> x.shape(), x.data_type()
    ([2, 3], 'tensor(float)')
    """

    __slots__ = ("_value", "_keep")

    def __init__(self, ortvalue: Value | OrtValue, numpy_obj: Any = None, session: object = None) -> None:
        self._value: Value = ortvalue if isinstance(ortvalue, Value) else ortvalue._value
        self._keep: Any = numpy_obj  # what the memory is of

    @classmethod
    def ortvalue_from_numpy(
        cls,
        numpy_obj: np.ndarray,
        /,
        device_type: str = "cpu",
        device_id: int = 0,
        vendor_id: int | OrtDeviceVendorId = -1,
    ) -> OrtValue:
        """On the array's own memory where it is C-contiguous, else on a copy: `ortvalue_from_numpy(array)`."""
        require_cpu(device_type)
        array = np.asarray(numpy_obj)
        return cls(_arrays.from_numpy(array, writable=_can_lend(array)), array)

    @classmethod
    def ortvalue_from_numpy_with_onnx_type(cls, data: np.ndarray, /, onnx_element_type: int) -> OrtValue:
        """The array's bits as another type:
        `ortvalue_from_numpy_with_onnx_type(uint16_array, TensorProto.BFLOAT16)`."""
        number = _types.element_type(onnx_element_type)
        if _types.numpy_type(number).itemsize != data.dtype.itemsize:
            raise ValueError(f"elements of {data.dtype} have not the size of ONNX's {_types.name_of(number)}")
        return cls(_arrays.from_numpy(data, number, _can_lend(data)), data)

    @classmethod
    def ortvalue_from_shape_and_type(
        cls,
        shape: Sequence[int],
        element_type: Any,
        device_type: str = "cpu",
        device_id: int = 0,
        vendor_id: int | OrtDeviceVendorId = -1,
        memory_info: OrtMemoryInfo | None = None,
    ) -> OrtValue:
        """Memory to write a result to; its contents are undefined:
        `ortvalue_from_shape_and_type([2, 3], numpy.float32)`."""
        require_cpu(device_type)
        return cls(Value.create(_types.element_type(element_type), [int(n) for n in shape]))

    @classmethod
    def ort_value_from_sparse_tensor(cls, sparse_tensor: SparseTensor) -> OrtValue:
        """A SparseTensor to feed: `OrtValue.ort_value_from_sparse_tensor(sparse)`."""
        return cls(sparse_tensor._to_value(), sparse_tensor)

    @classmethod
    def from_dlpack(cls, data: Any, /) -> OrtValue:
        """On the memory of any object with __dlpack__ on the CPU: `OrtValue.from_dlpack(torch_tensor)`."""
        if isinstance(data, OrtValue):
            return cls(data._value, data._keep)
        dtype = getattr(data, "dtype", None)
        is_bool = getattr(dtype, "name", str(dtype)) in ("bool", "bool_", "torch.bool")
        if isinstance(data, np.ndarray):  # numpy lends no read-only arrays, and no types of ml_dtypes
            return cls.ortvalue_from_numpy(data)
        capsule = data.__dlpack__() if hasattr(data, "__dlpack__") else data
        value = Value.from_dlpack(capsule, is_bool)
        if value is None:
            raise ValueError("the tensor is not contiguous memory of the CPU; make it so first")
        return cls(value, data)

    def as_sparse_tensor(self) -> SparseTensor:
        """What a sparse value holds: `value.as_sparse_tensor().values()`."""
        from ._sparse import SparseTensor

        if self._value.kind != _arrays.SPARSE:
            raise ValueError(f"the value is {self.data_type()}, not a sparse tensor")
        if isinstance(self._keep, SparseTensor):  # as it was given, by rows if it was
            return SparseTensor(self._keep)
        return SparseTensor._from_value(self._value)

    def data_ptr(self) -> int:
        """The address of the first element: `value.data_ptr()`."""
        self._tensor()
        return self._value.address

    def device_name(self) -> str:
        """Where the memory is: "cpu"."""
        return "cpu"

    def shape(self) -> list[int]:
        """The sizes of a tensor or sparse tensor: `value.shape()` is [2, 3]."""
        if self.is_sparse_tensor():
            return list(self._value.sparse_parts()[2])
        return list(self._tensor().shape)

    def data_type(self) -> str:
        """The type as text: "tensor(int64)", "seq(tensor(float))"."""
        return type_of(self._value)

    def element_type(self) -> int:
        """ONNX's number of the element type: `value.element_type() == TensorProto.FLOAT`."""
        if self.is_sparse_tensor():
            return self._value.sparse_parts()[0].dtype
        return self._tensor().dtype

    def tensor_size_in_bytes(self) -> int:
        """Bytes of all elements: `value.tensor_size_in_bytes()`."""
        return self._tensor().nbytes

    def has_value(self) -> bool:
        """False for an empty optional: `value.has_value()`."""
        return self._value.kind != _arrays.NOTHING

    def is_tensor(self) -> bool:
        """Whether it is a tensor: `value.is_tensor()`."""
        return self._value.kind == _arrays.TENSOR

    def is_sparse_tensor(self) -> bool:
        """Whether it is a sparse tensor: `value.is_sparse_tensor()`."""
        return self._value.kind == _arrays.SPARSE

    def is_tensor_sequence(self) -> bool:
        """Whether it is a sequence of tensors: `value.is_tensor_sequence()`."""
        v = self._value
        return v.kind == _arrays.SEQUENCE and all(v.at(i).kind == _arrays.TENSOR for i in range(len(v)))

    def numpy(self) -> np.ndarray:
        """An array on the same memory (a copy for strings and 2- and 4-bit types): `value.numpy().sum()`."""
        return _arrays.to_numpy(self._tensor())

    def to_python(self) -> Any:
        """An array, list, dict or None, whatever the value is: `value.to_python()`."""
        return _arrays.to_python(self._value)

    def update_inplace(self, data: np.ndarray) -> None:
        """Overwrites the elements, as between runs with the same binding: `value.update_inplace(next_frame)`."""
        array = np.asarray(data)
        mine = self._tensor()
        if mine.dtype == _types.STRING or mine.dtype in _types.PACKED_BITS:
            raise RuntimeError(f"a {self.data_type()} cannot be updated in place")
        if array.nbytes != mine.nbytes:
            raise RuntimeError(f"the array has {array.nbytes} bytes, the value {mine.nbytes}")
        np.asarray(mine).reshape(-1).view(np.uint8)[:] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        if copy:
            return np.array(array, dtype=dtype)
        if dtype is None or array.dtype == np.dtype(dtype):
            return array
        if copy is False:
            raise ValueError(f"an array of {array.dtype} cannot become one of {np.dtype(dtype)} without a copy")
        return array.astype(dtype)

    def __dlpack__(self, *, stream: Any = None, **options: Any) -> Any:
        return self._tensor().dlpack()

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def __repr__(self) -> str:
        shape = f", {self.shape()}" if self.is_tensor() else ""
        return f"OrtValue({self.data_type()}{shape})"

    def _get_c_value(self) -> OrtValue:
        return self

    def _tensor(self) -> Value:
        if self._value.kind != _arrays.TENSOR:
            raise RuntimeError(f"the value is {self.data_type()}, not a tensor")
        return self._value


def _can_lend(array: np.ndarray) -> bool:
    """Whether writes through the value may reach the array's memory."""
    return array.flags.carray and array.dtype.isnative


def type_of(value: Value) -> str:
    """The type of a value as text; of an empty sequence the element type is not known."""
    kind = value.kind
    if kind == _arrays.TENSOR:
        return f"tensor({_types.name_of(value.dtype)})"
    if kind == _arrays.SEQUENCE:
        return f"seq({type_of(value.at(0)) if len(value) else '?'})"
    if kind == _arrays.MAP:
        items = value.map_items()
        key = "string" if items and isinstance(items[0][0], str) else "int64"
        return f"map({key},{type_of(items[0][1]) if items else '?'})"
    if kind == _arrays.SPARSE:
        return f"sparse_tensor({_types.name_of(value.sparse_parts()[0].dtype)})"
    return "optional(?)"


class OrtValueVector(list[OrtValue]):
    """A list of OrtValue, as run_with_ortvaluevector takes it: `vector.push_back(value)`."""

    def push_back(self, value: OrtValue) -> None:
        """Adds a value: `vector.push_back(value)`."""
        self.append(value)

    def push_back_batch(self, values: Sequence[OrtValue]) -> None:
        """Adds several: `vector.push_back_batch([a, b])`."""
        self.extend(values)

    def element_type_at(self, index: int) -> int:
        """ONNX's number of an element's type: `vector.element_type_at(0)`."""
        return self[index].element_type()

    def dlpack_at(self, index: int) -> Any:
        """A DLPack capsule of an element: `vector.dlpack_at(0)`."""
        return self[index].__dlpack__()

    def to_dlpacks(self, to_tensor: Any = None) -> list[Any]:
        """DLPack capsules of all, or what `to_tensor` makes of each: `vector.to_dlpacks(torch.from_dlpack)`."""
        capsules = [value.__dlpack__() for value in self]
        return [to_tensor(c) for c in capsules] if to_tensor else capsules

    def bool_tensor_indices(self) -> list[int]:
        """Which elements are tensors of bool: `vector.bool_tensor_indices()`."""
        return [i for i, value in enumerate(self) if value.is_tensor() and value.element_type() == 9]

    def reserve(self, count: int) -> None:
        """Accepted; a list of Python's needs no reserve: `vector.reserve(10)`."""

    def shrink_to_fit(self) -> None:
        """Accepted; a list of Python's needs no shrinking: `vector.shrink_to_fit()`."""


def copy_tensors(src: Sequence[OrtValue], dst: Sequence[OrtValue], stream: object = None) -> None:
    """Copies tensors into others of the same size: `onward.copy_tensors([a], [b])`."""
    if len(src) != len(dst):
        raise ValueError(f"{len(src)} tensors cannot be copied to {len(dst)}")
    for source, target in zip(src, dst):
        target.update_inplace(source.numpy())
