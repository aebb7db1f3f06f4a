"""What must hold of a model and its inputs: check(engine, model, feeds, seed) gives the failures.

  reference   without optimisation: near ONNX Runtime's results, or those of ONNX's evaluator where the two differ
  basic       the level `basic`: bit for bit those without optimisation
  optimised   the level `full`: near those without
  strict      with strict_math: near those without
  special     NaN and extremes among the inputs: near those without optimisation, both with strict_math
  double      the same model in double, with and without optimisation: near those in float
  threads     with two threads: bit for bit those with one
  into        written to memory of the caller's: bit for bit the same
  dynamic     symbols in the inputs' shapes: near those with fixed shapes
  again       the same inputs twice in a session, other sizes between: bit for bit
  together    all these runs at one time, by four callers of a session: bit for bit
  resized     other sizes in that session: near ONNX Runtime's, wherever that takes the sizes
  rows        a row of a batch alone: bit for bit its part of the batch's results, where rows are on their own
  written     the model as the optimiser writes it, in ONNX Runtime: near the original there

A session or run that fails where a reference does not, a crash and a hang are failures of the check that met them.
Near is 5e-5 of the largest element, for Winograd's method rounds more than sums do; 1e-5 with strict_math; 1e-2 where
anything is rounded to 16 bits. A difference that is larger is held against what tiny changes of inputs and weights do to
the reference (unstable()): a graph may magnify rounding, and round or choose by it.
"""

import dataclasses
import warnings

import numpy as np
import onnx
from graph_builder import element_type, ort_session, reads
from graph_maker import resized, symbolic
from graph_types import as_double
from onnx import helper as h
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

CHECKS = ("reference", "basic", "optimised", "strict", "special", "double", "threads", "into", "dynamic", "again", "together",
          "resized", "rows", "written")  # fmt: skip
NEAR = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 1e-5, np.dtype(np.float16): 4e-3}


@dataclasses.dataclass
class Failure:
    check: str
    text: str


@dataclasses.dataclass
class Report:
    failures: list
    held: list  # names of the checks that applied and held
    notes: list  # what is worth a count: unstable, ort_differs, ...
    nodes: list = dataclasses.field(default_factory=list)
    passes: dict = dataclasses.field(default_factory=dict)


def run_ort(model, runs):
    """Of each run a list of arrays, or an error's text."""
    try:
        session = ort_session(model if isinstance(model, bytes) else model.SerializeToString())
    except Exception as error:
        return [f"ONNX Runtime: {error}"] * len(runs)
    found = []
    for feeds in runs:
        try:
            found.append(session.run(None, feeds))
        except Exception as error:
            found.append(f"ONNX Runtime: {error}")
    return found


def run_by_node(model, feeds):
    """As ONNX Runtime computes each node alone, for models that it refuses as a whole."""
    values = {**{w.name: numpy_helper.to_array(w) for w in model.graph.initializer}, **feeds}
    for node in model.graph.node:
        names = [n for n in reads(node) if n in values]
        one = onnx.ModelProto()
        one.CopyFrom(model)
        inputs = [h.make_tensor_value_info(n, element_type(values[n]), values[n].shape) for n in names]
        one.graph.CopyFrom(h.make_graph([node], "one", inputs, [onnx.ValueInfoProto(name=n) for n in node.output if n]))
        (found,) = run_ort(one, [{n: values[n] for n in names}])
        if isinstance(found, str) or any(isinstance(a, list) for a in found):
            return run_evaluator(model, feeds)
        values.update(zip((n for n in node.output if n), found))
    return [values[o.name] for o in model.graph.output]


def run_evaluator(model, feeds):
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return [np.asarray(a) for a in ReferenceEvaluator(model).run(None, feeds)]
    except Exception as error:
        return f"the evaluator: {error}"


def identical(found, expected):
    """What differs, or None; a NaN is a NaN."""
    for i, (f, e) in enumerate(zip(found, expected)):
        if f.dtype != e.dtype or f.shape != e.shape:
            return i, f"{f.dtype}{list(f.shape)}, expected {e.dtype}{list(e.shape)}"
        same = (f == e) | ((f != f) & (e != e))
        if not same.all():
            at = np.unravel_index(np.argmin(same), f.shape)
            return i, (f"{(~same).sum()} of {f.size} elements have other bits; at {list(map(int, at))} {f[at]!r}, "
                       f"expected {e[at]!r}")  # fmt: skip
    return None


