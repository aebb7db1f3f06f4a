"""Graphs that are no graphs: names that are missing, twice or in a circle; functions that call themselves; depth."""

import numpy as np
import onnx
from onnx import ValueInfoProto, helper

from case import (
    BOOL,
    F,
    I64,
    INVALID_ARGUMENT,
    INVALID_MODEL,
    LIMIT,
    OK,
    UNSUPPORTED,
    case,
    graph,
    model,
    node,
    raw,
    raw_graph,
    raw_model,
    raw_node,
    tensor,
    value,
)

X = {"x": np.array([1, -2], np.float32)}
LIMITED = (LIMIT, INVALID_MODEL)


def refused(fault, name, m, message, codes=INVALID_MODEL, **more):
    case(fault, name, m, codes, message, **more)


# 9: names and their order.
refused(
    9,
    "initializer twice",
    model([node("Add", "w w")], [], ["y"], [tensor("w", np.ones(1, np.float32))] * 2),
    r"'w'.*twice",
)
refused(
    9,
    "initializer also made by a node",
    model([node("Relu", "x", "w"), node("Relu", "w")], ["x"], ["y"], [tensor("w", np.ones(1, np.float32))]),
    r"'w'.*twice",
)
refused(9, "value made twice", model([node("Relu", "x", "y", "a"), node("Neg", "x", "y", "b")], ["x"]), r"'y'.*twice")
refused(9, "one node makes a value twice", model([node("Split", "x", ["y", "y"], num_outputs=2)], ["x"]), r"'y'.*twice")
refused(9, "input twice", model([node("Relu", "x")], ["x", "x"]), r"'x'.*twice")
refused(9, "input made by a node", model([node("Relu", "x", "x"), node("Relu", "x")], ["x"]), r"'x'.*twice")
refused(9, "used before it is made", model([node("Relu", "t"), node("Relu", "x", "t", "late")], ["x"]), r"'relu'.*'t'")
refused(
    9, "circle of two", model([node("Relu", "b", "a"), node("Relu", "a", "b", "second")], ["x"], ["b"]), r"'relu'.*'b'"
)
refused(9, "circle of one", model([node("Relu", "y")], ["x"]), r"'relu'.*'y'")
refused(9, "input made by nobody", model([node("Relu", "nobody")], ["x"]), r"'relu'.*'nobody'")
refused(9, "output made by nobody", model([node("Relu", "x", "t")], ["x"]), r"'y'.*no node")
refused(9, "output listed twice", model([node("Relu", "x")], ["x"], ["y", "y"]), r"'y'.*twice")
refused(9, "output without a name", model([node("Relu", "x")], ["x"], [""]), r"output ''")
refused(9, "input without a name", model([node("Relu", "x")], ["x", ""]), r"without a name")
refused(
    9,
    "initializer without a name",
    model([node("Relu", "x")], ["x"], ["y"], [tensor("", np.ones(1, np.float32))]),
    r"without a name",
)
refused(9, "node without an operator", model([node("", "x", name="a")], ["x"]), r"without an operator type")
refused(9, "unknown operator", model([node("NoSuchOp", "x")], ["x"]), r"'nosuchop'", (INVALID_MODEL, UNSUPPORTED))
refused(9, "operator of a later opset", model([node("Attention", "x x x")], ["x"], opset=21), r"'attention'.*opset 21")
refused(
    9,
    "deprecated operator",
    model([node("Upsample", "x s")], ["x"], ["y"], [tensor("s", np.ones(1, np.float32))]),
    r"'upsample'",
)
refused(9, "opset 0", model([node("Relu", "x")], ["x"], opset=0), r"'relu'|opset")
refused(9, "opset negative", model([node("Relu", "x")], ["x"], opset=-7), r"'relu'|opset")
refused(9, "opset 2 to the 62", model([node("Relu", "x")], ["x"], opset=2**62), r"opset", (INVALID_MODEL, UNSUPPORTED))
_m = model([node("Relu", "x")], ["x"])
_m.opset_import.add(domain="", version=7)
refused(9, "two opsets for one domain", _m, r"opset_import.*21.*7")
_m = model([node("Relu", "x")], ["x"])
del _m.opset_import[:]
refused(9, "no opset", _m, r"'relu'|opset")
refused(
    9,
    "domain that is not imported",
    model([node("Normalizer", "x", domain="ai.onnx.ml")], ["x"]),
    r"'normalizer'.*opset_import",
)
_t = tensor("x", np.ones((2, 2), np.float32))
refused(
    9, "default that does not fit its input", model([node("Relu", "x")], ["x"], ["y"], [_t]), r"'x'.*float32\[2,2\]|'x'"
)
_bad = [node("Relu", "x")]
_bad[0].attribute.append(onnx.AttributeProto(name="a", type="INT", ref_attr_name="b"))
refused(9, "reference to a function's attribute outside one", model(_bad, ["x"]), r"'relu'.*outside a function")


