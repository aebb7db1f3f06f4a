"""Tests of `onward check`: run with `python -m pytest tests/check` (Python with onnx; $ONWARD names the program).

Each invalid model must be refused with its code. What onnx.checker refuses, onward must refuse; what the official
test suite calls valid must pass.
"""

import glob
import json
import os
import pathlib
import random
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
ONWARD = os.environ.get("ONWARD", str(ROOT / "build/bin/onward"))


def check(path, *flags):
    """(exit code, findings) of `onward check`."""
    done = subprocess.run([ONWARD, "check", str(path), "--json", *flags], capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, 1), f"{path}: exit {done.returncode}: {done.stderr[-500:]}"
    report = json.loads(done.stdout)
    assert report["valid"] == (done.returncode == 0)
    return done.returncode, report["findings"]


def value(name, shape=(2, 3), dtype=T.FLOAT):
    return h.make_tensor_value_info(name, dtype, shape)


def tensor(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def model(nodes=None, inputs=None, outputs=None, initializers=(), opset=17, ir=8, functions=(), domains=(), **graph):
    nodes = nodes if nodes is not None else [h.make_node("Relu", ["x"], ["y"], name="relu")]
    g = h.make_graph(nodes, "g", inputs if inputs is not None else [value("x")],
                     outputs if outputs is not None else [value("y")], list(initializers), **graph)
    imports = [h.make_opsetid("", opset)] + [h.make_opsetid(d, 1) for d in domains]
    return h.make_model(g, opset_imports=imports, ir_version=ir, functions=list(functions))


def edited(edit, **arguments):
    m = model(**arguments)
    edit(m)
    return m


def raw(name, dims, dtype, **fields):
    t = T(name=name, data_type=dtype, dims=dims)
    for k, v in fields.items():
        setattr(t, k, v) if not isinstance(v, list) else getattr(t, k).extend(v)
    return t


def with_weight(t, **more):
    """A model that adds one initializer to its input."""
    return model([h.make_node("Add", ["x", t.name or "w"], ["y"])], initializers=[t], **more)


def node(*arguments, domain="", **attributes):
    return model([h.make_node(*arguments, domain=domain, **attributes)])


def attribute(**fields):
    a = onnx.AttributeProto(name="alpha")
    for k, v in fields.items():
        setattr(a, k, v) if not isinstance(v, list) else getattr(a, k).extend(v)
    return edited(lambda m: m.graph.node[0].attribute.append(a), nodes=[h.make_node("Elu", ["x"], ["y"])])


def function(nodes=None, inputs=("a",), outputs=("b",), attributes=(), name="F", opset=17, domain="custom", **more):
    nodes = nodes if nodes is not None else [h.make_node("Relu", ["a"], ["b"])]
    return h.make_function(domain, name, list(inputs), list(outputs), nodes, [h.make_opsetid("", opset), h.make_opsetid("custom", 1)],
                           list(attributes), **more)


def calling(*functions, call=None, **more):
    call = call or h.make_node("F", ["x"], ["y"], domain="custom")
    return model([call], functions=functions, domains=["custom"], **more)


def sparse(values, indices, dims, **edit):
    v = tensor("s", np.asarray(values, np.float32))
    i = tensor("i", np.asarray(indices, np.int64))
    return model([h.make_node("Add", ["x", "s"], ["y"])], sparse_initializer=[h.make_sparse_tensor(v, i, dims)])


def subgraph(nodes, outputs, name="sub", **more):
    return h.make_graph(nodes, name, [], [value(o) for o in outputs], **more)


def branch(then):
    other = subgraph([h.make_node("Relu", ["x"], ["e"])], ["e"], "else")
    return model([h.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other)],
                 [value("x"), value("c", (), T.BOOL)])


def set_ir(v):
    return lambda m: setattr(m, "ir_version", v)


def set_dim(m):
    m.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -3


def type_of(edit):
    def apply(m):
        m.graph.input[0].type.Clear()
        edit(m.graph.input[0].type)
    return edited(apply)


W = np.ones((2, 3), np.float32)

