"""ai.onnx.ml."""

import functools

import numpy as np
from onnx import numpy_helper

import truth
import values
from case import SUM, Case, Impossible
from registry import operator, types_of

DOMAIN = "ai.onnx.ml"
ml = functools.partial(Case, domain=DOMAIN)
kinds = functools.partial(types_of, domain=DOMAIN)
POST = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


def named(*names):
    return operator(*names, domain=DOMAIN)


def rows(d, t, width=None, edge=None):
    return d.array(t, (d.dim(9, zero=False), width or d.dim(7)), edge=edge)


@named("ArrayFeatureExtractor")
def array_feature_extractor(d, op):
    x = d.array(d.kind(kinds(op)), d.shape(1, 3, most=9, zero=False))
    n = x.shape[-1]
    wrong = d.chance(10)
    i = d.array("int64", (1, d.dim(5)) if d.below(2) else (d.dim(5),), 0, n - 1)
    if wrong:
        i.reshape(-1)[0] = d.pick((n, 2**40, -n - 1))
    return ml(op, [x, i], refuse=wrong)


@named("Binarizer")
def binarizer(d, op):
    t = d.kind(kinds(op))
    return ml(op, [d.array(t, d.shape())], {"threshold": d.maybe(lambda: d.pick((0.5, 0.0, -1.0, 1.0)))})


@named("CastMap")
def cast_map(d, op):
    text = d.below(2)
    keys = sorted({d.between(0, 9) for _ in range(d.between(1, 5))})
    given = {k: d.pick(("1.5", "2", "-3")) if text else d.pick((1.5, 2.0, -3.0)) for k in keys}
    to = d.maybe(lambda: d.pick(("TO_FLOAT", "TO_INT64", "TO_STRING") if not text else ("TO_FLOAT", "TO_STRING")))
    sparse = d.below(2)
    most = max(keys) + d.pick((1, 3)) if sparse else None
    out = {"TO_INT64": "int64", "TO_STRING": "string"}.get(to, "float")
    kind = f"map(int64,tensor({'string' if text else 'float'}))"
    return ml(op, [(kind, given)], {"cast_to": to, "map_form": "SPARSE" if sparse else None, "max_map": most},
              out_types=[f"tensor({out})"], truth=truth.cast_map)  # fmt: skip


@named("CategoryMapper")
def category_mapper(d, op):
    names, numbers = ["a", "b", "ab", ""], [5, -1, 7, 0]
    shape = d.shape(high=3)
    given = {"cats_strings": names, "cats_int64s": numbers, "default_int64": d.maybe(lambda: 9), "default_string": d.maybe(lambda: "z")}
    if d.below(2):
        return ml(op, [d.array("string", shape)], given, out_types=["tensor(int64)"])
    return ml(op, [d.array("int64", shape, -2, 8)], given, out_types=["tensor(string)"])


@named("DictVectorizer")
def dict_vectorizer(d, op):
    text = d.below(2)
    vocabulary = ["a", "b", "c", "d"] if text else [1, 2, 3, 9]
    value = d.pick(("float", "double", "int64") if text else ("float", "double"))
    chosen = {k: (d.between(-3, 3) if value == "int64" else d.between(-3, 3) / 2) for k in vocabulary if d.below(2)}
    key = "string" if text else "int64"
    return ml(op, [(f"map({key},tensor({value}))", chosen)], {f"{key}_vocabulary": vocabulary}, out_types=[f"tensor({value})"],
              truth=truth.dict_vectorizer)  # fmt: skip


@named("FeatureVectorizer")
def feature_vectorizer(d, op):
    t = d.kind(kinds(op))
    n, widths = d.dim(5), [d.dim(5) for _ in range(d.between(1, 4))]
    return ml(op, [d.array(t, (n, w), edge=None) for w in widths], {"inputdimensions": widths})


