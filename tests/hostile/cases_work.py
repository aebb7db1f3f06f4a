"""Small files that ask for much work or memory, at load or at run; deadlines, cancellation and budgets; locale."""

import numpy as np
from onnx import ValueInfoProto, helper

from case import (
    BOOL,
    CANCELLED,
    DEADLINE,
    F,
    I64,
    INVALID_ARGUMENT,
    INVALID_MODEL,
    LIMIT,
    OK,
    STR,
    TOO_MUCH,
    both_ways,
    case,
    graph,
    model,
    node,
    one,
    tensor,
    value,
)

MAX = 2**63 - 1
X = {"x": np.array([1, -2], np.float32)}
MIB = 1 << 20


def loop(body_nodes, trips=MAX, states=("x",), condition=True, shape=None):
    """A Loop over the states; body_nodes read s0.. and make t0.."""
    names = range(len(states))
    body = graph(
        [node("Identity", "b", "k"), *body_nodes],
        [value("i", I64, []), value("b", BOOL, []), *(value(f"s{i}", F, shape) for i in names)],
        [ValueInfoProto(name="k"), *(value(f"t{i}", F, shape) for i in names)],
    )
    outs = [f"y{i}" if i else "y" for i in names]
    return model(
        [node("Loop", ["n", "", *states], outs, body=body)], list(states), outs, [tensor("n", np.int64(trips))]
    )


# 11: work at load. All of these must be linear in the bytes of the file.
def chain(n, op="Relu"):
    return model([node(op, f"v{i}" if i else "x", f"v{i + 1}" if i + 1 < n else "y", f"n{i}") for i in range(n)], ["x"])


case(11, "chain of 20000", chain(20_000), OK, inputs=X, values=[np.array([1, 0], np.float32)], limit_s=10)
case(11, "chain of 20000 that folds", chain(20_000, "Identity"), OK, inputs=X, values=[X["x"]], limit_s=10)
_nodes = [node("Add", f"v{i} v{i}" if i else "w w", f"v{i + 1}" if i < 4999 else "y", f"n{i}") for i in range(5000)]
case(
    11,
    "chain of 5000 constants",
    model(_nodes, [], ["y"], [tensor("w", np.zeros(2, np.float32))]),
    OK,
    values=[np.zeros(2, np.float32)],
    limit_s=5,
)
case(
    11,
    "twenty thousand outputs of one Split",
    model(
        [node("Split", "x", [f"y{i}" for i in range(20_000)], num_outputs=20_000)], [value("x", F, [20_000])], ["y0"]
    ),
    OK,
    inputs={"x": np.zeros(20_000, np.float32)},
    limit_s=5,
)
case(
    11,
    "twenty thousand inputs of one Concat",
    model([node("Concat", ["x"] * 20_000, axis=0)], ["x"]),
    OK,
    inputs=X,
    limit_s=5,
)
case(
    11,
    "twenty thousand inputs of one Sum",
    model([node("Sum", ["x"] * 20_000)], ["x"]),
    OK,
    inputs=X,
    limit_s=5,
    values=[np.array([20_000, -40_000], np.float32)],
)
case(
    11,
    "twenty thousand graph inputs",
    model([node("Relu", "x")], ["x"] + [f"u{i}" for i in range(20_000)]),
    INVALID_ARGUMENT,
    r"missing",
    inputs=X,
    limit_s=5,
)
case(
    11,
    "twenty thousand initializers",
    model([node("Relu", "x")], ["x"], ["y"], [tensor(f"w{i}", np.ones(1, np.float32)) for i in range(20_000)]),
    OK,
    inputs=X,
    limit_s=5,
)
case(
    11,
    "name of a megabyte",
    model([node("Relu", "x", name="n" * MIB), node("Rexu", "y", "z", name="m" * MIB)], ["x"]),
    INVALID_MODEL,
    r"^.{1,2000}$",
)
case(11, "symbol names of a megabyte", model([node("Relu", "x")], [value("x", F, ["s" * MIB])]), OK, inputs=X)


