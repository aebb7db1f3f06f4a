"""Cases of the other files by the exporter that traces, which many projects still call, at older opsets."""

import zlib
from dataclasses import replace

import torch
from torch import nn

import construct_modules
import flow_modules
import index_modules
import language_models
import layer_modules
import modules
import recent_models
import sight_and_sound_models
import torchvision_models
from model_case import ModelCase

OPSETS_OF = {
    "m_scatter_modes": (16,),
    "m_convolutions": (9, 11),
    "m_convolutions_1d": (13,),
    "m_convolutions_3d": (17,),
    "m_pools": (10, 20),
    "m_pool_indices": (9, 18),
    "m_norms": (14, 17),
    "m_lstm": (9, 14),
    "m_lstm_deep": (11, 20),
    "m_gru": (9, 15),
    "m_gru_both_ways": (14,),
    "m_rnn": (12,),
    "m_recurrent_state": (11,),
    "m_sdpa": (14, 18),
    "m_sdpa_masked": (16,),
    "m_multi_head": (17,),
    "m_stft_plain": (17,),
    "m_nonzero": (13,),
    "m_unique_all": (14,),
    "m_buffers": (9, 13),
    "m_quantized": (13,),
    "m_scalars": (11,),
    "tv_resnet18": (7, 9, 12),
    "tv_mobilenet_v3_small": (10, 16),
    "tv_shufflenet_v2_x0_5": (11,),
    "tv_squeezenet1_1": (8,),
    "tv_swin_t": (17,),
    "tv_vit_b_16": (14,),
    "tv_fasterrcnn_mobilenet_v3_large_320_fpn": (12,),
    "tv_deeplabv3_mobilenet_v3_large": (11,),
}


# Lists of results, of which the exporter knows only some: each result is a case.
LISTS = (
    "unary activations binary integers integers32 halves reductions shapes products doubles casts gathers scatters puts "
    "masks orders medians losses resizes resizes_3d grids shuffles views einsums int8 uint8 free_sizes empties distances "
    "fourier fourier_2d sdpa_every_mask more_boxes"
).split()
LIST_OPSETS = (9, 11, 13, 16, 17, 18, 20, 12, 10, 15, 19, 14)


class Item(nn.Module):
    def __init__(self, function, index):
        super().__init__()
        self.function, self.index = function, index

    def forward(self, *args):
        return self.function(*args)[self.index]


def items(case) -> list:
    """A case for each result, at opsets in turn."""
    function = case.build().function
    torch.manual_seed(0)
    return [
        replace(
            case,
            name=f"{case.name.replace('_', '_traced_', 1)}_{index}",
            build=lambda index=index: Item(function, index),
            route="legacy",
            opsets=(LIST_OPSETS[index % len(LIST_OPSETS)],),
        )
        for index in range(len(function(*case.inputs[0]())))
    ]


class Positional(nn.Module):
    """A transformers model as a function of tensors to tensors, without the cache."""

    def __init__(self, network, names):
        super().__init__()
        self.network, self.names = network, names

    def forward(self, *args):
        found = self.network(**dict(zip(self.names, args)), return_dict=True)
        return [value for key, value in found.items() if isinstance(value, torch.Tensor)]


def whole_model(case) -> ModelCase:
    torch.manual_seed(0)
    names = list(case.inputs[0]())

    def build():
        network = case.build()
        if hasattr(network.config, "use_cache"):
            network.config.use_cache = False
        return Positional(network, names)

    return replace(
        case,
        name=case.name.removesuffix("_prefill").replace("hf_", "hf_traced_", 1),
        build=build,
        inputs=[lambda make=make: tuple(make().values()) for make in case.inputs],
        route="legacy",
        stage=None,
        opsets=((14, 17, 18, 20)[zlib.crc32(case.name.encode()) % 4],),
    )


def models() -> list:
    families = language_models, sight_and_sound_models, recent_models
    found = [case for family in families for case in family.cases()]
    return [
        whole_model(case)
        for case in found
        if case.route == "transformers" and case.stage in (None, "prefill") and not case.takes_model
    ]


def pictures(found: dict) -> list:
    return [
        replace(case, name=name.replace("tv_", "tv_traced_", 1), route="legacy", opsets=(17,))
        for name, case in found.items()
        if name.startswith("tv_") and name not in OPSETS_OF
    ]


def cases() -> list:
    families = modules, index_modules, layer_modules, flow_modules, construct_modules, torchvision_models
    found = {case.name: case for family in families for case in family.cases()}
    whole = [
        replace(found[name], name=name.replace("_", "_traced_", 1), route="legacy", opsets=opsets)
        for name, opsets in OPSETS_OF.items()
    ]
    return whole + pictures(found) + models() + [item for name in LISTS for item in items(found[f"m_{name}"])]
