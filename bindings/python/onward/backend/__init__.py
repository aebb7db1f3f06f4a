"""ONNX's backend interface, through which its test suite and tools run a model on any engine.

>>> import onward.backend
>>> onward.backend.prepare(onnx.load("model.onnx")).run([x])
"""

from ._backend import OnwardBackend, OnwardBackendRep

is_compatible = OnwardBackend.is_compatible
prepare = OnwardBackend.prepare
run = OnwardBackend.run_model
run_model = OnwardBackend.run_model
run_node = OnwardBackend.run_node
supports_device = OnwardBackend.supports_device

__all__ = ["OnwardBackend", "OnwardBackendRep", "is_compatible", "prepare", "run", "run_model", "run_node",
           "supports_device"]  # fmt: skip
