"""The models of ./dev bench micro: single operators at sizes of well-known networks, and a few short graphs.

Values are normal numbers from a seed of the tensor's own; weights are scaled so that outputs stay near unit size.
"""

import zlib
from dataclasses import dataclass, field

import numpy as np
from onnx import TensorProto, helper, numpy_helper, shape_inference


@dataclass
class Graph:
    """One model: nodes over `inputs` and `weights`; every output that is named `y...` is one of the model."""

    name: str
    nodes: list
    inputs: dict
    weights: dict = field(default_factory=dict)
    opset: int = 17
    outputs: tuple = ("y",)
    types: tuple = (TensorProto.FLOAT,)
    shape: tuple = None  # of the outputs, where shape inference does not find it
    counted: bool = True  # bytes and operations mean something

    def model(self):
        def info(name, array):
            return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)

        graph = helper.make_graph(
            self.nodes,
            "bench",
            [info(name, array) for name, array in self.inputs.items()],
            [helper.make_tensor_value_info(name, type_, self.shape) for name, type_ in zip(self.outputs, self.types)],
            [numpy_helper.from_array(np.asarray(array), name) for name, array in self.weights.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=10)
        return shape_inference.infer_shapes(model, data_prop=True)


def numbers(name: str, *shape: int, scale: float = 1.0) -> np.ndarray:
    generator = np.random.default_rng(zlib.crc32(f"{name} {shape}".encode()))
    return (generator.standard_normal(shape) * scale).astype(np.float32)


def node(op: str, inputs: str, outputs: str = "y", **attributes):
    """Names by spaces; "-" is one that is left out."""
    return helper.make_node(op, [name.replace("-", "") for name in inputs.split()], outputs.split(), **attributes)


def convolution(name, a, b, size, kernel, stride=1, group=1, axes=2, transposed=False, pad=None) -> Graph:
    """Of `a` channels to `b`, with a bias; `size` pixels along each of the axes."""
    per_output = (b if transposed else a) // group
    weights = (a, b // group) if transposed else (b, a // group)
    scale = (per_output * kernel**axes / (stride**axes if transposed else 1)) ** -0.5
    pad = (kernel - 1) // 2 if pad is None else pad
    return Graph(
        name,
        [node("ConvTranspose" if transposed else "Conv", "x w b", kernel_shape=[kernel] * axes, strides=[stride] * axes,
              pads=[pad] * axes * 2, group=group)],
        {"x": numbers(name, 1, a, *[size] * axes)},
        {"w": numbers(name + "w", *weights, *[kernel] * axes, scale=scale), "b": numbers(name + "b", b)},
    )


def convolutions() -> list:
    shapes = ((64, 56), (128, 28), (256, 14), (512, 7), (32, 512), (64, 256))
    found = [
        convolution(f"conv 3x3{'s2' if stride == 2 else ''} {channels}@{size}", channels, channels, size, 3, stride)
        for stride in (1, 2)
        for channels, size in shapes
    ]
    found += [convolution(f"conv 1x1 {a}->{b}@{n}", a, b, n, 1) for a, b, n in ((64, 256, 56), (512, 2048, 7), (1024, 256, 14))]
    found += [
        convolution(f"depthwise {k}x{k} {c}@{n}", c, c, n, k, group=c)
        for k, c, n in ((3, 96, 112), (3, 384, 14), (7, 96, 56), (5, 240, 28))
    ]
    return found + [
        convolution("conv 7x7s2 3->64@224", 3, 64, 224, 7, 2),
        convolution("conv 3x3 group 32 256@28", 256, 256, 28, 3, group=32),
        convolution("conv 3x3x3 32@64", 32, 32, 64, 3, axes=3),
        convolution("transposed 2x2s2 64->32@128", 64, 32, 128, 2, 2, transposed=True, pad=0),
        convolution("transposed 4x4s2 512->256@16", 512, 256, 16, 4, 2, transposed=True, pad=1),
    ]


def products() -> list:
    return [
        Graph(f"matmul {m}x{k}x{n}", [node("MatMul", "x w")], {"x": numbers("a", m, k)}, {"w": numbers("b", k, n, scale=k**-0.5)})
        for m, k, n in ((128, 768, 3072), (197, 768, 768), (512, 4096, 4096), (1, 4096, 11008))
    ]


def attention(length: int, masked: bool, fused: bool) -> Graph:
    """As exporters write it, or as the operator of opset 23. The mask is added; it hides the last quarter of the keys."""
    name = f"{'Attention' if fused else 'attention'} 12x{length}x64{' mask' if masked else ''}"
    inputs = {part: numbers(name + part, 1, 12, length, 64) for part in "qkv"}
    if masked:
        inputs["m"] = np.where(np.arange(length) < length * 3 // 4, 0, -1e4).astype(np.float32) + np.zeros((1, 1, length, 1), np.float32)
    if fused:
        return Graph(name, [node("Attention", "q k v m" if masked else "q k v")], inputs, opset=23)
    nodes = [
        node("Transpose", "k", "t", perm=[0, 1, 3, 2]),
        node("MatMul", "q t", "s0"),
        node("Mul", "s0 c", "s1"),
        *([node("Add", "s1 m", "s2")] if masked else []),
        node("Softmax", "s2" if masked else "s1", "p", axis=-1),
        node("MatMul", "p v"),
    ]
    return Graph(name, nodes, inputs, {"c": np.float32(0.125)})


def attentions() -> list:
    return [
        attention(length, masked, fused) for fused in (False, True) for length in (128, 512, 2048) for masked in (False, True)
    ]


def normalizations() -> list:
    def scale_and_shift(width):
        return {"g": 1 + numbers("g", width, scale=0.2), "b": numbers("b", width, scale=0.2)}

    return [
        Graph("GroupNormalization 32g 320@64", [node("GroupNormalization", "x g b", num_groups=32)],
              {"x": numbers("gn", 1, 320, 64, 64)}, scale_and_shift(320), opset=21),
        Graph("InstanceNormalization 64@256", [node("InstanceNormalization", "x g b")],
              {"x": numbers("in", 1, 64, 256, 256)}, scale_and_shift(64)),
        *[
            Graph(f"LayerNormalization {rows}x{width}", [node("LayerNormalization", "x g b", axis=-1)],
                  {"x": numbers("ln", 1, rows, width)}, scale_and_shift(width))
            for rows, width in ((197, 768), (3136, 96))
        ],
        Graph("Softmax 12x512x512", [node("Softmax", "x", axis=-1)], {"x": numbers("sm", 1, 12, 512, 512)}),
    ]


def resize(name: str, channels: int, size: int, scale: int, **attributes) -> Graph:
    return Graph(name, [node("Resize", "x - s", **attributes)], {"x": numbers(name, 1, channels, size, size)},
                 {"s": np.array([1, 1, scale, scale], np.float32)})


def movements() -> list:
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    turned = np.stack([0.9 * x - 0.3 * y, 0.3 * x + 0.9 * y], -1)[None].astype(np.float32)
    return [
        resize("Resize cubic 4x 3@256", 3, 256, 4, mode="cubic", coordinate_transformation_mode="half_pixel", cubic_coeff_a=-0.75),
        resize("Resize linear 2x 256@32", 256, 32, 2, mode="linear", coordinate_transformation_mode="half_pixel"),
        resize("Resize nearest 2x 64@128", 64, 128, 2, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
        Graph("GridSample 64@128", [node("GridSample", "x grid", mode="bilinear", padding_mode="zeros", align_corners=0)],
              {"x": numbers("gs", 1, 64, 128, 128), "grid": turned}),
        Graph("Transpose 0231 64@128", [node("Transpose", "x", perm=[0, 2, 3, 1])], {"x": numbers("t1", 1, 64, 128, 128)}),
        Graph("Transpose 0213 512x12x64", [node("Transpose", "x", perm=[0, 2, 1, 3])], {"x": numbers("t2", 1, 512, 12, 64)}),
        Graph("ReduceMean spatial 256@56", [node("ReduceMean", "x", axes=[2, 3], keepdims=1)], {"x": numbers("r1", 1, 256, 56, 56)}),
        Graph("ReduceMean last 3136x96", [node("ReduceMean", "x", axes=[-1], keepdims=1)], {"x": numbers("r2", 1, 3136, 96)}),
    ]


def selections() -> list:
    found = [
        Graph(f"TopK {n}/{k}", [node("TopK", "x k", "y y1")], {"x": numbers("topk", 1, n)}, {"k": np.array([k], np.int64)},
              outputs=("y", "y1"), types=(TensorProto.FLOAT, TensorProto.INT64))
        for n, k in ((8400, 300), (32000, 50))
    ]
    generator = np.random.default_rng(5)
    corner, extent = generator.uniform(0, 600, (1, 8400, 2)), generator.uniform(5, 60, (1, 8400, 2))
    boxes = np.concatenate([corner, corner + extent], 2).astype(np.float32)
    scores = generator.beta(0.3, 6, (1, 80, 8400)).astype(np.float32)
    limits = {"n": np.array([100], np.int64), "i": np.array([0.5], np.float32), "s": np.array([0.25], np.float32)}
    found.append(Graph("NonMaxSuppression 8400x80", [node("NonMaxSuppression", "boxes scores n i s")],
                       {"boxes": boxes, "scores": scores}, limits, types=(TensorProto.INT64,)))
    return found


def lstm() -> Graph:
    weights = {"w": numbers("lw", 1, 1024, 256, scale=1 / 16), "r": numbers("lr", 1, 1024, 256, scale=1 / 16),
               "b": numbers("lb", 1, 2048, scale=0.1)}
    return Graph("LSTM 1x128x256", [node("LSTM", "x w r b", hidden_size=256)], {"x": numbers("lx", 128, 1, 256)}, weights)


def loop() -> Graph:
    scalar = helper.make_tensor_value_info("s", TensorProto.FLOAT, ())
    body = helper.make_graph(
        [node("Identity", "go", "go_on"), node("Add", "s one", "next")],
        "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, ()), helper.make_tensor_value_info("go", TensorProto.BOOL, ()), scalar],
        [helper.make_tensor_value_info("go_on", TensorProto.BOOL, ()), helper.make_tensor_value_info("next", TensorProto.FLOAT, ())],
    )
    return Graph("Loop of 1000 scalar Add", [node("Loop", "trips - x", body=body)], {"x": np.array(0.5, np.float32)},
                 {"trips": np.int64(1000), "one": np.float32(0.25)}, shape=(), counted=False)


def chain(name: str, steps: list, x: np.ndarray, weights: dict) -> Graph:
    """Each step is (operator, its second input or "")."""
    nodes, last = [], "x"
    for index, (op, second) in enumerate(steps):
        following = "y" if index + 1 == len(steps) else f"v{index}"
        nodes.append(node(op, f"{last} {second}".strip(), following))
        last = following
    return Graph(name, nodes, {"x": x}, weights)


def many_additions() -> Graph:
    """Of constants: an engine may add them up beforehand, as OpenVINO does. Of an input it needs minutes to load this."""
    names = ["x", *[f"v{index}" for index in range(999)], "y"]
    nodes = [node("Add", f"{before} a{index}", after) for index, (before, after) in enumerate(zip(names, names[1:]))]
    constants = {f"a{index}": numbers(f"a{index}", 1, 16, scale=0.1) for index in range(1000)}
    return Graph("1000 Add of 16 floats", nodes, {"x": numbers("small", 1, 16)}, constants, counted=False)


def elementwise() -> list:
    million = numbers("million", 1, 1024, 1024)
    # 20 is the first opset with Gelu.
    single = [Graph(f"{op} 1M", [node(op, "x")], {"x": million}, opset=20) for op in ("Gelu", "Erf", "Sigmoid", "Exp")]
    rows = {"a": numbers("ca", 1024), "b": 1 + numbers("cb", 1024, scale=0.1)}
    by_channel = {"g": 1 + numbers("cg", 64, 1, 1, scale=0.2), "h": numbers("ch", 64, 1, 1)}
    return [
        *single,
        chain("chain of 8, rows, 1M", [("Mul", "b"), ("Add", "a"), ("Relu", ""), ("Mul", "b"), ("Sigmoid", ""), ("Sub", "a"),
                                       ("Tanh", ""), ("Add", "a")], million, rows),
        chain("chain of 4, channels, 64@128", [("Mul", "g"), ("Add", "h"), ("Relu", ""), ("Mul", "g")], numbers("cx", 1, 64, 128, 128), by_channel),
        Graph("SiLU 1M", [node("Sigmoid", "x", "s"), node("Mul", "x s")], {"x": million}),
        many_additions(),
        Graph("Identity of one float: a call", [node("Identity", "x")], {"x": numbers("one", 1)}, counted=False),
    ]


def graphs() -> list:
    return [*convolutions(), *products(), *attentions(), *normalizations(), *movements(), *selections(), lstm(), loop(), *elementwise()]