@named("Imputer")
def imputer(d, op):
    t = d.kind(kinds(op))
    x = rows(d, t)
    n = x.shape[1] if d.below(2) else 1
    if values.kind(t) == "float":
        absent = d.pick((0.0, np.nan, 1.0))
        x = np.where(d.array("bool", x.shape), x, np.array(absent, x.dtype))
        return ml(op, [x], {"imputed_value_floats": [0.5 + i for i in range(n)], "replaced_value_float": absent})
    return ml(op, [x], {"imputed_value_int64s": [7 + i for i in range(n)], "replaced_value_int64": d.pick((0, 1))})


@named("LabelEncoder")
def label_encoder(d, op):
    key, value = (d.pick(("int64", "string", "float")) for _ in range(2))
    some = {"int64": [1, 2, -3, 40], "string": ["a", "b", "", "ab"], "float": [0.5, -1.0, 2.0, float("nan")]}
    n = d.between(1, 4)
    given = {f"keys_{key}s": some[key][:n], f"values_{value}s": some[value][:n]}
    if d.below(2):
        given[f"default_{value}"] = {"int64": 77, "string": "none", "float": -7.5}[value]
    shape = d.shape(high=3)
    if key == "string":
        x = d.array("string", shape)
    else:
        x = d.array(key, shape, -3, 3) if key == "int64" else d.array(key, shape)
    return ml(op, [x], given, out_types=[f"tensor({value})"])


def labels(d, count):
    if d.below(2):
        return {"classlabels_strings": [f"c{i}" for i in range(count)]}
    return {"classlabels_ints": [3 + 2 * i for i in range(count)]}


def numbers(d, count):
    return d.array("float", (count,), -2, 2).tolist()


@named("LinearClassifier")
def linear_classifier(d, op):
    t = d.kind(kinds(op))
    x = rows(d, t)
    classes = d.between(1, 4)
    scores = 1 if classes <= 2 and d.below(2) else classes
    given = {"coefficients": numbers(d, scores * x.shape[1]), "intercepts": d.maybe(lambda: numbers(d, scores)),
             "post_transform": d.maybe(lambda: d.pick(POST[:4])), "multi_class": d.maybe(lambda: d.below(2))}  # fmt: skip
    if scores != max(classes, 2) and given["intercepts"] is None:
        raise Impossible("how many scores there are is said by the intercepts")
    made = labels(d, classes if classes > 1 else 2)
    out = "tensor(string)" if "classlabels_strings" in made else "tensor(int64)"
    return ml(op, [x], {**given, **made}, outputs=2, out_types=[out, "tensor(float)"], close=SUM, truth=truth.linear_classifier)


@named("LinearRegressor")
def linear_regressor(d, op):
    t = d.kind(kinds(op))
    x, targets = rows(d, t), d.between(1, 4)
    given = {"coefficients": numbers(d, targets * x.shape[1]), "intercepts": d.maybe(lambda: numbers(d, targets)),
             "targets": targets if targets > 1 else d.maybe(lambda: 1), "post_transform": d.maybe(lambda: d.pick(POST[:4]))}  # fmt: skip
    return ml(op, [x], given, close=SUM, truth=truth.linear_regressor)


@named("Normalizer")
def normalizer(d, op):
    x = rows(d, d.kind(kinds(op)))
    return ml(op, [x], {"norm": d.maybe(lambda: d.pick(("MAX", "L1", "L2")))}, close=SUM)


@named("OneHotEncoder")
def one_hot_encoder(d, op):
    shape = d.shape(high=3, most=9)
    zeros = d.maybe(lambda: 1)
    if d.below(2):
        from draw import WORDS

        return ml(op, [d.array("string", shape)], {"cats_strings": list(WORDS), "zeros": zeros}, truth=truth.one_hot_encoder)
    t = d.kind([k for k in kinds(op) if k != "string"])
    outside = d.chance(4) and zeros
    x = d.array(t, shape, 0, 5 if outside else 3)
    if values.kind(t) == "float":
        x = np.floor(x)
    return ml(op, [x], {"cats_int64s": [0, 1, 2, 3], "zeros": zeros}, truth=truth.one_hot_encoder)


