"""Initializers that lie: about their bytes, their size, their type; and fields that a file must not set."""

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper

from case import (
    BOOL,
    F,
    I64,
    INVALID_MODEL,
    IO,
    LIMIT,
    OK,
    STR,
    TOO_MUCH,
    UNSUPPORTED,
    case,
    field,
    graph,
    model,
    node,
    one,
    raw,
    raw_model,
    tensor,
    value,
    varint,
)

BITS = {
    "FLOAT": 32,
    "UINT8": 8,
    "INT8": 8,
    "UINT16": 16,
    "INT16": 16,
    "INT32": 32,
    "INT64": 64,
    "BOOL": 8,
    "FLOAT16": 16,
    "DOUBLE": 64,
    "UINT32": 32,
    "UINT64": 64,
    "COMPLEX64": 64,
    "COMPLEX128": 128,
    "BFLOAT16": 16,
    "FLOAT8E4M3FN": 8,
    "FLOAT8E4M3FNUZ": 8,
    "FLOAT8E5M2": 8,
    "FLOAT8E5M2FNUZ": 8,
    "UINT4": 4,
    "INT4": 4,
    "FLOAT4E2M1": 4,
    "FLOAT8E8M0": 8,
    "UINT2": 2,
    "INT2": 2,
}


def holding(t, opset=21):
    """A model whose output is the initializer `t`, called w."""
    t.name = "w"
    return model([node("Identity", "w")], [], ["y"], [t], opset)


