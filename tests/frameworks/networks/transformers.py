"""Transformers: a text encoder with a padding mask, a causal decoder with a growing key-value cache, a vision
transformer and a windowed (Swin) one, and a 1-D convolutional network on sound.
"""

import math

import torch
import torchvision
from torch import nn
from torch.nn import functional

from case import Case, normal

WIDTH, HEADS, WORDS = 64, 4, 500


def words(batch: int, length: int):
    return lambda generator: torch.randint(0, WORDS, (batch, length), generator=generator)


def split_heads(x):
    return x.view(x.shape[0], x.shape[1], HEADS, WIDTH // HEADS).transpose(1, 2)


def attend(query, key, value, bias):
    scores = query @ key.transpose(-1, -2) / math.sqrt(WIDTH // HEADS) + bias
    merged = (functional.softmax(scores, -1) @ value).transpose(1, 2)
    return merged.reshape(merged.shape[0], merged.shape[1], WIDTH)


class Layer(nn.Module):
    """Pre-norm attention and feed-forward; `past` is earlier keys and values, (2,N,heads,T,head width)."""

    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(2))
        self.project = nn.Linear(WIDTH, 3 * WIDTH)
        self.merge = nn.Linear(WIDTH, WIDTH)
        self.widen, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x, bias, past=None):
        query, key, value = (split_heads(part) for part in self.project(self.norms[0](x)).chunk(3, -1))
        if past is not None:
            key, value = torch.cat([past[0], key], 2), torch.cat([past[1], value], 2)
        x = x + self.merge(attend(query, key, value, bias))
        x = x + self.narrow(functional.gelu(self.widen(self.norms[1](x))))
        return x, torch.stack([key, value])


class TextEncoder(nn.Module):
    """Words and a 1/0 mask to one pooled vector a text, and all states."""

    def __init__(self):
        super().__init__()
        self.words, self.places = nn.Embedding(WORDS, WIDTH), nn.Embedding(128, WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(3))
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, input_ids, attention_mask):
        x = self.words(input_ids) + self.places(torch.arange(input_ids.shape[1]))
        kept = attention_mask.to(x.dtype)
        for layer in self.layers:
            x, _ = layer(x, (1.0 - kept[:, None, None, :]) * -10000.0)
        x = self.norm(x)
        weights = kept.unsqueeze(-1)
        return x, (x * weights).sum(1) / weights.sum(1).clamp(min=1.0)


class CachedDecoder(nn.Module):
    """Causal language model: new words and the cache of earlier ones to logits and the longer cache."""

    def __init__(self):
        super().__init__()
        self.words, self.places = nn.Embedding(WORDS, WIDTH), nn.Embedding(128, WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(2))
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, input_ids, past):
        length, earlier = input_ids.shape[1], past.shape[4]
        place = torch.arange(length) + earlier
        x = self.words(input_ids) + self.places(place)
        later = torch.arange(length + earlier)[None, :] > place[:, None]
        bias = torch.zeros(later.shape).masked_fill(later, -10000.0)
        present = []
        for index, layer in enumerate(self.layers):
            x, kept = layer(x, bias, past[index])
            present.append(kept)
        return functional.linear(self.norm(x), self.words.weight), torch.stack(present)


class SoundTagger(nn.Module):
    """Dilated 1-D convolutions over a waveform, gated, then attention-free pooling."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv1d(1, 32, 16, stride=8, padding=4)
        self.norms = nn.ModuleList(nn.BatchNorm1d(32) for _ in range(4))
        self.convs = nn.ModuleList(nn.Conv1d(32, 64, 3, padding=2**i, dilation=2**i) for i in range(4))
        self.up = nn.ConvTranspose1d(32, 8, 16, stride=8, padding=4)
        self.tags = nn.Linear(64, 10)

    def forward(self, sound):
        x = self.stem(sound)
        for norm, conv in zip(self.norms, self.convs):
            x = x + functional.glu(conv(norm(x)), 1)
        tags = self.tags(torch.cat([x.mean(2), x.amax(2)], 1))
        return tags, torch.tanh(self.up(x))


def vision():
    network = torchvision.models.VisionTransformer(
        image_size=64, patch_size=8, num_layers=3, num_heads=4, hidden_dim=64, mlp_dim=128, num_classes=50
    )
    nn.init.normal_(network.heads.head.weight, std=0.1)
    return network


def swin():
    return torchvision.models.SwinTransformer(
        patch_size=[4, 4],
        embed_dim=32,
        depths=[2, 2, 2],
        num_heads=[2, 4, 8],
        window_size=[4, 4],
        num_classes=50,
    )


def text_cases():
    def mask(*lengths):
        width = max(lengths)
        return lambda generator: (torch.arange(width)[None] < torch.tensor(lengths)[:, None]).long()

    runs = [
        {"input_ids": words(2, 12), "attention_mask": mask(12, 7)},
        {"input_ids": words(3, 33), "attention_mask": mask(5, 33, 20)},
    ]
    both = {0: "batch", 1: "length"}
    text = {"input_ids": both, "attention_mask": both, "states": both, "pooled": {0: "batch"}}
    decode = {
        "input_ids": both,
        "past": {2: "batch", 4: "past"},
        "logits": both,
        "present": {2: "batch", 4: "total"},
    }
    steps = [
        {"input_ids": words(1, length), "past": normal(2, 2, 1, HEADS, earlier, WIDTH // HEADS)}
        for length, earlier in ((4, 6), (1, 30), (9, 0))
    ]
    return [
        Case("text_encoder", TextEncoder, runs, outputs=["states", "pooled"], dynamic_axes=text),
        Case(
            "text_encoder_opset11",
            TextEncoder,
            runs,
            outputs=["states", "pooled"],
            dynamic_axes=text,
            opset=11,
        ),
        Case(
            "cached_decoder",
            CachedDecoder,
            steps,
            outputs=["logits", "present"],
            dynamic_axes=decode,
            opset=16,
        ),
    ]


def cases():
    images = [{"input": normal(batch, 3, 64, 64)} for batch in (1, 3)]
    batch = {"input": {0: "batch"}, "output": {0: "batch"}}
    sounds = {
        "sound": {0: "batch", 2: "samples"},
        "tags": {0: "batch"},
        "cleaned": {0: "batch", 2: "samples"},
    }
    return text_cases() + [
        Case("vision_transformer", vision, images, dynamic_axes=batch),
        Case("swin", swin, images[:1], opset=15),
        Case(
            "sound_tagger",
            SoundTagger,
            [{"sound": normal(1, 1, 800)}, {"sound": normal(2, 1, 1600)}],
            outputs=["tags", "cleaned"],
            dynamic_axes=sounds,
        ),
    ]
