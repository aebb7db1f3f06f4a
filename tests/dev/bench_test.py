"""The arithmetic, the schedule and the tables of ./dev bench models and micro, without the other engines."""

import json
import math
import pathlib
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from comparison import cases, command, figures, report, schedule, tensors  # noqa: E402

# A worker that takes as long as it says: arguments are milliseconds of a run, the outputs' folder, what fails.
WORKER = """
import shutil, sys, time
ms, outputs, failing = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
print("ready", flush=True)
for line in sys.stdin:
    word, *rest = line.split()
    if word in failing:
        print("error cannot", word, flush=True)
    elif word == "die":
        sys.exit("gone")
    elif word == "load":
        print("ok 7.5", flush=True)
    elif word == "run":
        print("ok", *[ms] * int(rest[0]), flush=True)
        time.sleep(0.001)
    elif word == "save":
        shutil.copytree(outputs, rest[0], dirs_exist_ok=True)
        print("ok", flush=True)
    elif word == "memory":
        print("ok 2048", flush=True)
"""
PLAN = schedule.Plan(rounds=4, runs=3, visit_ms=0, pause_seconds=0)


def record(ms, l2=0.0, scaled=0.0):
    return {"median_ms": ms, "p10_ms": ms * 0.9, "p90_ms": ms * 1.2, "load_ms": 10, "first_run_ms": 3 * ms,
            "peak_mib": 12.5, "distance": {"relative_l2": l2, "scaled_max": scaled}}


def row(name, ours, ort, float32, default, **more):
    engines = {"onward": record(ours), "onnxruntime": record(ort), "openvino-f32": record(float32),
               "openvino": record(default, 0.02)}
    return {"name": name, "kind": "model", "threads": 2, "flops": 2e9, "bytes": 1e6, "engines": engines,
            "peaks": [{"threads": 2, "fp32_gflops": 200.0}, {"threads": 2, "fp32_gflops": 190.0}], **more}


def result(rows):
    machine = {"cpu": {"name": "Test CPU", "family": "model 1", "flags": ["avx2"]}, "cpus": 2, "system": "Linux",
               "onward": "abc", "onnxruntime": "1", "openvino": "2", "date": "today", "load_before": [0.1, 0, 0]}
    peaks = [{"threads": 2, "fp32_gflops": 200.0, "int8_gops": 800.0}, {"threads": 2, "fp32_gflops": 180.0, "int8_gops": 700.0}]
    plan = {"rounds": 4, "runs": 3, "pause_seconds": 0.3}
    return {"title": "Networks", "machine": machine, "plan": plan, "peaks": peaks, "rows": rows}


def test_percentiles_are_numpys():
    values = [5.0, 1.0, 9.0, 2.5, 7.0, 3.0]
    for share in (0, 0.1, 0.25, 0.5, 0.9, 1):
        assert figures.percentile(values, share) == pytest.approx(np.percentile(values, share * 100))
    assert figures.percentile([4.0], 0.9) == 4.0
    assert figures.summary(values)["median_ms"] == np.median(values)


def test_ratios_and_their_mean():
    rows = [row("a", 10, 20, 40, 5), row("b", 10, 40, 20, 20)]
    assert [figures.ratio(r, "onnxruntime") for r in rows] == [2, 4]
    assert [figures.ratio(r, "best-f32") for r in rows] == [2, 2]
    assert figures.mean_ratio(rows, "onnxruntime") == (pytest.approx(math.sqrt(8)), 2)
    assert figures.mean_ratio(rows, "openvino") == (pytest.approx(1.0), 2)
    del rows[0]["engines"]["openvino-f32"]["median_ms"]  # it refuses
    assert figures.ratio(rows[0], "openvino-f32") is None
    assert figures.ratio(rows[0], "best-f32") == 2
    assert figures.mean_ratio(rows, "openvino-f32") == (pytest.approx(2.0), 1)
    assert figures.mean_ratio([], "openvino") == (None, 0)


