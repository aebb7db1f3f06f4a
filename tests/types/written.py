"""Models for what the official cases do not have: containers, subgraphs, operators without a case; and what to change in
a case so that it is good for another type."""

import onnx
import numpy as np
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

import values

ANY = object()  # the outcome is free (random numbers): its type is what the model declares
RANDOM = {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli"}
# By how much integers may differ that are fractions rounded or cut off.
TOLERANCE = {"GridSample": 1, "QLinearMatMul": 1}


def type_of(text):
    """TypeProto of "seq(tensor(float))"."""
    word, _, rest = text.partition("(")
    if word == "tensor":
        return h.make_tensor_type_proto(values.number(rest[:-1]), None)
    if word == "seq":
        return h.make_sequence_type_proto(type_of(rest[:-1]))
    if word == "optional":
        return h.make_optional_type_proto(type_of(rest[:-1]))
    key, _, value = rest[:-1].partition(",")
    value = value if value.startswith("tensor") else f"tensor({value})"
    return h.make_map_type_proto(values.number(key), type_of(value))


def sample_of(text, *shape):
    word, _, rest = text.partition("(")
    if word == "tensor":
        return values.sample(rest[:-1], *(shape or (2, 3)))
    if word == "seq":
        return [sample_of(rest[:-1], 2, 3), sample_of(rest[:-1], 4)]
    if word == "optional":
        return sample_of(rest[:-1], *shape)
    key, _, value = rest[:-1].partition(",")
    value = value.removeprefix("tensor(").removesuffix(")")
    keys = ["a", "b", "c"] if key == "string" else [1, 2, 3]
    return dict(zip(keys, values.sample(value, 3).tolist()))


def model(nodes, inputs, outputs, weights=None):
    """`inputs`, `outputs`: type strings by name."""
    from cases import OPSETS

    graph = h.make_graph(nodes, "cell", [h.make_value_info(n, type_of(t)) for n, t in inputs.items()],
                         [h.make_value_info(n, type_of(t)) for n, t in outputs.items()],
                         [numpy_helper.from_array(np.asarray(v), n) for n, v in (weights or {}).items()])  # fmt: skip
    return h.make_model(graph, ir_version=13, opset_imports=[h.make_opsetid(d, v) for d, v in OPSETS.items()])


def run(op, inputs, output, expected, weights=None, domain="", **attributes):
    """One node, fed with samples where `inputs` gives a type string, and with the value where a pair."""
    types = {n: t[0] if isinstance(t, tuple) else t for n, t in inputs.items()}
    feeds = {n: t[1] if isinstance(t, tuple) else sample_of(t) for n, t in inputs.items()}
    node = h.make_node(op, [*inputs, *(weights or {})], ["y"], domain=domain, **attributes)
    made = model([node], types, {"y": output}, weights)
    return made, feeds, expected(feeds) if callable(expected) else expected


def inner(text):
    return text.partition("(")[2][:-1]


def first(feeds):
    return [next(iter(feeds.values()))]


# --- containers


def identity(variable, text):
    return run("Identity", {"x": text}, text, first)


def optional(variable, text):
    of = inner(text) if variable == "O" else text
    return run("Optional", {"x": of}, f"optional({of})", first)


def optional_get(variable, text):
    held = f"optional({text})" if variable == "V" and not text.startswith("optional") else text
    return run("OptionalGetElement", {"x": held}, inner(held) if held.startswith("optional") else held, first)


def optional_has(variable, text):
    text = "optional(tensor(float))" if variable == "B" else text
    return run("OptionalHasElement", {"x": text}, "tensor(bool)", [np.array(True)])


def element_of(variable, text):
    """The element's type string, from the sequence's or the element's."""
    if variable == "I":
        return "tensor(float)"
    return inner(text) if text.startswith("seq") else text


def position(variable, text, at):
    return (text, np.array(at, values.dtype(text[7:-1]))) if variable == "I" else ("tensor(int64)", np.array(at))


def sequence_at(v, t):
    e = element_of(v, t)
    return run("SequenceAt", {"s": f"seq({e})", "i": position(v, t, 1)}, e, lambda f: [f["s"][1]])


def sequence_erase(v, t):
    s = f"seq({element_of(v, t)})"
    return run("SequenceErase", {"s": s, "i": position(v, t, 0)}, s, lambda f: [f["s"][1:]])


def sequence_insert(v, t):
    e = element_of(v, t)
    return run("SequenceInsert", {"s": f"seq({e})", "x": e, "i": position(v, t, 1)}, f"seq({e})",
               lambda f: [[f["s"][0], f["x"], f["s"][1]]])  # fmt: skip


def sequence_length(v, t):
    return run("SequenceLength", {"s": f"seq({element_of(v, t)})"}, "tensor(int64)", [np.array(2)])


def sequence_construct(v, t):
    e = element_of(v, t)
    return run("SequenceConstruct", {"a": e, "b": e}, f"seq({e})", lambda f: [[f["a"], f["b"]]])


def sequence_empty(v, t):
    return run("SequenceEmpty", {}, t, [[]], dtype=values.number(inner(inner(t))))


def concat_from_sequence(v, t):
    e = element_of(v, t)
    x = sample_of(e)
    return run("ConcatFromSequence", {"s": (f"seq({e})", [x, x])}, e, [np.concatenate([x, x])], axis=0)


def split_to_sequence(v, t):
    e = element_of(v, t)
    split = position(v, t, [1, 2])
    return run("SplitToSequence", {"x": e, "n": split}, f"seq({e})", lambda f: [np.split(f["x"], [1], 1)], axis=1)


def sequence_map(v, t):
    e = element_of(v, t) if t.startswith("seq") else t
    body = h.make_graph([h.make_node("Identity", ["b"], ["c"])], "body", [h.make_value_info("b", type_of(e))],
                        [h.make_value_info("c", type_of(e))])  # fmt: skip
    return run("SequenceMap", {"s": f"seq({e})"}, f"seq({e})", first, body=body)


# --- subgraphs


def branch(name, text):
    return h.make_graph([h.make_node("Identity", ["x"], [name])], name, [], [h.make_value_info(name, type_of(text))])


def if_(v, t):
    text = "tensor(float)" if v == "B" else t
    node = h.make_node("If", ["c"], ["y"], then_branch=branch("p", text), else_branch=branch("q", text))
    x = sample_of(text)
    return model([node], {"c": "tensor(bool)", "x": text}, {"y": text}), {"c": np.array(True), "x": x}, [x]


def loop(v, t):
    text = "tensor(float)" if v in "IB" else t
    nodes = [h.make_node("Identity", ["go"], ["on"]), h.make_node("Identity", ["a"], ["b"])]
    typed = {"i": "tensor(int64)", "go": "tensor(bool)", "a": text}
    body = h.make_graph(nodes, "body", [h.make_value_info(n, type_of(x)) for n, x in typed.items()],
                        [h.make_value_info("on", type_of("tensor(bool)")), h.make_value_info("b", type_of(text))])  # fmt: skip
    node = h.make_node("Loop", ["n", "c", "x"], ["y"], body=body)
    x = sample_of(text)
    feeds = {"n": np.array(2), "c": np.array(True), "x": x}
    return model([node], {"n": "tensor(int64)", "c": "tensor(bool)", "x": text}, {"y": text}), feeds, [x]


def scan(v, t):
    nodes = [h.make_node("Identity", ["s"], ["s1"]), h.make_node("Identity", ["r"], ["r1"])]
    typed = [h.make_value_info(n, type_of(t)) for n in ("s", "r")]
    body = h.make_graph(nodes, "body", typed, [h.make_value_info(n, type_of(t)) for n in ("s1", "r1")])
    node = h.make_node("Scan", ["s0", "x"], ["z", "y"], body=body, num_scan_inputs=1)
    s, x = sample_of(t, 3), sample_of(t, 4, 3)
    return model([node], {"s0": t, "x": t}, {"z": t, "y": t}), {"s0": s, "x": x}, [s, x]


# --- constants and random numbers


def constant(v, t):
    x = sample_of(t)
    if x.dtype == object:
        value = h.make_tensor("v", T.STRING, x.shape, [s.encode() for s in x.reshape(-1)])
    else:
        value = numpy_helper.from_array(x)
    return run("Constant", {}, t, [x], value=value)


def constant_of_shape(v, t):
    name = "float" if v == "T1" else inner(t)
    x = values.sample(name, 1)
    shape = ("tensor(int64)", np.array([2, 3]))
    return run("ConstantOfShape", {"s": shape}, f"tensor({name})", [np.full((2, 3), x[0], x.dtype)],
               value=numpy_helper.from_array(x))  # fmt: skip


def random(op):
    def make(v, t):
        if op in ("RandomNormal", "RandomUniform"):
            return run(op, {}, t, ANY, dtype=values.number(inner(t)), shape=[2, 3])
        if op == "Bernoulli":
            x, y = (t, "tensor(float)") if v == "T1" else ("tensor(float)", t)
            p = values.convert(np.array([0, 0.25, 0.5, 1]), inner(x))
            return run(op, {"x": (x, p)}, y, ANY, dtype=values.number(inner(y)))
        if op == "Multinomial":
            x, y = (t, "tensor(int32)") if v == "T1" else ("tensor(float)", t)
            return run(op, {"x": x}, y, ANY, dtype=values.number(inner(y)))
        x, y = (t, "tensor(float)") if v == "T1" else ("tensor(float)", t)
        return run(op, {"x": x}, y, ANY, dtype=values.number(inner(y)))
    return make


def bit_cast(v, t):
    name = inner(t)
    x = values.sample(name, 4)
    bits = {1: "uint8", 2: "uint16", 4: "uint32", 8: "uint64", 16: "complex128"}
    if name in ("int4", "uint4", "float4e2m1", "int2", "uint2"):
        same = {"int4": "uint4", "uint4": "int4", "float4e2m1": "uint4", "int2": "uint2", "uint2": "int2"}[name]
    else:
        same = bits[x.dtype.itemsize]
        same = {"uint8": "int8", "complex128": "complex128"}.get(same, same)
    a, b = (name, same) if v == "T1" else (same, name)
    whole = x if v == "T1" else x.view(values.dtype(a))
    if name.endswith(("int4", "int2", "float4e2m1")):
        whole = values.sample(a, 4)
        expected = None
        mask = 15 if "4" in name else 3
        codes = whole.view(np.uint8) & mask
        expected = codes.astype(np.uint8)
        if b.startswith("int"):
            top = (mask + 1) // 2
            expected = ((codes.astype(np.int8) ^ top) - top).astype(values.dtype(b))
        else:
            expected = codes.view(values.dtype(b)) if b.startswith("float") else codes.astype(values.dtype(b))
    else:
        expected = whole.view(values.dtype(b))
    return run("BitCast", {"x": (f"tensor({a})", whole)}, f"tensor({b})", [expected], to=values.number(b))


# --- what the evaluator does not do in these types


def resize(v, t):
    if v != "T1" or values.kind(inner(t)) in ("float", "integer"):
        return None
    x = sample_of(t, 1, 1, 2, 3)
    return run("Resize", {"x": (t, x)}, t, [x.repeat(2, 2).repeat(2, 3)], mode="nearest",
               weights={"roi": np.zeros(0, np.float32), "scales": np.array([1, 1, 2, 2], np.float32)})  # fmt: skip


def grid_sample(v, t):
    """Text: pixels in reverse order, and one outside."""
    if t != "tensor(string)":
        return None
    x = sample_of(t, 1, 1, 1, 4)
    grid = np.array([[[[0.75, 0], [0.25, 0], [-0.25, 0], [-0.75, 0], [3, 0]]]], np.float32)
    y = np.array([*x.reshape(-1)[::-1], ""], object).reshape(1, 1, 1, 5)
    return run("GridSample", {"x": (t, x), "g": ("tensor(float)", grid)}, t, [y], mode="nearest")


def one_hot(v, t):
    if v != "T3":
        return None
    x = values.convert(np.array([0, 1]), inner(t)) if "string" not in t else np.array(["n", "y"], object)
    y = x[np.eye(3, dtype=int)[[0, 2]]]
    ids = ("tensor(int64)", np.array([0, 2]))
    return run("OneHot", {"i": ids, "d": ("tensor(int64)", np.array(3)), "x": (t, x)}, t, [y])


def cast(v, t):
    if t != "tensor(string)":
        return None
    numbers, texts = np.array([1.5, -2.25, 3], np.float32), np.array(["1.5", "-2.25", "3"], object)
    if v == "T1":
        return run("Cast", {"x": (t, texts)}, "tensor(float)", [numbers], to=T.FLOAT)
    return run("Cast", {"x": ("tensor(float)", numbers)}, t, [texts], to=T.STRING)


def cast_like(v, t):
    made = cast(v, t)
    if not made:
        return None
    like = "tensor(float)" if v == "T1" else t
    source = t if v == "T1" else "tensor(float)"
    return run("CastLike", {"x": (source, made[1]["x"]), "l": like}, like, made[2])


def dft(v, t):
    if v != "T2":
        return None
    x = np.arange(6.0, dtype=np.float32).reshape(1, 6, 1)
    z = np.fft.fft(x[:, :4, 0].astype(np.float64), axis=1)
    return run("DFT", {"x": ("tensor(float)", x), "n": (t, np.array(4, values.dtype(inner(t))))}, "tensor(float)",
               [np.stack([z.real, z.imag], -1).astype(np.float32)])  # fmt: skip


def sequence_lens(op, gates):
    """The second of two sequences ends after one step: its last state is that of its first step."""
    def make(v, t):
        if v != "T1":
            return None
        x = np.array([[[1, 2], [1, 2]], [[3, -1], [3, -1.0]]], np.float32)
        w, r = np.full((1, gates, 2), 0.25, np.float32), np.full((1, gates, 1), 0.5, np.float32)
        b = np.zeros((1, 2 * gates), np.float32)
        node = h.make_node(op, ["x", "w", "r", "b", "n"], ["", "y"], hidden_size=1)
        feeds = {"x": x, "w": w, "r": r, "b": b, "n": np.array([2, 1], np.int32)}
        types = dict.fromkeys("xwrb", "tensor(float)") | {"n": t}
        if op == "RNN":
            step = lambda x, s: np.tanh(x.sum() * 0.25 + s * 0.5)  # noqa: E731
        else:
            def step(x, s):
                z = 1 / (1 + np.exp(-(x.sum() * 0.25 + s * 0.5)))  # update and reset are alike
                return (1 - z) * np.tanh(x.sum() * 0.25 + z * s * 0.5) + z * s
        one = step(x[0, 0].astype(np.float64), 0.0)
        y = np.array([[[step(x[1, 0].astype(np.float64), one)], [one]]], np.float32)
        return model([node], types, {"y": "tensor(float)"}), feeds, [y]
    return make


def q_linear_conv(v, t):
    if v != "T4":
        return None
    x, w = np.arange(9, dtype=np.uint8).reshape(1, 1, 3, 3), np.array([3], np.uint8).reshape(1, 1, 1, 1)
    u, f = "tensor(uint8)", "tensor(float)"
    one, zero = np.float32(1), np.uint8(0)
    inputs = {"x": (u, x), "xs": (f, one), "xz": (u, zero), "w": (u, w), "ws": (f, one), "wz": (u, zero),
              "ys": (f, one), "yz": (u, zero), "b": (t, np.array([7], np.int32))}  # fmt: skip
    return run("QLinearConv", {n: (k, np.asarray(a)) for n, (k, a) in inputs.items()}, u, [x * np.uint8(3) + np.uint8(7)])


def tf_idf(v, t):
    if t != "tensor(string)":
        return None
    x = np.array(["b", "a", "b", "c"], object)
    return run("TfIdfVectorizer", {"x": (t, x)}, "tensor(float)", [np.array([1, 2], np.float32)], mode="TF",
               min_gram_length=1, max_gram_length=1, max_skip_count=0, ngram_counts=[0], ngram_indexes=[0, 1],
               pool_strings=["a", "b"])  # fmt: skip


def trilu(v, t):
    if t != "tensor(string)":
        return None
    x = sample_of(t, 2, 2)
    y = x.copy()
    y[1, 0] = ""
    return run("Trilu", {"x": (t, x)}, t, [y])


def q_linear_matmul(v, t):
    if v != "T3" or "float8" not in t:
        return None
    i, f, one = "tensor(int8)", "tensor(float)", np.array(1, np.float32)
    zero = np.array(0, np.int8)
    inputs = {"a": (i, np.array([[1, 2], [3, 1]], np.int8)), "as": (f, one), "az": (i, zero),
              "b": (i, np.array([[1, -1], [2, 0]], np.int8)), "bs": (f, one), "bz": (i, zero), "ys": (f, one),
              "yz": (t, np.array(0, values.dtype(inner(t))))}  # fmt: skip
    return run("QLinearMatMul", inputs, t, [np.array([[5, -1], [5, -3]], values.dtype(inner(t)))])


# --- pooling


def global_lp_pool(v, t):
    x = sample_of(t, 1, 2, 3, 3)
    y = np.sqrt((x.astype(np.float64) ** 2).sum((2, 3), keepdims=True)).astype(x.dtype)
    return run("GlobalLpPool", {"x": (t, x)}, t, [y], p=2)


def max_roi_pool(v, t):
    x = sample_of(t, 1, 2, 4, 4)
    rois = values.convert(np.array([[0, 0, 0, 3, 3.0]]), inner(t))
    y = x.reshape(1, 2, 2, 2, 2, 2).max((3, 5))
    return run("MaxRoiPool", {"x": (t, x), "rois": (t, rois)}, t, [y], pooled_shape=[2, 2])


# --- traditional machine learning


def ml(op, inputs, output, expected, **attributes):
    return run(op, inputs, output, expected, domain="ai.onnx.ml", **attributes)


def rows(t):
    x = values.convert(np.array([[1, 2, 3], [4, 0, 1.0]]), inner(t))
    return (t, x)


def cast_map(v, t):
    key, value = inner(t).split(",", 1) if v == "T1" else ("int64", "tensor(float)")
    source = t if v == "T1" else "map(int64,tensor(float))"
    output = inner(t) if v == "T2" else "float"
    given = {1: 2.0, 3: 4.0} if "float" in source else {1: "2", 3: "4"}
    y = np.array([[2, 4]], np.float64)
    to = {"float": "TO_FLOAT", "int64": "TO_INT64", "string": "TO_STRING"}[output]
    expected = [np.array([["2", "4"]], object)] if output == "string" else [y.astype(values.dtype(output))]
    return ml("CastMap", {"x": (source, given)}, f"tensor({output})", expected, cast_to=to)


def category_mapper(v, t):
    text = (v == "T1") == (t == "tensor(string)")  # text in
    cats = dict(cats_int64s=[5, 6], cats_strings=["a", "b"])
    words, codes = np.array(["b", "a"], object), np.array([6, 5])
    x, y = (words, codes) if text else (codes, words)
    kinds = ("tensor(string)", "tensor(int64)") if text else ("tensor(int64)", "tensor(string)")
    return ml("CategoryMapper", {"x": (kinds[0], x)}, kinds[1], [y], **cats)


def dict_vectorizer(v, t):
    if v == "T2":
        key, value = ("string", inner(t)) if t != "tensor(string)" else ("int64", "string")
        t = f"map({key},tensor({value}))"
    key, value = inner(t).split(",", 1)
    value = value.removeprefix("tensor(").removesuffix(")")
    given = sample_of(t)
    order = list(given)[::-1] + (["z"] if key == "string" else [9])
    zero = "" if value == "string" else 0
    y = np.array([[given.get(k, zero) for k in order]], values.dtype(value))
    vocabulary = {("string_vocabulary" if key == "string" else "int64_vocabulary"): order}
    return ml("DictVectorizer", {"x": (t, given)}, f"tensor({value})", [y], **vocabulary)


def feature_vectorizer(v, t):
    x = rows(t)
    return ml("FeatureVectorizer", {"a": x, "b": x}, "tensor(float)",
              [np.hstack([x[1], x[1]]).astype(np.float32)], inputdimensions=[3, 3])  # fmt: skip


def imputer(v, t):
    x = rows(t)
    y = np.where(x[1] == 0, values.convert(np.array(7), inner(t)), x[1])
    fill = (dict(imputed_value_floats=[7.0], replaced_value_float=0.0) if "int" not in t
            else dict(imputed_value_int64s=[7], replaced_value_int64=0))  # fmt: skip
    return ml("Imputer", {"x": x}, t, [y], **fill)


WEIGHTS = np.array([[0.5, -1, 2], [1, 1, -1.0]])


def linear_regressor(v, t):
    x = rows(t)
    y = (x[1] @ WEIGHTS.T + [0.5, 1]).astype(np.float32)
    return ml("LinearRegressor", {"x": x}, "tensor(float)", [y], coefficients=WEIGHTS.reshape(-1).tolist(),
              intercepts=[0.5, 1.0], targets=2)  # fmt: skip


def classifier(op, labels, x, scores, **attributes):
    """Of a classifier with two outputs, by the first."""
    text = labels == "string"
    names = np.array(["p", "q"], object) if text else np.array([3, 4])
    attributes["classlabels_strings" if text else "classlabels_ints"] = names.tolist()
    node = h.make_node(op, ["x"], ["y", "z"], domain="ai.onnx.ml", **attributes)
    made = model([node], {"x": x[0]}, {"y": f"tensor({labels})", "z": "tensor(float)"})
    return made, {"x": x[1]}, [names[np.argmax(scores, 1)], scores.astype(np.float32)]


def linear_classifier(v, t):
    labels, x = (inner(t), rows("tensor(float)")) if v == "T2" else ("int64", rows(t))
    return classifier("LinearClassifier", labels, x, x[1] @ WEIGHTS.T + [0.5, 1],
                      coefficients=WEIGHTS.reshape(-1).tolist(), intercepts=[0.5, 1.0])  # fmt: skip


def svm_regressor(v, t):
    x = rows(t)
    y = (x[1] @ WEIGHTS.T @ [1, 0.5] + 0.25).astype(np.float32).reshape(-1, 1)
    return ml("SVMRegressor", {"x": x}, "tensor(float)", [y], kernel_type="LINEAR", n_supports=2,
              support_vectors=WEIGHTS.reshape(-1).tolist(), coefficients=[1.0, 0.5], rho=[0.25])  # fmt: skip


def svm_classifier(v, t):
    labels, x = (inner(t), rows("tensor(float)")) if v == "T2" else ("int64", rows(t))
    scores = x[1] @ WEIGHTS.T + 0.5
    return classifier("SVMClassifier", labels, x, scores, kernel_type="LINEAR", rho=[0.5],
                      coefficients=WEIGHTS.reshape(-1).tolist())  # fmt: skip


def normalizer(v, t):
    x = rows(t)
    return ml("Normalizer", {"x": x}, "tensor(float)", [(x[1] / x[1].max(1, keepdims=True)).astype(np.float32)],
              norm="MAX")  # fmt: skip


def one_hot_encoder(v, t):
    text = t == "tensor(string)"
    x = np.array(["a", "c", "b"], object) if text else values.convert(np.array([1, 3, 2.0]), inner(t))
    cats = dict(cats_strings=["a", "b", "c"]) if text else dict(cats_int64s=[1, 2, 3])
    return ml("OneHotEncoder", {"x": (t, x)}, "tensor(float)", [np.eye(3, dtype=np.float32)[[0, 2, 1]]], **cats)


def scaler(v, t):
    x = rows(t)
    return ml("Scaler", {"x": x}, "tensor(float)", [((x[1] - 1.0) * 0.5).astype(np.float32)], offset=[1.0], scale=[0.5])


def zip_map(v, t):
    text = "string" in t
    x = np.array([[0.25, 0.5], [1, 2]], np.float32)
    keys = ["a", "b"] if text else [3, 4]
    labels = {"classlabels_strings" if text else "classlabels_int64s": keys}
    maps = [dict(zip(keys, row.tolist())) for row in x]
    return ml("ZipMap", {"x": ("tensor(float)", x)}, t, [maps], **labels)


def label_encoder(v, t):
    """Keys 1, 2, 3 to 4, 5, 6, in one type or from and to int64."""
    key, value = (inner(t), "int64") if v == "T1" else ("int64", inner(t))
    keys, out = (values.convert(np.array(x, np.float64), n) for x, n in (([1, 2, 3], key), ([4, 5, 6], value)))

    def stated(prefix, array, name):
        if name in ("string", "int64", "float"):
            return {f"{prefix}_{name}s": array.tolist()}
        return {f"{prefix}_tensor": numpy_helper.from_array(array)}

    def stated_all(key, value):
        if {key, value} <= {"string", "int64", "float"}:
            return stated("keys", keys, key) | stated("values", out, value)
        return {f"{p}_tensor": numpy_helper.from_array(a) for p, a in (("keys", keys), ("values", out))}

    default = {} if {key, value} <= {"string", "int64", "float"} else {"default_tensor": numpy_helper.from_array(out[:1])}
    return ml("LabelEncoder", {"x": (f"tensor({key})", keys[::-1].copy())}, f"tensor({value})", [out[::-1]],
              **stated_all(key, value), **default)  # fmt: skip


WRITTEN = {
    "Optional": optional, "OptionalGetElement": optional_get, "OptionalHasElement": optional_has,
    "SequenceAt": sequence_at, "SequenceErase": sequence_erase, "SequenceInsert": sequence_insert,
    "SequenceLength": sequence_length, "SequenceConstruct": sequence_construct, "SequenceEmpty": sequence_empty,
    "ConcatFromSequence": concat_from_sequence, "SplitToSequence": split_to_sequence, "SequenceMap": sequence_map,
    "If": if_, "Loop": loop, "Scan": scan, "Constant": constant, "ConstantOfShape": constant_of_shape,
    "RandomNormal": random("RandomNormal"), "RandomUniform": random("RandomUniform"),
    "RandomNormalLike": random("RandomNormalLike"), "RandomUniformLike": random("RandomUniformLike"),
    "Multinomial": random("Multinomial"), "BitCast": bit_cast, "GlobalLpPool": global_lp_pool, "MaxRoiPool": max_roi_pool,
    "CastMap": cast_map, "CategoryMapper": category_mapper, "DictVectorizer": dict_vectorizer,
    "FeatureVectorizer": feature_vectorizer, "Imputer": imputer, "LinearRegressor": linear_regressor,
    "LinearClassifier": linear_classifier, "SVMRegressor": svm_regressor, "SVMClassifier": svm_classifier,
    "Normalizer": normalizer, "OneHotEncoder": one_hot_encoder, "Scaler": scaler, "ZipMap": zip_map,
    "LabelEncoder": label_encoder, "Identity": identity, "Bernoulli": random("Bernoulli"), "Resize": resize,
    "GridSample": grid_sample, "OneHot": one_hot, "Cast": cast, "CastLike": cast_like, "DFT": dft,
    "GRU": sequence_lens("GRU", 3), "RNN": sequence_lens("RNN", 1), "QLinearConv": q_linear_conv,
    "TfIdfVectorizer": tf_idf, "Trilu": trilu, "QLinearMatMul": q_linear_matmul,
}  # fmt: skip


def find(domain, op, variable, text):
    """(model, feeds, expected) or None."""
    make = WRITTEN.get(op)
    return make(variable, text) if make else None


# --- official cases made good for another type: functions of (node, feeds, type)



def positive(node, feeds, name, outputs):
    """Negative numbers to unsigned integers are undefined."""
    x = feeds[node.input[0]]
    if values.kind(values.name_of(x)) in ("float", "integer"):
        feeds[node.input[0]] = np.abs(x.astype(np.float64)).astype(x.dtype)


def state_output(node, feeds, name, outputs):
    """The result's type is the scale's where it is not stated; the evaluator takes no such statement."""
    if outputs[node.output[0]] != values.name_of(feeds[node.input[1]]) and not node.attribute:
        node.attribute.append(h.make_attribute("output_dtype", values.number(outputs[node.output[0]])))


def spread(node, feeds, name, outputs):
    """Larger integers, so that one apart means little."""
    x = feeds[node.input[0]]
    if values.kind(name) == "integer" and values.kind(values.name_of(x)) == "integer" and x.max() < 8:
        feeds[node.input[0]] = (x.astype(np.int64) * 6).astype(x.dtype)


EDITS = {"Cast": positive, "CastLike": positive, "DequantizeLinear": state_output, "GridSample": spread}
# Cases that another case may stand in for, where the first means nothing in the type.
RETRY = {
    "MaxPool": "one case has windows of nothing but padding, which no integer stands for",
    "CenterCropPad": "the evaluator pads text with zeros",
    "LinearAttention": "without a past, the state is of type T",
    "LayerNormalization": "only some cases have the outputs Mean and InvStdDev",
}
