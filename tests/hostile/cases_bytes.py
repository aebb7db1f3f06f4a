"""Files that are no models, or whose bytes are broken: what the wire reader must refuse, and what it must not."""

import io
import pickle
import zipfile

import numpy as np

from case import INVALID_MODEL, IO, LIMIT, OK, UNSUPPORTED, F, case, field, model, node, raw, tensor, value, varint

GOOD = raw(model([node("Add", "x w")], [value("x", F, [3])], ["y"], [tensor("w", np.ones(3, np.float32))]))
FED = {"x": np.zeros(3, np.float32)}
ANSWER = [np.ones(3, np.float32)]


def refused(name, data, message=".", codes=INVALID_MODEL, fault=13, **more):
    case(fault, name, data, codes, message, **more)


refused("empty file", b"", r"model\.onnx")
refused("one byte", b"\x08")
refused("text", b"this is no model\n")
refused("zeros", b"\0" * 4096)
refused("ones", b"\xff" * 4096)
refused("HTML", b"<!DOCTYPE html><html><body>404</body></html>")
refused("git LFS pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 12345\n")
refused("ELF", b"\x7fELF\x02\x01\x01" + b"\0" * 57)
for _at in range(1, len(GOOD), max(1, len(GOOD) // 24)):
    # A prefix that ends between two fields is a whole message; what it lacks is found later.
    refused(f"cut after {_at} bytes", GOOD[:_at])
refused("varint of eleven bytes", b"\x08" + b"\xff" * 10 + b"\x01", r"varint|ir_version")
refused("varint without end", b"\x08" + b"\xff" * 5, r"varint|ends|ir_version")
refused("field number 0", b"\x00\x01" + GOOD, r"tag|field")
refused("field number over 2 to the 29", varint(2**40 << 3) + b"\x01" + GOOD, r"tag|field")
refused("wire type 6", bytes([1 << 3 | 6]) + GOOD, r"wire type")
refused("wire type 7", bytes([1 << 3 | 7]) + GOOD, r"wire type")
refused("end of a group that never began", bytes([100 & 15 << 3 | 4]) + GOOD, r"group|wire type")
refused("graph as a number", bytes([7 << 3 | 0, 1]) + GOOD, r"graph.*(wire type|type)")
refused("ir_version as bytes", field(1, b"abc") + GOOD, r"ir_version.*(wire type|type)")
refused("length past the end", field(7, b"")[:1] + varint(2**31) + b"abc", r"graph.*remain")
refused("length near 2 to the 64", field(7, b"")[:1] + varint(2**64 - 1) + b"abc", r"graph.*remain")
refused(
    "inner length past its message",
    GOOD[:2] + field(7, field(1, b"abc")[:1] + varint(100) + b"abc"),
    r"graph: field 'node' says 100 bytes",
)
refused("group within group without end", bytes([99 << 3 & 127 | 3]) * 50 + GOOD, r".")
refused("ir version 0", b"\x08\x00" + GOOD[2:], r"ir_version")
refused("ir version 99", b"\x08\x63" + GOOD[2:], r"ir_version is 99", UNSUPPORTED)
refused("ir version negative", b"\x08" + varint(2**64 - 5) + GOOD[2:], r"ir_version")
refused("no graph", b"\x08\x0a", r"no graph")
refused("a folder", b"", r"folder", IO, prepare=lambda f: ((f / "model.onnx").unlink(), (f / "model.onnx").mkdir()))
refused("no such file", b"", r"cannot open", IO, prepare=lambda f: (f / "model.onnx").unlink())
refused("from memory cut", GOOD[:-7], r".", from_memory=True)
refused("packed floats of odd length", GOOD[:2] + field(7, field(5, field(4, b"\0" * 7))), r"float_data")
refused(
    "utf-8 broken in a name",
    raw(model([node("Relu", "x", name="a\x01b")], ["x"])).replace(b"a\x01b", b"a\xffb").replace(b"Relu", b"Rexu"),
    r"a.*Rexu",
)
refused("control characters in a name", raw(model([node("Rexu", "x", name="a\n\x1b[31mb")], ["x"])), r"^[^\n\x1b]*Rexu")

# Unknown fields are no error, and cost time in proportion to their bytes.
case(13, "two hundred thousand unknown fields", GOOD + field(1000, b"x") * 200_000, OK, inputs=FED, values=ANSWER)
case(
    13,
    "unknown fields of all wire types",
    GOOD
    + varint(900 << 3)
    + b"\x05"
    + varint(901 << 3 | 1)
    + b"\0" * 8
    + varint(902 << 3 | 5)
    + b"\0" * 4
    + varint(903 << 3 | 3)
    + varint(903 << 3 | 4),
    OK,
    inputs=FED,
    values=ANSWER,
)
case(13, "graph twice merges", GOOD + field(7, b""), (OK, INVALID_MODEL), inputs=FED)
case(13, "a megabyte of empty nodes", GOOD + field(7, field(1, b"") * 300_000), INVALID_MODEL, r"operator type")
case(13, "a megabyte of empty initializers", GOOD + field(7, field(5, b"") * 300_000), INVALID_MODEL, r"data_type|name")
case(
    13,
    "a million packed dims",
    GOOD[:2] + field(7, field(5, field(1, b"\1" * 1_000_000) + b"\x10\x01")),
    (INVALID_MODEL, LIMIT),
    r"no field holds data",
    memory_mib=320,
)

# 10: nesting on the wire, beyond any stack.
_deep = b""
for _ in range(20_000):
    _deep = field(1, field(5, field(6, _deep)))  # graph.node.attribute.g
    if len(_deep) > 300_000:
        break
refused("subgraphs without end on the wire", GOOD[:2] + field(7, _deep), r"nest|deep", (LIMIT, INVALID_MODEL), fault=10)
_groups = bytes([0xFB, 0x06]) * 100_000
refused("groups without end", GOOD + _groups, r"group|nest|deep", (LIMIT, INVALID_MODEL), fault=10)
_type = b""
for _ in range(3000):
    _type = field(4, field(1, _type))  # sequence of sequence of ...
refused(
    "type without end",
    GOOD[:2] + field(7, field(11, field(1, b"x") + field(2, _type))),
    r"nest|deep",
    (LIMIT, INVALID_MODEL),
    fault=10,
)


# 15, 16: other containers. Nothing is unpacked, nothing is executed.
class _Boom:
    def __reduce__(self):
        return (open, ("owned", "w"))


refused("pickle that opens a file", pickle.dumps(_Boom()), fault=15)
refused("Python source", b"import os; os.system('touch owned')\n", fault=15)
refused("shell script", b"#!/bin/sh\ntouch owned\n", fault=15)
refused(
    "custom operator library",
    raw(model([node("Run", "x", domain="com.evil")], ["x"], domains=["com.evil"])),
    r"com\.evil",
    (UNSUPPORTED, INVALID_MODEL),
    fault=15,
    files={"libcom.evil.so": b"\x7fELF"},
)
refused(
    "PyOp",
    raw(
        model(
            [node("PyOp", "x", domain="ai.onnx.contrib", code="open('owned','w')")], ["x"], domains=["ai.onnx.contrib"]
        )
    ),
    r"PyOp",
    UNSUPPORTED,
    fault=15,
)


def zipped(name, content, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        z.writestr(name, content)
    return out.getvalue()


refused("zip of a model", zipped("model.onnx", GOOD), fault=16)
refused("zip with a path", zipped("../../owned", b"x"), fault=16)
refused("zip bomb", zipped("model.onnx", b"\0" * 50_000_000), fault=16)
refused("gzip", __import__("gzip").compress(GOOD), fault=16)
refused("tar", b"model.onnx".ljust(257, b"\0") + b"ustar\x0000" + b"\0" * 248, fault=16)
