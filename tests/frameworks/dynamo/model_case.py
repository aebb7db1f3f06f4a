"""One model for today's PyTorch exporter: how it is built, what it is fed, and by which route it is exported.

Routes:
  torch         torch.onnx.export(dynamo=True)
  transformers  transformers.exporters.OnnxExporter, which prepares a transformers model for the same exporter
  legacy        torch.onnx.export(dynamo=False), which knows opsets 7 to 20
  fused         that of transformers, with ort_fusions="cpu": the graph then holds com.microsoft operators
Axes in which the two sets of inputs differ are exported as dynamic. Weights are random from a fixed seed and
scaled so that every layer matters: transformers' own initialisation (0.02) makes attention uniform.
"""

import inspect
import zlib
from dataclasses import dataclass, field
from typing import Any, Callable, Optional, Sequence

import torch
from torch import nn

OPSETS = tuple(range(18, 26))


@dataclass
class ModelCase:
    name: str
    build: Callable[[], nn.Module]
    inputs: Sequence[Callable[..., Any]]  # each returns a tuple of arguments or a dict; first: traced with
    route: str = "torch"
    stage: Optional[str] = None  # "prefill" or "decode" of a generative transformers model
    opsets: Sequence[int] = ()  # empty: one of OPSETS, by name
    limit: float = 1e-4
    enlivened: bool = False
    definition: str = ""  # what the cache depends on besides versions; empty: the source of build and inputs
    takes_model: bool = False  # inputs are called with the model
    fault: str = ""  # why the exporter's file cannot be right, where engines refuse it
    dynamic: Optional[Callable[[], Any]] = None  # makes dynamic_shapes; without it, the axes that differ
    settings: dict = field(default_factory=dict)  # what torch.onnx.export is told besides

    def chosen_opsets(self) -> Sequence[int]:
        return tuple(self.opsets) or (OPSETS[zlib.crc32(self.name.encode()) % len(OPSETS)],)

    def source(self) -> str:
        parts = [inspect.getsource(f) for f in (self.build, *self.inputs)]
        parts += [inspect.getsource(self.dynamic)] if self.dynamic else []
        parts += [str(self.settings)] if self.settings else []
        return "".join(
            [self.definition, self.route, str(self.stage), str(self.enlivened), self.fault, *parts]
        )


NORMS = ("Norm", "LayerNorm", "RMSNorm")


def _refill(parameter: torch.Tensor, scale: float, mean: float, generator: torch.Generator) -> None:
    values = torch.randn(parameter.shape, generator=generator) * scale + mean
    parameter.copy_(values.to(parameter.dtype))


def enliven(network: nn.Module, seed: int) -> None:
    """Weights of unit gain, biases that are not zero, norms that scale."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            kind = type(module).__name__
            for name, parameter in module.named_parameters(recurse=False):
                if "Embedding" in kind and parameter.dim() == 2:
                    _refill(parameter, 0.5, 0.0, generator)
                elif "Norm" in kind and parameter.dim() == 1:
                    _refill(parameter, 0.15, 1.0 if name == "weight" else 0.0, generator)
                elif parameter.dim() == 1 and name == "bias":
                    _refill(parameter, 0.1, 0.0, generator)
                elif kind in ("Linear", "Conv1d", "Conv2d", "Conv3d", "Conv1D") and parameter.dim() >= 2:
                    fan_in = parameter[0].numel() if kind != "Conv1D" else parameter.shape[0]
                    _refill(parameter, fan_in**-0.5, 0.0, generator)
                elif parameter.dim() >= 2 and parameter.is_floating_point() and parameter.std() < 0.05:
                    _refill(parameter, 0.1, 0.0, generator)
