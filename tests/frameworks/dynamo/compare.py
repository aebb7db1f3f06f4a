#!/usr/bin/env python3
"""Runs the exports of export.py in `onward` and in ONNX Runtime and holds both against PyTorch.

Floats: ||y - ref|| / ||ref|| at most the case's limit (1e-4 unless the case computes in half precision), NaN
and infinities in the same places; integers, bools and shapes exact; detections of nearly one score in any
order. Where onward differs from the module and ONNX Runtime, or the onnx reference evaluator where that refuses,
computes what onward does, or where no engine can run the file, the exporter wrote something else than the
module, and the export counts for neither side.

A comparison whose export and program did not change is kept in DIR/<case>.<opset>/result.json. The table is
printed and written to DIR/../dynamo.md, everything measured to DIR/../dynamo.json; exit status 1 if any export
fails.
"""

import argparse
import json
import signal
import sys
import time
from pathlib import Path

import numpy as np
import onnx

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
sys.path.insert(0, str(HERE.parent))

from compare import load, node_count, onward_outputs, ort_session_outputs  # noqa: E402

REFERENCE_SECONDS = 60


def distance(got: np.ndarray, expected: np.ndarray) -> tuple:
    """(max abs, relative L2, "" or what differs)."""
    if got.shape != expected.shape:
        return None, None, f"shape {list(got.shape)}, expected {list(expected.shape)}"
    if got.dtype != expected.dtype:
        return None, None, f"type {got.dtype}, expected {expected.dtype}"
    if expected.dtype.kind in "biuSUO":
        wrong = int((got != expected).sum())
        return float(wrong), float(wrong > 0), f"{wrong} of {expected.size} differ" if wrong else ""
    finite = np.isfinite(expected)
    same = np.array_equal(np.where(finite, 0, expected), np.where(finite, 0, got), equal_nan=True)
    if not same or not np.isfinite(got[finite]).all():
        return None, None, "NaN or infinity in other places"
    a, b = got[finite].astype(np.float64), expected[finite].astype(np.float64)
    if b.size == 0:
        return 0.0, 0.0, ""
    return float(np.abs(a - b).max()), float(np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-30)), ""


def rows_of(got: dict, expected: dict, limit: float) -> list:
    rows = []
    for name, reference in expected.items():
        max_abs, relative, why = distance(got[name], reference)
        # All outputs within rounding of zero: what counts is the absolute size.
        ok = not why and (relative <= limit or max_abs <= 1e-6)
        row = {
            "output": name,
            "max_abs": max_abs,
            "relative_l2": relative,
            "shape": list(reference.shape),
            "ok": ok,
        }
        rows.append(row | ({"why": why or f"relative L2 {relative:.2e}"} if not ok else {}))
    return rows


def scores_of(values: dict):
    """The falling scores by which all outputs are ordered, as a detector's are; None if they are not such a list."""
    flat = [v for v in values.values() if v.ndim == 1 and v.dtype.kind == "f" and (np.diff(v) <= 0).all()]
    counts = {v.shape[:1] for v in values.values()}
    return flat[0] if len(flat) == 1 and len(counts) == 1 and len(values) > 1 else None


def with_ties_matched(got: dict, expected: dict, limit: float) -> dict:
    """`got` with rows of nearly one score, which have no order, in the order in which `expected` has them."""
    scores, other = scores_of(expected), scores_of(got)
    if scores is None or other is None or not len(scores) or any(got[k].shape != v.shape for k, v in expected.items()):
        return got
    count = len(scores)
    flat = [(np.reshape(got[k], (count, -1)), np.reshape(v, (count, -1))) for k, v in expected.items()]
    free, order = set(range(count)), []
    for i in range(count):
        near = [j for j in free if abs(other[j] - scores[i]) <= limit * abs(scores[0])] or [i]
        order.append(min(near, key=lambda j: sum(float(np.abs(a[j] - b[i]).sum()) for a, b in flat)))
        free.discard(order[-1])
    # Detectors keep the best few hundred: which of those that share the last score is chance.
    last = scores <= scores[-1] + 1e-6 * abs(scores[0])
    return {k: np.where(last.reshape(-1, *[1] * (v.ndim - 1)), v, got[k][order]) for k, v in expected.items()}


