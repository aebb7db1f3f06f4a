"""Networks that make pictures: diffusion, variational and vector-quantized auto-encoders, super-resolution.

diffusion_unet   residual blocks with time embedding, group norm and SiLU, self- and cross-attention, GEGLU
diffusion_vae    encoder to mean and log-variance (noise is an input), decoder with mid attention
denoise_loop     a scripted sampler: Loop over steps, an alpha table read by index
vq_vae           nearest code by distance and argmin, straight-through
edsr, rrdb, fsrcnn  sub-pixel shuffle, dense residual blocks behind pixel-unshuffle, transposed convolution
wgan             transposed convolutions with batch norm (DCGAN), spectral norm folded
coupling_flow    affine couplings run backwards, 1x1 inverses, squeeze and split (Glow)
"""

import math

import torch
from torch import nn
from torch.nn import functional

from case import Case, dynamic, normal, picture, whole


class ResBlock(nn.Module):
    def __init__(self, a: int, b: int, time: int):
        super().__init__()
        self.norms = nn.ModuleList((nn.GroupNorm(8, a), nn.GroupNorm(8, b)))
        self.convs = nn.ModuleList((nn.Conv2d(a, b, 3, padding=1), nn.Conv2d(b, b, 3, padding=1)))
        self.time = nn.Linear(time, b) if time else None
        self.shortcut = nn.Conv2d(a, b, 1) if a != b else nn.Identity()

    def forward(self, x, time=None):
        y = self.convs[0](functional.silu(self.norms[0](x)))
        if self.time is not None:
            y = y + self.time(functional.silu(time))[:, :, None, None]
        return self.shortcut(x) + self.convs[1](functional.silu(self.norms[1](y)))


