"""Runs one small model for every operator, type variable and element type that the schemas allow.

  ./dev types [--only Conv,Pow] [--json FILE] [--write]

The cells, and how each is computed, are those of `onward ops --types`. A cell is right if the engine takes the model and
what it gives is near a reference:

  wide        ONNX's reference evaluator on the same inputs in double (int64), rounded to the type
  reference   the evaluator in the type itself
  double      the evaluator in double, for integers that it cannot interpolate, cut off
  float       the evaluator in float, for doubles that it does not take
  statement   what the operator's text says of these inputs, written down in written.py
  engine      the engine's own result in float (int64), rounded: the evaluator has no such operator or type
"""

import argparse
import collections
import json
import pathlib
import subprocess
import sys
import typing
import warnings

import numpy as np
from onnx.reference import ReferenceEvaluator

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import cases  # noqa: E402
import document  # noqa: E402
import values  # noqa: E402
import written  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs/types.md"
REFUSED = pathlib.Path(__file__).with_name("refused.txt")


def read_plan(program, only=()):
    """Of every operator how each type is computed: [(domain, operator, variable, type string, way)]."""
    listed = subprocess.run([program, "ops", "--types", "--json"], check=True, text=True, stdout=subprocess.PIPE)
    return [(op["domain"], op["name"], variable["name"], text, way)
            for op in json.loads(listed.stdout) if not only or op["name"] in only
            for variable in op["variables"] for text, way in variable["types"].items()]  # fmt: skip


def read_refused():
    """{(operator, variable, type string or *): reason}, of the types that the engine refuses."""
    rows = [x.split(None, 3) for x in REFUSED.read_text().splitlines() if x.strip() and not x.startswith("#")]
    return {(op, variable, text): reason for op, variable, text, reason in rows}


def run_engine(model, feeds):
    import onward

    options = onward.SessionOptions()
    options.intra_op_num_threads = 1
    session = onward.InferenceSession(model.SerializeToString(), options)
    return session.run(None, feeds)


def run_reference(case, feeds):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return ReferenceEvaluator(case.model()).run(None, feeds)


def rounded(outputs, case):
    """In the types that the case declares."""
    kinds = [case.outputs[n] for n in case.node.output if n]
    if any(x is None for x in outputs):
        raise ValueError("an output is missing")
    with np.errstate(all="ignore"):
        return [np.asarray(x).astype(values.dtype(k)) for x, k in zip(outputs, kinds)]


def widest(name):
    return {"float": "double", "integer": "int64"}.get(values.kind(name), name)


def references(case, variable, name):
    """(label, outputs) in turn, best first."""
    def evaluator_wide():
        wide = cases.retype(case, variable, widest(name))
        feeds = {n: values.convert(a, values.name_of(wide.feeds[n])) for n, a in case.feeds.items()}
        return rounded(run_reference(wide, {n: case.feeds[n].astype(a.dtype) for n, a in feeds.items()}), case)

    def evaluator():
        return rounded(run_reference(case, case.feeds), case)

    def evaluator_real(kind):
        other = cases.retype(case, variable, kind)
        feeds = {n: case.feeds[n].astype(a.dtype) for n, a in other.feeds.items()}
        return rounded(run_reference(other, feeds), case)

    def engine():
        wide = cases.retype(case, variable, {"float": "float", "integer": "int64"}[values.kind(name)])
        feeds = {n: case.feeds[n].astype(wide.feeds[n].dtype) for n in case.feeds}
        return rounded(run_engine(wide.model(), feeds), case)

    wider = values.kind(name) in ("float", "integer") and widest(name) != name
    order = [("wide", evaluator_wide)] * wider + [("reference", evaluator)]
    if values.kind(name) == "integer":
        order.append(("double", lambda: evaluator_real("double")))
    if name == "double":
        order.append(("float", lambda: evaluator_real("float")))
    answered = False
    for label, compute in order + [("engine", engine)] * wider:
        if label == "engine" and answered:
            return
        try:
            outputs = compute()
            answered = True
            yield label, outputs
        except Exception as error:  # the evaluator raises whatever numpy does
            yield label, error