# name: (code, model). Every model here is invalid by its structure alone.
INVALID = {
    "ir_version_missing": ("E0101", lambda: edited(lambda m: m.ClearField("ir_version"))),
    "ir_version_unknown": ("E0102", lambda: edited(set_ir(99))),
    "opset_missing": ("E0103", lambda: edited(lambda m: m.ClearField("opset_import"))),
    "opset_before_ir_3": ("E0104", lambda: edited(set_ir(2))),
    "opset_outside_int": ("E0105", lambda: edited(lambda m: setattr(m.opset_import[0], "version", 2**40))),
    "opset_negative": ("E0105", lambda: edited(lambda m: setattr(m.opset_import[0], "version", -1))),
    "no_graph": ("E0106", lambda: edited(lambda m: m.ClearField("graph"))),
    "opset_conflict": ("E0109", lambda: edited(lambda m: m.opset_import.append(h.make_opsetid("", 13)))),
    "metadata_twice": ("E0111", lambda: edited(lambda m: m.metadata_props.extend(
        [onnx.StringStringEntryProto(key="k", value="1"), onnx.StringStringEntryProto(key="k", value="2")]))),
    "graph_unnamed": ("E0201", lambda: edited(lambda m: m.graph.ClearField("name"))),
    "input_twice": ("E0202", lambda: model(inputs=[value("x"), value("x")])),
    "initializer_unnamed": ("E0203", lambda: edited(lambda m: m.graph.initializer.append(tensor("", W)))),
    "initializer_twice": ("E0204", lambda: model(initializers=[tensor("w", W), tensor("w", W)])),
    "initializer_dense_and_sparse": ("E0204", lambda: edited(
        lambda m: m.graph.initializer.append(tensor("s", W)), nodes=[h.make_node("Add", ["x", "s"], ["y"])],
        sparse_initializer=[h.make_sparse_tensor(tensor("s", np.ones(1, np.float32)), tensor("i", np.array([0])), [2, 3])])),
    "initializer_no_input_ir_3": ("E0205", lambda: with_weight(tensor("w", W), ir=3, opset=8)),
    "undefined_input": ("E0207", lambda: node("Relu", ["nothing"], ["y"])),
    "not_sorted": ("E0208", lambda: model([h.make_node("Relu", ["t"], ["y"]), h.make_node("Relu", ["x"], ["t"])])),
    "output_twice_defined": ("E0209", lambda: model([h.make_node("Relu", ["x"], ["y"]), h.make_node("Abs", ["x"], ["y"])])),
    "output_hides_input": ("E0209", lambda: model([h.make_node("Relu", ["x"], ["x"])], outputs=[value("x")])),
    "output_hides_outer": ("E0209", lambda: branch(subgraph([h.make_node("Abs", ["x"], ["c"])], ["c"]))),
    "initializer_hides_outer": ("E0212", lambda: branch(subgraph([h.make_node("Abs", ["x"], ["t"])], ["t"], initializer=[tensor("c", W)]))),
    "subgraph_undefined": ("E0207", lambda: branch(subgraph([h.make_node("Abs", ["nothing"], ["t"])], ["t"]))),
    "subgraph_unnamed": ("E0201", lambda: branch(subgraph([h.make_node("Abs", ["x"], ["t"])], ["t"], ""))),
    "output_not_made": ("E0210", lambda: model(outputs=[value("y"), value("z")])),
    "output_listed_twice": ("E0211", lambda: model(outputs=[value("y"), value("y")])),
    "default_of_other_type": ("E0219", lambda: with_weight(tensor("w", W), inputs=[value("x"), value("w", (2, 3), T.DOUBLE)])),
    "default_of_other_shape": ("E0219", lambda: with_weight(tensor("w", W), inputs=[value("x"), value("w", (4, 3))])),
    "value_unnamed": ("E0301", lambda: edited(lambda m: m.graph.input[0].ClearField("name"))),
    "value_untyped": ("E0302", lambda: edited(lambda m: m.graph.input[0].ClearField("type"))),
    "type_empty": ("E0303", lambda: type_of(lambda t: None)),
    "elem_type_missing": ("E0304", lambda: type_of(lambda t: t.tensor_type.shape.SetInParent())),
    "elem_type_unknown": ("E0305", lambda: type_of(lambda t: (setattr(t.tensor_type, "elem_type", 99), t.tensor_type.shape.SetInParent()))),
    "shape_missing": ("E0306", lambda: type_of(lambda t: setattr(t.tensor_type, "elem_type", 1))),
    "sequence_incomplete": ("E0307", lambda: type_of(lambda t: t.sequence_type.SetInParent())),
    "optional_incomplete": ("E0307", lambda: type_of(lambda t: t.optional_type.SetInParent())),
    "map_incomplete": ("E0307", lambda: type_of(lambda t: setattr(t.map_type, "key_type", T.INT64))),
    "map_float_key": ("E0308", lambda: type_of(lambda t: (setattr(t.map_type, "key_type", T.FLOAT), t.map_type.value_type.tensor_type.SetInParent()))),
    "negative_dim": ("E0309", lambda: edited(set_dim)),
    "tensor_untyped": ("E0401", lambda: with_weight(raw("w", [1], 0, float_data=[1.0]))),
    "tensor_type_unknown": ("E0402", lambda: with_weight(raw("w", [1], 99, float_data=[1.0]))),
    "tensor_dims_negative": ("E0403", lambda: with_weight(raw("w", [-1], T.FLOAT, float_data=[1.0]))),
    "tensor_dims_overflow": ("E0403", lambda: with_weight(raw("w", [2**40, 2**40], T.FLOAT, float_data=[1.0]))),
    "string_in_raw": ("E0405", lambda: with_weight(raw("w", [1], T.STRING, raw_data=b"abc"))),
    "empty_with_data": ("E0406", lambda: with_weight(raw("w", [0], T.FLOAT, float_data=[1.0]))),
    "two_data_fields": ("E0407", lambda: with_weight(raw("w", [1], T.FLOAT, float_data=[1.0], int32_data=[1]))),
    "no_data": ("E0408", lambda: with_weight(raw("w", [2], T.FLOAT))),
    "wrong_typed_field": ("E0409", lambda: with_weight(raw("w", [1], T.FLOAT, int64_data=[1]))),
    "data_short": ("E0409", lambda: with_weight(raw("w", [2, 3], T.FLOAT, raw_data=b"\0" * 20))),
    "data_excess": ("E0409", lambda: with_weight(raw("w", [2, 3], T.FLOAT, raw_data=b"\0" * 28))),
    "bool_not_0_or_1": ("E0409", lambda: with_weight(raw("w", [1], T.BOOL, raw_data=b"\7"))),
    "sparse_rank_of_values": ("E0421", lambda: sparse([[1]], [0], [2, 3])),
    "sparse_scalar": ("E0422", lambda: sparse([1], [0], [])),
    "sparse_dim_zero": ("E0422", lambda: sparse([1], [0], [0, 3])),
    "sparse_indices_rank": ("E0423", lambda: sparse([1], [[[0]]], [2, 3])),
    "sparse_indices_count": ("E0424", lambda: sparse([1], [0, 1], [2, 3])),
    "sparse_indices_columns": ("E0424", lambda: sparse([1], [[0, 0, 0]], [2, 3])),
    "sparse_index_outside": ("E0425", lambda: sparse([1], [6], [2, 3])),
    "sparse_row_outside": ("E0425", lambda: sparse([1], [[2, 0]], [2, 3])),
    "sparse_not_sorted": ("E0426", lambda: sparse([1, 2], [3, 1], [2, 3])),
    "sparse_twice": ("E0426", lambda: sparse([1, 2], [[0, 1], [0, 1]], [2, 3])),
    "no_op_type": ("E0601", lambda: node("", ["x"], ["y"])),
    "no_inputs_no_outputs": ("E0602", lambda: model([h.make_node("Relu", ["x"], ["y"]), h.make_node("Loop", [], [])])),
    "domain_not_imported": ("E0603", lambda: node("Thing", ["x"], ["y"], domain="elsewhere")),
    "unknown_operator": ("E0604", lambda: node("Relo", ["x"], ["y"])),
    "operator_too_new": ("E0604", lambda: node("Swish", ["x"], ["y"])),
    "deprecated": ("E0605", lambda: node("Upsample", ["x", "x"], ["y"])),
    "too_few_inputs": ("E0606", lambda: node("Add", ["x"], ["y"])),
    "too_many_inputs": ("E0606", lambda: node("Relu", ["x", "x"], ["y"])),
    "too_many_outputs": ("E0606", lambda: node("Relu", ["x"], ["y", "z"])),
    "required_input_omitted": ("E0607", lambda: node("Add", ["", "x"], ["y"])),
    "unknown_attribute": ("E0608", lambda: node("Relu", ["x"], ["y"], axis=1)),
    "attribute_of_other_type": ("E0609", lambda: node("Elu", ["x"], ["y"], alpha=1)),
    "attribute_missing": ("E0610", lambda: node("Cast", ["x"], ["y"])),
    "attribute_twice": ("E0612", lambda: edited(lambda m: m.graph.node[0].attribute.append(h.make_attribute("alpha", 2.0)),
                                                nodes=[h.make_node("Elu", ["x"], ["y"], alpha=1.0)])),
    "attribute_unnamed": ("E0701", lambda: edited(lambda m: m.graph.node[0].attribute[0].ClearField("name"),
                                                  nodes=[h.make_node("Elu", ["x"], ["y"], alpha=1.0)])),
    "attribute_untyped": ("E0702", lambda: attribute(f=1.0)),
    "attribute_type_and_field": ("E0703", lambda: attribute(i=1, type=onnx.AttributeProto.FLOAT)),
    "attribute_two_values": ("E0704", lambda: attribute(f=1.0, i=1, type=onnx.AttributeProto.FLOAT)),
    "attribute_no_value": ("E0708", lambda: attribute(type=onnx.AttributeProto.TENSOR)),
    "reference_in_graph": ("E0706", lambda: attribute(ref_attr_name="a", type=onnx.AttributeProto.FLOAT)),
    "reference_and_value": ("E0705", lambda: attribute(ref_attr_name="a", f=1.0, type=onnx.AttributeProto.FLOAT)),
    "reference_undeclared": ("E0707", lambda: calling(function([
        edited(lambda m: m.graph.node[0].attribute.append(
            onnx.AttributeProto(name="alpha", ref_attr_name="nobody", type=onnx.AttributeProto.FLOAT)),
            nodes=[h.make_node("Elu", ["a"], ["b"])], inputs=[value("a")], outputs=[value("b")]).graph.node[0]]))),
    "function_unnamed": ("E0801", lambda: calling(function(), function(name=""))),
    "function_no_domain": ("E0801", lambda: calling(function(), function(domain=""))),
    "function_twice": ("E0802", lambda: calling(function(), function())),
    "function_input_twice": ("E0804", lambda: calling(function(inputs=("a", "a")))),
    "function_output_twice": ("E0804", lambda: calling(function(outputs=("b", "b")))),
    "function_attribute_twice": ("E0804", lambda: calling(function(attributes=["k", "k"]))),
    "function_attribute_in_both": ("E0804", lambda: calling(function(attributes=["k"], attribute_protos=[h.make_attribute("k", 1)]))),
    "function_not_sorted": ("E0208", lambda: calling(function([h.make_node("Relu", ["t"], ["b"]), h.make_node("Relu", ["a"], ["t"])]))),
    "function_ssa": ("E0209", lambda: calling(function([h.make_node("Relu", ["a"], ["b"]), h.make_node("Abs", ["a"], ["b"])]))),
    "function_other_version": ("E0806", lambda: calling(function([h.make_node("Softmax", ["a"], ["b"])], opset=11))),
    "function_output_not_made": ("E0807", lambda: calling(function(outputs=("b", "c")))),
    "function_calls_itself": ("E0808", lambda: calling(function([h.make_node("F", ["a"], ["b"], domain="custom")]))),
    "function_cycle": ("E0808", lambda: calling(function([h.make_node("G", ["a"], ["b"], domain="custom")]),
                                                function([h.make_node("F", ["a"], ["b"], domain="custom")], name="G"))),
    "call_too_many_inputs": ("E0811", lambda: calling(function(), call=h.make_node("F", ["x", "x"], ["y"], domain="custom"))),
    "call_unknown_attribute": ("E0812", lambda: calling(function(), call=h.make_node("F", ["x"], ["y"], domain="custom", k=1))),
    "calls_too_deep": ("E0809", lambda: calling(*[function([h.make_node(f"F{i + 1}", ["a"], ["b"], domain="custom")], name=f"F{i}" if i else "F")
                                                  for i in range(130)], function(name="F130"))),
    "training_no_algorithm": ("E0901", lambda: edited(lambda m: m.training_info.add())),
    "training_binding": ("E0903", lambda: edited(lambda m: m.training_info.add().update_binding.add(key="k", value="v"))),
    "device_configuration": ("E0906", lambda: edited(lambda m: m.graph.node[0].device_configurations.add(configuration_id="no"), ir=11)),
}