def bytes_of(dtype, count, extra=0, dims=None):
    t = TensorProto(data_type=dtype, dims=dims if dims is not None else [count])
    t.raw_data = b"\0" * ((count * BITS[TensorProto.DataType.Name(dtype)] + 7) // 8 + extra)
    return t


# 3: declared against actual bytes.
for _name, _bits in BITS.items():
    _type = TensorProto.DataType.Value(_name)
    case(
        3,
        f"raw data short {_name}",
        holding(bytes_of(_type, 8, -1)),
        INVALID_MODEL,
        r"'w'.*raw_data has \d+ bytes, expected",
    )
    case(
        3,
        f"raw data long {_name}",
        holding(bytes_of(_type, 8, 1)),
        INVALID_MODEL,
        r"'w'.*raw_data has \d+ bytes, expected",
    )
    _empty = TensorProto(data_type=_type, dims=[5])
    case(3, f"no data {_name}", holding(_empty), INVALID_MODEL, r"'w'.*no field holds data")

FIELDS = {
    "float_data": (F, 1.0),
    "int32_data": (TensorProto.INT32, 1),
    "int64_data": (I64, 1),
    "double_data": (TensorProto.DOUBLE, 1.0),
    "uint64_data": (TensorProto.UINT64, 1),
    "string_data": (STR, b"a"),
}
for _field, (_type, _item) in FIELDS.items():
    for _count in (0, 1, 3):
        _t = TensorProto(data_type=_type, dims=[2])
        getattr(_t, _field).extend([_item] * _count)
        case(3, f"{_count} of 2 entries in {_field}", holding(_t), INVALID_MODEL, r"'w'.*expected 2")
    _t = TensorProto(data_type=_type, dims=[1])
    getattr(_t, _field).append(_item)
    _t.raw_data = b"\0" * 4
    case(3, f"{_field} and raw_data", holding(_t), INVALID_MODEL, rf"'w'.*{_field}.*raw_data")
    _t = TensorProto(data_type=I64 if _type != I64 else F, dims=[1])
    getattr(_t, _field).append(_item)
    case(3, f"{_field} for another type", holding(_t), INVALID_MODEL, rf"'w'.*{_field} holds data, expected")

_t = TensorProto(data_type=TensorProto.UINT8, dims=[2], int32_data=[5, 256])
case(3, "int32_data over a byte", holding(_t), INVALID_MODEL, r"'w'.*int32_data\[1\] is 256")
_t = TensorProto(data_type=TensorProto.INT4, dims=[3], int32_data=[1, 2, 3])
case(3, "int4 entries one too many", holding(_t), INVALID_MODEL, r"'w'.*int32_data")
_t = TensorProto(data_type=BOOL, dims=[2])
_t.raw_data = b"\1\2"
case(3, "bool that is 2", holding(_t), INVALID_MODEL, r"'w'.*bool tensor is 2")
_t = TensorProto(data_type=STR, dims=[1])
_t.raw_data = b"abcd"
case(3, "strings in raw_data", holding(_t), INVALID_MODEL, r"'w'.*strings are in raw_data")
_t = tensor("w", np.zeros(2, np.float32))
_t.segment.begin, _t.segment.end = 0, 2
case(3, "segment", holding(_t), INVALID_MODEL, r"'w'.*segment")
_t = TensorProto(data_type=F, dims=[1], float_data=[1.0])
_t.data_location = TensorProto.EXTERNAL
case(3, "data although external", holding(_t), INVALID_MODEL, r"'w'.*float_data.*EXTERNAL")

# 4: extents that overflow, here in dims; operands are in cases_operators.
EXTENTS = {
    "minus one": [-1],
    "two to the 62 twice": [2**62, 2**62],
    "int64 max": [2**63 - 1],
    "product wraps to four": [2**32, 2**32, 4],
    "product wraps to zero": [2**32, 2**32],
    "bits overflow": [2**61],
    "int64 min": [-(2**63)],
    "minus one hidden by zero": [0, -1],
}
for _name, _dims in EXTENTS.items():
    _t = TensorProto(data_type=F, dims=_dims)
    _t.raw_data = b"\0" * 16
    case(4, f"dims {_name}", holding(_t), INVALID_MODEL, r"'w'.*(dims|raw_data|data)")
_t = TensorProto(data_type=F, dims=[2**40])
_t.raw_data = b"\0" * 4
case(4, "dims of a terabyte", holding(_t), INVALID_MODEL, r"'w'.*raw_data has 4 bytes, expected 4398046511104")
_t = TensorProto(data_type=STR, dims=[2**40], string_data=[b"a"])
case(4, "a trillion strings", holding(_t), INVALID_MODEL, r"'w'.*string_data has 1 entries")
_t = TensorProto(data_type=F, dims=[0, 2**62, 2**62])
case(4, "zero extent beside huge ones", holding(_t), (OK, INVALID_MODEL), r"'w'")
_t = TensorProto(data_type=F, dims=[1] * 70)
_t.raw_data = b"\0" * 4
case(4, "rank 70", holding(_t), (OK, INVALID_MODEL, LIMIT, UNSUPPORTED), r".")
_t = TensorProto(data_type=F, dims=[1] * 100_000)
_t.raw_data = b"\0" * 4
case(4, "rank 100000", holding(_t), (OK, INVALID_MODEL, LIMIT, UNSUPPORTED), r".")


def sparse(values, indices, dims, dtype=F):
    s = onnx.SparseTensorProto(dims=dims)
    s.values.CopyFrom(tensor("w", values))
    s.indices.CopyFrom(tensor("", indices))
    g = graph([node("Identity", "w")], [], [value("y", dtype, None)])
    g.sparse_initializer.append(s)
    return model(g)


ones = np.ones(2, np.float32)
case(4, "sparse petabyte", sparse(ones, np.array([0, 1], np.int64), [2**50]), TOO_MUCH, r"'w'|dense|sparse")
case(
    4,
    "sparse dims overflow",
    sparse(ones, np.array([0, 1], np.int64), [2**62, 16]),
    INVALID_MODEL,
    r"'w'.*no valid size",
)
case(4, "sparse negative dims", sparse(ones, np.array([0, 1], np.int64), [-4]), INVALID_MODEL, r"'w'.*no valid size")
case(
    5,
    "sparse index past the end",
    sparse(ones, np.array([0, 4], np.int64), [4]),
    INVALID_MODEL,
    r"index 1 lies outside",
)
case(5, "sparse index negative", sparse(ones, np.array([-1, 0], np.int64), [4]), INVALID_MODEL, r"index 0 lies outside")
case(
    5,
    "sparse index int64 max",
    sparse(ones, np.array([0, 2**63 - 1], np.int64), [4]),
    INVALID_MODEL,
    r"index 1 lies outside",
)
case(
    5,
    "sparse row index past the end",
    sparse(ones, np.array([[0, 0], [0, 3]], np.int64), [9, 3]),
    INVALID_MODEL,
    r"index 1 lies outside",
)
case(5, "sparse indices twice", sparse(ones, np.array([1, 1], np.int64), [4]), INVALID_MODEL, r"index|ascending|twice")
case(3, "sparse too few indices", sparse(ones, np.array([0], np.int64), [4]), INVALID_MODEL, r"'w'.*indices are")
case(
    14,
    "sparse indices of float",
    sparse(ones, np.array([0, 1], np.float32), [4]),
    INVALID_MODEL,
    r"'w'.*indices are float",
)

# 14: types that are not, attributes of another type, two values at once.
for _code in (0, 27, 100, -1, 2**31 - 1):
    _t = TensorProto(dims=[1])
    _t.data_type = _code
    _t.raw_data = b"\0" * 4
    case(14, f"data type {_code}", holding(_t), INVALID_MODEL, r"'w'.*data_type is")
for _code in (0, 27, 99):
    _m = model([node("Identity", "x")], ["x"])
    _m.graph.input[0].type.tensor_type.elem_type = _code
    case(14, f"input of element type {_code}", _m, INVALID_MODEL, r"'x'.*element type is")
_ATTRIBUTES = {
    "INT": dict(i=1),
    "FLOAT": dict(f=1.0),
    "STRING": dict(s=b"1"),
    "INTS": dict(ints=[1]),
    "FLOATS": dict(floats=[1.0]),
    "TENSOR": dict(t=tensor("", np.ones(1, np.int64))),
    "GRAPH": dict(g=graph([])),
    "STRINGS": dict(strings=[b"1"]),
}
for _op, _inputs, _attribute, _right in [
    ("Transpose", "x", "perm", "INTS"),
    ("Softmax", "x", "axis", "INT"),
    ("LeakyRelu", "x", "alpha", "FLOAT"),
    ("DepthToSpace", "x", "mode", "STRING"),
]:
    for _kind, _field in _ATTRIBUTES.items():
        if _kind == _right:
            continue
        _n = node(_op, _inputs)
        if _op == "DepthToSpace":
            _n.attribute.append(helper.make_attribute("blocksize", 1))
        _n.attribute.append(AttributeProto(name=_attribute, type=_kind, **_field))
        case(
            14,
            f"{_op} {_attribute} as {_kind}",
            model([_n], [value("x", F, [1, 4, 2, 2])]),
            INVALID_MODEL,
            rf"'{_op.lower()}'.*'{_attribute}'",
        )
_n = node("Softmax", "x")
_n.attribute.append(AttributeProto(name="axis", type="FLOAT", i=1))
case(14, "attribute whose type is not its field", model([_n], ["x"]), INVALID_MODEL, r"'softmax'.*'axis'")
_n = node("Softmax", "x")
_n.attribute.append(AttributeProto(name="axis", i=1))
case(
    14,
    "attribute without type",
    model([_n], [value("x", F, [2, 3])]),
    (OK, INVALID_MODEL),
    r"'axis'",
    inputs={"x": np.ones((2, 3), np.float32)},
)
_n = raw(node("Softmax", "x")) + field(5, field(1, b"axis") + b"\x18\x01" + varint(20 << 3) + varint(77))
case(
    14,
    "attribute type 77",
    raw_model([_n], [value("x", F, [2])], [value("y", F, [2])]),
    (INVALID_MODEL, UNSUPPORTED),
    r"'softmax'.*'axis'",
)
_n = node("Softmax", "x", axis=0)
_n.attribute.append(AttributeProto(name="axis", type="INT", i=1))
case(14, "attribute twice", model([_n], ["x"]), INVALID_MODEL, r"'softmax'.*'axis'.*twice")
case(14, "unknown attribute", model([node("Relu", "x", no_such=1)], ["x"]), INVALID_MODEL, r"'relu'.*no_such")
for _op, _dtype in [("Conv", I64), ("Sin", I64), ("And", F), ("Relu", STR), ("MatMul", BOOL), ("StringNormalizer", F)]:
    _names = "x x" if _op in ("Conv", "And", "MatMul") else "x"
    case(
        14,
        f"{_op} of {TensorProto.DataType.Name(_dtype)}",
        model([node(_op, _names)], [value("x", _dtype, [2, 2])]),
        INVALID_MODEL,
        rf"'{_op.lower()}'.*expected one of",
    )
case(
    14,
    "sequence where a tensor belongs",
    model([node("SequenceConstruct", "x", "s"), node("Relu", "s")], ["x"]),
    INVALID_MODEL,
    r"'relu'.*seq",
)
case(
    14,
    "tensor where a sequence belongs",
    model([node("SequenceLength", "x")], ["x"]),
    INVALID_MODEL,
    r"'sequencelength'",
)
case(14, "add of two types", one("Add", [np.ones(2, np.float32), np.ones(2, np.int64)])[0], INVALID_MODEL, r"'add'")

# 2: what looks like a state of an engine in fields of the file.
for _key in ("offset_pointer", "onward_address", "__ort_mem_addr", "checksum "):
    _t = TensorProto(data_type=F, dims=[1])
    _t.data_location = TensorProto.EXTERNAL
    for _k, _v in (("location", "w.bin"), (_key, "140737488355328")):
        _t.external_data.add(key=_k, value=_v)
    case(2, f"external data key {_key}", holding(_t), INVALID_MODEL, r"'w'.*key", files={"w.bin": b"\0" * 4})
for _location in ("*/_ORT_MEM_ADDR_/*", "/proc/self/mem", "/dev/zero", "data:application/octet-stream;base64,AAAA"):
    _t = TensorProto(data_type=F, dims=[1])
    _t.data_location = TensorProto.EXTERNAL
    for _k, _v in (("location", _location), ("offset", "140737488355328"), ("length", "4")):
        _t.external_data.add(key=_k, value=_v)
    case(2, f"location {_location}", holding(_t), (INVALID_MODEL, IO), r"'w'")
case(
    2,
    "domain of our own",
    model([node("Fused", "x", domain="onward")], ["x"], domains=["onward"]),
    INVALID_MODEL,
    r"domain 'onward'",
)
_n = node("Relu", "x")
_n.metadata_props.add(key="onward.packed_weights", value="140737488355328")
case(
    2,
    "metadata that names an address",
    model([_n], ["x"]),
    OK,
    inputs={"x": np.array([-1, 2], np.float32)},
    values=[np.array([0, 2], np.float32)],
)
