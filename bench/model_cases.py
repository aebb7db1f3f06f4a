"""The networks of ./dev bench models: the published sizes, one image or text, weights from a fixed seed.

Built from tests/frameworks/networks where a network is there, and from torchvision. Inputs have fixed sizes; only
the decoder keeps the length of its past open, as every exported decoder does.
"""

from types import SimpleNamespace

import torch
import torchvision
from torch import nn
from torch.nn import functional
from torchvision.models import swin_transformer

import classifiers
import ddcolor
import detector
import faces
import language
import segmentation
import unet
import warping
from case import Case, constant, image_runs, normal, uniform, whole


def vit():
    network = classifiers.torchvision_network("vit_b_16")()
    nn.init.normal_(network.heads.head.weight, std=0.1)
    return network


def convnext():
    """Fresh layer scales of 1e-6 would switch the blocks off."""
    network = classifiers.torchvision_network("convnext_tiny")()
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.endswith("layer_scale"):
                value.fill_(0.3)
    return network


def swin():
    """torchvision's drops nothing, but says it is in training, which OpenVINO refuses to read."""
    swin_transformer.F = SimpleNamespace(**{**vars(functional), "dropout": lambda x, **_: x})
    return classifiers.torchvision_network("swin_t")()


def deeplab():
    return segmentation.Maps(
        torchvision.models.segmentation.deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=21)
    )


def unet_2d():
    """The U-Net of 31 million parameters, with borders padded."""
    widths = (64, 128, 256, 512, 1024)
    up = lambda wide, narrow: nn.ConvTranspose2d(wide, narrow, 2, 2)  # noqa: E731
    return unet.UNet(3, 4, widths, unet.convolve_2d, nn.MaxPool2d(2), up, nn.Conv2d)


def unet_3d():
    up = lambda wide, narrow: nn.ConvTranspose3d(wide, narrow, 2, 2)  # noqa: E731
    return unet.UNet(1, 3, (16, 32, 64, 128), unet.convolve_3d, nn.MaxPool3d(2), up, nn.Conv3d)


def restorer():
    """Seven levels, 4 to 512 pixels: styled convolutions whose weights the graph computes."""
    return faces.FaceRestorer(512, (256, 256, 256, 256, 128, 64, 32))


class Animator(warping.PortraitAnimator):
    """32 channels in 16 layers of depth, 10 points; the network reads its sizes from its module."""

    SIZES = {"DEPTH": 16, "POINTS": 10, "WIDTH": 32}

    def __init__(self):
        vars(warping).update(self.SIZES)
        super().__init__()


class Lstm(nn.Module):
    """128 steps of 256 numbers through two layers of 256 cells."""

    def __init__(self):
        super().__init__()
        self.layers, self.head = nn.LSTM(256, 256, num_layers=2), nn.Linear(256, 64)

    def forward(self, x):
        return self.head(self.layers(x)[0])


def bert():
    return language.initialise(language.Bert(768, 12, 12, places=512, words=30522))


LAYERS, PAST = 12, 128


def llama():
    return language.initialise(language.Llama(768, 12, 4, LAYERS, feed=2048, places=256, words=32000))


def llama_case() -> Case:
    past = [f"past_key_values.{layer}.{part}" for layer in range(LAYERS) for part in ("key", "value")]
    present = [name.replace("past_key_values", "present") for name in past]
    run = {
        "input_ids": whole(32000, 1, 1),
        "attention_mask": constant([[1] * (PAST + 1)]),
        "position_ids": constant([[PAST]]),
        **{name: normal(1, 4, PAST, 64) for name in past},
    }
    axes = {"attention_mask": {1: "total"}, **{n: {2: "past"} for n in past}, **{n: {2: "total"} for n in present}}
    return Case("llama_decode", llama, [run], outputs=("logits", *present), dynamic_axes=axes, stacked=False)


def image_cases() -> list:
    """(name, build, pixels, norms measured on several images at once)."""
    table = [
        ("resnet50", classifiers.torchvision_network("resnet50"), 224, True),
        ("mobilenet_v2", classifiers.mobilenet("mobilenet_v2"), 224, True),
        ("mobilenet_v3", classifiers.mobilenet("mobilenet_v3_large"), 224, True),
        ("efficientnet_b0", classifiers.efficientnet, 224, True),
        ("shufflenet_v2", classifiers.torchvision_network("shufflenet_v2_x1_0"), 224, True),
        ("squeezenet", classifiers.torchvision_network("squeezenet1_1"), 224, False),
        ("densenet121", classifiers.torchvision_network("densenet121"), 224, True),
        ("vgg16", classifiers.torchvision_network("vgg16"), 224, False),
        ("convnext_tiny", convnext, 224, False),
        ("vit_b_16", vit, 224, False),
        ("swin_t", swin, 224, False),
        ("deeplabv3", deeplab, 256, False),
        ("unet256", unet_2d, 256, False),
        ("yolov5s", lambda: detector.Detector((32, 64, 128, 256, 512), 80), 640, False),
        ("gfpgan_like", restorer, 512, False),
    ]
    return [
        Case(name, build, image_runs((1, pixels, pixels)), stacked=stacked)
        for name, build, pixels, stacked in table
    ]


def cases() -> list:
    portrait = {"image": uniform(1, 3, 256, 256), "source": uniform(1, 10, 3), "driving": uniform(1, 10, 3)}
    text = {
        "input_ids": whole(30522, 1, 128),
        "attention_mask": constant([[1] * 128]),
        "token_type_ids": whole(2, 1, 128),
    }
    return [
        *image_cases(),
        Case("unet3d", unet_3d, image_runs((1, 64, 64, 64), channels=1), stacked=False),
        Case("ddcolor_tiny", lambda: ddcolor.DDColor(ddcolor.Shape()), [{"input": uniform(1, 3, 512, 512)}], stacked=False),
        Case("warpnet", Animator, [portrait], outputs=("output", "open"), opset=16, stacked=False),
        Case("lstm", Lstm, [{"x": normal(128, 1, 256)}], stacked=False),
        Case("bert_base", bert, [text], outputs=("states", "pooled"), stacked=False),
        llama_case(),
    ]