# Invalid by types, shapes and constants: found with --full.
FULL = {
    "type_not_allowed": ("E1001", lambda: model([h.make_node("Sqrt", ["x"], ["y"])], [value("x", (2, 3), T.INT64)], [value("y", (2, 3), T.INT64)])),
    "broadcast": ("E1001", lambda: model([h.make_node("Add", ["x", "z"], ["y"])], [value("x"), value("z", (2, 4))])),
    "matmul": ("E1001", lambda: model([h.make_node("MatMul", ["x", "z"], ["y"])], [value("x"), value("z", (4, 5))], [value("y", (2, 5))])),
    "declared_type": ("E1004", lambda: model(outputs=[value("y", (2, 3), T.INT64)])),
    "declared_rank": ("E1005", lambda: model(outputs=[value("y", (2, 3, 1))])),
    "declared_dim": ("E1006", lambda: model(outputs=[value("y", (2, 4))])),
    "value_info_dim": ("E1006", lambda: model([h.make_node("Relu", ["x"], ["t"]), h.make_node("Relu", ["t"], ["y"])], value_info=[value("t", (9, 3))])),
    "symbol_is_two_numbers": ("E1007", lambda: model(outputs=[value("y", ("n", "n"))])),
    "gather_out_of_range": ("E1101", lambda: model([h.make_node("Gather", ["x", "i"], ["y"])], initializers=[tensor("i", np.array([0, 2]))])),
    "conv_kernel_shape": (None, lambda: conv((4, 3, 3, 3), kernel_shape=[5, 5])),
    "conv_group": (None, lambda: conv((4, 3, 3, 3), group=2)),
    "conv_channels": (None, lambda: conv((4, 2, 3, 3))),
    "lstm_weight": (None, lambda: lstm((1, 12, 5), (1, 16, 4))),
    "lstm_recurrence": (None, lambda: lstm((1, 16, 5), (1, 16, 3))),
    "reshape_two_unknown": (None, lambda: model([h.make_node("Reshape", ["x", "s"], ["y"])], initializers=[tensor("s", np.array([-1, -1]))])),
    "reshape_count": (None, lambda: model([h.make_node("Reshape", ["x", "s"], ["y"])], outputs=[value("y", (4, 2))], initializers=[tensor("s", np.array([4, 2]))])),
    "batch_norm_scale": (None, lambda: model([h.make_node("BatchNormalization", ["x", "s", "b", "b", "b"], ["y"])],
                                             initializers=[tensor("s", np.ones(4, np.float32)), tensor("b", np.ones(3, np.float32))])),
    "quantize_scale_length": (None, lambda: model([h.make_node("QuantizeLinear", ["x", "s", "z"], ["y"], axis=1)], outputs=[value("y", (2, 3), T.UINT8)],
                                                  initializers=[tensor("s", np.ones(4, np.float32)), tensor("z", np.zeros(4, np.uint8))])),
}


