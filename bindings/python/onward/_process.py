"""What holds for the whole process: versions, devices, log level, threads."""

from __future__ import annotations

import platform
import sys

from . import _engine, _log, _providers, _session
from ._errors import InvalidArgument, NotImplemented, make


def get_version_string() -> str:
    """The version of the engine: `onward.get_version_string()`."""
    return _engine.library_version()


def get_build_info() -> str:
    """What the engine was built by and for: `onward.get_build_info()`."""
    return _engine.build_info()


def get_device() -> str:
    """The kind of device that sessions run on by default: "CPU"."""
    return "CPU"


def get_available_providers() -> list[str]:
    """The providers of this build, best first: ["CPUExecutionProvider"]."""
    return _providers.available()


def get_all_providers() -> list[str]:
    """Names that are taken for providers, in this build or not: `onward.get_all_providers()`."""
    return list(_providers.KNOWN)


def get_ep_devices() -> list[_providers.OrtEpDevice]:
    """Providers and the hardware that they run on: `onward.get_ep_devices()[0].ep_name`."""
    return _providers.devices()


def has_collective_ops() -> bool:
    """Whether several processes can run one model together: False."""
    return False


def set_default_logger_severity(severity: int) -> None:
    """The least severe messages to show, 0 (all) to 4 (none): `onward.set_default_logger_severity(3)`."""
    if severity not in range(5):
        raise RuntimeError(f"a log severity is 0 (verbose) to 4 (fatal), not {severity}")
    _engine.set_log_level(int(severity))
    _log.set_level(int(severity))


def set_default_logger_verbosity(verbosity: int) -> None:
    """Accepted: messages have one level of detail. `onward.set_default_logger_verbosity(1)`."""
    int(verbosity)


def set_seed(seed: int) -> None:
    """Seeds random operators that state no seed, in sessions made from now on: run i of a session then draws the same
    numbers in every session of the same model and options. `onward.set_seed(1)`."""
    if not -(2**63) <= int(seed) < 2**63:
        raise ValueError(f"a seed is a number of 64 bits, {seed} is none")
    _session.set_default_seed(int(seed))


def set_global_thread_pool_sizes(intra_op_num_threads: int = 0, inter_op_num_threads: int = 0) -> None:
    """Threads of sessions whose options name none; one pool serves all: `onward.set_global_thread_pool_sizes(4, 1)`."""
    _session.set_default_threads(max(0, int(intra_op_num_threads)))


def disable_telemetry_events() -> None:
    """Nothing to do: the engine sends nothing to anybody. `onward.disable_telemetry_events()`."""


def enable_telemetry_events() -> None:
    """Has no effect: the engine sends nothing to anybody. `onward.enable_telemetry_events()`."""


def preload_dlls(cuda: bool = True, cudnn: bool = True, msvc: bool = True, directory: str | None = None) -> None:
    """Nothing to do: the engine is in the package. `onward.preload_dlls()`."""


def use_as_onnxruntime() -> None:
    """Makes `import onnxruntime` give onward in packages that you cannot change; call it before they are imported:
    `import onward; onward.use_as_onnxruntime(); import some_package`."""
    taken = sys.modules.get("onnxruntime")
    if taken is not None and taken is not sys.modules["onward"]:
        raise RuntimeError("onnxruntime is imported already; call use_as_onnxruntime() before whoever imports it")
    for name, module in list(sys.modules.items()):
        if name == "onward" or name.startswith("onward.capi"):
            sys.modules["onnxruntime" + name.removeprefix("onward")] = module


def print_debug_info() -> None:
    """Prints versions, system and providers, for a bug report: `onward.print_debug_info()`."""
    print(f"{get_build_info()}\nPython {platform.python_version()}, {platform.platform()}")
    print(f"providers: {', '.join(get_available_providers())}")


def create_and_register_allocator(mem_info: object, arena_cfg: object = None) -> None:
    """Accepted: the engine plans its memory itself. `onward.create_and_register_allocator(info, None)`."""


def create_and_register_allocator_v2(
    provider_type: str, mem_info: object, options: dict[str, str], arena_cfg: object = None
) -> None:
    """Accepted: the engine plans its memory itself. `onward.create_and_register_allocator_v2(name, info, {}, None)`."""


def register_execution_provider_library(registration_name: str, library_path: str) -> None:
    """Refused: libraries made for ONNX Runtime cannot be loaded. `register_execution_provider_library("x", "x.so")`."""
    raise make(NotImplemented, f"'{library_path}': this build loads no libraries of execution providers")


def unregister_execution_provider_library(registration_name: str) -> None:
    """Refused: nothing can be registered. `unregister_execution_provider_library("x")`."""
    raise make(InvalidArgument, f"no library of execution providers is registered as '{registration_name}'")