def check_case(case, variable, name):
    """(reference used, None) or (None, what is wrong)."""
    try:
        found = run_engine(case.model(), case.feeds)
    except Exception as error:
        return None, f"{case.name}: " + str(error).strip().replace("\n", " ")
    if case.node.op_type in written.RANDOM:
        kinds = [case.outputs[n] for n in case.node.output if n]
        same = [values.name_of(f) for f in found] == kinds
        wrong = None if same else f"{[values.name_of(f) for f in found]}, expected {kinds}"
        return ("statement", None) if same else (None, wrong)
    tolerance = written.TOLERANCE.get(case.node.op_type, 0)
    first = None
    for label, expected in references(case, variable, name):
        if isinstance(expected, Exception):
            first = first or f"{case.name}: no {label}: {expected}"
            continue
        worse = next((d for f, e in zip(found, expected) if (d := values.difference(f, e, tolerance))), None)
        if not worse:
            return label, None
        first = f"{case.name}: {label}: {worse}"
    return None, first or "no reference"


def order_of(case, variable, name):
    """Those with elements first, then the nearest type: the same, of the same kind, any."""
    schema = cases.schema_of(case.node.domain, case.node.op_type)
    there = cases.names(schema.inputs, case.node.input, variable)
    theirs = [values.name_of(case.feeds[n]) for n in there]
    theirs += [case.outputs[n] for n in cases.names(schema.outputs, case.node.output, variable)]
    same, alike = theirs[:1] == [name], theirs and values.kind(theirs[0]) == values.kind(name)
    return (not theirs, any(a.size == 0 for a in case.feeds.values()), not same, not alike)


def check_cell(domain, op, variable, text):
    """(reference used, None) or (None, what is wrong)."""
    made = written.find(domain, op, variable, text)
    if made:
        model, feeds, expected = made
        if model is None:
            return "statement", None
        try:
            found = run_engine(model, feeds)
        except Exception as error:
            return None, str(error).strip().replace("\n", " ")
        if expected is None:
            expected = run_reference_model(model, feeds)
        elif expected is written.ANY:
            return "statement", None
        worse = values.difference(list(found), expected, written.TOLERANCE.get(op, 0))
        return (None, worse) if worse else ("statement", None)
    if not text.startswith("tensor("):
        return None, "no case of this container"
    name = text[7:-1]
    wrong = "no case has this variable"
    chosen = sorted(cases.official().get((domain, op), []), key=lambda c: order_of(c, variable, name))
    for case in chosen[:6]:
        try:
            there = cases.retype(case, variable, name, written.EDITS.get(op))
        except Exception as error:
            wrong = f"{case.name}: retype: {error!r}"
            continue
        if there:
            label, wrong = check_case(there, variable, name)
            if label:
                return label, None
            if not written.RETRY.get(op):
                break
    return None, wrong


def run_reference_model(model, feeds):
    return ReferenceEvaluator(model).run(None, feeds)


class Cell(typing.NamedTuple):
    """`way`: native, operators, missing, or the wider type. One of `reference` and `wrong` is None."""

    domain: str
    op: str
    variable: str
    type: str
    way: str
    reference: str | None
    wrong: str | None


def run_matrix(plan):
    return [Cell(*cell, *check_cell(*cell[:4])) for cell in plan]


def find_faults(cells, refused, is_whole=True):
    """What is wrong with these cells, as text: a type that fails, or is said to be refused and is not."""
    faults, used = [], set()
    for c in cells:
        keys = [(c.op, c.variable, c.type), (c.op, c.variable, "*")]
        found = [k for k in keys if k in refused]
        used.update(found)
        if c.wrong and not found:
            faults.append(f"{c.op} {c.variable} {c.type} ({c.way}): {c.wrong}")
        if not c.wrong and found:
            faults.append(f"{c.op} {c.variable} {c.type} runs: take it out of {REFUSED.relative_to(ROOT)}")
    if is_whole:
        faults += [f"{' '.join(k)}: no such type; take it out of {REFUSED.relative_to(ROOT)}" for k in refused.keys() - used]
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/bin/onward"))
    parser.add_argument("--only", default="", help="operators, with commas between")
    parser.add_argument("--json", help="write every cell there")
    parser.add_argument("--write", action="store_true", help="write docs/types.md")
    a = parser.parse_args()
    cells = run_matrix(read_plan(a.program, a.only.split(",") if a.only else ()))
    refused = read_refused()
    if a.json:
        pathlib.Path(a.json).write_text(json.dumps([c._asdict() for c in cells], indent=1))
    faults = find_faults(cells, refused, not a.only)
    print("\n".join(faults))
    print(f"{len(cells)} types; held against:", dict(collections.Counter(c.reference or "refused" for c in cells)))
    if a.write and not a.only and not faults:
        DOCUMENT.write_text(document.text(cells, refused))
        print(f"wrote {DOCUMENT.relative_to(ROOT)}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