def conv(weight, **attributes):
    return model([h.make_node("Conv", ["x", "w"], ["y"], **attributes)], [value("x", (1, 3, 8, 8))],
                 [value("y", ("a", "b", "c", "d"))], [tensor("w", np.ones(weight, np.float32))])


def lstm(w, r, steps=7):
    return model([h.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=4)], [value("x", (steps, 2, 5))],
                 [value("y", ("a", "b", "c", "d"))], [tensor("w", np.ones(w, np.float32)), tensor("r", np.ones(r, np.float32))])


# Valid, but surely not meant.
LINT = {
    "attribute_left_out": ("W0709", lambda: attribute(type=onnx.AttributeProto.FLOAT)),
    "value_info_incomplete": ("W0311", lambda: model(value_info=[onnx.ValueInfoProto(name="y", type=onnx.TypeProto(tensor_type=onnx.TypeProto.Tensor()))])),
    "nan_weight": ("W0414", lambda: with_weight(tensor("w", np.full((2, 3), np.nan, np.float32)))),
    "zero_scale": ("W1107", lambda: model([h.make_node("QuantizeLinear", ["x", "s"], ["y"])], outputs=[value("y", (2, 3), T.UINT8)],
                                          initializers=[tensor("s", np.float32(0))])),
    "dead_node": ("W0215", lambda: model([h.make_node("Relu", ["x"], ["y"]), h.make_node("Abs", ["x"], ["z"])])),
    "unused_initializer": ("W0216", lambda: model(initializers=[tensor("w", W)])),
    "unused_import": ("W0113", lambda: model(domains=["nobody"])),
    "unused_input": ("W0221", lambda: model(inputs=[value("x"), value("z")])),
    "opset_twice": ("W0109", lambda: edited(lambda m: m.opset_import.append(h.make_opsetid("", 17)))),
    "both_spellings": ("W0110", lambda: edited(lambda m: m.opset_import.append(h.make_opsetid("ai.onnx", 17)))),
    "opset_newer_than_ir": ("W0107", lambda: model(opset=21, ir=8)),
    "opset_newer_than_known": ("W0108", lambda: model(opset=999, ir=13)),
    "functions_below_ir_8": ("W0114", lambda: calling(function(), ir=7)),
    "int4_below_ir_10": ("W0114", lambda: with_weight(raw("w", [2], T.INT4, raw_data=b"\x21"), ir=9)),
    "node_name_twice": ("W0214", lambda: model([h.make_node("Relu", ["x"], ["t"], name="n"), h.make_node("Relu", ["t"], ["y"], name="n")])),
    "value_info_twice": ("W0217", lambda: model(value_info=[value("y"), value("y")])),
    "value_info_of_nothing": ("W0218", lambda: model(value_info=[value("nothing")])),
    "experimental": ("W0611", lambda: node("ImageScaler", ["x"], ["y"])),
    "annotation": ("W0908", lambda: edited(lambda m: m.graph.quantization_annotation.add(tensor_name="nothing"))),
}


