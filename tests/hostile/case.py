"""What a hostile case is, and short ways to write one.

A case is a model (a ModelProto or raw bytes) with inputs and the outcome that it must have. The fault numbers are
the classes of `CLASSES`.
"""

import dataclasses
import re

import numpy as np
from onnx import GraphProto, TensorProto, ValueInfoProto, helper

OK, INVALID_MODEL, INVALID_ARGUMENT, UNSUPPORTED, OUT_OF_MEMORY, LIMIT, DEADLINE, CANCELLED, IO = range(9)
CODE_NAMES = [
    "Ok",
    "InvalidModel",
    "InvalidArgument",
    "Unsupported",
    "OutOfMemory",
    "LimitExceeded",
    "DeadlineExceeded",
    "Cancelled",
    "Io",
    "Internal",
]
TOO_MUCH = (LIMIT, OUT_OF_MEMORY)  # memory that is not there: which of the two depends on the machine

CLASSES = {
    1: "path escape by external data",
    2: "in-band trusted pointers",
    3: "declared against actual bytes",
    4: "size overflow, narrowing",
    5: "index values from data",
    6: "attribute against tensor",
    7: "division, modulo",
    8: "null, missing optional, arity",
    9: "lifetime, order of names",
    10: "recursion",
    11: "super-linear work",
    12: "memory bombs at run",
    13: "broken bytes",
    14: "type confusion",
    15: "custom code",
    16: "archives",
    17: "image decoders",
    26: "cancellation",
    28: "files that shrink",
    30: "locale",
    31: "silent wrong results",
}

CASES = []
_names, _folders = set(), {}


@dataclasses.dataclass
class Case:
    fault: int
    name: str
    model: object  # ModelProto or bytes
    expect: tuple  # codes; the first stage that fails must give one of them
    message: str = ""  # a regular expression that the message must match
    inputs: dict = dataclasses.field(default_factory=dict)  # arrays, or lists of str
    values: list = None  # expected outputs, bit for bit
    files: dict = dataclasses.field(default_factory=dict)  # name -> bytes, beside the model
    prepare: object = None  # called with the folder before the run
    settings: list = dataclasses.field(default_factory=list)  # lines for the driver
    from_memory: bool = False
    limit_s: float = 2.0
    memory_mib: int = 256
    environment: dict = dataclasses.field(default_factory=dict)
    suffix: str = ""  # tells names apart that differ only in what a folder's name leaves out

    def folder(self):
        return f"{self.fault:02}_" + re.sub(r"[^A-Za-z0-9]+", "_", self.name).strip("_") + self.suffix


def case(fault, name, model, expect, message="", **more):
    expect = expect if isinstance(expect, tuple) else (expect,)
    made = Case(fault, name, model, expect, message, **more)
    assert fault in CLASSES and name not in _names, f"two cases are called '{name}'"
    _names.add(name)
    same = _folders[made.folder()] = _folders.get(made.folder(), 0) + 1
    made.suffix = f"_{same}" if same > 1 else ""
    CASES.append(made)
    return made


# --- models ---------------------------------------------------------------------------------------------------

F, I64, STR, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING, TensorProto.BOOL


def value(name, dtype=F, shape=None):
    return helper.make_tensor_value_info(name, dtype, shape)


def tensor(name, array, dtype=None):
    """An initializer from an array, in raw_data."""
    array = np.asarray(array)
    dtype = dtype or helper.np_dtype_to_tensor_dtype(array.dtype)
    t = TensorProto(name=name, data_type=dtype, dims=array.shape)
    t.raw_data = array.tobytes()
    return t


def graph(nodes, inputs=(), outputs=(), initializers=(), name="g"):
    return helper.make_graph(list(nodes), name, list(inputs), list(outputs), list(initializers))


def model(nodes, inputs=(), outputs=("y",), initializers=(), opset=21, functions=(), domains=()):
    """A model; inputs and outputs given by name alone have no declared type (outputs) or are float[N]."""
    ins = [i if isinstance(i, ValueInfoProto) else value(i, F, ["N"]) for i in inputs]
    outs = [o if isinstance(o, ValueInfoProto) else ValueInfoProto(name=o) for o in outputs]
    g = nodes if isinstance(nodes, GraphProto) else graph(nodes, ins, outs, initializers)
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(g, opset_imports=opsets, functions=list(functions), ir_version=10)


def node(op, inputs, outputs="y", name=None, domain="", **attributes):
    inputs = inputs.split() if isinstance(inputs, str) else inputs
    outputs = outputs.split() if isinstance(outputs, str) else outputs
    return helper.make_node(op, inputs, outputs, name=op.lower() if name is None else name, domain=domain, **attributes)


def one(op, inputs, fed=(), opset=21, outputs="y", domain="", **attributes):
    """A model of one node. `inputs`: arrays; those whose index is in `fed` come at run, the others are
    initializers, None is an omitted input. Returns the model and what to feed."""
    names, constants, feeds, infos = [], [], {}, []
    for i, array in enumerate(inputs):
        if array is None:
            names.append("")
            continue
        names.append(f"i{i}")
        array = np.asarray(array)
        if i in fed:
            feeds[f"i{i}"] = array
            infos.append(value(f"i{i}", helper.np_dtype_to_tensor_dtype(array.dtype), [None] * array.ndim))
        else:
            constants.append(tensor(f"i{i}", array))
    n = node(op, names, outputs, domain=domain, **attributes)
    made = model([n], infos, outputs.split(), constants, opset, domains=[domain] if domain else [])
    return made, feeds


def both_ways(fault, name, op, inputs, expect, message="", operands=None, **more):
    """The case twice: with the operands (indices) as initializers and as inputs at run."""
    attributes = more.pop("attributes", {})
    operands = operands if operands is not None else range(len(inputs))
    opset, domain, outputs = more.pop("opset", 21), more.pop("domain", ""), more.pop("outputs", "y")
    every = [i for i, a in enumerate(inputs) if a is not None]
    for way, fed in (("constant", [i for i in every if i not in operands]), ("fed", every)):
        made, feeds = one(op, inputs, fed, opset, outputs, domain, **attributes)
        case(fault, f"{name} {way}", made, expect, message, inputs=feeds, **more)


# --- bytes ----------------------------------------------------------------------------------------------------


def raw(m):
    return m.SerializeToString()


def varint(n):
    out = b""
    while n >= 128:
        out += bytes([n % 128 + 128])
        n //= 128
    return out + bytes([n])


def field(number, payload):
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def raw_node(op, inputs, outputs, name=None, ints=None, **graphs):
    """A NodeProto with subgraphs given as bytes: protobuf itself stops at a hundred levels."""
    out = raw(node(op, inputs, outputs, name, **(ints or {})))
    for key, content in graphs.items():
        out += field(5, field(1, key.encode()) + field(6, content) + varint(20 << 3) + b"\x05")
    return out


def raw_graph(nodes, inputs, outputs):
    parts = [field(1, n) for n in nodes] + [field(2, b"g")]
    parts += [field(11, raw(i)) for i in inputs] + [field(12, raw(o)) for o in outputs]
    return b"".join(parts)


def raw_model(nodes, inputs, outputs):
    empty = model(graph([]))
    empty.ClearField("graph")
    return raw(empty) + field(7, raw_graph(nodes, inputs, outputs))