def doubling(n):
    """Function A_i calls A_(i-1) twice: 2 to the n nodes when inlined."""
    fs = [helper.make_function("f", "A0", ["a"], ["b"], [node("Relu", "a", "b")], [helper.make_opsetid("", 21)])]
    for i in range(1, n + 1):
        body = [node(f"A{i - 1}", "a", "c", domain="f"), node(f"A{i - 1}", "c", "b", domain="f")]
        fs.append(helper.make_function("f", f"A{i}", ["a"], ["b"], body, [helper.make_opsetid("f", 1)]))
    return model([node(f"A{n}", "x", domain="f")], ["x"], functions=fs, domains=["f"])


for _n in (12, 30, 60):
    case(
        11,
        f"functions that double {_n} times",
        doubling(_n),
        OK if _n == 12 else LIMIT,
        r"nodes|work",
        limit_s=5,
        memory_mib=512,
        inputs=X,
        **({"values": [np.array([1, 0], np.float32)]} if _n == 12 else {}),
    )


def symbolic_growth(op, n):
    """Shapes that grow: y = x op x, n times, on a symbolic axis."""
    nodes = [
        node("Concat", f"v{i} v{i}" if i else "x x", f"v{i + 1}" if i + 1 < n else "t", f"n{i}", axis=0)
        for i in range(n)
    ]
    return model([*nodes, node("Shape", "t")], ["x"])


case(
    11,
    "symbolic sizes that double 62 times",
    symbolic_growth("Concat", 62),
    (OK, LIMIT, INVALID_MODEL, INVALID_ARGUMENT, *TOO_MUCH),
    r".",
    inputs={"x": np.zeros(0, np.float32)},
)
case(
    12,
    "sizes that double 40 times",
    symbolic_growth("Concat", 40),
    (*TOO_MUCH, INVALID_ARGUMENT),
    r".",
    inputs=X,
    memory_mib=3000,
    limit_s=10,
)
_nodes = []
for _i in range(60):  # the product of sums of symbols: 2 to the 60 terms if multiplied out
    _nodes.append(node("Add", f"p{_i} q{_i}" if _i else "p q", f"a{_i + 1}", f"add{_i}"))
    _nodes.append(node("Mul", f"a{_i + 1} m{_i}" if _i else "a1 p", f"m{_i + 1}", f"mul{_i}"))
    _nodes.append(node("Identity", f"a{_i + 1}", f"p{_i + 1}", f"p{_i}"))
    _nodes.append(node("Identity", f"m{_i + 1}", f"q{_i + 1}", f"q{_i}"))
_shape = [node("Shape", "x", "sx"), node("Shape", "z", "sz"), node("Add", "sx sz", "p"), node("Mul", "sx sz", "q")]
case(
    11,
    "symbolic expression that explodes",
    model([*_shape, *_nodes, node("ConstantOfShape", "m60")], ["x", value("z", F, ["M"])]),
    (OK, *TOO_MUCH, INVALID_ARGUMENT, INVALID_MODEL),
    r".",
    inputs={**X, "z": np.zeros(3, np.float32)},
    limit_s=5,
)
for _pattern, _text in [
    ("(a*)*b", "a" * 5000),
    ("(a|a)*c", "a" * 5000),
    ("(.*)(.*)(.*)(.*)(.*)x", "a" * 2000),
    ("(a?){200}a{200}", "a" * 200),
]:
    _made = model([node("RegexFullMatch", "x", pattern=_pattern)], [value("x", STR, [1])])
    case(
        11,
        f"back-tracking {_pattern}",
        _made,
        (OK, INVALID_MODEL, LIMIT),
        r"'regexfullmatch'",
        inputs={"x": [_text]},
        limit_s=3,
    )
