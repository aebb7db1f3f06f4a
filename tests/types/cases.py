"""Small models of one operator, from the official ONNX cases of its newest version, and the same in other types."""

import functools
import pathlib

import numpy as np
import onnx
from onnx import defs, helper, numpy_helper

import values

DATA = pathlib.Path(onnx.__file__).parent / "backend/test/data/node"
OPSETS = {"": defs.onnx_opset_version(), "ai.onnx.ml": 5}
# Attributes that state the type of an output.
TYPE_ATTRIBUTES = ("dtype", "to", "output_dtype", "output_datatype", "stash_type")


class Case:
    """A model of one node, and what it is fed with."""

    def __init__(self, name, node, feeds, types, outputs):
        self.name, self.node, self.feeds = name, node, feeds
        self.types = types  # of inputs, by name: TypeProto
        self.outputs = outputs  # element types by name: "float"

    def model(self):
        inputs = [helper.make_value_info(n, self.types[n]) for n in dict.fromkeys(self.node.input) if n]
        outputs = [
            helper.make_value_info(n, helper.make_tensor_type_proto(values.number(self.outputs[n]), None))
            for n in self.node.output
            if n
        ]
        graph = helper.make_graph([self.node], "cell", inputs, outputs)
        imports = [helper.make_opsetid(d, v) for d, v in OPSETS.items()]
        return helper.make_model(graph, ir_version=13, opset_imports=imports)


@functools.cache
def schema_of(domain, name):
    return defs.get_schema(name, OPSETS[domain], domain)


def param(params, i):
    """The formal parameter of actual input or output i; a last one takes all that follow."""
    return params[min(i, len(params) - 1)]


@functools.cache
def official():
    """{(domain, operator): [Case]}: of cases with one node, all inputs tensors, at its newest version; smallest first."""
    out = {}
    for folder in sorted(DATA.iterdir()):
        model = onnx.load(folder / "model.onnx")
        opsets = {o.domain: o.version for o in model.opset_import}
        if len(model.graph.node) != 1 or model.graph.initializer or model.functions:
            continue
        node = model.graph.node[0]
        domain = "" if node.domain == "ai.onnx" else node.domain
        try:
            newest = schema_of(domain, node.op_type)
        except (defs.SchemaError, KeyError):
            continue
        if newest.since_version > opsets.get(domain, 0):
            continue
        case = read(folder, model)
        if case:
            out.setdefault((domain, node.op_type), []).append(case)
    for found in out.values():
        size = {id(c): [v.size for v in c.feeds.values()] for c in found}
        found.sort(key=lambda c: (0 in size[id(c)], sum(size[id(c)])))
    return out


def read(folder, model):
    feeds = {}
    for i, info in enumerate(model.graph.input):
        if info.type.WhichOneof("value") != "tensor_type":
            return None
        tensor = onnx.load_tensor(folder / f"test_data_set_0/input_{i}.pb")
        array = numpy_helper.to_array(tensor)
        if tensor.data_type == onnx.TensorProto.STRING:
            texts = np.empty(array.size, object)
            texts[:] = [x.decode() if isinstance(x, bytes) else str(x) for x in array.reshape(-1)]
            array = texts.reshape(array.shape)
        feeds[info.name] = array
    outputs = {}
    for info in model.graph.output:
        if info.type.WhichOneof("value") != "tensor_type":
            return None
        outputs[info.name] = onnx.TensorProto.DataType.Name(info.type.tensor_type.elem_type).lower()
    types = {
        n: helper.make_tensor_type_proto(values.number(values.name_of(a)), a.shape) for n, a in feeds.items()
    }
    return Case(folder.name, model.graph.node[0], feeds, types, outputs)


def names(params, actual, variable):
    """Of the actual inputs or outputs, those whose parameter has this type variable."""
    return [n for i, n in enumerate(actual) if n and params and param(params, i).type_str == variable]


def retype(case, variable, name, edit=None):
    """The case with every input and output of the variable in type `name`; None where it has none of it."""
    schema = schema_of(case.node.domain, case.node.op_type)
    inputs = names(schema.inputs, case.node.input, variable)
    outputs = names(schema.outputs, case.node.output, variable)
    node = onnx.NodeProto()
    node.CopyFrom(case.node)
    stated = [a for a in node.attribute if a.name in TYPE_ATTRIBUTES and a.type == onnx.AttributeProto.INT]
    if not inputs and not outputs:
        return None
    feeds = dict(case.feeds)
    if not inputs and any(case.outputs[o] != name for o in outputs):
        if not stated:
            wanted = [a for a in TYPE_ATTRIBUTES if a in schema.attributes]
            if not wanted:
                return None
            node.attribute.append(helper.make_attribute(wanted[0], values.number(name)))
        else:
            stated[0].i = values.number(name)
    elif inputs and outputs and stated:
        for a in stated:
            if a.i and a.name != "stash_type":
                a.i = values.number(name)
    for n in inputs:
        feeds[n] = values.convert(feeds[n], name)
    if edit:
        edit(node, feeds, name, {**case.outputs, **dict.fromkeys(outputs, name)})
    types = dict(case.types)
    for n in inputs:
        types[n] = helper.make_tensor_type_proto(values.number(name), feeds[n].shape)
    return Case(case.name, node, feeds, types, {**case.outputs, **dict.fromkeys(outputs, name)})
