#!/usr/bin/env python3
"""Writes src/ir/schema_data.inc, the facts of every operator version in the `onnx` package.

  scripts/generate_schemas.py                  write the file
  scripts/generate_schemas.py --check          exit 1 if the file is out of date
  scripts/generate_schemas.py --compare FILE   exit 1 if FILE, the schemas as the C++ reader prints them
                                               (ONWARD_SCHEMA_DUMP=FILE ir_test), differs from the package

Needs onnx == 1.22 (scripts/requirements.txt). Output is a set of constant tables: strings are interned in
one text and addressed by offset; parameter lists, attribute lists and type sets that occur more than once
are stored once. src/ir/schema.h has the readers of the rows.
"""

import argparse
import difflib
import pathlib
import sys

import numpy as np
import onnx
from onnx import defs

ONNX_VERSION = "1.22"
OUTPUT = pathlib.Path(__file__).resolve().parent.parent / "src/ir/schema_data.inc"
MANY = 0xFFFF
COLUMNS = 110

ELEMENT_CODES = {
    name.lower(): code for name, code in onnx.TensorProto.DataType.items() if name != "UNDEFINED"
}


def all_schemas():
    return sorted(defs.get_all_schemas_with_history(), key=lambda s: (s.domain, s.name, s.since_version))


def option(param):
    options = defs.OpSchema.FormalParameterOption
    return {options.Single: 0, options.Optional: 1, options.Variadic: 2}[param.option]


def code(attribute_type):
    """The code in AttributeProto.AttributeType of an OpSchema.AttrType."""
    return onnx.AttributeProto.AttributeType.Value(attribute_type.name)


def canonical(type_string):
    """One spelling a type: no spaces, and map values always tensor(...)."""
    text = type_string.replace(" ", "")
    if text.startswith("seq(map"):
        return "seq(" + canonical(text[4:-1]) + ")"
    if text.startswith("map("):
        key, value = text[4:-1].split(",")
        return f"map({key},{value if value.startswith('tensor(') else f'tensor({value})'})"
    return text


def element(type_string):
    """The element code of "tensor(...)", else None."""
    if type_string.startswith("tensor(") and type_string.endswith(")"):
        return ELEMENT_CODES[type_string[len("tensor("):-1]]
    return None


WRAPPERS = [("", ""), ("seq(", ")"), ("optional(", ")"), ("optional(seq(", "))")]


def type_set(type_strings, other_names):
    """The five masks of TypeSet."""
    masks = [0, 0, 0, 0, 0]
    for text in map(canonical, type_strings):
        if "map(" in text:
            masks[4] |= 1 << other_names.index(text)
            continue
        kind = 3 if text.startswith("optional(seq(") else 2 if text.startswith("optional(") else 1 if (
            text.startswith("seq(")) else 0
        before, after = WRAPPERS[kind]
        masks[kind] |= 1 << element(text[len(before):len(text) - len(after)])
    return tuple(masks)


class Pool:
    """Lists of rows in one array; a list that is already there is not stored again."""

    def __init__(self):
        self.rows, self.where = [], {}

    def add(self, rows):
        rows = tuple(rows)
        if not rows:
            return 0
        key = repr(rows)  # 0.0 == -0.0, but they are two defaults
        if key not in self.where:
            self.where[key] = len(self.rows)
            self.rows.extend(rows)
        return self.where[key]


class Strings:
    def __init__(self):
        self.texts, self.where, self.size = [], {}, 0
        self.add("")

    def add(self, text):
        assert all(32 <= ord(c) < 127 and c not in '"\\' for c in text), text
        if text not in self.where:
            self.where[text] = self.size
            self.texts.append(text)
            self.size += len(text) + 1
        assert self.size <= 0xFFFF
        return self.where[text]