for _pattern in [
    "a{1000000000}",
    "((a{1000}){1000}){1000}",
    "(" * 20_000 + ")" * 20_000,
    "[",
    "(",
    "a**",
    "\\",
    "[z-a]",
    "(?P<n>a)\\1",
    "a{2,1}",
    "*",
]:
    _made = model([node("RegexFullMatch", "x", pattern=_pattern)], [value("x", STR, [1])])
    case(
        11,
        f"pattern {len(_pattern)} {_pattern[:30]!r}",
        _made,
        (INVALID_MODEL, LIMIT, *((OK,) if _pattern == "a**" else ())),
        r"'regexfullmatch'.*pattern|deep|nest",
        inputs={"x": ["a"]},
    )

# 11, 12: folding must not make the model grow, nor take the time of a run.
case(
    12,
    "folding to a gigabyte",
    model(
        [node("ConstantOfShape", "s", "a"), node("ReduceSum", "a", keepdims=0)],
        [],
        ["y"],
        [tensor("s", np.array([1 << 28], np.int64))],
    ),
    OK,
    values=[np.float32(0)],
    memory_mib=1300,
    limit_s=10,
)
case(
    12,
    "folding to a gigabyte under a limit",
    model(
        [node("ConstantOfShape", "s", "a"), node("ReduceSum", "a", keepdims=0)],
        [],
        ["y"],
        [tensor("s", np.array([1 << 28], np.int64))],
    ),
    LIMIT,
    r"limit is 16777216",
    settings=[f"memory_limit {16 * MIB}"],
)
_tiles = [node("Concat", f"c{i} c{i}" if i else "w w", f"c{i + 1}", f"n{i}", axis=0) for i in range(28)]
case(
    12,
    "Concat chain on constants",
    model([*_tiles, node("ReduceSum", "c28", keepdims=0)], [], ["y"], [tensor("w", np.zeros(1, np.float32))]),
    LIMIT,
    r"'.*limit is 67108864",
    settings=[f"memory_limit {64 * MIB}"],
)
case(12, "Range for ever", one("Range", [np.int64(0), np.int64(2**45), np.int64(1)])[0], TOO_MUCH, r"'range'")

