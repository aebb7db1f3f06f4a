"""Programs written for ONNX Runtime, run as they are and with `onnxruntime` replaced by `onward` in their imports and
nothing else. What they return must agree: exactly for texts and integers, within 1e-4 for floats."""

import pathlib

import numpy as np
import pytest

PROGRAMS = sorted((pathlib.Path(__file__).parent / "programs").glob("*.py"))


def run(path, module, folder):
    source = path.read_text().replace("import onnxruntime\n", f"import {module} as onnxruntime\n")
    source = source.replace("import onnxruntime as", f"import {module} as").replace(
        "from onnxruntime.", f"from {module}."
    )
    names = {"__name__": path.stem}
    exec(compile(source, str(path), "exec"), names)
    return names["main"](folder)


def agree(ours, theirs, where="result"):
    assert type(ours) is type(theirs), f"{where}: {type(ours)} against {type(theirs)}"
    if isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs), f"{where}: {ours} against {theirs}"
        for i, (a, b) in enumerate(zip(ours, theirs)):
            agree(a, b, f"{where}[{i}]")
    elif isinstance(theirs, dict):
        assert ours.keys() == theirs.keys(), where
        for key in theirs:
            agree(ours[key], theirs[key], f"{where}[{key!r}]")
    elif isinstance(theirs, np.ndarray):
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape, where
        if theirs.dtype.kind == "f":
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5, err_msg=where)
        else:
            np.testing.assert_array_equal(ours, theirs, err_msg=where)
    elif isinstance(theirs, float):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-5), where
    else:
        assert ours == theirs, f"{where}: {ours!r} against {theirs!r}"


def test_there_are_programs():
    assert len(PROGRAMS) >= 8


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_program_agrees_with_onnxruntime(path, folder):
    pytest.importorskip("onnxruntime")
    agree(run(path, "onward", folder), run(path, "onnxruntime", folder))
