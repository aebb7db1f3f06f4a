"""What tests/ml/pipelines.py fits and converts: estimators of scikit-learn, LightGBM and XGBoost on small data.

A Fit is a fitted estimator with the rows that it is asked about; `methods` are the estimator's own answers, one
for each output of the ONNX file ("": none; ONNX Runtime's alone is compared). Columns of unlike type come as one input each, shape (N,1).
"""

from dataclasses import dataclass, field
from typing import Dict, List, Tuple

import numpy as np
from sklearn import (
    base,
    calibration,
    cluster,
    compose,
    cross_decomposition,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_extraction,
    feature_selection,
    gaussian_process,
    impute,
    linear_model,
    mixture,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)

FEATURES, TRAIN, ROWS = 6, 240, (17, 5)


@dataclass
class Fit:
    name: str
    estimator: object
    rows: List[object]  # one run each: an array, or {column: array (N,1)}
    methods: Tuple[str, ...]
    options: Dict[str, object] = field(default_factory=dict)  # of the conversion
    opset: object = None  # of the conversion, or {domain: version}
    without_ort: bool = False
    limit: float = 1e-4


def numbers(seed: int, rows: int, positive=False, holes=False, dtype=np.float32):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, FEATURES)) * [1, 2, 0.5, 3, 1, 1] + [0, 1, 0, -2, 0, 0.5]
    x = np.abs(x) + 0.05 if positive else x
    x = np.round(x, 3).astype(dtype)
    if holes:
        x[rng.random(x.shape) < 0.15] = np.nan
    return x


def target(x, kind: str):
    x = np.nan_to_num(x.astype(np.float64))
    score = x[:, 0] + 0.6 * x[:, 1] - x[:, 2] * x[:, 4] + 0.2 * x[:, 3]
    if kind == "number":
        return score
    if kind == "two":
        return (score > np.median(score)).astype(np.int64)
    classes = np.digitize(score, np.quantile(score, [0.3, 0.7]))
    return np.array(["low", "mid", "top"])[classes] if kind == "names" else classes + 4


def fitted(name, estimator, kind, methods, **more):
    data = {key: more.pop(key) for key in ("positive", "holes", "dtype") if key in more}
    x = numbers(1, TRAIN, **data)
    if kind is None:
        estimator.fit(x)
    else:
        estimator.fit(x, target(x, kind))
    return Fit(
        name, estimator, [numbers(2 + i, rows, **data) for i, rows in enumerate(ROWS)], methods, **more
    )


BOTH, LABEL, NUMBER, CHANGED = (
    ("predict", "predict_proba"),
    ("predict", "decision_function"),
    ("predict",),
    ("transform",),
)


