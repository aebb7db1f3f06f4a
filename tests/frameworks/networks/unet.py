"""U-Nets: 2-D with transposed convolution or bilinear up-sampling, and 3-D with instance norm.

Each level is two convolutions with norm and activation; the way up concatenates the map of the same size.
"""

import torch
from torch import nn

from case import Case, image_runs


def convolve_2d(width_in: int, width_out: int) -> nn.Sequential:
    layers = []
    for width in (width_in, width_out):
        layers += [
            nn.Conv2d(width, width_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(width_out),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers)


def convolve_3d(width_in: int, width_out: int) -> nn.Sequential:
    layers = []
    for width in (width_in, width_out):
        layers += [
            nn.Conv3d(width, width_out, 3, padding=1),
            nn.InstanceNorm3d(width_out, affine=True),
            nn.LeakyReLU(0.01),
        ]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    def __init__(self, channels: int, classes: int, widths, convolve, pool, up, head):
        super().__init__()
        self.down = nn.ModuleList(convolve(a, b) for a, b in zip((channels, *widths), widths))
        self.pool = pool
        pairs = list(zip(widths[::-1], widths[-2::-1]))
        self.up = nn.ModuleList(up(wide, narrow) for wide, narrow in pairs)
        self.join = nn.ModuleList(convolve(2 * narrow, narrow) for _, narrow in pairs)
        self.head = head(widths[0], classes, 1)

    def forward(self, x):
        kept = []
        for level in self.down[:-1]:
            kept.append(level(x))
            x = self.pool(kept[-1])
        x = self.down[-1](x)
        for up, join, skip in zip(self.up, self.join, reversed(kept)):
            x = join(torch.cat([skip, up(x)], 1))
        return self.head(x)


def bilinear_up(wide: int, narrow: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False), nn.Conv2d(wide, narrow, 1)
    )


def corner_up(wide: int, narrow: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), nn.Conv2d(wide, narrow, 1)
    )


def unet_2d(up):
    return lambda: UNet(3, 4, (16, 32, 64, 128), convolve_2d, nn.MaxPool2d(2), up, nn.Conv2d)


def unet_3d():
    return UNet(
        1,
        3,
        (8, 16, 32, 64),
        convolve_3d,
        nn.MaxPool3d(2),
        lambda a, b: nn.ConvTranspose3d(a, b, 2, 2),
        nn.Conv3d,
    )


def cases():
    flat = {name: {0: "batch", 2: "height", 3: "width"} for name in ("input", "output")}
    solid = {name: {2: "depth", 3: "height", 4: "width"} for name in ("input", "output")}
    runs = image_runs((1, 64, 96), (2, 80, 64))
    return [
        Case("unet_2d", unet_2d(lambda a, b: nn.ConvTranspose2d(a, b, 2, 2)), runs, dynamic_axes=flat),
        Case(
            "unet_2d_opset11",
            unet_2d(lambda a, b: nn.ConvTranspose2d(a, b, 3, 2, 1, 1)),
            runs,
            dynamic_axes=flat,
            opset=11,
        ),
        Case("unet_2d_bilinear", unet_2d(bilinear_up), runs, dynamic_axes=flat),
        Case("unet_2d_bilinear_corners", unet_2d(corner_up), runs, dynamic_axes=flat, opset=13),
        Case(
            "unet_3d", unet_3d, image_runs((1, 32, 32, 32), (1, 16, 40, 24), channels=1), dynamic_axes=solid
        ),
    ]
