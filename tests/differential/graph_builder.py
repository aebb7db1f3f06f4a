"""A graph that is written down node by node, where every node is computed as soon as it is made.

What a node gives is known while the next one is chosen, so that pieces need no shape rules of their own, and a node that
the references refuse, or whose values are no good for a comparison (not finite, huge), is taken back with its piece.
"""

import numpy as np
import onnx
import onnxruntime
from onnx import helper as h
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

onnxruntime.set_default_logger_severity(4)
HUGE = 3e4
MAX_ELEMENTS = 400_000


class Unfit(Exception):
    """The piece does not fit here; what it made is taken back."""


class Value:
    def __init__(self, name, array, constant=False):
        self.name, self.array, self.constant = name, array, constant

    def info(self, fixed=False):
        """What a graph says of it: its rank, or its shape."""
        return h.make_tensor_value_info(self.name, element_type(self.array), self.shape if fixed else [None] * self.rank)

    shape = property(lambda self: self.array.shape)
    rank = property(lambda self: self.array.ndim)
    dtype = property(lambda self: self.array.dtype)


def ort_session(model, optimized=False):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def element_type(array):
    return h.np_dtype_to_tensor_dtype(array.dtype)


def captured(graph):
    """Names that a subgraph reads from outside."""
    own = {x.name for x in [*graph.input, *graph.initializer]}
    read = []
    for node in graph.node:
        names = [*node.input, *(n for a in node.attribute if a.HasField("g") for n in captured(a.g))]
        read += [n for n in names if n and n not in own]
        own.update(node.output)
    return read + [o.name for o in graph.output if o.name not in own]


def reads(node):
    """Names that a node reads, those of its subgraphs among them."""
    inner = [n for a in node.attribute if a.HasField("g") for n in captured(a.g)]
    return list(dict.fromkeys([*(n for n in node.input if n), *inner]))