class Tables:
    def __init__(self, schemas):
        self.strings = Strings()
        self.type_sets, self.params, self.constraints, self.attributes = Pool(), Pool(), Pool(), Pool()
        self.ints, self.floats, self.text_lists = Pool(), Pool(), Pool()
        self.other_names = sorted({
            canonical(t) for s in schemas for p in [*s.inputs, *s.outputs] for t in p.types if "map(" in t})
        self.others = [self.strings.add(n) for n in self.other_names]
        self.domains = [(self.strings.add(d), newest_opset(schemas, d))
                        for d in sorted({s.domain for s in schemas})]
        self.schemas = [self.schema_row(s) for s in schemas]

    def types(self, type_strings):
        return self.type_sets.add([type_set(type_strings, self.other_names)])

    def param_row(self, param, variables):
        variable = variables.index(param.type_str) if param.type_str in variables else -1
        name = param.type_str if variable >= 0 else canonical(param.type_str)
        return (self.strings.add(param.name), self.strings.add(name), self.types(param.types), variable,
                option(param), int(param.is_homogeneous), param.min_arity)

    def attribute_row(self, attribute):
        default, first, count = attribute.default_value, 0, 0
        if default.type:
            assert default.type == code(attribute.type), attribute.name
            value = onnx.helper.get_attribute_value(default)
            values = value if isinstance(value, list) else [value]
            count = len(values)
            kind = attribute.type.name
            if kind in ("INT", "INTS"):
                first = self.ints.add(values)
            elif kind == "FLOAT":
                first = self.floats.add(values)
            elif kind in ("STRING", "STRINGS"):
                first = self.text_lists.add(self.strings.add(v.decode()) for v in values)
            else:
                raise NotImplementedError(f"a default of type {kind}")
        return (self.strings.add(attribute.name), code(attribute.type), int(attribute.required),
                int(bool(default.type)), first, count)

    def schema_row(self, schema):
        variables = [c.type_param_str for c in schema.type_constraints]
        inputs = [self.param_row(p, variables) for p in schema.inputs]
        outputs = [self.param_row(p, variables) for p in schema.outputs]
        constraints = [(self.strings.add(c.type_param_str), self.types(c.allowed_type_strs))
                       for c in schema.type_constraints]
        attributes = [self.attribute_row(a) for _, a in sorted(schema.attributes.items())]
        flags = (schema.deprecated + 2 * schema.has_function + 4 * schema.has_context_dependent_function
                 + 8 * (schema.node_determinism != defs.OpSchema.NodeDeterminism.Deterministic))
        return (self.strings.add(schema.domain), self.strings.add(schema.name), schema.since_version, flags,
                schema.min_input, bounded(schema.max_input), schema.min_output, bounded(schema.max_output),
                self.params.add(inputs), len(inputs), self.params.add(outputs), len(outputs),
                self.constraints.add(constraints), len(constraints),
                self.attributes.add(attributes), len(attributes))


def bounded(count):
    return MANY if count == 2**31 - 1 else count


def newest_opset(schemas, domain):
    return defs.onnx_opset_version() if domain == "" else max(
        s.since_version for s in schemas if s.domain == domain)


def wrapped(items, separator=","):
    """Items joined into lines of at most COLUMNS."""
    lines, line = [], ""
    for item in items:
        piece = item + separator
        if line and len(line) + len(piece) > COLUMNS:
            lines.append(line)
            line = ""
        line += piece
    return "\n".join([*lines, line])


def braces(row):
    return "{" + ",".join(map(str, row)) + "}"


def array(kind, name, items):
    return f"constexpr {kind} SchemaData::{name}[] = {{\n{wrapped(items)}\n}};\n"


def render(tables):
    def number(value):
        return f"{np.float32(value)!s}f"

    def mask(row):
        return "{" + ",".join(hex(m) if m > 9 else str(m) for m in row) + "}"

    texts = wrapped((f'"{t}\\0"' for t in tables.strings.texts), "")
    sections = [
        f"// Written by scripts/generate_schemas.py from onnx {ONNX_VERSION}; do not edit. "
        f"{len(tables.schemas)} operator versions.\n",
        f"constexpr char SchemaData::kStrings[] =\n{texts};\n",
        array("uint16_t", "kOtherTypes", map(str, tables.others)),
        array("TypeSet", "kTypeSets", map(mask, tables.type_sets.rows)),
        array("SchemaParam", "kParams", map(braces, tables.params.rows)),
        array("TypeConstraint", "kConstraints", map(braces, tables.constraints.rows)),
        array("SchemaAttribute", "kAttributes", map(braces, tables.attributes.rows)),
        array("int64_t", "kInts", map(str, tables.ints.rows)),
        array("float", "kFloats", map(number, tables.floats.rows)),
        array("uint16_t", "kTextLists", map(str, tables.text_lists.rows)),
        array("SchemaData::Domain", "kDomains", map(braces, tables.domains)),
        array("Schema", "kSchemas", map(braces, tables.schemas)),
    ]
    return "".join(sections)


