"""Image classifiers of torchvision with random weights, exported with dynamic batch, height and width.

VGG keeps its convolutions; its 120-million-weight classifier is replaced by a pooled 512-256-100 one.
"""

import torch
import torchvision
from torch import nn

from case import Case, image_runs

DYNAMIC = {"input": {0: "batch", 2: "height", 3: "width"}, "output": {0: "batch"}}


def random_biases(network: nn.Module) -> nn.Module:
    """torchvision starts many biases at zero; a zero bias would hide a lost one."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
                module.bias.normal_(0, 0.1)
    return network


def torchvision_network(name: str):
    return lambda: random_biases(getattr(torchvision.models, name)(weights=None))


def vgg(name: str):
    def build():
        network = getattr(torchvision.models, name)(weights=None)
        network.avgpool = nn.AdaptiveAvgPool2d(1)
        network.classifier = nn.Sequential(nn.Linear(512, 256), nn.ReLU(), nn.Dropout(), nn.Linear(256, 100))
        return random_biases(network)

    return build


def efficientnet():
    """Fresh weights behind sigmoid gates make all logits nearly equal; a wider last layer spreads them."""
    network = torchvision_network("efficientnet_b0")()
    with torch.no_grad():
        network.classifier[1].weight.normal_(0, 0.05)
    return network


def mobilenet(name: str):
    def build():
        network = torchvision_network(name)()
        with torch.no_grad():
            network.classifier[-1].weight.normal_(0, 0.05)
        return network

    return build


def spread_last(name: str, last):
    """As torchvision_network, with a last layer that spreads the logits: last(network) gives it."""

    def build():
        network = torchvision_network(name)()
        with torch.no_grad():
            last(network).weight.normal_(0, 0.1)
        return network

    return build


def resnext():
    return random_biases(
        torchvision.models.ResNet(
            torchvision.models.resnet.Bottleneck, [1, 2, 2, 1], groups=8, width_per_group=8
        )
    )


def vit_b_16():
    """Widths and heads as published, two of twelve layers."""
    network = torchvision.models.VisionTransformer(
        image_size=224,
        patch_size=16,
        num_layers=2,
        num_heads=12,
        hidden_dim=768,
        mlp_dim=3072,
        num_classes=50,
    )
    nn.init.normal_(network.heads.head.weight, std=0.1)
    return network


def swin_t():
    """Stages, heads' width and windows as published, half the width and a third of the depth."""
    return torchvision.models.SwinTransformer(
        patch_size=[4, 4],
        embed_dim=48,
        depths=[2, 2, 2, 2],
        num_heads=[3, 6, 12, 24],
        window_size=[7, 7],
        num_classes=50,
    )


def convnext_tiny():
    """Widths as published, one block a stage of 3, 3, 9, 3; a layer scale that lets the blocks count."""
    blocks = [
        torchvision.models.convnext.CNBlockConfig(width, after, 1)
        for width, after in ((96, 192), (192, 384), (384, 768), (768, None))
    ]
    return torchvision.models.ConvNeXt(blocks, num_classes=50, layer_scale=0.3)


def maxvit():
    """Window and grid attention between inverted bottlenecks with squeeze and excitation."""
    return torchvision.models.MaxVit(
        input_size=(64, 64),
        stem_channels=16,
        block_channels=[16, 32],
        block_layers=[1, 1],
        head_dim=8,
        partition_size=4,
        stochastic_depth_prob=0.0,
        num_classes=50,
    )


def last_fc(network):
    return network.fc


def fixed_size_cases():
    """Networks whose position tables fit one size of image: only the batch is open."""
    axes = {"input": {0: "batch"}, "output": {0: "batch"}}
    table = [
        ("vit_b_16", vit_b_16, 224, 13),
        ("swin_t", swin_t, 112, 17),
        ("maxvit", maxvit, 64, 16),
    ]
    return [
        Case(name, build, image_runs((1, size, size), (2, size, size)), dynamic_axes=axes, opset=opset)
        for name, build, size, opset in table
    ]


def cases():
    two = image_runs((1, 128, 128), (2, 160, 96))
    table = [
        ("resnet50", torchvision_network("resnet50"), image_runs((1, 224, 224), (2, 128, 160)), 17),
        ("mobilenet_v2", mobilenet("mobilenet_v2"), two, 17),
        ("mobilenet_v2_opset11", mobilenet("mobilenet_v2"), two, 11),
        ("mobilenet_v3_large", mobilenet("mobilenet_v3_large"), two, 14),
        ("efficientnet_b0", efficientnet, two, 17),
        ("densenet121", torchvision_network("densenet121"), two, 17),
        ("shufflenet_v2_x1_0", torchvision_network("shufflenet_v2_x1_0"), two, 13),
        ("squeezenet1_1", torchvision_network("squeezenet1_1"), two, 17),
        ("vgg11", vgg("vgg11"), two, 13),
        ("vgg16", vgg("vgg16"), two, 17),
        ("resnet18_opset11", torchvision_network("resnet18"), two, 11),
        ("resnet18", torchvision_network("resnet18"), two, 17),
        ("resnet18_opset9", torchvision_network("resnet18"), two, 9),
        ("resnext", resnext, two, 16),
        ("regnet_y_400mf", torchvision_network("regnet_y_400mf"), two, 13),
        ("mnasnet0_5", torchvision_network("mnasnet0_5"), two, 12),
        ("googlenet", spread_last("googlenet", last_fc), two, 11),
        ("inception_v3", spread_last("inception_v3", last_fc), image_runs((1, 139, 139), (2, 107, 123)), 14),
        ("convnext_tiny", convnext_tiny, two, 17),
        ("convnext_tiny_opset11", convnext_tiny, two, 11),
    ]
    return fixed_size_cases() + [
        Case(name, build, runs, dynamic_axes=DYNAMIC, opset=opset) for name, build, runs, opset in table
    ]
