"""Hand-written modules: constructs of which each engine gets some wrong.

Symbols with bounds and relations, caches written in place, loops that capture weights or never run, masks of
attention in every broadcast form, empty batches, small integer types, boxes, routing, weights in other types,
exports with other settings than the default, and files beyond 2 GiB.
"""

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from model_case import ModelCase
from modules import flags, layer, of, real, whole


def loop(*given):
    from torch._higher_order_ops.while_loop import while_loop

    return while_loop(*given)


def never(x):
    return loop(lambda i, x: i < 0, lambda i, x: (i + 1, x * 2), (torch.tensor(0), x))


class Steps(nn.Module):
    """Weights from outside the body, and a condition that the data decides."""

    def __init__(self):
        super().__init__()
        self.step = nn.Linear(4, 4)

    def forward(self, x):
        def body(i, x):
            return i + 1, torch.tanh(self.step(x)) + x * 0.5

        return loop(lambda i, x: (i < 9) & (x.abs().sum() > 0.2), body, (torch.tensor(0), x))


def branch_in_loop(x):
    def body(i, x):
        return i + 1, torch.cond(x.sum() > 1, lambda x: x * 0.5, lambda x: x + 0.25, (x,))

    return loop(lambda i, x: i < 6, body, (torch.tensor(0), x))


def state_space(x, a, b, c):
    """A selective scan over time."""
    from torch._higher_order_ops.scan import scan

    def step(h, given):
        x, b, c = given
        h = h * a.exp() + x[:, :, None] * b[:, None, :]
        return h, (h * c[:, None, :]).sum(-1)

    return scan(step, torch.zeros(x.shape[1], x.shape[2], a.shape[1]), (x, b, c))


def einsums(a, b, v):
    e = torch.einsum
    return [
        e("bhid,bhjd->bhij", a, b),
        e("bhij,bhjd->bhid", a @ b.mT, b),
        e("bhid->bdhi", a),
        e("bhii->bhi", a @ b.mT),
        e("bhij->", a),
        e("b...d,d->b...", a, v),
        e("bhid,bhid,d->bh", a, b, v),
        e("bhid,hed->bhie", a, b[0]),
        e("i,j,k->ijk", v, v, v),
        e("bhid,bhjd->ij", a, b),
    ]


def fourier_sizes(x):
    f = torch.fft
    return [
        f.rfft(x, n=10).abs(),
        f.ifft(f.fft(x, n=20)).real,
        torch.view_as_real(f.ifft(torch.complex(x, x.flip(1)))),
        torch.view_as_real(f.fftn(x, dim=(0, 2))),
        torch.view_as_real(f.rfft(x, norm="forward")),
    ]


def every_mask(q, k, v, b, f):
    s = F.scaled_dot_product_attention
    return [
        s(q, k, v, attn_mask=b[0, 0]),
        s(q, k, v, attn_mask=f[0, 0]),
        s(q, k, v, attn_mask=b[:, :1, :1]),
        s(q, k, v, attn_mask=f[:, :, :1]),
        s(q, k, v, attn_mask=b[:1, :1]),
        s(q, k, v, attn_mask=f[0]),
        s(q, k, v, attn_mask=torch.where(b, 0.0, float("-inf"))),
        s(q, k, v, is_causal=True),
        s(q, k, v, attn_mask=f, scale=1.0),
        s(q, k, v[..., :5]),
    ]


def padded_causal(q, k, v, kept):
    length = q.shape[-2]
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    mask = causal[None, None] & kept[:, None, None, :]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)


def five_axes(q):
    return F.scaled_dot_product_attention(q, q * 0.5, q + 1)


class Cache(nn.Module):
    """Keys of a fixed capacity, written at positions that are inputs."""

    def forward(self, cache, new, positions):
        cache = cache.index_copy(2, positions, new)
        length = cache.shape[2]
        allowed = torch.arange(length)[None, :] <= positions[:, None]
        return cache, F.scaled_dot_product_attention(new, cache, cache, attn_mask=allowed[None, None])


