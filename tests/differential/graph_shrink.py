"""A smaller model that still fails the same check: shrink(engine, model, feeds, failure) gives (model, feeds, failure).

In turn, for as long as anything gets smaller: one output alone; a value inside as the output, with what comes behind it cut
off; values inside as inputs, with what they are made of cut off; a node replaced by its input; shorter axes of the inputs.
A value that becomes an input is fed what ONNX Runtime makes of it.
"""

import time

import graph_checks
import numpy as np
import onnx
from graph_builder import element_type, ort_session, reads
from onnx import helper as h

SECONDS = 40


def values_inside(model, feeds):
    """{name: array} of what the nodes of the main graph make, as far as ONNX Runtime computes it as tensors."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    names = [o for node in probe.graph.node for o in node.output if o]
    probe.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names)
    try:
        found = ort_session(probe.SerializeToString()).run(None, feeds)
    except Exception:
        return {}
    return {n: np.asarray(a) for n, a in zip(names, found) if not isinstance(a, list) and a is not None}


def cut(model, feeds, values, outputs, given=()):
    """The part of the model that makes `outputs` from the values `given` (and what else it needs)."""
    known = {**values, **feeds}
    wanted, nodes = set(outputs), []
    for node in reversed(model.graph.node):
        if any(o in wanted and o not in given for o in node.output):
            nodes.insert(0, node)
            wanted.update(reads(node))
    graph = model.graph
    weights = [w for w in graph.initializer if w.name in wanted]
    inputs = [x for x in graph.input if x.name in wanted]
    made = {o for node in nodes for o in node.output}
    inputs += [h.make_tensor_value_info(n, element_type(known[n]), known[n].shape) for n in sorted(wanted)
               if n in given and n not in made]  # fmt: skip
    ends = [h.make_tensor_value_info(n, element_type(values[n]), None) for n in outputs]
    part = onnx.ModelProto()
    part.CopyFrom(model)
    part.graph.CopyFrom(h.make_graph(nodes, graph.name, inputs, ends, weights))
    names = {x.name for x in inputs}
    return part, {n: a for n, a in known.items() if n in names and (n in feeds or n in given)}


def without_node(model, feeds, values, index):
    """Readers of a node's output read its input instead, where both are alike."""
    node = model.graph.node[index]
    known = {**values, **feeds}
    out = node.output[0]
    kind = lambda n: known[n].shape and (known[n].shape, known[n].dtype)  # noqa: E731
    same = [n for n in node.input if n in known and out in values and kind(n) == kind(out)]
    if not same or out in {o.name for o in model.graph.output} or len([o for o in node.output if o]) > 1:
        return None
    part = onnx.ModelProto()
    part.CopyFrom(model)
    del part.graph.node[index]
    for other in part.graph.node:
        if any(a.HasField("g") for a in other.attribute) and out in reads(other):
            return None
        for i, name in enumerate(other.input):
            if name == out:
                other.input[i] = same[0]
    return part, feeds


def shorter(model, feeds):
    """The same with one size of the inputs smaller, wherever it occurs in them."""
    sizes = sorted({n for a in feeds.values() for n in a.shape if n > 1}, reverse=True)
    for size in sizes:
        for less in sorted({1, 2, size // 2, size - 1} - {0, size}):
            part = onnx.ModelProto()
            part.CopyFrom(model)
            new = {k: a[tuple(slice(0, less) if n == size else slice(None) for n in a.shape)] for k, a in feeds.items()}
            for x in part.graph.input:
                if x.name in new:
                    x.CopyFrom(h.make_tensor_value_info(x.name, element_type(new[x.name]), new[x.name].shape))
            for o in part.graph.output:
                o.type.tensor_type.ClearField("shape")
            yield part, {k: np.ascontiguousarray(a) for k, a in new.items()}


def candidates(model, feeds):
    values = values_inside(model, feeds)
    ends = [o.name for o in model.graph.output if o.name in values]
    if len(model.graph.output) > 1:
        yield from (cut(model, feeds, values, [name]) for name in ends)
    inner = [o for node in model.graph.node for o in node.output if o in values and o not in ends]
    step = max(1, len(inner) // 12)
    yield from (cut(model, feeds, values, [name]) for name in inner[::step])
    if ends:
        for name in inner[::-step]:
            yield cut(model, feeds, values, ends, (name,))
        for node in model.graph.node:  # what one node reads, all at once
            yield cut(model, feeds, values, ends, tuple(n for n in node.input if n in values))
        for index in range(len(model.graph.node)):
            if made := without_node(model, feeds, values, index):
                yield cut(made[0], feeds, values_inside(*made) or values, ends)
    yield from shorter(model, feeds)


def weight(model, feeds):
    return len(model.graph.node) * 1000 + 100 * len(model.graph.output) + sum(min(a.size, 10**6) for a in feeds.values()) / 1e4


def shrink(engine, model, feeds, failure, seed=0):
    stop = time.monotonic() + SECONDS
    better = True
    while better and time.monotonic() < stop:
        better = False
        for part, inputs in candidates(model, feeds):
            if time.monotonic() > stop:
                break
            if not part.graph.node or weight(part, inputs) >= weight(model, feeds):
                continue
            found = graph_checks.check(engine, part, inputs, seed, only=(failure.check,)).failures
            if found:
                model, feeds, failure, better = part, inputs, found[0], True
                break
    return model, feeds, failure
