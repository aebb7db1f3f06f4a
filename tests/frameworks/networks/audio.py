"""Networks on sound.

spectrogram     STFT written as a strided convolution with window and Fourier weights, mel bands, log, normalised
stft_operator   torch.stft as ONNX's STFT, and its magnitude
speech_ctc      wav2vec 2.0's way: strided 1-D stem with group and layer norms, grouped positional convolution with
                weight norm, transformer, CTC log-probabilities and their best path without repeats
speech_encoder  Whisper's way: two convolutions with GELU, sinusoids, pre-norm attention, a cross-attending step
wavenet         dilated causal gated convolutions with skip sums
vocoder         transposed 1-D convolutions and multi-receptive residual blocks of two dilations (HiFi-GAN)
separator       learnt filter bank, temporal convolutions with global layer norm, masks, overlap-add (Conv-TasNet)
conformer       half-step feed-forwards, relative-free attention, gated depthwise convolution
keyword_rnn     depthwise-separable 2-D convolutions on bands, then a GRU over time
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from case import Case, dynamic, normal


def mel_bands(bands: int, bins: int, rate: float = 16000.0):
    """Triangles evenly spaced in 2595 log10(1 + f / 700), (bands, bins)."""
    top = 2595 * math.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    at = np.linspace(0, rate / 2, bins)
    rise = (at - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - at) / (edges[2:] - edges[1:-1])[:, None]
    return torch.tensor(np.maximum(0, np.minimum(rise, fall)), dtype=torch.float32)


class Spectrogram(nn.Module):
    def __init__(self, window: int = 128, hop: int = 40, bands: int = 20):
        super().__init__()
        bins = window // 2 + 1
        turns = 2 * math.pi * torch.arange(bins)[:, None] * torch.arange(window)[None] / window
        weight = torch.cat([turns.cos(), -turns.sin()]) * torch.hann_window(window)
        self.register_buffer("weight", weight.unsqueeze(1))
        self.register_buffer("bands", mel_bands(bands, bins))
        self.hop, self.window = hop, window

    def forward(self, sound):
        x = functional.pad(sound.unsqueeze(1), (self.window // 2, self.window // 2), "reflect")
        real, imaginary = functional.conv1d(x, self.weight, stride=self.hop).chunk(2, 1)
        power = real**2 + imaginary**2
        log = torch.clamp(self.bands @ power, min=1e-5).log10()
        log = torch.maximum(log, log.amax((1, 2), keepdim=True) - 4.0)
        return (log - log.mean(2, keepdim=True)) / (log.std(2, keepdim=True) + 1e-3)


class Stft(torch.autograd.Function):
    """PyTorch 1.13 does not export its own: (N,samples) to (N,frames,33,2)."""

    @staticmethod
    def forward(context, sound, window):
        found = torch.stft(sound, 64, 16, 64, window, center=False, onesided=True, return_complex=False)
        return found.transpose(1, 2).contiguous()

    @staticmethod
    def symbolic(g, sound, window):
        hop, length = (g.op("Constant", value_t=torch.tensor(n)) for n in (16, 64))
        return g.op("STFT", sound, hop, window, length, onesided_i=1)


class StftOperator(nn.Module):
    def __init__(self, window: int = 64):
        super().__init__()
        self.register_buffer("shape", torch.hann_window(window))

    def forward(self, sound):
        found = Stft.apply(sound, self.shape)
        magnitude = found.pow(2).sum(-1).sqrt()
        return found, magnitude, torch.log1p(magnitude)


class SpeechCtc(nn.Module):
    def __init__(self, width: int = 48):
        super().__init__()
        self.first = nn.Sequential(nn.Conv1d(1, 32, 10, 5, bias=False), nn.GroupNorm(32, 32), nn.GELU())
        self.stem = nn.ModuleList(nn.Conv1d(32, 32, k, 2, bias=False) for k in (3, 3, 2))
        self.norms = nn.ModuleList(nn.LayerNorm(32) for _ in range(4))
        self.project = nn.Linear(32, width)
        self.places = nn.utils.weight_norm(nn.Conv1d(width, width, 16, padding=8, groups=4), dim=2)
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 4, 96, activation="gelu", batch_first=True) for _ in range(2)
        )
        self.head = nn.Linear(width, 12)
        nn.init.normal_(self.head.weight)

    def forward(self, sound):
        x = (sound - sound.mean(1, keepdim=True)) / torch.sqrt(sound.var(1, keepdim=True) + 1e-7)
        x = self.first(x.unsqueeze(1))
        for conv, norm in zip(self.stem, self.norms):
            x = functional.gelu(norm(conv(x).transpose(-2, -1)).transpose(-2, -1))
        x = self.project(self.norms[3](x.transpose(1, 2)))
        x = self.norm(x + functional.gelu(self.places(x.transpose(1, 2))[:, :, :-1]).transpose(1, 2))
        for layer in self.layers:
            x = layer(x)
        scores = functional.log_softmax(self.head(x), -1)
        best = scores.argmax(-1)
        changed = torch.cat([torch.ones_like(best[:, :1], dtype=torch.bool), best[:, 1:] != best[:, :-1]], 1)
        return scores, best[changed & (best != 0)]


class SpeechEncoder(nn.Module):
    def __init__(self, bands: int = 20, width: int = 48):
        super().__init__()
        self.convs = nn.ModuleList(
            (nn.Conv1d(bands, width, 3, padding=1), nn.Conv1d(width, width, 3, stride=2, padding=1))
        )
        angles = torch.arange(64)[:, None] * torch.exp(-math.log(10000) / 23 * torch.arange(24))[None]
        self.register_buffer("places", torch.cat([angles.sin(), angles.cos()], 1))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 4, 96, activation="gelu", batch_first=True, norm_first=True)
            for _ in range(2)
        )
        self.norm, self.words = nn.LayerNorm(width), nn.Embedding(50, width)
        self.step = nn.TransformerDecoderLayer(
            width, 4, 96, activation="gelu", batch_first=True, norm_first=True
        )

    def forward(self, bands, written):
        x = functional.gelu(self.convs[1](functional.gelu(self.convs[0](bands)))).permute(0, 2, 1)
        x = x + self.places[: x.shape[1]]
        for layer in self.layers:
            x = layer(x)
        x = self.norm(x)
        later = torch.full((written.shape[1], written.shape[1]), -1e4).triu_(1)
        y = self.step(self.words(written), x, tgt_mask=later)
        return y @ self.words.weight.t(), x


class Wavenet(nn.Module):
    def __init__(self, width: int = 16):
        super().__init__()
        self.first = nn.Conv1d(1, width, 1)
        self.dilations = (1, 2, 4, 8, 16, 1, 2, 4)
        self.gates = nn.ModuleList(nn.Conv1d(width, 2 * width, 2, dilation=d) for d in self.dilations)
        self.local = nn.ModuleList(nn.Conv1d(6, 2 * width, 1) for _ in self.dilations)
        self.rest, self.skips = (
            nn.ModuleList(nn.Conv1d(width, width, 1) for _ in self.dilations) for _ in range(2)
        )
        self.last = nn.Sequential(nn.ReLU(), nn.Conv1d(width, 32, 1), nn.ReLU(), nn.Conv1d(32, 64, 1))

    def forward(self, sound, local):
        x, total = self.first(sound), 0
        local = functional.interpolate(local, scale_factor=8.0, mode="nearest")
        for dilation, gate, condition, rest, skip in zip(
            self.dilations, self.gates, self.local, self.rest, self.skips
        ):
            a, b = (gate(functional.pad(x, (dilation, 0))) + condition(local)).chunk(2, 1)
            y = torch.tanh(a) * torch.sigmoid(b)
            total = total + skip(y)
            x = (x + rest(y)) * math.sqrt(0.5)
        return self.last(total)


class Vocoder(nn.Module):
    def __init__(self):
        super().__init__()
        wrap = nn.utils.weight_norm
        self.first = wrap(nn.Conv1d(20, 32, 7, padding=3))
        self.ups = nn.ModuleList(
            wrap(nn.ConvTranspose1d(a, b, k, u, (k - u) // 2))
            for a, b, k, u in ((32, 24, 16, 8), (24, 16, 8, 4), (16, 8, 4, 2))
        )
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                nn.ModuleList(wrap(nn.Conv1d(w, w, k, padding=d * (k - 1) // 2, dilation=d)) for d in (1, 3))
                for k in (3, 7)
            )
            for w in (24, 16, 8)
        )
        self.last = wrap(nn.Conv1d(8, 1, 7, padding=3))

    def forward(self, bands):
        x = self.first(bands)
        for up, block in zip(self.ups, self.blocks):
            x, total = up(functional.leaky_relu(x, 0.1)), 0
            for convs in block:
                y = x
                for conv in convs:
                    y = y + conv(functional.leaky_relu(y, 0.1))
                total = total + y
            x = total / len(block)
        return torch.tanh(self.last(functional.leaky_relu(x)) * 3)


class Separator(nn.Module):
    def __init__(self, width: int = 24, speakers: int = 2):
        super().__init__()
        self.encode = nn.Conv1d(1, width, 16, 8, bias=False)
        self.norm, self.first = nn.GroupNorm(1, width), nn.Conv1d(width, width, 1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(width, 32, 1),
                nn.PReLU(),
                nn.GroupNorm(1, 32),
                nn.Conv1d(32, 32, 3, padding=2**i, dilation=2**i, groups=32),
                nn.PReLU(),
                nn.GroupNorm(1, 32),
                nn.Conv1d(32, width, 1),
            )
            for i in range(4)
        )
        self.mask = nn.Sequential(nn.PReLU(), nn.Conv1d(width, speakers * width, 1))
        self.decode = nn.ConvTranspose1d(width, 1, 16, 8, bias=False)
        self.speakers, self.width = speakers, width

    def forward(self, sound):
        coded = torch.relu(self.encode(sound.unsqueeze(1)))
        x = self.first(self.norm(coded))
        for block in self.blocks:
            x = x + block(x)
        mask = torch.relu(self.mask(x)).view(x.shape[0], self.speakers, self.width, -1)
        parts = (mask * coded.unsqueeze(1)).flatten(0, 1)
        return self.decode(parts).view(sound.shape[0], self.speakers, -1) * 10


class Conformer(nn.Module):
    def __init__(self, width: int = 32):
        super().__init__()
        feed = lambda: nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 96), nn.SiLU(), nn.Linear(96, width)
        )
        self.first, self.second = feed(), feed()
        self.attend, self.norms = nn.MultiheadAttention(width, 4, batch_first=True), nn.ModuleList(
            nn.LayerNorm(width) for _ in range(3)
        )
        self.widen, self.depth = nn.Conv1d(width, 2 * width, 1), nn.Conv1d(
            width, width, 7, padding=3, groups=width
        )
        self.batch, self.narrow = nn.BatchNorm1d(width), nn.Conv1d(width, width, 1)

    def forward(self, x, absent):
        x = x + 0.5 * self.first(x)
        y = self.norms[0](x)
        x = x + self.attend(y, y, y, key_padding_mask=absent, need_weights=False)[0]
        y = functional.glu(self.widen(self.norms[1](x).transpose(1, 2)), 1).masked_fill(
            absent.unsqueeze(1), 0.0
        )
        x = x + self.narrow(functional.silu(self.batch(self.depth(y)))).transpose(1, 2)
        return self.norms[2](x + 0.5 * self.second(x))


class KeywordRnn(nn.Module):
    def __init__(self):
        super().__init__()
        layers = [nn.Conv2d(1, 16, (5, 3), (2, 1), (2, 1)), nn.BatchNorm2d(16), nn.Hardswish()]
        for _ in range(2):
            layers += [
                nn.Conv2d(16, 16, 3, padding=1, groups=16),
                nn.BatchNorm2d(16),
                nn.ELU(),
                nn.Conv2d(16, 16, 1),
                nn.Softplus(),
            ]
        self.body, self.pool = nn.Sequential(*layers), nn.MaxPool2d((2, 1), ceil_mode=True)
        self.rnn, self.words = nn.GRU(16 * 5, 24, batch_first=True, bidirectional=True), nn.Linear(48, 9)

    def forward(self, bands):
        x = self.pool(self.body(bands.unsqueeze(1)))
        x = x.permute(0, 3, 1, 2).flatten(2)
        y, _ = self.rnn(x)
        share = torch.softmax(y.mean(-1, keepdim=True), 1)
        return self.words((y * share).sum(1))


def cases():
    sound, bands = "batch samples", "batch 20 frames"
    two = lambda *shapes, name="sound": [{name: normal(*shape)} for shape in shapes]
    conformer = [
        {
            "x": normal(n, t, 32),
            "absent": lambda g, n=n, t=t: torch.arange(t)[None] >= t - 3 * torch.arange(n)[:, None],
        }
        for n, t in ((2, 9), (3, 21))
    ]
    table = [
        (
            "spectrogram",
            Spectrogram,
            two((1, 800), (2, 1230)),
            ("output",),
            dict(sound=sound, output=bands),
            13,
        ),
        (
            "stft_operator",
            StftOperator,
            two((2, 320), (3, 500)),
            ("output", "magnitude", "log"),
            dict(sound=sound, output="batch frames", magnitude="batch frames", log="batch frames"),
            17,
        ),
        (
            "speech_ctc",
            SpeechCtc,
            two((1, 1600), (2, 2480)),
            ("scores", "path"),
            dict(sound=sound, scores="batch frames", path="letters"),
            13,
        ),
        (
            "speech_encoder",
            SpeechEncoder,
            [
                {
                    "bands": normal(n, 20, t),
                    "written": lambda g, n=n, w=w: torch.randint(0, 50, (n, w), generator=g),
                }
                for n, t, w in ((1, 40, 4), (2, 62, 1))
            ],
            ("logits", "states"),
            dict(bands=bands, written="batch written", logits="batch written", states="batch states"),
            14,
        ),
        (
            "wavenet",
            Wavenet,
            [{"sound": normal(n, 1, 8 * t), "local": normal(n, 6, t)} for n, t in ((1, 12), (2, 31))],
            ("output",),
            dict(sound="batch 1 samples", local="batch 6 frames", output="batch 64 samples"),
            11,
        ),
        (
            "vocoder",
            Vocoder,
            two((1, 20, 9), (2, 20, 14), name="bands"),
            ("output",),
            dict(bands=bands, output="batch 1 samples"),
            12,
        ),
        (
            "separator",
            Separator,
            two((1, 640), (2, 1000)),
            ("output",),
            dict(sound=sound, output="batch 2 samples"),
            9,
        ),
        (
            "conformer",
            Conformer,
            conformer,
            ("output",),
            dict(x="batch frames", absent="batch frames", output="batch frames"),
            16,
        ),
        (
            "keyword_rnn",
            KeywordRnn,
            two((1, 20, 30), (3, 20, 17), name="bands"),
            ("output",),
            dict(bands=bands, output="batch"),
            14,
        ),
    ]
    return [
        Case(name, build, runs, outputs=outputs, dynamic_axes=dynamic(**axes), opset=opset)
        for name, build, runs, outputs, axes, opset in table
    ]
