"""What one exported case is, and how its random weights are made well conditioned.

A case is a network, the names of its inputs and outputs, and one or more sets of input shapes. Weights come from a
fixed seed. Batch-norm statistics are first measured on random inputs and then disturbed (mean by 0.3 sigma, variance
by a factor 0.7..1.4), so that folding them is a real change while activations stay near unit size in deep networks.
"""

from dataclasses import dataclass, field
from typing import Callable, Dict, List, Sequence, Tuple

import torch
from torch import nn

Maker = Callable[[torch.Generator], torch.Tensor]


@dataclass
class Case:
    name: str
    build: Callable[[], nn.Module]
    runs: List[Dict[str, Maker]]  # each: input name -> maker; the first run is the one the export is traced with
    outputs: Sequence[str] = ("output",)
    dynamic_axes: Dict[str, Dict[int, str]] = field(default_factory=dict)
    opset: int = 17
    scripted: bool = False  # already torch.jit.script: control flow is exported, not traced
    calibrate: bool = True


def normal(*shape: int, scale: float = 1.0) -> Maker:
    return lambda generator: torch.randn(*shape, generator=generator) * scale


def uniform(*shape: int) -> Maker:
    return lambda generator: torch.rand(*shape, generator=generator)


def constant(value) -> Maker:
    return lambda generator: torch.tensor(value)


def image_runs(*sizes: Tuple[int, ...], channels: int = 3, name: str = "input") -> List[Dict[str, Maker]]:
    """Runs of one input: each size is (batch, spatial...)."""
    return [{name: normal(size[0], channels, *size[1:])} for size in sizes]


BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def disturb(network: nn.Module, inputs: Sequence[torch.Tensor], seed: int) -> None:
    """Random scale and bias for every norm; batch-norm statistics measured on `inputs`, then moved off by a bit."""
    generator = torch.Generator().manual_seed(seed)
    norms = [m for m in network.modules() if isinstance(m, BATCH_NORMS)]
    affine = norms + [m for m in network.modules() if isinstance(m, (nn.InstanceNorm2d, nn.InstanceNorm3d, nn.GroupNorm, nn.LayerNorm))]
    with torch.no_grad():
        for norm in affine:
            if norm.weight is not None:
                norm.weight.copy_(0.7 + 0.6 * torch.rand(norm.weight.shape, generator=generator))
                norm.bias.copy_(0.2 * torch.randn(norm.bias.shape, generator=generator))
        if not norms:
            return
        kept = [norm.momentum for norm in norms]
        network.eval()
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
            norm.train()
        network(*inputs)
        network.eval()
        for norm, momentum in zip(norms, kept):
            norm.momentum = momentum
            sigma = norm.running_var.sqrt()
            norm.running_mean.add_(0.3 * sigma * torch.randn(sigma.shape, generator=generator))
            norm.running_var.mul_(0.7 + 0.7 * torch.rand(sigma.shape, generator=generator))
