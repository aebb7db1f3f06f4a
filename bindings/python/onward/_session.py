"""InferenceSession: load a model, run it."""

from __future__ import annotations

import json
import os
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from . import _arrays, _config, _errors, _log, _profile, _providers, _types
from ._binding import IOBinding
from ._device import OrtMemoryInfo, require_cpu
from ._compile import write_optimized
from ._engine import Model, Options, Value
from ._engine import Session as EngineSession
from ._enums import GraphOptimizationLevel, OrtAllocatorType, OrtDeviceVendorId
from ._metadata import ModelMetadata, NodeArg, node_arg
from ._options import RunOptions, SessionOptions
from ._ort_value import OrtValue, OrtValueVector

# onward_optimization: all, none, only what keeps every bit.
_FULL, _OFF, _BASIC = 0, 1, 2
_OPTIMIZATION = {GraphOptimizationLevel.ORT_DISABLE_ALL: _OFF, GraphOptimizationLevel.ORT_ENABLE_BASIC: _BASIC}

_MAX_SELECTIONS = 8  # providers that a selection delegate may choose

_default_threads = 0  # set_global_thread_pool_sizes
_default_seed: int | None = None  # set_seed
_async: dict[int, ThreadPoolExecutor] = {}  # by process, since threads do not survive a fork
_async_lock = threading.Lock()


def set_default_threads(count: int) -> None:
    """Threads of sessions whose options name none: `set_default_threads(4)`."""
    global _default_threads
    _default_threads = count


def set_default_seed(seed: int) -> None:
    """Seeds random operators of sessions made from now on: `set_default_seed(1)`."""
    global _default_seed
    _default_seed = seed


def known_provider(name: str) -> bool:
    """Whether the name is a provider's, of this build or another: `known_provider("CUDAExecutionProvider")`."""
    return name in _providers.KNOWN or name in _providers.available()


def _executor() -> ThreadPoolExecutor:
    with _async_lock:
        pid = os.getpid()
        if pid not in _async:
            _async.clear()
            _async[pid] = ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="onward-async")
        return _async[pid]


def load_model(path: str | None, data: bytes | None, options: SessionOptions) -> Model:
    """The model of a file or of bytes, with what the options put in its place: `load_model("m.onnx", None, options)`."""
    if options._cancelled:
        raise _errors.make(_errors.ModelLoadCanceled, "loading was cancelled by the session options")
    folder = options._entries.get(_config.FOLDER, "")
    held = [(name, value._value) for name, value in options._initializers.items()]
    if path is not None:
        return Model.load(path, folder, held, dict(options._files))
    return Model.load_bytes(data or b"", folder, held, dict(options._files))


def engine_options(
    options: SessionOptions,
    providers: Sequence[str] = (_providers.CPU,),
    level: GraphOptimizationLevel | None = None,
) -> Options:
    """The options as the engine takes them: `engine_options(SessionOptions())`."""
    config = {} if _default_seed is None else {"random_seed": str(_default_seed)}
    config.update(_config.engine_entries(options._entries))
    return Options(
        threads=max(0, options.intra_op_num_threads) or _default_threads,
        optimization=_OPTIMIZATION.get(options.graph_optimization_level if level is None else level, _FULL),
        memory_limit_bytes=options.memory_limit_bytes,
        providers=list(providers),
        strict=options._entries.get(_config.STRICT) == "1",
        profile=options.enable_profiling,
        dim_names=options._by_name,
        denotations=options._by_denotation,
        log_id=options.logid,
        log_level=min(options.log_severity_level, _log.FATAL),
        config=config,
    )


def _select(delegate: Any, model: Model) -> list[str]:
    """The providers that a function of the user's chooses, for this model."""
    devices = _providers.devices()
    fields = {"graph_description": "graph_doc_string"}
    names = ("doc_string", "domain", "graph_description", "graph_name", "model_version", "producer_name",
             "producer_version")  # fmt: skip
    metadata = {**model.metadata(), **{name: model.field(fields.get(name, name)) for name in names}}
    try:
        chosen = delegate(devices, metadata, {}, _MAX_SELECTIONS)
        selected = [device.ep_name for device in chosen]
    except Exception as error:
        text = f"EP selection delegate failed: {type(error).__name__}: {error}"
        raise _errors.make(_errors.Fail, text) from error
    if not selected:
        raise _errors.make(_errors.Fail, "EP selection delegate did not select anything.")
    return selected