# 12: memory at run.
GROWTH = [node("Concat", "s0 s0", "t0", axis=0)]
case(
    12,
    "Loop that doubles under a limit",
    loop(GROWTH),
    LIMIT,
    r"limit is 67108864",
    inputs=X,
    settings=[f"memory_limit {64 * MIB}"],
)
case(12, "Loop that doubles", loop(GROWTH), TOO_MUCH, r".", inputs=X, memory_mib=3072, limit_s=10)
_scan_body = graph(
    [node("Identity", "b", "k"), node("Identity", "s", "t"), node("Identity", "s", "o")],
    [value("i", I64, []), value("b", BOOL, []), value("s", F, None)],
    [ValueInfoProto(name="k"), value("t", F, None), value("o", F, None)],
)
case(
    12,
    "Loop that stacks for ever",
    model([node("Loop", ["n", "", "x"], "z y", body=_scan_body)], ["x"], ["y"], [tensor("n", np.int64(MAX))]),
    LIMIT,
    r"limit is 16777216",
    inputs={"x": np.zeros(100_000, np.float32)},
    settings=[f"memory_limit {16 * MIB}"],
)
case(
    12,
    "Loop that stacks scalars for ever",
    model([node("Loop", ["n", "", "x"], "z y", body=_scan_body)], ["x"], ["y"], [tensor("n", np.int64(MAX))]),
    LIMIT,
    r"limit is 4194304",
    inputs={"x": np.zeros(1, np.float32)},
    settings=[f"memory_limit {4 * MIB}"],
    limit_s=8,
)
_sequence_body = graph(
    [node("Identity", "b", "k"), node("SequenceInsert", "s x", "t")],
    [value("i", I64, []), value("b", BOOL, []), helper.make_tensor_sequence_value_info("s", F, None)],
    [ValueInfoProto(name="k"), helper.make_tensor_sequence_value_info("t", F, None)],
)
case(
    12,
    "Loop that grows a sequence",
    model(
        [
            helper.make_node("SequenceEmpty", [], ["e"], name="e"),
            node("Loop", ["n", "", "e"], "z", body=_sequence_body),
            node("SequenceLength", "z"),
        ],
        ["x"],
        ["y"],
        [tensor("n", np.int64(MAX))],
    ),
    (LIMIT, DEADLINE),
    r".",
    inputs={"x": np.zeros(10_000, np.float32)},
    settings=[f"memory_limit {16 * MIB}", "timeout_us 1000000"],
)
_text = graph(
    [node("Identity", "b", "k"), node("StringConcat", "s s", "t")],
    [value("i", I64, []), value("b", BOOL, []), value("s", STR, None)],
    [ValueInfoProto(name="k"), value("t", STR, None)],
)
case(
    12,
    "Loop that doubles a string",
    model([node("Loop", ["n", "", "x"], body=_text)], [value("x", STR, [1])], ["y"], [tensor("n", np.int64(MAX))]),
    LIMIT,
    r"limit is 16777216",
    inputs={"x": ["abcd"]},
    settings=[f"memory_limit {16 * MIB}"],
    limit_s=5,
)
BIG = np.zeros((2048, 2048), np.float32)
for _op, _inputs, _more in [
    ("Expand", [np.float32(0), np.array([4096, 4096], np.int64)], {}),
    ("Tile", [np.zeros(4096, np.float32), np.array([4096], np.int64)], {}),
    ("ConstantOfShape", [np.array([4096, 4096], np.int64)], {}),
    ("Range", [np.int64(0), np.int64(1 << 24), np.int64(1)], {}),
    ("Pad", [np.zeros(1, np.float32), np.array([1 << 24, 0], np.int64)], {}),
    ("OneHot", [np.zeros(4096, np.int64), np.int64(4096), np.zeros(2, np.float32)], {}),
    ("Resize", [np.zeros((1, 1, 8, 8), np.float32), None, None, np.array([1, 1, 4096, 4096], np.int64)], {}),
    ("MatMul", [np.zeros((4096, 1), np.float32), np.zeros((1, 4096), np.float32)], {}),
    ("Add", [np.zeros((4096, 1), np.float32), np.zeros((1, 4096), np.float32)], {}),
    ("Einsum", [np.zeros(4096, np.float32), np.zeros(4096, np.float32)], {"equation": "i,j->ij"}),
    ("RandomUniform", [], {"shape": [4096, 4096]}),
    ("HannWindow", [np.int64(1 << 24)], {}),
]:
    _names = [i for i, a in enumerate(_inputs) if a is not None]
    _made, _feeds = one(_op, _inputs, _names, **_more)
    case(
        12,
        f"{_op} over the limit",
        _made,
        LIMIT,
        r"('|memory plan).*limit is 8388608",
        inputs=_feeds,
        settings=[f"memory_limit {8 * MIB}"],
    )

