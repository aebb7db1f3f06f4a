"""PyTorch's recurrent layers: both directions, several layers, batch first, packed lengths, cells in a loop."""

import torch
from torch import nn

from case import Case, dynamic, normal

IN, HIDDEN = 10, 14


class Recurrent(nn.Module):
    """One layer kind with its initial states as inputs if asked for."""

    def __init__(self, kind, **options):
        super().__init__()
        self.layer = kind(IN, HIDDEN, **options)

    def forward(self, x, *states):
        return self.layer(x, states if len(states) > 1 else states[0]) if states else self.layer(x)


class Packed(nn.Module):
    """Texts of different length: each ends where its length says, the other direction begins there.

    The export makes the batch of the first run a constant of the initial states.
    """

    def __init__(self, kind, **options):
        super().__init__()
        self.layer = kind(IN, HIDDEN, batch_first=True, bidirectional=True, **options)

    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
        y, last = self.layer(packed)
        y, _ = nn.utils.rnn.pad_packed_sequence(y, batch_first=True)
        return (y, *last) if isinstance(last, tuple) else (y, last)


class Cells(nn.Module):
    """LSTM, GRU and RNN cells one after another, unrolled by the trace."""

    def __init__(self):
        super().__init__()
        self.lstm, self.gru = nn.LSTMCell(IN, HIDDEN), nn.GRUCell(HIDDEN, HIDDEN)
        self.rnn = nn.RNNCell(HIDDEN, HIDDEN, nonlinearity="relu")

    def forward(self, x):
        h = c = g = r = torch.zeros(x.shape[1], HIDDEN)
        rows = []
        for step in range(4):
            h, c = self.lstm(x[step], (h, c))
            g = self.gru(h, g)
            r = self.rnn(g, r)
            rows.append(r + g)
        return torch.stack(rows), c


class Tagger(nn.Module):
    """Words, convolution over letters, a two-layer LSTM both ways, scores a word (as ELMo-era taggers)."""

    def __init__(self):
        super().__init__()
        self.words, self.letters = nn.Embedding(200, 24), nn.Embedding(40, 8)
        self.conv = nn.Conv1d(8, 12, 3, padding=1)
        self.lstm = nn.LSTM(36, 20, num_layers=2, bidirectional=True, batch_first=True)
        self.tags = nn.Linear(40, 9)

    def forward(self, words, letters):
        batch, length, spelled = letters.shape
        x = self.letters(letters.view(-1, spelled)).transpose(1, 2)
        x = torch.relu(self.conv(x)).max(2)[0].view(batch, length, -1)
        y, _ = self.lstm(torch.cat([self.words(words), x], 2))
        scores = self.tags(y)
        return torch.log_softmax(scores, -1), scores.argmax(-1)


def lengths(*values: int):
    return lambda generator: torch.tensor(values)


def cases():
    steps, batched = "steps batch 10", "batch steps 10"
    found = []

    def add(name, build, runs, outputs, **more):
        axes = more.pop("axes")
        found.append(
            Case(name, build, runs, outputs=outputs, dynamic_axes=dynamic(**axes), stacked=False, **more)
        )

    plain = [{"x": normal(7, 2, IN)}, {"x": normal(3, 5, IN)}]
    first = [{"x": normal(2, 7, IN)}, {"x": normal(5, 3, IN)}]
    one, two = {"x": steps, "y": "steps batch"}, {"x": batched, "y": "batch steps"}
    for name, kind, options in (("rnn_tanh", nn.RNN, {}), ("rnn_relu", nn.RNN, {"nonlinearity": "relu"})):
        add(name, lambda k=kind, o=options: Recurrent(k, **o), plain, ("y", "h"), axes=one, opset=9)
        more = {**options, "num_layers": 3, "bidirectional": True, "batch_first": True}
        add(f"{name}_deep", lambda k=kind, o=more: Recurrent(k, **o), first, ("y", "h"), axes=two, opset=14)
    deep = {"num_layers": 3, "bidirectional": True, "batch_first": True}
    add("lstm_deep", lambda: Recurrent(nn.LSTM, **deep), first, ("y", "h", "c"), axes=two, opset=11)
    add("gru_deep", lambda: Recurrent(nn.GRU, **deep), first, ("y", "h"), axes=two, opset=13)
    add("lstm_no_bias", lambda: Recurrent(nn.LSTM, bias=False), plain, ("y", "h", "c"), axes=one, opset=9)
    states = [{"x": normal(2, t, IN), "h": normal(2, 2, HIDDEN), "c": normal(2, 2, HIDDEN)} for t in (7, 1)]
    add(
        "lstm_states",
        lambda: Recurrent(nn.LSTM, num_layers=2, batch_first=True),
        states,
        ("y", "h_last", "c_last"),
        axes={"x": "2 steps 10", "y": "2 steps"},
        opset=16,
    )
    add(
        "gru_states",
        lambda: Recurrent(nn.GRU, num_layers=2),
        [{"x": normal(t, 2, IN), "h": normal(2, 2, HIDDEN)} for t in (6, 2)],
        ("y", "h_last"),
        axes={"x": "steps 2 10", "y": "steps 2"},
        opset=12,
    )
    packed = [
        {"x": normal(3, 8, IN), "lengths": lengths(8, 5, 1)},
        {"x": normal(3, 6, IN), "lengths": lengths(6, 6, 2)},
    ]
    for name, kind, outputs in (
        ("lstm", nn.LSTM, ("y", "h", "c")),
        ("gru", nn.GRU, ("y", "h")),
        ("rnn", nn.RNN, ("y", "h")),
    ):
        add(
            f"{name}_packed",
            lambda k=kind: Packed(k, num_layers=2),
            packed,
            outputs,
            axes={"x": "3 steps 10", "y": "3 steps"},
            opset=14,
        )
    add(
        "cells",
        Cells,
        [{"x": normal(4, 3, IN)}, {"x": normal(4, 2, IN)}],
        ("y", "c"),
        axes={"x": "4 batch 10", "y": "4 batch", "c": "batch"},
        opset=17,
    )

    def words(below, *shape):
        return lambda generator: torch.randint(0, below, shape, generator=generator)

    add(
        "tagger",
        Tagger,
        [{"words": words(200, n, t), "letters": words(40, n, t, 6)} for n, t in ((2, 5), (1, 11))],
        ("scores", "tags"),
        axes={
            "words": "batch length",
            "letters": "batch length 6",
            "scores": "batch length",
            "tags": "batch length",
        },
        opset=13,
    )
    return found