def narrow(nodes):
    """Whether anything is rounded to 16 bits on the way."""
    return any(node.op_type == "Cast" and a.i in (10, 16) or a.HasField("g") and narrow(a.g.node)
               for node in nodes for a in node.attribute)


def far(found, expected, allowed=None, least=0.0):
    """What differs by more than is near, at least `least`, or None; allowed: arrays of what is no difference yet."""
    if len(found) != len(expected):
        return 0, f"{len(found)} outputs, expected {len(expected)}"
    for i, (f, e) in enumerate(zip(found, expected)):
        if f.dtype != e.dtype or f.shape != e.shape:
            return i, f"{f.dtype}{list(f.shape)}, expected {e.dtype}{list(e.shape)}"
        if f.size == 0:
            continue
        if f.dtype.kind != "f":
            bad = (f != e) & ~(allowed[i] > 0 if allowed else False)
            if bad.any():
                at = np.unravel_index(np.argmax(bad), f.shape)
                return i, f"{bad.sum()} of {f.size} elements differ; at {list(map(int, at))} {f[at]}, expected {e[at]}"
            continue
        a, r = f.astype(np.float64), e.astype(np.float64)
        finite = np.isfinite(r)
        scale = max(0.1, float(np.abs(r[finite]).max(initial=0)))
        limit = max(NEAR[f.dtype], least) * scale + (allowed[i] if allowed else 0)
        with np.errstate(invalid="ignore"):
            bad = np.where(finite, ~(np.abs(a - r) <= limit), ~((a == r) | (np.isnan(a) & np.isnan(r))))
        if bad.any():
            at = np.unravel_index(np.argmax(np.where(bad, np.nan_to_num(np.abs(a - r), nan=np.inf), -1)), f.shape)
            return i, (f"{bad.sum()} of {f.size} elements are far, of at most {scale:.3g}; at {list(map(int, at))} "
                       f"{f[at]!r}, expected {e[at]!r}")  # fmt: skip
    return None


def shaken(model, feeds, rng, by):
    """The model and its inputs, with every float a little changed."""
    def shake(a):
        return (a * (1 + by * rng.standard_normal(a.shape))).astype(a.dtype) if a.dtype.kind == "f" and a.ndim else a

    out = onnx.ModelProto()
    out.CopyFrom(model)
    for w in out.graph.initializer:
        if w.data_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE) and len(w.dims):
            w.CopyFrom(numpy_helper.from_array(np.asarray(shake(numpy_helper.to_array(w))), w.name))
    return out, {n: np.asarray(shake(a)) for n, a in feeds.items()}


def unstable(model, feeds, expected):
    """Of each output how far it moves when inputs and weights are changed by some roundings; None: it changes its shape."""
    rng = np.random.default_rng(5)
    moved = [np.zeros(e.shape) for e in expected]
    base = "nothing to change" if empty(feeds) else run_ort(model, [feeds])[0]
    if isinstance(base, str):
        return moved
    for k in range(24):
        other, inputs = shaken(model, feeds, rng, (1e-7, 3e-7, 1e-6)[k % 3])
        (found,) = run_ort(other, [inputs])
        if isinstance(found, str) or any(f.shape != e.shape for f, e in zip(found, base)):
            return None
        for m, f, e in zip(moved, found, base):
            with np.errstate(invalid="ignore"):
                np.maximum(m, np.nan_to_num(np.abs(f.astype(np.float64) - e.astype(np.float64))), out=m)
    return [20 * m for m in moved]


