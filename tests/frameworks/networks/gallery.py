"""What PyTorch's exporter makes of the functions that no one network has all of, in rows by kind: a module a kind,
one output a function. Left out: what the exporter of PyTorch 1.13 refuses, and what it gets wrong (floor division
of floats, circular borders, repeat_interleave). Opsets of each kind are those at which the exporter changes what it writes.
"""

import torch
from torch import nn
from torch.nn import functional as f

from case import Case, dynamic, normal, picture, uniform, whole


class Activations(nn.Module):
    def __init__(self):
        super().__init__()
        self.prelu = nn.PReLU(4, init=0.3)

    def forward(self, x):
        return (
            f.elu(x, 0.7),
            f.selu(x),
            f.gelu(x),
            f.silu(x),
            f.mish(x),
            f.hardtanh(x, -0.5, 0.8),
            f.hardswish(x),
            f.hardsigmoid(x),
            f.softplus(x, 2.0),
            f.softsign(x),
            f.tanhshrink(x),
            f.softshrink(x, 0.3),
            f.hardshrink(x, 0.4),
            f.logsigmoid(x),
            f.leaky_relu(x, 0.2),
            f.relu6(4 * x),
            f.threshold(x, 0.0, 0.0),
            self.prelu(x),
            f.glu(x, 1),
            f.softmin(x, 1),
            f.softmax(x, 2),
            f.log_softmax(x, 0),
            f.rrelu(x),
        )


class Pools(nn.Module):
    def forward(self, x):
        y, index = f.max_pool2d(x, 2, 2, return_indices=True)
        return (
            f.max_pool2d(x, 3, 2, 1, ceil_mode=True),
            f.max_pool2d(x, 2, 1, dilation=2),
            f.avg_pool2d(x, 3, 2, 1),
            f.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
            f.avg_pool2d(x, (2, 3), ceil_mode=True),
            f.adaptive_avg_pool2d(x, 1),
            f.adaptive_max_pool2d(x, 1),
            f.adaptive_avg_pool2d(x, (2, 3)),
            f.max_pool1d(x.flatten(2), 4, 3),
            f.avg_pool1d(x.flatten(2), 5, 2, 2),
            f.lp_pool2d(x.abs(), 2, 2),
            y,
            f.max_pool3d(x.unsqueeze(1), 2),
            f.avg_pool3d(x.unsqueeze(1), (1, 2, 2)),
            f.local_response_norm(x, 3, 0.1, 0.7, 1.1),
            f.unfold(x, 3, padding=1, stride=2),
            f.pixel_unshuffle(x, 2),
            f.pixel_shuffle(x, 2),
        )


class Borders(nn.Module):
    def __init__(self):
        super().__init__()
        self.replicate = nn.Conv1d(4, 3, 3, padding=2, padding_mode="replicate")
        self.grouped = nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, groups=2, dilation=2)
        self.depth = nn.ConvTranspose1d(4, 4, 4, 3, 1, groups=4)

    def forward(self, x):
        return (
            f.pad(x, (1, 2, 2, 1)),
            f.pad(x, (1, 1), value=0.7),
            f.pad(x, (2, 1, 1, 2), "reflect"),
            f.pad(x, (2, 1, 1, 2), "replicate"),
            f.pad(x, (-1, 1, 0, -2)),
            self.replicate(x.flatten(2)),
            self.grouped(x),
            self.depth(x.mean(3)),
        )


class Resizes(nn.Module):
    def forward(self, x):
        line, solid = x.flatten(2), x.unsqueeze(2).repeat(1, 1, 3, 1, 1)
        return (
            f.interpolate(x, scale_factor=2, mode="nearest"),
            f.interpolate(x, size=(7, 5), mode="nearest"),
            f.interpolate(x, scale_factor=(1.5, 0.6), mode="bilinear", align_corners=False),
            f.interpolate(x, size=(9, 4), mode="bilinear", align_corners=True),
            f.interpolate(x, scale_factor=1.7, mode="bicubic", align_corners=False),
            f.interpolate(x, size=(11, 3), mode="bicubic", align_corners=True),
            f.interpolate(line, scale_factor=0.5, mode="linear", align_corners=False),
            f.interpolate(solid, scale_factor=2, mode="trilinear", align_corners=False),
            f.interpolate(solid, size=(2, 5, 7), mode="nearest"),
            f.interpolate(
                x, scale_factor=0.5, mode="bilinear", align_corners=False, recompute_scale_factor=True
            ),
        )


