"""Random whole graphs: make(seed) gives a Case, the same for the same seed and the same packages."""

import dataclasses

import numpy as np
import onnx
from graph_builder import Builder, reads
from graph_pieces_any import ANY_PIECES
from graph_pieces_image import IMAGE_PIECES, new_image
from graph_pieces_nets import NET_PIECES
from graph_pieces_tokens import TOKEN_PIECES, new_tokens
from onnx import helper as h
from onnx import numpy_helper

OPSETS = (11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24)
# How often pieces of images, of tokens, of networks and of anything are tried.
STYLES = {"image": (6, 0, 3, 1), "tokens": (0, 6, 2, 3), "mixed": (3, 3, 3, 5), "any": (1, 1, 1, 9)}


@dataclasses.dataclass
class Case:
    seed: int
    style: str
    model: onnx.ModelProto  # with all sizes fixed
    feeds: dict


def pieces_of(style):
    table = {}
    for pieces, times in zip((IMAGE_PIECES, TOKEN_PIECES, NET_PIECES, ANY_PIECES), STYLES[style]):
        total = sum(pieces.values())
        table.update({p: w / total * times for p, w in pieces.items() if times})
    return list(table), np.array(list(table.values())) / sum(table.values())


def grow(b, style, goal):
    start = {"image": new_image, "tokens": new_tokens}.get(style) or b.one([new_image, new_tokens])
    start(b)
    if b.chance(0.1):
        b.one([new_image, new_tokens])(b)
    pieces, weights = pieces_of(style)
    for _ in range(4 * goal):
        if len(b.nodes) >= goal:
            break
        b.attempt(pieces[b.rng.choice(len(pieces), p=weights)])


def outputs_of(b):
    """What nobody reads, mostly, and a few that others do."""
    read = {name for node in b.nodes for name in reads(node)}
    made = [v for v in b.pool if v not in b.inputs and not v.constant]
    ends = [v for v in made if v.name not in read]
    inner = [v for v in made if v.name in read]
    chosen = [v for v in ends[:-1] if b.chance(0.85)] + ends[-1:]
    if inner and b.chance(0.3):
        chosen += [b.one(inner) for _ in range(b.integer(1, 2))]
    return list({v.name: v for v in chosen or made[-1:]}.values())


def shuffled(b):
    """The nodes in another order in which each is made before it is read."""
    waiting, ready, order = list(b.nodes), {v.name for v in [*b.inputs, *b.initializers]}, []
    while waiting:
        fit = [n for n in waiting if ready.issuperset(reads(n))]
        node = fit[int(b.rng.integers(len(fit)))]
        order.append(node)
        waiting.remove(node)
        ready.update(node.output)
    return order


def as_functions(b, nodes):
    """Some of the nodes, next to one another, as a call of a function; (nodes, functions)."""
    first = b.integer(0, len(nodes) - 1)
    inside = nodes[first : first + b.integer(1, 6)]
    if any(a.HasField("g") for n in inside for a in n.attribute):
        return nodes, []
    made = [o for n in inside for o in n.output if o]
    read = list(dict.fromkeys(x for n in inside for x in n.input if x and x not in made))
    name = f"part_{first}"
    function = h.make_function("local", name, read, made, inside, b.opsets())
    return [*nodes[:first], h.make_node(name, read, made, domain="local"), *nodes[first + len(inside) :]], [function]


def make(seed):
    """A Case, or None where nothing could be made."""
    rng = np.random.default_rng([seed, 20])
    style = str(rng.choice(list(STYLES), p=[0.45, 0.25, 0.15, 0.15]))
    b = Builder(rng, int(rng.choice(OPSETS)), int(rng.choice([1, 2, 2, 3, 4])))
    b.large = b.chance(0.1)
    grow(b, style, int(np.exp(rng.uniform(np.log(3), np.log(12 if b.large else 40)))))
    outputs = outputs_of(b)
    if not outputs or not b.nodes:
        return None
    inputs = [*b.inputs, *b.defaults]
    infos = [v.info(True) for v in inputs]
    ends = [v.info(b.chance(0.3)) for v in outputs]
    weights = [numpy_helper.from_array(v.array, v.name) for v in b.initializers]
    nodes = shuffled(b) if b.chance(0.3) else b.nodes
    nodes, functions = as_functions(b, nodes) if b.chance(0.1) else (nodes, [])
    model = b.model_of(h.make_graph(nodes, f"graph_{seed}", infos, ends, weights))
    if functions:
        model.functions.extend(functions)
        model.opset_import.append(h.make_opsetid("local", 1))
    feeds = {v.name: v.array for v in b.inputs}
    for v in b.defaults:
        if b.chance(0.5):
            feeds[v.name] = b.normal(*v.shape)
    return Case(seed, style, model, feeds)


def symbolic(model, feeds, rng):
    """The same with symbols for sizes of the inputs, and {symbol: size}. Axis 0 of most inputs is the batch's, "N"."""
    given = {n: a for n, a in feeds.items() if a.ndim}
    batch = next((a.shape[0] for a in given.values()), 1)
    weights = {w.name for w in model.graph.initializer}
    sizes = {"N": batch}
    fixed = rng.random() < 0.3
    out = onnx.ModelProto()
    out.CopyFrom(model)
    for info in out.graph.input:
        if info.name in weights:
            continue
        for i, dim in enumerate(info.type.tensor_type.shape.dim):
            n = dim.dim_value
            if i == 0 and n == batch:
                dim.dim_param = "N"
            elif not fixed and i > 0 and n > 1 and rng.random() < 0.8:
                dim.dim_param = f"s{n}"
                sizes[f"s{n}"] = n
    for info in out.graph.output:
        info.type.tensor_type.ClearField("shape")
    return out, sizes


def resized(dynamic, feeds, sizes, rng):
    """Feeds for other sizes of the symbols."""
    def another(k, n):
        return int(rng.choice([0, 1, 1, 2, 3, 5])) if k == "N" else n + int(rng.choice([0, 0, -1, 1, 2, 4]))

    other = {k: another(k, n) for k, n in sizes.items()}
    if other["N"] == 0:  # ONNX Runtime joins what is empty whatever its sizes are
        other = {**sizes, "N": 0}
    found = dict(feeds)
    for info in dynamic.graph.input:
        if other["N"] and rng.random() < 0.05:  # symbols that mean one size here and another one there
            other.update({k: another(k, n) for k, n in sizes.items() if k != "N"})
        shape = [other.get(d.dim_param, d.dim_value) for d in info.type.tensor_type.shape.dim]
        if info.name in feeds and tuple(shape) != feeds[info.name].shape:
            a = feeds[info.name]
            new = np.resize(a, shape)
            found[info.name] = new * rng.uniform(0.5, 1.5, shape).astype(a.dtype) if a.dtype.kind == "f" else new
    return found