def branch(nodes, out):
    return graph(nodes, [], [ValueInfoProto(name=out)])


C = value("c", BOOL, [])
FED = {**X, "c": np.bool_(True)}


def conditional(then, otherwise=None, **more):
    return node("If", "c", then_branch=then, else_branch=otherwise or branch([node("Identity", "x", "e")], "e"), **more)


refused(9, "branch output made by nobody", model([conditional(branch([], "a"))], ["x", C]), r"'a'")
refused(
    9,
    "branch reads a name of its sibling",
    model([conditional(branch([node("Relu", "x", "a")], "a"), branch([node("Relu", "a", "b")], "b"))], ["x", C]),
    r"'relu'.*'a'",
)
refused(
    9,
    "outer graph reads a name of a branch",
    model([conditional(branch([node("Relu", "x", "a")], "a"), name="if"), node("Add", "y a", "z")], ["x", C], ["z"]),
    r"'add'.*'a'",
)
refused(8, "If without branches", model([node("If", "c")], [C]), r"'if'.*branch")
refused(
    8,
    "If with one branch",
    model([node("If", "c", then_branch=branch([node("Identity", "c", "a")], "a"))], [C]),
    r"'if'.*branch",
)
refused(
    8,
    "branches of different counts",
    model(
        [
            conditional(
                graph(
                    [node("Identity", "x", "a"), node("Relu", "x", "b")],
                    [],
                    [ValueInfoProto(name="a"), ValueInfoProto(name="b")],
                )
            )
        ],
        ["x", C],
    ),
    r"'if'",
)
refused(
    8,
    "Loop body of wrong arity",
    model(
        [
            node(
                "Loop",
                ["n", "", "x"],
                body=graph([node("Identity", "i", "o")], [value("i", I64, [])], [ValueInfoProto(name="o")]),
            )
        ],
        ["x", value("n", I64, [])],
    ),
    r"'loop'.*body",
)
_bodies = {
    "condition is a float": [node("Identity", "s", "k")],
    "condition of two": [node("Concat", "b b", "k", axis=0)],
}
for _name, _nodes in _bodies.items():
    _body = graph(
        [*_nodes, node("Identity", "s", "t")],
        [value("i", I64, []), value("b", BOOL, None), value("s", F, [2])],
        [ValueInfoProto(name="k"), value("t", F, [2])],
    )
    refused(
        14,
        f"Loop {_name}",
        model([node("Loop", ["n", "", "x"], body=_body)], ["x", value("n", I64, [])]),
        r"loop|concat",
        (INVALID_MODEL, INVALID_ARGUMENT),
        inputs={**X, "n": np.int64(3)},
    )
refused(
    8,
    "Scan body of wrong arity",
    model([node("Scan", "x", "y", num_scan_inputs=1, body=graph([], [], []))], [value("x", F, [2, 2])]),
    r"'scan'",
)
for _n in (0, -1, 2, 2**62):
    _body = graph([node("Relu", "a", "b")], [value("a")], [value("b")])
    refused(
        8,
        f"Scan with num_scan_inputs {_n}",
        model([node("Scan", "x", num_scan_inputs=_n, body=_body)], [value("x", F, [2, 2])]),
        r"'scan'",
    )