def test_a_wrong_answer_has_no_ratio():
    bad = row("a", 10, 20, 40, 5)
    bad["engines"]["onnxruntime"]["distance"] = {"relative_l2": 0.01, "scaled_max": 0.0}
    assert figures.ratio(bad, "onnxruntime") is None and figures.ratio(bad, "best-f32") == 4
    assert "20.0 *" in report.markdown(result([bad])) and "relative L2 1.0e-02" in report.markdown(result([bad]))
    bad["engines"]["onward"]["distance"] = {"relative_l2": 0.0, "scaled_max": 0.5}
    assert figures.ratio(bad, "openvino") is None
    assert any("outputs are not the reference's" in fault for fault in report.faults(result([bad])))


def test_the_control_must_be_one():
    rows = [row("a", 10, 20, 40, 5), row("b", 10, 40, 20, 20)]
    for r, factor in zip(rows, (1.2, 1 / 1.18)):
        r["engines"]["onward#2"] = record(10 * factor)
    assert figures.control(rows, "onward#2") == pytest.approx(math.sqrt(1.2 / 1.18))
    assert figures.control(rows, "onnxruntime#2") is None and figures.control_holds(None)
    assert figures.control_holds(1.029) and not figures.control_holds(1.04) and not figures.control_holds(0.96)
    assert "holds" in report.markdown(result(rows)) and not report.faults(result(rows))
    rows[0]["engines"]["onward#2"] = record(14)
    assert "DOES NOT HOLD" in report.markdown(result(rows))
    assert any("control onward#2" in fault for fault in report.faults(result(rows)))


def test_nothing_is_faster_than_the_peak():
    fast = row("a", 9.8, 20, 40, 5)  # 2 GFLOP in 9.8 ms: 204 GFLOP/s of 200
    assert figures.share_of_peak(fast, "onward") == pytest.approx(1.0204, abs=1e-3)
    assert figures.impossible(fast) == ["onward"]
    assert "IMPOSSIBLE a" in report.markdown(result([fast])) and report.faults(result([fast]))
    assert figures.impossible({**fast, "winograd": True}) == []
    assert figures.impossible(row("a", 10, 20, 40, 1)) == []  # OpenVINO's default is not held to float32's peak
    probes = iter([199.0, 203.0])
    schedule.probe_again(fast, PLAN, lambda: {"threads": 2, "fp32_gflops": next(probes)})
    assert figures.impossible(fast) == [] and len(fast["peaks"]) == 4


def test_what_bounds_a_row():
    probe = {"threads": 2, "fp32_gflops": 200.0, "read_gbs": 20.0}
    heavy = row("gemm", 20, 20, 40, 5, peaks=[probe])  # 10 ms at the peak of 200, 0.05 ms to read 1 MB
    light = row("add", 0.1, 20, 40, 5, peaks=[probe], flops=1e6)
    assert figures.bound(heavy) == "fma" and report.of_bound(heavy, "onward") == "50 %"
    assert figures.bound(light) == "bandwidth" and report.of_bound(light, "onward") == "50 % of read"
    unknown = row("loop", 1, 2, 4, 5, peaks=[probe], flops=None, bytes=None)
    assert figures.bound(unknown) is None and report.of_bound(unknown, "onward") == "-"


def test_the_table():
    text = report.markdown(result([row("net", 10, 20, 40, 5), row("web", 10, 40, 20, 20)]))
    assert "| net | 10.0 (9.00 to 12.0) | 20.0 | 40.0 | 5.00 | 2.00 | 2.00 | 4.00 | 0.50 | 200 | 100 % |" in text
    assert "**2.00** of 2 | **2.83** of 2 | **2.83** of 2 | **1.00** of 2" in text
    assert "| int8, GOP/s | 800 / 700 (4.0 x float32) |" in text
    assert "Test CPU" in text and "avx2" in text
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 8
    for lines in tables:
        assert len({line.count("|") for line in lines}) == 1, lines[0]


def test_engines_that_fail_are_named():
    bad = row("a", 10, 20, 40, 5)
    bad["engines"]["openvino"] = {"error": "no such layer"}
    text = report.markdown(result([bad]))
    assert "| fails |" in text and "- a, 2 threads, openvino: no such layer" in text


@pytest.mark.parametrize("value,shown", [(None, "-"), (0, "0"), (0.01234, "0.0123"), (1.2345, "1.23"), (12.345, "12.3"),
                                         (123.45, "123"), (12345.6, "12346"), (0.00001234, "1.2e-05")])
