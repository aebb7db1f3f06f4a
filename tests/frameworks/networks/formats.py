"""One small network of each kind in the ways in which files come: other types of numbers, quantized, left in
training mode, not folded, weights listed as inputs, modules as local functions, byte pictures in.

Half: what PyTorch's CPU kernels lack is computed in float and rounded, and exported as the half operator.
"""

import math

import torch
from torch import nn
from torch.ao import quantization
from torch.nn import functional

from case import Case, dynamic, image_runs, normal, picture, whole

HALF, BYTE = (
    5e-3,
    2e-2,
)  # limits: a unit in the last place of half is 1e-3; one step of a quantized map is 1/255


class HalfConv(torch.autograd.Function):
    @staticmethod
    def forward(context, x, weight, bias, stride):
        return functional.conv2d(
            x.float(), weight.float(), bias.float(), int(stride), int(weight.shape[-1]) // 2
        ).half()

    @staticmethod
    def symbolic(g, x, weight, bias, stride):
        size = weight.type().sizes()[-1]
        return g.op(
            "Conv", x, weight, bias, kernel_shape_i=[size] * 2, pads_i=[size // 2] * 4, strides_i=[stride] * 2
        )


class HalfLinear(torch.autograd.Function):
    @staticmethod
    def forward(context, x, weight, bias):
        return ((x.float() @ weight.float()).half() + bias).half()

    @staticmethod
    def symbolic(g, x, weight, bias):
        return g.op("Add", g.op("MatMul", x, weight), bias)


class HalfNorm(torch.autograd.Function):
    @staticmethod
    def forward(context, x, weight, bias):
        return functional.layer_norm(x.float(), weight.shape, weight.float(), bias.float(), 1e-5).half()

    @staticmethod
    def symbolic(g, x, weight, bias):
        return g.op("LayerNormalization", x, weight, bias, axis_i=-1, epsilon_f=1e-5)


class HalfMixer(nn.Module):
    """Patches, attention with float soft-max between casts, feed-forward: all weights and maps in half."""

    def __init__(self, width: int = 32):
        super().__init__()
        shapes = {
            "qkv": (width, 3 * width),
            "out": (width, width),
            "widen": (width, 64),
            "narrow": (64, width),
            "head": (width, 10),
        }
        self.weights = nn.ParameterDict(
            {k: nn.Parameter((torch.randn(s) / math.sqrt(s[0])).half()) for k, s in shapes.items()}
        )
        self.biases = nn.ParameterDict(
            {k: nn.Parameter((torch.randn(s[1]) * 0.1).half()) for k, s in shapes.items()}
        )
        self.kernel, self.kernel_bias = nn.Parameter(
            (torch.randn(width, 3, 5, 5) * 0.1).half()
        ), nn.Parameter(torch.zeros(width).half())
        self.scale, self.shift = nn.Parameter((torch.rand(2, width) + 0.5).half()), nn.Parameter(
            (torch.randn(2, width) * 0.1).half()
        )

    def linear(self, name, x):
        return HalfLinear.apply(x, self.weights[name], self.biases[name])

    def forward(self, image):
        x = torch.tanh(HalfConv.apply(image, self.kernel, self.kernel_bias, 4).float()).half()
        x = x.flatten(2).transpose(1, 2)
        q, k, v = self.linear("qkv", HalfNorm.apply(x, self.scale[0], self.shift[0])).chunk(3, -1)
        share = torch.softmax(q.float() @ k.float().transpose(1, 2) / math.sqrt(32), -1).half()
        x = x + self.linear("out", (share.float() @ v.float()).half())
        y = self.linear("widen", HalfNorm.apply(x, self.scale[1], self.shift[1]))
        x = x + self.linear("narrow", torch.where(y > 0, y, y * 0.125))
        return self.linear("head", x.float().mean(1).half()), x


class Small(nn.Module):
    """Convolution, norm, residual, pooling and a linear layer: what every conversion has to carry."""

    def __init__(self, drop: float = 0.0):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1, groups=4), nn.BatchNorm2d(16), nn.ReLU())
        self.pool, self.drop, self.head = nn.MaxPool2d(2), nn.Dropout(drop), nn.Linear(16, 10)

    def forward(self, image):
        x = self.first(image)
        x = self.drop(self.pool(x + self.second(x)))
        return self.head(x.mean((2, 3)))


