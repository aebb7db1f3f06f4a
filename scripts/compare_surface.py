#!/usr/bin/env python3
"""Compares the public surface of onward's Python package with onnxruntime's: names of the module, members of its
classes, names of parameters. Prints what onward lacks.

  .venv/bin/python scripts/compare_surface.py
"""

import inspect

def names_of(owner):
    """Public names; of an enumeration, its members (they all have name and value)."""
    names = {n for n in dir(owner) if not n.startswith("_")}
    return names - {"name", "value"} if hasattr(owner, "__members__") else names


def parameters(call):
    try:
        return [
            p.name
            for p in inspect.signature(call).parameters.values()
            if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        ]
    except (TypeError, ValueError):
        return None  # a compiled function


def missing():
    """ "name", "Class.member" and "Class.member(parameter)" of onnxruntime's that onward lacks."""
    import onnxruntime
    import onward

    found = set()
    for name in names_of(onnxruntime):
        theirs = getattr(onnxruntime, name)
        if not hasattr(onward, name):
            found.add(name)
            continue
        ours = getattr(onward, name)
        if inspect.isclass(theirs):
            for member in names_of(theirs):
                if not hasattr(ours() if name in ("SessionOptions", "RunOptions") else ours, member):
                    instance_only = name in ("OrtHardwareDevice", "OrtEpDevice", "OrtEpAssignedNode", "OrtEpAssignedSubgraph",
                                             "OrtArenaCfg", "OrtExternalInitializerInfo")  # fmt: skip
                    if not (instance_only and member in inspect.getsource(ours.__init__)):
                        found.add(f"{name}.{member}")
                    continue
                found |= _parameters_missing(f"{name}.{member}", getattr(theirs, member), getattr(ours, member, None))
        elif inspect.isfunction(theirs):
            found |= _parameters_missing(name, theirs, ours)
    return found


def _parameters_missing(name, theirs, ours):
    wanted, given = parameters(theirs), parameters(ours)
    if not callable(theirs) or wanted is None or given is None:
        return set()
    return {f"{name}({p})" for p in wanted if p not in given}


def main():
    found = sorted(missing())
    print(f"{len(found)} names of onnxruntime's are missing in onward:")
    for name in found:
        print(f"  {name}")


if __name__ == "__main__":
    main()