def verdict_of(got, expected: dict, limit: float) -> dict:
    """`got`: the outputs, or what went wrong."""
    if isinstance(got, str):
        return {"ok": False, "why": got, "rows": []}
    rows = rows_of(with_ties_matched(got, expected, limit), expected, limit)
    bad = [row for row in rows if not row["ok"]]
    why = f"{bad[0]['output']}: {bad[0]['why']}" if bad else ""
    return {"ok": not bad, "why": why, "rows": rows}


def reference_outputs(model: Path, inputs: dict, outputs: list) -> dict:
    """Of the onnx package's evaluator, which is written for being read and may take very long."""
    from onnx.reference import ReferenceEvaluator

    def too_long(*_):
        raise TimeoutError(f"the reference evaluator takes more than {REFERENCE_SECONDS} s")

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(REFERENCE_SECONDS)
    try:
        found = ReferenceEvaluator(str(model)).run(
            outputs, {name: load(path) for name, path in inputs.items()}
        )
    finally:
        signal.alarm(0)
    return {name: np.asarray(value) for name, value in zip(outputs, found)}


def is_invalid(model: Path) -> bool:
    try:
        onnx.checker.check_model(str(model), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
        return True
    return False


def is_refusal(text: str) -> bool:
    """The reference evaluator found the values unfit, rather than itself without the operator or the time."""
    return text.startswith(("ValueError", "TypeError", "RuntimeError", "IndexError", "AssertionError"))


def check_run(record: dict, run: dict, folder: Path, onward) -> dict:
    model = folder / "model.onnx"
    inputs = {name: folder / file for name, file in run["inputs"].items()}
    expected = {name: np.load(folder / file) for name, file in run["outputs"].items()}

    def outputs_of(engine):
        try:
            return engine(model, inputs, list(expected))
        except Exception as problem:
            return f"{type(problem).__name__}: {problem}"[:400]

    start = time.time()
    got = outputs_of(onward)
    found = {"seconds": round(time.time() - start, 2)} | verdict_of(got, expected, record["limit"])
    other = outputs_of(ort_session_outputs)
    found["ort"] = verdict_of(other, expected, record["limit"])
    if not found["ok"]:
        judge, judged = "ONNX Runtime", other
        if isinstance(other, str):
            judge, judged = "the onnx reference evaluator", outputs_of(reference_outputs)
            found["reference"] = verdict_of(judged, expected, record["limit"])
        if isinstance(got, str) and isinstance(judged, str) and (is_invalid(model) or is_refusal(judged)):
            return found | {"exporter_fault": True, "judge": "every engine"}
        # Two engines that agree on the file and differ from the module: the exporter wrote something else.
        alike = not isinstance(got, str) and not isinstance(judged, str)
        found["exporter_fault"] = alike and verdict_of(got, judged, record["limit"])["ok"]
        found["judge"] = judge
    return found


def check(name: str, options) -> dict:
    folder = options.dir / name
    record = json.loads((folder / "record.json").read_text())
    result = {key: record.get(key) for key in ("case", "opset", "route", "opset_imports", "fault")}
    result |= {"export": record["ok"], "export_why": record.get("why", ""), "runs": [], "left_out": []}
    if not record["ok"]:
        return result | {"ok": None, "nodes": 0}
    result["nodes"] = node_count(onnx.load(folder / "model.onnx", load_external_data=False).graph)

    def onward(model, inputs, outputs):
        return onward_outputs(options.program, model, inputs, outputs, options.timeout)

    for index, run in enumerate(record["runs"]):
        if "left_out" in run:
            result["left_out"].append(run["left_out"])
            continue
        result["runs"].append({"run": index} | check_run(record, run, folder, onward))
    bad = [run for run in result["runs"] if not run["ok"]]
    if bad and (record.get("fault") or all(run["exporter_fault"] for run in bad)):
        return result | {"ok": None}
    return result | {"ok": not bad}


def kept_or_checked(name: str, options) -> dict:
    folder = options.dir / name
    times = [path.stat().st_mtime_ns for path in (options.program, folder / "record.json", Path(__file__))]
    file = folder / "result.json"
    if file.exists() and not options.refresh:
        kept = json.loads(file.read_text())
        if kept["times"] == times:
            return kept["result"]
    result = check(name, options)
    file.write_text(json.dumps({"times": times, "result": result}) + "\n")
    return result


def worst(rows: list, key: str) -> str:
    values = [row[key] for row in rows if row[key] is not None]
    return f"{max(values):.1e}" if values else "-"


def note_of(result: dict) -> str:
    if not result["export"]:
        return f"not exported: {result['export_why'][:160]}"
    bad = [run for run in result["runs"] if not run["ok"]]
    if result["ok"] is None and result["fault"]:
        return f"the exporter's fault: {result['fault']}"
    if result["ok"] is None:
        return (
            f"the file says something else than the module, {bad[0]['judge']} agrees: {bad[0]['why'][:160]}"
        )
    if bad:
        ort = bad[0]["ort"]
        vouched = "ONNX Runtime agrees with PyTorch" if ort["ok"] else f"ONNX Runtime: {ort['why'][:120]}"
        return f"{bad[0]['why'][:260]} ({vouched})"
    return f"second inputs left out: {result['left_out'][0]}" if result["left_out"] else ""


HEAD = ["model", "opset", "route", "nodes", "verdict", "onward L2", "ORT L2", "seconds", "note"]
WIDTHS = [36, 5, 12, 6, 7, 9, 9, 7, 0]


def cells_of(result: dict) -> list:
    verdict = {None: "-", True: "ok", False: "FAIL"}[result["ok"]]
    own = [row for run in result["runs"] for row in run["rows"]]
    theirs = [row for run in result["runs"] for row in run["ort"]["rows"]]
    refused = any(run["ort"]["why"] and not run["ort"]["rows"] for run in result["runs"])
    return [
        result["case"],
        str(result["opset"]),
        result["route"],
        str(result["nodes"]),
        verdict,
        worst(own, "relative_l2"),
        "refuses" if refused else worst(theirs, "relative_l2"),
        f"{max((run['seconds'] for run in result['runs']), default=0):.2f}",
        note_of(result),
    ]


def line(cells: list) -> str:
    return " ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS)).rstrip()


def markdown(results: list, summary: str) -> str:
    def row(cells):
        return "| " + " | ".join(c.replace("|", "/").replace("\n", " ") for c in cells) + " |"

    rows = [row(HEAD), row(["---"] * len(HEAD)), *(row(cells_of(r)) for r in results)]
    return "\n".join([summary, "", *rows]) + "\n"


def summary_of(results: list) -> str:
    exported = [r for r in results if r["export"]]
    agree = sum(bool(r["ok"]) for r in exported)
    unfaithful = sum(r["ok"] is None for r in exported)
    runs = sum(len(r["runs"]) for r in exported)
    ort = sum(bool(r["runs"]) and all(run["ort"]["ok"] for run in r["runs"]) for r in exported)
    return (
        f"{len(results)} exports tried, {len(exported)} made by the exporter, {unfaithful} of them not what the "
        f"module computes; {agree} of the other {len(exported) - unfaithful} agree with PyTorch in onward "
        f"({runs} runs), {len(exported) - unfaithful - agree} fail. ONNX Runtime agrees on {ort}."
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--dir", type=Path, default=ROOT / "build/frameworks/dynamo", help="what export.py wrote"
    )
    parser.add_argument("--program", type=Path, default=ROOT / "build/bin/onward")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="exports whose name contains one of these")
    parser.add_argument("--timeout", type=float, default=120, help="seconds a run of the program may take")
    parser.add_argument("--failures", action="store_true", help="print only what fails")
    parser.add_argument("--refresh", action="store_true", help="compare again what is kept")
    options = parser.parse_args()
    names = sorted(path.parent.name for path in options.dir.glob("*/record.json"))
    if options.only:
        names = [name for name in names if any(part in name for part in options.only)]
    if not names:
        parser.error(f"no exports in {options.dir}; run tests/frameworks/dynamo/export.py first")
    print(line(HEAD))
    results = []
    for name in names:
        if not (options.dir / name / "record.json").exists():  # being exported again
            continue
        results.append(kept_or_checked(name, options))
        if results[-1]["ok"] is False or not options.failures:
            print(line(cells_of(results[-1])), flush=True)
    summary = summary_of(results)
    print(summary)
    if not options.only:
        (options.dir.parent / "dynamo.json").write_text(json.dumps(results, indent=1) + "\n")
        (options.dir.parent / "dynamo.md").write_text(markdown(results, summary))
    return 1 if any(r["ok"] is False for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
