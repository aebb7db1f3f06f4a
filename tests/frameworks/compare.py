#!/usr/bin/env python3
"""Holds an engine against the source framework and ONNX Runtime on the cases that an exporter wrote.

For every run and output: max |y - ref| / max(1, max |ref|) and ||y - ref|| / ||ref||, both at most the case's
limit (1e-4 unless it says otherwise); whole numbers, truth values and strings must be equal. One line a run
shows the worst of its outputs. Engines: `onward` runs `PROGRAM run MODEL --input NAME=FILE.npy ... --out DIR`,
which leaves DIR/<output>.npy (what no file name should hold becomes "_", item i of a sequence is <output>_<i>, maps are .json);
`ort` is ONNX Runtime itself, which shows that the cases are sound. Exit status 1 on any failure.
"""

import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

ROOT = Path(__file__).resolve().parent.parent.parent
STRINGS = "OSU"


def load(path: Path) -> np.ndarray:
    return np.load(path, allow_pickle=False)


def read_output(folder: Path, name: str) -> np.ndarray:
    """An array; a sequence of maps becomes rows of values in the order of the sorted keys."""
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    if (folder / f"{stem}.npy").exists():
        return load(folder / f"{stem}.npy")
    rows = []
    while (folder / f"{stem}_{len(rows)}.json").exists():
        row = json.loads((folder / f"{stem}_{len(rows)}.json").read_text())
        rows.append([row[key] for key in sorted(row)])
    if not rows:
        raise RuntimeError(f"output {name} was not written; {sorted(p.name for p in folder.iterdir())} were")
    return np.array(rows, np.float32)


def onward_outputs(program: Path, model: Path, inputs: dict, outputs: list, timeout_s: float) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        command = [str(program), "run", str(model)]
        for name, path in inputs.items():
            command += ["--input", f"{name}={path}"]
        done = subprocess.run([*command, "--out", folder], capture_output=True, text=True, timeout=timeout_s)
        if done.returncode != 0:
            raise RuntimeError(f"status {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}")
        return {name: read_output(Path(folder), name) for name in outputs}


def ort_session(model: Path, plain: bool):
    """A plain session leaves the graph as it is: some of ONNX Runtime's fusions believe a loop's first shapes."""
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    settings.intra_op_num_threads = 1
    if plain:
        settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(model), settings, providers=["CPUExecutionProvider"])