class Sequence(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, activation="gelu")
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, 7)

    def forward(self, x):
        return (
            torch.log_softmax(self.head(self.norm(self.layer(x))), -1),
            torch.cumsum(x, 1).sqrt().nan_to_num(),
        )


class BrainFloat(nn.Module):
    """Layers in bfloat16 between casts; nothing else rounds as coarsely."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 6)).bfloat16()

    def forward(self, x):
        return self.layers(x.bfloat16()).float()


class Recommender(nn.Module):
    """Bags of words to means, products of all pairs of features, a wide and a deep part."""

    def __init__(self):
        super().__init__()
        self.bags = nn.ModuleList(nn.EmbeddingBag(30, 8, mode=mode) for mode in ("mean", "sum"))
        self.dense, self.deep = nn.Linear(5, 8), nn.Sequential(nn.Linear(11, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, dense, first, second):
        x = torch.relu(self.dense(dense))
        rows = torch.stack([x, self.bags[0](first), self.bags[1](second)], 1)
        pairs = torch.bmm(rows, rows.transpose(1, 2))
        found = torch.cat([x, pairs[:, 0, 1:], pairs[:, 1, 2:]], 1)
        return torch.sigmoid(self.deep(found))


class Bytes(nn.Module):
    """Pictures as cameras give them: bytes, rows of pixels; out come bytes again, and truth values."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, image):
        x = image.permute(0, 3, 1, 2).float() / 255.0
        y = torch.sigmoid(self.conv((x - 0.45) / 0.225))
        return (y * 255.0 + 0.5).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1), y.mean((2, 3)) > 0.5, y


class Quantized(nn.Module):
    """`Small` between a step into whole numbers and one out of them."""

    def __init__(self):
        super().__init__()
        self.into, self.out, self.add = (
            quantization.QuantStub(),
            quantization.DeQuantStub(),
            nn.quantized.FloatFunctional(),
        )
        self.first = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1, groups=4), nn.BatchNorm2d(16), nn.ReLU())
        self.pool, self.head = nn.MaxPool2d(2), nn.Linear(16, 10)

    def forward(self, image):
        x = self.first(self.into(image))
        x = self.add.add(x, self.second(x))
        x = functional.adaptive_avg_pool2d(self.pool(x), 1).flatten(1)
        return self.out(self.head(x))


SAMPLES = torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(3))


def after_training(engine: str):
    """Weights and maps to 8 bits with ranges measured on samples; weights by output channel for "fbgemm"."""

    def finish(network):
        torch.backends.quantized.engine = "qnnpack"
        network.qconfig = quantization.get_default_qconfig(engine)
        quantization.fuse_modules(
            network, [[f"{part}.{i}" for i in range(3)] for part in ("first", "second")], inplace=True
        )
        quantization.prepare(network, inplace=True)
        network(SAMPLES)
        return quantization.convert(network)

    return finish


def while_training(network):
    """Fake quantization as it stands after training with it: QuantizeLinear and DequantizeLinear around floats."""
    network.train()
    network.qconfig = quantization.QConfig(
        activation=quantization.FakeQuantize.with_args(
            observer=quantization.MovingAverageMinMaxObserver, quant_min=0, quant_max=255
        ),
        weight=quantization.default_per_channel_weight_fake_quant,
    )
    quantization.fuse_modules_qat(
        network, [[f"{part}.{i}" for i in range(3)] for part in ("first", "second")], inplace=True
    )
    quantization.prepare_qat(network, inplace=True)
    with torch.no_grad():
        network(SAMPLES)
    network.apply(quantization.disable_observer)
    return network.eval()


