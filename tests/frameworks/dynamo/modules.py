"""Hand-written modules: arithmetic, reductions, shapes, types."""

import torch
from torch import nn
from torch.nn import functional as F

from model_case import ModelCase


class Of(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


def real(*shape):
    return lambda: torch.randn(*shape)


def whole(low, high, *shape, dtype=torch.int64):
    return lambda: torch.randint(low, high, shape, dtype=dtype)


def flags(*shape):
    return lambda: torch.rand(*shape) > 0.5


def of(name, function, *runs, **more) -> ModelCase:
    """Each run is a tuple of makers; two runs: their differing axes are dynamic."""
    inputs = [lambda run=run: tuple(make() for make in run) for run in runs]
    return ModelCase(f"m_{name}", lambda: Of(function), inputs, definition=source_of(function), **more)


def layer(name, build, *runs, **more) -> ModelCase:
    inputs = [lambda run=run: tuple(make() for make in run) for run in runs]
    return ModelCase(f"m_{name}", build, inputs, definition=repr(more), **more)


def source_of(function) -> str:
    import inspect

    try:
        return inspect.getsource(function)
    except TypeError:  # a builtin
        return repr(function)


def unary(x):
    p = x.abs() + 0.1
    return [
        torch.exp(x),
        torch.expm1(x),
        torch.log(p),
        torch.log2(p),
        torch.log10(p),
        torch.log1p(p),
        torch.sqrt(p),
        torch.rsqrt(p),
        torch.sin(x),
        torch.cos(x),
        torch.tan(x),
        torch.asin(x.tanh()),
        torch.acos(x.tanh()),
        torch.atan(x),
        torch.sinh(x),
        torch.cosh(x),
        torch.tanh(x),
        torch.asinh(x),
        torch.acosh(p + 1),
        torch.atanh(x.tanh() * 0.9),
        torch.erf(x),
        torch.erfc(x),
        torch.floor(x),
        torch.ceil(x),
        torch.round(x),
        torch.trunc(x),
        torch.frac(x),
        torch.sign(x),
        torch.reciprocal(p),
        torch.neg(x),
        torch.square(x),
        torch.sigmoid(x),
        torch.special.logit(x.sigmoid()),
        torch.deg2rad(x),
        torch.nan_to_num(x / 0.0),
        torch.isnan(x),
        torch.isinf(x / 0.0),
        torch.signbit(x),
    ]


def activations(x):
    return [
        F.relu(x),
        F.relu6(x),
        F.gelu(x),
        F.gelu(x, approximate="tanh"),
        F.silu(x),
        F.mish(x),
        F.elu(x),
        F.celu(x, 1.3),
        F.selu(x),
        F.softplus(x, beta=2.0),
        F.softsign(x),
        F.hardtanh(x),
        F.hardswish(x),
        F.hardsigmoid(x),
        F.leaky_relu(x, 0.2),
        F.logsigmoid(x),
        F.tanhshrink(x),
        F.hardshrink(x),
        F.softshrink(x),
        F.threshold(x, 0.1, 3.0),
        F.glu(x, 1),
        F.softmax(x, 1),
        F.log_softmax(x, -1),
        F.softmin(x, 0),
        F.normalize(x, dim=1),
    ]


def binary(a, b):
    p = b.abs() + 0.1
    return [
        a + b,
        a - b,
        a * b,
        a / p,
        torch.pow(a.abs() + 0.1, b),
        torch.atan2(a, b),
        torch.fmod(a, p),
        torch.remainder(a, p),
        torch.floor_divide(a, p),
        torch.div(a, p, rounding_mode="trunc"),
        torch.maximum(a, b),
        torch.minimum(a, b),
        torch.logaddexp(a, b),
        torch.lerp(a, b, 0.3),
        torch.addcmul(a, a, b, value=2),
        torch.addcdiv(a, a, p, value=0.5),
        a < b,
        a <= b,
        a == b,
        a != b,
        torch.where(a > b, a, b),
        torch.heaviside(a, b),
        torch.xlogy(p, p),
        torch.clamp(a, min=b.min(), max=b.max()),
        torch.rsub(a, b, alpha=2),
    ]


def integers(a, b):
    p = b.abs() + 1
    return [
        a + b,
        a * b,
        a // p,
        a % p,
        torch.fmod(a, p),
        torch.div(a, p, rounding_mode="trunc"),
        a / p,
        a & b,
        a | b,
        a ^ b,
        ~a,
        torch.bitwise_left_shift(a, p % 5),
        torch.bitwise_right_shift(a, p % 5),
        torch.abs(a),
        torch.sign(a),
        torch.maximum(a, b),
        a.pow(2),
        a.clamp(-3, 4),
        a.sum(),
        a.max(1).values,
        a.argmax(0),
        a.float().mean(),
        a.to(torch.int8),
        a.to(torch.uint8),
        a.bool(),
        torch.logical_xor(a > 0, b > 0),
        torch.bitwise_and(a > 0, b > 0),
        a.cumsum(1),
        -a,
    ]


def halves(x, y):
    h, k = x.half(), y.half()
    return [
        (h + k).float(),
        (h @ k.T).float(),
        F.softmax(h, -1).float(),
        F.layer_norm(h, [8]).float(),
        F.gelu(h).float(),
        h.sum(1).float(),
        h,
        torch.exp(h).float(),
        h.mean(),
        torch.cat([h, k]),
        F.linear(h, k).float(),
        (h > k),
        h.double(),
    ]


def brains(x, y):
    h, k = x.bfloat16(), y.bfloat16()
    return [
        (h + k).float(),
        (h @ k.T).float(),
        F.softmax(h, -1).float(),
        F.gelu(h).float(),
        h.sum(1).float(),
        (h * k).float().expand(2, *h.shape),
        torch.cat([h, k]).float(),
        F.layer_norm(h, [8]).float(),
        h.to(torch.int32),
    ]


def reductions(x):
    return [
        x.sum(),
        x.sum(1),
        x.sum((0, 2), keepdim=True),
        x.mean(-1),
        x.var(1),
        x.var((0, 1), correction=0),
        x.std(2),
        torch.var_mean(x, 1)[1],
        x.amax(1),
        x.amin((1, 2)),
        x.max(2).values,
        x.max(2).indices,
        x.min(0).values,
        x.min(0).indices,
        x.argmax(),
        x.argmin(1, keepdim=True),
        x.norm(),
        x.norm(1, dim=1),
        x.norm(float("inf"), dim=2),
        x.logsumexp(1),
        (x > 0).any(1),
        (x > 0).all(2),
        (x > 0).sum(1),
        torch.count_nonzero(x > 0, dim=1),
        x.nansum(1),
        torch.aminmax(x, dim=1)[1],
        torch.linalg.vector_norm(x, 3, dim=1),
        torch.cumsum(x, 1),
        torch.logcumsumexp(x, 1),
        x.diff(dim=1),
        torch.linalg.norm(x, dim=(1, 2)),
        F.cosine_similarity(x, x.flip(1), dim=1),
    ]


def shapes(x):
    return [
        x.reshape(x.shape[0], -1),
        x.flatten(),
        x.unflatten(2, (2, 3)),
        x.permute(2, 0, 1),
        x.transpose(0, 2),
        x.unsqueeze(1),
        x.movedim(0, 2),
        x[:, None].squeeze(1),
        x.expand(2, *x.shape),
        x.repeat(2, 1, 3),
        x.repeat_interleave(2, 1),
        x.tile(2, 2),
        x.flip(0, 2),
        x.rot90(1, (0, 1)),
        x.roll(2, 1),
        x.roll((1, -1), (0, 2)),
        torch.roll(x, 3),
        x.chunk(2, 2)[1],
        x.split([1, 2, 3], 2)[2],
        x.narrow(2, 1, 3),
        x[:, ::2],
        x[..., -1],
        x[:, 1:-1, 2:],
        x.select(2, 3),
        torch.stack([x, x], 1),
        torch.cat([x, x * 2], 2),
        torch.hstack([x, x]),
        torch.tril(x),
        torch.triu(x, 1),
        torch.diagonal(x, 0, 1, 2),
        torch.diag_embed(x[0]),
        x.unfold(2, 3, 1),
        F.pad(x, (1, 2, 0, 1)),
        F.pad(x, (1, 1), mode="reflect"),
        F.pad(x, (2, 1), mode="replicate"),
        F.pad(x, (2, 1), mode="circular"),
        F.pad(x, (-1, -1), value=2.0),
        torch.meshgrid(x[0, 0], x[0, 1], indexing="ij")[1],
        torch.arange(x.shape[1]) * 2,
        torch.full_like(x, 2.5),
        torch.zeros(x.shape[0], 4),
        torch.eye(5) + x[0, 0, 0],
        torch.linspace(0, 1, 7),
        x.new_ones(2, x.shape[1]),
        torch.broadcast_to(x[:1], (3, *x.shape[1:])),
        torch.atleast_2d(x[0, 0]),
        x.mT,
        x.ravel(),
        x.numel() + x,
    ]


def products(a, b, v):
    return [
        a @ b,
        torch.bmm(a, b),
        torch.matmul(a, v),
        torch.matmul(v, b),
        torch.baddbmm(a @ b, a, b, beta=0.5, alpha=2),
        torch.addmm(a[0] @ b[0], a[0], b[0], beta=0.3),
        torch.mv(a[0], v),
        torch.dot(v, v),
        torch.outer(v, v),
        torch.einsum("bij,bjk->bik", a, b),
        torch.einsum("bij->bji", a),
        torch.einsum("bij,bij->b", a, a),
        torch.einsum("i,j->ij", v, v),
        torch.einsum("bij,jk->ik", a, b[0]),
        torch.einsum("...ij,...jk->...ik", a, b),
        torch.tensordot(a, b, dims=([2], [1])),
        torch.kron(v, v),
        torch.linalg.multi_dot([a[0], b[0], a[0]]),
        torch.cross(a[:, :, :3], a[:, :, 1:4], dim=2),
        torch.linalg.det(a[:, :4, :4]),
        torch.trace(a[0]),
        a.mT @ a,
        F.bilinear(a, a, torch.ones(3, 5, 5) * 0.1),
    ]


def doubles(x):
    d = x.double()
    return [
        d @ d.mT,
        torch.exp(d),
        d.softmax(1),
        d.sum(0),
        F.layer_norm(d, [6]),
        d.float(),
        d.cumsum(1),
        d > 0,
        d.to(torch.int32),
        F.gelu(d),
    ]


def casts(x):
    return [
        x.to(torch.int8),
        x.to(torch.int16),
        x.to(torch.int32),
        x.to(torch.int64),
        x.abs().to(torch.uint8),
        x.bool(),
        x.double(),
        x.half(),
        x.bfloat16().float(),
        (x > 0).float() + x,
        (x > 0).to(torch.int64) * 3,
        x.to(torch.int32) @ x.to(torch.int32).mT,
        x.to(torch.float8_e4m3fn).float(),
    ]


def cases() -> list:
    a, b = (real(2, 5, 6),), (real(3, 7, 6),)
    return [
        of("unary", unary, a, b),
        of("activations", activations, (real(2, 6, 5),), (real(3, 6, 4),)),
        of("binary", binary, (real(3, 1, 5), real(4, 5)), (real(2, 1, 5), real(7, 5))),
        of("cdist", lambda x: torch.cdist(x, x.flip(1)), (real(2, 3, 5),)),
        of("cumprod", lambda x: x.cumprod(1), (real(3, 5),)),
        of("hypot", torch.hypot, (real(3, 5), real(3, 5))),
        of("product", lambda x: [x.prod(1), x.long().prod(0)], (real(3, 5),)),
        of("gcd", lambda a, b: a.gcd(b), (whole(1, 30, 9), whole(1, 30, 9))),
        of("shift", lambda a, b: a << b, (whole(0, 30, 9), whole(0, 5, 9))),
        of(
            "integers",
            integers,
            (whole(-9, 9, 3, 5), whole(-9, 9, 3, 5)),
            (whole(-9, 9, 4, 5), whole(-9, 9, 4, 5)),
        ),
        of(
            "integers32",
            integers,
            (whole(-9, 9, 3, 5, dtype=torch.int32), whole(-9, 9, 3, 5, dtype=torch.int32)),
        ),
        of("halves", halves, (real(4, 8), real(4, 8)), limit=2e-3),
        of("brains", brains, (real(4, 8), real(4, 8)), limit=2e-2),
        of("reductions", reductions, a, b),
        of("shapes", shapes, a, b),
        of("doubles", doubles, a),
        of("casts", casts, (lambda: torch.randn(3, 4, 4) * 5,)),
        of(
            "products",
            products,
            (real(2, 5, 5), real(2, 5, 5), real(5)),
            (real(3, 5, 5), real(3, 5, 5), real(5)),
        ),
    ]
