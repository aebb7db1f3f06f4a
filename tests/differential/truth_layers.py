"""truth.py's part for layers: convolutions of every rank and type, and attention, with loops over the taps and heads."""

import itertools

import numpy as np

from truth import wide


def pads_of(a, size, kernel):
    from operators.layers import padded

    given = padded({**a, "kernel_shape": kernel}, size) if a.get("auto_pad", "NOTSET") != "NOTSET" else a
    return given.get("pads") or [0] * 2 * len(kernel)


def convolve(x, w, a):
    """In the type of x, which must be wide enough."""
    axes = w.ndim - 2
    kernel, group = w.shape[2:], a.get("group", 1)
    strides, dilations = a.get("strides") or [1] * axes, a.get("dilations") or [1] * axes
    pads = pads_of(a, x.shape[2:], kernel)
    x = np.pad(x, [(0, 0), (0, 0), *zip(pads[:axes], pads[axes:])])
    out = [(n - (k - 1) * e - 1) // s + 1 for n, k, e, s in zip(x.shape[2:], kernel, dilations, strides)]
    y = np.zeros((x.shape[0], w.shape[0], *out), x.dtype)
    each, made = w.shape[1], w.shape[0] // group
    for tap in itertools.product(*(range(k) for k in kernel)):
        at = tuple(slice(t * e, t * e + (n - 1) * s + 1, s) for t, e, n, s in zip(tap, dilations, out, strides))
        for g in range(group):
            part = x[(slice(None), slice(g * each, (g + 1) * each), *at)]
            with np.errstate(all="ignore"):
                of = slice(g * made, (g + 1) * made)
                y[:, of] += np.einsum("nc...,mc->nm...", part, w[(of, slice(None), *tap)])
    return y


def along(v, rank):
    """A vector of one number a channel, for channels in axis 1."""
    v = np.asarray(v)
    return v.reshape(-1, *[1] * (rank - 2)) if v.ndim else v


def conv(inputs, a):
    y = convolve(wide(inputs[0]), wide(inputs[1]), a)
    if len(inputs) > 2:
        y = y + along(wide(inputs[2]), y.ndim)
    with np.errstate(all="ignore"):
        return [y.astype(inputs[0].dtype)]


def conv_integer(inputs, a):
    x, w, zx, zw = [*(None if v is None else v.astype(np.int64) for v in inputs), None, None][:4]
    w = w - (0 if zw is None else zw.reshape(-1, *[1] * (w.ndim - 1)) if zw.ndim else zw)
    return [convolve(x - (0 if zx is None else zx), w, a).astype(np.int32)]


def qlinear_conv(inputs, a):
    x, sx, zx, w, sw, zw, sy, zy = inputs[:8]
    left = x.astype(np.int64) - zx.astype(np.int64)
    right = w.astype(np.int64) - (zw.astype(np.int64).reshape(-1, *[1] * (w.ndim - 1)) if zw.ndim else zw.astype(np.int64))
    y = convolve(left, right, a)
    if len(inputs) > 8:
        y = y + along(inputs[8].astype(np.int64), y.ndim)
    scaled = y * (wide(sx) * along(wide(sw), y.ndim) / wide(sy))
    info = np.iinfo(zy.dtype)
    return [np.clip(np.rint(scaled) + int(zy), info.min, info.max).astype(zy.dtype)]


def attention(inputs, a):
    """All of its outputs; a row with nothing to attend to is 0."""
    q, k, v, mask, past_k, past_v, valid = [*inputs, *[None] * 7][:7]
    kind, flat = q.dtype, q.ndim == 3
    q, k, v = wide(q), wide(k), wide(v)
    if flat:
        split = lambda t, heads: t.reshape(*t.shape[:2], heads, -1).swapaxes(1, 2)  # noqa: E731
        q, k, v = split(q, a["q_num_heads"]), split(k, a["kv_num_heads"]), split(v, a["kv_num_heads"])
    past = 0
    if past_k is not None:
        past = past_k.shape[2]
        k, v = np.concatenate([wide(past_k), k], 2), np.concatenate([wide(past_v), v], 2)
    group = q.shape[1] // k.shape[1]
    scores = q @ np.repeat(k, group, 1).swapaxes(2, 3) * (a.get("scale") or q.shape[3] ** -0.5)
    stages = [scores]
    if a.get("softcap"):
        scores = a["softcap"] * np.tanh(scores / a["softcap"])
    stages.append(scores)
    rows, columns = scores.shape[2:]
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + wide(mask)
    if a.get("is_causal"):
        scores = np.where(np.arange(columns) <= np.arange(rows)[:, None] + past, scores, -np.inf)
    if valid is not None:
        scores = np.where(np.arange(columns) < np.asarray(valid)[:, None, None, None], scores, -np.inf)
    top = scores.max(-1, keepdims=True, initial=-1e300)
    e = np.exp(scores - top)
    weights = e / e.sum(-1, keepdims=True)
    stages += [scores, weights]
    y = weights @ np.repeat(v, group, 1)
    if flat:
        y = y.swapaxes(1, 2).reshape(*y.shape[:1], rows, -1)
    return [t.astype(kind) for t in (y, k, v, stages[a.get("qk_matmul_output_mode", 0)])]


def conv_transpose(inputs, a):
    x, w = wide(inputs[0]), wide(inputs[1])
    axes, kernel, group = w.ndim - 2, w.shape[2:], a.get("group", 1)
    strides, dilations = a.get("strides") or [1] * axes, a.get("dilations") or [1] * axes
    extra = a.get("output_padding") or [0] * axes
    full = [(n - 1) * s + (k - 1) * e + 1 + p for n, s, k, e, p in zip(x.shape[2:], strides, kernel, dilations, extra)]
    auto, size = a.get("auto_pad", "NOTSET"), a.get("output_shape")
    if auto in ("SAME_UPPER", "SAME_LOWER") and not size:
        size = [n * s for n, s in zip(x.shape[2:], strides)]
    if size:
        total = [f - n for f, n in zip(full, size)]
        small, large = [t // 2 for t in total], [t - t // 2 for t in total]
        first = small if auto == "SAME_UPPER" else large
        if min(total) < 0:
            return None
    else:
        pads = a.get("pads") or [0] * 2 * axes
        first, size = pads[:axes], [f - p - q for f, p, q in zip(full, pads[:axes], pads[axes:])]
    each, made = x.shape[1] // group, w.shape[1]
    y = np.zeros((x.shape[0], made * group, *full))
    for tap in itertools.product(*(range(k) for k in kernel)):
        at = tuple(slice(t * e, t * e + (n - 1) * s + 1, s) for t, e, n, s in zip(tap, dilations, x.shape[2:], strides))
        for g in range(group):
            of = slice(g * each, (g + 1) * each)
            with np.errstate(all="ignore"):
                y[(slice(None), slice(g * made, (g + 1) * made), *at)] += np.einsum(
                    "nc...,cm->nm...", x[:, of], w[(of, slice(None), *tap)])  # fmt: skip
    y = y[(slice(None), slice(None), *(slice(p, p + n) for p, n in zip(first, size)))]
    if len(inputs) > 2:
        y = y + along(wide(inputs[2]), y.ndim)
    with np.errstate(all="ignore"):
        return [y.astype(inputs[0].dtype)]


def pool(op):
    """AveragePool, MaxPool and LpPool: a window that begins behind the padded end is dropped from a rounded-up size."""

    def outputs(inputs, a):
        x, kernel = wide(inputs[0]) if inputs[0].dtype.kind not in "iu" else inputs[0].astype(object), a["kernel_shape"]
        axes, size = len(kernel), x.shape[2:]
        strides, dilations, pads = a.get("strides") or [1] * axes, a.get("dilations") or [1] * axes, pads_of(a, size, kernel)
        out = []
        for i, n in enumerate(size):
            room = n + pads[i] + pads[i + axes] - (kernel[i] - 1) * dilations[i] - 1
            count = (-(-room // strides[i]) if a.get("ceil_mode") else room // strides[i]) + 1
            while count > 1 and a.get("ceil_mode") and (count - 1) * strides[i] >= n + pads[i]:
                count -= 1
            out.append(count)
        y, at = np.zeros((*x.shape[:2], *out), x.dtype), np.zeros((*x.shape[:2], *out), np.int64)
        for place in itertools.product(*(range(n) for n in out)):
            lines = [[o * s - p + t * e for t in range(k)] for o, s, p, k, e in zip(place, strides, pads, kernel, dilations)]
            padded_taps = np.prod([sum(i < n + q for i in line) for line, n, q in zip(lines, size, pads[axes:])], dtype=int)
            lines = [[i for i in line if 0 <= i < n] for line, n in zip(lines, size)]
            part = x[(slice(None), slice(None), *np.ix_(*lines))].reshape(*x.shape[:2], -1)
            to = (slice(None), slice(None), *place)
            if part.shape[2] == 0:
                return None
            if op == "AveragePool":
                y[to] = part.sum(-1) / (padded_taps if a.get("count_include_pad") else part.shape[2])
            elif op == "LpPool":
                y[to] = (np.abs(part) ** a.get("p", 2)).sum(-1) ** (1 / a.get("p", 2))
            else:
                best = part.argmax(-1)
                y[to] = np.take_along_axis(part, best[..., None], -1)[..., 0]
                order = "F" if a.get("storage_order") else "C"
                flat = np.ravel_multi_index(np.meshgrid(*lines, indexing="ij"), size, order=order).reshape(-1)
                planes = np.arange(x.shape[0] * x.shape[1]).reshape(x.shape[:2])
                at[to] = planes * int(np.prod(size)) + flat[best]
        with np.errstate(all="ignore"):
            return [y.astype(inputs[0].dtype), at]

    return outputs