# 26: deadlines and cancellation, within loops and within one kernel.
SLOW = {
    "Loop without end": (loop([node("Relu", "s0", "t0")]), X),
    "Loop within Loop": (
        loop(
            [
                node(
                    "Loop",
                    ["n", "", "s0"],
                    "t0",
                    name="inner",
                    body=graph(
                        [node("Identity", "b2", "k2"), node("Relu", "u", "v")],
                        [value("i2", I64, []), value("b2", BOOL, []), value("u", F, None)],
                        [ValueInfoProto(name="k2"), value("v", F, None)],
                    ),
                )
            ]
        ),
        X,
    ),
    "one MatMul": (model([node("MatMul", "x x")], [value("x", F, ["N", "M"])]), {"x": BIG}),
    "one Conv": (
        model(
            [node("Conv", "x w")],
            [value("x", F, [1, 64, "H", "W"])],
            ["y"],
            [tensor("w", np.zeros((64, 64, 9, 9), np.float32))],
        ),
        {"x": np.zeros((1, 64, 200, 200), np.float32)},
    ),
    "one CumSum Einsum": (
        model([node("Einsum", "x x x", equation="ij,jk,kl->il")], [value("x", F, ["N", "N"])]),
        {"x": np.zeros((1500, 1500), np.float32)},
    ),
    "one TopK": (
        model(
            [node("TopK", "x k", "y z")], [value("x", F, ["N"])], ["y"], [tensor("k", np.array([3_000_000], np.int64))]
        ),
        {"x": np.random.default_rng(1).random(3_000_000, np.float32)},
    ),
    "one Scan": (
        model(
            [
                node(
                    "Scan",
                    "x",
                    num_scan_inputs=1,
                    body=graph([node("Relu", "a", "b")], [value("a", F, None)], [value("b", F, None)]),
                )
            ],
            [value("x", F, ["N", 1])],
        ),
        {"x": np.zeros((2_000_000, 1), np.float32)},
    ),
    "one LSTM": (
        model(
            [node("LSTM", "x w r", ["", "y"], hidden_size=512)],
            [value("x", F, ["T", 1, 64])],
            ["y"],
            [
                tensor("w", np.zeros((1, 2048, 64), np.float32)),
                tensor("r", np.zeros((1, 2048, 512), np.float32)),
            ],
        ),
        {"x": np.zeros((10_000, 1, 64), np.float32)},
    ),
    "one NonMaxSuppression": (
        model(
            [node("NonMaxSuppression", "x s n t")],
            [value("x", F, [1, "N", 4])],
            ["y"],
            [
                tensor("s", np.random.default_rng(2).random((1, 1, 20_000), np.float32)),
                tensor("n", np.int64(20_000)),
                tensor("t", np.float32(0.99)),
            ],
        ),
        {"x": np.sort(np.random.default_rng(2).random((1, 20_000, 4), np.float32))},
    ),
}
for _name, (_model, _feeds) in SLOW.items():
    for _ms in (20, 100):
        case(
            26,
            f"deadline {_ms} ms in {_name}",
            _model,
            DEADLINE,
            r"deadline",
            inputs=_feeds,
            settings=[f"timeout_us {_ms * 1000}", "threads 1"],
            limit_s=3,
            memory_mib=512,
        )
    case(
        26,
        f"cancelled in {_name}",
        _model,
        CANCELLED,
        r"cancelled",
        inputs=_feeds,
        settings=["cancel_us 30000", "threads 1"],
        limit_s=3,
        memory_mib=512,
    )

# 30: a locale with a decimal comma changes nothing.
for _locale in ("de_DE.UTF-8", "tr_TR.UTF-8", "C", "nonsense"):
    _env = {"LC_ALL": _locale}
    case(
        30,
        f"strings to numbers in {_locale}",
        model([node("Cast", "x", to=F)], [value("x", STR, [2])]),
        OK,
        environment=_env,
        inputs={"x": ["1.5", "-2e3"]},
        values=[np.array([1.5, -2000], np.float32)],
    )
    case(
        30,
        f"decimal comma in {_locale}",
        model([node("Cast", "x", to=F)], [value("x", STR, [1])]),
        INVALID_ARGUMENT,
        r"'cast'.*1,5",
        environment=_env,
        inputs={"x": ["1,5"]},
    )
for _text in ("", "abc", "1e", "0x10", "1.5.2", "nan5", " 1", "1 ", "１", "--1", "1e999999"):
    _ok = (OK, INVALID_ARGUMENT)
    case(
        30,
        f"cast of {_text!r} {len(_text)}",
        model([node("Cast", "x", to=F)], [value("x", STR, [1])]),
        _ok,
        r"'cast'",
        inputs={"x": [_text]},
    )
for _text in ("", "1.5", "9223372036854775808", "-9223372036854775809", "1e3", "0x10", "1_000"):
    case(
        30,
        f"cast to integer of {_text!r}",
        model([node("Cast", "x", to=I64)], [value("x", STR, [1])]),
        (OK, INVALID_ARGUMENT),
        r"'cast'",
        inputs={"x": [_text]},
    )
