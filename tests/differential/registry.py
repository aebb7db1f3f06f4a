"""The operators and their generators: one function of (draw, operator name) makes a case; families share one."""

import functools

from onnx import defs

import values
from case import BOTH, NEWEST

GENERATORS = {}  # (domain, name): function
# Operators without cases, and why.
REASONS = {}

ORDER = ("float", "double", "float16", "bfloat16", "int64", "int32", "int8", "uint8", "bool", "string")


def operator(*names, domain=""):
    def add(make):
        for name in names:
            assert (domain, name) not in GENERATORS, name
            GENERATORS[domain, name] = make
        return make

    return add


def every_operator():
    """All operators of ai.onnx and ai.onnx.ml that ONNX knows, the withdrawn ones too."""
    domains = {"", "ai.onnx.ml"}
    return sorted({(s.domain, s.name) for s in defs.get_all_schemas_with_history() if s.domain in domains})


@functools.cache
def types_of(name, at=0, domain="", output=False, opset=None):
    """Element types that input `at` takes, the plain ones first."""
    schema = defs.get_schema(name, opset or (5 if domain else BOTH), domain)
    params = schema.outputs if output else schema.inputs
    found = {t[7:-1] for t in params[min(at, len(params) - 1)].types if t.startswith("tensor(")}
    return sorted(found, key=lambda t: (ORDER.index(t) if t in ORDER else len(ORDER), values.number(t)))


def born_after_both(name):
    return defs.get_schema(name, NEWEST, "").since_version > BOTH