def test_numbers(value, shown):
    assert report.number(value) == shown


def test_tensors_survive(tmp_path):
    values = {"a b": np.arange(6, dtype=np.int64).reshape(2, 3), "c": np.array(2.5, np.float32),
              "none": np.zeros((0, 4), np.float16), "flags": np.array([True, False])}
    tensors.write(tmp_path, values)
    found = tensors.read(tmp_path)
    assert list(found) == list(values)
    for name, array in values.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        assert np.array_equal(found[name], array)


def test_distances():
    a = np.array([3.0, 4.0], np.float32)
    assert schedule.distance(a, a) == {"relative_l2": 0, "scaled_max": 0}
    off = schedule.distance(a + np.float32(0.5), a)
    assert off["relative_l2"] == pytest.approx(math.sqrt(0.5) / 5) and off["scaled_max"] == pytest.approx(0.5 / 4)
    for other in (a.astype(np.float64), a[:1], np.array([3, np.nan], np.float32)):
        assert schedule.distance(other, a)["relative_l2"] == math.inf
    assert schedule.distance(np.array([1, 2]), np.array([1, 3]))["scaled_max"] == 0.5
    assert schedule.farthest({}, {"y": a})["scaled_max"] == math.inf


@pytest.fixture
def measured(tmp_path):
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    values = {"y": np.array([1.0, 2.0], np.float32)}
    tensors.write(tmp_path / "right", values)
    tensors.write(tmp_path / "wrong", {"y": np.array([1.0, 2.5], np.float32)})

    def run(workers, plan=PLAN):
        commands = {name: [sys.executable, script, ms, tmp_path / kind, *failing]
                    for name, (ms, kind, *failing) in workers.items()}
        return schedule.measure(commands, values, plan, lambda: {"threads": 1, "fp32_gflops": 5.0})

    return run


def test_a_schedule_measures_every_engine(measured):
    found = measured({"onward": (2.0, "right"), "onnxruntime": (3.0, "wrong"), "openvino": (4.0, "right", "load")})
    ours = found["engines"]["onward"]
    assert ours["times_ms"] == [2.0] * 12 and ours["runs"] == 12  # 4 rounds of 3
    assert (ours["load_ms"], ours["first_run_ms"], ours["peak_mib"]) == (7.5, 2.0, 2.0)
    assert figures.agrees(found, "onward") and not figures.agrees(found, "onnxruntime")
    assert found["engines"]["openvino"] == {"error": "cannot load"}
    assert len(found["peaks"]) == 2


def test_engines_that_fail_later_are_told(measured):
    found = measured({"onward": (2.0, "right", "save"), "onnxruntime": (3.0, "right", "memory")})
    assert "cannot save" in found["engines"]["onward"]["error"] and not figures.agrees(found, "onward")
    assert "cannot memory" in found["engines"]["onnxruntime"]["error"]


