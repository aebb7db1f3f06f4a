"""Every operator in every type that its schema allows (tests/types/, docs/types.md)."""

import pathlib
import sys

import numpy as np
import onward
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/types"))

import document  # noqa: E402
import matrix  # noqa: E402


@pytest.fixture(scope="module")
def plan():
    places = [pathlib.Path(onward.__file__).parent / "bin/onward", ROOT / "build/bin/onward"]
    program = next((p for p in places if p.exists()), None)
    assert program, f"the program is in none of {places}: ./dev python installs it"
    return matrix.read_plan(program)


@pytest.fixture(scope="module")
def cells(plan):
    return matrix.run_matrix(plan)


def test_every_type_is_right_or_refused_for_a_reason(cells):
    assert len(cells) > 2700
    faults = matrix.find_faults(cells, matrix.read_refused())
    assert not faults, f"{len(faults)} (./dev types --only OPERATOR runs one):\n" + "\n".join(faults)


def test_the_page_says_what_was_run(cells):
    expected = document.text(cells, matrix.read_refused())
    assert matrix.DOCUMENT.read_text() == expected, "docs/types.md is out of date: ./dev types --write"


@pytest.mark.parametrize("op", ["Gemm", "Gather", "Conv", "ReduceMax", "Identity", "LabelEncoder", "Equal"])
def test_a_wrong_result_is_found(plan, monkeypatch, op):
    run = matrix.run_engine

    def spoiled(model, feeds):
        return [spoil(y) for y in run(model, feeds)]

    def spoil(y):
        if isinstance(y, list):
            return y[1:]
        if y.dtype == bool:
            return np.logical_not(y)
        if y.dtype == object:
            return y + "x"
        if y.dtype.itemsize == 1:
            return (y.view(np.uint8) ^ 9).view(y.dtype)
        return np.where(np.isfinite(y), y * y.dtype.type(1.5) + y.dtype.type(1), y.dtype.type(3)).astype(y.dtype)

    monkeypatch.setattr(matrix, "run_engine", spoiled)
    kept = [c for c in plan if c[1] == op]
    cells = matrix.run_matrix(kept)
    assert kept and all(c.wrong for c in cells), [c for c in cells if not c.wrong]
