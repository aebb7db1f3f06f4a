"""The public surface: documented, typed, and in step with ONNX Runtime's."""

import ast
import importlib
import inspect
import pathlib
import sys

import onward
import pytest

PACKAGE = pathlib.Path(onward.__file__).parent
ROOT = pathlib.Path(__file__).parents[2]
MODULES = ["onward", "onward.backend", "onward.capi.onnxruntime_pybind11_state",
           "onward.capi.onnxruntime_inference_collection", "onward.capi._pybind_state", "onward.__main__"]  # fmt: skip


def public(owner):
    names = getattr(owner, "__all__", None) or [n for n in vars(owner) if not n.startswith("_")]
    for name in names:
        found = inspect.getattr_static(owner, name)
        if inspect.isclass(owner) and isinstance(found, (staticmethod, classmethod)):
            found = found.__func__
        if inspect.isclass(found) or inspect.isfunction(found) or isinstance(found, property):
            yield name, found


def everything():
    seen = set()
    for module in map(importlib.import_module, MODULES):
        yield module.__name__, module
        for name, found in public(module):
            if found in seen or not getattr(found, "__module__", "onward").startswith("onward"):
                continue
            seen.add(found)
            yield f"{module.__name__}.{name}", found
            if inspect.isclass(found):
                for member, inner in public(found):
                    yield f"{module.__name__}.{name}.{member}", inner


THINGS = dict(everything())


def test_there_is_a_surface():
    assert len(THINGS) > 200


def test_every_public_name_has_a_docstring_of_its_own():
    bare = [name for name, found in THINGS.items() if not (getattr(found, "__doc__", None) or "").strip()]
    assert not bare, f"no docstring: {bare}"


def test_classes_functions_and_methods_show_an_example():
    """An example is a doctest, or code between backticks, or the value in quotes or brackets."""
    without = [
        name for name, found in THINGS.items()
        if not inspect.ismodule(found) and not any(sign in found.__doc__ for sign in (">>>", "`", '"', "[", "{", "False", "0"))
    ]  # fmt: skip
    assert not without, f"no example: {without}"


def test_functions_are_annotated():
    bare = []
    for name, found in THINGS.items():
        found = found.fget if isinstance(found, property) else found
        if not inspect.isfunction(found) or not found.__module__.startswith("onward"):
            continue
        hints = found.__annotations__
        parameters = [p for p in inspect.signature(found).parameters if p not in ("self", "cls")]
        if any(p not in hints for p in parameters) or ("return" not in hints and found.__name__ != "__init__"):
            bare.append(name)
    assert not bare, f"not annotated: {bare}"


def members(tree):
    """Names and parameters that a stub declares: {"Value": None, "Value.wrap": ["dtype", ...]}."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = None
            found.update({f"{node.name}.{k}": v for k, v in members(node).items()})
        elif isinstance(node, ast.FunctionDef):
            arguments = [a.arg for a in node.args.args]
            is_property = any(getattr(d, "id", "") == "property" for d in node.decorator_list)
            found[node.name] = None if is_property else [a for a in arguments if a != "self"]
    return found


def test_the_stub_of_the_extension_matches_it():
    from onward import _engine

    stub = members(ast.parse((PACKAGE / "_engine.pyi").read_text()))
    stub = {k: v for k, v in stub.items() if not k.startswith("_Port")}
    real = set()
    for name, found in vars(_engine).items():
        if name.startswith("_"):
            continue
        real.add(name)
        if inspect.isclass(found):
            declared = {n for n in vars(found) if not n.startswith("_")}
            real |= {f"{name}.{n}" for n in declared}
            real |= {f"{name}.{n}" for n in ("__len__", "__array_interface__") if n in vars(found)}
    assert real - stub.keys() == set(), "in the extension and not in _engine.pyi"
    declared = {k for k in stub if not k.endswith("__init__")}
    assert declared - real == set(), "in _engine.pyi and not in the extension"
    for name, parameters in stub.items():
        owner, _, member = name.rpartition(".")
        call = getattr(getattr(_engine, owner) if owner else _engine, member)
        for parameter in parameters or []:
            assert parameter + ":" in (call.__doc__ or ""), f"{name} has no parameter {parameter}"


def test_the_package_is_marked_as_typed():
    assert (PACKAGE / "py.typed").exists()
    for path in [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyi")]:
        ast.parse(path.read_text(), str(path))


def test_nothing_of_onnxruntime_is_missing():
    pytest.importorskip("onnxruntime")
    sys.path.insert(0, str(ROOT / "scripts"))
    import compare_surface

    assert not compare_surface.missing(), "add them, or name them here and say why in docs/python.md"
