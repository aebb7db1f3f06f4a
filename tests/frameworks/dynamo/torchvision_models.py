"""torchvision: classification, detection, segmentation, video and optical flow, at cut resolution.

Detectors are traced at one size (their post-processing fixes it); their scores are spread by random weights.
"""

import importlib.util
from dataclasses import replace
from pathlib import Path

import torch
import torchvision
from torch import nn

from model_case import ModelCase

SEED = 20


def _networks_case():
    path = Path(__file__).resolve().parent.parent / "networks/case.py"
    spec = importlib.util.spec_from_file_location("networks_case", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def picture(*shape: int) -> torch.Tensor:
    return _networks_case().picture(*shape)(torch.Generator().manual_seed(SEED + sum(shape)))


def settle(network: nn.Module, *batch: torch.Tensor) -> nn.Module:
    """Norm statistics measured on pictures, so that deep networks neither vanish nor explode."""
    _networks_case().disturb(network.eval(), list(batch), SEED)
    return network


def classifier(name: str, size=(64, 64), other=(96, 64), weights_none=True, **options) -> ModelCase:
    def build():
        network = torchvision.models.get_model(name, weights=None, **options)
        return settle(network, picture(4, 3, *size))

    inputs = [lambda: (picture(2, 3, *size),), lambda: (picture(3, 3, *other),)]
    return ModelCase(f"tv_{name}", build, inputs, definition=f"{name}{size}{other}{options}")


CLASSIFIERS = (
    "alexnet densenet121 efficientnet_b0 mnasnet0_5 mobilenet_v2 mobilenet_v3_small "
    "mobilenet_v3_large regnet_x_400mf regnet_y_400mf resnet18 resnet50 resnext50_32x4d wide_resnet50_2 "
    "shufflenet_v2_x0_5 squeezenet1_1 vgg11 vgg11_bn convnext_tiny"
).split()


def classification() -> list:
    cases = [classifier(name) for name in CLASSIFIERS if name not in ("squeezenet1_1", "alexnet")]
    cases += [classifier(name, (96, 96), (128, 96)) for name in ("squeezenet1_1", "alexnet")]
    cases += [
        # Smaller, its last norms are measured on so few pixels that PyTorch's float32 differs from its float64.
        classifier("efficientnet_v2_s", (128, 128), (160, 128)),
        classifier("googlenet", (96, 96), (96, 64), init_weights=False, aux_logits=False),
        classifier("inception_v3", (128, 128), (128, 96), init_weights=False, aux_logits=False),
        classifier("swin_t", (64, 64), (96, 64)),
        classifier("swin_v2_t", (64, 64), (96, 64)),
        classifier("maxvit_t", (224, 224), (224, 224)),
        # Its last layer starts as zeros.
        replace(classifier("vit_b_16", (64, 64), (64, 64), image_size=64, num_classes=50), enlivened=True),
    ]
    return cases


def batched_nms(boxes, scores, classes, threshold):
    """torchvision's chooses between two ways by the number of boxes, on which an export cannot branch."""
    shift = classes.to(boxes) * 2048
    return torchvision.ops.nms(boxes + shift[:, None], scores, threshold)


class Listed(nn.Module):
    """A detector as a function of a batch: torchvision's take lists of pictures."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return [list(found.values()) for found in self.network([x[0]])]


def detector(name: str, size: int, **options) -> ModelCase:
    def build():
        network = torchvision.models.get_model(
            name, weights=None, weights_backbone=None, num_classes=7, min_size=size, max_size=size, **options
        )
        network = network.eval()
        settle(network.backbone, picture(2, 3, size, size))
        torchvision.ops.boxes.batched_nms = batched_nms
        return Listed(network)

    inputs = [lambda: (picture(1, 3, size, size).sigmoid(),)]
    return ModelCase(f"tv_{name}", build, inputs, definition=f"{name}{size}{options}")


class Dense(nn.Module):
    """A detector up to the scores and boxes of every anchor."""

    def __init__(self, network):
        super().__init__()
        self.backbone, self.head = network.backbone, network.head

    def forward(self, x):
        return self.head(list(self.backbone(x).values()))


class Regions(nn.Module):
    """Boxes of a picture through the second half of a two-stage detector: the pyramid, RoIAlign and heads."""

    def __init__(self, network):
        super().__init__()
        self.backbone, self.rpn, self.heads = network.backbone, network.rpn.head, network.roi_heads

    def forward(self, x, boxes):
        features = self.backbone(x)
        pooled = torchvision.ops.roi_align(features["0"], [boxes], 7, 0.25, 2)
        scores, offsets = self.heads.box_predictor(self.heads.box_head(pooled))
        kept = torchvision.ops.nms(boxes, scores[:, 0], 0.5)
        return self.rpn(list(features.values())), scores, offsets, kept


def soften(network) -> None:
    """Random weights saturate the scores, and equal scores have no order."""
    with torch.no_grad():
        for module in network.head.classification_head.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.mul_(0.1)


def parts(name: str, size: int, regions: bool) -> ModelCase:
    def build():
        network = torchvision.models.get_model(
            name, weights=None, weights_backbone=None, num_classes=7
        ).eval()
        settle(network.backbone, picture(2, 3, size, size))
        return (Regions if regions else Dense)(network)

    boxes = (
        lambda: torch.rand(9, 4) * size / 2 * torch.tensor([1, 1, 0.9, 0.9])
        + torch.tensor([0, 0, 1, 1]) * size / 2
    )  # noqa: E731
    runs = [lambda: (picture(2, 3, size, size),), lambda: (picture(1, 3, size + 64, size),)]
    if regions:
        runs = [lambda: (picture(1, 3, size, size), boxes())]
    if name.startswith("ssd"):
        runs = runs[:1]
    return ModelCase(f"tv_parts_{name}", build, runs, definition=name)


def ssd(name: str, size: int) -> ModelCase:
    def build():
        network = torchvision.models.get_model(
            name, weights=None, weights_backbone=None, num_classes=7
        ).eval()
        settle(network.backbone, picture(2, 3, size, size))
        torchvision.ops.boxes.batched_nms = batched_nms
        soften(network)
        return Listed(network)

    return ModelCase(f"tv_{name}", build, [lambda: (picture(1, 3, size, size).sigmoid(),)], definition=name)


def detection() -> list:
    return [
        parts("retinanet_resnet50_fpn", 128, False),
        parts("fcos_resnet50_fpn", 128, False),
        parts("ssd300_vgg16", 300, False),
        parts("ssdlite320_mobilenet_v3_large", 320, False),
        parts("fasterrcnn_resnet50_fpn", 128, True),
        detector("fasterrcnn_mobilenet_v3_large_320_fpn", 160),
        detector("fasterrcnn_resnet50_fpn", 128),
        detector("fasterrcnn_resnet50_fpn_v2", 128),
        detector("maskrcnn_resnet50_fpn", 128),
        detector("keypointrcnn_resnet50_fpn", 128),
        detector("retinanet_resnet50_fpn", 128),
        detector("retinanet_resnet50_fpn_v2", 128),
        detector("fcos_resnet50_fpn", 128),
        ssd("ssd300_vgg16", 300),
        ssd("ssdlite320_mobilenet_v3_large", 320),
    ]


def segmentation() -> list:
    def one(name):
        def build():
            network = torchvision.models.get_model(name, weights=None, weights_backbone=None, num_classes=5)
            return settle(network, picture(2, 3, 64, 64))

        inputs = [lambda: (picture(1, 3, 64, 64),), lambda: (picture(2, 3, 96, 64),)]
        return ModelCase(f"tv_{name}", build, inputs, definition=name)

    names = "deeplabv3_mobilenet_v3_large deeplabv3_resnet50 fcn_resnet50 lraspp_mobilenet_v3_large"
    return [one(name) for name in names.split()]


def video() -> list:
    def one(name, shape, **options):
        def build():
            network = torchvision.models.get_model(name, weights=None, num_classes=9, **options)
            return settle(network, picture(2, *shape[1:]))

        inputs = [lambda: (picture(*shape),), lambda: (picture(2, *shape[1:]),)]
        return ModelCase(f"tv_video_{name}", build, inputs, definition=f"{name}{shape}{options}")

    return [
        one("r3d_18", (1, 3, 8, 32, 32)),
        one("mc3_18", (1, 3, 8, 32, 32)),
        one("r2plus1d_18", (1, 3, 8, 32, 32)),
        one("s3d", (1, 3, 16, 224, 224)),  # its last pooling takes 2 x 7 x 7
        one("swin3d_t", (1, 3, 4, 64, 64)),
        one("mvit_v1_b", (1, 3, 16, 224, 224)),
    ]


def optical_flow() -> list:
    def one(name):
        def build():
            network = torchvision.models.get_model(name, weights=None)
            return settle(network, picture(2, 3, 128, 128), picture(2, 3, 128, 128))

        inputs = [lambda: (picture(1, 3, 128, 128), picture(1, 3, 128, 128).flip(3))]
        return ModelCase(f"tv_{name}", build, inputs, definition=name)

    return [one("raft_small"), one("raft_large")]


def cases() -> list:
    return [*classification(), *detection(), *segmentation(), *video(), *optical_flow()]