def saved(tmp_path, m):
    path = tmp_path / "model.onnx"
    path.write_bytes(m.SerializeToString())
    return path


def official_refuses(path, full):
    try:
        onnx.checker.check_model(str(path), full_check=full)
    except Exception:  # the checker raises ValidationError, InferenceError, and others for hostile files
        return True
    return False


def codes(findings, severity=None):
    return {f["code"] for f in findings if severity in (None, f["severity"])}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_models_are_refused_with_their_code(tmp_path, name):
    code, make = INVALID[name]
    exit_code, findings = check(saved(tmp_path, make()))
    assert exit_code == 1 and code in codes(findings, "error"), findings


@pytest.mark.parametrize("name", FULL)
def test_wrong_types_shapes_and_constants_are_found_with_full(tmp_path, name):
    code, make = FULL[name]
    exit_code, findings = check(saved(tmp_path, make()), "--full")
    assert exit_code == 1 and (code is None or code in codes(findings, "error")), findings


@pytest.mark.parametrize("name", LINT)
def test_lints_warn_and_stay_valid(tmp_path, name):
    code, make = LINT[name]
    _, findings = check(saved(tmp_path, make()), "--full")
    assert code in codes(findings, "warning"), findings
    if name not in ("experimental", "int4_below_ir_10"):
        assert not codes(findings, "error"), findings


@pytest.mark.parametrize("name", [*INVALID, *FULL, *LINT])
def test_what_the_official_checker_refuses_is_refused(tmp_path, name):
    _, make = {**INVALID, **FULL, **LINT}[name]
    path = saved(tmp_path, make())
    if official_refuses(path, False):
        assert check(path)[0] == 1
    if official_refuses(path, True):
        assert check(path, "--full")[0] == 1


def test_what_only_a_gradient_names_is_used(tmp_path):
    nodes = [h.make_node("Mul", ["x", "w"], ["y"]),
             h.make_node("Gradient", ["x", "w"], ["d"], domain="ai.onnx.preview.training", xs=["x"], zs=["w"], y="y")]
    m = model(nodes, outputs=[value("d")], initializers=[tensor("w", W)], domains=["ai.onnx.preview.training"])
    assert check(saved(tmp_path, m), "--full") == (0, [])