def cases():
    images = image_runs((1, 16, 20), (3, 12, 16), name="image")
    axes = dynamic(image="batch 3 height width", output="batch")
    twice = lambda runs: [{k: (lambda g, m=m: m(g).double()) for k, m in run.items()} for run in runs]
    halves = [
        {"image": (lambda g, m=picture(n, 3, h, w): m(g).half())} for n, h, w in ((1, 16, 24), (2, 12, 20))
    ]
    rows = [{"x": normal(n, t, 16)} for n, t in ((2, 5), (1, 9))]
    sequence = dict(
        outputs=("output", "roots"),
        dynamic_axes=dynamic(x="batch length", output="batch length", roots="batch length"),
    )
    camera = [
        {"image": lambda g, n=n, h=h, w=w: torch.randint(0, 256, (n, h, w, 3), generator=g).to(torch.uint8)}
        for n, h, w in ((1, 9, 14), (2, 16, 8))
    ]
    make = lambda name, build, runs=images, **more: Case(name, build, runs, **{"dynamic_axes": axes, **more})
    bags = [{"dense": normal(n, 5), "first": whole(30, n, 4), "second": whole(30, n, 3)} for n in (4, 4)]
    return [
        make(
            "brain_float",
            BrainFloat,
            [{"x": normal(n, 12)} for n in (3, 7)],
            opset=13,
            limit=BYTE,
            without_ort=True,
            dynamic_axes=dynamic(x="batch", output="batch"),
        ),
        make("recommender", Recommender, bags, opset=13, dynamic_axes={}, stacked=False),
        make(
            "half_mixer",
            HalfMixer,
            halves,
            outputs=("output", "states"),
            opset=17,
            limit=HALF,
            disturbed=False,
            dynamic_axes=dynamic(image="batch 3 height width", output="batch", states="batch places"),
        ),
        make("double_cnn", lambda: Small().double(), twice(images), opset=13, limit=1e-6, without_ort=True),
        make(
            "double_sequence",
            lambda: Sequence().double(),
            twice(rows),
            without_ort=True,
            opset=17,
            limit=1e-6,
            **sequence,
        ),
        make("small_opset9", Small, opset=9),
        make("not_folded", Small, opset=12, folded=False),
        make("weights_as_inputs", Small, opset=10, weights_as_inputs=True),
        make("as_functions", Sequence, rows, opset=15, functions=True, **sequence),
        make("as_functions_cnn", Small, opset=17, functions=True),
        make(
            "training_statistics",
            lambda: Small(0.0).train(),
            opset=14,
            training=True,
            folded=False,
            disturbed=False,
            without_ort=True,
        ),
        make(
            "training_dropout",
            lambda: nn.Sequential(
                nn.Flatten(), nn.Linear(12, 16), nn.Dropout(0.0), nn.ReLU(), nn.Linear(16, 5)
            ).train(),
            [{"image": normal(n, 3, 4)} for n in (2, 5)],
            opset=12,
            training=True,
            folded=False,
            dynamic_axes=dynamic(image="batch", output="batch"),
        ),
        make(
            "bytes",
            Bytes,
            camera,
            outputs=("pictures", "bright", "output"),
            opset=13,
            limit=1e-4,
            dynamic_axes=dynamic(
                image="batch height width 3",
                pictures="batch height width",
                bright="batch",
                output="batch 3 height width",
            ),
        ),
        make("quantized", Quantized, finish=after_training("qnnpack"), opset=13, limit=BYTE),
        make("quantized_by_channel", Quantized, finish=after_training("fbgemm"), opset=13, limit=BYTE),
        make("quantization_aware", Quantized, finish=while_training, opset=13, limit=BYTE, ort_plain=True),
    ]
