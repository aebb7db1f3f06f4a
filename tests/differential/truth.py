"""What an operator's text says, in numpy and double: for operators and attributes that no reference has, or has right.

Each function takes the inputs and attributes of a case and returns its outputs. They count as one more reference.
"""

import itertools
import math

import numpy as np


def wide(x):
    return np.asarray(x).astype(np.float64)


def elementwise(function):
    def outputs(inputs, a):
        x = np.asarray(inputs[0])
        with np.errstate(all="ignore"):
            return [np.asarray(function(wide(x), a)).astype(x.dtype)]

    return outputs


def erf(x):
    return np.array([math.erf(v) for v in x.reshape(-1)], np.float64).reshape(x.shape)


def gelu(x, a):
    if a.get("approximate") == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


erf_ = elementwise(lambda x, a: erf(x))
gelu_ = elementwise(gelu)
hard_swish = elementwise(lambda x, a: x * np.clip(x / 6 + 0.5, 0, 1))
softplus = elementwise(lambda x, a: np.logaddexp(0, x))


def gather(inputs, a):
    return [np.take(inputs[0], inputs[1], a.get("axis", 0))]


def shape(inputs, a):
    rank = inputs[0].ndim
    first, last = (min(max(v + rank if v < 0 else v, 0), rank) for v in (a.get("start", 0), a.get("end", rank)))
    return [np.array(inputs[0].shape[first:last], np.int64)]


def slice_(inputs, a):
    """Starts and ends are clamped as ONNX says, which for steps below zero is not as numpy does."""
    x, starts, ends, axes, steps = [*inputs, None, None][:5]
    y = x
    for k, (first, last) in enumerate(zip(starts.tolist(), ends.tolist())):
        axis, step = (k if axes is None else int(axes[k]) % x.ndim), 1 if steps is None else int(steps[k])
        n = x.shape[axis]
        first, last = (v + n if v < 0 else v for v in (first, last))
        first = min(max(first, 0), n if step > 0 else n - 1)
        last = min(max(last, 0 if step > 0 else -1), n if step > 0 else n - 1)
        y = np.take(y, range(first, last, step) if n else [], axis)
    return [y]


def mean(inputs, a):
    with np.errstate(all="ignore"):
        return [(sum(wide(x) for x in inputs) / len(inputs)).astype(inputs[0].dtype)]


def prelu(inputs, a):
    x, slope = inputs
    with np.errstate(all="ignore"):
        return [np.where(x < 0, x * slope, x).astype(x.dtype)]


def gather_elements(inputs, a):
    x, i, axis = inputs[0], inputs[1], a.get("axis", 0)
    at = list(np.indices(i.shape))
    at[axis] = i
    return [x[tuple(at)]]


def scatter(inputs, a):
    """Of places that are written once."""
    x, i, u = inputs
    if a.get("reduction", "none") != "none":
        return None
    at, y = list(np.indices(i.shape)), x.copy()
    at[a.get("axis", 0)] = i
    y[tuple(at)] = u
    return [y]


def pad(inputs, a):
    """In mode constant: sizes below zero cut off."""
    x, pads, value, axes = [*inputs, None, None][:4]
    if a.get("mode", "constant") != "constant" or (value is None and x.dtype.kind == "V"):
        return None
    axes = range(x.ndim) if axes is None else [int(v) % x.ndim for v in axes]
    size, first = list(x.shape), [0] * x.ndim
    for k, axis in enumerate(axes):
        first[axis] = int(pads[k])
        size[axis] += int(pads[k]) + int(pads[k + len(axes)])
    y = np.full(size, np.zeros((), x.dtype) if value is None else value, x.dtype)
    to = tuple(slice(max(f, 0), max(min(f + n, m), max(f, 0))) for f, n, m in zip(first, x.shape, size))
    y[to] = x[tuple(slice(t.start - f, t.stop - f) for t, f in zip(to, first))]
    return [y]


def scan(inputs, a):
    """The body is one operator on state and element."""
    state, x = inputs
    axis, out_axis = (a.get("scan_input_axes") or [0])[0], a["scan_output_axes"][0]
    run, seen = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply}[a["body"].node[0].op_type], []
    steps = list(np.moveaxis(x, axis, 0))
    for element in steps[::-1] if (a.get("scan_input_directions") or [0])[0] else steps:
        state = run(state, element)
        seen.append(state)
    if (a.get("scan_output_directions") or [0])[0]:
        seen.reverse()
    return [np.asarray(state), np.moveaxis(np.stack(seen), 0, out_axis)]


