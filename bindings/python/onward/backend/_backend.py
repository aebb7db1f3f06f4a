"""The classes of the backend interface. Needs the package onnx, which the rest of onward does not."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx.backend.base import Backend, BackendRep, namedtupledict

from .. import InferenceSession, RunOptions, SessionOptions


class OnwardBackendRep(BackendRep):
    """A prepared model: `onward.backend.prepare(model).run([x])`."""

    def __init__(self, session: InferenceSession) -> None:
        self._session = session

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Runs once; inputs in the model's order, or one alone: `rep.run([x, y])`."""
        options = _set(RunOptions(), kwargs)
        args = self._session.get_inputs()
        if not isinstance(inputs, (list, tuple)):
            inputs = [inputs]
        if len(inputs) > len(args):
            args = args + self._session.get_overridable_initializers()
        if len(inputs) > len(args):
            raise RuntimeError(f"{len(inputs)} inputs were given, the model has {len(args)}")
        names = [output.name for output in self._session.get_outputs()]
        outputs = self._session.run(None, {arg.name: value for arg, value in zip(args, inputs)}, options)
        return namedtupledict("Outputs", names)(*outputs)


class OnwardBackend(Backend):
    """The entry points: `onnx.backend.test.BackendTest(OnwardBackend, __name__)`."""

    @classmethod
    def is_compatible(cls, model: Any, device: str = "CPU", **kwargs: Any) -> bool:
        """Whether the model can be run: `onward.backend.is_compatible(model)`."""
        try:
            cls.prepare(model, device, **kwargs)
        except Exception:
            return False
        return True

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Whether a kind of device can be used: `supports_device("CPU")`."""
        return device.partition(":")[0].upper() == "CPU"

    @classmethod
    def prepare(cls, model: Any, device: str | None = "CPU", **kwargs: Any) -> OnwardBackendRep:
        """Makes a path, bytes, ModelProto or session ready to run; options of the session as keywords:
        `prepare(model, intra_op_num_threads=1)`."""
        if isinstance(model, OnwardBackendRep):
            return model
        if device is not None and not cls.supports_device(device):
            raise RuntimeError(f"no device '{device}' in this build of onward, only CPU")
        if isinstance(model, InferenceSession):
            return OnwardBackendRep(model)
        if isinstance(model, onnx.ModelProto):
            model = model.SerializeToString()
        elif isinstance(model, os.PathLike):
            model = os.fspath(model)
        return OnwardBackendRep(InferenceSession(model, _set(SessionOptions(), kwargs)))

    @classmethod
    def run_model(cls, model: Any, inputs: Any, device: str | None = "CPU", **kwargs: Any) -> tuple[Any, ...]:
        """prepare and run: `run_model(model, [x])`."""
        return cls.prepare(model, device, **kwargs).run(inputs)

    @classmethod
    def run_node(
        cls,
        node: onnx.NodeProto,
        inputs: Any,
        device: str | None = "CPU",
        outputs_info: Sequence[tuple[Any, tuple[int, ...]]] | None = None,
        **kwargs: Any,
    ) -> tuple[Any, ...]:
        """Runs one node, at the newest opset or `opset_version`:
        `run_node(onnx.helper.make_node("Relu", ...), [x])`."""
        opset = int(kwargs.pop("opset_version", onnx.defs.onnx_opset_version()))
        fed = [name for name in node.input if name]
        arrays = [np.asarray(x) for x in (inputs.values() if isinstance(inputs, dict) else inputs)]
        if len(arrays) != len(fed):
            raise RuntimeError(f"{len(arrays)} inputs were given, the node has {len(fed)}")
        graph = onnx.helper.make_graph(
            [node],
            "node",
            [_info(name, array) for name, array in zip(fed, arrays)],
            [onnx.helper.make_empty_tensor_value_info(name) for name in node.output if name],
        )
        imports = [onnx.helper.make_opsetid(node.domain, opset if node.domain in ("", "ai.onnx") else 1)]
        model = onnx.helper.make_model(graph, opset_imports=imports, ir_version=min(onnx.IR_VERSION, 10))
        model = onnx.shape_inference.infer_shapes(model)
        return cls.run_model(model, arrays, device, **kwargs)


def _info(name: str, array: np.ndarray) -> onnx.ValueInfoProto:
    return onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


# Options that write files are not for a caller who only names a model.
_REFUSED = frozenset(("optimized_model_filepath", "profile_file_prefix", "enable_profiling", "terminate"))


def _set(options: Any, given: dict[str, Any]) -> Any:
    """Sets the options among `given`; other keys are for other backends."""
    for name, value in given.items():
        if name in _REFUSED:
            raise RuntimeError(f"option '{name}' cannot be set through the backend interface")
        if not name.startswith("_") and name in dir(options) and not callable(getattr(options, name)):
            setattr(options, name, value)
    return options