@named("Scaler")
def scaler(d, op):
    x = rows(d, d.kind(kinds(op)))
    n = x.shape[1] if d.below(2) else 1
    return ml(op, [x], {"offset": numbers(d, n), "scale": numbers(d, n)}, close=SUM)


@named("ZipMap")
def zip_map(d, op):
    n = d.between(1, 4)
    x = d.array("float", (d.dim(5), n), edge=None)
    text = d.below(2)
    given = {"classlabels_strings": [f"c{i}" for i in range(n)]} if text else {"classlabels_int64s": [i * 3 for i in range(n)]}
    return ml(op, [x], given, out_types=[f"seq(map({'string' if text else 'int64'},tensor(float)))"])


def kernel(d, width):
    kind = d.pick(("LINEAR", "RBF", "POLY", "SIGMOID"))
    return {"kernel_type": kind, "kernel_params": [0.25, 0.5, float(d.pick((2, 3)))]}


@named("SVMRegressor")
def svm_regressor(d, op):
    x = rows(d, d.kind(kinds(op)))
    count = d.between(1, 5)
    given = {"support_vectors": numbers(d, count * x.shape[1]), "coefficients": numbers(d, count), "n_supports": count,
             "rho": numbers(d, 1), "one_class": d.maybe(lambda: d.below(2)), **kernel(d, x.shape[1])}  # fmt: skip
    return ml(op, [x], given, close=SUM, truth=truth.svm_regressor)


@named("SVMClassifier")
def svm_classifier(d, op):
    x = rows(d, d.kind(kinds(op)))
    classes = d.pick((2, 3, 4))
    per = [d.between(1, 3) for _ in range(classes)]
    pairs = classes * (classes - 1) // 2
    given = {"support_vectors": numbers(d, sum(per) * x.shape[1]), "coefficients": numbers(d, sum(per) * (classes - 1)),
             "vectors_per_class": per, "rho": numbers(d, pairs), "post_transform": d.maybe(lambda: d.pick(POST[:4])),
             **kernel(d, x.shape[1])}  # fmt: skip
    if d.chance(3):
        given["prob_a"], given["prob_b"] = numbers(d, pairs), numbers(d, pairs)
    made = labels(d, classes)
    out = "tensor(string)" if "classlabels_strings" in made else "tensor(int64)"
    return ml(op, [x], {**given, **made}, outputs=2, out_types=[out, "tensor(float)"], close=SUM)


MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")


def trees(d, width):
    """The columns of random trees: [(tree, node, feature, mode, value, true, false, is_missing_true)]."""
    out = []
    one_mode = None if d.chance(4) else d.pick(MODES)
    for tree in range(d.between(1, 3)):
        todo, made = [0], 1
        while todo:
            node = todo.pop(0)
            if d.below(3) == 0 or made > 12 or (node == 0 and d.chance(12)):
                out.append((tree, node, 0, "LEAF", 0.0, 0, 0, 0))
                continue
            out.append((tree, node, d.below(width), one_mode or d.pick(MODES), d.pick((0.5, 0.0, -0.5, 1.0)), made, made + 1, d.below(2)))
            todo += [made, made + 1]
            made += 2
    return out


def tree_attributes(d, width, targets, prefix, all_targets=False):
    table = trees(d, width)
    names = ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids")
    given = {f"nodes_{n}": [row[i] for row in table] for i, n in enumerate(names)}
    if d.below(2):
        given["nodes_missing_value_tracks_true"] = [row[7] for row in table]
    weights = []
    for row in table:
        if row[3] == "LEAF":
            for target in range(targets) if all_targets else sorted({d.below(targets) for _ in range(d.between(1, 2))}):
                weights.append((row[0], row[1], target, d.pick((1.0, -0.5, 0.25, 2.0))))
    for i, n in enumerate(("treeids", "nodeids", "ids", "weights")):
        given[f"{prefix}_{n}"] = [w[i] for w in weights]
    return given


def features(d, t):
    x = rows(d, t, edge="soft" if values.kind(t) == "float" else None)
    return np.round(x * 2) / x.dtype.type(2) if values.kind(t) == "float" else x


