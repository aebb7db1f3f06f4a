"""torchvision's detectors on pictures of any size: resized inside, anchors, proposals, NMS, RoiAlign, masks.

Two stages (Faster, Mask and Keypoint R-CNN) and one (RetinaNet, FCOS, SSD, SSDlite), behind narrow backbones.
The last layers are scaled so that scores lie far apart: with near ties the order of boxes would depend on
rounding, and a comparison would prove nothing.
"""

import torch
import torchvision
from torch import nn
from torch.onnx import symbolic_helper
from torchvision.models import detection
from torchvision.models.detection import backbone_utils
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.ops import misc

from case import Case, picture


def roi_align(g, x, rois, scale, height, width, samples, aligned):
    """torchvision 0.14 leaves the mode out, and from opset 16 on the default is that of aligned boxes."""
    batch = g.op("Gather", rois, g.op("Constant", value_t=torch.tensor(0)), axis_i=1)
    corners = g.op("Gather", rois, g.op("Constant", value_t=torch.tensor([1, 2, 3, 4])), axis_i=1)
    return g.op(
        "RoiAlign",
        x,
        corners,
        g.op("Cast", batch, to_i=7),
        coordinate_transformation_mode_s="half_pixel" if aligned else "output_half_pixel",
        spatial_scale_f=scale,
        output_height_i=height,
        output_width_i=width,
        sampling_ratio_i=max(samples, 0),
    )


torch.onnx.register_custom_op_symbolic(
    "torchvision::roi_align", symbolic_helper.parse_args("v", "v", "f", "i", "i", "i", "b")(roi_align), 16
)
CLASSES = 6
SIZES = {"min_size": 96, "max_size": 160}
BUDGET = {
    "rpn_pre_nms_top_n_test": 60,
    "rpn_post_nms_top_n_test": 30,
    "box_detections_per_img": 12,
    "box_score_thresh": 0.05,
}