def non_zero(inputs, a):
    x = inputs[0]
    there = np.array([bool(v) for v in x.reshape(-1)], bool).reshape(x.shape)
    return [np.zeros((0, int(there)), np.int64) if x.ndim == 0 else np.stack(np.nonzero(there)).astype(np.int64)]


def one_hot(inputs, a):
    i, depth, v = inputs[0], int(np.asarray(inputs[1]).reshape(-1)[0]), inputs[2]
    axis = a.get("axis", -1)
    axis += i.ndim + 1 if axis < 0 else 0
    k = wide(i).astype(np.int64)
    k = np.where((k >= -depth) & (k < 0), k + depth, k)
    is_on = np.expand_dims(k, axis) == np.arange(depth).reshape([-1 if n == axis else 1 for n in range(i.ndim + 1)])
    return [np.where(is_on, v[1], v[0]).astype(v.dtype)]


def global_pool(reduce):
    def outputs(inputs, a):
        x = inputs[0]
        return [reduce(wide(x), a, tuple(range(2, x.ndim))).astype(x.dtype)]

    return outputs


def lp(x, p, axes):
    return (np.abs(x) ** p).sum(axis=axes, keepdims=True) ** (1 / p)


global_max_pool = global_pool(lambda x, a, axes: x.max(axis=axes, keepdims=True))
global_lp_pool = global_pool(lambda x, a, axes: lp(x, a.get("p", 2), axes))


def lrn(inputs, a):
    x, size, alpha = wide(inputs[0]), a["size"], float(np.float32(a.get("alpha", 1e-4)))
    squares = np.zeros_like(x)
    for c in range(x.shape[1]):
        first, last = max(0, c - (size - 1) // 2), min(x.shape[1] - 1, c + -(-(size - 1) // 2))
        squares[:, c] = (x[:, first : last + 1] ** 2).sum(axis=1)
    return [(x / (a.get("bias", 1) + alpha / size * squares) ** a.get("beta", 0.75)).astype(inputs[0].dtype)]


def lp_normalization(inputs, a):
    x = wide(inputs[0])
    norm = lp(x, a.get("p", 2), a.get("axis", -1))
    return [(x / np.where(norm == 0, 1, norm)).astype(inputs[0].dtype)]


def mean_variance(inputs, a):
    x, axes = wide(inputs[0]), tuple(a.get("axes", (0, 2, 3)))
    centred = x - x.mean(axis=axes, keepdims=True)
    return [(centred / (np.sqrt((centred**2).mean(axis=axes, keepdims=True)) + 1e-9)).astype(inputs[0].dtype)]


def matmul_integer(inputs, a):
    x, w, zx, zw = ([*inputs, None, None])[:4]
    left, right = x.astype(np.int64), w.astype(np.int64)
    if zx is not None:
        zx = zx.astype(np.int64)
        left = left - (zx[..., None] if zx.ndim == 1 and zx.size > 1 else zx)
    if zw is not None:
        right = right - zw.astype(np.int64)
    return [np.matmul(left, right).astype(np.int32)]


def sequence_insert(inputs, a):
    s, x, i = list(inputs[0][1]), inputs[1], inputs[2] if len(inputs) > 2 else None
    at = len(s) if i is None else int(i)
    s.insert(at + len(s) if at < 0 else at, x)
    return [s]


def tensor_scatter(inputs, a):
    past, update, at = ([*inputs, None])[:3]
    axis, y = a.get("axis", -2) % past.ndim, past.copy()
    for place in itertools.product(*(range(n) for n in update.shape)):
        to = list(place)
        to[axis] += 0 if at is None else int(at[place[0]])
        if a.get("mode") == "circular":
            to[axis] %= past.shape[axis]
        y[tuple(to)] = update[place]
    return [y]


def string_normalizer(inputs, a):
    x, action = inputs[0], a.get("case_change_action", "NONE")
    change = {"NONE": str, "LOWER": str.lower, "UPPER": str.upper}[action]
    fold = str if a.get("is_case_sensitive", 0) else str.lower
    stop = {fold(w) for w in a.get("stopwords", [])}
    kept = [change(w) for w in x.reshape(-1).tolist() if fold(w) not in stop] or [""]
    y = np.empty(len(kept), object)
    y[:] = kept
    return [y.reshape((1, -1) if x.ndim == 2 else -1)]


def upsample(inputs, a):
    if a.get("mode", "nearest") != "nearest":
        return None
    x, scales = inputs
    y = x
    for axis, s in enumerate(scales.tolist()):
        y = np.take(y, [min(int(i / s), x.shape[axis] - 1) for i in range(int(x.shape[axis] * s))], axis)
    return [y]


def max_roi_pool(inputs, a):
    x, rois = inputs
    x, (ph, pw), scale = wide(x), a["pooled_shape"], a.get("spatial_scale", 1.0)
    y = np.zeros((len(rois), x.shape[1], ph, pw))
    rounded = lambda v: int(math.floor(v * scale + 0.5))  # noqa: E731
    for r, roi in enumerate(wide(rois)):
        n, (x0, y0, x1, y1) = int(roi[0]), [rounded(v) for v in roi[1:]]
        h, w = max(y1 - y0 + 1, 1), max(x1 - x0 + 1, 1)
        for i, j in itertools.product(range(ph), range(pw)):
            rows = [min(max(k + y0, 0), x.shape[2]) for k in (math.floor(i * h / ph), math.ceil((i + 1) * h / ph))]
            columns = [min(max(k + x0, 0), x.shape[3]) for k in (math.floor(j * w / pw), math.ceil((j + 1) * w / pw))]
            part = x[n, :, rows[0] : rows[1], columns[0] : columns[1]]
            y[r, :, i, j] = part.max(axis=(1, 2)) if part.size else 0
    return [y.astype(inputs[0].dtype)]


# --- recurrent cells: every attribute, in double

ALPHA = {"LeakyRelu": 0.01, "ThresholdedRelu": 1.0, "Elu": 1.0, "HardSigmoid": 0.2}
ACTIVATIONS = {
    "Tanh": np.tanh, "Sigmoid": lambda v: 1 / (1 + np.exp(-v)), "Relu": lambda v: np.maximum(v, 0),
    "Softsign": lambda v: v / (1 + np.abs(v)), "HardSigmoid": lambda v: np.clip(0.2 * v + 0.5, 0, 1),
    "Softplus": lambda v: np.logaddexp(0, v), "Elu": lambda v: np.where(v < 0, np.expm1(v), v),
    "LeakyRelu": lambda v: np.where(v < 0, 0.01 * v, v),
}  # fmt: skip
CELL_ACTIVATIONS = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}


