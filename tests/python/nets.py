"""Small models for the tests, in the shape of those that programs run: made with the onnx package from random weights.

Each function returns an onnx.ModelProto; `write_all(folder)` writes them as <name>.onnx, which is where the programs in
programs/ look for them.
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

F, I, S, B = T.FLOAT, T.INT64, T.STRING, T.BOOL


def tensor(name, shape, kind=F):
    return h.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs, outputs, weights=None, opset=17, metadata=None, **fields):
    initializers = [numpy_helper.from_array(np.asarray(v), k) for k, v in (weights or {}).items()]
    graph = h.make_graph(nodes, "net", inputs, outputs, initializers)
    imports = [h.make_opsetid("", opset), h.make_opsetid("ai.onnx.ml", 3)]
    made = h.make_model(graph, opset_imports=imports, ir_version=9, producer_name="tests", **fields)
    if metadata:
        h.set_model_props(made, metadata)
    return made


def add():
    """z = x + y, with a free dimension."""
    node = h.make_node("Add", ["x", "y"], ["z"], name="add")
    return model([node], [tensor("x", ["N", 3]), tensor("y", [3])], [tensor("z", ["N", 3])],
                 metadata={"classes": "cat,dog"}, doc_string="adds", model_version=7)  # fmt: skip


def identity(type_proto, opset=25):
    """Passes a value of any type through."""
    nodes = [h.make_node("Identity", ["x"], ["z"])]
    made = model(nodes, [h.make_value_info("x", type_proto)], [h.make_value_info("z", type_proto)], opset=opset)
    made.ir_version = 13
    return made


def classifier():
    """Two convolutions, pooling and a linear layer, as an image classifier; names of classes in the metadata."""
    g = np.random.default_rng(1)
    w = {
        "w1": g.normal(0, 0.3, (8, 3, 3, 3)).astype("f"),
        "b1": g.normal(0, 0.1, 8).astype("f"),
        "w2": g.normal(0, 0.2, (16, 8, 3, 3)).astype("f"),
        "b2": g.normal(0, 0.1, 16).astype("f"),
        "fc": g.normal(0, 0.5, (10, 16)).astype("f"),
        "fb": g.normal(0, 0.1, 10).astype("f"),
    }
    nodes = [
        h.make_node("Conv", ["image", "w1", "b1"], ["c1"], pads=[1] * 4, strides=[2, 2], name="conv1"),
        h.make_node("Relu", ["c1"], ["r1"], name="relu1"),
        h.make_node("Conv", ["r1", "w2", "b2"], ["c2"], pads=[1] * 4, name="conv2"),
        h.make_node("Relu", ["c2"], ["r2"], name="relu2"),
        h.make_node("GlobalAveragePool", ["r2"], ["p"], name="pool"),
        h.make_node("Flatten", ["p"], ["f"], name="flatten"),
        h.make_node("Gemm", ["f", "fc", "fb"], ["logits"], transB=1, name="fc"),
    ]
    return model(nodes, [tensor("image", ["N", 3, 32, 32])], [tensor("logits", ["N", 10])], w,
                 metadata={"labels": ",".join(f"class{i}" for i in range(10))})  # fmt: skip


def encoder():
    """One layer of a transformer encoder with a mask, as text encoders are exported."""
    g = np.random.default_rng(2)
    d = 32
    w = {name: g.normal(0, 0.2, (d, d)).astype("f") for name in ("q", "k", "v", "o")}
    w["table"] = g.normal(0, 1, (100, d)).astype("f")
    w["scale"], w["bias"] = np.ones(d, "f"), np.zeros(d, "f")
    w["factor"], w["one"], w["low"] = np.float32(d**-0.5), np.float32(1), np.float32(-1e4)
    w["axes"] = np.array([1], "int64")
    nodes = [
        h.make_node("Gather", ["table", "input_ids"], ["e"]),
        h.make_node("LayerNormalization", ["e", "scale", "bias"], ["x"], axis=-1),
        h.make_node("MatMul", ["x", "q"], ["xq"]),
        h.make_node("MatMul", ["x", "k"], ["xk"]),
        h.make_node("MatMul", ["x", "v"], ["xv"]),
        h.make_node("Transpose", ["xk"], ["kt"], perm=[0, 2, 1]),
        h.make_node("MatMul", ["xq", "kt"], ["s0"]),
        h.make_node("Mul", ["s0", "factor"], ["s1"]),
        h.make_node("Cast", ["attention_mask"], ["m0"], to=F),
        h.make_node("Sub", ["one", "m0"], ["m1"]),
        h.make_node("Mul", ["m1", "low"], ["m2"]),
        h.make_node("Unsqueeze", ["m2", "axes"], ["m3"]),
        h.make_node("Add", ["s1", "m3"], ["s2"]),
        h.make_node("Softmax", ["s2"], ["a"], axis=-1),
        h.make_node("MatMul", ["a", "xv"], ["c"]),
        h.make_node("MatMul", ["c", "o"], ["co"]),
        h.make_node("Add", ["co", "x"], ["last_hidden_state"]),
        h.make_node("ReduceMean", ["last_hidden_state"], ["pooler_output"], axes=[1], keepdims=0),
    ]
    ids = [tensor(n, ["batch", "sequence"], I) for n in ("input_ids", "attention_mask")]
    return model(nodes, ids, [tensor("last_hidden_state", ["batch", "sequence", d]),
                              tensor("pooler_output", ["batch", d])], w)  # fmt: skip


def _vad_branch(kernel, g):
    w = numpy_helper.from_array(g.normal(0, 0.3, (8, 1, kernel)).astype("f"), f"w{kernel}")
    nodes = [
        h.make_node("Conv", ["wave", w.name], [f"c{kernel}"], strides=[kernel // 2]),
        h.make_node("Relu", [f"c{kernel}"], [f"r{kernel}"]),
        h.make_node("ReduceMean", [f"r{kernel}"], [f"features{kernel}"], axes=[2], keepdims=0),
    ]
    return h.make_graph(nodes, f"k{kernel}", [], [tensor(f"features{kernel}", None)], [w])


def vad():
    """Voice activity in chunks: a state goes in and out, and If chooses a front end by the sample rate."""
    g = np.random.default_rng(3)
    w = {
        "sr16k": np.int64(16000),
        "axis1": np.array([1], "int64"),
        "axis0": np.array([0], "int64"),
        "W": g.normal(0, 0.3, (1, 32, 8)).astype("f"),
        "R": g.normal(0, 0.3, (1, 32, 8)).astype("f"),
        "out": g.normal(0, 1, (8, 1)).astype("f"),
        "split": np.array([1, 1], "int64"),
    }
    nodes = [
        h.make_node("Unsqueeze", ["input", "axis1"], ["wave"]),
        h.make_node("Equal", ["sr", "sr16k"], ["is16k"]),
        h.make_node("If", ["is16k"], ["features"], then_branch=_vad_branch(64, g), else_branch=_vad_branch(32, g)),
        h.make_node("Unsqueeze", ["features", "axis0"], ["seq"]),
        h.make_node("Split", ["state", "split"], ["h0", "c0"], axis=0),
        h.make_node("LSTM", ["seq", "W", "R", "", "", "h0", "c0"], ["", "h1", "c1"], hidden_size=8),
        h.make_node("Concat", ["h1", "c1"], ["stateN"], axis=0),
        h.make_node("Squeeze", ["h1", "axis0"], ["hs"]),
        h.make_node("MatMul", ["hs", "out"], ["logit"]),
        h.make_node("Sigmoid", ["logit"], ["output"]),
    ]
    inputs = [tensor("input", [None, None]), tensor("state", [2, None, 8]), tensor("sr", [], I)]
    return model(nodes, inputs, [tensor("output", [None, 1]), tensor("stateN", [2, None, 8])], w)


def sklearn_pipeline():
    """A scaler, a forest of two trees, and ZipMap: what sklearn pipelines become."""
    trees = dict(
        nodes_treeids=[0, 0, 0, 1, 1, 1], nodes_nodeids=[0, 1, 2, 0, 1, 2], nodes_featureids=[0, 0, 0, 2, 0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"] * 2, nodes_values=[0.1, 0, 0, -0.2, 0, 0],
        nodes_truenodeids=[1, 0, 0, 1, 0, 0], nodes_falsenodeids=[2, 0, 0, 2, 0, 0],
        class_treeids=[0, 0, 1, 1, 1], class_nodeids=[1, 2, 1, 2, 2], class_ids=[0, 1, 2, 0, 1],
        class_weights=[0.5, 0.5, 0.5, 0.25, 0.25], classlabels_strings=["setosa", "versicolor", "virginica"],
        post_transform="NONE",
    )  # fmt: skip
    nodes = [
        h.make_node("Scaler", ["X"], ["scaled"], domain="ai.onnx.ml", offset=[1.0, 2, 3, 4], scale=[0.5] * 4),
        h.make_node("TreeEnsembleClassifier", ["scaled"], ["output_label", "p"], domain="ai.onnx.ml", **trees),
        h.make_node("ZipMap", ["p"], ["output_probability"], domain="ai.onnx.ml",
                    classlabels_strings=trees["classlabels_strings"]),
    ]  # fmt: skip
    maps = h.make_sequence_type_proto(h.make_map_type_proto(S, h.make_tensor_type_proto(F, [])))
    return model(nodes, [tensor("X", [None, 4])], [tensor("output_label", [None], S),
                                                  h.make_value_info("output_probability", maps)])  # fmt: skip


def detector():
    """Boxes and scores from a convolution, as YOLO-like detectors give them: [1, 4 + classes, anchors]."""
    g = np.random.default_rng(4)
    w = {
        "w": g.normal(0, 0.2, (7, 3, 8, 8)).astype("f"),
        "shape": np.array([1, 7, -1], "int64"),
        "scale": np.array([20, 20, 30, 30, 4, 4, 4], "f").reshape(1, 7, 1),
    }
    nodes = [
        h.make_node("Conv", ["images", "w"], ["c"], strides=[8, 8]),
        h.make_node("Sigmoid", ["c"], ["s"]),
        h.make_node("Reshape", ["s", "shape"], ["r"]),
        h.make_node("Mul", ["r", "scale"], ["output0"]),
    ]
    return model(nodes, [tensor("images", [1, 3, 64, 64])], [tensor("output0", [1, 7, 64])], w)


def nms_detector():
    """A detector that ends in NonMaxSuppression, so the number of results depends on the data."""
    w = {"limit": np.int64(5), "iou": np.float32(0.4), "score": np.float32(0.3)}
    nodes = [
        h.make_node("NonMaxSuppression", ["boxes", "scores", "limit", "iou", "score"], ["selected"]),
        h.make_node("ReduceMax", ["scores"], ["best"], axes=[1, 2], keepdims=0),
    ]
    inputs = [tensor("boxes", [1, "anchors", 4]), tensor("scores", [1, "classes", "anchors"])]
    return model(nodes, inputs, [tensor("selected", [None, 3], I), tensor("best", [1])], w, opset=17)


def decoder():
    """A step of a text decoder: past keys and values go in, and come out longer by the new tokens."""
    g = np.random.default_rng(5)
    d = 16
    w = {name: g.normal(0, 0.4, (d, d)).astype("f") for name in "qkv"}
    w["table"], w["head"] = g.normal(0, 1, (50, d)).astype("f"), g.normal(0, 1, (d, 50)).astype("f")
    nodes = [
        h.make_node("Gather", ["table", "input_ids"], ["x"]),
        h.make_node("MatMul", ["x", "q"], ["xq"]),
        h.make_node("MatMul", ["x", "k"], ["xk"]),
        h.make_node("MatMul", ["x", "v"], ["xv"]),
        h.make_node("Concat", ["past_key", "xk"], ["present_key"], axis=1),
        h.make_node("Concat", ["past_value", "xv"], ["present_value"], axis=1),
        h.make_node("Transpose", ["present_key"], ["kt"], perm=[0, 2, 1]),
        h.make_node("MatMul", ["xq", "kt"], ["s"]),
        h.make_node("Softmax", ["s"], ["a"], axis=-1),
        h.make_node("MatMul", ["a", "present_value"], ["c"]),
        h.make_node("Add", ["c", "x"], ["y"]),
        h.make_node("MatMul", ["y", "head"], ["logits"]),
    ]
    past = [tensor(n, ["batch", "past", d]) for n in ("past_key", "past_value")]
    present = [tensor(n, ["batch", "total", d]) for n in ("present_key", "present_value")]
    ids = tensor("input_ids", ["batch", "new"], I)
    return model(nodes, [ids, *past], [tensor("logits", ["batch", "new", 50]), *present], w)


def text_classifier():
    """Texts to labels: cleaning, counting words, a linear classifier; strings in and out."""
    words = ["good", "bad", "fine", "awful"]
    vectorizer = dict(mode="TF", min_gram_length=1, max_gram_length=1, max_skip_count=0, ngram_counts=[0],
                      ngram_indexes=[0, 1, 2, 3], pool_strings=words)  # fmt: skip
    linear = dict(coefficients=[-1.0, 2, -1, 1.5, 1.0, -2, 1, -1.5], intercepts=[0.1, -0.1],
                  classlabels_strings=["negative", "positive"], post_transform="SOFTMAX")  # fmt: skip
    nodes = [
        h.make_node(
            "StringNormalizer", ["words"], ["clean"], case_change_action="LOWER", locale="C", stopwords=["the"]
        ),  # fmt: skip
        h.make_node("TfIdfVectorizer", ["clean"], ["counts"], **vectorizer),
        h.make_node("Unsqueeze", ["counts", "axis"], ["row"]),
        h.make_node("LinearClassifier", ["row"], ["label", "scores"], domain="ai.onnx.ml", **linear),
    ]
    return model(nodes, [tensor("words", [None], S)], [tensor("label", [None], S), tensor("scores", [None, 2])],
                 {"axis": np.array([0], "int64")})  # fmt: skip


def quantized():
    """A convolution between QuantizeLinear and DequantizeLinear, as quantised models hold them."""
    g = np.random.default_rng(6)
    w = {
        "xs": np.float32(0.05), "xz": np.uint8(128), "ws": np.float32(0.02), "wz": np.int8(0),
        "w": g.integers(-100, 100, (4, 3, 3, 3)).astype("int8"), "ys": np.float32(0.3), "yz": np.uint8(100),
    }  # fmt: skip
    nodes = [
        h.make_node("QuantizeLinear", ["x", "xs", "xz"], ["xq"]),
        h.make_node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]),
        h.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wd"]),
        h.make_node("Conv", ["xd", "wd"], ["c"], pads=[1] * 4),
        h.make_node("QuantizeLinear", ["c", "ys", "yz"], ["y"]),
    ]
    return model(nodes, [tensor("x", [1, 3, 8, 8])], [tensor("y", [1, 4, 8, 8], T.UINT8)], w)


NETS = (add, classifier, encoder, vad, sklearn_pipeline, detector, nms_detector, decoder, text_classifier, quantized)


def write_all(folder):
    for make in NETS:
        onnx.save(make(), pathlib.Path(folder) / f"{make.__name__}.onnx")
