"""Networks that choose: words for experts, words to write next, neighbours to look at.

translate_greedy   encoder-decoder whose greedy decoding is a Loop that stops at the end word
torch_transformer  PyTorch's own nn.Transformer with a causal and a padding mask
mixture            soft-max routing of each word to the best two of four experts (TopK, NonZero, IndexAdd)
clip               two towers, the last word by argmax, unit vectors, a temperature
einsum_mixer       attention, attention along each axis of a map, and a bilinear form in einsum
point_cloud        k nearest neighbours of each point, edge convolutions, max over neighbours (DGCNN)
graph_network      messages along edges given as indices, summed and averaged at their ends (scatter)
deformable_query   reference points and offsets, GridSample on two maps, weights by soft-max (deformable DETR)
set_matcher        unique labels, sort, cumulative sums, masks, where
"""

import math

import torch
from torch import nn
from torch.nn import functional

from case import Case, dynamic, normal, picture, uniform, whole

WORDS = 60
END = 30


class Attention(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))
        self.heads: int = heads
        self.scale: float = math.sqrt(width // heads)

    def forward(self, x: torch.Tensor, memory: torch.Tensor, causal: bool) -> torch.Tensor:
        n, t, w = x.shape
        q = self.q(x).view(n, t, self.heads, -1).transpose(1, 2)
        k = self.k(memory).view(n, memory.shape[1], self.heads, -1).transpose(1, 2)
        v = self.v(memory).view(n, memory.shape[1], self.heads, -1).transpose(1, 2)
        scores = torch.matmul(q, k.transpose(2, 3)) / self.scale
        if causal:
            later = torch.arange(t).unsqueeze(0) > torch.arange(t).unsqueeze(1)
            scores = scores.masked_fill(later, -10000.0)
        y = torch.matmul(torch.softmax(scores, -1), v).transpose(1, 2).reshape(n, t, w)
        return self.o(y)


class Translate(nn.Module):
    """Batch of one; every step reads all that was written."""

    def __init__(self, width: int = 32):
        super().__init__()
        self.end: int = END
        self.words, self.places = nn.Embedding(WORDS, width), nn.Embedding(64, width)
        self.read, self.write, self.look = Attention(width, 4), Attention(width, 4), Attention(width, 4)
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(3)])
        self.head = nn.Linear(width, WORDS)
        nn.init.normal_(self.head.weight, std=1.0)

    def forward(self, source: torch.Tensor, longest: torch.Tensor):
        memory = self.words(source) + self.places(torch.arange(source.shape[1]))
        memory = self.norms[0](memory + self.read(memory, memory, False))
        written = torch.zeros(1, 1, dtype=torch.long)
        scores = torch.zeros(1, 1)
        going = True
        step = 0
        while going and step < int(longest):
            x = self.words(written) + self.places(torch.arange(written.shape[1]))
            x = self.norms[1](x + self.write(x, x, True))
            x = self.norms[2](x + self.look(x, memory, False))
            logits = torch.log_softmax(self.head(x[:, -1]), -1)
            best, word = logits.max(-1, keepdim=True)
            written = torch.cat([written, word], 1)
            scores = torch.cat([scores, best], 1)
            going = bool(word[0, 0] != self.end)
            step += 1
        return written, scores


class TorchTransformer(nn.Module):
    def __init__(self, width: int = 32):
        super().__init__()
        self.words = nn.Embedding(WORDS, width)
        self.body = nn.Transformer(width, 4, 2, 2, 64, batch_first=True, norm_first=True, activation="gelu")
        self.head = nn.Linear(width, WORDS)

    def forward(self, source, target, padded):
        later = torch.triu(torch.full((target.shape[1], target.shape[1]), -10000.0), 1)
        y = self.body(
            self.words(source),
            self.words(target),
            tgt_mask=later,
            src_key_padding_mask=padded,
            memory_key_padding_mask=padded,
        )
        return self.head(y)


