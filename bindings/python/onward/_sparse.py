"""SparseTensor: a tensor that is zero but for the values it lists."""

from __future__ import annotations

import numpy as np

from . import _arrays, _types
from ._device import OrtDevice
from ._engine import Value
from ._enums import OrtSparseFormat


class SparseCooView:
    """Where the values are, as row-major positions or coordinates: `sparse.as_coo_view().indices()`."""

    def __init__(self, tensor: SparseTensor) -> None:
        self._tensor = tensor

    def indices(self) -> np.ndarray:
        """int64, as given: [n] row-major positions or [n, rank] coordinates. `view.indices()`."""
        return self._tensor._indices[0]


class SparseCsrView:
    """Where the values are, as compressed rows: `sparse.as_csrc_view().inner()`."""

    def __init__(self, tensor: SparseTensor) -> None:
        self._tensor = tensor

    def inner(self) -> np.ndarray:
        """int64 [n], the column of each value: `view.inner()`."""
        return self._tensor._indices[0]

    def outer(self) -> np.ndarray:
        """int64 [rows + 1], where each row begins: `view.outer()`."""
        return self._tensor._indices[1]


class SparseTensor:
    """Values and where they are.

    >>> cpu = onward.OrtDevice.make("cpu", 0)
    >>> x = onward.SparseTensor.sparse_coo_from_numpy(
    ...     numpy.array([3, 3]), numpy.array([1.0, 2.0]), numpy.array([1, 5]), cpu)
    >>> x.data_type()
    'sparse_tensor(double)'
    """

    def __init__(self, sparse_tensor: SparseTensor) -> None:
        self._set(sparse_tensor._shape, sparse_tensor._values, sparse_tensor._indices, sparse_tensor._format)

    def _set(
        self, shape: np.ndarray, values: np.ndarray, indices: tuple[np.ndarray, ...], form: OrtSparseFormat
    ) -> None:
        self._shape, self._values, self._indices, self._format = shape, values, indices, form

    @classmethod
    def _make(
        cls, shape: object, values: np.ndarray, indices: tuple[np.ndarray, ...], form: OrtSparseFormat
    ) -> SparseTensor:
        made = cls.__new__(cls)
        made._set(np.asarray(shape, np.int64).reshape(-1), np.ascontiguousarray(values), indices, form)
        return made

    @classmethod
    def sparse_coo_from_numpy(
        cls, dense_shape: np.ndarray, values: np.ndarray, coo_indices: np.ndarray, ort_device: OrtDevice
    ) -> SparseTensor:
        """Values [n] at row-major positions [n] or coordinates [n, rank]; see the example of the class."""
        indices = np.ascontiguousarray(coo_indices, np.int64)
        rank = np.asarray(dense_shape).size
        if indices.shape not in ((values.size,), (values.size, rank), (values.size * rank,)):
            raise ValueError(f"indices of shape {indices.shape} do not fit {values.size} values of rank {rank}")
        if indices.size == values.size * rank and indices.size != values.size:
            indices = indices.reshape(values.size, rank)
        return cls._make(dense_shape, values, (indices,), OrtSparseFormat.ORT_SPARSE_COO)

    @classmethod
    def sparse_csr_from_numpy(
        cls,
        dense_shape: np.ndarray,
        values: np.ndarray,
        inner_indices: np.ndarray,
        outer_indices: np.ndarray,
        ort_device: OrtDevice,
    ) -> SparseTensor:
        """A matrix by rows: values [n], their columns [n], where rows begin [rows + 1]:
        `sparse_csr_from_numpy(...)`."""
        shape = np.asarray(dense_shape, np.int64).reshape(-1)
        inner, outer = np.ascontiguousarray(inner_indices, np.int64), np.ascontiguousarray(outer_indices, np.int64)
        if shape.size != 2 or inner.size != values.size or outer.size not in (0, int(shape[0]) + 1):
            raise ValueError(f"{inner.size} columns and {outer.size} row starts do not fit shape {shape.tolist()}")
        return cls._make(shape, values, (inner, outer), OrtSparseFormat.ORT_SPARSE_CSRC)

    @classmethod
    def _from_value(cls, value: Value) -> SparseTensor:
        values, indices, shape = value.sparse_parts()
        parts = _arrays.to_numpy(values), (_arrays.to_numpy(indices),)
        return cls._make(shape, *parts, OrtSparseFormat.ORT_SPARSE_COO)

    def _to_value(self) -> Value:
        indices = self._indices[0]
        if self._format == OrtSparseFormat.ORT_SPARSE_CSRC:
            rows = np.repeat(np.arange(len(self._indices[1]) - 1), np.diff(self._indices[1]))
            indices = rows * self._shape[1] + indices
        made = _arrays.from_numpy(self._values), _arrays.from_numpy(np.ascontiguousarray(indices, np.int64))
        return Value.sparse(*made, self._shape.tolist())

    def values(self) -> np.ndarray:
        """The values [n]: `sparse.values()`."""
        return self._values

    def dense_shape(self) -> np.ndarray:
        """The sizes of the whole, zeros included: `sparse.dense_shape()`."""
        return self._shape

    def format(self) -> OrtSparseFormat:
        """How the places are given: `sparse.format()`."""
        return self._format

    def data_type(self) -> str:
        """The type as text: "sparse_tensor(float)"."""
        return f"sparse_tensor({_types.name_of(_types.element_type(self._values.dtype))})"

    def device_name(self) -> str:
        """Where the memory is: "cpu"."""
        return "cpu"

    def as_coo_view(self) -> SparseCooView:
        """The places of a tensor in coordinate form: `sparse.as_coo_view().indices()`."""
        self._require(OrtSparseFormat.ORT_SPARSE_COO)
        return SparseCooView(self)

    def as_csrc_view(self) -> SparseCsrView:
        """The places of a tensor in row form: `sparse.as_csrc_view().outer()`."""
        self._require(OrtSparseFormat.ORT_SPARSE_CSRC)
        return SparseCsrView(self)

    def as_blocksparse_view(self) -> None:
        """Fails: ONNX has no block-sparse tensors, so none can be made: `sparse.as_blocksparse_view()`."""
        self._require(OrtSparseFormat.ORT_SPARSE_BLOCK_SPARSE)

    def to_cuda(self, ort_device: OrtDevice) -> SparseTensor:
        """Fails in this build, which has no memory on GPUs: `sparse.to_cuda(device)`."""
        raise RuntimeError("this build of onward has no memory on GPUs")

    def _require(self, form: OrtSparseFormat) -> None:
        if self._format != form:
            raise RuntimeError(f"the sparse tensor is in {self._format.name}, not in {form.name}")

    def _get_c_tensor(self) -> SparseTensor:
        return self
