"""Random whole graphs, held against ONNX Runtime and against themselves in every setting (docs/random_graphs.md).

  ./dev graphs --count 500 --seed 1000
  ./dev graphs --nightly
  ./dev graphs --replay build/differential/graphs/1017-optimised
"""

import argparse
import collections
import json
import os
import pathlib
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import graph_checks  # noqa: E402
import graph_engine  # noqa: E402
import graph_maker  # noqa: E402
import graph_shrink  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402

FINDS = graph_engine.ROOT / "build/differential/graphs"
USUAL, NIGHTLY = 200, 5000


def save(finds, seed, failure, model, feeds):
    folder = finds / f"{seed}-{failure.check}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    onnx.save(model, folder / "model.onnx")
    np.savez(folder / "inputs.npz", **feeds)
    shown = os.path.relpath(folder, graph_engine.ROOT)
    command = f"./dev graphs --replay {shown}"
    told = f"seed {seed}, {failure.check}: {failure.text}"
    (folder / "failure.txt").write_text(f"{told}\n\n{command}\n\n{onnx.printer.to_text(model)[:20000]}\n")
    return command


def read(folder):
    with np.load(folder / "inputs.npz") as found:
        return onnx.load(folder / "model.onnx"), dict(found)


class Tally:
    """What was met, over all graphs."""

    def __init__(self):
        self.graphs = self.nodes = 0
        self.failures = []
        kinds = ("styles", "operators", "held", "notes", "ran", "passes", "graphs_of_pass")
        self.counts = {k: collections.Counter() for k in kinds}

    def add(self, case, report):
        self.graphs += 1
        self.nodes += len(case.model.graph.node)
        self.counts["styles"][case.style] += 1
        self.counts["operators"].update(node.op_type for node in case.model.graph.node)
        self.counts["held"].update(report.held)
        self.counts["notes"].update(report.notes)
        self.counts["ran"].update(name for name, _ in report.nodes)
        self.counts["passes"].update({k: v for k, v in report.passes.items() if v})
        self.counts["graphs_of_pass"].update(k for k, v in report.passes.items() if v)

    def print(self, seconds):
        listed = lambda counter: ", ".join(f"{k} {n}" for k, n in counter.most_common())  # noqa: E731
        print(f"{self.graphs} graphs of {self.nodes} nodes in {seconds:.0f} s ({listed(self.counts['styles'])})")
        print(f"{len(self.counts['operators'])} operators: {listed(self.counts['operators'])}")
        print(f"what ran, fused: {listed(self.counts['ran'])}")
        print(f"changes by pass: {listed(self.counts['passes'])}")
        held = self.counts["held"]
        print(f"checks that held: {', '.join(f'{c} {held[c]}' for c in graph_checks.CHECKS)}")
        print(f"notes: {listed(self.counts['notes']) or 'none'}")
        advice = ": see the commands above, and mend the cause with a test" if self.failures else ""
        print(f"{len(self.failures)} failures{advice}")

    def json(self, seconds):
        return {"graphs": self.graphs, "nodes": self.nodes, "seconds": seconds, "failures": self.failures,
                **{k: dict(c.most_common()) for k, c in self.counts.items()}}  # fmt: skip


def told(seed, failure, nodes, command, quiet):
    if not quiet:
        print(f"FAIL seed {seed}, {failure.check}: {failure.text}")
        print(f"  {nodes} nodes after shrinking; to repeat: {command}", flush=True)


def engine_of(a):
    return graph_engine.Engine(a.library, graph_engine.sanitized() if a.sanitized else ())


def run_seed(seed, engine, tally, a):
    case = graph_maker.make(seed)
    if not case:
        tally.counts["notes"]["nothing made"] += 1
        return
    report = graph_checks.check(engine, case.model, case.feeds, seed)
    tally.add(case, report)
    for failure in {f.check: f for f in report.failures}.values():
        model, feeds = case.model, case.feeds
        command = save(a.finds, seed, failure, model, feeds)  # should the shrinking be stopped
        if not a.no_shrink:
            model, feeds, failure = graph_shrink.shrink(engine, model, feeds, failure, seed)
            command = save(a.finds, seed, failure, model, feeds)
        tally.failures.append({"seed": seed, "check": failure.check, "text": failure.text, "command": command,
                               "nodes": [node.op_type for node in model.graph.node]})  # fmt: skip
        told(seed, failure, len(model.graph.node), command, a.json)


def run(a):
    engine, tally, start = engine_of(a), Tally(), time.monotonic()
    try:
        for seed in range(a.seed, a.seed + a.count):
            run_seed(seed, engine, tally, a)
    except KeyboardInterrupt:
        print(f"stopped at seed {seed}", file=sys.stderr)
    seconds = time.monotonic() - start
    engine.close()
    if a.json:
        print(json.dumps(tally.json(seconds), indent=1))
    else:
        tally.print(seconds)
    return 1 if tally.failures or not tally.graphs else 0


def replay(a):
    engine = engine_of(a)
    seed = int(a.replay.name.partition("-")[0]) if a.replay.name[:1].isdigit() else 0
    model, feeds = read(a.replay)
    print(onnx.printer.to_text(model)[:6000])
    report = graph_checks.check(engine, model, feeds, seed)
    engine.close()
    for failure in report.failures:
        print(f"FAIL {failure.check}: {failure.text}")
    print(f"held: {', '.join(report.held) or 'none'}; notes: {', '.join(report.notes) or 'none'}")
    return 1 if report.failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, help=f"graphs (default {USUAL})")
    parser.add_argument("--seed", type=int, default=0, help="of the first graph; the next ones count up (default 0)")
    parser.add_argument("--nightly", action="store_true", help=f"{NIGHTLY} graphs, from a seed that is today's")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    parser.add_argument("--replay", type=pathlib.Path, metavar="FOLDER", help="check what was saved there, once more")
    parser.add_argument("--no-shrink", action="store_true", help="save what fails as it is")
    parser.add_argument("--library", type=pathlib.Path, default=graph_engine.LIBRARY, help="the engine (default: of build/)")
    parser.add_argument("--sanitized", action="store_true", help="that library has the address sanitizer in it")
    parser.add_argument("--finds", type=pathlib.Path, default=FINDS, help="where failures are saved")
    a = parser.parse_args()
    if not a.library.exists():
        parser.error(f"{a.library}: no such library; build it with ./dev build --target onward_library")
    if a.nightly:
        a.seed = a.seed or int(time.time() // 86400) * NIGHTLY
    a.count = a.count or (NIGHTLY if a.nightly else USUAL)
    return replay(a) if a.replay else run(a)


if __name__ == "__main__":
    sys.exit(main())