def classifiers():
    linear = linear_model
    table = [
        ("logistic", linear.LogisticRegression(), BOTH),
        ("sgd", linear.SGDClassifier(loss="log_loss", random_state=0), BOTH),
        ("ridge_classifier", linear.RidgeClassifier(), LABEL),
        ("perceptron", linear.Perceptron(), LABEL),
        ("tree", tree.DecisionTreeClassifier(max_depth=6, random_state=0), BOTH),
        ("forest", ensemble.RandomForestClassifier(12, max_depth=7, random_state=0), BOTH),
        ("extra_trees", ensemble.ExtraTreesClassifier(12, max_depth=7, random_state=0), BOTH),
        ("boosting", ensemble.GradientBoostingClassifier(n_estimators=12, random_state=0), BOTH),
        ("ada_boost", ensemble.AdaBoostClassifier(n_estimators=6, random_state=0), BOTH),
        (
            "bagging",
            ensemble.BaggingClassifier(tree.DecisionTreeClassifier(max_depth=4), 5, random_state=0),
            BOTH,
        ),
        ("svc_linear", svm.SVC(kernel="linear"), LABEL),
        ("svc_poly", svm.SVC(kernel="poly", degree=2, coef0=1.0), LABEL),
        ("linear_svc", svm.LinearSVC(), LABEL),
        ("neighbors", neighbors.KNeighborsClassifier(5), BOTH),
        ("neighbors_manhattan", neighbors.KNeighborsClassifier(4, p=1), BOTH),
        ("gaussian_bayes", naive_bayes.GaussianNB(), BOTH),
        ("bernoulli_bayes", naive_bayes.BernoulliNB(binarize=0.3), BOTH),
        ("network", neural_network.MLPClassifier((12, 8), max_iter=150, random_state=0), BOTH),
        ("quadratic_discriminant", discriminant_analysis.QuadraticDiscriminantAnalysis(), BOTH),
        ("one_against_rest", multiclass.OneVsRestClassifier(linear.LogisticRegression()), BOTH),
        ("calibrated", calibration.CalibratedClassifierCV(svm.LinearSVC(), cv=2), BOTH),
    ]
    found = []
    for name, estimator, methods in table:
        for kind in ("two", "names"):
            options = {"zipmap": False} if name != "linear_svc" else {}
            if methods == LABEL and name != "ridge_classifier":
                options["raw_scores"] = True
            found.append(fitted(f"{name}_{kind}", base.clone(estimator), kind, methods, options=options))
    for name, estimator in (
        ("multinomial_bayes", naive_bayes.MultinomialNB()),
        ("complement_bayes", naive_bayes.ComplementNB()),
    ):
        found.append(fitted(name, estimator, "whole", BOTH, options={"zipmap": False}, positive=True))
    found += [
        fitted(
            "svc_probability",
            calibration.CalibratedClassifierCV(svm.SVC(), cv=2, ensemble=False),
            "whole",
            BOTH,
            options={"zipmap": False},
        ),
        fitted(
            "discriminant",
            discriminant_analysis.LinearDiscriminantAnalysis(),
            "names",
            BOTH,
            options={"zipmap": False},
        ),
        fitted("voting_soft", vote("soft"), "names", BOTH, options={"zipmap": False}),
        fitted("voting_hard", vote("hard"), "whole", ("predict", ""), options={"zipmap": False}),
        fitted(
            "stacking",
            ensemble.StackingClassifier(members(), linear.LogisticRegression()),
            "whole",
            BOTH,
            options={"zipmap": False},
        ),
        fitted(
            "forest_map_whole",
            ensemble.RandomForestClassifier(5, max_depth=5, random_state=0),
            "whole",
            BOTH,
            options={"zipmap": True},
        ),
        fitted("logistic_map_names", linear.LogisticRegression(), "names", BOTH, options={"zipmap": True}),
        fitted(
            "forest_opset12",
            ensemble.RandomForestClassifier(5, max_depth=5, random_state=0),
            "whole",
            BOTH,
            opset=12,
            options={"zipmap": False},
        ),
    ]
    return found


def members():
    return [
        ("line", linear_model.LogisticRegression()),
        ("forest", ensemble.RandomForestClassifier(5, max_depth=5, random_state=0)),
        ("bayes", naive_bayes.GaussianNB()),
    ]


def vote(how: str):
    return ensemble.VotingClassifier(
        members(), voting=how, weights=np.array([1, 2, 1]) if how == "soft" else None, flatten_transform=False
    )