class Sums(nn.Module):
    def forward(self, x):
        return (
            x.sum(1),
            x.mean((0, 2), keepdim=True),
            x.prod(3),
            x.amax(1),
            x.amin((2, 3)),
            x.std(2),
            x.var((1, 2), unbiased=False),
            x.norm(p=1, dim=1),
            torch.linalg.norm(x, dim=-1),
            x.logsumexp(2),
            x.max(2)[0],
            x.max(2)[1],
            x.min(3)[1],
            x.argmax(),
            x.argmin(1, keepdim=True),
            x.cumsum(-1),
            torch.log_softmax(x.flatten(1), 1).exp().sum(1),
            (x > 0).any(1),
            (x > -3).all(2),
            (x > 0).sum(3),
            x.std(),
            torch.var_mean(x, 1)[1],
            torch.cdist(x[0], x[1]),
            f.cosine_similarity(x[0], x[1], -1),
            f.pairwise_distance(x[0], x[1]),
            f.normalize(x, dim=1),
            (x != 0).long().sum(2),
        )


class Shapes(nn.Module):
    def forward(self, x):
        n, c, h, w = x.shape
        return (
            x.flip(2),
            x.flip([1, 3]),
            x.roll(1, 2),
            x.roll((1, -2), (2, 3)),
            x.transpose(1, 3),
            x.permute(2, 0, 3, 1),
            x.reshape(n, -1),
            x.view(n * c, h, w),
            x.unsqueeze(1).squeeze(1),
            x[:, 1:3, ::2],
            x[..., -3:],
            x[:, -1],
            x[None, :, 0, 1:],
            x.narrow(2, 1, 2),
            x.select(1, 2),
            torch.stack([x, -x], 2),
            torch.cat([x, x[:, :1]], 1),
            x.repeat(1, 2, 1, 3),
            x[:, :1].expand(n, 5, h, w),
            x.expand_as(x),
            torch.chunk(x, 3, 3)[1],
            torch.split(x, [1, 3], 1)[1],
            x.unbind(1)[2],
            x.tril(1),
            x.triu(),
            x.diagonal(0, 2, 3),
            x.swapaxes(0, 1),
            x.movedim(1, 3),
            x.flatten(1, 2),
            torch.zeros_like(x[0]) + x.new_ones(w),
            torch.full((h, w), 0.5) + x,
            torch.arange(h).float() + x[0, 0, 0, 0],
            torch.linspace(0, 1, 5) + x.mean(),
            torch.eye(3) * x.sum(),
            x.numel() * x.mean(),
        )


class Indexing(nn.Module):
    def forward(self, x, index):
        y = x * 1.0
        y[:, 1] = 0.5
        z = x * 1.0
        z[index] = -1.0
        mask = x > 0.3
        return (
            x[index],
            x.transpose(0, 1)[:, index],
            x[index, :, 1],
            torch.index_select(x, 0, index),
            torch.gather(x, 0, index.view(-1, 1, 1).expand(-1, x.shape[1], 3)),
            x.masked_fill(mask, -2.0),
            torch.where(mask, x, x * 2),
            x.masked_select(mask),
            torch.nonzero(mask),
            y,
            z,
            torch.scatter(x, 0, index.view(-1, 1, 1).expand(-1, 2, 2), 3.0),
            torch.topk(x, 2, 0)[0],
            torch.topk(x, 3, 2, largest=False)[1],
            torch.sort(x, 1)[0],
            torch.sort(x, 2, descending=True)[1],
            torch.argsort(x, 0),
            f.one_hot(index, 9),
            f.embedding(index, x[:, 0]),
            torch.unique(index),
            torch.take(x, index),
            x.index_fill(0, index, 1.0),
            x[1:, :, None].mean(0),
            torch.meshgrid(index, index, indexing="ij")[0],
            torch.index_put(x, (index,), x[index] * 0.0 + 4.0),
        )


