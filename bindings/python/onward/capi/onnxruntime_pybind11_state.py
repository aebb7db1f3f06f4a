"""The lower half of ONNX Runtime's module, of which programs import exceptions, enumerations and classes:
`from onward.capi.onnxruntime_pybind11_state import InvalidArgument`."""

from .._adapter import LoraAdapter
from .._binding import SessionIOBinding
from .._compile import OrtEpContextData, OrtEpContextDataBuffer, OrtExternalInitializerInfo
from .._device import OrtArenaCfg, OrtDevice, OrtMemoryInfo
from .._enums import (
    ArenaExtendStrategy,
    ExecutionMode,
    ExecutionOrder,
    GraphOptimizationLevel,
    OrtAllocatorType,
    OrtCompileApiFlags,
    OrtDeviceMemoryType,
    OrtExecutionProviderDevicePolicy,
    OrtHardwareDeviceType,
    OrtMemoryInfoDeviceType,
    OrtMemType,
    OrtSparseFormat,
)
from .._errors import (
    EngineError,
    EPFail,
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    ModelLoadCanceled,
    ModelLoaded,
    ModelRequiresCompilation,
    NoModel,
    NoSuchFile,
    NotFound,
    NotImplemented,
    RuntimeException,
)
from .._metadata import ModelMetadata, NodeArg
from .._options import RunOptions, SessionOptions
from .._ort_value import OrtValue, OrtValueVector, copy_tensors
from .._process import (
    create_and_register_allocator,
    create_and_register_allocator_v2,
    disable_telemetry_events,
    enable_telemetry_events,
    get_all_providers,
    get_available_providers,
    get_build_info,
    get_device,
    get_ep_devices,
    get_version_string,
    has_collective_ops,
    preload_dlls,
    print_debug_info,
    register_execution_provider_library,
    set_default_logger_severity,
    set_default_logger_verbosity,
    set_global_thread_pool_sizes,
    set_seed,
    unregister_execution_provider_library,
)
from .._providers import OrtEpAssignedNode, OrtEpAssignedSubgraph, OrtEpDevice, OrtHardwareDevice, OrtSyncStream
from .._session import InferenceSession
from .._sparse import SparseCooView, SparseCsrView, SparseTensor

_default_session_options = SessionOptions()


def get_default_session_options() -> SessionOptions:
    """The options of sessions that are made without: `get_default_session_options().intra_op_num_threads`."""
    return _default_session_options


def get_session_initializer() -> SessionOptions:
    """The same as get_default_session_options, under an older name: `get_session_initializer()`."""
    return _default_session_options


def is_dlpack_uint8_tensor(capsule: object) -> bool:
    """Whether a DLPack tensor holds uint8: `is_dlpack_uint8_tensor(array)`."""
    return OrtValue.from_dlpack(capsule).element_type() == 2


__all__ = [
    "ArenaExtendStrategy",
    "EPFail",
    "EngineError",
    "ExecutionMode",
    "ExecutionOrder",
    "Fail",
    "GraphOptimizationLevel",
    "InferenceSession",
    "InvalidArgument",
    "InvalidGraph",
    "InvalidProtobuf",
    "LoraAdapter",
    "ModelLoadCanceled",
    "ModelLoaded",
    "ModelMetadata",
    "ModelRequiresCompilation",
    "NoModel",
    "NoSuchFile",
    "NodeArg",
    "NotFound",
    "NotImplemented",
    "OrtAllocatorType",
    "OrtArenaCfg",
    "OrtCompileApiFlags",
    "OrtDevice",
    "OrtDeviceMemoryType",
    "OrtEpAssignedNode",
    "OrtEpAssignedSubgraph",
    "OrtEpContextData",
    "OrtEpContextDataBuffer",
    "OrtEpDevice",
    "OrtExecutionProviderDevicePolicy",
    "OrtExternalInitializerInfo",
    "OrtHardwareDevice",
    "OrtHardwareDeviceType",
    "OrtMemType",
    "OrtMemoryInfo",
    "OrtMemoryInfoDeviceType",
    "OrtSparseFormat",
    "OrtSyncStream",
    "OrtValue",
    "OrtValueVector",
    "RunOptions",
    "RuntimeException",
    "SessionIOBinding",
    "SessionOptions",
    "SparseCooView",
    "SparseCsrView",
    "SparseTensor",
    "copy_tensors",
    "create_and_register_allocator",
    "create_and_register_allocator_v2",
    "disable_telemetry_events",
    "enable_telemetry_events",
    "get_all_providers",
    "get_available_providers",
    "get_build_info",
    "get_default_session_options",
    "get_device",
    "get_ep_devices",
    "get_session_initializer",
    "get_version_string",
    "has_collective_ops",
    "is_dlpack_uint8_tensor",
    "preload_dlls",
    "print_debug_info",
    "register_execution_provider_library",
    "set_default_logger_severity",
    "set_default_logger_verbosity",
    "set_global_thread_pool_sizes",
    "set_seed",
    "unregister_execution_provider_library",
]
