"""Networks that move pixels: a portrait animator and optical flow.

portrait_animator  appearance as a volume (channels folded into depth, 3-D convolutions), key points to Gaussian
                   volumes, a 3-D hourglass that mixes one warp a key point (soft-max over the points), the volume
                   sampled in 3-D with gathers, an occlusion map, instance norm and transposed convolutions
                   (LivePortrait, face-vid2vid)
volume_warp        GridSample of volumes, opset 20
warp_modes         GridSample in every mode, border and alignment, and AffineGrid written out
raft_small         torchvision's: all-pairs correlation, pyramid look-up by GridSample, a convolutional GRU
"""

import math

import torch
import torchvision
from torch import nn
from torch.nn import functional

from case import Case, dynamic, normal, picture, uniform

DEPTH, POINTS, WIDTH = 4, 5, 8


def cell_centres(depth: int, height: int, width: int):
    """(depth, height, width, 3) of x, y, z in -1..1."""
    axes = [torch.arange(n) / (n - 1) * 2 - 1 for n in (width, height, depth)]
    x, y, z = (axes[0].view(1, 1, -1), axes[1].view(1, -1, 1), axes[2].view(-1, 1, 1))
    shape = (depth, height, width)
    return torch.stack([x.expand(shape), y.expand(shape), z.expand(shape)], -1)


def sample_volume(volume, grid):
    """Trilinear, zeros outside, corners aligned: GridSample on 5-D is opset 20, so exports gather instead."""
    n, c, d, h, w = volume.shape
    flat = volume.reshape(n, c, d * h * w)
    sizes = (w, h, d)
    place = [(grid[..., axis] + 1) / 2 * (size - 1) for axis, size in enumerate(sizes)]
    low = [p.floor() for p in place]
    total = 0
    for corner in range(8):
        weight, index, stride = 1.0, 0, 1
        for axis, size in enumerate(sizes):
            at = low[axis] + (corner >> axis & 1)
            weight = weight * (1 - (place[axis] - at).abs()) * ((at >= 0) & (at <= size - 1)).to(volume.dtype)
            index = index + at.clamp(0, size - 1).long() * stride
            stride = stride * size
        index = index.reshape(n, 1, -1).expand(-1, c, -1)
        total = total + torch.gather(flat, 2, index) * weight.reshape(n, 1, -1)
    return total.reshape(n, c, *grid.shape[1:4])


class GridSample(torch.autograd.Function):
    """Opset 20's, which also samples volumes; PyTorch 1.13 knows 16's, of pictures alone."""

    @staticmethod
    def forward(context, x, grid, mode, border, corners):
        return functional.grid_sample(x, grid, mode, border, align_corners=corners)

    @staticmethod
    def symbolic(g, x, grid, mode, border, corners):
        mode = {"bilinear": "linear", "bicubic": "cubic"}.get(mode, mode)
        return g.op("GridSample", x, grid, mode_s=mode, padding_mode_s=border, align_corners_i=int(corners))


class VolumeWarp(nn.Module):
    """A volume of features, moved by a field of its own making in every mode, then painted."""

    def __init__(self):
        super().__init__()
        self.first, self.field = nn.Conv3d(2, 8, 3, padding=1), nn.Conv3d(8, 3, 3, padding=1)
        self.last = nn.Conv3d(8 * 6, 4, 1)

    def forward(self, x, home):
        y = torch.tanh(self.first(x))
        grid = home + 0.5 * torch.tanh(self.field(y)).permute(0, 2, 3, 4, 1)
        moved = [
            GridSample.apply(y, grid, mode, border, corners)
            for mode in ("bilinear", "nearest")
            for border, corners in (("zeros", False), ("border", True), ("reflection", False))
        ]
        return self.last(torch.cat(moved, 1)), moved[0]


def block_3d(a: int, b: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv3d(a, b, 3, padding=1), nn.BatchNorm3d(b), nn.ReLU())


