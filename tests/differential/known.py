"""Faults of the references, and what ONNX leaves open, where our result agrees with none of them and is right.

An entry holds for failures of one kind of one operator that its condition is true of. The nightly run fails if one of them
was met by no case: then take it out.
"""

import collections

Known = collections.namedtuple("Known", "operator kind condition reason")

KNOWN = []
met = collections.Counter()


def find(case, kind, text):
    for entry in KNOWN:
        if entry.operator == case.op and entry.kind == kind and entry.condition(case, text):
            return entry
    return None