def rnn_step(x, h, c, w, r, wb, rb, p, f, a, clip):
    return f[0](clip(x @ w.T + h @ r.T + wb + rb)), c


def gru_step(x, h, c, w, r, wb, rb, p, f, a, clip):
    wz, wr, wh = np.split(w, 3)
    rz, rr, rh = np.split(r, 3)
    bz, br, bh = np.split(wb, 3)
    sz, sr, sh = np.split(rb, 3)
    z, s = f[0](clip(x @ wz.T + h @ rz.T + bz + sz)), f[0](clip(x @ wr.T + h @ rr.T + br + sr))
    inner = s * (h @ rh.T + sh) if a.get("linear_before_reset") else (s * h) @ rh.T + sh
    return (1 - z) * f[1](clip(x @ wh.T + inner + bh)) + z * h, c


def lstm_step(x, h, c, w, r, wb, rb, p, f, a, clip):
    i, o, g, n = np.split(x @ w.T + h @ r.T + wb + rb, 4, axis=-1)
    pi, po, pf = np.split(p, 3)
    i = f[0](clip(i + pi * c))
    g = 1 - i if a.get("input_forget") else f[0](clip(g + pf * c))
    c = g * c + i * f[1](clip(n))
    return f[0](clip(o + po * c)) * f[2](c), c