class Numbers(nn.Module):
    def forward(self, x, y, whole):
        return (
            x + 2 * y,
            torch.add(x, y, alpha=3),
            torch.sub(x, y, alpha=2),
            1 - x,
            2 / (y + 3),
            torch.floor_divide(whole, 3),
            torch.remainder(x, 0.7),
            torch.fmod(x, 0.7),
            whole % 3,
            torch.true_divide(whole, 2),
            torch.div(x, y + 3, rounding_mode="trunc"),
            x.abs().pow(1.5),
            2.0**x,
            x**2,
            x.exp(),
            x.abs().log1p(),
            x.sigmoid().log(),
            (x.abs() + 1).log2(),
            (x.abs() + 1).log10(),
            x.abs().sqrt(),
            (x.abs() + 1).rsqrt(),
            x.reciprocal().clamp(-9, 9),
            x.sign(),
            x.ceil(),
            x.floor(),
            (x * 3).round(),
            x.sin(),
            x.cos(),
            x.tan().clamp(-9, 9),
            x.tanh(),
            x.atan(),
            x.tanh().asin(),
            x.tanh().acos(),
            x.erf(),
            torch.lerp(x, y, 0.3),
            torch.addcmul(x, x, y, value=0.5),
            torch.maximum(x, y),
            torch.minimum(x, y),
            x.clamp(min=-0.5),
            x.clamp(max=y.max()),
            x.square(),
            (x > y) & (x > 0),
            (x > 0) | (y > 0),
            ~(x > 0),
            (x > 0) ^ (y > 0),
            x == y,
            x != y,
            x <= 0,
            torch.isnan(x),
            torch.isinf(x),
            torch.isfinite(x),
            whole << 2,
            whole >> 1,
            x.long(),
            whole.float() + x[0, 0],
            (x > 0).int(),
            torch.bmm(x[None], y[None].transpose(1, 2)),
            torch.outer(x[0], y[1]),
            torch.dot(x[0], y[0]),
            torch.mv(x, y[0]),
            torch.baddbmm(x[None], x[None, :, :1], y[None, :1]),
            torch.cross(x[:, :3], y[:, :3], dim=1),
            torch.det((x @ x.t())[:2, :2]),
            torch.celu(x),
            torch.square(whole),
            -whole,
            whole.abs(),
        )


KINDS = {
    "activations": (
        Activations,
        [{"x": normal(2, 4, 5, 3)}, {"x": normal(3, 4, 2, 6)}],
        dict(x="batch 4 height width"),
        (9, 14, 17),
    ),
    "pools": (Pools, [{"x": picture(2, 4, 8, 12)}], {}, (11, 16)),
    "borders": (
        Borders,
        [{"x": picture(1, 4, 8, 7)}, {"x": picture(2, 4, 9, 10)}],
        dict(x="batch 4 height width"),
        (11, 17),
    ),
    "resizes": (
        Resizes,
        [{"x": picture(1, 2, 6, 8)}, {"x": picture(2, 2, 5, 9)}],
        dict(x="batch 2 height width"),
        (11, 13, 16),
    ),
    "sums": (
        Sums,
        [{"x": normal(2, 3, 4, 5)}, {"x": normal(2, 4, 2, 6)}],
        dict(x="2 channels height width"),
        (11, 13, 17),
    ),
    "shapes": (
        Shapes,
        [{"x": normal(2, 4, 5, 7)}, {"x": normal(3, 4, 6, 9)}],
        dict(x="batch 4 height width"),
        (14, 17),
    ),
    "indexing": (
        Indexing,
        [
            {"x": normal(6, 4, 5), "index": lambda g: torch.tensor([3, 0, 5, 1])},
            {"x": normal(8, 4, 5), "index": lambda g: torch.tensor([7, 2])},
        ],
        dict(x="rows 4 5", index="chosen"),
        (11, 16),
    ),
    "numbers": (
        Numbers,
        [
            {"x": normal(3, 5), "y": uniform(3, 5), "whole": whole(9, 5)},
            {"x": normal(4, 5), "y": uniform(4, 5), "whole": whole(9, 5)},
        ],
        dict(x="rows 5", y="rows 5"),
        (12, 14, 17),
    ),
}


def case(kind: str, opset: int, count: int) -> Case:
    build, runs, axes, _ = KINDS[kind]
    return Case(
        f"functions_{kind}_opset{opset}",
        build,
        runs,
        outputs=[f"y{index}" for index in range(count)],
        dynamic_axes=dynamic(**axes),
        opset=opset,
        disturbed=False,
        spread=False,
    )


def count_of(kind: str) -> int:
    build, runs, _, _ = KINDS[kind]
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        return len(build().eval()(*[make(generator) for make in runs[0].values()]))


def cases():
    return [
        case(kind, opset, count_of(kind)) for kind, (_, _, _, opsets) in KINDS.items() for opset in opsets
    ]