class Builder:
    """`rng` decides everything; `batch` is the size of axis 0 of all inputs; nodes mean what `opset` says."""

    def __init__(self, rng, opset, batch):
        self.rng, self.opset, self.batch = rng, opset, batch
        self.ir_version = 9 if opset < 21 else 10 if opset < 23 else 11
        self.nodes, self.inputs, self.initializers = [], [], []  # NodeProto, Value, Value
        self.pool = []  # what later pieces may read
        self.named = {}
        self.defaults = []  # initializers that are inputs, too
        self.count = 0
        self.large = False  # sizes that are worth two threads
        self.scopes = []  # subgraphs under construction

    # Choosing

    def chance(self, p):
        return self.rng.random() < p

    def one(self, items):
        items = list(items)
        if not items:
            raise Unfit("nothing to choose from")
        return items[int(self.rng.integers(len(items)))]

    def integer(self, low, high):
        """Both included."""
        if low > high:
            raise Unfit("no such number")
        return int(self.rng.integers(low, high + 1))

    def name(self, stem="v"):
        self.count += 1
        return f"{stem}{self.count}"

    def pick(self, rank=None, dtype=np.float32, where=lambda v: True):
        """A value of the pool, of the last ones most often."""
        fit = [v for v in self.pool if v.dtype == dtype and (rank is None or v.rank == rank) and where(v)]
        if not fit:
            raise Unfit("no such value")
        return fit[-1 - min(int(self.rng.exponential(1.5)), len(fit) - 1)]

    # Values from nowhere

    def add_input(self, array):
        value = Value(self.name("x"), array)
        self.inputs.append(value)
        self.named[value.name] = value
        return self.keep(value)

    def normal(self, *shape, scale=1.0):
        return (self.rng.normal(0, 1, shape) * scale).astype(np.float32)

    def const(self, array, dtype=None):
        array = np.asarray(array, dtype)
        value = Value(self.name("c"), array, True)
        self.named[value.name] = value
        if self.chance(0.1):
            self.place(h.make_node("Constant", [], [value.name], value=numpy_helper.from_array(array)))
        else:
            self.initializers.append(value)
        return value

    def ints(self, *numbers):
        return self.const(np.array(numbers, np.int64))

    def weight(self, *shape, fan_in=None):
        return self.const(self.normal(*shape, scale=1 / np.sqrt(fan_in or max(1, int(np.prod(shape[1:]))))))

    # Nodes

    def place(self, node):
        (self.scopes[-1] if self.scopes else self.nodes).append(node)

    def op(self, kind, *inputs, n=1, **attributes):
        """Makes a node and computes it; n: how many outputs."""
        names = [v.name if v else "" for v in inputs]
        outputs = [self.name() for _ in range(n)]
        attributes = {k: v for k, v in attributes.items() if v is not None}
        domain = attributes.pop("domain", "")
        node = h.make_node(kind, names, outputs, name=f"{kind}_{self.count}", domain=domain, **attributes)
        values = [Value(name, a) for name, a in zip(outputs, self.compute(node))]
        for v in values:
            if v.dtype.kind == "f" and not (np.abs(v.array[~np.isneginf(v.array)]).max(initial=0) < HUGE):
                raise Unfit(f"{kind} gives values that are huge or no numbers")
            if v.array.size > MAX_ELEMENTS:
                raise Unfit(f"{kind} gives {v.array.size} elements")
            self.named[v.name] = v
        self.place(node)
        return values[0] if n == 1 else values

    def compute(self, node):
        feeds = {name: self.named[name].array for name in reads(node)}
        inputs = [h.make_tensor_value_info(k, element_type(a), a.shape) for k, a in feeds.items()]
        graph = h.make_graph([node], "one", inputs, [onnx.ValueInfoProto(name=o) for o in node.output])
        model = self.model_of(graph)
        try:
            found = ort_session(model.SerializeToString()).run(None, feeds)
        except Exception as refused:
            if "NOT_IMPLEMENTED" not in str(refused):
                raise Unfit(f"{node.op_type}: {refused}") from None
            try:
                found = ReferenceEvaluator(model).run(None, feeds)
            except Exception:
                raise Unfit(f"{node.op_type}: {refused}") from None
        found = [np.asarray(a) if not isinstance(a, list) else a for a in found]
        if any(isinstance(a, list) or a.dtype.kind not in "fiub" for a in found):
            raise Unfit(f"{node.op_type} gives no numbers")
        return found

    def opsets(self):
        return [h.make_opsetid("", self.opset)]

    def model_of(self, graph):
        return h.make_model(graph, opset_imports=self.opsets(), ir_version=self.ir_version)

    def keep(self, value):
        """Later pieces may read it."""
        self.pool.append(value)
        return value

    def made(self):
        return self.nodes, self.inputs, self.initializers, self.pool, self.defaults

    def attempt(self, piece):
        """Whether the piece could be made; if not, nothing of it is left."""
        marks = [len(x) for x in self.made()]
        try:
            piece(self)
            return True
        except Unfit:
            for x, mark in zip(self.made(), marks):
                del x[mark:]
            self.scopes = []
            return False

    def subgraph(self, name, inputs, body):
        """A graph for an attribute: `inputs` are arrays that stand for what it will get, body(values) makes nodes and
        returns values."""
        values = [Value(self.name("b"), a) for a in inputs]
        for v in values:
            self.named[v.name] = v
        first = len(self.initializers)
        self.scopes.append([])
        outputs = body(values)
        outputs = [self.op("Identity", v) if v.constant or v in values else v for v in outputs]
        nodes = self.scopes.pop()
        inside = self.initializers[first:]
        del self.initializers[first:]
        weights = [numpy_helper.from_array(v.array, v.name) for v in inside]
        return h.make_graph(nodes, name, [v.info() for v in values], [v.info() for v in outputs], weights)

    # The same meaning at every opset

    def axes_op(self, kind, x, axes, since=13, **attributes):
        """An operator whose axes are an attribute before `since`, and an input from there on."""
        if self.opset >= since:
            return self.op(kind, x, self.ints(*axes), **attributes)
        return self.op(kind, x, axes=list(axes), **attributes)

    def unsqueeze(self, x, *axes):
        return self.axes_op("Unsqueeze", x, axes)

    def squeeze(self, x, *axes):
        return self.axes_op("Squeeze", x, axes)

    def reduce(self, kind, x, axes, keepdims=1):
        return self.axes_op(kind, x, axes, 13 if kind == "ReduceSum" else 18, keepdims=keepdims)

    def split(self, x, sizes, axis):
        if self.opset >= 13:
            return self.op("Split", x, self.ints(*sizes), n=len(sizes), axis=axis)
        return self.op("Split", x, n=len(sizes), axis=axis, split=list(sizes))

    def scalar(self, number):
        return self.const(np.float32(number) if self.chance(0.7) else np.array([number], np.float32))

    def clip(self, x, low, high):
        return self.op("Clip", x, self.const(np.float32(low)), self.const(np.float32(high)))

    def slice(self, x, starts, ends, axes, steps=None):
        return self.op("Slice", x, self.ints(*starts), self.ints(*ends), self.ints(*axes), self.ints(*steps) if steps else None)

    def resize(self, x, scales=None, sizes=None, **attributes):
        roi, none = (None, None) if self.opset >= 13 else (self.const(np.zeros(0, "f")), self.const(np.zeros(0, "f")))
        if scales is not None:
            return self.op("Resize", x, roi, self.const(np.array(scales, "f")), **attributes)
        return self.op("Resize", x, roi, none, sizes, **attributes)

    def reshape(self, x, *shape):
        return self.op("Reshape", x, self.ints(*shape))

    def transpose(self, x, *perm):
        return self.op("Transpose", x, perm=list(perm))

    def scalar_0d(self, number):
        return self.const(np.float32(number))

    def through_sequence(self, x, axis):
        """x taken apart along an axis, and put together again, by way of a sequence."""
        parts, joined = self.name(), self.name()
        self.place(h.make_node("SplitToSequence", [x.name], [parts], axis=axis, keepdims=1))
        self.place(h.make_node("ConcatFromSequence", [parts], [joined], axis=axis))
        self.named[joined] = Value(joined, x.array)
        return self.named[joined]