def write_at(cache, new, position):
    start = position.item()
    torch._check(start >= 0)
    torch._check(start + 2 <= cache.shape[1])
    filled = cache.clone()
    filled[:, start : start + 2] = new
    return filled


class Experts(nn.Module):
    """Tokens go to the best two of four networks; every network sees only its own tokens."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(8, 4, bias=False)
        self.up = nn.Parameter(torch.randn(4, 8, 12) * 0.3)
        self.down = nn.Parameter(torch.randn(4, 12, 8) * 0.3)

    def forward(self, x):
        flat = x.reshape(-1, 8)
        weights, chosen = self.gate(flat).softmax(-1).topk(2, -1)
        weights = weights / weights.sum(-1, keepdim=True)
        y = torch.zeros_like(flat)
        for expert in range(4):
            token, place = torch.where(chosen == expert)
            out = F.silu(flat[token] @ self.up[expert]) @ self.down[expert]
            y = y.index_add(0, token, out * weights[token, place, None])
        return y.view(x.shape), chosen


def small_integers(a, b):
    p = b.abs() + 1
    return [
        a + b,
        a * b,
        a - b,
        a // p,
        a % p,
        a & b,
        a | b,
        a ^ b,
        ~a,
        a.clamp(-5, 5),
        torch.where(a > b, a, b),
        a.sum(1),
        a.argmin(1),
        a == b,
        a.float() * 0.5,
        torch.cat([a, b], 1),
        a.sort(1).values,
        torch.gather(a, 1, p.long() % 4),
        a.flip(0),
        a.abs(),
    ]


def unsigned(a, b):
    return [a + b, a * b, a >> 2, a << 1, a & b, a | b, a ^ b, ~a, a // (b | 1), a > b, a.sum(), a.float()]


class Halved(nn.Module):
    def __init__(self, dtype):
        super().__init__()
        self.dtype = dtype
        conv, norm = nn.Conv2d(3, 6, 3, padding=1), nn.GroupNorm(2, 6)
        self.body = nn.Sequential(conv, norm, nn.SiLU(), nn.Conv2d(6, 4, 3, 2), nn.AdaptiveAvgPool2d(2))
        self.head = nn.Linear(16, 5)
        self.to(dtype)

    def forward(self, x):
        y = self.body(x.to(self.dtype)).flatten(1)
        return self.head(y).float(), F.layer_norm(y, [16]).float(), y.softmax(-1).float(), y.cumsum(1).float()


class Quarters(nn.Module):
    """Weights of four bits, two to a byte, with a scale for each group of eight."""

    def __init__(self):
        super().__init__()
        self.register_buffer("packed", torch.randint(0, 256, (6, 8), dtype=torch.uint8))
        self.register_buffer("scale", torch.rand(6, 2) * 0.1 + 0.05)

    def forward(self, x):
        low, high = self.packed & 15, self.packed >> 4
        whole_numbers = torch.stack([low, high], -1).flatten(1).to(torch.int8) - 8
        weight = whole_numbers.view(6, 2, 8) * self.scale[..., None]
        return F.linear(x, weight.view(6, 16))


class Bytes(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("weight", torch.randint(-128, 128, (6, 16), dtype=torch.int8))
        self.register_buffer("scale", torch.rand(6, 1) * 0.01)

    def forward(self, x):
        step = x.abs().amax(-1, keepdim=True) / 127
        q = torch.clamp(torch.round(x / step), -128, 127).to(torch.int8)
        return (q.int() @ self.weight.int().T).float() * step * self.scale.T


def more_boxes(x, b):
    o = torchvision.ops
    rois = torch.cat([torch.tensor([[0.0], [1.0], [0.0]]), b[:, :2], b[:, :2] + b[:, 2:] + 3], 1)
    corners = rois[:, 1:]
    return [
        o.box_convert(corners, "xyxy", "cxcywh"),
        o.generalized_box_iou(corners, corners),
        o.clip_boxes_to_image(corners, (8, 6)),
        o.box_area(corners),
        o.complete_box_iou(corners, corners),
        o.roi_align(x, rois, (3, 3), 1.0, 0),
        o.sigmoid_focal_loss(b, b.sigmoid()),
    ]


def empties(x):
    none = x[:0]
    return [
        none,
        none.sum(1),
        none @ x.mT[0],
        torch.cat([none, x]),
        none.reshape(0, 20),
        none.softmax(-1),
        x[x > 1e6],
        torch.nonzero(x > 1e6),
        none.sum(),
        torch.unique(x[x > 1e6]),
        none.transpose(1, 2),
    ]


def volumes(x, g):
    s = F.grid_sample
    return [
        s(x, g, align_corners=False),
        s(x, g, mode="nearest", align_corners=True),
        s(x, g, padding_mode="border", align_corners=True),
    ]


def pools_of_other_ranks(x):
    y = x.flatten(2)
    return [
        F.max_pool3d(x, 2, 1),
        F.avg_pool3d(x, 3, 2, 1),
        F.max_pool1d(y, 3, 2, 1),
        F.avg_pool1d(y, 4, 3),
        F.adaptive_avg_pool1d(y, 6),
    ]


def free_sizes(x):
    h, w = x.shape[2], x.shape[3]
    y = F.interpolate(x, size=(h // 2, w // 2), mode="bilinear")
    z = F.interpolate(y, size=(h, w), mode="bilinear", align_corners=True)
    tiles = F.pad(x, (0, (4 - w % 4) % 4, 0, (4 - h % 4) % 4))
    b, c, h2, w2 = tiles.shape
    windows = tiles.view(b, c, h2 // 4, 4, w2 // 4, 4).permute(0, 2, 4, 1, 3, 5).reshape(-1, c, 4, 4)
    steps = torch.linspace(-1, 1, h)
    return [z, windows, windows.mean((2, 3)), steps, F.interpolate(x, scale_factor=0.5, mode="bicubic")]


def views(x):
    b, n = x.shape[0], x.shape[1]
    return [
        x.view(b * n, -1),
        x.reshape(b, -1, 2),
        x.view(b, n, 2, -1).sum(2),
        torch.split(x, [1, 2, 3], 2)[1],
        torch.tensor_split(x, 4, 2)[1],
        x.repeat(1, n, 1)[:, :: n + 1],
        torch.arange(n).expand(b, n) + x[..., 0],
        torch.full((b, n), n * 2 + b),
        x[:, torch.arange(n - 1, -1, -1)],
        torch.stack(torch.meshgrid(torch.arange(b), torch.arange(n), indexing="ij"), -1),
        x.new_zeros(n, b + n),
        torch.cat([x, x[:, :1]], 1)[:, -n:],
        x.as_strided((2, 3), (1, 2)),
        x.swapaxes(0, 1).contiguous().view(-1),
        torch.block_diag(x[0, 0][None], x[0, 1][None]),
        torch.cartesian_prod(torch.arange(2), torch.arange(3)),
    ]


def mapped(x, w):
    return torch.func.vmap(lambda row: torch.tanh(row @ w) + row.sum())(x)


def distances(x):
    d = x[:, :, None] - x[:, None]
    return [
        torch.pdist(x[0]),
        (d**2).sum(-1),
        torch.cov(x[0]),
        torch.corrcoef(x[0]),
        torch.std_mean(x, 1)[0],
        x.renorm(2, 0, 1.0),
        torch.special.expit(x),
        torch.special.entr(x.abs()),
        torch.special.xlog1py(x, x.abs()),
        torch.trapezoid(x, dim=1),
        torch.gradient(x, dim=1)[0],
        torch.nanmean(x, 1),
        torch.bitwise_not(x > 0),
        torch.vander(x[0, 0], 3),
        torch.softmax(x, 1, dtype=torch.float64),
        torch.copysign(x, x.flip(0)),
        torch.ldexp(x, torch.tensor(2)),
        torch.sinc(x),
        torch.float_power(x.abs() + 0.1, 1.5),
        torch.dist(x, x.flip(0)),
    ]


def pooled_back(x):
    values, where = F.max_pool2d(x, 2, return_indices=True)
    return F.max_unpool2d(values, where, 2)


def own_operators(q, k, v, cos, sin, ids):
    turned = torch.onnx.ops.rotary_embedding(q, cos, sin, ids)
    return turned, torch.onnx.ops.attention(turned, k, v, is_causal=True)[0]


def symbols() -> list:
    """Dimensions with the user's names, bounds and relations."""
    Dim = torch.export.Dim

    def named():
        batch, length = Dim("batch", min=1, max=64), Dim("seq_len", min=2, max=512)
        return ({0: batch, 1: length}, {0: batch})

    def related():
        half = Dim("half", min=1, max=40)
        return ({1: 2 * half}, {1: half})

    return [
        of(
            "named_dims",
            lambda x, y: [x.cumsum(1) + y[:, None], x.softmax(1), x.flatten(), y @ x[:, 0].T],
            (real(2, 5, 4), real(2, 4)),
            (real(3, 9, 4), real(3, 4)),
            dynamic=lambda: (named(),),
        ),
        of(
            "related_dims",
            lambda x, y: [x[:, ::2] + y, torch.cat([x, y], 1), x.view(3, -1, 2)],
            (real(3, 8), real(3, 4)),
            (real(3, 14), real(3, 7)),
            dynamic=lambda: (related(),),
        ),
    ]


