"""The keys of SessionOptions.add_session_config_entry and RunOptions.add_run_config_entry.

A key of ONNX Runtime's is accepted: those named below act, the other known ones have nothing to act on here, and a key
that is neither is named in a warning when a session is made, since it is most likely a slip of the pen. Only a value
that would change what the model means is refused.
"""

from __future__ import annotations

from . import _engine
from ._errors import InvalidArgument, NotImplemented, make
from ._log import WARNING, log

MAX_KEY, MAX_VALUE = 1024, 8192

# Keys that this package acts on.
STRICT = "session.disable_cpu_ep_fallback"
FOLDER = "session.model_external_initializers_file_folder_path"
FORMAT = "session.load_model_format"
TRIM = "memory.enable_memory_arena_shrinkage"
SPIN = "session.intra_op.allow_spinning"
SPIN_US = "session.intra_op.spin_duration_us"
SAVE_FORMAT = "session.save_model_format"
DATA_FILE = "session.optimized_model_external_initializers_file_name"
DATA_MIN_BYTES = "session.optimized_model_external_initializers_min_size_in_bytes"

_PREFIXES = ("ep.", "ep_factory.", "mlas.", "memory.", "onward.")
_OWN = "onward."  # before the engine's own options, which docs/python.md lists
_ACCEPTED = frozenset(
    "session." + name
    for name in """
    abort_on_load allow_released_opsets_only debug_layout_transformation disable_aot_function_inlining
    disable_cpu_ep_fallback disable_double_qdq_remover disable_model_compile disable_prepacking
    disable_qdq_constant_folding disable_quant_qdq dynamic_block_base enable_dq_matmulnbits_fusion
    enable_quant_qdq_cleanup fail_on_suboptimal_compiled_model force_spinning_stop graph_optimizations_loop_level
    inter_op.allow_spinning inter_op_thread_affinities intra_op.allow_spinning intra_op.spin_backoff_max
    intra_op.spin_duration_us intra_op_thread_affinities load_model_format log_severity_level
    model_external_initializers_file_folder_path optimized_model_external_initializers_file_name
    optimized_model_external_initializers_min_size_in_bytes qdq_matmulnbits_accuracy_level qdqisint8allowed
    record_ep_graph_assignment_info resave_model_min_size save_external_prepacked_constant_initializers
    save_model_format set_denormal_as_zero sync_with_runtime use_device_allocator_for_initializers
    use_env_allocators use_memory_mapped_ort_model use_ort_model_bytes_directly use_ort_model_bytes_for_initializers
    intra_op_num_threads inter_op_num_threads
    """.split()
) | frozenset(
    "optimization." + name
    for name in """
    constant_folding_max_output_size_in_bytes disable_specified_optimizers enable_cast_chain_elimination
    enable_gelu_approximation enable_memory_optimizer enable_memory_probe_recompute_config memory_optimizer_config
    minimal_build_optimizations
    """.split()
)


def check_entry(key: str, value: str) -> None:
    """What both kinds of options ask of an entry: `check_entry("session.disable_prepacking", "1")`."""
    if not isinstance(key, str) or not isinstance(value, str):
        raise TypeError(f"a config entry is two str, not {type(key).__name__} and {type(value).__name__}")
    if not key or len(key) > MAX_KEY:
        raise RuntimeError(f"a config key is 1 to {MAX_KEY} characters long, not {len(key)}")
    if len(value) > MAX_VALUE:
        raise RuntimeError(f"the value of config key '{key}' is {len(value)} long, at most {MAX_VALUE} is allowed")


def check_session(entries: dict[str, str], least_level: int) -> None:
    """Looks through the entries of a session that is about to be made; see the top of this file."""
    for key, value in entries.items():
        if key not in _ACCEPTED and not key.startswith(_PREFIXES):
            log(WARNING, f"session option '{key}' is not known and has no effect", least_level)
        elif key in (STRICT, SPIN, "session.set_denormal_as_zero", "session.use_env_allocators") and value not in "01":
            log(WARNING, f"session option '{key}' is '{value}', expected '0' or '1'; it has no effect", least_level)
    if entries.get(FORMAT, "ONNX").upper() not in ("", "ONNX"):
        raise make(NotImplemented, f"session option '{FORMAT}' is '{entries[FORMAT]}': only ONNX files can be loaded")


def check_optimized(entries: dict[str, str], path: str) -> None:
    """Fails if an optimised model is asked for in another format than ONNX: `check_optimized({}, "out.onnx")`."""
    asked = entries.get(SAVE_FORMAT, "ORT" if path.lower().endswith(".ort") else "")
    if path and asked.upper() not in ("", "ONNX"):
        raise make(NotImplemented, f"optimized_model_filepath '{path}': models are written as ONNX, not as {asked}")


def optimized_data(entries: dict[str, str]) -> tuple[str, int]:
    """The file for large initializers of an optimised model, and from how many bytes on they are large."""
    given = entries.get(DATA_MIN_BYTES, "1024")
    if not given.isascii() or not given.isdigit():
        raise make(InvalidArgument, f"session option '{DATA_MIN_BYTES}' is '{given}', expected a number of bytes")
    return entries.get(DATA_FILE, ""), max(1, int(given))


def apply_to_process(entries: dict[str, str]) -> None:
    """How long idle threads stay awake is one setting of the process: the last session to name one decides."""
    if entries.get(SPIN) == "0":
        _engine.set_thread_spin_us(0)
    elif SPIN_US in entries:
        try:
            _engine.set_thread_spin_us(int(entries[SPIN_US]))
        except ValueError:
            raise make(
                InvalidArgument, f"session option '{SPIN_US}' is '{entries[SPIN_US]}', expected a number"
            ) from None


def engine_entries(entries: dict[str, str]) -> dict[str, str]:
    """The engine's own options among the entries: {"onward.disabled_passes": "x"} gives {"disabled_passes": "x"}."""
    return {key.removeprefix(_OWN): value for key, value in entries.items() if key.startswith(_OWN)}