def test_all_findings_are_reported_not_the_first(tmp_path):
    m = model([h.make_node("Relo", ["x"], ["t"]), h.make_node("Add", ["t"], ["u"]), h.make_node("Relu", ["nothing"], ["y"])])
    findings = check(saved(tmp_path, m))[1]
    assert {"E0604", "E0606", "E0207"} <= codes(findings)
    places = [f["location"] for f in findings]
    assert any(p.startswith("graph.node[0]") for p in places) and any(p.startswith("graph.node[2]") and ".input[0]" in p for p in places)
    assert any("did you mean Relu" in f["advice"] for f in findings)


def test_inference_goes_on_past_an_operator_that_is_not_known(tmp_path):
    m = model([h.make_node("Thing", ["x"], ["t"], domain="custom"), h.make_node("MatMul", ["x", "x"], ["u"]),
               h.make_node("Add", ["u", "t"], ["y"])], domains=["custom"])
    findings = check(saved(tmp_path, m), "--full")[1]
    assert "W1002" in codes(findings)
    assert [f for f in findings if f["code"] == "E1001" and f["location"].startswith("graph.node[1]")], findings


# --- External data ------------------------------------------------------------------------------------------------


def external(tmp_path, data=bytes(24), location="w.bin", **entries):
    t = raw("w", [2, 3], T.FLOAT, data_location=T.EXTERNAL)
    for key, text in {"location": location, **entries}.items():
        if text is not None:
            t.external_data.add(key=key, value=str(text))
    folder = tmp_path / "m"
    folder.mkdir()
    if data is not None:
        (folder / "w.bin").write_bytes(data)
    return saved(folder, with_weight(t))


def test_external_data_that_is_right_passes(tmp_path):
    assert check(external(tmp_path, offset=0, length=24), "--full")[0] == 0


@pytest.mark.parametrize("code, arguments", {
    "no location": ("E0501", {"location": None}),
    "bad offset": ("E0501", {"offset": "-4"}),
    "wrong length": ("E0502", {"length": 20}),
    "empty": ("E0504", {"location": ""}),
    "absolute": ("E0504", {"location": "/etc/hostname"}),
    "parent": ("E0504", {"location": "../w.bin"}),
    "a folder": (None, {"location": "."}),
    "missing": ("E0505", {"data": None}),
    "short": ("E0506", {"data": bytes(20)}),
    "offset past the end": ("E0506", {"offset": 4096}),
}.values())
def test_external_data(tmp_path, code, arguments):
    path = external(tmp_path, **arguments)
    exit_code, findings = check(path)
    assert exit_code == 1 and (code is None or code in codes(findings, "error")), findings


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_links_to_external_data_are_refused(tmp_path, link):
    path = external(tmp_path, location="link.bin")
    link(path.parent / "w.bin", path.parent / "link.bin")
    assert "E0504" in codes(check(path)[1], "error")


def test_overlapping_external_data_warns(tmp_path):
    path = external(tmp_path, data=bytes(40), offset=0)
    m = onnx.load(path, load_external_data=False)
    t = m.graph.initializer.add()
    t.CopyFrom(m.graph.initializer[0])
    t.name, t.external_data[1].value = "v", "16"
    m.graph.node.append(h.make_node("Add", ["y", "v"], ["z"]))
    m.graph.output[0].name = "z"
    path.write_bytes(m.SerializeToString())
    exit_code, findings = check(path)
    assert exit_code == 0 and "W0507" in codes(findings)


# --- The other commands -------------------------------------------------------------------------------------------


def onward(*arguments):
    done = subprocess.run([ONWARD, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def inspected(path, *flags):
    code, out, error = onward("inspect", path, "--json", *flags)
    assert code == 0, error
    return json.loads(out)


def test_inspect_counts_by_symbol(tmp_path):
    w, b = np.ones((16, 3, 3, 3), np.float32), np.ones(16, np.float32)
    m = model([h.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]), h.make_node("Relu", ["c"], ["y"])],
              [value("x", ("N", 3, 32, 32))], [value("y", ("N", 16, 32, 32))], [tensor("w", w), tensor("b", b)], opset=17)
    m.metadata_props.add(key="k", value="v")
    report = inspected(saved(tmp_path, m), "--shape", "N=4")
    macs = 16 * 32 * 32 * 3 * 3 * 3
    assert report["inferred"]["macs"] == {"expression": f"{macs}*N", "value": 4 * macs, "nodes_missing_in_expression": 0}
    assert inspected(saved(tmp_path, m))["inferred"]["macs"] == {"expression": f"{macs}*N", "value": None}
    assert report["inferred"]["flops"]["value"] == 4 * (2 * macs + 16 * 32 * 32)
    # At the Relu, its input and output are alive.
    assert report["inferred"]["activation_peak_bytes"][0]["value"] == 4 * 2 * 16 * 32 * 32 * 4
    assert report["inferred"]["outputs"] == [{"name": "y", "type": "float[4,16,32,32]"}]
    assert report["inferred"]["symbols"] == ["N"]
    assert report["parameters"]["total"] == {"tensors": 2, "elements": w.size + b.size, "bytes": w.nbytes + b.nbytes}
    assert report["operators"] == {"Conv": 1, "Relu": 1}
    assert report["opsets"] == [{"domain": "", "version": 17}] and report["metadata"] == {"k": "v"}