def plain(value) -> np.ndarray:
    """As read_output gives it: a list of maps becomes rows."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return np.array([[row[key] for key in sorted(row, key=str)] for row in value], np.float32)
    return np.asarray(value)


def ort_session_outputs(model: Path, inputs: dict, outputs: list) -> dict:
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), settings, providers=["CPUExecutionProvider"])
    return ort_outputs(session, inputs, outputs)


def ort_outputs(session, inputs: dict, outputs: list) -> dict:
    values = {name: load(path) for name, path in inputs.items()}
    values = {name: v.astype(object) if v.dtype.kind in STRINGS else v for name, v in values.items()}
    return {name: plain(value) for name, value in zip(outputs, session.run(outputs, values))}


def distance(got: np.ndarray, reference: np.ndarray):
    """(scaled max abs, relative L2); infinite when type, shape or finiteness differ, or discrete values do."""
    same_type = got.dtype == reference.dtype or (
        got.dtype.kind in STRINGS and reference.dtype.kind in STRINGS
    )
    if got.shape != reference.shape or not same_type:
        return float("inf"), float("inf")
    if got.dtype.kind != "f":
        equal = np.array_equal(got.astype(str), reference.astype(str))
        return (0.0, 0.0) if equal else (float("inf"), float("inf"))
    got, reference = got.astype(np.float64), reference.astype(np.float64)
    if not np.isfinite(got).all():
        return float("inf"), float("inf")
    if reference.size == 0:
        return 0.0, 0.0
    difference = got - reference
    scale = max(1.0, float(np.abs(reference).max()))
    norm = float(np.linalg.norm(reference))
    return float(np.abs(difference).max()) / scale, float(np.linalg.norm(difference)) / max(norm, 1e-30)


def rows_of_run(got: dict, references: dict, limit: float) -> list:
    rows = []
    for reference_name, reference in references.items():
        for output, expected in reference.items():
            max_abs, relative = distance(got[output], expected)
            rows.append(
                {
                    "reference": reference_name,
                    "output": output,
                    "max_abs": max_abs,
                    "relative_l2": relative,
                    "shape": list(got[output].shape),
                    "expected_shape": list(expected.shape),
                    "type": str(got[output].dtype),
                    "expected_type": str(expected.dtype),
                    "ok": max_abs <= limit and relative <= limit,
                }
            )
    return rows


def node_count(graph) -> int:
    bodies = [a for node in graph.node for a in node.attribute]
    graphs = [a.g for a in bodies if a.HasField("g")] + [g for a in bodies for g in a.graphs]
    return len(graph.node) + sum(node_count(inner) for inner in graphs)


def shapes_text(inputs: dict) -> str:
    return " ".join("x".join(map(str, load(path).shape)) or "()" for path in inputs.values())


def compare_run(case: dict, run: dict, model: Path, outputs: list, session, options) -> dict:
    """What a row of the report says; `rows` are the comparisons, and `error` is set if there are none.

    `outputs` are the model's names, in the order of the case's: exporters do not always keep those.
    """
    folder = options.dir
    inputs = {name: folder / file for name, file in run["inputs"].items()}
    limit = case.get("limit", 1e-4)
    found = {"shapes": shapes_text(inputs), "seconds": 0.0, "rows": []}
    try:
        if len(outputs) != len(run["outputs"]):
            raise RuntimeError(f"the model has outputs {outputs}, expected {list(run['outputs'])}")
        references = {
            "source": {name: load(folder / file) for name, file in zip(outputs, run["outputs"].values())}
        }
        if options.engine == "ort":
            got = ort_outputs(session, inputs, outputs)
        else:
            start = time.time()
            got = onward_outputs(options.program, model, inputs, outputs, options.timeout)
            found["seconds"] = time.time() - start
            if session:
                references["ort"] = ort_outputs(session, inputs, outputs)
        found["rows"] = rows_of_run(got, references, limit)
    except Exception as problem:  # one broken case must not hide the others
        found["error"] = f"{type(problem).__name__}: {problem}"
    found["ok"] = bool(found["rows"]) and all(row["ok"] for row in found["rows"])
    return found


def compare_case(case: dict, options) -> dict:
    model = options.dir / case["model"]
    result = {"case": case["name"], "opset": case["opset"], "nodes": 0, "runs": [], "ok": False}
    try:
        graph = onnx.load(model, load_external_data=False).graph
        result["nodes"], outputs = node_count(graph), [output.name for output in graph.output]
        session = None if case.get("without_ort") else ort_session(model, case.get("ort_plain", False))
    except Exception as problem:
        result["runs"] = [{"shapes": "", "error": f"ONNX Runtime: {problem}", "rows": [], "ok": False}]
        return result
    result["runs"] = [compare_run(case, run, model, outputs, session, options) for run in case["runs"]]
    result["ok"] = all(run["ok"] for run in result["runs"])
    return result


def worst(rows: list, reference: str) -> str:
    """ "max abs, relative L2" of the worst output against one reference, as text."""
    found = [row for row in rows if row["reference"] == reference]
    if not found:
        return f"{'-':>8} {'-':>8}"
    return f"{max(row['max_abs'] for row in found):8.1e} {max(row['relative_l2'] for row in found):8.1e}"


def lines_of(result: dict) -> list:
    lines = []
    for run in result["runs"]:
        head = f"{result['case']:30} {result['opset']:5} {result['nodes']:5} {run['shapes'][:34]:34} "
        if "error" in run:
            lines.append(f"{head} FAIL  {run['error']}")
            continue
        verdict = "ok" if run["ok"] else "FAIL"
        lines.append(
            f"{head}{worst(run['rows'], 'source')} {worst(run['rows'], 'ort')} {run['seconds']:6.2f}  {verdict}"
        )
        for row in run["rows"]:
            if not row["ok"]:
                lines.append(
                    f"    {row['output']} against {row['reference']}: max abs {row['max_abs']:.2e}, relative L2 "
                    f"{row['relative_l2']:.2e}; found {row['type']} {row['shape']}, "
                    f"expected {row['expected_type']} {row['expected_shape']}"
                )
    return lines


def chosen_cases(options, parser) -> list:
    manifest = options.dir / "manifest.json"
    if not manifest.exists():
        parser.error(f"{manifest}: no such file; run tests/frameworks/export.py --out {options.dir} first")
    cases = json.loads(manifest.read_text())["cases"]
    if options.only:
        cases = [case for case in cases if any(text in case["name"] for text in options.only)]
        if not cases:
            parser.error(f"{manifest} has no case whose name contains {' or '.join(options.only)}")
    return cases


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dir", type=Path, default=ROOT / "build/frameworks", help="what an exporter wrote")
    parser.add_argument("--engine", choices=("onward", "ort"), default="onward")
    parser.add_argument("--program", type=Path, default=ROOT / "build/bin/onward")
    parser.add_argument("--only", nargs="+", metavar="TEXT", help="cases whose name contains one of these")
    parser.add_argument("--timeout", type=float, default=120, help="seconds a run of the program may take")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results here")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="cases at a time (default: all CPUs)"
    )
    options = parser.parse_args()
    if options.engine == "onward" and not options.program.exists():
        parser.error(f"{options.program}: no such program; build it, or give --program")
    cases = chosen_cases(options, parser)
    print(f"{'':77}{'source':>17} {'ONNX Runtime':>17}")
    print(f"{'case':30} opset nodes {'input shapes':34} " + " max abs   rel L2" * 2 + "   time")
    results = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for result in pool.map(lambda case: compare_case(case, options), cases):
            results.append(result)
            print("\n".join(lines_of(result)), flush=True)
    failed = [result["case"] for result in results if not result["ok"]]
    runs = sum(len(result["runs"]) for result in results)
    print(f"{len(cases)} cases, {runs} runs, failed: {', '.join(failed) or 'none'}")
    if options.json:
        options.json.write_text(json.dumps({"engine": options.engine, "cases": results}, indent=1) + "\n")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
