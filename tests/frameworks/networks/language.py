"""Language models as they are exported for use: names of inputs, masks and caches as the well-known files have.

bert              post-norm encoder, three embeddings, pooled first word; any batch and length
gpt2              decoder of fused attention (Conv1D weights), past keys and values a layer, tanh GELU
llama             RMS norm, rotary halves, grouped queries, gated SiLU, cache, position_ids
chatglm           rotary in two dimensions (place and block place), interleaved pairs, one key head a group, length first
t5                relative position buckets, RMS norm, no scaling, encoder and one decoder pass
"""

import math

import torch
from torch import nn
from torch.nn import functional

from case import Case, dynamic, normal, whole

WORDS = 300


def initialise(network: nn.Module) -> nn.Module:
    """Embeddings of unit size would drown the layers; output rows wide enough to spread the logits."""
    for module in network.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.5)
    return network


class Bert(nn.Module):
    def __init__(self, width=96, heads=6, layers=3, places=64, words=WORDS):
        super().__init__()
        self.word, self.place, self.kind = (
            nn.Embedding(words, width),
            nn.Embedding(places, width),
            nn.Embedding(2, width),
        )
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(
            nn.ModuleDict(
                {
                    **{name: nn.Linear(width, width) for name in ("query", "key", "value", "merge")},
                    "widen": nn.Linear(width, 4 * width),
                    "narrow": nn.Linear(4 * width, width),
                    "first": nn.LayerNorm(width, eps=1e-12),
                    "second": nn.LayerNorm(width, eps=1e-12),
                }
            )
            for _ in range(layers)
        )
        self.pooler, self.heads = nn.Linear(width, width), heads
        self.register_buffer("position_ids", torch.arange(places).expand(1, -1))

    def split(self, x):
        x = x.view(x.size()[:-1] + (self.heads, x.shape[-1] // self.heads))
        return x.permute(0, 2, 1, 3)

    def forward(self, input_ids, attention_mask, token_type_ids):
        length = input_ids.size()[1]
        x = self.norm(
            self.word(input_ids) + self.kind(token_type_ids) + self.place(self.position_ids[:, :length])
        )
        bias = (1.0 - attention_mask[:, None, None, :].to(x.dtype)) * torch.finfo(x.dtype).min
        for layer in self.layers:
            query, key, value = (self.split(layer[name](x)) for name in ("query", "key", "value"))
            scores = torch.matmul(query, key.transpose(-1, -2)) / math.sqrt(query.shape[-1]) + bias
            y = torch.matmul(functional.softmax(scores, -1), value).permute(0, 2, 1, 3).contiguous()
            y = y.view(y.size()[:-2] + (x.shape[-1],))
            x = layer["first"](layer["merge"](y) + x)
            x = layer["second"](layer["narrow"](functional.gelu(layer["widen"](x))) + x)
        return x, torch.tanh(self.pooler(x[:, 0]))


class Gpt2(nn.Module):
    def __init__(self, width=64, heads=4, layers=2):
        super().__init__()
        self.word, self.place = nn.Embedding(WORDS, width), nn.Embedding(64, width)
        shapes = {
            "attend": (width, 3 * width),
            "merge": (width, width),
            "widen": (width, 4 * width),
            "narrow": (4 * width, width),
        }
        self.weights = nn.ModuleList(
            nn.ParameterDict(
                {
                    name: nn.Parameter(torch.randn(shape) / math.sqrt(shape[0]))
                    for name, shape in shapes.items()
                }
            )
            for _ in range(layers)
        )
        self.biases = nn.ModuleList(
            nn.ParameterDict(
                {name: nn.Parameter(torch.randn(shape[1]) * 0.1) for name, shape in shapes.items()}
            )
            for _ in range(layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2 * layers + 1))
        self.register_buffer("seen", torch.tril(torch.ones(64, 64, dtype=torch.uint8)).view(1, 1, 64, 64))
        self.heads = heads

    def project(self, x, layer, name):
        weight = self.weights[layer][name]
        y = torch.addmm(self.biases[layer][name], x.view(-1, x.size(-1)), weight)
        return y.view(x.size()[:-1] + (weight.shape[1],))

    def forward(self, input_ids, attention_mask, *past):
        earlier, width = past[0].shape[2], self.word.weight.shape[1]
        position_ids = attention_mask.long().cumsum(-1) - 1
        position_ids = position_ids.masked_fill(attention_mask == 0, 1)[:, earlier:]
        x = self.word(input_ids) + self.place(position_ids)
        bias = (1.0 - attention_mask.view(x.shape[0], -1)[:, None, None, :].float()) * -10000.0
        present = []
        for layer in range(len(self.weights)):
            parts = self.project(self.norms[2 * layer](x), layer, "attend").split(width, 2)
            query, key, value = (p.view(p.shape[:-1] + (self.heads, -1)).permute(0, 2, 1, 3) for p in parts)
            key, value = torch.cat((past[2 * layer], key), 2), torch.cat((past[2 * layer + 1], value), 2)
            present += [key, value]
            scores = torch.matmul(query, key.transpose(-1, -2)) / (value.size(-1) ** 0.5)
            total = key.size(-2)
            seen = self.seen[:, :, total - query.size(-2) : total, :total].bool()
            scores = torch.where(seen, scores, torch.tensor(torch.finfo(scores.dtype).min)) + bias
            y = torch.matmul(functional.softmax(scores, -1), value).permute(0, 2, 1, 3).contiguous()
            x = x + self.project(y.view(y.shape[:-2] + (width,)), layer, "merge")
            y = self.project(self.norms[2 * layer + 1](x), layer, "widen")
            y = 0.5 * y * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (y + 0.044715 * torch.pow(y, 3.0))))
            x = x + self.project(y, layer, "narrow")
        return (functional.linear(self.norms[-1](x), self.word.weight), *present)


