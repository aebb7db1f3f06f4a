"""Image colourisation with a query decoder: the published DDColor structure, for tests and the demo model.

    gray RGB 0..1 (N,3,H,W) --(x - mean)/std--> ConvNeXt encoder --> maps at strides 4, 8, 16, 32
    pixel decoder: 3 x [1x1 conv to 4n, norm, ReLU, pixel shuffle 2, blur | skip norm | 3x3 conv, ReLU, norm]
    full-size features: 1x1 conv to 16d, ReLU, pixel shuffle 4, blur
    colour decoder: learned queries attend to a decoder map (three in turn), to each other; then feed-forward
    maps = einsum(bqc, bchw -> bqhw); ab = 1x1 conv of [maps | normalised input]        (N,2,H,W), Lab units

H and W are multiples of 32. `Shape` holds every width: one file builds the full-size "tiny" network and small
ones.
"""

import math
from dataclasses import dataclass
from typing import Sequence, Tuple

import torch
from torch import nn
from torch.nn import functional as F

from case import Case, uniform


@dataclass
class Shape:
    depths: Tuple[int, ...] = (3, 3, 9, 3)
    dims: Tuple[int, ...] = (96, 192, 384, 768)
    decoder: Tuple[int, ...] = (512, 512, 256)
    hidden: int = 256
    queries: int = 100
    heads: int = 8
    layers: int = 9
    feed_forward: int = 2048