@pytest.mark.parametrize("name, macs", {
    "matmul": (lambda: model([h.make_node("MatMul", ["x", "z"], ["y"])], [value("x", ("a", 5, 6)), value("z", (6, 7))], [value("y", ("a", 5, 7))]), 3 * 5 * 6 * 7),
    "gemm": (lambda: model([h.make_node("Gemm", ["x", "z"], ["y"], transA=1)], [value("x", (6, "a")), value("z", (6, 7))], [value("y", ("a", 7))]), 3 * 6 * 7),
    "transposed": (lambda: model([h.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2])], [value("x", ("a", 4, 5, 5))],
                                 [value("y", ("a", 8, 11, 11))], [tensor("w", np.ones((4, 8, 3, 3), np.float32))]), 3 * 4 * 25 * 8 * 9),
    "lstm": (lambda: lstm((1, 16, 5), (1, 16, 4), "a"), 3 * 2 * 4 * 4 * (5 + 4)),
}.items())
def test_inspect_macs(tmp_path, name, macs):
    make, expected = macs
    assert inspected(saved(tmp_path, make()), "--shape", "a=3")["inferred"]["macs"]["value"] == expected


def test_inspect_tells_what_the_file_says_where_it_cannot_infer(tmp_path):
    path = saved(tmp_path, model([h.make_node("Thing", ["x"], ["y"], domain="custom")], domains=["custom"]))
    report = inspected(path)
    assert report["operators"] == {"custom.Thing": 1} and "Thing" in report["problems"][0]
    assert report["inferred"]["inputs"] == [{"name": "x", "type": "float[2,3]"}] and report["inferred"]["nodes_of_unknown_cost"] == 0
    assert report["inputs"] == [{"name": "x", "type": "float[2,3]"}]
    assert onward("inspect", path)[0] == 0


def test_inspect_shows_what_is_left_of_a_damaged_file(tmp_path):
    path = saved(tmp_path, model([h.make_node("Thing", ["x"], ["t"], domain="custom"), h.make_node("Relu", ["x"], ["y"])], domains=["custom"]))
    report = inspected(path)
    assert report["inferred"]["outputs"][0]["type"] == "float[2,3]" and report["inferred"]["flops"]["value"] == 6
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    code, out, _ = onward("inspect", path, "--json")
    assert code == 1 and json.loads(out)["operators"] == {"custom.Thing": 1, "Relu": 1} and json.loads(out)["problems"]
    path.write_bytes(b"no model at all")
    assert onward("inspect", path)[0] == 1


def test_inspect_prints_graphs(tmp_path):
    path = saved(tmp_path, model())
    assert "y = Relu (x)" in onward("inspect", path, "--graph")[1]
    assert "%y: float[2,3] = Relu(%x)" in onward("inspect", path, "--graph", "ir")[1]
    assert onward("inspect", path, "--shape", "n")[0] == 2
    assert onward("inspect", path, "--shape", "n=3")[0] == 2
    assert onward("inspect", tmp_path / "none.onnx")[0] == 1


def test_ops_lists_the_schemas():
    listed = {(o["domain"], o["name"]): o for o in json.loads(onward("ops", "--json")[1])}
    official = {}
    for s in onnx.defs.get_all_schemas_with_history():
        official.setdefault(("" if s.domain == "ai.onnx" else s.domain, s.name), set()).add(s.since_version)
    for key, versions in official.items():
        assert set(listed[key]["versions"]) == versions, key
    assert listed["", "Softmax"]["build"]["can_run"] and listed["", "Softmax"]["build"]["native_types"] == ["float", "double"]


def test_ops_shows_one_in_full():
    shown = json.loads(onward("ops", "softmax", "--json")[1])
    assert [v["since_version"] for v in shown["versions"]] == [1, 11, 13]
    newest = shown["versions"][-1]
    assert newest["attributes"] == [{"name": "axis", "type": "INT", "required": False, "default": -1}]
    assert newest["inputs"] == [{"name": "input", "option": "single", "type": "T"}] and "tensor(float)" in newest["types"]["T"]
    assert "Softmax" in onward("ops", "Softmax")[1]
    assert onward("ops", "NoSuchThing")[0] == 2


# --- Files of others ----------------------------------------------------------------------------------------------


def official_models():
    folder = os.path.join(os.path.dirname(onnx.__file__), "backend", "test", "data")
    return sorted(glob.glob(os.path.join(folder, "**", "*.onnx"), recursive=True))