class RmsNorm(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(0.7 + 0.6 * torch.rand(width))

    def forward(self, x):
        variance = x.to(torch.float32).pow(2).mean(-1, keepdim=True)
        return self.weight * (x * torch.rsqrt(variance + 1e-6)).to(x.dtype)


def rotate_half(x):
    half = x.shape[-1] // 2
    return torch.cat((-x[..., half:], x[..., :half]), -1)


class Llama(nn.Module):
    """Query heads share key heads."""

    def __init__(self, width=64, heads=8, shared=2, layers=2, feed=160, places=64, words=WORDS):
        super().__init__()
        size = width // heads
        self.word, self.shape = nn.Embedding(words, width), (heads, shared, size)
        rows = {"q": heads * size, "k": shared * size, "v": shared * size, "o": width, "gate": feed, "up": feed}
        self.layers = nn.ModuleList(
            nn.ModuleDict(
                {
                    **{n: nn.Linear(width, r, bias=False) for n, r in rows.items()},
                    "down": nn.Linear(feed, width, bias=False),
                }
            )
            for _ in range(layers)
        )
        self.norms = nn.ModuleList(RmsNorm(width) for _ in range(2 * layers + 1))
        self.head = nn.Linear(width, words, bias=False)
        angles = 1.0 / (10000 ** (torch.arange(0, size, 2).float() / size))
        self.register_buffer("angles", torch.outer(torch.arange(places).float(), angles).repeat(1, 2))

    def forward(self, input_ids, attention_mask, position_ids, *past):
        heads, shared, size = self.shape
        batch, length = input_ids.shape
        x = self.word(input_ids)
        total = past[0].shape[2] + length
        later = torch.full((length, length), torch.finfo(x.dtype).min)
        later = torch.triu(later, 1)
        later = torch.cat([torch.zeros(length, total - length), later], -1)[None, None].expand(
            batch, 1, length, total
        )
        absent = (1.0 - attention_mask[:, None, None, :].to(x.dtype)).expand(batch, 1, length, total)
        bias = later.masked_fill(absent.bool(), torch.finfo(x.dtype).min)
        angle = self.angles[position_ids].unsqueeze(1)
        cos, sin = angle.cos(), angle.sin()
        present = []
        for index, layer in enumerate(self.layers):
            y = self.norms[2 * index](x)
            query = layer["q"](y).view(batch, length, heads, size).transpose(1, 2)
            key = layer["k"](y).view(batch, length, shared, size).transpose(1, 2)
            value = layer["v"](y).view(batch, length, shared, size).transpose(1, 2)
            query, key = (part * cos + rotate_half(part) * sin for part in (query, key))
            key, value = torch.cat([past[2 * index], key], 2), torch.cat([past[2 * index + 1], value], 2)
            present += [key, value]
            key, value = (
                part[:, :, None]
                .expand(batch, shared, heads // shared, total, size)
                .reshape(batch, heads, total, size)
                for part in (key, value)
            )
            scores = torch.matmul(query, key.transpose(2, 3)) / math.sqrt(size) + bias
            scores = torch.max(scores, torch.tensor(torch.finfo(scores.dtype).min))
            y = torch.matmul(functional.softmax(scores, -1, dtype=torch.float32).to(query.dtype), value)
            x = x + layer["o"](y.transpose(1, 2).reshape(batch, length, heads * size))
            y = self.norms[2 * index + 1](x)
            x = x + layer["down"](functional.silu(layer["gate"](y)) * layer["up"](y))
        return (self.head(self.norms[-1](x)).float(), *present)


class ChatGlm(nn.Module):
    """Half of a head turns with the place in the text, half with the place in the answer; states are (L,N,W)."""

    def __init__(self, width=64, heads=4, layers=2):
        super().__init__()
        self.word, self.shape = nn.Embedding(WORDS, width), (heads, width // heads)
        self.layers = nn.ModuleList(
            nn.ModuleDict(
                {
                    "first": nn.LayerNorm(width),
                    "attend": nn.Linear(width, 3 * width),
                    "merge": nn.Linear(width, width),
                    "second": nn.LayerNorm(width),
                    "widen": nn.Linear(width, 4 * width),
                    "narrow": nn.Linear(4 * width, width),
                }
            )
            for _ in range(layers)
        )
        self.norm, self.alpha = nn.LayerNorm(width), (2 * layers) ** 0.5
        half = width // heads // 2
        angles = torch.outer(
            torch.arange(64).float(), 1.0 / (10000 ** (torch.arange(0, half, 2).float() / half))
        )
        self.register_buffer("cos", torch.cat((angles, angles), -1).cos())
        self.register_buffer("sin", torch.cat((angles, angles), -1).sin())

    def turn(self, x, position):
        cos = functional.embedding(position.transpose(0, 1), self.cos).unsqueeze(2)
        sin = functional.embedding(position.transpose(0, 1), self.sin).unsqueeze(2)
        return x * cos + rotate_half(x) * sin

    def forward(self, input_ids, position_ids, attention_mask, past):
        heads, size = self.shape
        x = self.word(input_ids).transpose(0, 1)
        place, block = position_ids[:, 0, :], position_ids[:, 1, :]
        present = []
        for index, layer in enumerate(self.layers):
            y = layer["first"](x)
            mixed = layer["attend"](y).view(x.shape[0], x.shape[1], heads, 3 * size)
            query, key, value = mixed.chunk(3, -1)
            q1, q2 = query.chunk(2, -1)
            k1, k2 = key.chunk(2, -1)
            query = torch.cat([self.turn(q1, place), self.turn(q2, block)], -1)
            key = torch.cat([self.turn(k1, place), self.turn(k2, block)], -1)
            key = torch.cat([past[index, 0], key], 0)
            value = torch.cat([past[index, 1], value], 0)
            present.append(torch.stack([key, value]))
            length, batch, total = query.shape[0], query.shape[1], key.shape[0]
            query = (query / (math.sqrt(size) * (index + 1.0))).reshape(length, batch * heads, size)
            scores = torch.baddbmm(
                torch.zeros(1, 1, 1),
                query.transpose(0, 1),
                key.reshape(total, batch * heads, size).permute(1, 2, 0),
                beta=0.0,
            ).view(batch, heads, length, total)
            scores = scores.masked_fill(attention_mask, -10000.0) * (index + 1.0)
            shares = functional.softmax(scores, -1).view(batch * heads, length, total)
            context = torch.bmm(shares, value.reshape(total, batch * heads, size).transpose(0, 1))
            context = (
                context.view(batch, heads, length, size)
                .permute(2, 0, 1, 3)
                .reshape(length, batch, heads * size)
            )
            x = y * self.alpha + layer["merge"](context)
            y = layer["second"](x)
            z = layer["widen"](y)
            z = 0.5 * z * (1.0 + torch.tanh(0.7978845608028654 * z * (1.0 + 0.044715 * z * z)))
            x = y * self.alpha + layer["narrow"](z)
        logits = functional.linear(self.norm(x), self.word.weight).permute(1, 0, 2)
        return logits, torch.stack(present)


class T5(nn.Module):
    def __init__(self, width=48, heads=4):
        super().__init__()
        self.word, self.heads = nn.Embedding(WORDS, width), heads
        self.near = nn.ModuleList(nn.Embedding(16, heads) for _ in range(2))
        self.blocks = nn.ModuleDict(
            {
                name: nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(4))
                for name in ("read", "self", "cross")
            }
        )
        self.norms = nn.ModuleList(RmsNorm(width) for _ in range(6))
        self.feed = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in ((width, 128), (128, width)) * 2)

    def bucket(self, rows: int, columns: int, both: bool):
        far = torch.arange(columns)[None, :] - torch.arange(rows)[:, None]
        buckets, found = 16, 0
        if both:
            buckets //= 2
            found = (far > 0).long() * buckets
            far = far.abs()
        else:
            far = -torch.min(far, torch.zeros_like(far))
        exact = buckets // 2
        large = (
            exact + (torch.log(far.float() / exact + 1e-9) / math.log(32 / exact) * (buckets - exact)).long()
        )
        large = torch.min(large, torch.full_like(large, buckets - 1))
        return found + torch.where(far < exact, far, large)

    def attend(self, name, x, memory, bias):
        q, k, v, o = self.blocks[name]
        query, key, value = (
            part.view(part.shape[0], -1, self.heads, part.shape[-1] // self.heads).transpose(1, 2)
            for part in (q(x), k(memory), v(memory))
        )
        y = functional.softmax(query @ key.transpose(3, 2) * 0.3 + bias, -1) @ value
        return o(y.transpose(1, 2).reshape(x.shape))

    def forward(self, input_ids, attention_mask, decoder_input_ids):
        x, y = self.word(input_ids), self.word(decoder_input_ids)
        absent = (1.0 - attention_mask[:, None, None, :].float()) * -1e9
        length, answer = input_ids.shape[1], decoder_input_ids.shape[1]
        bias = self.near[0](self.bucket(length, length, True)).permute(2, 0, 1).unsqueeze(0)
        x = x + self.attend("read", self.norms[0](x), self.norms[0](x), bias + absent)
        x = x + self.feed[1](torch.relu(self.feed[0](self.norms[1](x))))
        memory = self.norms[2](x)
        bias = self.near[1](self.bucket(answer, answer, False)).permute(2, 0, 1).unsqueeze(0)
        later = torch.triu(torch.ones(answer, answer), 1) * -1e9
        y = y + self.attend("self", self.norms[3](y), self.norms[3](y), bias + later)
        y = y + self.attend("cross", self.norms[4](y), memory, absent)
        y = y + self.feed[3](functional.gelu(self.feed[2](self.norms[5](y))))
        return functional.linear(y * 48**-0.5, self.word.weight), memory


def cached_runs(layers: int, heads: int, size: int, positions: bool):
    """Prompt without a past, one more word after a long past, several words for two texts of unlike length."""

    def left_padded(batch, total):
        return lambda generator: (torch.arange(total)[None] >= torch.arange(batch)[:, None] * 2).long()

    runs = []
    for batch, length, earlier in ((2, 5, 3), (1, 1, 20), (2, 7, 0)):
        run = {
            "input_ids": whole(WORDS, batch, length),
            "attention_mask": left_padded(batch, length + earlier),
        }
        if positions:
            run["position_ids"] = (
                lambda generator, b=batch, n=length, e=earlier: (torch.arange(n) + e)
                .expand(b, n)
                .contiguous()
            )
        for layer in range(layers):
            for part in ("key", "value"):
                run[f"past_key_values.{layer}.{part}"] = normal(batch, heads, earlier, size)
        runs.append(run)
    return runs


def cached_case(name, build, heads, size, positions, opset):
    runs = cached_runs(2, heads, size, positions)
    present = [f"present.{layer}.{part}" for layer in range(2) for part in ("key", "value")]
    axes = dynamic(input_ids="batch length", attention_mask="batch total", logits="batch length")
    if positions:
        axes.update(dynamic(position_ids="batch length"))
    axes.update({key: {0: "batch", 2: "past"} for key in runs[0] if key.startswith("past")})
    axes.update({key: {0: "batch", 2: "total"} for key in present})
    return Case(
        name, lambda: initialise(build()), runs, outputs=("logits", *present), dynamic_axes=axes, opset=opset
    )


def places(batch, length, earlier):
    def make(generator):
        place = torch.clamp(torch.arange(length) + earlier, max=earlier + 2)
        block = torch.clamp(torch.arange(length) - 1, min=0)
        return torch.stack([place, block]).expand(batch, 2, length).contiguous()

    return make


def not_seen(batch, length, earlier):
    return (
        lambda generator: (torch.arange(length + earlier)[None] > torch.arange(length)[:, None] + earlier)
        .expand(batch, 1, length, length + earlier)
        .contiguous()
    )


def cases():
    both = "batch length"
    texts = [
        {"input_ids": whole(WORDS, n, t), "attention_mask": kept(n, t), "token_type_ids": whole(2, n, t)}
        for n, t in ((2, 12), (3, 21))
    ]
    bert = dynamic(
        input_ids=both,
        attention_mask=both,
        token_type_ids=both,
        last_hidden_state=both,
        pooler_output="batch",
    )
    glm = [
        {
            "input_ids": whole(WORDS, n, t),
            "position_ids": places(n, t, e),
            "attention_mask": not_seen(n, t, e),
            "past": normal(2, 2, e, n, 4, 16),
        }
        for n, t, e in ((1, 6, 4), (2, 1, 9), (1, 5, 0))
    ]
    glm_axes = dynamic(
        input_ids=both,
        position_ids="batch 2 length",
        attention_mask="batch 1 length total",
        past="2 2 past batch",
        logits=both,
        present="2 2 total batch",
    )
    pairs = [
        {
            "input_ids": whole(WORDS, n, t),
            "attention_mask": kept(n, t),
            "decoder_input_ids": whole(WORDS, n, d),
        }
        for n, t, d in ((2, 11, 5), (1, 40, 9))
    ]
    t5 = dynamic(
        input_ids=both,
        attention_mask=both,
        decoder_input_ids="batch answer",
        logits="batch answer",
        memory=both,
    )
    outputs = ("last_hidden_state", "pooler_output")
    return [
        *[
            Case(name, lambda: initialise(Bert()), texts, outputs=outputs, dynamic_axes=bert, opset=opset)
            for name, opset in (("bert", 17), ("bert_opset10", 10), ("bert_opset12", 12))
        ],
        cached_case("gpt2", Gpt2, 4, 16, False, 13),
        cached_case("gpt2_opset11", Gpt2, 4, 16, False, 11),
        cached_case("llama", Llama, 2, 8, True, 14),
        cached_case("llama_opset17", Llama, 2, 8, True, 17),
        Case(
            "chatglm",
            lambda: initialise(ChatGlm()),
            glm,
            outputs=("logits", "present"),
            dynamic_axes=glm_axes,
            opset=16,
            stacked=False,
        ),
        Case("t5", lambda: initialise(T5()), pairs, outputs=("logits", "memory"), dynamic_axes=t5, opset=14),
    ]


def kept(batch, length):
    return lambda generator: (torch.arange(length)[None] < length - 3 * torch.arange(batch)[:, None]).long()