def regressors():
    linear = linear_model
    kernel = gaussian_process.kernels
    table = [
        ("linear", linear.LinearRegression()),
        ("ridge", linear.Ridge()),
        ("lasso", linear.Lasso(0.05)),
        ("elastic_net", linear.ElasticNet(0.05)),
        ("huber", linear.HuberRegressor()),
        ("bayesian_ridge", linear.BayesianRidge()),
        ("tree_regressor", tree.DecisionTreeRegressor(max_depth=6, random_state=0)),
        ("forest_regressor", ensemble.RandomForestRegressor(12, max_depth=7, random_state=0)),
        ("boosting_regressor", ensemble.GradientBoostingRegressor(n_estimators=12, random_state=0)),
        ("ada_boost_regressor", ensemble.AdaBoostRegressor(n_estimators=6, random_state=0)),
        ("bagging_regressor", ensemble.BaggingRegressor(n_estimators=5, random_state=0)),
        ("svr", svm.SVR()),
        ("svr_poly", svm.SVR(kernel="poly", degree=2)),
        ("linear_svr", svm.LinearSVR()),
        ("neighbors_regressor", neighbors.KNeighborsRegressor(4)),
        (
            "network_regressor",
            neural_network.MLPRegressor(
                hidden_layer_sizes=(12,), activation="tanh", max_iter=300, random_state=0
            ),
        ),
        ("least_squares_projection", cross_decomposition.PLSRegression(3)),
        (
            "voting_regressor",
            ensemble.VotingRegressor([("a", linear.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=4))]),
        ),
        (
            "stacking_regressor",
            ensemble.StackingRegressor(
                [("a", linear.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=4))], linear.Ridge()
            ),
        ),
    ]
    found = [fitted(name, estimator, "number", NUMBER) for name, estimator in table]
    found.append(
        fitted(
            "gaussian_process",
            gaussian_process.GaussianProcessRegressor(kernel.RBF(3.0), alpha=0.1, normalize_y=True),
            "number",
            NUMBER,
            dtype=np.float64,
        )
    )
    found.append(
        fitted(
            "gaussian_process_quadratic",
            gaussian_process.GaussianProcessRegressor(
                kernel.RationalQuadratic(3.0) + kernel.DotProduct(), alpha=0.1
            ),
            "number",
            NUMBER,
            dtype=np.float64,
        )
    )
    x = numbers(1, TRAIN)
    many = multioutput.MultiOutputRegressor(linear.Ridge()).fit(
        x, np.stack([target(x, "number"), x[:, 0] * x[:, 1]], 1)
    )
    forest = ensemble.RandomForestRegressor(4, max_depth=4, random_state=0).fit(
        x, np.stack([target(x, "number"), x[:, 3]], 1)
    )
    rows = [numbers(2, 9), numbers(3, 2)]
    return found + [Fit("many_targets", many, rows, NUMBER), Fit("forest_many_targets", forest, rows, NUMBER)]


def transformers():
    pre = preprocessing
    table = [
        ("standard", pre.StandardScaler()),
        ("min_max", pre.MinMaxScaler((-1, 2), clip=True)),
        ("max_abs", pre.MaxAbsScaler()),
        ("robust", pre.RobustScaler()),
        ("normalize_l1", pre.Normalizer("l1")),
        ("binarize", pre.Binarizer(threshold=0.4)),
        ("polynomial", pre.PolynomialFeatures(3, include_bias=True)),
        ("interactions", pre.PolynomialFeatures(2, interaction_only=True)),
        ("power_yeo", pre.PowerTransformer()),
        ("bins_whole", pre.KBinsDiscretizer(4, encode="ordinal", strategy="uniform")),
        ("bins_dense", pre.KBinsDiscretizer(3, encode="onehot-dense", strategy="uniform")),
        ("pca", decomposition.PCA(3)),
        ("pca_white", decomposition.PCA(4, whiten=True)),
        ("svd", decomposition.TruncatedSVD(3, random_state=0)),
        ("kernel_pca", decomposition.KernelPCA(3, kernel="rbf", gamma=0.05)),
        ("incremental_pca", decomposition.IncrementalPCA(3)),
        ("variance_threshold", feature_selection.VarianceThreshold(0.8)),
        ("discriminant_projection", pipeline.make_pipeline(pre.StandardScaler(), decomposition.PCA(2))),
    ]
    found = [fitted(name, estimator, None, CHANGED) for name, estimator in table]
    found += [
        # ONNX Runtime divides by the largest value, scikit-learn by the largest magnitude.
        fitted("normalize_max", pre.Normalizer("max"), None, CHANGED, without_ort=True),
        fitted("select_best", feature_selection.SelectKBest(k=3), "whole", CHANGED),
        fitted("power_box_cox", pre.PowerTransformer("box-cox"), None, CHANGED, positive=True),
        fitted("impute_mean", impute.SimpleImputer(), None, CHANGED, holes=True),
        fitted("impute_median", impute.SimpleImputer(strategy="median"), None, CHANGED, holes=True),
        fitted("impute_neighbors", impute.KNNImputer(n_neighbors=3), None, CHANGED, holes=True),
        fitted("k_means", cluster.KMeans(4, n_init=2, random_state=0), None, ("predict", "transform")),
        fitted(
            "mini_batch_k_means",
            cluster.MiniBatchKMeans(4, n_init=2, random_state=0),
            None,
            ("predict", "transform"),
        ),
        fitted("mixture_full", mixture.GaussianMixture(3, random_state=0), None, BOTH, limit=1e-3),
        fitted(
            "mixture_diagonal", mixture.GaussianMixture(3, covariance_type="diag", random_state=0), None, BOTH
        ),
        fitted(
            "mixture_bayes",
            mixture.BayesianGaussianMixture(n_components=3, covariance_type="tied", random_state=0),
            None,
            BOTH,
            limit=1e-3,
        ),
        fitted(
            "isolation_forest",
            ensemble.IsolationForest(n_estimators=8, random_state=0),
            None,
            ("predict", "decision_function"),
            opset={"": 17, "ai.onnx.ml": 3},
        ),
        fitted("one_class_svm", svm.OneClassSVM(nu=0.2), None, ("predict", "decision_function")),
        fitted(
            "outlier_factor",
            neighbors.LocalOutlierFactor(n_neighbors=8, novelty=True),
            None,
            ("predict", "decision_function"),
        ),
    ]
    return found + encoders()