class InferenceSession:
    """A model that is ready to run, from any number of threads.

    >>> session = onward.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
    >>> outputs = session.run(None, {"x": numpy.zeros((1, 3), numpy.float32)})
    """

    def __init__(
        self,
        path_or_bytes: str | bytes | os.PathLike[str],
        sess_options: SessionOptions | None = None,
        providers: Sequence[str | tuple[str, dict[Any, Any]]] | None = None,
        provider_options: Sequence[dict[Any, Any]] | None = None,
        **kwargs: Any,
    ) -> None:
        self._model_path: str | None = None
        self._model_bytes: bytes | None = None
        if isinstance(path_or_bytes, (str, os.PathLike)):
            self._model_path = os.fspath(path_or_bytes)
        elif isinstance(path_or_bytes, bytes):
            self._model_bytes = path_or_bytes
        else:
            raise TypeError(f"Unable to load from type '{type(path_or_bytes)}'; expected a path or bytes")
        if sess_options is not None and not isinstance(sess_options, SessionOptions):
            raise TypeError(f"sess_options is {type(sess_options).__name__}, expected SessionOptions or None")
        self._sess_options = sess_options if sess_options is not None else SessionOptions()
        self._open(providers, provider_options)

    def _open(self, providers: Any, provider_options: Any) -> None:
        options = self._sess_options
        _config.check_session(options._entries, options.log_severity_level)
        _config.check_optimized(options._entries, options.optimized_model_filepath)
        self._model = load_model(self._model_path, self._model_bytes, options)
        if providers is None and options._delegate is not None:
            providers = _select(options._delegate, self._model)
        elif providers is None and options._providers:
            providers = options._providers
        try:
            chosen = _providers.normalize(providers, provider_options)
        except ValueError as error:
            warnings.warn(f"{error}; using {_providers.CPU}", stacklevel=3)
            chosen = [(_providers.CPU, {})]
        _config.apply_to_process(options._entries)
        asked = [p if isinstance(p, str) else p[0] for p in providers or [] if isinstance(p, (str, tuple))]
        strict = options._entries.get(_config.STRICT) == "1"
        made = engine_options(options, asked if strict else [name for name, _ in chosen])
        self._profile_start_ns = time.monotonic_ns()
        self._session = EngineSession.open(self._model, made)
        self._provider_options = dict(chosen)
        inputs = self._session.inputs()
        self._inputs = [node_arg(port) for port in inputs if not port[5]]
        self._overridable = [node_arg(port) for port in inputs if port[5]]
        self._outputs = [node_arg(port) for port in self._session.outputs()]
        self._types = {arg.name: arg.type for arg in self._inputs + self._overridable}
        self._input_names = {arg.name for arg in self._inputs}
        self._output_names = [arg.name for arg in self._outputs]
        if options.optimized_model_filepath:
            data_file, threshold = _config.optimized_data(options._entries)
            write_optimized(self._model, made, options.optimized_model_filepath, data_file, threshold)

    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any], run_options: RunOptions | None = None
    ) -> list[Any]:
        """Runs once; outputs in the order of `output_names`, or all: `session.run(None, {"x": x})`.

        An output is an array, a list (sequence), a dict (map), a SparseTensor or None.
        """
        return [_arrays.to_python(v) for v in self._run(output_names, self._feed(input_feed), run_options)]

    def run_with_ort_values(
        self,
        output_names: Sequence[str] | None,
        input_dict_ort_values: Mapping[str, OrtValue],
        run_options: RunOptions | None = None,
    ) -> list[OrtValue]:
        """run() with values that stay the engine's: `session.run_with_ort_values(None, {"x": OrtValue...})`."""
        fed = [(name, value._get_c_value()._value) for name, value in input_dict_ort_values.items()]
        return [OrtValue(v) for v in self._run(output_names, self._complete(fed), run_options)]

    def run_async(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, Any],
        callback: Callable[[list[Any], Any, str], None],
        user_data: Any,
        run_options: RunOptions | None = None,
    ) -> None:
        """Runs in another thread, which then calls `callback(outputs, user_data, error_text)`:
        `session.run_async(None, {"x": x}, print, None)`."""
        fed = self._feed(input_feed)
        names = self._names(output_names)

        def work() -> None:
            try:
                results, error = [_arrays.to_python(v) for v in self._run(names, fed, run_options)], ""
            except Exception as failed:
                results, error = [], str(failed)
            callback(results, user_data, error)

        _executor().submit(_report, work)

    def run_with_iobinding(self, iobinding: IOBinding, run_options: RunOptions | None = None) -> None:
        """Runs from and into what is bound: `session.run_with_iobinding(binding)`."""
        if iobinding._session is not self:
            raise ValueError("the binding was made by another session; use this session's io_binding()")
        if not iobinding._outputs:
            raise _errors.make(_errors.RuntimeException, "no output is bound; bind_output at least one")
        names = list(iobinding._outputs)
        try:
            fed = self._complete(list(iobinding._inputs.items()))
            given = list(iobinding._outputs.values())
            iobinding._results = self._run(names, fed, run_options, given)
        except (_errors.InvalidArgument, ValueError) as error:
            raise _errors.make(_errors.RuntimeException, str(error)) from error

    def run_with_ortvaluevector(
        self,
        run_options: RunOptions | None,
        feed_names: Sequence[str],
        feeds: Sequence[OrtValue],
        fetch_names: Sequence[str],
        fetches: OrtValueVector,
        fetch_devices: Sequence[Any],
    ) -> None:
        """run() over vectors; results go to `fetches`: `session.run_with_ortvaluevector(None, ["x"], feeds, ...)`."""
        fed = self._complete([(name, value._value) for name, value in zip(feed_names, feeds)])
        given = [fetches[i]._value if i < len(fetches) else None for i in range(len(fetch_names))]
        fetches[:] = [OrtValue(v) for v in self._run(fetch_names, fed, run_options, given)]

    def get_inputs(self) -> list[NodeArg]:
        """What must be fed: `[x.name for x in session.get_inputs()]`."""
        return self._inputs

    def get_outputs(self) -> list[NodeArg]:
        """What can be fetched: `[x.name for x in session.get_outputs()]`."""
        return self._outputs

    def get_overridable_initializers(self) -> list[NodeArg]:
        """What may be fed and has a default: `[x.name for x in session.get_overridable_initializers()]`."""
        return self._overridable

    def get_modelmeta(self) -> ModelMetadata:
        """What the model says of itself: `session.get_modelmeta().custom_metadata_map`."""
        return ModelMetadata(self._model)

    def get_session_options(self) -> SessionOptions:
        """The options that the session was made with: `session.get_session_options().intra_op_num_threads`."""
        return self._sess_options

    def get_providers(self) -> list[str]:
        """The providers in use, best first: ["CPUExecutionProvider"]."""
        return list(self._provider_options)

    def get_provider_options(self) -> dict[str, dict[str, str]]:
        """Their options: {"CPUExecutionProvider": {}}."""
        return {name: dict(options) for name, options in self._provider_options.items()}

    def set_providers(
        self, providers: Sequence[Any] | None = None, provider_options: Sequence[dict[Any, Any]] | None = None
    ) -> None:
        """Makes the session again with other providers: `session.set_providers(["CPUExecutionProvider"])`."""
        self._open(providers, provider_options)

    def get_provider_graph_assignment_info(self) -> list[_providers.OrtEpAssignedSubgraph]:
        """Who runs which nodes: `session.get_provider_graph_assignment_info()[0].get_nodes()`."""
        nodes = json.loads(self._session.placement_json())["nodes"]
        made = [_providers.OrtEpAssignedNode(n["name"], n.get("domain", ""), n["op"]) for n in nodes]
        return [_providers.OrtEpAssignedSubgraph(_providers.CPU, made)]

    def get_input_memory_infos(self) -> list[OrtMemoryInfo]:
        """Where inputs are expected: `session.get_input_memory_infos()[0].name`."""
        return [OrtMemoryInfo("Cpu", OrtAllocatorType.ORT_DEVICE_ALLOCATOR) for _ in self._inputs]

    def get_output_memory_infos(self) -> list[OrtMemoryInfo]:
        """Where outputs are made: `session.get_output_memory_infos()[0].name`."""
        return [OrtMemoryInfo("Cpu", OrtAllocatorType.ORT_DEVICE_ALLOCATOR) for _ in self._outputs]

    def get_input_epdevices(self) -> list[_providers.OrtEpDevice]:
        """Which provider takes each input: `session.get_input_epdevices()[0].ep_name`."""
        return [_providers.OrtEpDevice(_providers.CPU) for _ in self._inputs]

    def io_binding(self) -> IOBinding:
        """A new IOBinding of this session: `binding = session.io_binding()`."""
        return IOBinding(self)

    def create_ortvalue_from_shape_and_type(
        self,
        shape: Sequence[int],
        element_type: Any,
        device_type: str,
        device_id: int = 0,
        vendor_id: int | OrtDeviceVendorId = -1,
    ) -> OrtValue:
        """As OrtValue.ortvalue_from_shape_and_type:
        `session.create_ortvalue_from_shape_and_type([2], "float32", "cpu")`."""
        require_cpu(device_type)
        return OrtValue(Value.create(_types.element_type(element_type), [int(n) for n in shape]))

    def release_captured_graph(self, graph_annotation_id: int = 0) -> None:
        """Nothing to release: graphs are captured on GPUs only. `session.release_captured_graph(0)`."""
        int(graph_annotation_id)

    def get_tuning_results(self) -> list[dict[str, Any]]:
        """What tuning found, of providers that tune; the CPU is none, so []: `session.get_tuning_results()`."""
        return []

    def set_tuning_results(self, results: list[dict[str, Any]], *, error_on_invalid: bool = False) -> None:
        """Takes results of get_tuning_results. Those of providers that cannot tune are named in a warning or, with
        `error_on_invalid`, in an error: `session.set_tuning_results([])`."""
        if not isinstance(results, list):
            raise TypeError(f"results is {type(results).__name__}, expected a list")
        for i, result in enumerate(results):
            found = {key: result[key] for key in ("ep", "results", "validators")}
            text = f"Invalid TuningResults (index={i}). {found['ep']} does not support TunableOp."
            if error_on_invalid:
                raise RuntimeError(text)
            _log.log(_log.WARNING, text, self._sess_options.log_severity_level)

    def disable_fallback(self) -> None:
        """Accepted: a run is never made again on another provider. `session.disable_fallback()`."""

    def enable_fallback(self) -> None:
        """Accepted: a run is never made again on another provider. `session.enable_fallback()`."""

    def end_profiling(self) -> str:
        """Writes what was measured since the session was made (options.enable_profiling) and returns the file's name,
        "" without profiling: `json.load(open(session.end_profiling()))`."""
        if not self._sess_options.enable_profiling:
            return ""
        path = _profile.file_name(self._sess_options.profile_file_prefix)
        _profile.write(path, self._session)
        return path

    def get_profiling_start_time_ns(self) -> int:
        """When measuring began, by time.monotonic_ns(); 0 without: `session.get_profiling_start_time_ns()`."""
        return self._profile_start_ns if self._sess_options.enable_profiling else 0

    def set_ep_dynamic_options(self, options: Mapping[str, str]) -> None:
        """Refused: this build's providers have none. `session.set_ep_dynamic_options({})`."""
        if options:
            raise _errors.make(
                _errors.NotImplemented, f"{_providers.CPU} has no dynamic options, given {list(options)}"
            )

    def trim(self) -> None:
        """Gives back memory that is kept for the next run: `session.trim()`."""
        self._session.trim()

    def __getstate__(self) -> dict[str, Any]:
        return {
            "path": self._model_path,
            "data": self._model_bytes,
            "options": self._sess_options,
            "providers": list(self._provider_options.items()),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._model_path, self._model_bytes = state["path"], state["data"]
        self._sess_options = state["options"]
        self._open(state["providers"], None)

    def _input_type(self, name: str) -> str:
        if name not in self._types:
            raise RuntimeError(f"the model has no input '{name}'; it has {', '.join(self._types)}")
        return self._types[name]

    def _feed(self, input_feed: Mapping[str, Any]) -> list[tuple[str, Value]]:
        types = self._types
        fed = []
        for name, given in input_feed.items():
            fed.append((name, _arrays.from_python(given, types.get(name, "tensor(undefined)"), name)))
        return fed if self._input_names <= input_feed.keys() else self._complete(fed)

    def _complete(self, fed: list[tuple[str, Value]]) -> list[tuple[str, Value]]:
        """Fails if an input is missing; an optional one that is missing is nothing."""
        given = {name for name, _ in fed}
        missing = [arg for arg in self._inputs if arg._name not in given]
        required = [arg._name for arg in missing if not arg._type.startswith("optional")]
        if required:
            raise ValueError(f"Required inputs ({required}) are missing; the feed has {sorted(given)}")
        return fed + [(arg._name, Value()) for arg in missing]

    def _names(self, output_names: Sequence[str] | None) -> list[str]:
        if isinstance(output_names, (str, bytes)):
            raise TypeError("output_names is a list of names or None, not one name")
        return list(output_names) if output_names else self._output_names

    def _run(
        self,
        output_names: Sequence[str] | None,
        fed: list[tuple[str, Value]],
        run_options: RunOptions | None,
        given: list[Value | None] | None = None,
    ) -> list[Value]:
        names = self._names(output_names)
        if run_options is None:
            return self._session.run(fed, names, given or [], None, 0, 0, False)
        if not isinstance(run_options, RunOptions):
            raise TypeError(f"run_options is {type(run_options).__name__}, expected RunOptions or None")
        timeout_us = max(0, int(run_options.timeout_ms * 1000))
        trim = _config.TRIM in run_options._entries
        if run_options._adapters:
            given_by = {name: value for adapter in run_options._adapters for name, value in adapter._parameters.items()}
            fed = [pair for pair in fed if pair[0] not in given_by] + list(given_by.items())
        limit = run_options.memory_limit_bytes
        return self._session.run(fed, names, given or [], run_options._cancel, timeout_us, limit, trim)


def _report(work: Callable[[], None]) -> None:
    """A callback that raises has nobody to tell but the log."""
    try:
        work()
    except Exception as error:
        _log.log(_log.WARNING, f"the callback of run_async raised {type(error).__name__}: {error}")