@named("TreeEnsembleRegressor")
def tree_regressor(d, op):
    x, targets = features(d, d.kind(kinds(op))), d.between(1, 3)
    given = {**tree_attributes(d, x.shape[1], targets, "target"), "n_targets": targets,
             "aggregate_function": d.maybe(lambda: d.pick(("SUM", "AVERAGE", "MIN", "MAX"))),
             "base_values": d.maybe(lambda: numbers(d, targets)), "post_transform": d.maybe(lambda: d.pick(POST[:4]))}  # fmt: skip
    return ml(op, [x], given, close=SUM, opset=3, truth=truth.tree_regressor)


@named("TreeEnsembleClassifier")
def tree_classifier(d, op):
    x, classes = features(d, d.kind(kinds(op))), d.pick((2, 3, 4))
    one = classes == 2 and d.below(2)
    # Of two classes, one without a score makes engines differ; of more, it cannot win.
    given = {**tree_attributes(d, x.shape[1], 1 if one else classes, "class", classes == 2),
             "post_transform": d.maybe(lambda: d.pick(POST[:4])),
             "base_values": d.maybe(lambda: numbers(d, 1 if one else classes))}  # fmt: skip
    if classes == 2 and len(set(given["class_ids"])) == 1 and len(given.get("base_values") or []) == 2:
        raise Impossible("what two base values are to one score is left open")
    made = labels(d, classes)
    if "classlabels_ints" in made:
        made["classlabels_int64s"] = made.pop("classlabels_ints")
    out = "tensor(string)" if "classlabels_strings" in made else "tensor(int64)"
    # Of two scores ONNX Runtime calls the labels 0 and 1, whatever they are; of one it takes no softmax.
    avoid = ["onnxruntime"] * (classes == 2 and (not one or "SOFTMAX" in (given["post_transform"] or "")))
    return ml(op, [x], {**given, **made}, outputs=2, out_types=[out, "tensor(float)"], close=SUM, opset=3, avoid=avoid)


@named("TreeEnsemble")
def tree_ensemble(d, op):
    t = d.kind(("float", "double", "float16"))
    x, targets = features(d, t), d.between(1, 3)
    table = [row for row in trees(d, x.shape[1])]
    inner = {(row[0], row[1]): i for i, row in enumerate([r for r in table if r[3] != "LEAF"])}
    leaves = {(row[0], row[1]): i for i, row in enumerate([r for r in table if r[3] == "LEAF"])}
    roots = [(tree, 0) for tree in sorted({row[0] for row in table})]
    if not inner or any(r not in inner for r in roots):
        raise Impossible("a tree of one leaf")
    split = [r for r in table if r[3] != "LEAF"]
    place = lambda key: (leaves[key], 1) if key in leaves else (inner[key], 0)  # noqa: E731
    true, false = [place((r[0], r[5])) for r in split], [place((r[0], r[6])) for r in split]
    of = lambda v: numpy_helper.from_array(np.array(v, values.dtype(t)), "t")  # noqa: E731
    given = {
        "tree_roots": [inner[r] for r in roots], "n_targets": targets,
        "nodes_featureids": [r[2] for r in split], "nodes_splits": of([r[4] for r in split]),
        "nodes_modes": numpy_helper.from_array(np.array([MODES.index(r[3]) for r in split], np.uint8), "m"),
        "nodes_truenodeids": [i for i, _ in true], "nodes_trueleafs": [k for _, k in true],
        "nodes_falsenodeids": [i for i, _ in false], "nodes_falseleafs": [k for _, k in false],
        "nodes_missing_value_tracks_true": [r[7] for r in split] if d.below(2) else None,
        "leaf_targetids": [d.below(targets) for _ in leaves], "leaf_weights": of([d.pick((1.0, -0.5, 0.25, 2.0)) for _ in leaves]),
        "aggregate_function": d.maybe(lambda: d.below(4)), "post_transform": d.maybe(lambda: d.pick((0, 1, 2, 3))),
    }  # fmt: skip
    return ml(op, [x], given, close=SUM, truth=truth.tree_ensemble)
