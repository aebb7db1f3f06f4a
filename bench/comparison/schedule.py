"""Who is measured when. Engines disturb each other: the pool of one keeps spinning after a run and slows whoever comes
next, clocks move, and other programs come and go. Therefore every engine has a process of its own, all are loaded
before the first is measured, and they are visited by turns in a new random order each round. A visit begins with a
pause in which the others fall asleep, goes on with untimed runs, and ends with a few timed ones.
"""

import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from comparison import figures, tensors
from comparison.worker import Worker, WorkerError

PAUSE_SECONDS = 0.3


@dataclass
class Plan:
    rounds: int = 10
    loads: int = 3  # processes of an engine that load the model; the last one goes on to the rounds
    runs: int = 3  # timed ones of a visit, at least
    visit_ms: float = 40  # and so many more that they take this long together
    most_runs: int = 100
    warm_ms: float = 5  # untimed runs before them take at least this long; there is at least one
    pause_seconds: float = PAUSE_SECONDS

    def timed_runs(self, run_ms: float) -> int:
        return min(max(self.runs, round(self.visit_ms / max(run_ms, 1e-6))), self.most_runs)


def distance(got: np.ndarray, reference: np.ndarray) -> dict:
    """Relative L2 and largest absolute difference over the largest value (at least 1); for what is not floating-point,
    the share of elements that differ. Infinite where shape, type or finiteness differ."""
    infinite = {"relative_l2": float("inf"), "scaled_max": float("inf")}
    if got.shape != reference.shape or got.dtype != reference.dtype:
        return infinite
    if got.dtype.kind != "f":
        wrong = float(np.mean(got != reference)) if got.size else 0.0
        return {"relative_l2": wrong, "scaled_max": wrong}
    got, reference = got.astype(np.float64), reference.astype(np.float64)
    if not np.isfinite(got).all():
        return infinite
    if not got.size:
        return {"relative_l2": 0.0, "scaled_max": 0.0}
    difference = got - reference
    norm = max(float(np.linalg.norm(reference)), 1e-30)
    scale = max(1.0, float(np.abs(reference).max()))
    return {"relative_l2": float(np.linalg.norm(difference)) / norm,
            "scaled_max": float(np.abs(difference).max()) / scale}


def farthest(got: dict, reference: dict) -> dict:
    """The larger of each over all outputs, which are matched by name."""
    found = [distance(got[name], values) if name in got else {"relative_l2": float("inf"), "scaled_max": float("inf")}
             for name, values in reference.items()]
    return {key: max(one[key] for one in found) for key in ("relative_l2", "scaled_max")}


def read_whole(file: Path) -> None:
    with open(file, "rb", buffering=0) as stream:
        while stream.read(1 << 22):
            pass


class Engine:
    """One engine with the row's model: its process, and what was measured of it."""

    def __init__(self, name: str, command: list):
        self.name, self.command, self.worker = name, command, None
        self.times, self.last_ms, self.record = [], None, {}
        self.load_times, self.first_times = [], []

    def start(self, files=()) -> None:
        """Loads the model and runs it once, alone. `files` are read before: else who is first waits for the disk, and
        the others find in memory what it has read."""
        try:
            self.worker = Worker(self.command)
            self.worker.answer()
            for file in files:
                read_whole(file)
            time.sleep(PAUSE_SECONDS)
            self.load_times.append(float(self.worker.ask("load")[0]))
            self.last_ms = float(self.worker.ask("run 1 0")[0])
            self.first_times.append(self.last_ms)
            self.record["load_ms"] = figures.percentile(self.load_times, 0.5)
            self.record["first_run_ms"] = figures.percentile(self.first_times, 0.5)
        except (WorkerError, OSError) as problem:
            self.fail(problem)

    def outputs(self) -> dict:
        with tempfile.TemporaryDirectory() as folder:
            self.worker.ask(f"save {folder}")
            return tensors.read(Path(folder))

    def visit(self, plan: Plan) -> None:
        try:
            words = self.worker.ask(f"run {plan.timed_runs(self.last_ms)} {plan.warm_ms}")
            times = list(map(float, words))
            self.last_ms = figures.percentile(times, 0.5)
            self.times += times
        except WorkerError as problem:
            self.fail(problem)

    def finish(self) -> dict:
        if self.worker:
            try:
                self.record["peak_mib"] = int(self.worker.ask("memory")[0]) / 1024
            except WorkerError as problem:
                self.fail(problem)
        if self.worker and self.times:
            self.record.update(figures.summary(self.times))
            self.record["times_ms"] = self.times
        self.close()
        return self.record

    def fail(self, problem) -> None:
        self.record["error"] = str(problem)[:400]
        self.close()

    def close(self) -> None:
        if self.worker:
            self.worker.close()
        self.worker = None


def compare_outputs(engines: list, reference) -> None:
    """`reference` is a dictionary of arrays, or the name of the engine that is believed."""
    answers = {}
    for engine in engines:
        if engine.worker:
            try:
                answers[engine.name] = engine.outputs()
            except (WorkerError, ValueError) as problem:
                engine.record["error"] = f"its outputs: {problem}"
    expected = answers.get(reference) if isinstance(reference, str) else reference
    for engine in engines:
        if engine.name in answers and expected:
            engine.record["distance"] = farthest(answers[engine.name], expected)


def probe_again(row: dict, plan: Plan, probe) -> None:
    """A row that shows more than the peak asks for the peak again before it is called wrong: a probe that was disturbed
    gives too little, and none gives too much."""
    for _ in range(5):
        if not figures.impossible(row):
            return
        time.sleep(plan.pause_seconds)
        row["peaks"].append(probe())


def measure(commands: dict, reference, plan: Plan, probe, files=(), dice=random) -> dict:
    """What `commands`, a dictionary from engine to the command of its worker, take. `probe` measures what the processor
    can do; it is called before and after, while nothing else runs. `files`: the model's. Returns engines (by name) and
    peaks. Controls load once: only their runs are of interest."""
    engines = [Engine(name, command) for name, command in commands.items()]
    try:
        for left in reversed(range(max(plan.loads, 1))):
            for engine in dice.sample(engines, len(engines)):
                if "error" in engine.record or (left and engine.name in figures.CONTROLS):
                    continue
                engine.start(files)
                if left:
                    engine.close()
        compare_outputs(engines, reference)
        time.sleep(plan.pause_seconds)
        peaks = [probe()]
        for _ in range(plan.rounds):
            for engine in dice.sample(engines, len(engines)):
                if engine.worker:
                    time.sleep(plan.pause_seconds)
                    engine.visit(plan)
        time.sleep(plan.pause_seconds)
        peaks.append(probe())
        return {"engines": {engine.name: engine.finish() for engine in engines}, "peaks": peaks}
    finally:
        for engine in engines:
            engine.close()
