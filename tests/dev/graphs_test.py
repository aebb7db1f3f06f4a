"""The random graphs' own machinery: that a fault of an engine is met, made small and saved, and a crash is an answer."""

import pathlib
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/differential"))

import graph_checks  # noqa: E402
import graph_engine  # noqa: E402
import graph_maker  # noqa: E402
import graph_shrink  # noqa: E402
import graphs  # noqa: E402
import onnx  # noqa: E402


class Faulty:
    """ONNX Runtime in the engine's place, with a fault where `wrong` says so of the model and the options."""

    def __init__(self, wrong=lambda model, options: False):
        self.wrong = wrong

    def ask(self, request):
        model = onnx.load_from_string(request["model"])
        runs = graph_checks.run_ort(model, request["runs"])
        if self.wrong(model, request["options"]):
            runs = [[a * 1.001 if a.dtype.kind == "f" else a for a in outputs] for outputs in runs]
        return {"runs": runs, "together": runs, "nodes": [], "passes": {}, "written": request["model"]}


def with_operator(kind, style="image"):
    for seed in range(200):
        case = graph_maker.make(seed)
        if case and case.style == style and len(case.model.graph.node) > 12 and any(
                n.op_type == kind for n in case.model.graph.node):  # fmt: skip
            return case
    raise AssertionError(f"no graph with {kind} among 200 seeds")


def test_a_seed_makes_the_same_graph():
    for seed in range(5):
        one, two = graph_maker.make(seed), graph_maker.make(seed)
        assert one.model.SerializeToString() == two.model.SerializeToString()
        assert all(np.array_equal(one.feeds[k], two.feeds[k]) for k in one.feeds)


def test_graphs_are_valid_and_vary():
    made = [graph_maker.make(seed) for seed in range(30)]
    for case in made:
        onnx.checker.check_model(case.model)
    assert len({n.op_type for case in made for n in case.model.graph.node}) > 30


def test_a_sound_engine_has_no_failures():
    for seed in range(5):
        case = graph_maker.make(seed)
        failures = graph_checks.check(Faulty(), case.model, case.feeds, seed).failures
        assert not [f for f in failures if f.check != "double"]  # ONNX Runtime lacks doubles of many operators


@pytest.mark.parametrize("check, fault", [
    ("reference", lambda options: True),
    ("optimised", lambda options: options["optimization"] == "full" and "profile" in options),
    ("threads", lambda options: options["threads"] == 2),
    ("strict", lambda options: "strict_math" in options),
    ("basic", lambda options: options["optimization"] == "basic"),
])  # fmt: skip
def test_a_fault_is_met_by_its_check_and_made_small(tmp_path, check, fault):
    case = with_operator("Concat")
    engine = Faulty(lambda model, options: fault(options) and any(n.op_type == "Concat" for n in model.graph.node))
    failures = graph_checks.check(engine, case.model, case.feeds, case.seed).failures
    failure = next(f for f in failures if f.check == check)
    model, feeds, failure = graph_shrink.shrink(engine, case.model, case.feeds, failure, case.seed)
    assert [n.op_type for n in model.graph.node if n.op_type != "Constant"] == ["Concat"]
    command = graphs.save(tmp_path, case.seed, failure, model, feeds)
    again, inputs = graphs.read(pathlib.Path(command.split()[-1]) if pathlib.Path(command.split()[-1]).is_absolute() else
                                ROOT / command.split()[-1])  # fmt: skip
    assert any(f.check == check for f in graph_checks.check(engine, again, inputs, case.seed).failures)


def test_a_crash_of_the_process_is_an_answer(tmp_path):
    engine = graph_engine.Engine(tmp_path / "no_such_library.so")
    for _ in range(2):
        answer = engine.ask({"model": b"", "options": {}, "runs": []})
        assert "crashed: status 1" in answer["error"] and "no_such_library" in answer["error"]