def function(name, nodes, inputs=("a",), outputs=("b",)):
    return helper.make_function(
        "f", name, list(inputs), list(outputs), list(nodes), [helper.make_opsetid("", 21), helper.make_opsetid("f", 1)]
    )


def calls(*functions, op="A"):
    return model([node(op, "x", domain="f")], ["x"], functions=functions, domains=["f"])


# 10: recursion.
refused(10, "function calls itself", calls(function("A", [node("A", "a", "b", domain="f")])), r"'A'.*calls itself")
refused(
    10,
    "functions call each other",
    calls(function("A", [node("B", "a", "b", domain="f")]), function("B", [node("A", "a", "b", domain="f")])),
    r"calls itself",
)
refused(
    10,
    "function calls itself in a branch",
    calls(
        function(
            "A",
            [
                node(
                    "If",
                    "a",
                    "b",
                    then_branch=branch([node("A", "a", "d", domain="f")], "d"),
                    else_branch=branch([node("Identity", "a", "e")], "e"),
                )
            ],
        )
    ),
    r"calls itself",
)
_chain = [
    function(f"A{i}", [node(f"A{i + 1}" if i < 99 else "Relu", "a", "b", domain="f" if i < 99 else "")])
    for i in range(100)
]
refused(10, "functions a hundred deep", calls(*_chain, op="A0"), r"deep", LIMIT)
refused(
    9,
    "function twice",
    calls(function("A", [node("Relu", "a", "b")]), function("A", [node("Neg", "a", "b")])),
    r"'f:A:.*twice",
)
refused(
    9,
    "function gets too many inputs",
    model([node("A", "x x", domain="f")], ["x"], functions=[function("A", [node("Relu", "a", "b")])], domains=["f"]),
    r"passes 2 inputs",
)
refused(
    9,
    "function gives too many outputs",
    model(
        [node("A", "x", "y z", domain="f")], ["x"], functions=[function("A", [node("Relu", "a", "b")])], domains=["f"]
    ),
    r"takes 2 outputs",
)
refused(9, "function output made by nobody", calls(function("A", [node("Relu", "a", "c")])), r"'b'.*no node")
refused(9, "function reads a name of its caller", calls(function("A", [node("Add", "a x", "b")])), r"'x'")


NOTHING = [ValueInfoProto(name="y")]


def nested(depth):
    """If in If in If ...; the innermost passes x on."""
    inner = raw_graph([raw(node("Identity", "x", "v0"))], [], [ValueInfoProto(name="v0")])
    for i in range(1, depth + 1):
        out = f"v{i}" if i < depth else "y"
        other = raw_graph([raw(node("Identity", "x", f"e{i}"))], [], [ValueInfoProto(name=f"e{i}")])
        conditional_node = raw_node("If", "c", out, f"if{i}", then_branch=inner, else_branch=other)
        inner = raw_graph([conditional_node], [], [ValueInfoProto(name=out)])
    return raw_model([conditional_node], [value("x", F, [None]), C], NOTHING)


case(10, "If 60 deep", nested(60), OK, inputs=FED, values=[X["x"]])
refused(10, "If 65 deep", nested(65), r"deep", LIMIT, inputs=FED)
refused(10, "If 90 deep", nested(90), r"deep", LIMITED, inputs=FED)


def nested_loops(depth):
    last = raw(node("Relu", "s0", "t0"))
    for i in range(depth):
        ins = [value(f"i{i}", I64, []), value(f"b{i}", BOOL, []), value(f"s{i}", F, None)]
        body = raw_graph(
            [raw(node("Identity", f"b{i}", f"k{i}")), last],
            ins,
            [ValueInfoProto(name=f"k{i}"), ValueInfoProto(name=f"t{i}")],
        )
        out = f"t{i + 1}" if i + 1 < depth else "y"
        last = raw_node("Loop", ["n", "", f"s{i + 1}" if i + 1 < depth else "x"], out, f"loop{i}", body=body)
    return raw_model([last], [value("x", F, [None]), value("n", I64, [])], NOTHING)