def default_text(attribute):
    default = attribute.default_value
    if not default.type:
        return ""
    value = onnx.helper.get_attribute_value(default)
    values = value if isinstance(value, list) else [value]

    def one(v):
        if isinstance(v, bytes):
            return v.decode()
        return str(np.float32(v)) if isinstance(v, float) else str(v)

    return " = " + ",".join(map(one, values))


def types_text(type_strings):
    def key(text):
        if "map(" in text:
            return (4, text)
        kind = [k for k, (before, after) in enumerate(WRAPPERS)
                if text.startswith(before + "tensor(") and text.endswith(after)][0]
        before, after = WRAPPERS[kind]
        return (kind, element(text[len(before):len(text) - len(after)]))

    return ",".join(sorted({canonical(t) for t in type_strings}, key=key))


def schema_text(schema):
    """What append(std::string&, const Schema&) prints, from the package's own objects."""
    def many(count):
        return "*" if count == 2**31 - 1 else str(count)

    flags = [name for name, on in (
        ("deprecated", schema.deprecated),
        ("function", schema.has_function or schema.has_context_dependent_function),
        ("context-dependent", schema.has_context_dependent_function),
        ("nondeterministic", schema.node_determinism != defs.OpSchema.NodeDeterminism.Deterministic),
    ) if on]
    lines = [" ".join([f"{schema.domain or 'ai.onnx'} {schema.name} {schema.since_version}"
                       f" inputs {schema.min_input}..{many(schema.max_input)}"
                       f" outputs {schema.min_output}..{many(schema.max_output)}", *flags])]
    variables = {c.type_param_str for c in schema.type_constraints}
    for kind, params in (("input", schema.inputs), ("output", schema.outputs)):
        for p in params:
            words = [f"  {kind} {p.name}: {p.type_str if p.type_str in variables else canonical(p.type_str)}"]
            if option(p) == 1:
                words.append("optional")
            if option(p) == 2:
                words.append(f"variadic {'homogeneous' if p.is_homogeneous else 'heterogeneous'}"
                             f" min {p.min_arity}")
            assert p.type_str in variables or types_text(p.types) == canonical(p.type_str), schema.name
            lines.append(" ".join(words))
    for c in schema.type_constraints:
        lines.append(f"  type {c.type_param_str}: {types_text(c.allowed_type_strs)}")
    for name, a in sorted(schema.attributes.items()):
        lines.append(f"  attribute {name}: {a.type.name}{' required' if a.required else ''}{default_text(a)}")
    return "\n".join(lines) + "\n"


def float32_text(line):
    """The line with a FLOAT default spelled as numpy spells it."""
    before, equals, number = line.partition(": FLOAT = ")
    return f"{before}{equals}{np.float32(number)!s}\n" if equals else line


def compare(path):
    expected = "".join(map(schema_text, all_schemas())).splitlines(keepends=True)
    found = [float32_text(line) for line in pathlib.Path(path).read_text().splitlines(keepends=True)]
    difference = list(difflib.unified_diff(expected, found, "onnx", path))
    sys.stdout.writelines(difference[:60])
    return 1 if difference else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--compare", metavar="FILE")
    arguments = parser.parse_args()
    if not onnx.__version__.startswith(ONNX_VERSION + "."):
        sys.exit(f"generate_schemas.py: found onnx {onnx.__version__}, expected {ONNX_VERSION}.*: "
                 "pip install -r scripts/requirements.txt")
    if arguments.compare:
        return compare(arguments.compare)
    text = render(Tables(all_schemas()))
    if arguments.check:
        if OUTPUT.exists() and OUTPUT.read_text() == text:
            return 0
        print(f"{OUTPUT} is out of date: run scripts/generate_schemas.py", file=sys.stderr)
        return 1
    OUTPUT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
