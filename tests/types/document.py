"""docs/types.md out of the cells of the matrix: totals, and one row an operator."""

import collections

import values

HEAD = """# Types

Every type that an operator's schema allows works, from one definition of the operator: kernels state the types that they
compute in, and any other is widened before them and narrowed after them (`src/ops/op/widen.h`: float16 by way of float,
int4 of int8; where float and double meet in an operator of one float, both become double). This page is written by
`./dev types --write`; each of its types has been run in a model of one node and held against a reference, and
`tests/python/test_types.py` does so again. `onward ops Gemm --types` prints a row of it.

A type is counted once for each type variable of each operator of `ai.onnx` and `ai.onnx.ml` at its newest version.

"""

REFERENCES = {
    "wide": "ONNX's reference evaluator on the same inputs in double or int64, rounded to the type",
    "reference": "the evaluator in the type itself",
    "double": "the evaluator in double, cut off to integers",
    "float": "the evaluator in float, for a double that it does not take",
    "statement": "what the operator's text says, written down in `tests/types/written.py` (of random numbers: the type)",
    "engine": "the engine's own result in float, rounded to the type, where the evaluator has none",
}

RANGES = (
    ("int8-64", ("int8", "int16", "int32", "int64")),
    ("uint8-64", ("uint8", "uint16", "uint32", "uint64")),
    ("float8", ("float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz")),
    ("2, 4 bits", ("int2", "uint2", "int4", "uint4", "float4e2m1")),
    ("complex", ("complex64", "complex128")),
    ("16-bit floats", ("float16", "bfloat16")),
)


def is_wide(way):
    return way not in ("native", "operators", "missing")


def grouped(types):
    """Type strings in few words: "float double int8-64, 15 sequences"."""
    tensors = [t[7:-1] for t in types if t.startswith("tensor(")]
    words = []
    for word, members in RANGES:
        if all(m in tensors for m in members):
            tensors = [t for t in tensors if t not in members]
            words.append(word)
    known = sorted(tensors, key=lambda t: (values.kind(t), values.number(t)))
    parts = [*known, *words]
    for word, prefix in (("sequences", "seq("), ("optionals", "optional("), ("maps", "map(")):
        count = sum(t.startswith(prefix) for t in types)
        if count:
            parts.append(f"{count} {word}")
    return ", ".join(parts)


def by_variable(cells, label=lambda c: ""):
    groups = {}
    for c in cells:
        groups.setdefault((c.variable, label(c)), []).append(c.type)
    return "; ".join(f"*{v}*{way}: {grouped(types)}" for (v, way), types in groups.items()) or ""


def total_rows(cells):
    kinds = collections.Counter()
    for c in cells:
        kinds["refused" if c.wrong else "wide" if is_wide(c.way) else c.way] += 1
    names = {"native": "natively", "wide": "through a wider type", "operators": "by the operators that it is a graph of",
             "refused": "refused"}  # fmt: skip
    return [f"| {text} | {kinds[kind]} | {100 * kinds[kind] / len(cells):.1f} % |" for kind, text in names.items()
            if kinds[kind]]  # fmt: skip


def text(cells, refused):
    operators = {}
    for c in cells:
        operators.setdefault((c.domain, c.op), []).append(c)
    out = [HEAD + f"## Totals\n\n| of {len(cells)} types of {len(operators)} operators | types | share |\n|---|---:|---:|"]
    out += total_rows(cells)
    out.append("\n| held against | types |\n|---|---:|")
    counts = collections.Counter(c.reference for c in cells if c.reference)
    out += [f"| {REFERENCES[k]} | {counts[k]} |" for k in REFERENCES if counts[k]]
    out.append("\n## Refused\n\n| operator | variable | type | why |\n|---|---|---|---|")
    out += [f"| {op} | {v} | {'all' if t == '*' else t} | {why} |" for (op, v, t), why in sorted(refused.items())]
    out.append("\n## Operators\n\n*T*: the schema's name of the type variable; \"as float\": through it. \"2, 4 bits\" are "
               "int2, uint2, int4, uint4 and\nfloat4e2m1.\n\n| operator | natively | through a wider type |\n|---|---|---|")  # fmt: skip
    for (domain, op), of in operators.items():
        good = [c for c in of if not c.wrong]
        native = by_variable([c for c in good if not is_wide(c.way)])
        wide = by_variable([c for c in good if is_wide(c.way)], lambda c: f" as {c.way}")
        out.append(f"| {op} | {native} | {wide} |")
    return "\n".join(out) + "\n"
