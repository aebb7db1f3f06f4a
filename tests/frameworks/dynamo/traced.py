"""Cases of the other files by the exporter that traces, which many projects still call, at older opsets."""

from dataclasses import replace

import torch
from torch import nn

import construct_modules
import flow_modules
import index_modules
import layer_modules
import modules
import torchvision_models

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


def cases() -> list:
    families = modules, index_modules, layer_modules, flow_modules, construct_modules, torchvision_models
    found = {case.name: case for family in families for case in family.cases()}
    whole = [
        replace(found[name], name=name.replace("_", "_traced_", 1), route="legacy", opsets=opsets)
        for name, opsets in OPSETS_OF.items()
    ]
    return whole + [item for name in LISTS for item in items(found[f"m_{name}"])]
