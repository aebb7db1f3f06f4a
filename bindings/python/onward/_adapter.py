"""Adapters: values for optional inputs of a model, as a LoRA training leaves them, in ONNX Runtime's file format.

The file is a FlatBuffer with the identifier "TORT" at byte 4 (all numbers little-endian, offsets relative to where they
stand):

    Adapter    format_version: int32, adapter_version: int32, model_version: int32, parameters: [Parameter]
    Parameter  name: string, dims: [int64], data_type: int32 (ONNX's number), raw_data: [uint8], at a multiple of 8

A table begins with the distance back to its vtable, which holds (bytes of itself, bytes of the table, and for each field
its place in the table, 0 if absent), each in 16 bits. A vector begins with its count. Every offset that is read is held
against the size of the file first.
"""

from __future__ import annotations

import os
import struct
from typing import Any

import numpy as np

from . import _types
from ._engine import Value
from ._errors import RuntimeException, make
from ._ort_value import OrtValue

FORMAT_VERSION = 1
_IDENTIFIER = b"TORT"
_SIZES = {"<I": 4, "<i": 4, "<H": 2, "<q": 8}


class _Reader:
    """Numbers, tables and vectors at places of a file, each inside it."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data, self._name = data, name

    def fail(self, what: str) -> Exception:
        return make(RuntimeException, f"{self._name}: {what}; the file is no adapter, or a damaged one")

    def number(self, form: str, at: int) -> int:
        if at < 0 or at + _SIZES[form] > len(self.data):
            raise self.fail(f"points to byte {at} of {len(self.data)}")
        return int(struct.unpack_from(form, self.data, at)[0])

    def target(self, at: int) -> int:
        return at + self.number("<I", at)

    def field(self, table: int, index: int) -> int | None:
        """Where field `index` of the table is; None if it is absent."""
        vtable = table - self.number("<i", table)
        place = 4 + 2 * index
        if place + 2 > self.number("<H", vtable):
            return None
        offset = self.number("<H", vtable + place)
        return table + offset if offset else None

    def integer(self, table: int, index: int) -> int:
        at = self.field(table, index)
        return 0 if at is None else self.number("<i", at)

    def vector(self, table: int, index: int, item_bytes: int) -> tuple[int, int]:
        """Where the first item of a vector is, and how many there are; (0, 0) if it is absent."""
        at = self.field(table, index)
        if at is None:
            return 0, 0
        start = self.target(at)
        count = self.number("<I", start)
        if count * item_bytes > len(self.data) - start - 4:
            raise self.fail(f"has a list of {count} items at byte {start}, beyond its end")
        return start + 4, count


def _read_parameter(reader: _Reader, table: int) -> tuple[str, Value]:
    at, count = reader.vector(table, 0, 1)
    name = reader.data[at : at + count].decode("utf-8", "surrogateescape")
    at, rank = reader.vector(table, 1, 8)
    dims = [reader.number("<q", at + 8 * i) for i in range(rank)]
    number = reader.integer(table, 2)
    at, size = reader.vector(table, 3, 1)
    if number == _types.STRING or not _types.is_known(number):
        raise reader.fail(f"parameter '{name}' has element type {number}")
    largest = _types.bytes_of(number, [max(1, d) for d in dims])  # where a size is 0, others could be anything
    if any(d < 0 for d in dims) or largest >= 1 << 63 or size != _types.bytes_of(number, dims):
        raise reader.fail(f"parameter '{name}' of {_types.name_of(number)}{dims} has {size} bytes")
    # An array of its own where the file's place for it is not one for such elements.
    data: Any = np.frombuffer(reader.data, np.uint8, size, at)
    if data.ctypes.data % _types.numpy_type(number).itemsize:
        data = data.copy()
    return name, Value.wrap(number, dims, data)


class _Content:
    """What an adapter file says."""

    def __init__(self) -> None:
        self.format_version, self.adapter_version, self.model_version = FORMAT_VERSION, 0, 0
        self.parameters: dict[str, Value] = {}


def read(file_path: str | os.PathLike[str]) -> _Content:
    """The content of a file: `read("style.onnx_adapter").parameters`."""
    path = os.fspath(file_path)
    try:
        with open(path, "rb") as file:
            reader = _Reader(file.read(), path)
    except OSError as error:
        raise make(RuntimeException, f"adapter '{path}' cannot be read: {error.strerror}") from None
    if reader.data[4:8] != _IDENTIFIER:
        raise reader.fail(f"begins with {reader.data[:8]!r}, expected {_IDENTIFIER!r} at byte 4")
    root, content = reader.target(0), _Content()
    content.format_version = reader.integer(root, 0)
    content.adapter_version, content.model_version = reader.integer(root, 1), reader.integer(root, 2)
    if content.format_version != FORMAT_VERSION:
        raise reader.fail(f"is of format version {content.format_version}, expected {FORMAT_VERSION}")
    at, count = reader.vector(root, 3, 4)
    for i in range(count):
        name, value = _read_parameter(reader, reader.target(at + 4 * i))
        if name in content.parameters:
            raise reader.fail(f"has parameter '{name}' twice")
        content.parameters[name] = value
    return content


def _pad(out: bytearray, multiple: int, after: int = 0) -> None:
    """Zeros until what comes `after` bytes later is at a multiple."""
    out.extend(bytes(-(len(out) + after) % multiple))


def _point(out: bytearray, at: int) -> None:
    """Makes the offset at `at` point to the end."""
    struct.pack_into("<I", out, at, len(out) - at)


def _write_vector(out: bytearray, at: int, count: int, data: bytes, multiple: int = 4) -> None:
    _pad(out, multiple, 4)
    _point(out, at)
    out += struct.pack("<I", count) + data


def _serialize(content: _Content) -> bytes:
    out = bytearray(struct.pack("<I4s", 0, _IDENTIFIER))
    out += struct.pack("<6H", 12, 20, 4, 8, 12, 16)
    _point(out, 0)
    root = len(out)
    out += struct.pack("<iiiiI", 12, content.format_version, content.adapter_version, content.model_version, 0)
    _write_vector(out, root + 16, len(content.parameters), bytes(4 * len(content.parameters)))
    first = len(out) - 4 * len(content.parameters)
    vtable = len(out)
    out += struct.pack("<6H", 12, 20, 4, 8, 12, 16)
    for i, (name, value) in enumerate(content.parameters.items()):
        _pad(out, 4)
        table = len(out)
        _point(out, first + 4 * i)
        out += struct.pack("<iIIiI", table - vtable, 0, 0, value.dtype, 0)
        text = name.encode("utf-8", "surrogateescape")
        _write_vector(out, table + 4, len(text), text + b"\0")
        _write_vector(out, table + 8, len(value.shape), struct.pack(f"<{len(value.shape)}q", *value.shape), 8)
        data = np.asarray(value).tobytes()
        _write_vector(out, table + 16, len(data), data, 8)
    _pad(out, 8)
    return bytes(out)


class LoraAdapter:
    """An adapter for runs: values for inputs of the model that have a default.

    >>> adapter = onward.LoraAdapter()
    >>> adapter.Load("style.onnx_adapter")
    >>> options = onward.RunOptions()
    >>> options.add_active_adapter(adapter)
    >>> session.run(None, {"x": x}, options)
    """

    def __init__(self) -> None:
        self._parameters: dict[str, Value] = {}

    def Load(self, file_path: str | os.PathLike[str]) -> None:  # noqa: N802 - the name that users know
        """Reads a file, in the place of what was loaded before: `adapter.Load("style.onnx_adapter")`."""
        self._parameters = read(file_path).parameters


class AdapterFormat:
    """Writes and reads adapter files.

    >>> made = onward.AdapterFormat()
    >>> made.set_parameters({"lora_A": onward.OrtValue.ortvalue_from_numpy(a)})
    >>> made.export_adapter("style.onnx_adapter")
    """

    def __init__(self, adapter: _Content | None = None) -> None:
        self._content = adapter if adapter is not None else _Content()

    @staticmethod
    def read_adapter(file_path: str | os.PathLike[str]) -> AdapterFormat:
        """A file's content: `AdapterFormat.read_adapter("style.onnx_adapter").get_parameters()`."""
        return AdapterFormat(read(file_path))

    def export_adapter(self, file_path: str | os.PathLike[str]) -> None:
        """Writes the file: `made.export_adapter("style.onnx_adapter")`."""
        data = _serialize(self._content)
        if len(data) > 0x7FFFFFFF:
            raise make(RuntimeException, f"an adapter file has less than 2 GiB, this one would have {len(data)} bytes")
        try:
            with open(file_path, "wb") as file:
                file.write(data)
        except OSError as error:
            raise make(RuntimeException, f"adapter '{file_path}' cannot be written: {error.strerror}") from None

    def get_format_version(self) -> int:
        """The version of the file format: `made.get_format_version()`."""
        return self._content.format_version

    def set_adapter_version(self, adapter_version: int) -> None:
        """Its maker's own number for the adapter: `made.set_adapter_version(2)`."""
        self._content.adapter_version = _int32(adapter_version)

    def get_adapter_version(self) -> int:
        """What set_adapter_version set: `made.get_adapter_version()`."""
        return self._content.adapter_version

    def set_model_version(self, model_version: int) -> None:
        """The version of the model that the adapter is for: `made.set_model_version(1)`."""
        self._content.model_version = _int32(model_version)

    def get_model_version(self) -> int:
        """What set_model_version set: `made.get_model_version()`."""
        return self._content.model_version

    def set_parameters(self, params: dict[str, OrtValue]) -> None:
        """Tensors by the names of the inputs that they are for: `made.set_parameters({"lora_A": value})`."""
        for name, value in params.items():
            if value._tensor().dtype == _types.STRING:
                raise make(RuntimeException, f"parameter '{name}' is a tensor of strings, which an adapter cannot hold")
        self._content.parameters = {name: value._value for name, value in params.items()}

    def get_parameters(self) -> dict[str, OrtValue]:
        """The tensors, on the memory of the file that was read: `made.get_parameters()["lora_A"].numpy()`."""
        return {name: OrtValue(value) for name, value in self._content.parameters.items()}


def _int32(number: int) -> int:
    if not -(2**31) <= int(number) < 2**31:
        raise ValueError(f"{number} has no place in the 32 bits of a version")
    return int(number)