class Heavy(nn.Module):
    """2.2 GiB of weights, so that offsets need more than 31 bits."""

    def __init__(self):
        super().__init__()
        ramp = torch.arange(1152 * 1024, dtype=torch.float32).mul_(1e-3).sin_()
        self.table = nn.Parameter(ramp[:, None].expand(-1, 512).contiguous(), requires_grad=False)
        self.last = nn.Linear(512, 4)

    def forward(self, rows):
        return self.last(F.embedding(rows, self.table))


def settings() -> list:
    """The same network with what torch.onnx.export can be told."""

    def network():
        conv, norm = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6)
        return nn.Sequential(conv, norm, nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 3))

    runs = (real(2, 3, 9, 9),), (real(4, 3, 9, 9),)
    told = {
        "plain": {"optimize": False},
        "weights_as_inputs": {"keep_initializers_as_inputs": True},
        "names": {"input_names": ["a picture/of:3"], "output_names": ["scores.of-all"]},
        "inline": {"external_data": False},
    }
    found = [
        layer(f"settings_{name}", network, *runs, enlivened=True, settings=more)
        for name, more in told.items()
    ]
    return [*found, layer("heavy", Heavy, (lambda: torch.tensor([0, 7, 1152 * 1024 - 1]),), opsets=(20,))]