def recurrent(op):
    step = {"RNN": rnn_step, "GRU": gru_step, "LSTM": lstm_step}[op]

    def outputs(inputs, a):
        x, w, r, b, lens, h0, c0, p = ([None if v is None else v for v in inputs] + [None] * 8)[:8]
        kind, hidden, layout = x.dtype, a["hidden_size"], a.get("layout", 0)
        x, w, r = wide(x), wide(w), wide(r)
        if layout:
            x = x.swapaxes(0, 1)
        length, batch, directions = x.shape[0], x.shape[1], w.shape[0]
        none = np.zeros((batch, directions, hidden) if layout else (directions, batch, hidden))
        h, c = (none.copy() if s is None else wide(s) for s in (h0, c0))
        if layout:
            h, c = h.swapaxes(0, 1), c.swapaxes(0, 1)
        b = np.zeros((directions, 2 * w.shape[1])) if b is None else wide(b)
        p = np.zeros((directions, 3 * hidden)) if p is None else wide(p)
        names = a.get("activations") or CELL_ACTIVATIONS[op] * directions
        per = len(names) // directions
        clip = (lambda v: np.clip(v, -a["clip"], a["clip"])) if a.get("clip") else (lambda v: v)
        y = np.zeros((length, directions, batch, hidden))
        for k in range(directions):
            f = [ACTIVATIONS[n] for n in names[k * per : (k + 1) * per]]
            wb, rb = np.split(b[k], 2)
            for n in range(batch):
                steps = range(length if lens is None else int(lens[n]))
                for t in reversed(steps) if a.get("direction") == "reverse" or k == 1 else steps:
                    h[k, n], c[k, n] = step(x[t, n], h[k, n], c[k, n], w[k], r[k], wb, rb, p[k], f, a, clip)
                    y[t, k, n] = h[k, n]
        if layout:
            y, h, c = y.transpose(2, 0, 1, 3), h.swapaxes(0, 1), c.swapaxes(0, 1)
        return [v.astype(kind) for v in (y, h, c)[: 3 if op == "LSTM" else 2]]

    return outputs


# --- ai.onnx.ml


def post(z, name):
    """post_transform on the last axis."""
    if name in (None, "NONE"):
        return z
    if name == "LOGISTIC":
        return 1 / (1 + np.exp(-z))
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    if name == "SOFTMAX":
        return e / e.sum(axis=-1, keepdims=True)
    e = np.where(z == 0, 0, e)  # of SOFTMAX_ZERO; where all are zero, the evaluator's classifiers give 0.5
    with np.errstate(all="ignore"):
        return np.where((z == 0).all(axis=-1, keepdims=True), 0.5, e / e.sum(axis=-1, keepdims=True))


def linear_regressor(inputs, a):
    x, targets = wide(inputs[0]), a.get("targets", 1)
    z = x @ np.array(a["coefficients"], np.float64).reshape(targets, -1).T + np.array(a.get("intercepts", [0] * targets))
    return [post(z, a.get("post_transform")).astype(np.float32)]


def kernel(x, v, a):
    gamma, coef, degree = a["kernel_params"]
    with np.errstate(all="ignore"):
        return {"LINEAR": lambda: x @ v.T, "POLY": lambda: (gamma * (x @ v.T) + coef) ** degree,
                "SIGMOID": lambda: np.tanh(gamma * (x @ v.T) + coef),
                "RBF": lambda: np.exp(-gamma * ((x[:, None] - v[None]) ** 2).sum(-1))}[a["kernel_type"]]()  # fmt: skip


def svm_regressor(inputs, a):
    x = wide(inputs[0])
    vectors = np.array(a["support_vectors"], np.float64).reshape(a["n_supports"], -1)
    z = kernel(x, vectors, a) @ np.array(a["coefficients"], np.float64) + a["rho"][0]
    if a.get("one_class"):
        z = np.where(z > 0, 1.0, -1.0)
    return [z.reshape(-1, 1).astype(np.float32)]


def dict_vectorizer(inputs, a):
    (kind, given), words = inputs[0], a.get("string_vocabulary") or a["int64_vocabulary"]
    t = {"float": np.float32, "double": np.float64, "int64": np.int64}[kind.split("tensor(")[1].rstrip(")")]
    return [np.array([[given.get(w, 0) for w in words]], t)]


def cast_map(inputs, a):
    given = inputs[0][1]
    row = [given.get(k, None) for k in range(a["max_map"])] if a.get("map_form") == "SPARSE" else [given[k] for k in sorted(given)]
    to = a.get("cast_to", "TO_FLOAT")
    if to == "TO_STRING":
        y = np.empty((1, len(row)), object)
        y[0] = ["" if v is None else v if isinstance(v, str) else f"{v:g}" for v in row]
        return [y]
    return [np.array([[0 if v is None else float(v) for v in row]], np.float32 if to == "TO_FLOAT" else np.int64)]