def column(kind: str, seed: int, rows: int):
    rng = np.random.default_rng(seed)
    words = np.array(["red", "green", "blue", "Grün", ""])
    if kind == "word":
        return words[rng.integers(0, len(words), (rows, 1))].astype(object)
    return rng.integers(0, 4, (rows, 1)).astype(np.int64)


def encoders():
    pre, found = preprocessing, []
    for kind in ("word", "whole"):
        x = np.concatenate([column(kind, 1, 80), column(kind, 2, 80)], 1)
        rows = [np.concatenate([column(kind, 3 + n, n), column(kind, 7 + n, n)], 1) for n in (9, 1)]
        found += [
            Fit(
                f"one_hot_{kind}",
                pre.OneHotEncoder(sparse_output=False, handle_unknown="ignore").fit(x[5:]),
                rows,
                CHANGED,
            ),
            Fit(
                f"one_hot_drop_{kind}",
                pre.OneHotEncoder(sparse_output=False, drop="first").fit(x),
                rows,
                CHANGED,
            ),
            Fit(f"ordinal_{kind}", pre.OrdinalEncoder(dtype=np.int64).fit(x), rows, CHANGED),
        ]
        found.append(Fit(f"label_{kind}", pre.LabelEncoder().fit(x[:, 0]), [r[:, :1] for r in rows], CHANGED))
        found.append(
            Fit(f"label_binary_{kind}", pre.LabelBinarizer().fit(x[:, 0]), [r[:, :1] for r in rows], CHANGED)
        )
    words = column("word", 5, 60)
    found.append(
        Fit(
            "impute_word",
            impute.SimpleImputer(strategy="most_frequent", missing_values="").fit(words),
            [column("word", 8, 7)],
            CHANGED,
        )
    )
    return found


TEXTS = (
    "The quick brown fox jumps over the lazy dog",
    "A dog and a fox are no friends",
    "Brown bread, brown sugar; brown eyes!",
    "one two three two one",
    "Lazy days and quick nights",
    "the the the fox",
    "friends of the dog eat bread",
    "sugar is sweet and so are you",
)
ASKED = ("The fox eats bread", "nothing known here", "the dog and the brown fox and the dog")


def texts():
    text = feature_extraction.text
    table = [
        ("count", text.CountVectorizer()),
        ("count_pairs", text.CountVectorizer(ngram_range=(1, 2), lowercase=True)),
        ("count_binary", text.CountVectorizer(binary=True, stop_words=["the", "and"])),
        ("tfidf", text.TfidfVectorizer()),
        ("tfidf_l1", text.TfidfVectorizer(ngram_range=(1, 2), smooth_idf=False, norm="l1")),
        (
            "tfidf_plain",
            text.TfidfVectorizer(use_idf=False, norm=None, token_pattern="[a-zA-Z]+", max_features=12),
        ),
        ("count_letters", text.CountVectorizer(analyzer="char", ngram_range=(1, 2))),
    ]
    asked = [np.array(ASKED, object).reshape(-1, 1), np.array(TEXTS[2:4], object).reshape(-1, 1)]
    found = [
        Fit(f"text_{name}", estimator.fit(TEXTS), asked, CHANGED, {"locale": "C"})
        for name, estimator in table
    ]
    found.append(Fit("text_en_us", text.CountVectorizer().fit(TEXTS), asked, CHANGED, without_ort=True))
    topic = pipeline.make_pipeline(
        text.TfidfVectorizer(ngram_range=(1, 2)), linear_model.LogisticRegression()
    )
    bayes = pipeline.make_pipeline(
        text.CountVectorizer(), text.TfidfTransformer(), naive_bayes.MultinomialNB()
    )
    kinds = np.array(["animal", "animal", "food", "other", "other", "animal", "food", "food"])
    found.append(
        Fit(
            "text_topic",
            topic.fit(TEXTS, kinds),
            asked,
            BOTH,
            {"zipmap": False, id(topic[0]): {"locale": "C"}},
        )
    )
    found.append(
        Fit(
            "text_bayes",
            bayes.fit(TEXTS, kinds),
            asked,
            BOTH,
            {"zipmap": False, id(bayes[0]): {"locale": "C"}},
        )
    )
    return found


