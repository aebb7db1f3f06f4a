"""The same model in double: as_double(model, feeds), or None where an operator of it has no such form."""

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

# Products of 8 bits scale by floats; scales of Resize are floats in every type.
ONLY_FLOAT = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "QLinearMatMul", "Resize"}


def doubled(tensor):
    if tensor.data_type == TensorProto.FLOAT:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))


def double_type(info):
    if info.type.tensor_type.elem_type == TensorProto.FLOAT:
        info.type.tensor_type.elem_type = TensorProto.DOUBLE


def double_nodes(nodes):
    """Whether all could be changed."""
    for node in nodes:
        if node.op_type in ONLY_FLOAT:
            return False
        if node.op_type == "ConstantOfShape" and not node.attribute:
            value = numpy_helper.from_array(np.zeros(1))
            node.attribute.append(onnx.helper.make_attribute("value", value))
        for a in node.attribute:
            if node.op_type == "Cast" and a.name == "to":
                if a.i in (TensorProto.FLOAT16, TensorProto.BFLOAT16):
                    return False
                a.i = TensorProto.DOUBLE if a.i == TensorProto.FLOAT else a.i
            if a.HasField("t"):
                doubled(a.t)
            if a.HasField("g") and not double_graph(a.g):
                return False
    return True


def double_graph(graph):
    for tensor in graph.initializer:
        doubled(tensor)
    for info in [*graph.input, *graph.output]:
        double_type(info)
    return double_nodes(graph.node)


def as_double(model, feeds):
    out = onnx.ModelProto()
    out.CopyFrom(model)
    if not double_graph(out.graph) or not all(double_nodes(f.node) for f in out.functions):
        return None
    try:
        onnx.shape_inference.infer_shapes(out, check_type=True)
    except onnx.shape_inference.InferenceError:  # an operator without doubles
        return None
    return out, {n: a.astype(np.float64) if a.dtype == np.float32 else a for n, a in feeds.items()}