class Detector(nn.Module):
    """One picture (3,H,W) in, the detector's tensors for it out."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, image):
        found = self.network([image])[0]
        return tuple(found[key] for key in sorted(found))


def pyramid(levels: int = 3, norm=misc.FrozenBatchNorm2d):
    """A feature pyramid of 32 channels over a ResNet of basic blocks."""
    body = torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1], norm_layer=norm)
    layers = {f"layer{5 - levels + index}": str(index) for index in range(levels)}
    widths = [64 * 2 ** (4 - levels + index) for index in range(levels)]
    return backbone_utils.BackboneWithFPN(body, layers, widths, 32)


def anchors(levels: int):
    """One size a level, and the pooled level."""
    return AnchorGenerator(
        sizes=tuple((2 ** (9 - levels + index),) for index in range(-1, levels)),
        aspect_ratios=((0.5, 1.0, 2.0),) * (levels + 1),
    )


def scale_last(network: nn.Module, score: float, place: float) -> nn.Module:
    """Heads that keep the size of what goes in, and last layers: scores wide, boxes narrow."""
    with torch.no_grad():
        for name, module in network.named_modules():
            if isinstance(module, nn.Conv2d) and "head" in name and module.kernel_size == (3, 3):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if any(name.endswith(ending) for ending in LAST):
                narrow = any(word in name for word in ("bbox", "regress", "box_reg"))
                module.weight.normal_(0, place if narrow else score)
                module.bias.normal_(0, 0.1)
    return network


LAST = (
    "cls_logits",
    "bbox_pred",
    "cls_score",
    "bbox_reg",
    "bbox_ctrness",
    "mask_fcn_logits",
    "kps_score_lowres",
)


def narrow_parts(kind) -> dict:
    """Heads of the published depth or half of it, a quarter of the width."""
    parts = {"box_head": detection.faster_rcnn.TwoMLPHead(32 * 49, 256)}
    parts["box_predictor"] = detection.faster_rcnn.FastRCNNPredictor(256, CLASSES)
    if kind is detection.MaskRCNN:
        parts["mask_head"] = detection.mask_rcnn.MaskRCNNHeads(32, (64, 64), 1)
        parts["mask_predictor"] = detection.mask_rcnn.MaskRCNNPredictor(64, 64, CLASSES)
    elif kind is detection.KeypointRCNN:
        parts["keypoint_head"] = detection.keypoint_rcnn.KeypointRCNNHeads(32, (64,) * 4)
        parts["keypoint_predictor"] = detection.keypoint_rcnn.KeypointRCNNPredictor(64, 5)
    return parts


def two_stage(kind, **extra):
    def build():
        norm = nn.BatchNorm2d if kind is detection.MaskRCNN else misc.FrozenBatchNorm2d
        network = kind(
            pyramid(3, norm),
            None,
            **narrow_parts(kind),
            rpn_anchor_generator=anchors(3),
            box_roi_pool=torchvision.ops.MultiScaleRoIAlign(["0", "1", "2"], output_size=7, sampling_ratio=2),
            **SIZES,
            **BUDGET,
            **extra,
        )
        return Detector(scale_last(network, 0.3, 0.03))

    return build


def one_stage(kind, **extra):
    def build():
        network = kind(pyramid(), CLASSES, anchor_generator=anchors(3), topk_candidates=40, **SIZES, **extra)
        return Detector(scale_last(network, 0.03, 0.02))

    return build


def fcos():
    places = AnchorGenerator(sizes=((8,), (16,), (32,), (64,)), aspect_ratios=((1.0,),) * 4)
    network = detection.FCOS(
        pyramid(), CLASSES, anchor_generator=places, topk_candidates=40, detections_per_img=20, **SIZES
    )
    return Detector(scale_last(network, 0.05, 0.02))


class Body(nn.Module):
    """Maps at strides 8, 16 and 32 for a single-shot detector."""

    out_channels = [32, 64, 64]

    def __init__(self):
        super().__init__()

        def step(a, b, stride):
            return nn.Sequential(nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU6())

        self.stem = nn.Sequential(step(3, 16, 2), step(16, 32, 2), step(32, 32, 2))
        self.steps = nn.ModuleList((step(32, 64, 2), step(64, 64, 2)))

    def forward(self, x):
        maps = {"0": self.stem(x)}
        for index, step in enumerate(self.steps):
            maps[str(index + 1)] = step(maps[str(index)])
        return maps


def ssd():
    boxes = DefaultBoxGenerator([[2], [2, 3], [2]], min_ratio=15, max_ratio=90)
    network = detection.ssd.SSD(
        Body(), boxes, (96, 128), CLASSES, topk_candidates=30, detections_per_img=15, score_thresh=0.05
    )
    with torch.no_grad():
        for name, parameter in network.head.named_parameters():
            parameter.normal_(0, 0.08 if "classification" in name else 0.02)
    return Detector(network)


def ssdlite():
    network = detection.ssdlite320_mobilenet_v3_large(
        weights=None,
        weights_backbone=None,
        num_classes=CLASSES,
        topk_candidates=30,
        detections_per_img=15,
        score_thresh=0.05,
    )
    with torch.no_grad():
        for name, parameter in network.head.named_parameters():
            if parameter.dim() == 4 and parameter.shape[1] > 1:
                parameter.normal_(0, 0.012 if "classification" in name else 0.02)
    return Detector(network)


def mask_pool():
    return torchvision.ops.MultiScaleRoIAlign(["0", "1", "2"], output_size=14, sampling_ratio=2)


def cases():
    runs = [{"image": picture_of(96, 128)}, {"image": picture_of(120, 88)}]
    boxes = ("boxes", "labels", "scores")
    image = {1: "height", 2: "width"}
    table = [
        ("fasterrcnn", two_stage(detection.FasterRCNN), boxes, 11),
        ("fasterrcnn_opset16", two_stage(detection.FasterRCNN), boxes, 16),
        (
            "maskrcnn",
            two_stage(detection.MaskRCNN, mask_roi_pool=mask_pool()),
            ("boxes", "labels", "masks", "scores"),
            12,
        ),
        (
            "keypointrcnn",
            two_stage(detection.KeypointRCNN, keypoint_roi_pool=mask_pool()),
            ("boxes", "keypoints", "keypoints_scores", "labels", "scores"),
            11,
        ),
        ("retinanet", one_stage(detection.RetinaNet, detections_per_img=20), boxes, 13),
        ("fcos", fcos, boxes, 14),
        ("ssd", ssd, boxes, 11),
        ("ssdlite", ssdlite, boxes, 13),
    ]
    return [
        Case(
            name,
            build,
            runs,
            outputs=outputs,
            dynamic_axes={"image": image, **{output: {0: "found"} for output in outputs}},
            opset=opset,
            stacked=False,
        )
        for name, build, outputs, opset in table
    ]


def picture_of(height: int, width: int):
    make = picture(1, 3, height, width)
    return lambda generator: (make(generator)[0] * 0.2 + 0.5).clamp(0, 1)
