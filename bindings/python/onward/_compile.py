"""ModelCompiler: models made ready ahead of a session.

ONNX Runtime compiles parts of a model for an execution provider and keeps them as EPContext nodes. The CPU compiles none,
there as here: what is written is the model after the rewrites of the graph optimization level that was asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ._engine import Model, Options, Value
from ._enums import GraphOptimizationLevel, OrtCompileApiFlags
from ._errors import Error, Fail, InvalidArgument, NoSuchFile, make
from ._ort_value import OrtValue


class OrtExternalInitializerInfo:
    """Where an initializer is in a file: `OrtExternalInitializerInfo("weights.bin", 0, 1024).byte_size`."""

    def __init__(self, filepath: str, file_offset: int, byte_size: int) -> None:
        self.filepath, self.file_offset, self.byte_size = os.fspath(filepath), int(file_offset), int(byte_size)


class OrtEpContextData:
    """Data of an EPContext node, of which a callback reads parts: `data.read(0, 4096)`. The engine makes these, and
    with the CPU alone it has none to make."""

    def __init__(self) -> None:
        raise TypeError("OrtEpContextData: No constructor defined!")

    @property
    def size(self) -> int:
        """Bytes of the whole: `data.size`."""
        raise NotImplementedError

    def read(self, offset: int = 0, length: int | None = None) -> bytes:
        """A copy of a part: `data.read(0, 4096)`."""
        raise NotImplementedError


class OrtEpContextDataBuffer:
    """Memory for the data of an EPContext node, which a callback fills: `buffer.allocate(n)`, then
    `buffer.write(data)`. The engine makes these, and with the CPU alone it has none to make."""

    def __init__(self) -> None:
        raise TypeError("OrtEpContextDataBuffer: No constructor defined!")

    @property
    def max_size(self) -> int:
        """The most bytes that may be allocated: `buffer.max_size`."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        """Bytes that were allocated: `buffer.size`."""
        raise NotImplementedError

    @property
    def is_allocated(self) -> bool:
        """Whether allocate was called: `buffer.is_allocated`."""
        raise NotImplementedError

    def allocate(self, size: int) -> None:
        """Makes the memory, once: `buffer.allocate(len(data))`."""
        raise NotImplementedError

    def write(self, data: bytes, offset: int = 0) -> None:
        """Fills a part of it: `buffer.write(data)`."""
        raise NotImplementedError


GetInitializerLocation = Callable[
    [str, OrtValue, "OrtExternalInitializerInfo | None"], "OrtExternalInitializerInfo | None"
]


class ModelCompiler:
    """Writes a model as a session would have it.

    >>> compiler = onward.ModelCompiler(onward.SessionOptions(), "model.onnx")
    >>> compiler.compile_to_file("model_ctx.onnx")
    """

    def __init__(
        self,
        sess_options: Any,
        input_model_path_or_bytes: str | os.PathLike[str] | bytes,
        embed_compiled_data_into_model: bool = False,
        external_initializers_file_path: str | os.PathLike[str] | None = None,
        external_initializers_size_threshold: int = 1024,
        flags: int = OrtCompileApiFlags.NONE,
        graph_optimization_level: GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL,
        get_initializer_location_func: GetInitializerLocation | None = None,
    ) -> None:
        from ._options import SessionOptions

        if not isinstance(sess_options, SessionOptions):
            raise TypeError(f"sess_options is {type(sess_options).__name__}, expected SessionOptions")
        self._options, self._flags = sess_options, OrtCompileApiFlags(flags)
        self._level = GraphOptimizationLevel(graph_optimization_level)
        self._path, self._bytes = _source(input_model_path_or_bytes)
        self._data_file = os.fspath(external_initializers_file_path) if external_initializers_file_path else ""
        if self._data_file and get_initializer_location_func is not None:
            raise ValueError("external_initializers_file_path and get_initializer_location_func exclude each other")
        if os.path.basename(self._data_file) != self._data_file:
            raise make(InvalidArgument, f"'{self._data_file}' is no plain name of a file beside the model")
        self._threshold, self._locate = int(external_initializers_size_threshold), get_initializer_location_func

    def compile_to_file(self, output_model_path: str | os.PathLike[str] | None = None) -> None:
        """Writes the model to a file, by default the input's name with "_ctx" in it:
        `compiler.compile_to_file("out.onnx")`."""
        if output_model_path is not None and not isinstance(output_model_path, (str, os.PathLike)):
            raise TypeError(f"Output model's filepath is of unexpected type '{type(output_model_path)}'")
        path = os.fspath(output_model_path) if output_model_path else self._default_path()
        if OrtCompileApiFlags.ERROR_IF_OUTPUT_FILE_EXISTS in self._flags and os.path.exists(path):
            raise make(Fail, f"'{path}' is there already, and ERROR_IF_OUTPUT_FILE_EXISTS was given")
        model, options = self._prepare()
        write_optimized(model, options, path, self._data_file, self._threshold, self._place())

    def compile_to_bytes(self) -> bytes:
        """The model as the bytes of a file: `InferenceSession(compiler.compile_to_bytes())`."""
        if self._data_file:
            raise make(InvalidArgument, "initializers go to a file beside the model's, so compile_to_file is needed")
        model, options = self._prepare()
        return write_optimized(model, options, "", "", self._threshold, self._place())

    def compile_to_stream(self, write_function: Callable[[bytes], None]) -> None:
        """Gives the bytes to a function: `compiler.compile_to_stream(file.write)`."""
        data = self.compile_to_bytes()
        try:
            write_function(data)
        except Exception as error:
            raise make(Fail, f"{type(error).__name__}: {error}") from error

    def set_ep_context_data_write_func(self, write_func: Callable[[str, OrtEpContextData], None]) -> None:
        """Takes data of EPContext nodes, of which the CPU makes none: accepted, and never called.
        `compiler.set_ep_context_data_write_func(function)`."""
        if not callable(write_func):
            raise TypeError(f"write_func is {type(write_func).__name__}, expected a function")

    def clear_ep_context_data_write_func(self) -> None:
        """Takes it back: `compiler.clear_ep_context_data_write_func()`."""

    def _default_path(self) -> str:
        if self._path is None:
            raise make(InvalidArgument, "a model given as bytes has no name to derive one from; give a path")
        return self._path.removesuffix(".onnx") + "_ctx.onnx"

    def _prepare(self) -> tuple[Model, Options]:
        if OrtCompileApiFlags.ERROR_IF_NO_NODES_COMPILED in self._flags:
            raise make(Fail, "no provider of the session compiles nodes, and ERROR_IF_NO_NODES_COMPILED was given")
        from ._session import engine_options, load_model

        try:
            model = load_model(self._path, self._bytes, self._options)
        except NoSuchFile as error:
            raise make(InvalidArgument, f"Input model path does not exist: {error}") from None
        return model, engine_options(self._options, level=self._level)

    def _place(self) -> Callable[[str, Value, Any], Any] | None:
        locate = self._locate
        if locate is None:
            return None

        def place(name: str, value: Value, found: tuple[str, int, int] | None) -> tuple[str, int, int] | None:
            info = locate(name, OrtValue(value), OrtExternalInitializerInfo(*found) if found else None)
            if info is None:
                return None
            if not isinstance(info, OrtExternalInitializerInfo):
                raise TypeError(f"get_initializer_location_func returned {type(info).__name__}")
            return info.filepath, info.file_offset, info.byte_size

        return place


def _source(given: Any) -> tuple[str | None, bytes | None]:
    if isinstance(given, (str, os.PathLike)):
        if not os.fspath(given):
            raise ValueError("Input model path is empty")
        return os.fspath(given), None
    if not isinstance(given, bytes):
        raise TypeError(f"Unable to load from type '{type(given)}'; expected a path or bytes")
    if not given:
        raise ValueError("Input model bytes array is empty")
    return None, given


def write_optimized(
    model: Model, options: Options, path: str, data_file: str, threshold: int, place: Callable[..., Any] | None = None
) -> bytes:
    """Writes the model to `path`, or returns its bytes without one: `write_optimized(model, options, "out.onnx", "",
    1024)`. A path that cannot be written is an InvalidArgument."""
    failed: list[Exception] = []

    def guarded(*arguments: Any) -> Any:
        try:
            return place(*arguments) if place else None
        except Exception as error:
            failed.append(error)
            raise

    try:
        return model.optimize(options, path, data_file, threshold, guarded if place else None)
    except Error as error:
        if failed:
            raise make(Fail, f"{type(failed[0]).__name__}: {failed[0]}") from failed[0]
        if error.is_io:
            raise make(InvalidArgument, error.message) from None
        raise
