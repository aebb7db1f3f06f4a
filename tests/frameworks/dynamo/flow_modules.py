"""Hand-written modules: control flow, attention with every form of mask, Fourier, complex numbers."""

import torch
from torch import nn
from torch.nn import functional as F

from model_case import ModelCase
from modules import layer, of, real


def conditional(x):
    return torch.cond(x.sum() > 0, lambda x: x.cos() * 2, lambda x: x.sin() - 1, (x,))


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, x, flag):
        def nested(x):
            return torch.cond(x.mean() > 0.1, lambda x: self.a(x).relu(), lambda x: self.a(x) * 3, (x,))

        return torch.cond(flag, nested, lambda x: self.b(x), (x,)), x + 1


def looped(x):
    from torch._higher_order_ops.while_loop import while_loop

    return while_loop(lambda i, x: i < 5, lambda i, x: (i + 1, x * 0.5 + i), (torch.tensor(0), x))


def scanned(x):
    from torch._higher_order_ops.scan import scan

    return scan(lambda carry, each: (carry * 0.9 + each, carry.sin() + each), torch.zeros_like(x[0]), x)


def causal(q, k, v):
    s = F.scaled_dot_product_attention
    return [s(q, k, v), s(q, k, v, is_causal=True), s(q, k, v, scale=0.3)]


def masked(q, k, v, b, f):
    s = F.scaled_dot_product_attention
    return [
        s(q, k, v, attn_mask=b),
        s(q, k, v, attn_mask=f),
        s(q, k, v, attn_mask=b[:1]),
        s(q, k, v, attn_mask=f[:, :1]),
    ]


def fully_masked(q, k, v):
    mask = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril(-1)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def grouped(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, enable_gqa=True), F.scaled_dot_product_attention(
        q, k, v, is_causal=True, enable_gqa=True
    )


def flat(q, k, v):
    return F.scaled_dot_product_attention(q, k, v)


def half_attention(q, k, v):
    return F.scaled_dot_product_attention(q.half(), k.half(), v.half()).float()


class MultiHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
        self.bare = nn.MultiheadAttention(16, 2, bias=False, kdim=6, vdim=5)

    def forward(self, x, k, v, pad):
        return (
            self.attention(x, x, x, key_padding_mask=pad),
            self.attention(x, x, x, need_weights=False)[0],
            self.bare(x, k, v)[0],
        )


class Rotary(nn.Module):
    def forward(self, x, cos, sin):
        a, b = x.chunk(2, -1)
        return x * cos[:, None] + torch.cat([-b, a], -1) * sin[:, None]


def fourier(x):
    f = torch.fft
    return [
        torch.view_as_real(f.fft(x)),
        torch.view_as_real(f.rfft(x)),
        f.irfft(f.rfft(x)),
        f.ifft(f.fft(x)).real,
        torch.view_as_real(f.fft(x, dim=1, norm="ortho")),
        f.rfft(x).abs(),
    ]


def fourier_2d(x):
    f = torch.fft
    return [
        torch.view_as_real(f.fft2(x)),
        f.irfft2(f.rfft2(x)),
        torch.view_as_real(f.rfftn(x, dim=(1, 2))),
        f.fftshift(x, dim=2),
        f.ifftshift(x),
    ]


def spectrogram(x):
    w = torch.hann_window(16)
    return torch.view_as_real(torch.stft(x, 16, 4, window=w, return_complex=True))


def spectrogram_plain(x):
    return torch.stft(x, 16, 8, center=False, return_complex=True, onesided=False).abs()


def back(x):
    w = torch.hann_window(16)
    return torch.istft(torch.stft(x, 16, 4, window=w, return_complex=True), 16, 4, window=w)


def complex_pairs(x, y):
    a, b = torch.view_as_complex(x), torch.view_as_complex(y)
    p = a * b
    return [
        torch.view_as_real(p),
        torch.view_as_real(a + b),
        p.real,
        p.imag,
        a.abs(),
        torch.view_as_real(a.conj() * b),
        torch.view_as_real(a / (b + 2)),
        torch.view_as_real(torch.complex(a.real, b.imag)),
    ]


def complex_more(x, y):
    a, b = torch.view_as_complex(x), torch.view_as_complex(y)
    return [
        torch.view_as_real(a[:2] @ b[:2].mT),
        torch.view_as_real(a.sum(1)),
        a.angle(),
        torch.view_as_real(torch.polar(a.abs(), a.angle())),
        torch.view_as_real(torch.cat([a, b], 1)),
    ]


def complex_io(x):
    return x * 2, x.conj()


