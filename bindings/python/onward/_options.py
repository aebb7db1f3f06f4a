"""SessionOptions and RunOptions."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import _config
from ._adapter import LoraAdapter
from ._engine import CancelToken
from ._enums import ExecutionMode, ExecutionOrder, GraphOptimizationLevel, OrtExecutionProviderDevicePolicy
from ._errors import NotImplemented, make
from ._ort_value import OrtValue


Delegate = Callable[[Sequence[Any], Mapping[str, str], Mapping[str, str], int], Sequence[Any]]


class _Fields:
    """Attributes with defaults, of which each takes one type only, and no others."""

    __slots__ = ("_fields",)
    _DEFAULTS: dict[str, Any] = {}

    def __init__(self) -> None:
        object.__setattr__(self, "_fields", dict(self._DEFAULTS))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self._DEFAULTS:
            raise AttributeError(f"{type(self).__name__} has no attribute '{name}'")
        return self._fields[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._DEFAULTS:
            object.__setattr__(self, name, value)  # slots and properties; anything else is an AttributeError
            return
        wanted = type(self._DEFAULTS[name])
        if wanted is str and isinstance(value, os.PathLike):
            value = os.fspath(value)
        if not isinstance(value, (str if wanted is str else (int, float) if wanted is float else int)):
            raise TypeError(f"{type(self).__name__}.{name} is {type(value).__name__}, expected {wanted.__name__}")
        self._fields[name] = wanted(value)

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self._DEFAULTS})


class SessionOptions(_Fields):
    """How a session is made.

    >>> options = onward.SessionOptions()
    >>> options.intra_op_num_threads = 2
    >>> session = onward.InferenceSession("model.onnx", options)
    """

    __slots__ = ("_entries", "_providers", "_by_name", "_by_denotation", "_initializers", "_files", "_cancelled",
                 "_delegate", "_policy", "_read_data")  # fmt: skip
    _DEFAULTS = {
        "enable_cpu_mem_arena": True,
        "enable_mem_pattern": True,
        "enable_mem_reuse": True,
        "enable_profiling": False,
        "execution_mode": ExecutionMode.ORT_SEQUENTIAL,
        "execution_order": ExecutionOrder.DEFAULT,
        "graph_optimization_level": GraphOptimizationLevel.ORT_ENABLE_ALL,
        "inter_op_num_threads": 0,
        "intra_op_num_threads": 0,
        "log_severity_level": -1,
        "log_verbosity_level": 0,
        "logid": "",
        "memory_limit_bytes": 0,
        "optimized_model_filepath": "",
        "profile_file_prefix": "onnxruntime_profile_",
        "use_deterministic_compute": False,
        "use_per_session_threads": True,
    }

    def __init__(self) -> None:
        super().__init__()
        self._entries: dict[str, str] = {}
        self._providers: list[tuple[str, dict[str, str]]] = []
        self._by_name: dict[str, int] = {}
        self._by_denotation: dict[str, int] = {}
        self._initializers: dict[str, OrtValue] = {}
        self._files: dict[str, bytes] = {}
        self._cancelled = False
        self._delegate: Delegate | None = None
        self._policy = False
        self._read_data: tuple[Callable[..., None], int] | None = None

    def add_session_config_entry(self, config_key: str, config_value: str) -> None:
        """Sets an option by name: `options.add_session_config_entry("session.disable_prepacking", "1")`."""
        _config.check_entry(config_key, config_value)
        self._entries[config_key] = config_value

    def get_session_config_entry(self, config_key: str) -> str:
        """What add_session_config_entry set: `options.get_session_config_entry("session.disable_prepacking")`."""
        if config_key not in self._entries:
            raise RuntimeError(f"no session option '{config_key}' was set")
        return self._entries[config_key]

    def add_free_dimension_override_by_name(self, dim_name: str, dim_value: int) -> None:
        """Gives a symbol of the inputs' shapes a size: `options.add_free_dimension_override_by_name("batch", 1)`."""
        self._by_name[str(dim_name)] = int(dim_value)

    def add_free_dimension_override_by_denotation(self, dim_denotation: str, dim_value: int) -> None:
        """The same by what a dimension means: `options.add_free_dimension_override_by_denotation("DATA_BATCH", 1)`."""
        self._by_denotation[str(dim_denotation)] = int(dim_value)

    def add_initializer(self, name: str, value: OrtValue) -> None:
        """Takes the place of the model's initializer of that name: `options.add_initializer("w", OrtValue...)`."""
        if not isinstance(value, OrtValue):
            raise TypeError(f"initializer '{name}' is {type(value).__name__}, expected OrtValue")
        self._initializers[name] = value

    def add_external_initializers(self, names: list[str], values: list[OrtValue]) -> None:
        """add_initializer for several: `options.add_external_initializers(["w", "b"], [w, b])`."""
        if len(names) != len(values):
            raise ValueError(f"{len(names)} names and {len(values)} values were given")
        for name, value in zip(names, values):
            self.add_initializer(name, value)

    def add_external_initializers_from_files_in_memory(
        self, file_names: list[str], buffers: list[bytes], lengths: list[int]
    ) -> None:
        """External data files that are in memory, by the names that the model has for them:
        `options.add_external_initializers_from_files_in_memory(["w.bin"], [data], [len(data)])`."""
        if not len(file_names) == len(buffers) == len(lengths):
            raise ValueError("file_names, buffers and lengths differ in length")
        for name, data, length in zip(file_names, buffers, lengths):
            self._files[name] = bytes(memoryview(data)[:length])

    def add_provider(self, name: str, options: dict[str, str]) -> None:
        """Adds to the providers to use, first come first: `options.add_provider("CPUExecutionProvider", {})`."""
        from ._session import known_provider

        if not known_provider(name):
            raise RuntimeError(f"Unknown Provider Type: {name}")
        self._providers.append((name, {str(k): str(v) for k, v in options.items()}))

    def add_provider_for_devices(self, ep_devices: list[Any], options: dict[str, str]) -> None:
        """add_provider for each device: `options.add_provider_for_devices(onward.get_ep_devices(), {})`."""
        for device in ep_devices:
            self.add_provider(device.ep_name, options)

    def set_provider_selection_policy(self, policy: OrtExecutionProviderDevicePolicy) -> None:
        """Chooses among providers; with one, the CPU, there is nothing to choose: `set_provider_selection_policy(
        OrtExecutionProviderDevicePolicy.PREFER_CPU)`."""
        OrtExecutionProviderDevicePolicy(policy)
        self._policy = True

    def set_provider_selection_policy_delegate(self, delegate: Delegate) -> None:
        """A function that chooses the devices when a session is made, of `(devices, model_metadata, runtime_metadata,
        max_selections)`: `options.set_provider_selection_policy_delegate(lambda devices, *rest: devices[:1])`."""
        if not callable(delegate):
            raise TypeError(f"the delegate is {type(delegate).__name__}, expected a function")
        self._delegate = delegate

    def set_ep_context_data_read_func(self, read_func: Callable[[str, Any], None], max_data_size: int) -> None:
        """Gives the data of EPContext nodes, which the CPU does not run: accepted, and never called.
        `options.set_ep_context_data_read_func(function, 1 << 20)`."""
        if read_func is None:
            raise RuntimeError("read_func is None, expected a function")
        if not callable(read_func) or int(max_data_size) < 0:
            raise TypeError("read_func is a function and max_data_size a number of bytes")
        if int(max_data_size) == 0:
            raise RuntimeError("max_data_size is 0, expected a number of bytes")
        self._read_data = (read_func, int(max_data_size))

    def clear_ep_context_data_read_func(self) -> None:
        """Takes it back: `options.clear_ep_context_data_read_func()`."""
        self._read_data = None

    def has_providers(self) -> bool:
        """Whether providers were added, or a policy for choosing them was set: `options.has_providers()`."""
        return bool(self._providers) or self._policy or self._delegate is not None

    def register_custom_ops_library(self, path: str) -> None:
        """Not in this build, and refused: `options.register_custom_ops_library("ops.so")`."""
        raise make(NotImplemented, f"'{path}': libraries of custom operators cannot be loaded by this build")

    def set_load_cancellation_flag(self, flag: bool) -> None:
        """True makes loads with these options fail with ModelLoadCanceled: `set_load_cancellation_flag(True)`."""
        self._cancelled = bool(flag)

    def __getstate__(self) -> dict[str, Any]:
        held = {name: value.to_python() for name, value in self._initializers.items()}
        names = ("_fields", "_entries", "_providers", "_by_name", "_by_denotation", "_files", "_cancelled", "_delegate",
                 "_policy", "_read_data")  # fmt: skip
        return {"initializers": held, **{name: getattr(self, name) for name in names}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        held = state.pop("initializers")
        for name, value in state.items():
            object.__setattr__(self, name, value)
        self._initializers = {name: OrtValue.ortvalue_from_numpy(value) for name, value in held.items()}


class RunOptions(_Fields):
    """How one run is made, and the way to stop it from another thread.

    >>> options = onward.RunOptions()
    >>> options.timeout_ms = 50
    >>> session.run(None, {"x": x}, options)
    """

    __slots__ = ("_entries", "_terminate", "_cancel", "_adapters")
    _DEFAULTS = {
        "log_severity_level": -1,
        "log_verbosity_level": 0,
        "logid": "",
        "memory_limit_bytes": 0,
        "only_execute_path_to_fetches": False,
        "timeout_ms": 0.0,
        "training_mode": False,
    }

    def __init__(self) -> None:
        super().__init__()
        self._entries: dict[str, str] = {}
        self._terminate = False
        self._cancel = CancelToken()
        self._adapters: list[LoraAdapter] = []

    @property
    def terminate(self) -> bool:
        """True stops every run with these options, those under way included: `options.terminate = True`."""
        return self._terminate

    @terminate.setter
    def terminate(self, value: bool) -> None:
        self._terminate = bool(value)
        if value:
            self._cancel.trigger()
        else:
            self._cancel.reset()

    def add_active_adapter(self, adapter: LoraAdapter) -> None:
        """Its parameters are inputs of the run, before those of the feed: `options.add_active_adapter(adapter)`."""
        if not isinstance(adapter, LoraAdapter):
            raise TypeError(f"adapter is {type(adapter).__name__}, expected LoraAdapter")
        self._adapters.append(adapter)

    def add_run_config_entry(self, config_key: str, config_value: str) -> None:
        """Sets an option by name: `options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")`."""
        _config.check_entry(config_key, config_value)
        self._entries[config_key] = config_value

    def get_run_config_entry(self, config_key: str) -> str:
        """What add_run_config_entry set: `options.get_run_config_entry("memory.enable_memory_arena_shrinkage")`."""
        if config_key not in self._entries:
            raise RuntimeError(f"no run option '{config_key}' was set")
        return self._entries[config_key]
