#!/usr/bin/env python3
"""Holds the ai.onnx.ml operators against ONNX Runtime on small random models.

    compare.py build/bin/onward_conformance [--seed N] [--keep FOLDER]

Each case becomes a folder as in the official tests, with ONNX Runtime's outputs as the expected ones, and the
conformance runner does the rest; its exit status is this script's.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ML = "ai.onnx.ml"
FLOAT, DOUBLE, INT64, STRING = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.STRING
TRANSFORMS = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]
rng = np.random.default_rng(0)


def strings(*values):
    return np.array(values, dtype=object)


class Suite:
    def __init__(self, folder):
        self.folder, self.count = folder, 0

    def add(self, name, op, x, outputs, version=3, **attributes):
        x = x if isinstance(x, list) else [x]
        inputs = [helper.make_tensor_value_info(f"x{i}", onnx.helper.np_dtype_to_tensor_dtype(v.dtype)
                                                if v.dtype != object else STRING, v.shape) for i, v in enumerate(x)]
        outs = [helper.make_tensor_value_info(f"y{i}", t, None) for i, t in enumerate(outputs)]
        node = helper.make_node(op, [v.name for v in inputs], [v.name for v in outs], domain=ML, **attributes)
        model = helper.make_model(helper.make_graph([node], "g", inputs, outs), ir_version=8,
                                  opset_imports=[helper.make_opsetid(ML, version), helper.make_opsetid("", 17)])
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        results = session.run(None, {v.name: a for v, a in zip(inputs, x)})
        case = self.folder / f"test_{name}"
        (case / "test_data_set_0").mkdir(parents=True)
        onnx.save(model, case / "model.onnx")
        for kind, infos, values in (("input", inputs, x), ("output", outs, results)):
            for i, (info, value) in enumerate(zip(infos, values)):
                value = np.asarray(value)
                value = value.astype(object) if value.dtype.kind in "US" else value
                (case / "test_data_set_0" / f"{kind}_{i}.pb").write_bytes(
                    numpy_helper.from_array(value, info.name).SerializeToString())
        self.count += 1


def random_trees(trees, depth, features, modes, votes, classes, weight_range, ids=None):
    """Attributes of TreeEnsembleClassifier or -Regressor; `votes` is their prefix."""
    rows = {k: [] for k in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids",
                            "missing_value_tracks_true")}
    leaves = {k: [] for k in ("treeids", "nodeids", "ids", "weights")}
    for tree in range(trees):
        pending, next_id = [(0, 0)], 1
        while pending:
            node, level = pending.pop()
            leaf = level == depth or (level > 0 and rng.random() < 0.2)
            yes, no = (0, 0) if leaf else (next_id, next_id + 1)
            for key, value in (("treeids", tree), ("nodeids", node), ("featureids", int(rng.integers(features))),
                               ("values", float(np.float32(np.round(rng.normal(), 1)))),
                               ("modes", "LEAF" if leaf else str(rng.choice(modes))), ("truenodeids", yes),
                               ("falsenodeids", no), ("missing_value_tracks_true", int(rng.integers(2)))):
                rows[key].append(value)
            if not leaf:
                pending += [(no, level + 1), (yes, level + 1)]
                next_id += 2
                continue
            for target in (ids if ids is not None else rng.permutation(classes)[:rng.integers(1, classes + 1)]):
                for key, value in (("treeids", tree), ("nodeids", node), ("ids", int(target)),
                                   ("weights", float(rng.uniform(*weight_range)))):
                    leaves[key].append(value)
    out = {f"nodes_{k}": v for k, v in rows.items()}
    out.update({f"{votes}_{k}": v for k, v in leaves.items()})
    return out


def data(rows, features, nan=False):
    x = np.round(rng.normal(size=(rows, features)), 1).astype(np.float32)
    if nan:
        x[rng.random(x.shape) < 0.2] = np.nan
    return x


def tree_cases(suite):
    branches = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
    for modes in (["BRANCH_LEQ"], branches):
        kind = "leq" if len(modes) == 1 else "mixed"
        for aggregate in ("SUM", "AVERAGE", "MIN", "MAX"):
            suite.add(f"tree_regressor_{kind}_{aggregate.lower()}", "TreeEnsembleRegressor", data(40, 5, True), [FLOAT],
                      n_targets=3, aggregate_function=aggregate, base_values=[0.5, -1.0, 2.0],
                      **random_trees(7, 4, 5, modes, "target", 3, (-2, 2), range(3)))
        for transform in TRANSFORMS:
            for classes in (3, 4):
                suite.add(f"tree_classifier_{kind}_{classes}_{transform.lower()}", "TreeEnsembleClassifier",
                          data(40, 5, True), [INT64, FLOAT], classlabels_int64s=list(range(10, 10 + classes)),
                          post_transform=transform, **random_trees(7, 4, 5, modes, "class", classes, (-2, 2)))
    # Votes for one of two classes, where ONNX Runtime's answer is defined.
    for sign, weights in (("positive", (0, 0.2)), ("mixed", (-1, 1))):
        for transform, base, voted in ([(t, b, 0) for t in ("NONE", "LOGISTIC") for b in ([], [0.3])]
                                       + [(t, [], 1) for t in TRANSFORMS]):
            extra = {"base_values": base} if base else {}
            suite.add(f"tree_classifier_2_{sign}_{transform.lower()}_base{len(base)}_votes{voted}",
                      "TreeEnsembleClassifier", data(40, 4), [STRING, FLOAT], classlabels_strings=["no", "yes"],
                      post_transform=transform, **extra,
                      **random_trees(5, 3, 4, ["BRANCH_LEQ"], "class", 2, weights, [voted]))
    suite.add("tree_regressor_one_target", "TreeEnsembleRegressor", data(30, 4), [FLOAT], n_targets=1,
              **random_trees(9, 5, 4, ["BRANCH_LEQ"], "target", 1, (-2, 2)))
    for dtype, code in ((np.float32, FLOAT), (np.float64, DOUBLE)):
        suite.add(f"tree_ensemble_{code}", "TreeEnsemble", data(20, 3).astype(dtype), [code], version=5, n_targets=2,
                  tree_roots=[0, 2], aggregate_function=1, post_transform=0, nodes_featureids=[0, 1, 2],
                  nodes_splits=numpy_helper.from_array(np.array([0.1, -0.3, 0.2], dtype)),
                  nodes_modes=numpy_helper.from_array(np.array([0, 3, 1], np.uint8)), nodes_truenodeids=[1, 0, 3],
                  nodes_trueleafs=[0, 1, 1], nodes_falsenodeids=[2, 1, 4], nodes_falseleafs=[1, 1, 1],
                  leaf_targetids=[0, 1, 0, 1, 1],
                  leaf_weights=numpy_helper.from_array(np.array([1.5, -2, 3, 0.25, 7], dtype)))


def linear_cases(suite):
    for dtype in (np.float32, np.float64, np.int64, np.int32):
        x = (data(9, 4) * 3).astype(dtype)
        suite.add(f"scaler_{x.dtype}", "Scaler", x, [FLOAT], offset=[0.5, 1, 2, 3], scale=[2, 0.5, 1, -1])
        for norm in ("MAX", "L1", "L2"):
            suite.add(f"normalizer_{norm.lower()}_{x.dtype}", "Normalizer", np.abs(x), [FLOAT], norm=norm)
    suite.add("linear_regressor", "LinearRegressor", data(9, 4), [FLOAT], targets=2,
              coefficients=rng.normal(size=8).tolist(), intercepts=[0.5, -1.0])
    for transform in TRANSFORMS:
        for classes in (3, 4):
            suite.add(f"linear_classifier_{classes}_{transform.lower()}", "LinearClassifier", data(20, 4), [INT64, FLOAT],
                      coefficients=rng.normal(size=4 * classes).tolist(), intercepts=rng.normal(size=classes).tolist(),
                      classlabels_ints=list(range(5, 5 + classes)), post_transform=transform, multi_class=1)
    for transform in ("NONE", "LOGISTIC"):
        suite.add(f"linear_classifier_2_{transform.lower()}", "LinearClassifier", data(20, 4), [STRING, FLOAT],
                  coefficients=rng.normal(size=4).tolist(), intercepts=[0.1], classlabels_strings=["no", "yes"],
                  post_transform=transform)


def svm_cases(suite):
    for kernel in ("LINEAR", "POLY", "RBF", "SIGMOID"):
        common = {"kernel_type": kernel, "kernel_params": [0.3, 0.5, 3.0]}
        for one_class in (0, 1):
            suite.add(f"svm_regressor_{kernel.lower()}_{one_class}", "SVMRegressor", data(15, 4), [FLOAT], n_supports=6,
                      coefficients=rng.normal(size=6).tolist(), support_vectors=rng.normal(size=24).tolist(), rho=[0.2],
                      one_class=one_class, **common)
        for classes in (2, 3, 4):
            pairs = classes * (classes - 1) // 2
            per_class = [2 + i for i in range(classes)]
            vectors = sum(per_class)
            machine = dict(vectors_per_class=per_class, coefficients=rng.normal(size=(classes - 1) * vectors).tolist(),
                           support_vectors=rng.normal(size=4 * vectors).tolist(), rho=rng.normal(size=pairs).tolist(),
                           classlabels_ints=list(range(3, 3 + classes)), **common)
            suite.add(f"svm_classifier_{kernel.lower()}_{classes}", "SVMClassifier", data(15, 4), [INT64, FLOAT], **machine)
            suite.add(f"svm_classifier_{kernel.lower()}_{classes}_probabilities", "SVMClassifier", data(15, 4),
                      [INT64, FLOAT], prob_a=(-rng.random(pairs) - 0.5).tolist(), prob_b=rng.normal(size=pairs).tolist(),
                      **machine)
    suite.add("svm_regressor_linear", "SVMRegressor", data(15, 4), [FLOAT], n_supports=0, kernel_params=[0.0, 0.0, 0.0],
              coefficients=rng.normal(size=4).tolist(), rho=[0.2])
    suite.add("svm_classifier_linear_machines", "SVMClassifier", data(15, 4), [INT64, FLOAT],
              coefficients=rng.normal(size=12).tolist(), rho=[0.2], classlabels_ints=[4, 5, 6],
              kernel_params=[0.0, 0.0, 0.0])


def feature_cases(suite):
    x = data(6, 4)
    words = strings("a", "b", "c", "d", "b")
    suite.add("extractor", "ArrayFeatureExtractor", [x, np.array([[3, 0, 3]], np.int64)], [FLOAT])
    suite.add("extractor_vector", "ArrayFeatureExtractor", [x[0], np.array([1, 2], np.int64)], [FLOAT])
    suite.add("binarizer", "Binarizer", x, [FLOAT], threshold=0.2)
    holes = data(6, 4, True)
    suite.add("imputer_nan", "Imputer", holes, [FLOAT], imputed_value_floats=[1.0, 2.0, 3.0, 4.0],
              replaced_value_float=float("nan"))
    suite.add("imputer_int", "Imputer", rng.integers(0, 3, (5, 3)), [INT64], imputed_value_int64s=[9],
              replaced_value_int64=1)
    suite.add("one_hot_strings", "OneHotEncoder", words, [FLOAT], cats_strings=["b", "a", "c"])
    suite.add("one_hot_ints", "OneHotEncoder", rng.integers(0, 5, (3, 4)), [FLOAT], cats_int64s=[3, 1, 0])
    suite.add("one_hot_floats", "OneHotEncoder", np.array([[1.0, 2.0]], np.float32), [FLOAT], cats_int64s=[3, 1, 0])
    suite.add("feature_vectorizer", "FeatureVectorizer", [x, data(6, 2)], [FLOAT], inputdimensions=[4, 2])
    suite.add("category_to_int", "CategoryMapper", words, [INT64], cats_strings=["a", "b"], cats_int64s=[7, 8],
              default_int64=-5)
    suite.add("category_to_string", "CategoryMapper", np.array([7, 9, 8], np.int64), [STRING],
              cats_strings=["a", "b"], cats_int64s=[7, 8], default_string="none")
    suite.add("label_1_to_int", "LabelEncoder", words, [INT64], version=1, classes_strings=["c", "b"], default_int64=-3)
    suite.add("label_1_to_string", "LabelEncoder", np.array([0, 1, 2, -1], np.int64), [STRING], version=1,
              classes_strings=["c", "b"], default_string="none")
    suite.add("label_4_floats", "LabelEncoder", np.array([1, np.nan, 3], np.float32), [STRING], version=4,
              keys_floats=[1.0, float("nan")], values_strings=["one", "nan"])
    suite.add("label_4_tensor", "LabelEncoder", np.array([1, 2, 3], np.float64), [DOUBLE], version=4,
              keys_tensor=numpy_helper.from_array(np.array([1.0, 3.0])),
              values_tensor=numpy_helper.from_array(np.array([0.5, 1.5])),
              default_tensor=numpy_helper.from_array(np.array([9.0])))


def main():
    global rng
    parser = argparse.ArgumentParser()
    parser.add_argument("runner")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", help="write the cases here")
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    onnxruntime.set_default_logger_severity(4)
    with tempfile.TemporaryDirectory() as temporary:
        suite = Suite(pathlib.Path(args.keep or temporary) / "ml")
        for cases in (tree_cases, linear_cases, svm_cases, feature_cases):
            cases(suite)
        return subprocess.run([args.runner, str(suite.folder), "--rtol", "1e-4", "--atol", "1e-5"]).returncode


if __name__ == "__main__":
    sys.exit(main())