def attention() -> list:
    q, k = real(2, 4, 6, 8), real(2, 4, 9, 8)
    kept = lambda: torch.tensor([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]]).bool()  # noqa: E731
    # The first key is allowed everywhere: rows without any are another case's.
    mask = lambda: (torch.rand(2, 4, 6, 9) > 0.3) | (torch.arange(9) == 0)  # noqa: E731
    few = real(2, 2, 6, 8)
    ids = lambda: torch.arange(6).expand(2, 6).contiguous()  # noqa: E731
    angles = lambda f: lambda: f(
        torch.arange(16)[:, None] * torch.tensor([1.0, 0.5, 0.1, 0.01])
    )  # noqa: E731
    return [
        of("sdpa_every_mask", every_mask, (q, k, k, mask, real(2, 4, 6, 9)), opsets=(18, 23, 24, 25)),
        of("sdpa_padded_causal", padded_causal, (q, few, few, kept), opsets=(20, 23, 24, 25)),
        of("sdpa_five_axes", five_axes, (real(2, 2, 3, 5, 8),), opsets=(24,)),
        layer("cache", Cache, (real(2, 4, 12, 8), real(2, 4, 2, 8), lambda: torch.tensor([4, 5]))),
        of("write_at", write_at, (real(2, 9, 3), real(2, 2, 3), lambda: torch.tensor(4))),
        of(
            "own_operators",
            own_operators,
            (q, q, q, angles(torch.cos), angles(torch.sin), ids),
            opsets=(23, 24),
        ),
    ]


