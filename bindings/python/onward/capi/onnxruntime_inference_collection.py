"""The upper half of ONNX Runtime's module: `from onward.capi.onnxruntime_inference_collection import OrtValue`."""

from .._adapter import AdapterFormat
from .._binding import IOBinding
from .._compile import ModelCompiler
from .._device import OrtDevice
from .._enums import OrtDeviceVendorId
from .._ort_value import OrtValue, copy_tensors
from .._session import InferenceSession
from .._sparse import SparseTensor

Session = InferenceSession

__all__ = ["AdapterFormat", "IOBinding", "InferenceSession", "ModelCompiler", "OrtDevice", "OrtDeviceVendorId", "OrtValue", "Session", "SparseTensor",
           "copy_tensors"]  # fmt: skip
