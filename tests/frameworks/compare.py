#!/usr/bin/env python3
"""Holds an engine against PyTorch and ONNX Runtime on the cases that export.py wrote.

For every run: max |y - ref| / max(1, max |ref|) and ||y - ref|| / ||ref||, both at most --limit (1e-4).
Engines: `onward` runs `PROGRAM run MODEL --input NAME=FILE.npy ... --out DIR`, which leaves DIR/<output>.npy
("/" in a name becomes "_"); `ort` is ONNX Runtime itself, which shows that the cases are sound. Exit status 1
on any failure.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime

ROOT = Path(__file__).resolve().parent.parent.parent


def onward_outputs(program: Path, model: Path, inputs: dict, outputs: list, timeout_s: float) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        command = [str(program), "run", str(model)]
        for name, path in inputs.items():
            command += ["--input", f"{name}={path}"]
        done = subprocess.run([*command, "--out", folder], capture_output=True, text=True, timeout=timeout_s)
        if done.returncode != 0:
            raise RuntimeError(f"status {done.returncode}: {(done.stderr or done.stdout).strip()[-400:]}")
        return {name: np.load(Path(folder) / f"{name.replace('/', '_')}.npy") for name in outputs}


def ort_session_outputs(model: Path, inputs: dict, outputs: list) -> dict:
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), settings, providers=["CPUExecutionProvider"])
    return ort_outputs(session, inputs, outputs)


def ort_outputs(session, inputs: dict, outputs: list) -> dict:
    values = {name: np.load(path) for name, path in inputs.items()}
    return dict(zip(outputs, session.run(outputs, values)))


def distance(got: np.ndarray, reference: np.ndarray):
    """(scaled max abs, relative L2); infinite when type, shape or finiteness differ."""
    if got.shape != reference.shape or got.dtype != reference.dtype:
        return float("inf"), float("inf")
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
                    "ok": max_abs <= limit and relative <= limit,
                }
            )
    return rows


def compare_case(case: dict, folder: Path, options) -> list:
    model = folder / case["model"]
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), settings, providers=["CPUExecutionProvider"])
    rows = []
    for index, run in enumerate(case["runs"]):
        inputs = {name: folder / file for name, file in run["inputs"].items()}
        outputs = list(run["outputs"])
        references = {"torch": {name: np.load(folder / file) for name, file in run["outputs"].items()}}
        try:
            by_ort = ort_outputs(session, inputs, outputs)
            if options.engine == "ort":
                got = by_ort
            else:
                references["ort"] = by_ort
                got = onward_outputs(options.program, model, inputs, outputs, options.timeout)
            found = rows_of_run(got, references, options.limit)
        except Exception as problem:  # one broken case must not hide the others
            found = [{"ok": False, "error": f"{type(problem).__name__}: {problem}"}]
        rows += [{"case": case["name"], "run": index, **row} for row in found]
    return rows


def line_of(row: dict) -> str:
    head = f"{row['case']:30} {row['run']:3} "
    verdict = "ok" if row["ok"] else "FAIL"
    if "error" in row:
        return f"{head}{verdict}  {row['error']}"
    shapes = (
        ""
        if row["shape"] == row["expected_shape"]
        else f"  shape {row['shape']}, expected {row['expected_shape']}"
    )
    return (
        f"{head}{row['output']:12} {row['reference']:6} {row['max_abs']:10.2e} {row['relative_l2']:10.2e}  "
        f"{verdict}{shapes}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dir", type=Path, default=ROOT / "build/frameworks", help="what export.py wrote")
    parser.add_argument("--engine", choices=("onward", "ort"), default="onward")
    parser.add_argument("--program", type=Path, default=ROOT / "build/bin/onward")
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--limit", type=float, default=1e-4)
    parser.add_argument("--timeout", type=float, default=120, help="seconds a run of the program may take")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows here")
    options = parser.parse_args()
    manifest = options.dir / "manifest.json"
    if not manifest.exists():
        parser.error(f"{manifest}: no such file; run tests/frameworks/export.py --out {options.dir} first")
    if options.engine == "onward" and not options.program.exists():
        parser.error(f"{options.program}: no such program; build it, or give --program")
    cases = json.loads(manifest.read_text())["cases"]
    if options.only:
        missing = sorted(set(options.only) - {case["name"] for case in cases})
        if missing:
            parser.error(f"not in {manifest}: {', '.join(missing)}")
        cases = [case for case in cases if case["name"] in options.only]
    print(f"{'case':30} run {'output':12} {'against':6} {'max abs':>10} {'rel L2':>10}")
    rows = []
    for case in cases:
        found = compare_case(case, options.dir, options)
        rows += found
        print("\n".join(line_of(row) for row in found), flush=True)
    failed = sorted({row["case"] for row in rows if not row["ok"]})
    print(f"{len(cases)} cases, {len(rows)} comparisons, failed: {', '.join(failed) or 'none'}")
    if options.json:
        options.json.write_text(
            json.dumps({"engine": options.engine, "limit": options.limit, "rows": rows}, indent=1) + "\n"
        )
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
