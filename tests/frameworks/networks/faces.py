"""Networks that find, recognise, swap and restore faces, built as the well-known ones are.

face_detector    three maps, shared head of score, box and five points a place (SCRFD): opset 11
face_embedding   improved residual units with PReLU and batch norm, a flattened linear layer, a unit vector (ArcFace)
face_swapper     identity vector into residual blocks by adaptive instance norm, reflected borders (inswapper)
face_restorer    an encoder that gives a style vector and spatial features to a StyleGAN2 decoder: modulated and
                 demodulated convolutions whose weights are computed in the graph, one group an image, stored noise,
                 blurred up-sampling, skip connections to RGB (GFPGAN)
"""

import math

import torch
from torch import nn
from torch.nn import functional

from case import Case, dynamic, image_runs, normal, picture


def step(a: int, b: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(a, b, 3, stride, 1, groups=groups, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True)
    )


class FaceDetector(nn.Module):
    """Nine outputs: scores, boxes and points at strides 8, 16 and 32, one row a place and anchor."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(step(3, 16, 2), step(16, 16, 1, 16), step(16, 24, 2))
        self.stages = nn.ModuleList(
            nn.Sequential(step(a, b, 2), step(b, b)) for a, b in ((24, 40), (40, 64), (64, 80))
        )
        self.lateral = nn.ModuleList(nn.Conv2d(width, 24, 1) for width in (40, 64, 80))
        self.smooth = nn.ModuleList(nn.Conv2d(24, 24, 3, padding=1) for _ in range(3))
        self.tower = nn.Sequential(
            *[m for _ in range(2) for m in (nn.Conv2d(24, 24, 3, padding=1), nn.GroupNorm(4, 24), nn.ReLU())]
        )
        self.heads = nn.ModuleList(nn.Conv2d(24, 2 * width, 3, padding=1) for width in (1, 4, 10))
        self.scales = nn.Parameter(torch.tensor([0.8, 1.1, 1.3]))

    def forward(self, image):
        x, maps = self.stem(image), []
        for stage, lateral in zip(self.stages, self.lateral):
            x = stage(x)
            maps.append(lateral(x))
        for level in (1, 0):
            maps[level] = maps[level] + functional.interpolate(
                maps[level + 1], size=maps[level].shape[2:], mode="nearest"
            )
        found = []
        for width, head in zip((1, 4, 10), self.heads):
            for level, smooth in enumerate(self.smooth):
                raw = head(self.tower(smooth(maps[level])))
                raw = raw.sigmoid() if width == 1 else raw * self.scales[level]
                found.append(raw.permute(2, 3, 0, 1).reshape(-1, width))
        return tuple(found)


class Unit(nn.Module):
    """Batch norm, convolution, batch norm, PReLU, convolution, batch norm, beside a shortcut."""

    def __init__(self, a: int, b: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(a),
            nn.Conv2d(a, b, 3, 1, 1, bias=False),
            nn.BatchNorm2d(b),
            nn.PReLU(b),
            nn.Conv2d(b, b, 3, stride, 1, bias=False),
            nn.BatchNorm2d(b),
        )
        plain = a == b and stride == 1
        self.shortcut = (
            nn.Identity()
            if plain
            else nn.Sequential(nn.Conv2d(a, b, 1, stride, bias=False), nn.BatchNorm2d(b))
        )

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


class FaceEmbedding(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.PReLU(16))
        self.units = nn.Sequential(
            Unit(16, 16, 2), Unit(16, 32, 2), Unit(32, 32, 1), Unit(32, 48, 2), Unit(48, 64, 2)
        )
        self.last = nn.Sequential(
            nn.BatchNorm2d(64), nn.Dropout(0.4), nn.Flatten(), nn.Linear(64 * 7 * 7, 128)
        )
        self.norm = nn.BatchNorm1d(128)
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, nn.PReLU):
                    module.weight.uniform_(-0.1, 0.6)

    def forward(self, image):
        x = self.norm(self.last(self.units(self.stem(image))))
        return functional.normalize(x, dim=1)


class AdaptiveNorm(nn.Module):
    """(x - mean) / sigma of each map, times a scale and plus a shift that an identity gives."""

    def __init__(self, width: int, identity: int):
        super().__init__()
        self.style = nn.Linear(identity, 2 * width)

    def forward(self, x, identity):
        x = x - x.mean((2, 3), keepdim=True)
        x = x * torch.rsqrt((x * x).mean((2, 3), keepdim=True) + 1e-8)
        scale, shift = self.style(identity).unsqueeze(2).unsqueeze(3).chunk(2, 1)
        return x * scale + shift


class SwapBlock(nn.Module):
    def __init__(self, width: int, identity: int):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3) for _ in range(2))
        self.norms = nn.ModuleList(AdaptiveNorm(width, identity) for _ in range(2))

    def forward(self, x, identity):
        y = torch.relu(self.norms[0](self.convs[0](functional.pad(x, (1, 1, 1, 1), "reflect")), identity))
        return x + self.norms[1](self.convs[1](functional.pad(y, (1, 1, 1, 1), "reflect")), identity)


class FaceSwapper(nn.Module):
    def __init__(self, identity: int = 64):
        super().__init__()
        self.first = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(3, 16, 7), nn.InstanceNorm2d(16, affine=True), nn.LeakyReLU(0.2)
        )
        self.down = nn.Sequential(
            nn.Conv2d(16, 32, 3, 2, 1),
            nn.BatchNorm2d(32),
            nn.LeakyReLU(0.2),
            nn.Conv2d(32, 48, 3, 2, 1),
            nn.BatchNorm2d(48),
            nn.LeakyReLU(0.2),
        )
        self.blocks = nn.ModuleList(SwapBlock(48, identity) for _ in range(4))
        self.up = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="bilinear"),
            nn.Conv2d(48, 32, 3, 1, 1),
            nn.BatchNorm2d(32),
            nn.LeakyReLU(0.2),
            nn.Upsample(scale_factor=2, mode="bilinear"),
            nn.Conv2d(32, 16, 3, 1, 1),
            nn.BatchNorm2d(16),
            nn.LeakyReLU(0.2),
        )
        self.last = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(16, 3, 7))

    def forward(self, target, source):
        x = self.down(self.first(target))
        for block in self.blocks:
            x = block(x, source)
        return (torch.tanh(self.last(self.up(x))) + 1) / 2


class Modulated(nn.Module):
    """Convolution of image n by weights w s_n / ||w s_n||: all images at once as groups, or, for a batch of any
    size, with the style on the way in and the norm on the way out, which is the same."""

    grouped = True

    def __init__(self, a: int, b: int, style: int, kernel: int = 3, demodulate: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, b, a, kernel, kernel) / math.sqrt(a * kernel**2))
        self.style = nn.Linear(style, a)
        nn.init.ones_(self.style.bias)
        self.demodulate, self.shape = demodulate, (b, a, kernel)

    def forward(self, x, style):
        b, a, kernel = self.shape
        if not self.grouped:
            style = self.style(style)
            y = functional.conv2d(x * style[:, :, None, None], self.weight[0], padding=kernel // 2)
            if self.demodulate:
                squares = functional.linear(style**2, self.weight[0].pow(2).sum([2, 3]))
                y = y * torch.rsqrt(squares + 1e-8)[:, :, None, None]
            return y
        batch, width, height, length = (int(size) for size in x.shape)
        weight = self.weight * self.style(style).view(batch, 1, a, 1, 1)
        if self.demodulate:
            weight = weight * torch.rsqrt(weight.pow(2).sum([2, 3, 4]) + 1e-8).view(batch, b, 1, 1, 1)
        weight = weight.view(batch * b, a, kernel, kernel)
        y = functional.conv2d(
            x.reshape(1, batch * width, height, length), weight, padding=kernel // 2, groups=batch
        )
        return y.view(batch, b, height, length)


class StyledLayer(nn.Module):
    def __init__(self, a: int, b: int, style: int, size: int, up: bool):
        super().__init__()
        self.conv, self.up = Modulated(a, b, style), up
        self.register_buffer("noise", torch.randn(1, 1, size, size))
        self.strength = nn.Parameter(torch.tensor([0.3]))
        self.bias = nn.Parameter(torch.randn(1, b, 1, 1) * 0.1)
        blur = torch.tensor([1.0, 3.0, 3.0, 1.0])
        self.register_buffer("blur", (blur[None] * blur[:, None] / 64)[None, None])

    def forward(self, x, style):
        if self.up:
            x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            width = int(x.shape[1])
            x = functional.conv2d(
                functional.pad(x, (2, 1, 2, 1)), self.blur.repeat(width, 1, 1, 1), groups=width
            )
        y = self.conv(x, style) * 2**0.5 + self.noise * self.strength + self.bias
        return functional.leaky_relu(y, 0.2)


class ToRgb(nn.Module):
    def __init__(self, width: int, style: int):
        super().__init__()
        self.conv = Modulated(width, 3, style, 1, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(self, x, style, below=None):
        y = self.conv(x, style) + self.bias
        return (
            y
            if below is None
            else y + functional.interpolate(below, scale_factor=2, mode="bilinear", align_corners=False)
        )


class FaceRestorer(nn.Module):
    def __init__(self, styles: int = 48, widths=(48, 32, 24, 16)):
        super().__init__()
        sizes = [8 * 2**level for level in range(len(widths))]
        self.first = nn.Conv2d(3, widths[-1], 1)
        rising = widths[::-1]
        down = zip((widths[-1], *rising), rising)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in down)
        self.style = nn.Linear(widths[0] * 16, 2 * len(widths) * styles)
        self.conditions = nn.ModuleList(
            nn.ModuleList(
                nn.Sequential(
                    nn.Conv2d(w, w, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(w, w // 2, 3, padding=1)
                )
                for _ in range(2)
            )
            for w in widths
        )
        self.constant = nn.Parameter(torch.randn(1, widths[0], 8, 8))
        before = (widths[0], *widths)
        self.rise = nn.ModuleList(
            StyledLayer(before[i], w, styles, sizes[i], i > 0) for i, w in enumerate(widths)
        )
        self.flat = nn.ModuleList(StyledLayer(w, w, styles, sizes[i], False) for i, w in enumerate(widths))
        self.rgb = nn.ModuleList(ToRgb(w, styles) for w in widths)
        self.shape = (2 * len(widths), styles)

    def forward(self, image):
        x, kept = functional.leaky_relu(self.first(image), 0.2), []
        for conv in self.down:
            kept.insert(0, functional.leaky_relu(conv(x), 0.2))
            x = functional.interpolate(kept[0], scale_factor=0.5, mode="bilinear", align_corners=False)
        styles = self.style(x.reshape(x.shape[0], -1)).view(x.shape[0], *self.shape)
        y, rgb = self.constant.repeat(image.shape[0], 1, 1, 1), None
        for level, (rise, flat, to_rgb, pair) in enumerate(
            zip(self.rise, self.flat, self.rgb, self.conditions)
        ):
            y = rise(y, styles[:, 2 * level])
            scale, shift = pair[0](kept[level]), pair[1](kept[level])
            same, moved = torch.split(y, y.shape[1] // 2, 1)
            y = flat(torch.cat([same, moved * scale + shift], 1), styles[:, 2 * level + 1])
            rgb = to_rgb(y, styles[:, 2 * level + 1], rgb)
        return rgb


def any_batch():
    network = FaceRestorer()
    for module in network.modules():
        if isinstance(module, Modulated):
            module.grouped = False
    return network


def cases():
    rows = dynamic(image="batch 3 height width")
    names = [f"{kind}_{stride}" for kind in ("score", "box", "points") for stride in (8, 16, 32)]
    rows.update({name: {0: f"rows_{name}"} for name in names})
    faces = [{"target": picture(n, 3, size, size), "source": normal(n, 64)} for n, size in ((1, 64), (2, 48))]
    swap = dynamic(target="batch 3 height width", source="batch", output="batch 3 height width")
    batch = dynamic(image="batch", output="batch")
    return [
        Case(
            "face_detector",
            FaceDetector,
            image_runs((1, 96, 128), (1, 160, 64), name="image"),
            outputs=names,
            dynamic_axes=rows,
            opset=11,
        ),
        Case(
            "face_embedding",
            FaceEmbedding,
            image_runs((1, 112, 112), (3, 112, 112), name="image"),
            dynamic_axes=batch,
            opset=13,
        ),
        Case("face_swapper", FaceSwapper, faces, dynamic_axes=swap, opset=11),
        Case("face_swapper_opset17", FaceSwapper, faces, dynamic_axes=swap),
        Case("face_restorer", FaceRestorer, image_runs((1, 64, 64), name="image"), opset=11),
        Case("face_restorer_grouped", FaceRestorer, image_runs((3, 64, 64), name="image"), opset=16),
        Case(
            "face_restorer_batch",
            any_batch,
            image_runs((1, 64, 64), (3, 64, 64), name="image"),
            dynamic_axes=batch,
        ),
    ]