class Mixture(nn.Module):
    def __init__(self, width: int = 32, experts: int = 4):
        super().__init__()
        self.gate = nn.Linear(width, experts, bias=False)
        nn.init.normal_(self.gate.weight)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 64), nn.SiLU(), nn.Linear(64, width)) for _ in range(experts)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, x):
        batch, length, width = x.shape
        rows = self.norm(x).view(-1, width)
        share, chosen = torch.topk(functional.softmax(self.gate(rows), 1), 2, -1)
        share = share / share.sum(-1, keepdim=True)
        total = torch.zeros_like(rows)
        masks = functional.one_hot(chosen, len(self.experts)).permute(2, 1, 0)
        for index, expert in enumerate(self.experts):
            rank, row = torch.where(masks[index] > 0)
            found = expert(rows[row]) * share[row, rank].unsqueeze(1)
            total = total.index_add(0, row, found)
        return x + total.view(batch, length, width), chosen.view(batch, length, 2)


class Clip(nn.Module):
    def __init__(self, width: int = 48):
        super().__init__()
        layer = lambda: nn.TransformerEncoderLayer(
            width, 4, 96, batch_first=True, norm_first=True, activation="gelu"
        )
        self.words, self.places = nn.Embedding(WORDS, width), nn.Parameter(torch.randn(32, width) * 0.1)
        self.text = nn.ModuleList(layer() for _ in range(2))
        self.patches, self.first = nn.Conv2d(3, width, 8, 8, bias=False), nn.Parameter(torch.randn(width))
        self.image = nn.ModuleList(layer() for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.project = nn.ParameterList(nn.Parameter(torch.randn(width, 24) / 7) for _ in range(2))
        self.temperature = nn.Parameter(torch.tensor(2.0))

    def forward(self, text, image):
        x = self.words(text) + self.places[: text.shape[1]]
        later = torch.full((text.shape[1], text.shape[1]), -10000.0).triu(1)
        for layer in self.text:
            x = layer(x, later)
        x = self.norms[0](x)[torch.arange(x.shape[0]), text.argmax(-1)] @ self.project[0]
        y = self.patches(image).flatten(2).transpose(1, 2)
        y = torch.cat([self.first + torch.zeros(y.shape[0], 1, y.shape[-1]), y], 1)
        y = self.norms[1](y)
        for layer in self.image:
            y = layer(y)
        y = self.norms[2](y[:, 0]) @ self.project[1]
        x, y = x / x.norm(dim=-1, keepdim=True), y / y.norm(dim=1, keepdim=True)
        scores = self.temperature.exp() * y @ x.t()
        return scores, scores.softmax(-1)


class EinsumMixer(nn.Module):
    def __init__(self, width: int = 24, heads: int = 3):
        super().__init__()
        self.qkv = nn.Parameter(torch.randn(3, heads, width, width // heads) / math.sqrt(width))
        self.merge = nn.Parameter(torch.randn(heads, width // heads, width) / math.sqrt(width))
        self.pair = nn.Parameter(torch.randn(5, width, width) / width)
        self.norm = nn.GroupNorm(3, width)

    def forward(self, x):
        y = self.norm(x)
        q, k, v = torch.einsum("ncyx,pacd->pnayxd", y, self.qkv)
        rows = torch.einsum("nayxd,nayzd->nayxz", q, k).softmax(-1)
        columns = torch.einsum("nayxd,nazxd->naxyz", q, k).softmax(-1)
        mixed = torch.einsum("nayxz,nayzd->nayxd", rows, v) + torch.einsum("naxyz,nazxd->nayxd", columns, v)
        x = x + torch.einsum("nayxd,adc->ncyx", mixed, self.merge)
        pooled = x.mean((2, 3))
        return (
            x,
            torch.einsum("ni,kij,nj->nk", pooled, self.pair, pooled)
            + torch.einsum("nn->n", pooled @ pooled.t())[:, None],
        )


class PointCloud(nn.Module):
    def __init__(self, near: int = 6):
        super().__init__()
        self.edges = nn.ModuleList(
            nn.Sequential(nn.Conv2d(2 * a, b, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2))
            for a, b in ((3, 16), (16, 24))
        )
        self.last = nn.Sequential(nn.Conv1d(40, 64, 1, bias=False), nn.BatchNorm1d(64), nn.LeakyReLU(0.2))
        self.classes, self.near = nn.Linear(128, 10), near

    def around(self, x):
        batch, width, points = x.shape
        inner = -2 * torch.matmul(x.transpose(2, 1), x)
        square = torch.sum(x**2, 1, keepdim=True)
        index = (-square - inner - square.transpose(2, 1)).topk(self.near, -1)[1]
        index = (index + torch.arange(batch).view(-1, 1, 1) * points).view(-1)
        rows = x.transpose(2, 1).contiguous()
        found = rows.view(batch * points, -1)[index, :].view(batch, points, self.near, width)
        rows = rows.view(batch, points, 1, width).repeat(1, 1, self.near, 1)
        return torch.cat((found - rows, rows), 3).permute(0, 3, 1, 2).contiguous()

    def forward(self, points):
        x, kept = points, []
        for edge in self.edges:
            x = edge(self.around(x)).max(-1)[0]
            kept.append(x)
        x = self.last(torch.cat(kept, 1))
        pooled = torch.cat(
            (
                functional.adaptive_max_pool1d(x, 1).squeeze(-1),
                functional.adaptive_avg_pool1d(x, 1).squeeze(-1),
            ),
            1,
        )
        return self.classes(pooled)


class GraphNetwork(nn.Module):
    def __init__(self, width: int = 16):
        super().__init__()
        self.first, self.width = nn.Linear(7, width), width
        self.messages = nn.ModuleList(nn.Linear(2 * width + 3, width) for _ in range(2))
        self.updates = nn.ModuleList(nn.GRUCell(width, width) for _ in range(2))
        self.score = nn.Linear(width, 1)

    def forward(self, nodes, edges, kinds):
        x = torch.tanh(self.first(nodes))
        source, target = edges[0], edges[1]
        for message, update in zip(self.messages, self.updates):
            sent = torch.relu(message(torch.cat([x[source], x[target], kinds], 1)))
            total = torch.zeros(x.shape[0], sent.shape[1]).scatter_add(
                0, target.unsqueeze(1).repeat(1, self.width), sent
            )
            count = torch.zeros(x.shape[0]).scatter_add(
                0, target, torch.ones_like(target, dtype=torch.float32)
            )
            x = update(total / count.clamp(min=1).unsqueeze(1), x)
        weight = torch.sigmoid(self.score(x))
        return x, (x * weight).sum(0, keepdim=True)


class DeformableQuery(nn.Module):
    def __init__(self, width: int = 32, heads: int = 4, points: int = 3, levels: int = 2):
        super().__init__()
        self.shape = (heads, levels, points)
        self.offsets = nn.Linear(width, heads * levels * points * 2)
        self.weights = nn.Linear(width, heads * levels * points)
        self.value, self.merge = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, query, places, fine, coarse):
        heads, levels, points = self.shape
        n, count, width = query.shape
        offset = self.offsets(query).view(n, count, heads, levels, points, 2) * 0.1
        share = functional.softmax(self.weights(query).view(n, count, heads, levels * points), -1)
        found = []
        for level, plane in enumerate((fine, coarse)):
            rows = self.value(plane.flatten(2).transpose(1, 2)).view(n, -1, heads, width // heads)
            rows = (
                rows.flatten(2)
                .transpose(1, 2)
                .reshape(n * heads, width // heads, plane.shape[2], plane.shape[3])
            )
            grid = 2 * (places[:, :, None, None, :] + offset[:, :, :, level]) - 1
            grid = grid.transpose(1, 2).flatten(0, 1)
            found.append(
                functional.grid_sample(rows, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
            )
        share = share.transpose(1, 2).reshape(n * heads, 1, count, levels * points)
        y = (torch.stack(found, -2).flatten(-2) * share).sum(-1).view(n, width, count)
        return self.merge(y.transpose(1, 2)) + query


class SetMatcher(nn.Module):
    def forward(self, scores, labels):
        kinds, place, count = torch.unique(labels, sorted=True, return_inverse=True, return_counts=True)
        ordered, order = torch.sort(scores, 0, descending=True)
        running = torch.cumsum(ordered, 0) / torch.arange(1, scores.shape[0] + 1).unsqueeze(1)
        above = torch.where(scores > scores.mean(0, keepdim=True), scores, -scores.abs().sqrt())
        best = torch.nonzero(scores == scores.amax(0, keepdim=True))
        totals = torch.zeros(kinds.shape[0], 4).scatter_add(0, place.unsqueeze(1).repeat(1, 4), above)
        return kinds, count, order, running, totals / count.unsqueeze(1), best, scores[scores > 0.3]


def scripted(network):
    return torch.jit.script(network.eval())


def cases():
    both = "batch length"
    greedy = [
        {"source": whole(WORDS, 1, n), "longest": lambda g, m=m: torch.tensor(m)}
        for n, m in ((6, 5), (11, 12), (3, 2))
    ]
    padded = lambda n, t: lambda g: torch.arange(t)[None] >= t - 2 * torch.arange(n)[:, None]
    pairs = [
        {"source": whole(WORDS, n, t), "target": whole(WORDS, n, d), "padded": padded(n, t)}
        for n, t, d in ((2, 7, 4), (3, 9, 12))
    ]
    clip = [
        {"text": whole(WORDS, t, n), "image": picture(i, 3, 32, 32)} for t, n, i in ((3, 7, 2), (2, 20, 4))
    ]

    def edges(nodes, count):
        return lambda g: torch.randint(0, nodes, (2, count), generator=g)

    graphs = [
        {"nodes": normal(n, 7), "edges": edges(n, e), "kinds": normal(e, 3)} for n, e in ((9, 30), (25, 40))
    ]
    queries = [
        {
            "query": normal(n, q, 32),
            "places": uniform(n, q, 2),
            "fine": picture(n, 32, 12, 10),
            "coarse": picture(n, 32, 6, 5),
        }
        for n, q in ((1, 7), (2, 15))
    ]
    table = [
        (
            "torch_transformer",
            TorchTransformer,
            pairs,
            ("output",),
            dict(source=both, target="batch answer", padded=both, output="batch answer"),
            14,
        ),
        (
            "mixture",
            Mixture,
            [{"x": normal(2, 5, 32)}, {"x": normal(1, 13, 32)}],
            ("output", "chosen"),
            dict(x=both, output=both, chosen=both),
            16,
        ),
        (
            "clip",
            Clip,
            clip,
            ("scores", "shares"),
            dict(text="texts length", image="images", scores="images texts", shares="images texts"),
            14,
        ),
        (
            "einsum_mixer",
            EinsumMixer,
            [{"x": normal(2, 24, 5, 7)}, {"x": normal(3, 24, 8, 4)}],
            ("map", "pairs"),
            dict(x="batch 24 height width", map="batch 24 height width", pairs="batch"),
            12,
        ),
        (
            "point_cloud",
            PointCloud,
            [{"points": normal(2, 3, 40)}, {"points": normal(1, 3, 25)}],
            ("output",),
            dict(points="batch 3 points", output="batch"),
            13,
        ),
        (
            "graph_network",
            GraphNetwork,
            graphs,
            ("nodes_out", "pooled"),
            dict(nodes="nodes", edges="2 edges", kinds="edges", nodes_out="nodes"),
            16,
        ),
        (
            "deformable_query",
            DeformableQuery,
            queries,
            ("output",),
            dict(
                query="batch queries",
                places="batch queries",
                fine="batch",
                coarse="batch",
                output="batch queries",
            ),
            16,
        ),
        (
            "set_matcher",
            SetMatcher,
            [{"scores": normal(n, 4), "labels": whole(5, n)} for n in (9, 17)],
            ("kinds", "count", "order", "running", "totals", "best", "chosen"),
            dict(
                scores="rows",
                labels="rows",
                order="rows",
                running="rows",
                kinds="kinds",
                count="kinds",
                totals="kinds",
                best="found",
                chosen="chosen",
            ),
            16,
        ),
    ]
    return [
        Case(
            name,
            build,
            runs,
            outputs=outputs,
            dynamic_axes=dynamic(**axes),
            opset=opset,
            stacked=name == "point_cloud",
        )
        for name, build, runs, outputs, axes, opset in table
    ] + [
        Case(
            name,
            Translate,
            greedy,
            outputs=("written", "scores"),
            finish=scripted,
            stacked=False,
            ort_plain=True,
            dynamic_axes=dynamic(source="1 length", written="1 written", scores="1 written"),
            opset=opset,
        )
        for name, opset in (("translate_greedy", 14), ("translate_greedy_opset11", 11))
    ]
