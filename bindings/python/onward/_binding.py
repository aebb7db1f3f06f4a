"""IOBinding: inputs and outputs that stay in place between runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _arrays, _types
from ._device import require_cpu
from ._engine import Value
from ._ort_value import OrtValue, OrtValueVector

if TYPE_CHECKING:
    from ._session import InferenceSession


class IOBinding:
    """What a session reads from and writes to; made by InferenceSession.io_binding().

    >>> binding = session.io_binding()
    >>> binding.bind_cpu_input("x", x)
    >>> binding.bind_output("y")
    >>> session.run_with_iobinding(binding)
    >>> y, = binding.copy_outputs_to_cpu()
    """

    def __init__(self, session: InferenceSession) -> None:
        self._session = session
        self._inputs: dict[str, Value] = {}
        self._outputs: dict[str, Value | None] = {}
        self._results: list[Value] = []
        self._keep: dict[str, Any] = {}

    def bind_cpu_input(self, name: str, arr_on_cpu: np.ndarray) -> None:
        """Reads from the array's own memory, so later changes to it show: `binding.bind_cpu_input("x", x)`."""
        self._bind(name, _arrays.from_python(arr_on_cpu, self._session._input_type(name), name), arr_on_cpu)

    def bind_input(
        self, name: str, device_type: str, device_id: int, element_type: Any, shape: Sequence[int], buffer_ptr: int
    ) -> None:
        """Reads from an address: `binding.bind_input("x", "cpu", 0, numpy.float32, x.shape, x.ctypes.data)`."""
        self._session._input_type(name)
        self._bind(name, _at_address(device_type, element_type, shape, buffer_ptr), None)

    def bind_ortvalue_input(self, name: str, ortvalue: OrtValue) -> None:
        """Reads from a value: `binding.bind_ortvalue_input("x", value)`."""
        self._session._input_type(name)
        self._bind(name, ortvalue._value, ortvalue)

    def bind_output(
        self,
        name: str,
        device_type: str = "cpu",
        device_id: int = 0,
        element_type: Any = None,
        shape: Sequence[int] | None = None,
        buffer_ptr: int | None = None,
    ) -> None:
        """Asks for an output, in new memory or at an address: `binding.bind_output("y")`."""
        require_cpu(device_type)
        if buffer_ptr is None:
            self._outputs[name] = None
            return
        if element_type is None or shape is None:
            raise ValueError("a buffer_ptr needs element_type and shape, too")
        self._outputs[name] = _at_address(device_type, element_type, shape, buffer_ptr)

    def bind_ortvalue_output(self, name: str, ortvalue: OrtValue) -> None:
        """Asks for an output, written to a tensor of its type and shape: `binding.bind_ortvalue_output("y", value)`."""
        self._outputs[name] = ortvalue._tensor()
        self._keep["output " + name] = ortvalue

    def synchronize_inputs(self) -> None:
        """Waits for copies to devices; there are none here: `binding.synchronize_inputs()`."""

    def synchronize_outputs(self) -> None:
        """Waits for devices to finish; there are none here: `binding.synchronize_outputs()`."""

    def get_outputs(self) -> list[OrtValue]:
        """Results of the last run, in the order of binding: `binding.get_outputs()[0].numpy()`."""
        return [OrtValue(value) for value in self._results]

    def get_outputs_as_ortvaluevector(self) -> OrtValueVector:
        """The same as get_outputs, as a vector: `binding.get_outputs_as_ortvaluevector()`."""
        return OrtValueVector(self.get_outputs())

    def copy_outputs_to_cpu(self) -> list[Any]:
        """Results of the last run as arrays (lists, dicts) of their own memory: `binding.copy_outputs_to_cpu()`."""
        found = [_arrays.to_python(value) for value in self._results]
        return [x.copy() if isinstance(x, np.ndarray) else x for x in found]

    def clear_binding_inputs(self) -> None:
        """Forgets all inputs: `binding.clear_binding_inputs()`."""
        self._inputs.clear()
        self._keep.clear()

    def clear_binding_outputs(self) -> None:
        """Forgets all outputs, and the last results: `binding.clear_binding_outputs()`."""
        self._outputs.clear()
        self._results = []

    def _bind(self, name: str, value: Value, keep: Any) -> None:
        self._inputs[name] = value
        self._keep[name] = keep


class SessionIOBinding(IOBinding):
    """IOBinding under the name of its lower half: `SessionIOBinding(session)`."""


def _at_address(device_type: str, element_type: Any, shape: Sequence[int], address: int) -> Value:
    require_cpu(device_type)
    number = _types.element_type(element_type)
    dims = [int(n) for n in shape]
    bits = _types.PACKED_BITS.get(number) or 8 * _types.numpy_type(number).itemsize
    if number == _types.STRING:
        raise ValueError("strings have no address to bind; use bind_cpu_input or bind_ortvalue_input")
    count = int(np.prod(dims, dtype=np.int64))
    return Value.wrap_address(number, dims, int(address), (count * bits + 7) // 8, None)