class CrossBlock(nn.Module):
    """A transformer over places: itself, the text, then gated GELU."""

    def __init__(self, width: int, text: int, heads: int = 4):
        super().__init__()
        self.norm, self.into, self.out = (
            nn.GroupNorm(8, width, eps=1e-6),
            nn.Conv2d(width, width, 1),
            nn.Conv2d(width, width, 1),
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.queries = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(2))
        self.keys, self.values = (
            nn.ModuleList(nn.Linear(n, width, bias=False) for n in (width, text)) for _ in range(2)
        )
        self.merges = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.widen, self.narrow, self.heads = nn.Linear(width, 8 * width), nn.Linear(4 * width, width), heads

    def attend(self, index, x, memory):
        n, t, w = x.shape
        q, k, v = (
            part.reshape(n, -1, self.heads, w // self.heads)
            .permute(0, 2, 1, 3)
            .reshape(n * self.heads, -1, w // self.heads)
            for part in (self.queries[index](x), self.keys[index](memory), self.values[index](memory))
        )
        scores = torch.baddbmm(
            torch.zeros(1, 1, 1), q, k.transpose(-1, -2), beta=0, alpha=(w // self.heads) ** -0.5
        )
        y = (
            torch.bmm(scores.softmax(-1), v)
            .reshape(n, self.heads, t, -1)
            .permute(0, 2, 1, 3)
            .reshape(n, t, w)
        )
        return self.merges[index](y)

    def forward(self, x, text):
        n, c, h, w = x.shape
        y = self.into(self.norm(x)).permute(0, 2, 3, 1).reshape(n, h * w, c)
        z = self.norms[0](y)
        y = y + self.attend(0, z, z)
        y = y + self.attend(1, self.norms[1](y), text)
        value, gate = self.widen(self.norms[2](y)).chunk(2, -1)
        y = y + self.narrow(value * functional.gelu(gate))
        return x + self.out(y.reshape(n, h, w, c).permute(0, 3, 1, 2))


class DiffusionUnet(nn.Module):
    def __init__(self, text: int = 24):
        super().__init__()
        self.time = nn.Sequential(nn.Linear(32, 64), nn.SiLU(), nn.Linear(64, 64))
        self.first = nn.Conv2d(4, 32, 3, padding=1)
        self.a, self.a_text, self.down = (
            ResBlock(32, 32, 64),
            CrossBlock(32, text),
            nn.Conv2d(32, 32, 3, 2, 1),
        )
        self.b, self.b_text = ResBlock(32, 48, 64), CrossBlock(48, text)
        self.mid = ResBlock(48, 48, 64)
        self.c, self.c_text = ResBlock(96, 48, 64), CrossBlock(48, text)
        self.up, self.d, self.d_text = (
            nn.Conv2d(48, 48, 3, padding=1),
            ResBlock(80, 32, 64),
            CrossBlock(32, text),
        )
        self.norm, self.last = nn.GroupNorm(8, 32), nn.Conv2d(32, 4, 3, padding=1)

    def forward(self, sample, timestep, encoder_hidden_states):
        angles = (
            timestep[:, None].float()
            * torch.exp(-math.log(10000) * torch.arange(16, dtype=torch.float32) / 16)[None]
        )
        time = self.time(torch.cat([angles.cos(), angles.sin()], -1))
        x = self.first(sample)
        fine = self.a_text(self.a(x, time), encoder_hidden_states)
        coarse = self.b_text(self.b(self.down(fine), time), encoder_hidden_states)
        y = self.c_text(self.c(torch.cat([self.mid(coarse, time), coarse], 1), time), encoder_hidden_states)
        y = self.up(functional.interpolate(y, size=fine.shape[2:], mode="nearest"))
        y = self.d_text(self.d(torch.cat([y, fine], 1), time), encoder_hidden_states)
        return self.last(functional.silu(self.norm(y)))


class PlaceAttention(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.norm, self.qkv, self.out = (
            nn.GroupNorm(8, width),
            nn.Conv2d(width, 3 * width, 1),
            nn.Conv2d(width, width, 1),
        )

    def forward(self, x):
        n, c, h, w = x.shape
        q, k, v = self.qkv(self.norm(x)).flatten(2).chunk(3, 1)
        share = torch.softmax(torch.bmm(q.transpose(1, 2), k) * int(c) ** -0.5, 2)
        return x + self.out(torch.bmm(v, share.transpose(1, 2)).reshape(n, c, h, w))


class DiffusionVae(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            ResBlock(16, 16, 0),
            nn.ZeroPad2d((0, 1, 0, 1)),
            nn.Conv2d(16, 16, 3, 2),
            ResBlock(16, 32, 0),
            PlaceAttention(32),
            nn.GroupNorm(8, 32),
            nn.SiLU(),
            nn.Conv2d(32, 8, 3, padding=1),
        )
        self.decode = nn.Sequential(
            nn.Conv2d(4, 32, 3, padding=1),
            ResBlock(32, 32, 0),
            PlaceAttention(32),
            nn.Upsample(scale_factor=2.0),
            nn.Conv2d(32, 16, 3, padding=1),
            ResBlock(16, 16, 0),
            nn.GroupNorm(8, 16),
            nn.SiLU(),
            nn.Conv2d(16, 3, 3, padding=1),
        )

    def forward(self, image, noise):
        mean, spread = self.encode(image).chunk(2, 1)
        latent = mean + torch.exp(0.5 * spread.clamp(-30.0, 20.0)) * noise
        return self.decode(latent * 0.18215 / 0.18215).clamp(-1.5, 1.5), latent


class DenoiseLoop(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last, self.time = (
            nn.Conv2d(2, 16, 3, padding=1),
            nn.Conv2d(16, 2, 3, padding=1),
            nn.Embedding(40, 16),
        )
        self.register_buffer("alphas", torch.cumprod(1 - torch.linspace(1e-3, 0.1, 40), 0))

    def forward(self, sample: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        count = int(steps)
        for index in range(count):
            at = count - 1 - index
            alpha = self.alphas[at]
            before = self.alphas[at - 1] if at > 0 else torch.ones_like(alpha)
            y = torch.relu(self.first(sample) + self.time.weight[at].view(1, -1, 1, 1))
            noise = self.last(y)
            clean = (sample - torch.sqrt(1 - alpha) * noise) / torch.sqrt(alpha)
            sample = torch.sqrt(before) * clean + torch.sqrt(1 - before) * noise
        return sample


class VqVae(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(nn.Conv2d(3, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 8, 4, 2, 1))
        self.codes = nn.Embedding(32, 8)
        nn.init.normal_(self.codes.weight, std=0.3)
        self.decode = nn.Sequential(
            nn.ConvTranspose2d(8, 16, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(16, 3, 4, 2, 1)
        )

    def forward(self, image):
        z = self.encode(image).permute(0, 2, 3, 1).contiguous()
        rows = z.view(-1, 8)
        far = (
            (rows**2).sum(1, keepdim=True) + (self.codes.weight**2).sum(1) - 2 * rows @ self.codes.weight.t()
        )
        chosen = torch.argmin(far, 1)
        near = functional.one_hot(chosen, 32).float() @ self.codes.weight
        near = near.view(z.shape)
        return self.decode((z + (near - z).detach()).permute(0, 3, 1, 2)), chosen.view(z.shape[:3])


class Edsr(nn.Module):
    def __init__(self, width: int = 24, scale: int = 3):
        super().__init__()
        self.first = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)
            )
            for _ in range(3)
        )
        self.up = nn.Sequential(
            nn.Conv2d(width, width * scale**2, 3, padding=1),
            nn.PixelShuffle(scale),
            nn.Conv2d(width, 3, 3, padding=1),
        )
        self.register_buffer("mean", torch.tensor([0.45, 0.44, 0.4]).view(1, 3, 1, 1))

    def forward(self, image):
        x = self.first(image - self.mean)
        y = x
        for block in self.blocks:
            y = y + block(y) * 0.5
        return self.up(x + y) + self.mean


class Rrdb(nn.Module):
    """Dense blocks within residual blocks; the picture goes in as 2x2 blocks."""

    def __init__(self, width: int = 24, grow: int = 12):
        super().__init__()
        self.unshuffle, self.first = nn.PixelUnshuffle(2), nn.Conv2d(12, width, 3, padding=1)
        self.dense = nn.ModuleList(
            nn.ModuleList(
                nn.Conv2d(width + i * grow, grow if i < 4 else width, 3, padding=1) for i in range(5)
            )
            for _ in range(3)
        )
        self.body, self.ups = nn.Conv2d(width, width, 3, padding=1), nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=1) for _ in range(2)
        )
        self.last = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, image):
        first = self.first(self.unshuffle(image))
        x = first
        for convs in self.dense:
            maps = [x]
            for conv in convs[:-1]:
                maps.append(functional.leaky_relu(conv(torch.cat(maps, 1)), 0.2))
            x = x + convs[-1](torch.cat(maps, 1)) * 0.2
        x = first + self.body(first + x * 0.2)
        for up in self.ups:
            x = functional.leaky_relu(up(functional.interpolate(x, scale_factor=2, mode="nearest")), 0.2)
        return self.last(x)


def fsrcnn():
    layers = [nn.Conv2d(1, 32, 5, padding=2), nn.PReLU(32), nn.Conv2d(32, 8, 1), nn.PReLU(8)]
    for _ in range(3):
        layers += [nn.Conv2d(8, 8, 3, padding=1), nn.PReLU(8)]
    layers += [nn.Conv2d(8, 32, 1), nn.PReLU(32), nn.ConvTranspose2d(32, 1, 9, 3, 4, output_padding=2)]
    return nn.Sequential(*layers)


class Wgan(nn.Module):
    def __init__(self):
        super().__init__()
        widths = (16, 48, 32, 16)
        layers = [nn.ConvTranspose2d(16, 48, 4, 1, 0, bias=False), nn.BatchNorm2d(48), nn.ReLU(True)]
        for a, b in zip(widths[1:], widths[2:]):
            layers += [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(True)]
        self.make = nn.Sequential(*layers, nn.ConvTranspose2d(16, 3, 4, 2, 1), nn.Tanh())
        judge = [nn.utils.spectral_norm(nn.Conv2d(a, b, 4, 2, 1)) for a, b in ((3, 16), (16, 32))]
        self.judge = nn.Sequential(
            judge[0],
            nn.LeakyReLU(0.2),
            judge[1],
            nn.InstanceNorm2d(32, affine=True),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(32 * 64, 1),
        )

    def forward(self, z):
        image = self.make(z[:, :, None, None])
        return image, self.judge(image)


class CouplingFlow(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.ParameterList(nn.Parameter(torch.linalg.qr(torch.randn(8, 8))[0]) for _ in range(3))
        self.nets = nn.ModuleList(
            nn.Sequential(nn.Conv2d(4, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 8, 3, padding=1))
            for _ in range(3)
        )

    def forward(self, z):
        x, change = z, 0
        for mix, net in zip(self.mix, self.nets):
            x = functional.conv2d(x, mix.t().reshape(8, 8, 1, 1))
            a, b = x.split(4, 1)
            shift, scale = net(a).chunk(2, 1)
            scale = torch.sigmoid(scale + 2.0) + 0.2
            x = torch.cat([a, b / scale - shift], 1)
            change = change - torch.log(scale).sum((1, 2, 3))
        n, c, h, w = x.shape
        x = x.view(n, 2, 2, 2, h, w).permute(0, 1, 4, 2, 5, 3).reshape(n, 2, h * 2, w * 2)
        return x, change


def scripted(network):
    return torch.jit.script(network)


def cases():
    image = "batch 3 height width"
    latents = [
        {"sample": picture(n, 4, h, w), "timestep": whole(1000, n), "encoder_hidden_states": normal(n, t, 24)}
        for n, h, w, t in ((1, 8, 8, 7), (2, 10, 6, 11))
    ]
    unet = dynamic(
        sample="batch 4 height width",
        timestep="batch",
        encoder_hidden_states="batch words",
        output="batch 4 height width",
    )
    drawn = [
        {"image": picture(n, 3, h, w), "noise": normal(n, 4, h // 2, w // 2)}
        for n, h, w in ((1, 16, 24), (2, 20, 12))
    ]
    steps = [
        {"sample": normal(n, 2, 6, 8), "steps": lambda g, s=s: torch.tensor(s)} for n, s in ((1, 4), (1, 25))
    ]
    pictures = lambda *sizes, channels=3: [{"image": picture(n, channels, h, w)} for n, h, w in sizes]
    bigger = dict(image=image, output="batch 3 rows columns")
    found = [
        Case("diffusion_unet", DiffusionUnet, latents, dynamic_axes=unet, opset=14),
        Case("diffusion_unet_opset17", DiffusionUnet, latents, dynamic_axes=unet),
        Case(
            "diffusion_vae",
            DiffusionVae,
            drawn,
            outputs=("output", "latent"),
            opset=16,
            dynamic_axes=dynamic(
                image=image, noise="batch 4 rows columns", output=image, latent="batch 4 rows columns"
            ),
        ),
        Case("denoise_loop", DenoiseLoop, steps, finish=scripted, opset=13, stacked=False),
        Case(
            "vq_vae",
            VqVae,
            pictures((1, 16, 24), (3, 20, 8)),
            outputs=("output", "codes"),
            opset=12,
            dynamic_axes=dynamic(image=image, output=image, codes="batch rows columns"),
        ),
        Case("edsr", Edsr, pictures((1, 12, 20), (2, 9, 15)), opset=13, dynamic_axes=dynamic(**bigger)),
        Case("rrdb", Rrdb, pictures((1, 16, 20), (2, 24, 12)), opset=14, dynamic_axes=dynamic(**bigger)),
        Case(
            "fsrcnn",
            fsrcnn,
            pictures((1, 12, 20), (2, 9, 15), channels=1),
            opset=9,
            dynamic_axes=dynamic(image="batch 1 height width", output="batch 1 rows columns"),
        ),
        Case(
            "wgan",
            Wgan,
            [{"z": normal(n, 16)} for n in (2, 3)],
            outputs=("output", "score"),
            opset=11,
            dynamic_axes=dynamic(z="batch", output="batch", score="batch"),
        ),
        Case(
            "coupling_flow",
            CouplingFlow,
            [{"z": normal(n, 8, h, 6)} for n, h in ((2, 4), (1, 7))],
            outputs=("output", "change"),
            opset=13,
            dynamic_axes=dynamic(z="batch 8 rows", output="batch 2 height", change="batch"),
        ),
    ]
    return found
