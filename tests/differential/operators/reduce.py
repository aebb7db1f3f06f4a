"""Sums and searches along axes: Reduce*, Arg*, Cum*, Softmax and the like, TopK, Unique."""

import numpy as np

import truth
import values
from case import EXACT, FUNCTION, SUM, Case, Impossible
from registry import operator, types_of


def soft(t):
    return "soft" if values.kind(t) == "float" else None


@operator("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
          "ReduceSum", "ReduceSumSquare")  # fmt: skip
def reduce(d, op):
    t = d.kind(types_of(op))
    shape = d.shape()
    exact = op in ("ReduceMax", "ReduceMin")
    positive = op == "ReduceLogSum" or (values.kind(t) == "integer" and op in ("ReduceLogSumExp", "ReduceL2"))
    x = d.array(t, shape, 1 if positive else None, 5 if positive else None, edge="all" if exact else soft(t))
    axes = None
    if d.below(4):
        axes = np.array(d.axes(len(shape), 0), np.int64) if shape else np.array([], np.int64)
    given = {"keepdims": d.maybe(lambda: d.below(2)), "noop_with_empty_axes": d.maybe(lambda: d.below(2))}
    if op in ("ReduceMean", "ReduceLogSum", "ReduceLogSumExp") and 0 in shape and values.kind(t) == "integer":
        raise Impossible("no integer is the mean, or the logarithm, of nothing")
    wrong = axes is not None and bool(shape) and d.chance(40)
    if wrong:
        axes = np.array([len(shape)], np.int64)
    # The evaluator makes True of the infinity that it begins with; ONNX Runtime leaves the axis at 0.
    avoid = ["evaluator", "onnxruntime"] if t == "bool" and 0 in shape else []
    return Case(op, [x, axes], given, close=EXACT if exact else SUM, refuse=wrong, avoid=avoid, wide=values.kind(t) == "float",
                apart=1 if values.kind(t) == "integer" and op in ("ReduceL2", "ReduceLogSum", "ReduceLogSumExp") else 0)  # fmt: skip


@operator("ArgMax", "ArgMin")
def arg(d, op):
    shape = d.shape(low=1, zero=False)
    t = d.kind(types_of(op))
    given = {"axis": d.maybe(lambda: d.axis(len(shape))), "keepdims": d.maybe(lambda: d.below(2)),
             "select_last_index": d.maybe(lambda: d.below(2))}  # fmt: skip
    x = d.array(t, shape)
    if values.kind(t) == "float":
        x = np.where(np.isnan(x), np.array(1, x.dtype), x).astype(x.dtype)  # how NaN is ordered is left open
    return Case(op, [x], given)


@operator("CumSum", "CumProd")
def cumulate(d, op):
    shape = d.shape(low=1, elements=1500)
    t = d.kind(types_of(op))
    axis = np.array(d.axis(len(shape)), d.pick((np.int64, np.int32)))
    given = {a: d.maybe(lambda: d.below(2)) for a in ("exclusive", "reverse")}
    low, high = (0.5, 1.5) if op == "CumProd" and values.kind(t) == "float" else (None, None)
    return Case(op, [d.array(t, shape, low, high, edge=soft(t)), axis], given, close=SUM)


@operator("Softmax", "LogSoftmax", "Hardmax")
def softmax(d, op):
    shape = d.shape(low=1)
    t = d.kind(types_of(op))
    return Case(op, [d.array(t, shape, edge=None if op == "Hardmax" else "soft")],
                {"axis": d.maybe(lambda: d.axis(len(shape)))}, close=EXACT if op == "Hardmax" else FUNCTION)  # fmt: skip


@operator("TopK")
def top_k(d, op):
    shape = d.shape(low=1)
    t = d.kind(types_of(op))
    axis = d.maybe(lambda: d.axis(len(shape)))
    size = shape[-1 if axis is None else axis]
    k = d.between(0, size)
    wrong = d.chance(20)
    given = {"axis": axis, "largest": d.maybe(lambda: d.below(2)), "sorted": d.maybe(lambda: 1)}
    edge = "all" if d.below(2) else None
    x = d.array(t, shape, edge=edge)
    if x.dtype.kind == "f" or values.kind(t) == "float":
        x = np.where(np.isnan(x), np.array(1, x.dtype), x).astype(x.dtype)  # how NaN is ordered is left open
    return Case(op, [x, np.array([k + size if wrong and size else k], np.int64)], given, outputs=2,
                refuse=bool(wrong and size and k))  # fmt: skip


@operator("Unique")
def unique(d, op):
    t = d.kind([x for x in types_of(op) if "complex" not in x and not x.startswith("float8")])
    axis = None
    shape = d.shape(low=1, high=3, elements=400)
    if d.below(2) and t != "string":
        axis = d.axis(len(shape))
    x = d.array(t, shape, -3, 3, edge=None) if values.kind(t) == "integer" else d.array(t, shape, edge=None)
    if values.kind(t) == "float":
        x = np.round(x)
    is_sorted = d.maybe(lambda: d.below(2))
    avoid = ["evaluator"] * (is_sorted == 0 and (axis is not None or 0 in shape))  # it takes the first entries of axis 0
    return Case(op, [x], {"axis": axis, "sorted": is_sorted}, outputs=4, avoid=avoid)


@operator("Einsum")
def einsum(d, op):
    equation, ranks = d.pick((("ij,jk->ik", (2, 2)), ("i,i->", (1, 1)), ("ij->ji", (2,)), ("ii->i", (2,)), ("ij->", (2,)),
                              ("...ij,...jk->...ik", (3, 3)), ("bij,bjk->bik", (3, 3)), ("bhwc,hkc->bhwk", (4, 3)),
                              ("ij,ij->ij", (2, 2)), ("i,j->ij", (1, 1)), ("ijk,k", (3, 1)), ("ij,jk,kl->il", (2, 2, 2)),
                              (" i j , j k -> i k", (2, 2)), ("...,...->...", (2, 2)), ("bii->bi", (3,)),
                              ("abc,cd->abd", (3, 2))))  # fmt: skip
    sizes = {}
    t = d.kind([x for x in types_of(op) if x not in ("bfloat16",)])
    inputs = []
    for term in equation.replace(" ", "").partition("->")[0].split(","):
        letters = list(term.replace("...", "*" * (1 + ("*" == "" and 1)))) if "..." in term else list(term)
        shape = [sizes.setdefault(c, d.dim(9, zero=True)) for c in letters]
        inputs.append(d.array(t, shape, edge=soft(t)))
    return Case(op, inputs, {"equation": equation}, close=SUM)


@operator("LpNormalization")
def lp_normalization(d, op):
    shape = d.shape(low=1)
    t = d.kind(types_of(op))
    given = {"axis": d.maybe(lambda: d.axis(len(shape))), "p": d.maybe(lambda: d.pick((2, 1)))}
    return Case(op, [d.array(t, shape, edge=None)], given, close=SUM, truth=truth.lp_normalization)


@operator("Det")
def det(d, op):
    n = d.dim(7)
    t = d.kind(types_of(op))
    return Case(op, [d.array(t, (*d.shape(high=2, most=5), n, n), edge=None)], close=SUM)


@operator("MeanVarianceNormalization")
def mean_variance(d, op):
    rank = d.pick((4, 3, 5))
    t = d.kind(types_of(op))
    shape = d.shape(rank, rank, most=9, zero=False)
    given = {"axes": d.axes(rank) if rank != 4 else d.maybe(lambda: d.axes(rank))}
    return Case(op, [d.array(t, shape, edge=None)], given, close=SUM, truth=truth.mean_variance)
