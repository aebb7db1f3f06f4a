"""The machinery of tests/differential: that it covers every operator, finds what is wrong and outlives a crash."""

import os
import pathlib
import signal
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/differential"), str(ROOT / "tests/types")]

import differential  # noqa: E402
import references  # noqa: E402
import registry  # noqa: E402
import shrink  # noqa: E402
import trial  # noqa: E402

ABS, GATHER, CONV = ("", "Abs"), ("", "Gather"), ("", "Conv")


@pytest.fixture
def pool():
    """Made after run_engine was replaced: its processes are copies of this one."""
    pools = []

    def make(count=2):
        pools.append(trial.Pool(count))
        return pools[-1]

    yield make
    for p in pools:
        p.close()


def verdicts(pool, operators, cases, seed=1):
    tasks = [(o, s, None) for o in operators for s in differential.seeds(o, seed, cases)]
    return list(pool.run(tasks))


def test_every_operator_has_cases_or_a_reason():
    missing = [o for o in registry.every_operator() if o not in registry.GENERATORS and o not in registry.REASONS]
    assert not missing, "write a generator in tests/differential/operators, or say why not in registry.REASONS"
    needless = [o for o in registry.REASONS if o in registry.GENERATORS or o not in registry.every_operator()]
    assert not needless, "take these out of registry.REASONS"


def drawn(operator, seeds):
    for s in differential.seeds(operator, 1, seeds):
        try:
            yield trial.generate(operator, s)[0]
        except Exception as error:
            assert type(error).__name__ == "Impossible"


def test_edge_values_are_drawn():
    """The division that overflows, halves, NaN, infinities, denormals, and sizes of 0, among the cases of a nightly run."""
    divisions = [c.inputs for c in drawn(("", "Div"), 200) if c.inputs[0].dtype == np.int32 and not c.refuse]
    pairs = [np.broadcast_arrays(*i) for i in divisions]
    assert any(((a == np.iinfo(np.int32).min) & (b == -1)).any() for a, b in pairs)
    rounded = np.concatenate([c.inputs[0].reshape(-1) for c in drawn(("", "Round"), 200) if c.inputs[0].dtype == np.float32])
    assert np.isnan(rounded).any() and np.isposinf(rounded).any() and np.isneginf(rounded).any()
    assert (rounded == 2.5).any() and ((rounded != 0) & (abs(rounded) < np.finfo(np.float32).tiny)).any()
    shapes = [c.inputs[0].shape for c in drawn(ABS, 200)]
    assert any(0 in s for s in shapes) and () in shapes and any(np.prod(s) > 1000 for s in shapes)
    assert sum(c.refuse for c in drawn(GATHER, 200)) > 3


def spoil(y):
    if isinstance(y, (list, tuple)):
        return [*y, np.float32(1)]
    if isinstance(y, dict):
        return {**y, "more": 1}
    if y is None:
        return np.float32(1)
    y = np.asarray(y)
    if y.dtype == bool:
        return ~y
    if y.dtype == object:
        return y + "x"
    if y.dtype.kind == "V" or y.dtype.itemsize == 1:  # ml_dtypes
        return (y.view(np.uint8) ^ 3).view(y.dtype)
    with np.errstate(all="ignore"):
        return np.where(np.isfinite(y), y * y.dtype.type(2) + y.dtype.type(3), y.dtype.type(3)).astype(y.dtype)


def test_a_wrong_result_of_any_operator_is_found(monkeypatch, pool):
    run = references.run_engine
    monkeypatch.setattr(references, "run_engine", lambda model, feeds: [spoil(y) for y in run(model, feeds)])
    operators = sorted(registry.GENERATORS)
    found = {task[0] for task, v in verdicts(pool(), operators, 3) if v.status == "fail" and v.kind in ("differs", "accepted")}
    missed = set(operators) - found
    assert len(missed) <= 4, sorted(missed)  # three cases of one may all be without elements, or refusals


def test_a_refusal_is_found(monkeypatch, pool):
    def refuse(model, feeds):
        raise ValueError("no")

    monkeypatch.setattr(references, "run_engine", refuse)
    assert {v.kind for _, v in verdicts(pool(), [ABS, CONV], 4)} == {"refused"}


@pytest.mark.parametrize("how", [signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_is_a_failure_and_the_run_goes_on(monkeypatch, pool, how):
    run = references.run_engine

    def crash(model, feeds):
        if model.graph.node[0].op_type == "Gather":
            os.kill(os.getpid(), how)
        return run(model, feeds)

    monkeypatch.setattr(references, "run_engine", crash)
    found = verdicts(pool(), [GATHER, ABS], 4)
    assert [v.kind for t, v in found if t[0] == GATHER] == ["crash"] * 4
    assert [v.status for t, v in found if t[0] == ABS] == ["pass"] * 4
    assert how.name in next(v.text for t, v in found if t[0] == GATHER)


def test_a_crash_of_a_reference_decides_nothing(monkeypatch, pool):
    monkeypatch.setattr(references, "run_evaluator", lambda model, feeds: os.abort())
    assert {v.status for _, v in verdicts(pool(), [ABS, CONV], 4)} == {"pass"}


def test_a_hang_is_a_failure(monkeypatch, pool):
    import time

    monkeypatch.setattr(trial, "SECONDS", 1)
    monkeypatch.setattr(references, "run_engine", lambda model, feeds: time.sleep(60))
    assert {v.kind for _, v in verdicts(pool(), [ABS], 2)} == {"hang"}


def test_an_index_out_of_range_must_be_refused(monkeypatch, pool):
    def wrap(model, feeds):
        return references.run_evaluator(model, {k: v % 2 if v.dtype.kind == "i" else v for k, v in feeds.items()})

    monkeypatch.setattr(references, "run_engine", wrap)
    assert "accepted" in {v.kind for _, v in verdicts(pool(), [GATHER], 100)}


def test_a_failure_shrinks_to_what_it_needs(monkeypatch, pool, tmp_path):
    """Wrong only for inputs with a NaN: three numbers or so with a NaN are left of the case."""
    run = references.run_engine

    def wrong(model, feeds):
        has_nan = any(np.isnan(x).any() for x in feeds.values() if x.dtype.kind == "f")
        return [np.zeros_like(y) for y in run(model, feeds)] if has_nan else run(model, feeds)

    monkeypatch.setattr(references, "run_engine", wrong)
    processes = pool()
    _, failing = next((t, v) for t, v in verdicts(processes, [ABS], 200) if v.kind == "differs")
    small = shrink.shrink(processes, ABS, list(failing.choices), "differs")
    case, _ = trial.generate(ABS, None, list(small.choices))
    assert case.inputs[0].size <= 32 and np.isnan(case.inputs[0]).any()

    import onnx
    import save

    at = save.save(tmp_path, ABS, [1, 2, 3], small)
    assert [n.op_type for n in onnx.load(at / "model.onnx").graph.node] == ["Abs"]
    x = onnx.numpy_helper.to_array(onnx.load_tensor(at / "test_data_set_0/input_0.pb"))
    assert np.array_equal(x, case.inputs[0], equal_nan=True)
    assert save.replay(at) == 1


def test_the_same_seed_draws_the_same_cases():
    for operator in (ABS, CONV, GATHER):
        seeds = differential.seeds(operator, 7, 5)
        first, again = ([trial.generate(operator, s)[1] for s in seeds] for _ in range(2))
        assert first == again
        assert [trial.generate(operator, None, c)[1] for c in first] == first
