"""The same names as onnxruntime_pybind11_state: `from onward.capi import _pybind_state as C`."""

from .onnxruntime_pybind11_state import *  # noqa: F403
from .onnxruntime_pybind11_state import __all__ as __all__
