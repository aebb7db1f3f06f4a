"""One case: a model of one operator and what it is fed with.

A generator says the inputs as arrays (None: left out; a pair of a type string and a value for containers), the attributes
and what is known of the result. What is the same for all operators is drawn here: which inputs are initializers, and
whether the model states its shapes, names their sizes or leaves them open.
"""

import numpy as np
import onnx
from onnx import defs, helper, numpy_helper

import values
import written

NEWEST = defs.onnx_opset_version()
BOTH = 26  # the newest opset that ONNX Runtime takes
# How near a result must be, see judge.py.
EXACT, ROUNDED, FUNCTION, SUM = "exact", "rounded", "function", "sum"


class Impossible(Exception):
    """What was drawn makes no case."""


class Case:
    """`outputs`: how many, or which of them are named. `refuse`: no engine may give a result. `free`: a function of the
    inputs, of the elements of the first output that may be anything. `apart`: by how much integers may differ.
    `constant`: inputs that the references want as initializers, `fed`: that must be fed. `out_types`: type strings where
    they are not inferred. `avoid`: references that crash on it, or do not mean it. `truth`: of truth.py, one more reference.
    `restated`: attributes that say the same in another way, for the references. `may_refuse`: a clear refusal is as good
    as a result. `unit`: the type whose spacing counts, where it is wider than the result's; `units`: how many of them."""

    def __init__(self, op, inputs, attributes=None, *, domain="", outputs=1, close=EXACT, refuse=False, free=None, apart=0,
                 constant=(), fed=(), out_types=None, opset=None, avoid=(), wide=True, check=None, truth=None, restated=None,
                 may_refuse=False, unit=None, units=None):  # fmt: skip
        self.op, self.domain, self.inputs, self.close = op, domain, list(inputs), close
        self.attributes = {k: v for k, v in (attributes or {}).items() if v is not None}
        self.named = [True] * outputs if isinstance(outputs, int) else list(outputs)
        self.refuse, self.free, self.apart, self.avoid = refuse, free, apart, set(avoid)
        self.constant, self.fed, self.out_types, self.wide = set(constant), set(fed), out_types, wide
        self.opset = opset or {"": BOTH, "ai.onnx.ml": 5}.get(domain, 1)
        self.truth, self.restated, self.may_refuse, self.unit, self.units = truth, restated, may_refuse, unit, units
        self.check = check  # in place of references: a function of (inputs, outputs) that returns what is wrong, or None
        while self.inputs and self.inputs[-1] is None:
            self.inputs.pop()
        self.weights, self.shapes = set(), 0

    def present(self, d):
        """Draws how the model states its inputs."""
        for i, x in enumerate(self.inputs):
            plain = isinstance(x, np.ndarray)
            if plain and i not in self.fed and (d.chance(4) or i in self.constant):
                self.weights.add(i)
        self.shapes = d.pick((0, 1, 2))
        return self

    @property
    def schema(self):
        return defs.get_schema(self.op, self.opset, self.domain)

    def node(self):
        names = ["" if x is None else f"x{i}" for i, x in enumerate(self.inputs)]
        outputs = [f"y{i}" if is_named else "" for i, is_named in enumerate(self.named)]
        while outputs and not outputs[-1]:
            outputs.pop()
        empty = {k for k, v in self.attributes.items() if isinstance(v, (list, tuple)) and not v}
        given = {k: v for k, v in self.attributes.items() if k not in empty}
        node = helper.make_node(self.op, names, outputs, domain=self.domain, **given)
        for k in sorted(empty):
            node.attribute.append(helper.make_attribute(k, [], attr_type=self.schema.attributes[k].type))
        return node

    def type_of(self, i, x):
        if isinstance(x, tuple):
            return written.type_of(x[0])
        name = values.number(values.name_of(x))
        if self.shapes == 2:
            return helper.make_tensor_type_proto(name, None)
        dims = [f"d{i}_{k}" for k in range(x.ndim)] if self.shapes == 1 else x.shape
        return helper.make_tensor_type_proto(name, dims)

    def model(self):
        inputs = [helper.make_value_info(f"x{i}", self.type_of(i, x)) for i, x in enumerate(self.inputs)
                  if x is not None and i not in self.weights]  # fmt: skip
        weights = [tensor_of(self.inputs[i], f"x{i}") for i in sorted(self.weights)]
        outputs = [onnx.ValueInfoProto(name=f"y{i}") for i, is_named in enumerate(self.named) if is_named]
        graph = helper.make_graph([self.node()], "case", inputs, outputs, weights)
        imports = {"": self.opset if not self.domain else BOTH}
        if self.domain:
            imports[self.domain] = self.opset
        model = helper.make_model(graph, ir_version=10 if self.opset <= 22 else 13,
                                  opset_imports=[helper.make_opsetid(k, v) for k, v in imports.items()])  # fmt: skip
        self.state_outputs(model)
        return model

    def state_outputs(self, model):
        """The element types of the outputs, without shapes: stated, inferred, or by the schema."""
        stated = iter(self.out_types or ())
        inferred = None
        for i, output in zip([i for i, n in enumerate(self.named) if n], model.graph.output):
            if self.out_types:
                output.type.CopyFrom(written.type_of(next(stated)))
                continue
            if (found := self.by_schema(i)) is not None:
                output.type.CopyFrom(found)
                continue
            if inferred is None:
                inferred = onnx.shape_inference.infer_shapes(model)
            output.type.CopyFrom(inferred.graph.output[[o.name for o in model.graph.output].index(output.name)].type)
            if output.type.HasField("tensor_type"):
                output.type.tensor_type.ClearField("shape")
            if output.type.WhichOneof("value") is None:
                raise Impossible(f"no type of output {i}")

    def by_schema(self, i):
        """The type of output i where it is the type of an input, or the only one."""
        schema = self.schema
        wanted = schema.outputs[min(i, len(schema.outputs) - 1)]
        if len(wanted.types) == 1:
            return written.type_of(next(iter(wanted.types)))
        for k, x in enumerate(self.inputs):
            if x is not None and schema.inputs[min(k, len(schema.inputs) - 1)].type_str == wanted.type_str:
                return written.type_of(x[0] if isinstance(x, tuple) else f"tensor({values.name_of(x)})")
        return None

    def feeds(self):
        return {f"x{i}": x[1] if isinstance(x, tuple) else x for i, x in enumerate(self.inputs)
                if x is not None and i not in self.weights}  # fmt: skip

    def widened(self):
        """The case with floats in double, and which outputs were of a narrower float; None where it has none."""
        schema, inputs, variables = self.schema, list(self.inputs), set()
        for i, x in enumerate(inputs):
            if not isinstance(x, np.ndarray) or values.kind(values.name_of(x)) != "float" or x.dtype == np.float64:
                continue
            formal = schema.inputs[min(i, len(schema.inputs) - 1)]
            if "tensor(double)" not in formal.types:
                return None
            inputs[i] = x.astype(np.float64)
            variables.add(formal.type_str)
        if not variables or self.out_types:
            return None
        wide = Case(self.op, inputs, self.attributes, domain=self.domain, outputs=self.named, opset=self.opset)
        wide.weights, wide.shapes = self.weights, self.shapes
        return wide

    def again(self):
        """The case restated."""
        given = {k: v for k, v in self.restated.items() if v is not None}
        other = Case(self.op, self.inputs, given, domain=self.domain, outputs=self.named, opset=self.opset, out_types=self.out_types)
        other.weights, other.shapes, other.close, other.wide = self.weights, self.shapes, self.close, self.wide
        return other

    def answer(self):
        """What `truth` gives for the outputs that are named."""
        outputs = self.truth(self.inputs, self.attributes)
        return None if outputs is None else [y for y, is_named in zip(outputs, self.named) if is_named]

    def describe(self):
        parts = []
        for x in self.inputs:
            if x is None:
                parts.append("-")
            elif isinstance(x, tuple):
                parts.append(x[0])
            else:
                parts.append(f"{values.name_of(x)}{list(x.shape)}")
        shown = {k: v if not isinstance(v, (onnx.TensorProto, onnx.GraphProto)) else type(v).__name__
                 for k, v in self.attributes.items()}  # fmt: skip
        return f"{self.op}({', '.join(parts)}) {shown}"


def tensor_of(array, name):
    if values.name_of(array) == "string":
        return helper.make_tensor(name, onnx.TensorProto.STRING, array.shape, [str(t).encode() for t in array.reshape(-1)])
    return numpy_helper.from_array(np.asarray(array), name)
