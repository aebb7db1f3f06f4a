"""Hand-written modules: convolutions, pooling, norms, resizing, losses, recurrent layers, embeddings."""

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from modules import layer, of, real, whole


class Each(nn.Module):
    """Every layer on the same input."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x):
        return [each(x) for each in self.layers]


def convolutions():
    c = nn.Conv2d
    return Each(
        c(6, 8, 3),
        c(6, 8, 3, padding=1, stride=2),
        c(6, 12, 3, groups=3),
        c(6, 6, 3, groups=6, padding="same"),
        c(6, 8, (1, 5), dilation=(1, 2)),
        c(6, 4, 1, bias=False),
        c(6, 8, 3, padding=1, padding_mode="reflect"),
        c(6, 8, 3, padding=1, padding_mode="circular"),
        nn.ConvTranspose2d(6, 4, 3, stride=2),
        nn.ConvTranspose2d(6, 4, 4, 2, 1),
        nn.ConvTranspose2d(6, 6, 3, stride=2, padding=1, output_padding=1, groups=3),
        nn.ConvTranspose2d(6, 4, 3, dilation=2),
    )


def convolutions_1d():
    return Each(
        nn.Conv1d(4, 6, 3),
        nn.Conv1d(4, 8, 5, stride=2, padding=2, groups=2),
        nn.Conv1d(4, 4, 3, padding=4, dilation=4, groups=4),
        nn.ConvTranspose1d(4, 3, 4, 2, 1),
    )


def convolutions_3d():
    return Each(
        nn.Conv3d(3, 4, 3, padding=1),
        nn.Conv3d(3, 6, (1, 3, 3), stride=(1, 2, 2), groups=3),
        nn.ConvTranspose3d(3, 4, 2, stride=2),
    )


def pools():
    return Each(
        nn.MaxPool2d(2),
        nn.MaxPool2d(3, 2, 1),
        nn.MaxPool2d(3, 1, 1, dilation=1, ceil_mode=True),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.AvgPool2d(2),
        nn.AvgPool2d(3, 2, 1, count_include_pad=False),
        nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.AdaptiveAvgPool2d(1),
        nn.AdaptiveAvgPool2d((4, 2)),
        nn.AdaptiveMaxPool2d(4),
        nn.LPPool2d(2, 3),
    )


def pool_indices(x):
    values, indices = F.max_pool2d(x, 2, return_indices=True)
    return [values, indices]


def norms():
    return Each(
        nn.BatchNorm2d(6),
        nn.InstanceNorm2d(6),
        nn.InstanceNorm2d(6, affine=True),
        nn.GroupNorm(3, 6),
        nn.GroupNorm(1, 6),
        nn.LayerNorm([8]),
        nn.LayerNorm([6, 8, 8]),
        nn.LocalResponseNorm(3),
        nn.RMSNorm([8]),
        nn.LayerNorm([8], bias=False),
    )


def resizes(x):
    i = F.interpolate
    return [
        i(x, scale_factor=2),
        i(x, size=(5, 9)),
        i(x, scale_factor=2, mode="bilinear"),
        i(x, size=(7, 5), mode="bilinear", align_corners=True),
        i(x, scale_factor=1.5, mode="bicubic"),
        i(x, size=(11, 3), mode="bicubic", align_corners=True),
        i(x, scale_factor=0.5, mode="area"),
        i(x, size=(3, 3), mode="nearest-exact"),
        i(x, size=(4, 4), mode="bilinear", antialias=True),
        i(x, size=(5, 5), mode="bicubic", antialias=True),
        i(x[:, :, 0], scale_factor=2, mode="linear"),
        i(x, size=(x.shape[2] * 3, x.shape[3] * 2), mode="bilinear"),
    ]


def resizes_3d(x):
    return [
        F.interpolate(x, scale_factor=2),
        F.interpolate(x, size=(3, 5, 7), mode="trilinear"),
        F.interpolate(x, scale_factor=2, mode="trilinear", align_corners=True),
    ]


def shuffles(x):
    return [
        F.pixel_shuffle(x, 2),
        F.pixel_unshuffle(x, 2),
        F.channel_shuffle(x, 2),
        F.unfold(x, 3, padding=1),
        F.unfold(x, (2, 2), stride=2),
        F.fold(F.unfold(x, 2, stride=2), x.shape[2:], 2, stride=2),
    ]


def grids(x, g):
    s = F.grid_sample
    return [
        s(x, g, align_corners=False),
        s(x, g, align_corners=True),
        s(x, g, mode="nearest", align_corners=False),
        s(x, g, mode="bicubic", align_corners=False),
        s(x, g, padding_mode="border", align_corners=False),
        s(x, g, padding_mode="reflection", align_corners=True),
    ]


def affine(x, t):
    return [F.grid_sample(x, F.affine_grid(t, list(x.shape), align_corners=False), align_corners=False)]


def losses(x, y, i, p):
    q = p.softmax(1)
    return [
        F.mse_loss(x, y),
        F.l1_loss(x, y, reduction="none"),
        F.smooth_l1_loss(x, y),
        F.huber_loss(x, y, delta=0.5),
        F.cross_entropy(p, i),
        F.nll_loss(p.log_softmax(1), i, ignore_index=2),
        F.binary_cross_entropy(x.sigmoid(), y.sigmoid()),
        F.binary_cross_entropy_with_logits(x, y.sigmoid()),
        F.kl_div(p.log_softmax(1), q, reduction="batchmean"),
        F.cosine_embedding_loss(x, y, torch.ones(x.shape[0])),
        F.margin_ranking_loss(x, y, torch.ones_like(x)),
        F.triplet_margin_loss(x, y, x.flip(0)),
        F.hinge_embedding_loss(x, torch.ones_like(x)),
        F.poisson_nll_loss(x, y.abs()),
        F.soft_margin_loss(x, torch.ones_like(x)),
        F.nll_loss(p.log_softmax(1), i, reduction="sum"),
        F.multilabel_soft_margin_loss(p, (q > 0.1).float()),
    ]


class Recurrent(nn.Module):
    def __init__(self, kind, *args, **options):
        super().__init__()
        self.layer = kind(*args, **options)

    def forward(self, x):
        return self.layer(x)


class RecurrentWithState(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(5, 6, batch_first=True)
        self.cell = nn.GRUCell(6, 4)

    def forward(self, x, h, c):
        y, (h, c) = self.lstm(x, (h, c))
        return y, h, c, self.cell(y[:, -1])


class Bags(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean = nn.EmbeddingBag(11, 4, mode="mean")
        self.sum = nn.EmbeddingBag(11, 4, mode="sum")
        self.top = nn.EmbeddingBag(11, 4, mode="max")

    def forward(self, i):
        return self.mean(i), self.sum(i), self.top(i)


class Deformed(nn.Module):
    def __init__(self):
        super().__init__()
        self.offset = nn.Conv2d(4, 18, 3, padding=1)
        self.mask = nn.Conv2d(4, 9, 3, padding=1)
        self.conv = torchvision.ops.DeformConv2d(4, 6, 3, padding=1)

    def forward(self, x):
        return self.conv(x, self.offset(x), self.mask(x).sigmoid())


class Computed(nn.Module):
    """Weights that the graph computes."""

    def __init__(self):
        super().__init__()
        self.make = nn.Linear(3, 2 * 4 * 9)
        self.normed = nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 5, 3))
        self.spectral = nn.utils.parametrizations.spectral_norm(nn.Linear(6, 4))

    def forward(self, x, z):
        return F.conv2d(x, self.make(z).view(2, 4, 3, 3)), self.normed(x), self.spectral(x)


def boxes(x):
    rois = torch.tensor([[0, 1.0, 1.0, 6.0, 7.0], [1, 0.0, 2.0, 5.0, 5.0]])
    return torchvision.ops.roi_align(x, rois, 3, 1.0, 2), torchvision.ops.roi_align(
        x, rois, (2, 4), 0.5, 2, aligned=True
    )


def suppressed(b, s):
    corners = torch.cat([b[:, :2], b[:, :2] + b[:, 2:].abs() + 0.2], 1)
    return torchvision.ops.nms(corners, s, 0.3), torchvision.ops.box_iou(corners, corners)


def fixed_dropout(x):
    return F.dropout(x, 0.5, False) + F.alpha_dropout(x, 0.5, False) + F.dropout2d(x, 0.5, False)


def recurrent_cases() -> list:
    r, ten = Recurrent, (real(10, 2, 5),)
    return [
        layer("lstm", lambda: r(nn.LSTM, 5, 7), ten, (real(13, 3, 5),)),
        layer("lstm_deep", lambda: r(nn.LSTM, 5, 6, num_layers=2, bidirectional=True), ten),
        layer("lstm_batch_first", lambda: r(nn.LSTM, 5, 6, batch_first=True, bias=False), ten),
        layer(
            "lstm_projected",
            lambda: r(nn.LSTM, 5, 6, proj_size=3),
            ten,
            fault="ONNX has no LSTM with a projection; the exporter drops it",
        ),
        layer("gru", lambda: r(nn.GRU, 5, 7, batch_first=True), ten, (real(12, 3, 5),)),
        layer("gru_both_ways", lambda: r(nn.GRU, 5, 6, num_layers=2, bidirectional=True), ten),
        layer("rnn", lambda: r(nn.RNN, 5, 7), ten),
        layer("rnn_relu", lambda: r(nn.RNN, 5, 7, nonlinearity="relu", bidirectional=True), ten),
        layer("recurrent_state", RecurrentWithState, (real(3, 6, 5), real(1, 3, 6), real(1, 3, 6))),
    ]


def cases() -> list:
    p = (real(2, 6, 8, 8),), (real(3, 6, 11, 8),)
    return [
        layer("convolutions", convolutions, (real(2, 6, 12, 12),), (real(3, 6, 15, 14),)),
        layer("convolutions_1d", convolutions_1d, (real(2, 4, 20),), (real(3, 4, 27),)),
        layer("convolutions_3d", convolutions_3d, (real(1, 3, 6, 7, 8),)),
        layer("pools", pools, (real(2, 6, 8, 8),)),
        of("pool_indices", pool_indices, (real(2, 3, 8, 8),)),
        layer("norms", norms, (real(2, 6, 8, 8),), enlivened=True),
        of("resizes", resizes, *p),
        of("resizes_3d", resizes_3d, (real(1, 2, 3, 4, 5),)),
        of("shuffles", shuffles, (real(2, 4, 6, 8),), (real(3, 4, 8, 8),)),
        of("grids", grids, (real(2, 3, 6, 7), lambda: torch.rand(2, 5, 4, 2) * 2.4 - 1.2)),
        of("affine_grid", affine, (real(2, 3, 6, 7), real(2, 2, 3))),
        of(
            "soft_labels",
            lambda p, q: F.cross_entropy(p, q.softmax(1)),
            (real(4, 5), real(4, 5)),
            fault="labels of floating point for SoftmaxCrossEntropyLoss, which ONNX does not allow",
        ),
        of(
            "smoothed_labels",
            lambda p, i: F.cross_entropy(p, i, label_smoothing=0.1),
            (real(4, 5), whole(0, 5, 4)),
            fault="SoftmaxCrossEntropyLoss has no label smoothing; the exporter drops it",
        ),
        of("losses", losses, (real(4, 6), real(4, 6), whole(0, 5, 4), real(4, 5))),
        *recurrent_cases(),
        layer("embedding_bag", Bags, (whole(0, 11, 3, 5),)),
        layer("deform_conv", Deformed, (real(2, 4, 7, 8),)),
        layer("computed_weights", Computed, (real(2, 4, 6, 6), real(3))),
        of("roi", boxes, (real(2, 3, 10, 12),)),
        of("nms", suppressed, (real(12, 4), real(12))),
        of("dropout", fixed_dropout, (real(2, 3, 4, 4),)),
    ]
