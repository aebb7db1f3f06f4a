"""The same model in double: as_double(model, feeds), or None where an operator of it has no such form."""

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

# Scales of Resize are floats in every type, and products of 8 bits scale by floats.
ONLY_FLOAT = {"Resize", "MatMulInteger"}


def doubled(tensor):
    if tensor.data_type == TensorProto.FLOAT:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))


def double_type(info):
    if info.type.tensor_type.elem_type == TensorProto.FLOAT:
        info.type.tensor_type.elem_type = TensorProto.DOUBLE


def only_float(node, opset):
    if node.domain or node.op_type in ONLY_FLOAT:
        return not node.domain
    constraints = onnx.defs.get_schema(node.op_type, opset).type_constraints
    return any("tensor(float)" in c.allowed_type_strs and "tensor(double)" not in c.allowed_type_strs for c in constraints)


def double_nodes(nodes, opset):
    """Whether all could be changed."""
    for node in nodes:
        if only_float(node, opset):
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
            if a.HasField("g") and not double_graph(a.g, opset):
                return False
    return True


def double_graph(graph, opset):
    for tensor in graph.initializer:
        doubled(tensor)
    for info in [*graph.input, *graph.output]:
        double_type(info)
    return double_nodes(graph.node, opset)


def as_double(model, feeds):
    out = onnx.ModelProto()
    out.CopyFrom(model)
    opset = next(o.version for o in model.opset_import if not o.domain)
    if not double_graph(out.graph, opset) or not all(double_nodes(f.node, opset) for f in out.functions):
        return None
    return out, {n: a.astype(np.float64) if a.dtype == np.float32 else a for n, a in feeds.items()}
