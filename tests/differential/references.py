"""The engine and what it is held against: ONNX's reference evaluator, ONNX Runtime, and the evaluator in double."""

import warnings

import numpy as np
import onnx

import values


def run_engine(model, feeds):
    import onward

    options = onward.SessionOptions()
    options.intra_op_num_threads = 1
    return onward.InferenceSession(model.SerializeToString(), options).run(None, feeds)


def run_onnxruntime(model, feeds):
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    outputs = session.run(None, feeds)
    return [narrow(y, o.type) for y, o in zip(outputs, model.graph.output)]


def narrow(y, declared):
    """ONNX Runtime gives the bytes of types that numpy does not have."""
    name = onnx.TensorProto.DataType.Name(declared.tensor_type.elem_type).lower()
    if isinstance(y, np.ndarray) and name.startswith("float8") and y.dtype == np.uint8:
        return y.view(values.dtype(name))
    return y


def run_evaluator(model, feeds):
    from onnx.reference import ReferenceEvaluator

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return in_declared_types(model, ReferenceEvaluator(model).run(None, feeds))


def in_declared_types(model, outputs):
    """The evaluator gives numpy's scalars and lists, and at times numpy's type in place of the declared one."""
    return [tidy(x, o.type) for x, o in zip(outputs, model.graph.output)]


def tidy(x, declared):
    if declared.HasField("optional_type") and isinstance(x, list) and len(x) == 1:
        return x[0]  # it has an optional as a list
    if isinstance(x, (list, tuple)) or x is None or isinstance(x, dict):
        return x
    x = np.asarray(x)
    name = onnx.TensorProto.DataType.Name(declared.tensor_type.elem_type).lower()
    if not declared.HasField("tensor_type") or name == "undefined" or values.name_of(x) == name and name != "string":
        return x
    with np.errstate(all="ignore"):
        return x.astype(values.dtype(name))


def run_wide(case):
    """The evaluator on the same numbers in double, rounded to the types of the case; None where there is no such model."""
    wide = case.widened()
    if wide is None:
        return None
    model = wide.model()
    outputs = run_evaluator(model, wide.feeds())
    kinds = [o.type.tensor_type.elem_type for o in case.model().graph.output]
    with np.errstate(all="ignore"):
        return [np.asarray(y).astype(values.dtype(onnx.TensorProto.DataType.Name(k).lower())) if np.asarray(y).dtype == np.float64 else y
                for y, k in zip(outputs, kinds)]  # fmt: skip