def one_hot_encoder(inputs, a):
    x = inputs[0]
    cats = a.get("cats_strings") or a["cats_int64s"]
    flat = x.reshape(-1).tolist() if "cats_strings" in a else [int(v) for v in wide(x).reshape(-1)]
    return [np.array([[float(v == c) for c in cats] for v in flat], np.float32).reshape(*x.shape, len(cats))]


def tree_regressor(inputs, a):
    x, targets = wide(inputs[0]), a.get("n_targets", 1)
    nodes = {k: i for i, k in enumerate(zip(a["nodes_treeids"], a["nodes_nodeids"]))}
    weights = {}
    for t, n, i, w in zip(a["target_treeids"], a["target_nodeids"], a["target_ids"], a["target_weights"]):
        weights.setdefault((t, n), []).append((i, w))
    missing, trees = a.get("nodes_missing_value_tracks_true", [0] * len(nodes)), sorted(set(a["nodes_treeids"]))
    z, way = np.zeros((len(x), targets)), a.get("aggregate_function", "SUM")
    for row in range(len(x)):
        found = [[] for _ in range(targets)]
        for tree in trees:
            key = (tree, 0)
            while a["nodes_modes"][i := nodes[key]] != "LEAF":
                v, split = x[row, a["nodes_featureids"][i]], a["nodes_values"][i]
                yes = branch(a["nodes_modes"][i], v, split) or (np.isnan(v) and missing[i])
                key = (tree, a["nodes_truenodeids" if yes else "nodes_falsenodeids"][i])
            for target, w in weights[key]:
                found[target].append(w)
        for k, of in enumerate(found):
            z[row, k] = {"SUM": sum(of), "AVERAGE": sum(of) / len(trees), "MIN": min(of, default=0), "MAX": max(of, default=0)}[way]
    z = z + np.array(a.get("base_values", [0] * targets))
    return [post(z, a.get("post_transform")).astype(np.float32)]


def branch(mode, v, split):
    return {"BRANCH_LEQ": v <= split, "BRANCH_LT": v < split, "BRANCH_GTE": v >= split, "BRANCH_GT": v > split,
            "BRANCH_EQ": v == split, "BRANCH_NEQ": v != split}[mode]  # fmt: skip


def linear_classifier(inputs, a):
    """Where there is one row of coefficients for each of several labels."""
    names = a.get("classlabels_strings") or a["classlabels_ints"]
    x, n = wide(inputs[0]), len(names)
    coefficients = np.array(a["coefficients"], np.float64)
    if coefficients.size != n * x.shape[1] or n < 2:
        return None
    z = x @ coefficients.reshape(n, -1).T + np.array(a.get("intercepts", [0] * n))
    labels = np.array(names, object if "classlabels_strings" in a else np.int64)[z.argmax(axis=1)]
    return [labels, post(z, a.get("post_transform")).astype(np.float32)]


def tree_ensemble(inputs, a):
    from onnx import numpy_helper

    x, targets, modes = wide(inputs[0]), a["n_targets"], numpy_helper.to_array(a["nodes_modes"])
    splits, weights = (wide(numpy_helper.to_array(a[k])) for k in ("nodes_splits", "leaf_weights"))
    names = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")
    missing, z = a.get("nodes_missing_value_tracks_true", [0] * len(splits)), np.zeros((len(x), targets))
    for row in range(len(x)):
        found = [[] for _ in range(targets)]
        for at in a["tree_roots"]:
            is_leaf = 0
            while not is_leaf:
                v = x[row, a["nodes_featureids"][at]]
                side = "true" if branch(names[modes[at]], v, splits[at]) or (np.isnan(v) and missing[at]) else "false"
                at, is_leaf = a[f"nodes_{side}nodeids"][at], a[f"nodes_{side}leafs"][at]
            found[a["leaf_targetids"][at]].append(weights[at])
        for k, of in enumerate(found):
            z[row, k] = (sum(of) / len(a["tree_roots"]), sum(of), min(of, default=0), max(of, default=0))[a.get("aggregate_function", 1)]
    return [post(z, POST[a.get("post_transform", 0)]).astype(inputs[0].dtype)]


POST = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")