case(11, "Loop 30 deep", nested_loops(30), OK, inputs={**X, "n": np.int64(1)}, values=[np.maximum(X["x"], 0)])
case(11, "Loop 60 deep", nested_loops(60), OK, inputs={**X, "n": np.int64(1)}, values=[np.maximum(X["x"], 0)])


def nested_scans(depth, rank):
    last = raw(node("Relu", "s0", "t0"))
    for i in range(depth):
        body = raw_graph([last], [value(f"s{i}", F, None)], [ValueInfoProto(name=f"t{i}")])
        inner = i + 1 < depth
        last = raw_node(
            "Scan",
            f"s{i + 1}" if inner else "x",
            f"t{i + 1}" if inner else "y",
            f"scan{i}",
            {"num_scan_inputs": 1},
            body=body,
        )
    return raw_model([last], [value("x", F, [1] * rank)], NOTHING)


_x = np.ones([1] * 5, np.float32)
case(11, "Scan 4 deep", nested_scans(4, 5), OK, inputs={"x": _x}, values=[_x])
refused(
    11,
    "Scan 60 deep on rank 3",
    nested_scans(60, 3),
    r"scan",
    (INVALID_MODEL, INVALID_ARGUMENT, LIMIT),
    inputs={"x": np.ones((1, 1, 1), np.float32)},
)

# 31: what the file declares is not trusted.
for _name, _declared, _codes in [
    ("shape", value("y", F, [7]), (OK, INVALID_MODEL)),
    ("rank", value("y", F, [1, 1, 2]), (OK, INVALID_MODEL)),
    ("type", value("y", I64, [2]), (OK, INVALID_MODEL)),
    ("sequence", helper.make_tensor_sequence_value_info("y", F, [2]), (OK, INVALID_MODEL)),
]:
    case(
        31,
        f"declared output {_name} is wrong",
        model([node("Relu", "x")], ["x"], [_declared]),
        _codes,
        r"'y'",
        inputs=X,
        values=[np.maximum(X["x"], 0)],
    )
_m = model([node("Relu", "x", "t"), node("Neg", "t")], ["x"])
_m.graph.value_info.append(value("t", I64, [3, 3]))
case(31, "value_info lies", _m, (OK, INVALID_MODEL), r"'t'", inputs=X, values=[-np.maximum(X["x"], 0)])
_m = model([node("Relu", "x")], [value("x", F, [-5])])
case(31, "negative extent of an input", _m, (OK, INVALID_MODEL), r"'x'", inputs=X)
for _name, _array in [
    ("type", np.array([1, 2], np.int64)),
    ("rank", np.ones((1, 2), np.float32)),
    ("size", np.ones(3, np.float32)),
]:
    refused(
        31,
        f"fed {_name} is not the declared one",
        model([node("Relu", "x")], [value("x", F, [2])]),
        r"input 'x'",
        INVALID_ARGUMENT,
        inputs={"x": _array},
    )
refused(
    31,
    "one symbol with two sizes that do not fit",
    model([node("Add", "x z")], [value("x", F, ["N"]), value("z", F, ["N"])]),
    r"\[2\] and \[3\] do not broadcast",
    INVALID_ARGUMENT,
    inputs={"x": np.ones(2, np.float32), "z": np.ones(3, np.float32)},
)
refused(31, "missing input", model([node("Add", "x z")], ["x", "z"]), r"'z' is missing", INVALID_ARGUMENT, inputs=X)
refused(
    31,
    "input that the model has not",
    model([node("Relu", "x")], ["x"]),
    r"no input 'q'",
    INVALID_ARGUMENT,
    inputs={**X, "q": np.ones(1, np.float32)},
)
