"""The module names that programs for ONNX Runtime import from:
`from onward.capi.onnxruntime_pybind11_state import Fail`."""

from . import _pybind_state, onnxruntime_inference_collection, onnxruntime_pybind11_state, onnxruntime_validation

__all__ = ["_pybind_state", "onnxruntime_inference_collection", "onnxruntime_pybind11_state",
           "onnxruntime_validation"]  # fmt: skip
