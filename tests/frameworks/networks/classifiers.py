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
    ]
    return [Case(name, build, runs, dynamic_axes=DYNAMIC, opset=opset) for name, build, runs, opset in table]
