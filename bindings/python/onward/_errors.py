"""The exceptions, and which of them a failure of the engine becomes.

Names and numbers are those that users of ONNX Runtime catch. Each also derives from the exception of Python that says
the same, so `except ValueError` or `except FileNotFoundError` works, and all derive from `Error`.
"""

from __future__ import annotations


class Error(Exception):
    """Any failure of the engine; `code` is its number, `kind` its name.

    >>> try:
    ...     onward.InferenceSession("missing.onnx")
    ... except onward.Error as error:
    ...     print(error.kind)
    NO_SUCHFILE
    """

    code = 1
    kind = "FAIL"
    message = ""  # the text without number and name
    is_io = False  # whether a file could not be read or written


class Fail(Error, RuntimeError):
    """Something failed that has no class of its own: `except onward.Fail as error: print(error)`."""


class InvalidArgument(Error, ValueError):
    """An input, option or shape of the caller's is wrong, as in `session.run(None, {"no_such_input": x})`."""

    code, kind = 2, "INVALID_ARGUMENT"


class NoSuchFile(Error, FileNotFoundError):
    """There is no such file, as in `InferenceSession("missing.onnx")`."""

    code, kind = 3, "NO_SUCHFILE"


class NoModel(Error, RuntimeError):
    """There is no model where one was expected: `except onward.NoModel`."""

    code, kind = 4, "NO_MODEL"


class EngineError(Error, RuntimeError):
    """A fault of the engine's own, worth a report: `except onward.EngineError`."""

    code, kind = 5, "ENGINE_ERROR"


class RuntimeException(Error, RuntimeError):
    """A run failed, as in `session.run_with_iobinding(binding)` without a bound output."""

    code, kind = 6, "RUNTIME_EXCEPTION"


class InvalidProtobuf(Error, ValueError):
    """The bytes are no ONNX file, as in `InferenceSession(b"text")`."""

    code, kind = 7, "INVALID_PROTOBUF"


class ModelLoaded(Error, RuntimeError):
    """A model is loaded already: `except onward.ModelLoaded`."""

    code, kind = 8, "MODEL_LOADED"


class NotImplemented(Error, NotImplementedError):  # noqa: A001 - the name that users know
    """The request is valid, but this build cannot do it: `except onward.NotImplemented as error: print(error)`."""

    code, kind = 9, "NOT_IMPLEMENTED"


class InvalidGraph(Error, ValueError):
    """The file is ONNX, but breaks its rules, as with an unknown operator: `except onward.InvalidGraph`."""

    code, kind = 10, "INVALID_GRAPH"


class EPFail(Error, RuntimeError):
    """An execution provider failed: `except onward.EPFail`."""

    code, kind = 11, "EP_FAIL"


class ModelLoadCanceled(Error, RuntimeError):
    """Loading was cancelled by `options.set_load_cancellation_flag(True)`."""

    code, kind = 12, "MODEL_LOAD_CANCELED"


class ModelRequiresCompilation(Error, RuntimeError):
    """The model must be compiled for its provider first: `except onward.ModelRequiresCompilation`."""

    code, kind = 13, "MODEL_REQUIRES_COMPILATION"


class NotFound(Error, LookupError):
    """Something asked for by name is not there: `except onward.NotFound`."""

    code, kind = 14, "NOT_FOUND"


class OutOfMemory(Fail, MemoryError):
    """Memory ran out: `except MemoryError` catches it, too."""


class LimitExceeded(Fail):
    """A limit would be exceeded, as with `run_options.memory_limit_bytes = 1000`; nothing was allocated."""


class DeadlineExceeded(Fail, TimeoutError):
    """A run took longer than `run_options.timeout_ms`."""


class Cancelled(Fail):
    """A run was stopped by `run_options.terminate = True`."""


# onward_code and onward_detail.
_INVALID_MODEL, _IO = 1, 8
_NO_SUCH_FILE, _NOT_ONNX, _NO_GRAPH = 1, 2, 3
_CLASS_OF_CODE = {
    _INVALID_MODEL: InvalidGraph,
    2: InvalidArgument,
    3: NotImplemented,
    4: OutOfMemory,
    5: LimitExceeded,
    6: DeadlineExceeded,
    7: Cancelled,
    _IO: Fail,
    9: EngineError,
}
_CLASS_OF_DETAIL = {
    (_IO, _NO_SUCH_FILE): NoSuchFile,
    (_INVALID_MODEL, _NOT_ONNX): InvalidProtobuf,
    (_INVALID_MODEL, _NO_GRAPH): InvalidArgument,
}


def make(cls: type[Error], message: str) -> Error:
    """An instance of `cls` with its number and name in the text: `raise make(Fail, "no memory")`."""
    made = cls(f"[onward] : {cls.code} : {cls.kind} : {message}")
    made.message = message
    return made


def from_engine(code: int, detail: int, message: str) -> Error:
    """What the extension module raises for a status: `from_engine(2, 0, "no such input")` is an InvalidArgument."""
    made = make(_CLASS_OF_DETAIL.get((code, detail)) or _CLASS_OF_CODE.get(code, Fail), message)
    made.is_io = code == _IO
    return made