class ChannelNorm(nn.Module):
    """Layer norm over the channel axis of an NCHW map, spelled out as mean, variance and scale."""

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        centred = x - x.mean(1, keepdim=True)
        variance = centred.pow(2).mean(1, keepdim=True)
        x = centred / torch.sqrt(variance + 1e-6)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class ConvNextBlock(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.depthwise = nn.Conv2d(dim, dim, 7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.expand = nn.Linear(dim, 4 * dim)
        self.reduce = nn.Linear(4 * dim, dim)
        self.gamma = nn.Parameter(torch.full((dim,), 0.2))

    def forward(self, x):
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.gamma * self.reduce(F.gelu(self.expand(y)))
        return x + y.permute(0, 3, 1, 2)


class Encoder(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        dims = shape.dims
        self.down = nn.ModuleList([nn.Sequential(nn.Conv2d(3, dims[0], 4, 4), ChannelNorm(dims[0]))])
        for narrow, wide in zip(dims, dims[1:]):
            self.down.append(nn.Sequential(ChannelNorm(narrow), nn.Conv2d(narrow, wide, 2, 2)))
        self.stages = nn.ModuleList(
            nn.Sequential(*[ConvNextBlock(dim) for _ in range(depth)])
            for dim, depth in zip(dims, shape.depths)
        )
        self.norms = nn.ModuleList(ChannelNorm(dim) for dim in dims)

    def forward(self, x):
        maps = []
        for down, stage, norm in zip(self.down, self.stages, self.norms):
            x = stage(down(x))
            maps.append(norm(x))
        return maps


class ShuffleUp(nn.Module):
    """1x1 convolution to factor^2 * width channels, pixel shuffle, 2x2 blur against its checkerboard."""

    def __init__(self, width_in: int, width_out: int, factor: int, norm: bool):
        super().__init__()
        self.conv = nn.Conv2d(width_in, width_out * factor * factor, 1)
        self.norm = nn.BatchNorm2d(width_out * factor * factor) if norm else nn.Identity()
        self.shuffle = nn.PixelShuffle(factor)
        self.pad = nn.ReplicationPad2d((1, 0, 1, 0))
        self.blur = nn.AvgPool2d(2, stride=1)

    def forward(self, x):
        return self.blur(self.pad(self.shuffle(F.relu(self.norm(self.conv(x))))))


class DecoderBlock(nn.Module):
    def __init__(self, width_in: int, skip: int, width_out: int):
        super().__init__()
        self.up = ShuffleUp(width_in, width_out, 2, norm=True)
        self.skip_norm = nn.BatchNorm2d(skip)
        self.conv = nn.Conv2d(width_out + skip, width_out, 3, padding=1)
        self.norm = nn.BatchNorm2d(width_out)

    def forward(self, x, skip):
        x = F.relu(torch.cat([self.up(x), self.skip_norm(skip)], 1))
        return self.norm(F.relu(self.conv(x)))


def sine_position(x, features: int):
    """(N, 2 * features, H, W): sine and cosine of the normalised row and column, wavelengths up to 10000."""
    free = ~torch.zeros((x.shape[0], x.shape[2], x.shape[3]), dtype=torch.bool, device=x.device)
    rows = free.cumsum(1, dtype=torch.float32)
    columns = free.cumsum(2, dtype=torch.float32)
    rows = rows / (rows[:, -1:, :] + 1e-6) * (2 * math.pi)
    columns = columns / (columns[:, :, -1:] + 1e-6) * (2 * math.pi)
    step = torch.arange(features, dtype=torch.float32, device=x.device)
    wavelength = 10000.0 ** (2 * torch.div(step, 2, rounding_mode="floor") / features)
    parts = []
    for axis in (rows, columns):
        angle = axis[:, :, :, None] / wavelength
        parts.append(torch.stack((angle[..., 0::2].sin(), angle[..., 1::2].cos()), dim=4).flatten(3))
    return torch.cat(parts, dim=3).permute(0, 3, 1, 2)


class QueryLayer(nn.Module):
    """Cross-attention, self-attention and feed-forward, each with a residual and a norm after it."""

    def __init__(self, shape: Shape):
        super().__init__()
        d = shape.hidden
        self.cross = nn.MultiheadAttention(d, shape.heads)
        self.mutual = nn.MultiheadAttention(d, shape.heads)
        self.widen = nn.Linear(d, shape.feed_forward)
        self.narrow = nn.Linear(shape.feed_forward, d)
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in range(3))

    def forward(self, queries, query_position, memory, memory_position):
        attended = self.cross(queries + query_position, memory + memory_position, memory)[0]
        queries = self.norms[0](queries + attended)
        keys = queries + query_position
        queries = self.norms[1](queries + self.mutual(keys, keys, queries)[0])
        return self.norms[2](queries + self.narrow(F.relu(self.widen(queries))))


class ColourDecoder(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        d = shape.hidden
        self.features = nn.Embedding(shape.queries, d)
        self.positions = nn.Embedding(shape.queries, d)
        self.levels = nn.Embedding(3, d)
        self.project = nn.ModuleList(nn.Conv2d(width, d, 1) for width in shape.decoder)
        self.layers = nn.ModuleList(QueryLayer(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(d)
        self.embed = nn.Sequential(nn.Linear(d, d), nn.ReLU(), nn.Linear(d, d), nn.ReLU(), nn.Linear(d, d))
        self.half = d // 2

    def forward(self, scales, image_features):
        memory, position = [], []
        for index, (project, scale) in enumerate(zip(self.project, scales)):
            position.append(sine_position(scale, self.half).flatten(2).permute(2, 0, 1))
            flat = project(scale).flatten(2) + self.levels.weight[index][None, :, None]
            memory.append(flat.permute(2, 0, 1))
        batch = scales[0].shape[0]
        query_position = self.positions.weight.unsqueeze(1).repeat(1, batch, 1)
        queries = self.features.weight.unsqueeze(1).repeat(1, batch, 1)
        for index, layer in enumerate(self.layers):
            queries = layer(queries, query_position, memory[index % 3], position[index % 3])
        colours = self.embed(self.norm(queries).transpose(0, 1))
        return torch.einsum("bqc,bchw->bqhw", colours, image_features)


class DDColor(nn.Module):
    def __init__(self, shape: Shape, output_scale: float = 1.0):
        super().__init__()
        dims, width = shape.dims, shape.decoder
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
        self.encoder = Encoder(shape)
        self.blocks = nn.ModuleList(
            [
                DecoderBlock(dims[3], dims[2], width[0]),
                DecoderBlock(width[0], dims[1], width[1]),
                DecoderBlock(width[1], dims[0], width[2]),
            ]
        )
        self.last = ShuffleUp(width[2], shape.hidden, 4, norm=False)
        self.colour = ColourDecoder(shape)
        self.refine = nn.Conv2d(shape.queries + 3, 2, 1)
        with torch.no_grad():
            self.refine.weight.mul_(output_scale)
            self.refine.bias.mul_(output_scale)

    def forward(self, x):
        x = (x - self.mean) / self.std
        skips = self.encoder(x)
        scales: Sequence[torch.Tensor] = []
        y = skips[3]
        for block, skip in zip(self.blocks, skips[2::-1]):
            y = block(y, skip)
            scales = [*scales, y]
        maps = self.colour(scales, self.last(y))
        return self.refine(torch.cat([maps, x], 1))


def small_shape() -> Shape:
    return Shape(
        depths=(1, 1, 2, 1),
        dims=(24, 48, 96, 128),
        decoder=(96, 96, 64),
        hidden=64,
        queries=32,
        heads=4,
        layers=6,
        feed_forward=128,
    )


def dynamic(axes) -> dict:
    return {"input": axes, "output": axes}


def cases():
    sizes = [(1, 3, 128, 128), (1, 3, 96, 160)]
    runs = [{"input": uniform(*size)} for size in sizes]
    return [
        Case(
            "ddcolor_small",
            lambda: DDColor(small_shape()),
            runs,
            dynamic_axes=dynamic({2: "height", 3: "width"}),
        ),
        Case("ddcolor_small_static_opset12", lambda: DDColor(small_shape()), runs[:1], opset=12),
        Case(
            "ddcolor_tiny",
            lambda: DDColor(Shape()),
            [{"input": uniform(1, 3, 64, 64)}, {"input": uniform(1, 3, 64, 96)}],
            dynamic_axes=dynamic({2: "height", 3: "width"}),
        ),
    ]