def test_loads_are_medians_of_processes_that_find_the_file_in_memory(monkeypatch, tmp_path):
    model = tmp_path / "model.onnx"
    model.write_bytes(bytes(100))
    happened, answers = [], iter([5.0, 11.0, 9.0, 1.0, 12.0, 30.0])

    class FakeWorker:
        def __init__(self, command):
            happened.append(command[0])

        def answer(self):
            pass

        def ask(self, line):
            if line.startswith("save"):
                tensors.write(pathlib.Path(line.split()[1]), {})
            return [next(answers)] if line in ("load", "run 1 0") else ["1024"]

        def close(self):
            happened.append("closed")

    monkeypatch.setattr(schedule, "Worker", FakeWorker)
    monkeypatch.setattr(schedule, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(schedule, "read_whole", lambda file: happened.append(file.name))
    found = schedule.measure({"onward": ["start"]}, {}, schedule.Plan(rounds=0, loads=3, pause_seconds=0), dict, [model])
    assert (found["engines"]["onward"]["load_ms"], found["engines"]["onward"]["first_run_ms"]) == (9.0, 11.0)
    assert happened == ["start", "model.onnx", "closed"] * 3


def test_rounds_are_shuffled(measured, monkeypatch):
    visits = []
    monkeypatch.setattr(schedule.Engine, "visit", lambda engine, plan: visits.append(engine.name))
    names = ["a", "b", "c", "d"]
    measured({name: (1.0, "right") for name in names}, schedule.Plan(rounds=12, pause_seconds=0))
    rounds = [visits[i : i + 4] for i in range(0, len(visits), 4)]
    assert all(sorted(one) == names for one in rounds)
    assert len(set(map(tuple, rounds))) > 1


def test_short_runs_are_timed_more_often():
    plan = schedule.Plan(runs=3, visit_ms=40, most_runs=100)
    assert [plan.timed_runs(ms) for ms in (500, 10, 1, 0.001, 0)] == [3, 4, 40, 100, 100]


def test_a_worker_that_ends_is_told(measured, tmp_path):
    script = tmp_path / "worker.py"
    with schedule.Worker([sys.executable, script, "1", "x"]) as worker:
        worker.answer()
        with pytest.raises(schedule.WorkerError, match="status 1: gone"):
            worker.ask("die")
        with pytest.raises(schedule.WorkerError):
            worker.ask("load")


def test_onwards_own_worker(tmp_path):
    """The real one, on a model of one node: the protocol, the outputs, and what it says of a model that is not there."""
    program = ROOT / "build/bin/onward_worker"
    if not program.exists():
        pytest.skip("build/bin/onward_worker is not built; ./dev build builds it")
    from onnx import save
    from micro_cases import Graph, node

    x = np.array([[1.5, -2.0]], np.float32)
    save(Graph("relu", [node("Relu", "x")], {"x": x}).model(), tmp_path / "model.onnx")
    tensors.write(tmp_path / "inputs", {"x": x})
    folder = tmp_path / "out of it"
    folder.mkdir()
    with schedule.Worker([program, tmp_path / "model.onnx", 1, tmp_path / "inputs"]) as worker:
        worker.answer()
        with pytest.raises(schedule.WorkerError, match="no model is loaded"):
            worker.ask("run 1 0")
        assert float(worker.ask("load")[0]) > 0
        assert len(worker.ask("run 5 0.1")) == 5
        worker.ask(f"save {folder}")
        assert np.array_equal(tensors.read(folder)["y"], [[1.5, 0.0]])
        assert int(worker.ask("memory")[0]) > 0
    with schedule.Worker([program, tmp_path / "none.onnx", 1, tmp_path / "inputs"]) as worker:
        worker.answer()
        with pytest.raises(schedule.WorkerError, match="none.onnx"):
            worker.ask("load")


def test_winograd_fits_some_convolutions():
    from onnx import helper

    def fits(**attributes):
        return cases.saves_multiplications(helper.make_node("Conv", ["x", "w"], ["y"], **attributes))

    assert fits(kernel_shape=[3, 3], strides=[1, 1]) and fits(kernel_shape=[3, 3, 3])
    assert not fits(kernel_shape=[1, 1]) and not fits(kernel_shape=[3, 3], strides=[2, 2])
    assert not fits(kernel_shape=[3, 3], group=8) and not fits(kernel_shape=[1, 3])


def test_results_are_json_and_a_table(tmp_path):
    command.save(result([row("net", 10, 20, 40, 5)]), "models", tmp_path)
    kept = json.loads((tmp_path / "models.json").read_text())
    assert kept["means"]["2"]["onnxruntime"] == [2.0, 1] and kept["control"] == {"onward#2": None, "onnxruntime#2": None}
    assert (tmp_path / "models.md").read_text() == report.markdown(result([row("net", 10, 20, 40, 5)]))


def test_micro_cases_are_models():
    onnx = pytest.importorskip("onnx")
    import micro_cases

    small = [*micro_cases.selections(), *micro_cases.movements(), micro_cases.lstm(), micro_cases.loop(),
             micro_cases.attention(16, True, False), micro_cases.attention(16, False, True),
             micro_cases.convolution("transposed", 4, 6, 5, 2, 2, transposed=True, pad=0),
             micro_cases.convolution("solid", 4, 6, 5, 3, axes=3), micro_cases.resize("grow", 2, 3, 2, mode="linear")]
    assert len({graph.name for graph in small}) == len(small)
    for graph in small:
        onnx.checker.check_model(graph.model(), full_check=True)
