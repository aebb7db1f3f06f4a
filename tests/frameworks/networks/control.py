"""Networks with control flow, scripted so that If and Loop reach the file, and recurrent networks.

Branches and trip counts depend on inputs; the runs of a case take different branches and counts.
"""

from typing import List, Tuple

import torch
from torch import nn

from case import Case, constant, normal


class Branch(nn.Module):
    """Two convolutions; which one runs depends on a flag, and a further step on the mean of the data."""

    def __init__(self):
        super().__init__()
        self.smooth = nn.Conv2d(4, 8, 3, padding=1)
        self.point = nn.Conv2d(4, 8, 1)

    def forward(self, x: torch.Tensor, wide: torch.Tensor) -> torch.Tensor:
        if bool(wide):
            y = torch.relu(self.smooth(x))
        else:
            y = torch.sigmoid(self.point(x)) * 2.0
        if bool(x.mean() > 0.5):
            y = y - y.mean(dim=[2, 3], keepdim=True)
        return y


class Repeat(nn.Module):
    """h <- tanh(W h + x), as many times as the input says."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(16, 16)

    def forward(self, x: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        h = torch.zeros_like(x)
        for _ in range(int(times)):
            h = torch.tanh(self.linear(h) + x)
        return h


class Collect(nn.Module):
    """A recurrent cell over the first axis; every state is kept and the states are stacked."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(12, 12)
        self.outer = nn.Linear(6, 12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.zeros(x.shape[1], 12)
        states = []
        for step in range(x.shape[0]):
            h = torch.tanh(self.inner(h) + self.outer(x[step]))
            states.append(h)
        return torch.stack(states, 0)


class Until(nn.Module):
    """Halves x until its largest magnitude is below one: the trip count depends on the data."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count = torch.zeros(1)
        while bool(x.abs().max() > 1.0):
            x = x * 0.5
            count = count + 1.0
        return torch.cat([x.flatten(), count])


class Lists(nn.Module):
    """Pieces of a given length each, kept in a list, some doubled on the way, joined again and counted."""

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        pieces: List[torch.Tensor] = []
        begin = torch.zeros(1, dtype=torch.long)
        for index in range(lengths.shape[0]):
            length = lengths[index]
            piece = x[begin[0] : begin[0] + length]
            if bool(piece.sum() > 0):
                piece = torch.cat([piece, piece * 0.5])
            pieces.append(piece)
            begin = begin + length
        return torch.cat(pieces), begin + len(pieces)


class Beam(nn.Module):
    """Beam search over a table of transitions: the best K of K x V continuations at each of a given number of steps."""

    def __init__(self):
        super().__init__()
        self.words, self.cell, self.head = nn.Embedding(11, 8), nn.Linear(16, 8), nn.Linear(8, 11)
        nn.init.normal_(self.head.weight)

    def forward(self, state: torch.Tensor, steps: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        beams = state.shape[0]
        written = torch.zeros(beams, 1, dtype=torch.long)
        total = torch.zeros(beams, 1)
        for _ in range(int(steps)):
            state = torch.tanh(self.cell(torch.cat([self.words(written[:, -1]), state], 1)))
            scores = (total + torch.log_softmax(self.head(state), 1)).view(-1)
            best, place = torch.topk(scores, beams)
            row = torch.div(place, 11, rounding_mode="floor")
            written = torch.cat([written[row], (place - row * 11).unsqueeze(1)], 1)
            state, total = state[row], best.unsqueeze(1)
        return written, total


class StateSpace(nn.Module):
    """A selective scan: the state decays by what the input says, step by step, and is read out gated."""

    def __init__(self, width: int = 8, states: int = 4):
        super().__init__()
        self.into, self.out = nn.Linear(width, 2 * width), nn.Linear(width, width)
        self.conv = nn.Conv1d(width, width, 3, padding=2, groups=width)
        self.step, self.read, self.write = (
            nn.Linear(width, width),
            nn.Linear(width, states),
            nn.Linear(width, states),
        )
        self.decay = nn.Parameter(torch.rand(width, states) + 0.2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, gate = self.into(x).chunk(2, 2)
        y = self.conv(y.transpose(1, 2))[:, :, : x.shape[1]].transpose(1, 2)
        y = y * torch.sigmoid(y)
        step = torch.log1p(torch.exp(self.step(y)))
        read, write = self.read(y), self.write(y)
        state = torch.zeros(x.shape[0], x.shape[2], 4)
        rows: List[torch.Tensor] = []
        for t in range(x.shape[1]):
            keep = torch.exp(-step[:, t].unsqueeze(2) * self.decay)
            state = state * keep + (step[:, t] * y[:, t]).unsqueeze(2) * write[:, t].unsqueeze(1)
            rows.append((state * read[:, t].unsqueeze(1)).sum(2))
        return self.out(torch.stack(rows, 1) * torch.sigmoid(gate)) + x


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(10, 14, num_layers=2, bidirectional=True)

    def forward(self, x, h, c):
        y, (h, c) = self.lstm(x, (h, c))
        return y, h, c


class Gru(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(10, 14, bidirectional=True)

    def forward(self, x):
        return self.gru(x)


def lstm_run(steps: int, batch: int):
    return {
        "x": normal(steps, batch, 10),
        "h": normal(4, batch, 14, scale=0.5),
        "c": normal(4, batch, 14, scale=0.5),
    }


def scripted(network):
    return lambda: torch.jit.script(network())


def control_cases():
    branch = [
        {"x": normal(1, 4, 8, 8), "wide": constant(True)},
        {"x": normal(2, 4, 6, 10), "wide": constant(False)},
        {"x": lambda generator: torch.rand(1, 4, 8, 8, generator=generator) + 0.5, "wide": constant(True)},
    ]
    repeat = [{"x": normal(3, 16), "times": constant(count)} for count in (4, 1, 9)]
    size = {0: "batch", 2: "height", 3: "width"}
    rows = {0: "rows"}
    return [
        Case(
            "script_if", scripted(Branch), branch, dynamic_axes={"x": size, "output": size}, disturbed=False
        ),
        Case(
            "script_if_opset13",
            scripted(Branch),
            branch,
            dynamic_axes={"x": size, "output": size},
            opset=13,
            disturbed=False,
        ),
        Case("script_loop", scripted(Repeat), repeat, disturbed=False),
        Case("script_loop_opset11", scripted(Repeat), repeat, opset=11, disturbed=False),
        Case(
            "script_loop_states",
            scripted(Collect),
            [{"x": normal(5, 2, 6)}, {"x": normal(8, 3, 6)}],
            dynamic_axes={"x": {0: "steps", 1: "batch"}, "output": {0: "steps", 1: "batch"}},
            disturbed=False,
        ),
        Case(
            "script_while",
            scripted(Until),
            [{"x": normal(4, 5, scale=3.0)}, {"x": normal(7, 5, scale=40.0)}],
            dynamic_axes={"x": rows, "output": {0: "values"}},
            disturbed=False,
        ),
    ]


def list_cases():
    lists = [{"x": normal(n, 3), "lengths": constant(parts)} for n, parts in ((9, [2, 3, 4]), (6, [1, 5]))]
    beams = [{"state": normal(n, 8), "steps": constant(steps)} for n, steps in ((3, 4), (5, 9))]
    scans = [{"x": normal(n, t, 8)} for n, t in ((1, 6), (3, 11))]
    table = [
        (
            "script_lists",
            Lists,
            lists,
            ("output", "count"),
            {"x": {0: "rows"}, "lengths": {0: "parts"}, "output": {0: "more"}},
        ),
        (
            "script_beam",
            Beam,
            beams,
            ("written", "score"),
            {"state": {0: "beams"}, "written": {0: "beams", 1: "length"}, "score": {0: "beams"}},
        ),
        (
            "script_state_space",
            StateSpace,
            scans,
            ("output",),
            {name: {0: "batch", 1: "steps"} for name in ("x", "output")},
        ),
    ]
    return [
        Case(
            f"{name}_opset{opset}",
            scripted(build),
            runs,
            outputs=outputs,
            dynamic_axes=axes,
            opset=opset,
            disturbed=False,
        )
        for name, build, runs, outputs, axes in table
        for opset in (13, 16)
    ]


def recurrent_cases():
    lstm_axes = {
        "x": {0: "steps", 1: "batch"},
        "h": {1: "batch"},
        "c": {1: "batch"},
        "y": {0: "steps", 1: "batch"},
        "h_last": {1: "batch"},
        "c_last": {1: "batch"},
    }
    gru_axes = {"x": {0: "steps", 1: "batch"}, "y": {0: "steps", 1: "batch"}, "h_last": {1: "batch"}}
    return [
        Case(
            "lstm",
            Lstm,
            [lstm_run(7, 2), lstm_run(11, 3)],
            outputs=["y", "h_last", "c_last"],
            dynamic_axes=lstm_axes,
            opset=14,
        ),
        Case(
            "gru",
            Gru,
            [{"x": normal(7, 1, 10)}, {"x": normal(4, 3, 10)}],
            outputs=["y", "h_last"],
            dynamic_axes=gru_axes,
        ),
    ]


def cases():
    return control_cases() + list_cases() + recurrent_cases()