@pytest.mark.parametrize("flags", [[], ["--full"]])
def test_every_official_model_is_accepted(flags):
    paths = official_models()
    assert len(paths) > 1500

    def errors(path):
        return path, [f for f in check(path, *flags)[1] if f["severity"] == "error"]

    with ThreadPoolExecutor(2) as pool:
        refused = [(p, e) for p, e in pool.map(errors, paths) if e]
    assert not refused


def inner_messages(m):
    out = [m]
    for field, v in m.ListFields():
        if field.message_type is not None:
            for inner in v if field.is_repeated else [v]:
                out += inner_messages(inner)
    return out


def edit_at_random(m, rng):
    """Clears, empties, repeats or replaces one field somewhere in a model."""
    message = rng.choice(inner_messages(m))
    set_fields = message.ListFields()
    if not set_fields:
        return
    field, v = rng.choice(set_fields)
    if field.is_repeated and rng.random() < 0.5:
        del v[rng.randrange(len(v))]
    elif field.is_repeated:
        v.extend([v[rng.randrange(len(v))]])
    elif rng.random() < 0.5:
        message.ClearField(field.name)
    elif field.message_type is not None:
        v.Clear()
    elif isinstance(v, str):
        setattr(message, field.name, rng.choice(["", "x", "y", "Relu", "ai.onnx.ml"]))
    elif isinstance(v, bytes):
        setattr(message, field.name, v[:-1])
    elif isinstance(v, int):
        setattr(message, field.name, rng.choice([0, 1, 2, 3, 7, 8, 16, 100]))


def test_random_edits_that_the_official_checker_refuses_are_refused(tmp_path):
    rng = random.Random(11)
    paths = [p for p in official_models() if os.path.getsize(p) < 20000]
    refused = 0
    for _ in range(400):
        source = rng.choice(paths)
        m = onnx.load(source)
        edit_at_random(m, rng)
        path = saved(tmp_path, m)
        if official_refuses(path, False):
            refused += 1
            assert check(path)[0] == 1, source
    assert refused > 100


def test_damaged_files_give_findings_not_crashes(tmp_path):
    source = pathlib.Path(next(p for p in official_models() if "test_loop16_seq_none" in p)).read_bytes()
    rng = np.random.default_rng(7)
    path = tmp_path / "damaged.onnx"
    for i in range(150):
        data = bytearray(source)
        for _ in range(rng.integers(1, 6)):
            data[rng.integers(len(data))] = rng.integers(256)
        path.write_bytes(bytes(data[: rng.integers(1, len(data) + 1)] if i % 3 == 0 else data))
        check(path, "--full")


def nested(depth):
    """The bytes of a model with `depth` graphs inside each other, more than protobuf itself would read."""
    def field(number, data):
        length, out = len(data), b""
        while length > 127:
            out, length = out + bytes([length & 127 | 128]), length >> 7
        return bytes([number << 3 | 2]) + out + bytes([length]) + data

    graph = h.make_graph([h.make_node("Relu", ["x"], ["o"])], "g", [], [value("o")]).SerializeToString()
    for i in range(depth):
        attribute = field(1, b"then_branch") + field(6, graph) + b"\xa0\x01\x05"
        graph = field(1, field(2, b"o%d" % i) + field(4, b"If") + field(5, attribute)) + field(2, b"g")
    return b"\x08\x08" + field(7, graph) + field(8, b"\x10\x11")


@pytest.mark.parametrize("depth", [20, 60, 100, 5000])
def test_deep_nesting_gives_findings(tmp_path, depth):
    path = tmp_path / "deep.onnx"
    path.write_bytes(nested(depth))
    exit_code, findings = check(path, "--full")
    assert exit_code == 1
    assert ("E0002" in codes(findings)) == (depth > 64), findings


def test_long_chains_of_functions_are_checked_without_recursion(tmp_path):
    chain = [function([h.make_node(f"F{i + 1}", ["a"], ["b"], domain="custom")], name=f"F{i}" if i else "F") for i in range(5000)]
    assert "E0809" in codes(check(saved(tmp_path, calling(*chain, function(name="F5000"))), "--full")[1])


def test_every_code_is_documented():
    sources = "".join(p.read_text() for p in (ROOT / "src/passes/check").glob("*.cc"))
    used = set(re.findall(r'"([EW]\d{4})"', sources))
    documented = set(re.findall(r"^\| `([EW]\d{4})` \|", (ROOT / "docs/check.md").read_text(), re.M))
    assert used == documented


def test_exit_codes(tmp_path):
    assert subprocess.run([ONWARD, "check", str(tmp_path / "none.onnx")], capture_output=True).returncode == 2
    assert subprocess.run([ONWARD, "check"], capture_output=True).returncode == 2
    assert subprocess.run([ONWARD, "check", str(saved(tmp_path, model()))], capture_output=True).returncode == 0
    (tmp_path / "text.onnx").write_text("this is no model")
    assert codes(check(tmp_path / "text.onnx")[1]) == {"E0001"}
    for command in ("check", "inspect", "ops"):
        shown = subprocess.run([ONWARD, command, "--help"], capture_output=True, text=True)
        assert shown.returncode == 0 and f"onward {command}" in shown.stdout