class PortraitAnimator(nn.Module):
    def __init__(self):
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(3, 16, 7, 2, 3),
            nn.InstanceNorm2d(16, affine=True),
            nn.ReLU(),
            nn.Conv2d(16, DEPTH * WIDTH, 3, 2, 1),
        )
        self.solid = nn.Sequential(
            block_3d(WIDTH, WIDTH),
            nn.Conv3d(WIDTH, WIDTH, 3, padding=1),
            nn.InstanceNorm3d(WIDTH, affine=True),
        )
        self.compress = nn.Conv3d(WIDTH, 2, 1)
        self.down = nn.Sequential(block_3d(3 * (POINTS + 1), 16), nn.AvgPool3d((1, 2, 2)), block_3d(16, 24))
        self.up = nn.Sequential(nn.Upsample(scale_factor=(1, 2, 2)), block_3d(24, 16))
        self.mask = nn.Conv3d(16 + 3 * (POINTS + 1), POINTS + 1, 7, padding=3)
        self.occlusion = nn.Conv2d((16 + 3 * (POINTS + 1)) * DEPTH, 1, 7, padding=3)
        self.fold = nn.Conv2d(DEPTH * WIDTH, 32, 1)
        self.paint = nn.Sequential(
            nn.InstanceNorm2d(32, affine=True),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(32, 16, 4, 2, 1),
            nn.InstanceNorm2d(16),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(16, 12, 3, 2, 1, output_padding=1),
            nn.Conv2d(12, 3, 3, padding=1),
        )

    def forward(self, image, source, driving):
        flat = self.look(image)
        n, _, h, w = flat.shape
        volume = self.solid(flat.view(n, WIDTH, DEPTH, h, w))
        home = cell_centres(DEPTH, h, w)
        back = (source - driving).view(n, POINTS, 1, 1, 1, 3)
        warps = torch.cat([home.expand(n, 1, -1, -1, -1, -1), home + back], 1)
        small = self.compress(volume).unsqueeze(1).repeat(1, POINTS + 1, 1, 1, 1, 1)
        moved = sample_volume(
            small.view(n * (POINTS + 1), 2, DEPTH, h, w), warps.view(n * (POINTS + 1), DEPTH, h, w, 3)
        )

        def heat(points):
            return torch.exp(-0.5 * ((home - points.view(n, POINTS, 1, 1, 1, 3)) ** 2).sum(-1) / 0.05)

        change = functional.pad(heat(driving) - heat(source), (0, 0, 0, 0, 0, 0, 1, 0)).unsqueeze(2)
        seen = torch.cat([change, moved.view(n, POINTS + 1, 2, DEPTH, h, w)], 2).view(n, -1, DEPTH, h, w)
        mixed = torch.cat([self.up(self.down(seen)), seen], 1)
        mask = torch.softmax(self.mask(mixed), 1).unsqueeze(2)
        flow = (warps.permute(0, 1, 5, 2, 3, 4) * mask).sum(1).permute(0, 2, 3, 4, 1)
        open_to_view = torch.sigmoid(self.occlusion(mixed.view(n, -1, h, w)))
        warped = sample_volume(volume, flow).view(n, -1, h, w)
        return torch.sigmoid(self.paint(self.fold(warped) * open_to_view)), open_to_view


class WarpModes(nn.Module):
    def forward(self, x, theta):
        n, _, h, w = x.shape
        rows = (torch.arange(h) * 2 + 1) / h - 1
        columns = (torch.arange(w) * 2 + 1) / w - 1
        home = torch.stack([columns.expand(h, w), rows.unsqueeze(1).expand(h, w), torch.ones(h, w)], -1)
        grid = (home.view(1, -1, 3) @ theta.transpose(1, 2)).view(n, h, w, 2)
        found = []
        for mode in ("bilinear", "nearest", "bicubic"):
            for border in ("zeros", "border", "reflection"):
                for corners in (False, True):
                    found.append(functional.grid_sample(x, grid, mode, border, align_corners=corners))
        return torch.stack(found, 1)


