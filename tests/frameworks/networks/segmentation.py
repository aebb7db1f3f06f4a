"""torchvision's segmenters: DeepLabV3 and FCN over dilated residual stages, LR-ASPP over MobileNetV3.

The backbone of the first two has the published widths and one block a stage.
"""

import torch
import torchvision
from torch import nn
from torchvision.models import segmentation
from torchvision.models._utils import IntermediateLayerGetter

from case import Case, dynamic, image_runs

CLASSES = 5


class Maps(nn.Module):
    """The tensors of a segmenter's dictionary, "out" first."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, image):
        found = self.network(image)
        return tuple(found[key] for key in ("out", "aux") if key in found)


def dilated_body():
    bottleneck = torchvision.models.resnet.Bottleneck
    body = torchvision.models.ResNet(
        bottleneck, [1, 1, 1, 1], replace_stride_with_dilation=[False, True, True]
    )
    return IntermediateLayerGetter(body, {"layer4": "out", "layer3": "aux"})


def deeplab():
    body = dilated_body()
    head = segmentation.deeplabv3.DeepLabHead(2048, CLASSES)
    return Maps(segmentation.DeepLabV3(body, head, segmentation.fcn.FCNHead(1024, CLASSES)))


def fcn():
    return Maps(segmentation.FCN(dilated_body(), segmentation.fcn.FCNHead(2048, CLASSES)))


def lraspp():
    return Maps(
        segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=CLASSES)
    )


def cases():
    whole = "batch 3 height width"
    runs = image_runs((1, 64, 96), (2, 72, 56), name="image")
    return [
        Case(
            name,
            build,
            runs,
            outputs=outputs,
            dynamic_axes=dynamic(image=whole, out="batch 5 height width"),
            opset=opset,
        )
        for name, build, outputs, opset in (
            ("deeplabv3", deeplab, ("out", "aux"), 13),
            ("fcn_opset11", fcn, ("out",), 11),
            ("lraspp", lraspp, ("out",), 16),
        )
    ]