def random_like(x):
    return (
        torch.rand_like(x) * 0 + x,
        torch.randn(3, 4) * 0 + 1,
        torch.randint(0, 1, (2,)),
        torch.bernoulli(torch.zeros_like(x)),
    )


def scalars(x, n):
    return x * n, x.shape[0] + n, torch.tensor(x.shape[1]), x[0, 0]


def passed_through(x, unused):
    return x, x, torch.tensor([1.5, 2.0]), x * 1


class Buffered(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros(3, dtype=torch.int64))
        self.register_buffer("empty", torch.zeros(0, 3))
        self.weight = nn.Parameter(torch.randn(4, 3))
        self.tied = nn.Linear(3, 4, bias=False)
        self.tied.weight = self.weight

    def forward(self, x):
        self.count += 1
        return self.tied(x) @ self.weight, torch.cat([x, self.empty]), self.count


class Quantized(nn.Module):
    def forward(self, x):
        q = torch.fake_quantize_per_tensor_affine(x, 0.1, 3, -128, 127)
        s = torch.ones(x.shape[1]) * 0.05
        return q, torch.fake_quantize_per_channel_affine(
            x, s, torch.zeros(x.shape[1], dtype=torch.int32), 1, -128, 127
        )


class Nested(nn.Module):
    def forward(self, items, pair, absent=None):
        return {"sum": items[0] + items[1], "deep": [pair["a"] * 2, (pair["b"],)]}


def nested_inputs():
    given = lambda: {
        "items": [torch.randn(2), torch.randn(2)],
        "pair": {"a": torch.randn(3), "b": torch.randn(1)},
    }  # noqa: E731
    return ModelCase("m_nested", Nested, [given])


def attention_cases() -> list:
    q, k = real(2, 4, 5, 8), real(2, 4, 7, 8)
    grouped_in = real(2, 8, 5, 4), real(2, 2, 5, 4), real(2, 2, 5, 4)
    every = (20, 23, 24, 25)
    return [
        of("sdpa", causal, (q, q, q), (real(3, 4, 9, 8),) * 3, opsets=every),
        of(
            "sdpa_masked",
            masked,
            (q, k, k, lambda: torch.rand(2, 4, 5, 7) > 0.3, real(2, 4, 5, 7)),
            opsets=every,
        ),
        of("sdpa_fully_masked", fully_masked, (q, k, k), opsets=every),
        of("sdpa_grouped", grouped, grouped_in, opsets=every),
        of("sdpa_3d", flat, (real(2, 5, 8), real(2, 7, 8), real(2, 7, 8)), opsets=(23,)),
        of("sdpa_half", half_attention, (q, k, k), opsets=(22, 24), limit=2e-3),
        layer(
            "multi_head",
            MultiHead,
            (
                real(5, 6, 16),
                real(9, 6, 6),
                real(9, 6, 5),
                lambda: torch.arange(6)[None] > torch.arange(1, 6)[:, None],
            ),
        ),
        layer("rotary", Rotary, (q, real(1, 5, 8), real(1, 5, 8)), opsets=(22, 23, 24)),
    ]


def cases() -> list:
    return [
        of("cond", conditional, (lambda: torch.ones(3, 4),), opsets=(20,)),
        of("cond_other", conditional, (lambda: -torch.ones(3, 4),), opsets=(23,)),
        layer("cond_nested", Branches, (real(2, 4), lambda: torch.tensor(True))),
        of("while_loop", looped, (real(3, 4),)),
        of("scan", scanned, (real(6, 3),)),
        *attention_cases(),
        of("fourier", fourier, (real(3, 4, 16),)),
        of("fourier_2d", fourier_2d, (real(2, 6, 8),)),
        of("stft", spectrogram, (real(2, 64),)),
        of("stft_plain", spectrogram_plain, (real(2, 64),)),
        of("istft", back, (real(2, 64),), fault="indices of int32 for ScatterND, which ONNX does not allow"),
        of("complex_pairs", complex_pairs, (real(3, 4, 2), real(3, 4, 2))),
        of("complex_more", complex_more, (real(3, 4, 2), real(3, 4, 2))),
        of("complex_io", complex_io, (lambda: torch.randn(3, 4, dtype=torch.complex64),)),
        of("random", random_like, (real(3, 4),)),
        of("scalars", scalars, (real(3, 4), lambda: torch.tensor(2)), (real(5, 4), lambda: torch.tensor(3))),
        of("passed_through", passed_through, (real(3, 4), real(2))),
        layer("buffers", Buffered, (real(2, 3),)),
        layer("quantized", Quantized, (real(2, 3, 4),)),
        nested_inputs(),
    ]