def special(feeds, rng):
    """With a few numbers of a kind that functions treat in a way of their own."""
    numbers = np.array([np.nan, 0.0, -0.0, 1e-40, 1e5, -1e5, 88.0, -88.0])
    found = {}
    for name, a in feeds.items():
        found[name] = a
        if a.dtype.kind == "f" and a.size:
            found[name] = a.copy()
            at = rng.integers(0, a.size, 1 + a.size // 50)
            found[name].reshape(-1)[at] = rng.choice(numbers, at.size)
    return found


def empty(feeds):
    """What ONNX Runtime divides by zero of."""
    return any(a.size == 0 for a in feeds.values())


def of_nothing(outputs, whole):
    """The evaluator's results of an empty batch, where they have the shapes that the full batch's lead to."""
    if isinstance(outputs, str) or isinstance(whole, str):
        return "no reference"
    alike = all(o.shape in (w.shape, (0, *w.shape[1:])) for o, w in zip(outputs, whole))
    return outputs if alike else "the evaluator loses axes of what is empty"


class Checker:
    def __init__(self, engine, model, feeds, seed, only=None):
        self.engine, self.model, self.feeds, self.only = engine, model, feeds, only
        self.rng = np.random.default_rng([seed, 21])
        self.report = Report([], [], [])
        self.moved = {}
        self.least = 1e-2 if narrow([*model.graph.node, *(n for f in model.functions for n in f.node)]) else 0.0

    def wants(self, *names):
        return not self.only or any(n in self.only for n in names)

    def fail(self, check, text):
        if self.wants(check):
            self.report.failures.append(Failure(check, text))

    def ask(self, check, model, runs, **options):
        """Outputs of the runs; None after a failure, which is reported."""
        wanted = {name: options.pop(name) for name in ("optimize", "into", "together") if name in options}
        answer = self.engine.ask({"model": model.SerializeToString(), "runs": runs, "options": options, **wanted})
        if "error" in answer:
            self.fail(check, answer["error"])
            return None, answer
        return answer["runs"], answer

    def near(self, check, model, feeds, found, expected, note=True):
        if isinstance(found, str):
            return self.fail(check, found)
        least = max(self.least, 0 if check in ("strict", "special") else 5e-5)
        worse = far(found, expected, least=least)
        if worse:
            key = id(feeds)
            if key not in self.moved:
                self.moved[key] = unstable(model, feeds, expected)
            allowed = self.moved[key]
            if allowed is None or not (worse := far(found, expected, allowed, least)):
                self.report.notes.append("unstable")
                worse = None
        if worse:
            i, text = worse
            return self.fail(check, f"output '{model.graph.output[i].name}': {text}")
        if self.wants(check):
            self.report.held.append(check)
        return None

    def same(self, check, found, expected):
        if isinstance(found, str):
            return self.fail(check, found)
        worse = identical(found, expected)
        if worse:
            return self.fail(check, f"output '{self.model.graph.output[worse[0]].name}': {worse[1]}")
        if self.wants(check):
            self.report.held.append(check)
        return None

    def run(self):
        (expected,) = run_ort(self.model, [self.feeds])
        if isinstance(expected, str):
            self.report.notes.append("no ONNX Runtime")
            expected = run_by_node(self.model, self.feeds)
            if isinstance(expected, str):
                self.report.notes.append("no reference")
                return self.report
        off, _ = self.ask("reference", self.model, [self.feeds], threads=1, optimization="off")
        if off is None or not self.against_reference(off[0], expected):
            return self.report
        self.levels(off[0])
        if self.wants("dynamic", "again", "together", "together", "resized", "rows"):
            self.dynamic()
        return self.report

    def against_reference(self, found, expected):
        """Whether the plain results are right, so that others can be held against them."""
        if not isinstance(found, str) and far(found, expected, least=self.least):
            other = run_evaluator(self.model, self.feeds)
            if not isinstance(other, str) and not far(found, other, least=self.least):
                self.report.notes.append("ONNX Runtime differs from the evaluator")
                expected = other
        self.near("reference", self.model, self.feeds, found, expected)
        return not isinstance(found, str) and (not self.wants("reference") or "reference" in self.report.held)

    def levels(self, plain):
        model, feeds = self.model, self.feeds
        if self.wants("basic"):
            found, _ = self.ask("basic", model, [feeds], threads=1, optimization="basic")
            if found:
                self.same("basic", found[0], plain)
        self.full, answer = self.ask("optimised", model, [feeds], threads=1, optimization="full", profile=1, optimize=True)
        self.report.nodes, self.report.passes = answer["nodes"], answer["passes"]
        if self.full:
            self.near("optimised", model, feeds, self.full[0], plain)
            if self.wants("written"):
                self.written(answer["written"])
        if self.full and self.wants("threads", "into") and not isinstance(self.full[0], str):
            two, _ = self.ask("threads", model, [feeds, feeds], threads=2, optimization="full", into=True)
            if two:
                self.same("threads", two[0], self.full[0])
                self.same("into", two[1], self.full[0])
        if self.wants("double"):
            self.double(plain)
        if self.wants("strict", "special"):
            odd = special(feeds, self.rng)
            found, _ = self.ask("strict", model, [feeds, odd], threads=1, optimization="full", strict_math=1)
            off, _ = self.ask("special", model, [odd], threads=1, optimization="off", strict_math=1)
            if found:
                self.near("strict", model, feeds, found[0], plain)
            if found and off:
                if isinstance(off[0], str):
                    self.fail("special", off[0])
                else:
                    self.near("special", model, odd, found[1], off[0])

    def double(self, plain):
        made = as_double(self.model, self.feeds)
        if not made:
            return
        least, self.least = self.least, 1e-4  # of what floats round
        for level in ("off", "full"):
            found, _ = self.ask("double", made[0], [made[1]], threads=1, optimization=level)
            if found:
                outputs = found[0] if isinstance(found[0], str) else [
                    f.astype(np.float32) if p.dtype == np.float32 else f for f, p in zip(found[0], plain)]  # fmt: skip
                self.near("double", self.model, self.feeds, outputs, plain)
        self.least = least

    def written(self, data):
        if isinstance(data, str):
            return self.fail("written", data)
        original, made = run_ort(self.model, [self.feeds])[0], run_ort(data, [self.feeds])[0]
        if isinstance(original, str):
            return None
        return self.near("written", self.model, self.feeds, made, original)

    def dynamic(self):
        model, sizes = symbolic(self.model, self.feeds, self.rng)
        other = resized(model, self.feeds, sizes, self.rng)
        batch = sizes["N"]
        rows = []
        if batch > 1:
            names = [x.name for x in model.graph.input if [d.dim_param for d in x.type.tensor_type.shape.dim][:1] == ["N"]]
            rows = [{n: a[r : r + 1] if n in names else a for n, a in self.feeds.items()} for r in range(batch)]
        references = run_ort(model, [self.feeds, *([] if empty(other) else [other]), *rows])
        if empty(other):
            references.insert(1, of_nothing(run_evaluator(model, other), references[0]))
        rows = rows if all(not isinstance(r, str) for r in references[2:]) else []
        with_other = not isinstance(references[1], str)
        runs = [self.feeds, *([other] if with_other else []), *rows, self.feeds]
        threads = int(self.rng.integers(1, 3))
        found, answer = self.ask("dynamic", model, runs, threads=threads, optimization="full", optimize=True, together=True)
        if found is None:
            return
        if self.wants("written"):
            self.written(answer["written"])
        if self.full and not isinstance(self.full[0], str):
            self.near("dynamic", self.model, self.feeds, found[0], self.full[0])
            if not isinstance(found[0], str) and not identical(found[0], self.full[0]):
                self.report.notes.append("dynamic bit for bit")
        if isinstance(found[0], str):
            return
        for one, beside in zip(found, answer["together"]):
            if not isinstance(one, str):
                self.same("together", beside, one)
        self.same("again", found[-1], found[0])
        if with_other:
            self.near("resized", model, other, found[1], references[1])
        if rows:
            self.rows(found[0], found[1 + with_other : -1], references[0], references[2:], batch)

    def rows(self, whole, alone, reference, reference_rows, batch):
        """Outputs whose rows the reference computes from their own inputs alone."""
        if any(isinstance(a, str) for a in alone):
            return self.fail("rows", next(a for a in alone if isinstance(a, str)))
        for i, (w, r) in enumerate(zip(whole, reference)):
            if isinstance(reference, str) or r.ndim == 0 or r.shape[0] != batch:
                continue
            parts = [one[i] for one in reference_rows]
            if any(p.shape != (1, *r.shape[1:]) for p in parts) or far([np.concatenate(parts)], [r], least=self.least):
                continue
            worse = identical([a[i] for a in alone], [w[k : k + 1] for k in range(batch)])
            if worse:
                return self.fail("rows", f"output '{self.model.graph.output[i].name}', row {worse[0]}: {worse[1]}")
            if self.wants("rows") and "rows" not in self.report.held:
                self.report.held.append("rows")
        return None


def check(engine, model, feeds, seed=0, only=None):
    return Checker(engine, model, feeds, seed, only).run()
