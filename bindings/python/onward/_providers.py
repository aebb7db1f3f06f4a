"""Execution providers: which exist, and what became of those that a user asked for."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Sequence
from typing import Any

from ._enums import OrtDeviceMemoryType, OrtHardwareDeviceType, OrtAllocatorType
from . import _engine
from ._device import OrtMemoryInfo

CPU = "CPUExecutionProvider"
NAMES = {"cpu": CPU, "cuda": "CUDAExecutionProvider"}  # the engine's names, and those that programs know

# Names that programs ask for; those that this build lacks fall back to the CPU, with a warning.
KNOWN = (
    "NvTensorRTRTXExecutionProvider TensorrtExecutionProvider CUDAExecutionProvider MIGraphXExecutionProvider "
    "ROCMExecutionProvider OpenVINOExecutionProvider DnnlExecutionProvider VitisAIExecutionProvider "
    "QNNExecutionProvider NnapiExecutionProvider VSINPUExecutionProvider JsExecutionProvider CoreMLExecutionProvider "
    "ArmNNExecutionProvider ACLExecutionProvider DmlExecutionProvider RknpuExecutionProvider WebNNExecutionProvider "
    "WebGpuExecutionProvider XnnpackExecutionProvider CANNExecutionProvider AzureExecutionProvider"
).split() + [CPU]


def available() -> list[str]:
    """The providers of this build, best first; the CPU is always last."""
    return [NAMES.get(name, name) for name in _engine.available_providers()]


class OrtHardwareDevice:
    """A piece of hardware: `onward.get_ep_devices()[0].device.type`."""

    def __init__(self, type: OrtHardwareDeviceType, vendor: str) -> None:
        self.type, self.vendor = type, vendor
        self.vendor_id = self.device_id = 0
        self.metadata: dict[str, str] = {}


class OrtEpDevice:
    """A provider on a piece of hardware: `onward.get_ep_devices()[0].ep_name`."""

    def __init__(self, ep_name: str) -> None:
        self.ep_name, self.ep_vendor = ep_name, "onward"
        self.ep_metadata: dict[str, str] = {}
        self.ep_options: dict[str, str] = {}
        self.device = OrtHardwareDevice(OrtHardwareDeviceType.CPU, platform.processor() or platform.machine())

    def memory_info(self, memory_type: OrtDeviceMemoryType) -> OrtMemoryInfo:
        """The provider's memory: `device.memory_info(OrtDeviceMemoryType.DEFAULT)`."""
        return OrtMemoryInfo("Cpu", OrtAllocatorType.ORT_DEVICE_ALLOCATOR)


    def create_sync_stream(self, stream_options: dict[str, str] | None = None) -> OrtSyncStream:
        """Fails for the CPU, whose work is done when a call returns: `device.create_sync_stream()`."""
        raise RuntimeError("ep_device does not use DEFAULT memory of a non-CPU device.")


class OrtSyncStream:
    """A queue of work on a device, for devices that have queues: `device.create_sync_stream().get_handle()`."""

    def __init__(self) -> None:
        raise TypeError("OrtSyncStream: No constructor defined!")

    def get_handle(self) -> int:
        """The device's own name for the queue: `stream.get_handle()`."""
        raise NotImplementedError


class OrtEpAssignedNode:
    """A node and what it is, in OrtEpAssignedSubgraph.get_nodes(): `node.op_type`."""

    def __init__(self, name: str, domain: str, op_type: str) -> None:
        self.name, self.domain, self.op_type = name, domain, op_type


class OrtEpAssignedSubgraph:
    """The nodes that a provider runs: `session.get_provider_graph_assignment_info()[0].ep_name`."""

    def __init__(self, ep_name: str, nodes: list[OrtEpAssignedNode]) -> None:
        self.ep_name, self._nodes = ep_name, nodes

    def get_nodes(self) -> list[OrtEpAssignedNode]:
        """Its nodes: `subgraph.get_nodes()`."""
        return list(self._nodes)


def devices() -> list[OrtEpDevice]:
    """Each provider of this build on its hardware."""
    return [OrtEpDevice(name) for name in available()]


def _pairs(providers: Any, options: Any) -> list[tuple[str, dict[Any, Any]]]:
    if not isinstance(providers, Sequence):
        raise ValueError(f"providers is {type(providers).__name__}, expected a list")
    if options is None:
        options = [{}] * len(providers)
        pairs = [p if isinstance(p, tuple) and len(p) == 2 else (p, {}) for p in providers]
    else:
        if len(options) != len(providers):
            raise ValueError(f"{len(providers)} providers and {len(options)} provider_options were given")
        pairs = list(zip(providers, options))
    for name, given in pairs:
        if not isinstance(name, str) or not isinstance(given, dict):
            raise ValueError(f"providers are names or (name, dict), not {name!r} with {given!r}")
    return pairs


def normalize(providers: Any, options: Any) -> list[tuple[str, dict[str, str]]]:
    """Names and options of the providers asked for that exist, in their order, the CPU last; warns of the others."""
    chosen: dict[str, dict[str, str]] = {}
    for name, given in _pairs([] if providers is None else providers, options):
        if name in chosen:
            warnings.warn(f"Duplicate provider '{name}' is ignored", stacklevel=4)
        elif name not in available():
            warnings.warn(
                f"Specified provider '{name}' is not in available provider names: {', '.join(available())}; "
                f"its nodes run on {CPU}",
                stacklevel=4,
            )
        else:
            chosen[name] = {str(k): str(v) for k, v in given.items()}
    chosen[CPU] = chosen.pop(CPU, {})
    return list(chosen.items())
