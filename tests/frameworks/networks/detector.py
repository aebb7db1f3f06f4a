"""A one-stage detector of the YOLOv5 family, nano widths unless others are given: Focus, C3, SPPF, path aggregation, decoded head.

Per map of stride s, with t = sigmoid(raw):  xy = (2 t - 0.5 + cell) s,  wh = (2 t)^2 anchor,  rest = t.
Output (N, 3 * cells of all maps, 5 + classes): centre x, y, width, height in pixels, objectness, class
scores.
"""

import torch
from torch import nn

from case import Case, image_runs

ANCHORS = (
    ((10, 13), (16, 30), (33, 23)),
    ((30, 61), (62, 45), (59, 119)),
    ((116, 90), (156, 198), (373, 326)),
)
STRIDES = (8, 16, 32)
CLASSES = 20


class Conv(nn.Module):
    def __init__(self, width_in: int, width_out: int, kernel: int = 1, stride: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(width_in, width_out, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(width_out, eps=1e-3)
        self.activation = nn.SiLU()

    def forward(self, x):
        return self.activation(self.norm(self.conv(x)))


class Focus(nn.Module):
    """Every 2x2 block of pixels becomes four channels, then a convolution."""

    def __init__(self, width_in: int, width_out: int):
        super().__init__()
        self.conv = Conv(4 * width_in, width_out, 3)

    def forward(self, x):
        parts = [x[..., row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return self.conv(torch.cat(parts, 1))


class Bottleneck(nn.Module):
    def __init__(self, width: int, shortcut: bool):
        super().__init__()
        self.narrow, self.wide, self.shortcut = Conv(width, width), Conv(width, width, 3), shortcut

    def forward(self, x):
        y = self.wide(self.narrow(x))
        return x + y if self.shortcut else y


class C3(nn.Module):
    def __init__(self, width_in: int, width_out: int, depth: int = 1, shortcut: bool = True):
        super().__init__()
        half = width_out // 2
        self.left, self.right, self.join = (
            Conv(width_in, half),
            Conv(width_in, half),
            Conv(2 * half, width_out),
        )
        self.blocks = nn.Sequential(*[Bottleneck(half, shortcut) for _ in range(depth)])

    def forward(self, x):
        return self.join(torch.cat([self.blocks(self.left(x)), self.right(x)], 1))


class SPPF(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.narrow, self.join = Conv(width, width // 2), Conv(2 * width, width)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        maps = [self.narrow(x)]
        for _ in range(3):
            maps.append(self.pool(maps[-1]))
        return self.join(torch.cat(maps, 1))


class Head(nn.Module):
    def __init__(self, widths, classes):
        super().__init__()
        self.outputs = classes + 5
        self.convs = nn.ModuleList(nn.Conv2d(width, 3 * self.outputs, 1) for width in widths)
        self.register_buffer("anchors", torch.tensor(ANCHORS, dtype=torch.float32).view(3, 1, 3, 1, 1, 2))

    def forward(self, maps):
        found = []
        for index, (conv, x) in enumerate(zip(self.convs, maps)):
            raw = conv(x)
            batch, height, width = raw.shape[0], raw.shape[2], raw.shape[3]
            t = raw.view(batch, 3, self.outputs, height, width).permute(0, 1, 3, 4, 2).sigmoid()
            rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
            cell = torch.stack((columns, rows), 2).float()
            centre = (t[..., 0:2] * 2 - 0.5 + cell) * STRIDES[index]
            size = (t[..., 2:4] * 2) ** 2 * self.anchors[index]
            found.append(torch.cat((centre, size, t[..., 4:]), 4).view(batch, -1, self.outputs))
        return torch.cat(found, 1)


class Detector(nn.Module):
    def __init__(self, w=(16, 32, 64, 128, 256), classes=CLASSES):
        super().__init__()
        self.stem = nn.Sequential(Focus(3, w[0]), Conv(w[0], w[1], 3, 2), C3(w[1], w[1]))
        self.to_8 = nn.Sequential(Conv(w[1], w[2], 3, 2), C3(w[2], w[2], 2))
        self.to_16 = nn.Sequential(Conv(w[2], w[3], 3, 2), C3(w[3], w[3], 3))
        self.to_32 = nn.Sequential(Conv(w[3], w[4], 3, 2), C3(w[4], w[4]), SPPF(w[4]), Conv(w[4], w[3]))
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.top_16 = nn.Sequential(C3(2 * w[3], w[3], 1, False), Conv(w[3], w[2]))
        self.out_8 = C3(2 * w[2], w[2], 1, False)
        self.down_16 = Conv(w[2], w[2], 3, 2)
        self.out_16 = C3(2 * w[2], w[3], 1, False)
        self.down_32 = Conv(w[3], w[3], 3, 2)
        self.out_32 = C3(2 * w[3], w[4], 1, False)
        self.head = Head((w[2], w[3], w[4]), classes)

    def forward(self, x):
        at_8 = self.to_8(self.stem(x))
        at_16 = self.to_16(at_8)
        deep = self.to_32(at_16)
        middle = self.top_16(torch.cat([self.up(deep), at_16], 1))
        fine = self.out_8(torch.cat([self.up(middle), at_8], 1))
        medium = self.out_16(torch.cat([self.down_16(fine), middle], 1))
        coarse = self.out_32(torch.cat([self.down_32(medium), deep], 1))
        return self.head([fine, medium, coarse])


def cases():
    axes = {"images": {0: "batch", 2: "height", 3: "width"}, "output0": {0: "batch", 1: "boxes"}}
    runs = image_runs((1, 192, 192), (2, 128, 224), name="images")
    return [
        Case("yolo_nano", Detector, runs, outputs=["output0"], dynamic_axes=axes),
        Case("yolo_nano_static_opset13", Detector, runs[:1], outputs=["output0"], opset=13),
    ]
