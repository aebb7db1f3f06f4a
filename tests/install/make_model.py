"""Writes tiny.onnx beside this file: y = Softmax(Relu(x A) B), x float[1,4], y float[1,3]; seeded weights."""
import pathlib

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

rng = np.random.default_rng(1)
weights = {"A": rng.normal(size=(4, 8)), "B": rng.normal(size=(8, 3))}
nodes = [helper.make_node("MatMul", ["x", "A"], ["h"]), helper.make_node("Relu", ["h"], ["r"]),
         helper.make_node("MatMul", ["r", "B"], ["s"]), helper.make_node("Softmax", ["s"], ["y"], axis=1)]
graph = helper.make_graph(nodes, "tiny", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
                          [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
                          [numpy_helper.from_array(w.astype(np.float32), n) for n, w in weights.items()])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
save(model, pathlib.Path(__file__).with_name("tiny.onnx"))
