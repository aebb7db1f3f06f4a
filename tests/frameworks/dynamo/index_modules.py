"""Hand-written modules: indexing, scattering, sorting, sets, masks."""

import torch
from torch.nn import functional as F

from modules import flags, of, real, whole


def gathers(x, i, j):
    return [
        torch.gather(x, 1, i),
        x[j],
        x[:, j],
        x[j, j],
        x[j[:, None], j],
        torch.index_select(x, 1, j),
        torch.take_along_dim(x, i, 1),
        torch.take(x, j),
        x[:, [0, 2]],
        x[..., [1, -1]],
        x[j, :, None],
        F.embedding(i, x),
        x[-1, j],
        F.embedding(j, x, padding_idx=0),
    ]


def scatters(x, i, s):
    return [
        x.scatter(1, i, s),
        x.scatter(1, i, 2.5),
        x.scatter_add(1, i, s),
        x.scatter_reduce(1, i, s, "amax"),
        x.scatter_reduce(1, i, s, "amin"),
        x.scatter_reduce(1, i, s, "sum"),
        x.scatter_reduce(1, i, s, "prod"),
    ]


def scatter_fresh(x, i, s):
    return [
        x.scatter_reduce(1, i, s, "amax", include_self=False),
        x.scatter_reduce(1, i, s, "sum", include_self=False),
    ]


def puts(x, j, v):
    y = x.clone()
    y[:, 1:3] = 0.5
    z = x.clone()
    z[0] += 1
    z[1, 2] = v[0, 0]
    return [
        torch.index_put(x, (j,), v),
        torch.index_put(x, (j,), v, accumulate=True),
        x.index_add(0, j, v, alpha=2),
        x.index_copy(0, j, v),
        x.index_fill(0, j, 3.0),
        y,
        z,
        x.select_scatter(x[0] * 2, 0, 1),
        x.slice_scatter(x[:, :2] * 3, 1, 1, 3),
        torch.index_put(x, (j, j), v[:, 0]),
    ]


def masks(x, m):
    return [
        x.masked_fill(m, -1e9),
        x.masked_fill(m, float("-inf")).softmax(1),
        torch.where(m, x, 0.0),
        x * m,
        torch.masked_fill(x, ~m, 2.0),
        m.logical_not(),
        m.any(),
        m.long().cumsum(1),
        x.masked_scatter(m, x.flip(0)),
    ]


def orders(x):
    return [
        *torch.sort(x, 1),
        *torch.sort(x, 0, descending=True),
        torch.argsort(x, 1),
        *torch.topk(x, 3, 1),
        *torch.topk(x, 2, 0, largest=False),
        torch.searchsorted(torch.sort(x, 1).values, x),
        torch.bucketize(x, torch.tensor([-1.0, 0.0, 0.5, 1.0])),
    ]


def medians(x):
    return [x.quantile(0.3, 1), torch.msort(x)]


def nonzero(x):
    return torch.nonzero(x > 0.3), x[x > 0.3]


def where_one(x):
    return torch.where(x > 0.2)


def unique(x):
    return torch.unique(x)


def unique_all(x):
    return torch.unique(x, return_inverse=True, return_counts=True)


def unique_rows(x):
    return torch.unique(x, dim=0)


def one_hot(i):
    return F.one_hot(i, 7), F.one_hot(i, 7).float().argmax(-1)


def counts(i):
    return torch.bincount(i, minlength=9)


def isin(a, b):
    return torch.isin(a, b)


def histogram(x):
    return torch.histc(x, bins=5, min=-2, max=2)


def padded_items(x, n):
    k = n.item()
    torch._check(k >= 1)
    torch._check(k <= x.shape[0])
    return x[:k] * 2


def ranges(n):
    k = n.item()
    torch._check(k >= 0)
    return torch.arange(k), torch.ones(k, 2).cumsum(0)


def tri(x):
    n = x.shape[1]
    return torch.tril_indices(4, 4), torch.triu(torch.ones(n, n), 1), torch.ones(n, n).tril(-1).bool(), x


def cases() -> list:
    square = (real(5, 5), whole(0, 5, 5, 3), whole(0, 5, 4))
    wide = (real(4, 8), whole(0, 8, 4, 5), real(4, 5))
    wide2 = (real(6, 8), whole(0, 8, 6, 7), real(6, 7))
    put = (real(6, 4), lambda: torch.tensor([1, 3, 2]), real(3, 4))
    return [
        of("gathers", gathers, square),
        of("scatters", scatters, wide, wide2),
        of("scatter_fresh", scatter_fresh, wide),
        of("puts", puts, put),
        of(
            "scatter_modes",
            lambda x, i, s: [x.scatter(1, i, s, reduce="add"), x.scatter(1, i, s, reduce="multiply")],
            wide,
        ),
        of("masks", masks, (real(3, 6), flags(3, 6)), (real(4, 9), flags(4, 9))),
        of("orders", orders, (real(4, 6),), (real(5, 8),)),
        of("median", lambda x: x.median(1).values, (real(4, 7),)),
        of("cummax", lambda x: [*x.cummax(1), *x.cummin(0)], (real(4, 7),)),
        of("kthvalue", lambda x: x.kthvalue(2, 1), (real(4, 7),)),
        of("mode", lambda x: x.mode(1).values, (real(4, 7),)),
        of("medians", medians, (real(4, 7),)),
        of("nonzero", nonzero, (real(4, 6),), (real(5, 8),)),
        of("where_one", where_one, (real(4, 6),)),
        of("unique", unique, (whole(0, 9, 4, 5),), (whole(0, 9, 3, 7),)),
        of("unique_all", unique_all, (whole(0, 9, 20),)),
        of("unique_rows", unique_rows, (whole(0, 2, 9, 2),)),
        of("one_hot", one_hot, (whole(0, 7, 3, 4),), (whole(0, 7, 5, 4),)),
        of("bincount", counts, (whole(0, 9, 30),)),
        of("isin", isin, (whole(0, 9, 4, 5), whole(0, 9, 3))),
        of("histc", histogram, (real(50),)),
        of("item_slice", padded_items, (real(6, 4), lambda: torch.tensor(3))),
        of("item_range", ranges, (lambda: torch.tensor(5),)),
        of("tri", tri, (real(3, 4),), (real(3, 6),)),
    ]