def numbers() -> list:
    byte = whole(-100, 100, 3, 4, dtype=torch.int8)
    short = whole(-3000, 3000, 3, 4, dtype=torch.int16)
    positive = whole(0, 200, 3, 4, dtype=torch.uint8)
    picture = (real(2, 3, 9, 9),)
    return [
        of("int8", small_integers, (byte, byte)),
        of("int16", small_integers, (short, short)),
        of("uint8", unsigned, (positive, positive)),
        of("int8_amax", lambda a: a.amax(1), (byte,)),
        of("int16_amax", lambda a: a.amax(1), (short,), fault="ReduceMax takes int16 in no opset"),
        layer("half_network", lambda: Halved(torch.float16), picture, limit=5e-3),
        layer("brain_network", lambda: Halved(torch.bfloat16), picture, limit=4e-2),
        layer("double_network", lambda: Halved(torch.float64), picture),
        layer("four_bits", Quarters, (real(3, 16),)),
        layer("eight_bits", Bytes, (real(3, 16),)),
    ]


def control() -> list:
    return [
        of("loop_never", never, (real(3, 4),)),
        layer("loop_captures", Steps, (real(3, 4),), (real(5, 4),)),
        of("branch_in_loop", branch_in_loop, (real(3, 4),), opsets=(18, 25)),
        of("state_space", state_space, (real(7, 2, 3), real(3, 4), real(7, 2, 4), real(7, 2, 4))),
        layer("experts", Experts, (real(2, 5, 8),), (real(3, 7, 8),), enlivened=True),
        of("vmap", mapped, (real(3, 4), real(4, 5))),
    ]


def cases() -> list:
    grid = lambda: torch.rand(2, 3, 4, 5, 3) * 2.2 - 1.1  # noqa: E731
    return [
        *symbols(),
        *settings(),
        *attention(),
        *numbers(),
        *control(),
        of(
            "einsums",
            einsums,
            (real(2, 3, 4, 5), real(2, 3, 4, 5), real(5)),
            (real(3, 3, 6, 5), real(3, 3, 6, 5), real(5)),
        ),
        of("fourier_sizes", fourier_sizes, (real(2, 5, 16),)),
        of("fourier_padded", lambda x: torch.fft.irfft(torch.fft.rfft(x), n=20), (real(2, 5, 16),)),
        of("hfft", lambda x: torch.fft.hfft(torch.complex(x, x * 0.5)), (real(2, 5, 16),)),
        of("more_boxes", more_boxes, (real(2, 3, 10, 12), lambda: torch.rand(3, 4) * 5)),
        of("empties", empties, (real(3, 4, 5),)),
        of(
            "batch_of_none",
            lambda x: [x.softmax(1), x.sum(2), x @ x.mT, x.mean(1), x.cumsum(1)],
            (real(2, 3, 4),),
            (real(3, 3, 4),),
            (real(0, 3, 4),),
        ),
        of("grids_3d", volumes, (real(2, 3, 4, 5, 6), grid), opsets=(20, 23)),
        of("pools_1d_3d", pools_of_other_ranks, (real(2, 3, 6, 6, 6),)),
        of("adaptive_3d", lambda x: F.adaptive_avg_pool3d(x, (2, 1, 3)), (real(2, 3, 6, 6, 6),)),
        of("max_unpool", pooled_back, (real(2, 3, 6, 8),)),
        of("free_sizes", free_sizes, (real(1, 3, 10, 13),), (real(2, 3, 12, 18),)),
        of("views", views, (real(2, 3, 6),), (real(4, 5, 6),)),
        of("distances", distances, (real(2, 3, 5),)),
        of(
            "scatter_mean",
            lambda x, i, s: x.scatter_reduce(1, i, s, "mean"),
            (real(4, 8), whole(0, 8, 4, 5), real(4, 5)),
            fault="ScatterElements has no mean; the exporter writes it as an addition",
        ),
        of("selected", lambda x, m: x[m].sum(1), (real(5, 4), flags(5)), (real(7, 4), flags(7))),
    ]
