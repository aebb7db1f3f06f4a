"""The enumerations. Names and values are ONNX Runtime's, so that stored numbers and comparisons keep their meaning."""

from __future__ import annotations

import enum


class GraphOptimizationLevel(enum.IntEnum):
    """How much a graph is rewritten: `options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_BASIC`.

    ORT_DISABLE_ALL keeps the graph as it is, ORT_ENABLE_BASIC does what leaves every result bit for bit the same, the
    others do everything.
    """

    ORT_DISABLE_ALL = 0
    ORT_ENABLE_BASIC = 1
    ORT_ENABLE_EXTENDED = 2
    ORT_ENABLE_LAYOUT = 3
    ORT_ENABLE_ALL = 99


class ExecutionMode(enum.IntEnum):
    """Whether branches may run at once: `options.execution_mode = ExecutionMode.ORT_PARALLEL`. Accepted; the engine
    uses its threads inside operators in both modes."""

    ORT_SEQUENTIAL = 0
    ORT_PARALLEL = 1


class ExecutionOrder(enum.IntEnum):
    """The order of nodes: `options.execution_order = ExecutionOrder.DEFAULT`. Accepted; the order is the engine's."""

    DEFAULT = 0
    PRIORITY_BASED = 1
    MEMORY_EFFICIENT = 2


class OrtAllocatorType(enum.IntEnum):
    """The kind of an allocator, in OrtMemoryInfo: `OrtAllocatorType.ORT_ARENA_ALLOCATOR`."""

    INVALID = -1
    ORT_DEVICE_ALLOCATOR = 0
    ORT_ARENA_ALLOCATOR = 1


class OrtMemType(enum.IntEnum):
    """What memory is for, in OrtMemoryInfo: `OrtMemType.DEFAULT`."""

    CPU_INPUT = -2
    CPU_OUTPUT = -1
    CPU = -1
    DEFAULT = 0


class OrtDeviceMemoryType(enum.IntEnum):
    """Whether the host sees a device's memory: `OrtDeviceMemoryType.HOST_ACCESSIBLE`."""

    DEFAULT = 0
    HOST_ACCESSIBLE = 5


class OrtMemoryInfoDeviceType(enum.IntEnum):
    """The kind of device, for OrtMemoryInfo.create_v2: `OrtMemoryInfoDeviceType.CPU`."""

    CPU = 0
    GPU = 1
    FPGA = 2
    NPU = 3


class OrtHardwareDeviceType(enum.IntEnum):
    """The kind of a hardware device: `device.type == OrtHardwareDeviceType.CPU`."""

    CPU = 0
    GPU = 1
    NPU = 2


class OrtSparseFormat(enum.IntEnum):
    """How a sparse tensor says where its values are: `tensor.format() == OrtSparseFormat.ORT_SPARSE_COO`."""

    ORT_SPARSE_UNDEFINED = 0
    ORT_SPARSE_COO = 1
    ORT_SPARSE_CSRC = 2
    ORT_SPARSE_BLOCK_SPARSE = 4


class OrtExecutionProviderDevicePolicy(enum.IntEnum):
    """Which device to prefer: `options.set_provider_selection_policy(OrtExecutionProviderDevicePolicy.PREFER_CPU)`."""

    DEFAULT = 0
    PREFER_CPU = 1
    PREFER_NPU = 2
    PREFER_GPU = 3
    MAX_PERFORMANCE = 4
    MAX_EFFICIENCY = 5
    MIN_OVERALL_POWER = 6


class OrtCompileApiFlags(enum.IntFlag):
    """What makes a ModelCompiler fail: `OrtCompileApiFlags.ERROR_IF_OUTPUT_FILE_EXISTS`."""

    NONE = 0
    ERROR_IF_NO_NODES_COMPILED = 1
    ERROR_IF_OUTPUT_FILE_EXISTS = 2


class OrtDeviceVendorId(enum.IntEnum):
    """PCI numbers of makers of devices: `OrtDevice.make("gpu", 0, OrtDeviceVendorId.NVIDIA)`."""

    NONE = 0x0000
    AMD = 0x1002
    NVIDIA = 0x10DE
    ARM = 0x13B5
    MICROSOFT = 0x1414
    HUAWEI = 0x19E5
    QUALCOMM = 0x5143
    INTEL = 0x8086


class ArenaExtendStrategy(enum.IntEnum):
    """How an arena grows: `ArenaExtendStrategy.kSameAsRequested`. Accepted; the engine plans its memory."""

    kNextPowerOfTwo = 0
    kSameAsRequested = 1