def side_by_side(columns):
    return np.concatenate([column.astype(object) for column in columns.values()], 1)


def pipelines():
    """Columns of unlike kinds as they come from a table."""

    def table(seed, rows):
        x = numbers(seed, rows, holes=True)
        frame = {f"n{i}": x[:, i : i + 1] for i in range(3)}
        frame.update(colour=column("word", seed, rows), grade=column("whole", seed, rows))
        return frame

    number = pipeline.make_pipeline(impute.SimpleImputer(strategy="median"), preprocessing.StandardScaler())
    mixed = compose.ColumnTransformer(
        [
            ("number", number, [0, 1, 2]),
            ("word", preprocessing.OneHotEncoder(handle_unknown="ignore"), [3]),
            ("grade", "passthrough", [4]),
        ]
    )
    train = table(1, TRAIN)
    wanted = np.nan_to_num(train["n0"][:, 0]) + train["grade"][:, 0] > 1
    found = []
    for name, last in (
        ("logistic", linear_model.LogisticRegression()),
        ("forest", ensemble.RandomForestClassifier(8, max_depth=5, random_state=0)),
        ("neighbors", neighbors.KNeighborsClassifier(3)),
    ):
        model = pipeline.Pipeline([("columns", mixed), ("last", last)]).fit(
            side_by_side(train), wanted.astype(np.int64)
        )
        found.append(Fit(f"columns_{name}", model, [table(2, 11), table(3, 1)], BOTH, {"zipmap": False}))
    union = pipeline.FeatureUnion([("scaled", preprocessing.StandardScaler()), ("pca", decomposition.PCA(2))])
    found.append(fitted("union", pipeline.make_pipeline(union, linear_model.Ridge()), "number", NUMBER))
    return found


def boosted():
    import lightgbm
    import xgboost

    light = dict(n_estimators=10, num_leaves=7, verbose=-1)
    extreme = dict(n_estimators=10, max_depth=4)
    whole = {"zipmap": False}
    found = []
    for kind, name in (("two", "two"), ("whole", "three")):
        found.append(
            fitted(
                f"lightgbm_{name}", lightgbm.LGBMClassifier(**light), kind, BOTH, options=whole, holes=True
            )
        )
    found.append(
        fitted("lightgbm_map", lightgbm.LGBMClassifier(**light), "whole", BOTH, options={"zipmap": True})
    )
    found.append(fitted("lightgbm_regressor", lightgbm.LGBMRegressor(**light), "number", NUMBER, holes=True))
    found.append(
        fitted(
            "lightgbm_poisson", lightgbm.LGBMRegressor(objective="regression_l1", **light), "number", NUMBER
        )
    )
    x = numbers(1, TRAIN, holes=True)
    for name, kind in (("two", "two"), ("three", "whole")):
        y = target(x, kind)
        model = xgboost.XGBClassifier(**extreme).fit(x, y - y.min())
        found.append(Fit(f"xgboost_{name}", model, [numbers(2, 9, holes=True), numbers(3, 2)], BOTH))
    found.append(fitted("xgboost_regressor", xgboost.XGBRegressor(**extreme), "number", NUMBER, holes=True))
    found.append(fitted("xgboost_forest", xgboost.XGBRFRegressor(**extreme), "number", NUMBER))
    return found


def fits():
    return classifiers() + regressors() + transformers() + texts() + pipelines() + boosted()
