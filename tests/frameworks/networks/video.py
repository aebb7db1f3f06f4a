"""Networks on film: torchvision's residual networks of 3-D and of (2+1)-D convolutions, S3D and MViT, a network with
temporal shifts and a convolutional LSTM. Published widths halved and one block a stage where depth only repeats.
"""

import torch
import torchvision
from torch import nn
from torchvision.models import video

from case import Case, dynamic, picture


def residual(conv, stem):
    def build():
        kinds = {
            "3d": video.resnet.Conv3DSimple,
            "2plus1d": video.resnet.Conv2Plus1D,
            "mc": video.resnet.Conv3DNoTemporal,
        }
        makers = [kinds["3d"], *[kinds["mc"]] * 3] if conv == "mc" else [kinds[conv]] * 4
        return video.VideoResNet(video.resnet.BasicBlock, makers, [1, 1, 1, 1], stem, num_classes=20)

    return build


def s3d():
    network = video.S3D(num_classes=20)
    network.avgpool = nn.AdaptiveAvgPool3d(1)
    return network


def mvit():
    table = [
        (1, 16, 32, [1, 1, 1], [1, 4, 4]),
        (2, 32, 32, [1, 2, 2], [1, 2, 2]),
        (2, 32, 64, [1, 1, 1], [1, 2, 2]),
    ]
    blocks = [
        video.mvit.MSBlockConfig(
            num_heads=heads,
            input_channels=a,
            output_channels=b,
            kernel_q=[3, 3, 3],
            kernel_kv=[3, 3, 3],
            stride_q=q,
            stride_kv=kv,
        )
        for heads, a, b, q, kv in table
    ]
    return video.MViT(
        (32, 32),
        4,
        blocks,
        residual_pool=True,
        residual_with_cls_embed=False,
        rel_pos_embed=True,
        proj_after_attn=True,
        num_classes=20,
    )


class ShiftedFilm(nn.Module):
    """An eighth of the channels looks a frame back, an eighth a frame ahead; frames are the batch of 2-D layers."""

    def __init__(self, frames: int = 5):
        super().__init__()
        self.frames = frames
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in ((3, 16), (16, 32), (32, 32)))
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for b in (16, 32, 32))
        self.gates = nn.Conv2d(64, 128, 3, padding=1)
        self.head = nn.Linear(32, 10)

    def shift(self, x):
        x = x.view(-1, self.frames, *x.shape[1:])
        part = x.shape[2] // 8
        back = torch.cat([x[:, 1:, :part], torch.zeros_like(x[:, :1, :part])], 1)
        ahead = torch.cat([torch.zeros_like(x[:, :1, part : 2 * part]), x[:, :-1, part : 2 * part]], 1)
        return torch.cat([back, ahead, x[:, :, 2 * part :]], 2).flatten(0, 1)

    def forward(self, film):
        x = film.flatten(0, 1)
        for index, (conv, norm) in enumerate(zip(self.convs, self.norms)):
            x = torch.relu(norm(conv(self.shift(x) if index else x)))
        x = x.view(-1, self.frames, *x.shape[1:])
        h = c = torch.zeros_like(x[:, 0])
        for frame in range(self.frames):
            i, f, o, g = self.gates(torch.cat([x[:, frame], h], 1)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return self.head(h.mean((2, 3))), h


def films(*shapes):
    return [{"film": picture(n, 3, t, h, w)} for n, t, h, w in shapes]


def cases():
    any_size = dynamic(film="batch 3 frames height width", output="batch")
    shifted = [
        {"film": lambda g, n=n, s=s: picture(5 * n, 3, s, s)(g).view(n, 5, 3, s, s)}
        for n, s in ((1, 32), (2, 40))
    ]
    return [
        Case(
            "r3d_18",
            residual("3d", video.resnet.BasicStem),
            films((1, 8, 48, 56), (2, 6, 40, 32)),
            dynamic_axes=any_size,
            opset=13,
        ),
        Case(
            "r2plus1d_18",
            residual("2plus1d", video.resnet.R2Plus1dStem),
            films((1, 8, 48, 56), (2, 6, 40, 32)),
            dynamic_axes=any_size,
            opset=17,
        ),
        Case("mc3_18", residual("mc", video.resnet.BasicStem), films((1, 8, 48, 56)), opset=9),
        Case("s3d", s3d, films((1, 16, 64, 64)), opset=12),
        Case(
            "mvit",
            mvit,
            films((1, 4, 32, 32), (2, 4, 32, 32)),
            dynamic_axes=dynamic(film="batch", output="batch"),
            opset=14,
        ),
        Case(
            "shifted_film",
            ShiftedFilm,
            shifted,
            outputs=("output", "last"),
            dynamic_axes=dynamic(film="batch 5 3 height width", output="batch", last="batch 32 rows columns"),
            opset=11,
        ),
    ]