def raft():
    make = torchvision.models.optical_flow.raft

    class Correlation(make.CorrBlock):
        """Its own takes the root of a whole number, which ONNX has not."""

        def _compute_corr_volume(self, first, second):
            n, c, h, w = first.shape
            pairs = first.view(n, c, h * w).transpose(1, 2) @ second.view(n, c, h * w)
            return pairs.view(n, h, w, 1, h, w) / math.sqrt(48)

    network = make._raft(
        weights=None,
        progress=False,
        feature_encoder_layers=(16, 16, 24, 32, 48),
        feature_encoder_block=make.BottleneckBlock,
        feature_encoder_norm_layer=nn.InstanceNorm2d,
        context_encoder_layers=(16, 16, 24, 32, 48),
        context_encoder_block=make.BottleneckBlock,
        context_encoder_norm_layer=None,
        corr_block_num_levels=3,
        corr_block_radius=2,
        corr_block=Correlation(num_levels=3, radius=2),
        motion_encoder_corr_layers=(32,),
        motion_encoder_flow_layers=(24, 16),
        motion_encoder_out_channels=30,
        recurrent_block_hidden_state_size=24,
        recurrent_block_kernel_size=(3,),
        recurrent_block_padding=(1,),
        flow_head_hidden_size=24,
        use_mask_predictor=False,
    )
    return Flow(network)


class Flow(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, first, second):
        return self.network(first, second, num_flow_updates=3)[-1]


def cases():
    portraits = [
        {"image": picture(n, 3, h, w), "source": uniform(n, POINTS, 3), "driving": uniform(n, POINTS, 3)}
        for n, h, w in ((1, 64, 64), (2, 48, 80))
    ]
    animate = dynamic(
        image="batch 3 height width",
        source="batch",
        driving="batch",
        output="batch 3 height width",
        open="batch 1 rows columns",
    )

    def turn(n):
        still = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        return lambda generator: still + 0.4 * torch.randn(n, 2, 3, generator=generator)

    turns = [{"x": picture(n, 2, h, w), "theta": turn(n)} for n, h, w in ((1, 12, 17), (3, 20, 9))]
    frames = [
        {name: picture(n, 3, h, w) for name in ("first", "second")}
        for n, h, w in ((1, 128, 136), (2, 128, 128))
    ]
    volumes = [
        {"x": picture(n, 2, *size), "home": lambda g, size=size: cell_centres(*size).unsqueeze(0) * 1.1}
        for n, size in ((1, (4, 9, 7)), (2, (5, 6, 10)))
    ]
    solid = "batch 4 depth height width"
    return [
        Case(
            "volume_warp",
            VolumeWarp,
            volumes,
            outputs=("output", "moved"),
            dynamic_axes=dynamic(
                x=solid.replace("4", "2"),
                home="1 depth height width",
                output=solid,
                moved=solid.replace("4", "8"),
            ),
            stacked=False,
            stated_opset=20,
        ),
        Case(
            "portrait_animator",
            PortraitAnimator,
            portraits,
            outputs=("output", "open"),
            dynamic_axes=animate,
            opset=16,
        ),
        Case(
            "portrait_animator_opset11",
            PortraitAnimator,
            portraits,
            outputs=("output", "open"),
            dynamic_axes=animate,
            opset=11,
        ),
        Case(
            "warp_modes",
            WarpModes,
            turns,
            dynamic_axes=dynamic(x="batch 2 height width", theta="batch", output="batch 18 2 height width"),
            opset=16,
        ),
        Case("raft_small", raft, frames[:1], opset=16),
        Case(
            "raft_batch",
            raft,
            frames,
            dynamic_axes=dynamic(
                first="batch 3 height width", second="batch 3 height width", output="batch 2 height width"
            ),
        ),
    ]
