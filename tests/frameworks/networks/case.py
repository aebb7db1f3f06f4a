"""What one exported case is, and how its random weights are made well conditioned.

A case is a network, the names of its inputs and outputs, and one or more sets of input shapes. Weights come
from a fixed seed. Batch-norm statistics are measured on random inputs and then moved (mean by 0.3 sigma,
variance by a factor 0.7..1.4), so that folding them is a real change while activations stay near unit size in
deep networks. A variance is at least a tenth of the squared mean: a norm that divides by less amplifies
rounding, and deep networks of such norms differ by more than 1e-4 between any two engines.
"""

from dataclasses import dataclass, field
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import torch
from torch import nn
from torch.nn import functional
from torchvision.ops.misc import FrozenBatchNorm2d

Maker = Callable[[torch.Generator], torch.Tensor]


@dataclass
class Case:
    name: str
    build: Callable[[], nn.Module]
    runs: List[
        Dict[str, Maker]
    ]  # each: input name -> maker; the first run is the one the export is traced with
    outputs: Sequence[str] = ("output",)
    dynamic_axes: Dict[str, Dict[int, str]] = field(default_factory=dict)
    opset: int = 17
    stacked: bool = True  # the first axis is a batch; several draws of the inputs are measured at once
    disturbed: bool = True  # measure and move the norms' statistics; torch.jit.script's modules take no hooks
    finish: Optional[Callable[[nn.Module], nn.Module]] = (
        None  # after that: to half, to int8, to torch.jit.script
    )
    training: bool = False  # left in training mode, and exported so
    folded: bool = True  # constants folded by the exporter
    weights_as_inputs: bool = False  # initializers are listed as inputs too, as before IR version 4
    stated_opset: int = 0  # written over the exporter's newest, 17, for an operator that it does not know
    spread: bool = True  # outputs must vary; not those that are one function each
    functions: bool = False  # modules right below the network become local functions
    without_ort: bool = False  # ONNX Runtime has no kernel for a type in it
    ort_plain: bool = False  # ONNX Runtime's optimizer breaks this one; it runs the graph as it is
    limit: float = (
        1e-4  # on scaled max abs and relative L2; more only where the type of the numbers is coarser
    )


def normal(*shape: int, scale: float = 1.0) -> Maker:
    return lambda generator: torch.randn(*shape, generator=generator) * scale


def uniform(*shape: int) -> Maker:
    return lambda generator: torch.rand(*shape, generator=generator)


def constant(value) -> Maker:
    return lambda generator: torch.tensor(value)


def whole(below: int, *shape: int) -> Maker:
    """Integers 0..below-1."""
    return lambda generator: torch.randint(0, below, shape, generator=generator)


def picture(*shape: int) -> Maker:
    """Noise at four scales: pictures differ in the large too, where plain noise looks alike after pooling."""

    def make(generator: torch.Generator) -> torch.Tensor:
        total = torch.randn(*shape, generator=generator) * 0.5
        for cells in (1, 3, 8):
            coarse = torch.randn(*shape[:2], *[cells] * (len(shape) - 2), generator=generator)
            total = total + functional.interpolate(coarse, size=shape[2:]) * 0.5
        return total

    return make


def dynamic(**axes: str) -> Dict[str, Dict[int, str]]:
    """input="batch 3 height width" -> {"input": {0: "batch", 2: "height", 3: "width"}}."""
    return {
        name: {axis: word for axis, word in enumerate(text.split()) if not word.isdigit()}
        for name, text in axes.items()
    }


def image_runs(*sizes: Tuple[int, ...], channels: int = 3, name: str = "input") -> List[Dict[str, Maker]]:
    """Runs of one input: each size is (batch, spatial...)."""
    return [{name: picture(size[0], channels, *size[1:])} for size in sizes]


BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, FrozenBatchNorm2d)
OTHER_NORMS = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d, nn.GroupNorm, nn.LayerNorm)


def measure_and_move(norm: nn.Module, x: torch.Tensor, generator: torch.Generator) -> None:
    axes = [axis for axis in range(x.dim()) if axis != 1]
    mean, variance = x.mean(axes), x.var(axes, unbiased=False)
    variance = torch.maximum(variance, 0.1 * mean**2) + 1e-3 * variance.mean()
    norm.running_mean.copy_(mean + 0.3 * variance.sqrt() * torch.randn(mean.shape, generator=generator))
    norm.running_var.copy_(variance * (0.7 + 0.7 * torch.rand(mean.shape, generator=generator)))


def disturb(network: nn.Module, batch: Sequence[torch.Tensor], seed: int) -> None:
    """Random scale and bias for every norm, and batch-norm statistics measured layer by layer on `batch`."""
    generator = torch.Generator().manual_seed(seed)
    norms = [m for m in network.modules() if isinstance(m, BATCH_NORMS)]
    with torch.no_grad():
        for norm in norms + [m for m in network.modules() if isinstance(m, OTHER_NORMS)]:
            if norm.weight is not None:
                norm.weight.copy_(0.7 + 0.6 * torch.rand(norm.weight.shape, generator=generator))
                norm.bias.copy_(0.2 * torch.randn(norm.bias.shape, generator=generator))
        if norms:
            hooks = [
                norm.register_forward_pre_hook(lambda m, x: measure_and_move(m, x[0], generator))
                for norm in norms
            ]
            network(*batch)
            for hook in hooks:
                hook.remove()
