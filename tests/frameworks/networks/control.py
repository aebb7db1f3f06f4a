"""Networks with control flow, scripted so that If and Loop reach the file, and recurrent networks.

Branches and trip counts depend on inputs; the runs of a case take different branches and counts.
"""

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
    return control_cases() + recurrent_cases()
