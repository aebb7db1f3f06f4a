#!/usr/bin/env python3
"""Runs the exports of export.py in `onward` and holds them against PyTorch.

Floats: ||y - ref|| / ||ref|| at most the case's limit (1e-4 unless the case computes in half precision), NaN
and infinities in the same places; integers, bools and shapes exact. Where onward differs, ONNX Runtime runs the
same file: if the two agree, the exporter wrote something else than the module, and the export counts for
neither side. Writes DIR/../dynamo.json and .md; exit status 1 if any other export fails.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
sys.path.insert(0, str(HERE.parent))

from compare import onward_outputs, ort_session_outputs  # noqa: E402


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


def verdict_of(got, expected: dict, limit: float) -> dict:
    """`got`: the outputs, or what went wrong."""
    if isinstance(got, str):
        return {"ok": False, "why": got, "rows": []}
    rows = rows_of(got, expected, limit)
    bad = [row for row in rows if not row["ok"]]
    why = f"{bad[0]['output']}: {bad[0]['why']}" if bad else ""
    return {"ok": not bad, "why": why, "rows": rows}


def check_run(record: dict, run: dict, folder: Path, onward) -> dict:
    model = folder / "model.onnx"
    inputs = {name: folder / file for name, file in run["inputs"].items()}
    expected = {name: np.load(folder / file) for name, file in run["outputs"].items()}

    def outputs_of(engine):
        try:
            return engine(model, inputs, list(expected))
        except Exception as problem:
            return str(problem)[:400]

    got = outputs_of(onward)
    found = verdict_of(got, expected, record["limit"])
    if not found["ok"]:
        other = outputs_of(ort_session_outputs)
        found["ort"] = verdict_of(other, expected, record["limit"])
        # Two engines that agree on the file and differ from the module: the exporter wrote something else.
        alike = not isinstance(got, str) and not isinstance(other, str)
        found["exporter_fault"] = alike and verdict_of(got, other, record["limit"])["ok"]
    return found


def check(name: str, options) -> dict:
    folder = options.dir / name
    record = json.loads((folder / "record.json").read_text())
    result = {key: record.get(key) for key in ("case", "opset", "route", "opset_imports", "fault")}
    result |= {"export": record["ok"], "export_why": record.get("why", ""), "runs": [], "left_out": []}
    if not record["ok"]:
        return result | {"ok": None}

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


def worst(result: dict, key: str) -> str:
    values = [row[key] for run in result["runs"] for row in run["rows"] if row[key] is not None]
    return f"{max(values):.1e}" if values else ""


def shapes_of(result: dict) -> str:
    firsts = [run["rows"][0]["shape"] for run in result["runs"] if run["rows"]]
    return " ".join("x".join(map(str, shape)) or "scalar" for shape in firsts)


def note_of(result: dict) -> str:
    if not result["export"]:
        return f"not exported: {result['export_why'][:160]}"
    bad = [run for run in result["runs"] if not run["ok"]]
    if result["ok"] is None and result["fault"]:
        return f"the exporter's fault: {result['fault']}"
    if result["ok"] is None:
        return f"the file says something else than the module, in ONNX Runtime too: {bad[0]['why'][:160]}"
    if bad:
        ort = bad[0]["ort"]
        vouched = "ONNX Runtime agrees with PyTorch" if ort["ok"] else f"ONNX Runtime: {ort['why'][:120]}"
        return f"{bad[0]['why'][:260]} ({vouched})"
    return f"second inputs left out: {result['left_out'][0]}" if result["left_out"] else ""


def row_of(result: dict) -> list:
    verdict = {None: "-", True: "ok", False: "FAIL"}[result["ok"]]
    head = [
        result["case"],
        str(result["opset"]),
        result["route"],
        "ok" if result["export"] else "no",
        verdict,
    ]
    return [*head, worst(result, "max_abs"), worst(result, "relative_l2"), shapes_of(result), note_of(result)]


HEAD = ["model", "opset", "route", "export", "onward", "max abs", "rel L2", "shapes", "note"]


def markdown(results: list, summary: str) -> str:
    def line(cells):
        return "| " + " | ".join(c.replace("|", "/").replace("\n", " ") for c in cells) + " |"

    rows = [line(HEAD), line(["---"] * len(HEAD)), *(line(row_of(r)) for r in results)]
    return "\n".join([summary, "", *rows]) + "\n"


def summary_of(results: list) -> str:
    exported = [r for r in results if r["export"]]
    agree = sum(bool(r["ok"]) for r in exported)
    unfaithful = sum(r["ok"] is None for r in exported)
    runs = sum(len(r["runs"]) for r in exported)
    return (
        f"{len(results)} exports tried, {len(exported)} made by the exporter, {unfaithful} of them not what the "
        f"module computes (ONNX Runtime gives the same); {agree} of the other {len(exported) - unfaithful} agree "
        f"with PyTorch in onward ({runs} runs)."
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
    options = parser.parse_args()
    names = sorted(path.parent.name for path in options.dir.glob("*/record.json"))
    if options.only:
        names = [name for name in names if any(part in name for part in options.only)]
    if not names:
        parser.error(f"no exports in {options.dir}; run tests/frameworks/dynamo/export.py first")
    results = []
    for name in names:
        if not (options.dir / name / "record.json").exists():  # being exported again
            continue
        results.append(check(name, options))
        row = row_of(results[-1])
        if results[-1]["ok"] is False or not options.failures:
            print(
                f"{row[0]:40} {row[1]} {row[4]:4} {row[5]:>8} {row[6]:>8} {row[7][:40]:20} {row[8]}",
                flush=True,
            )
    summary = summary_of(results)
    print(summary)
    if not options.only:
        (options.dir.parent / "dynamo.json").write_text(json.dumps(results, indent=1) + "\n")
        (options.dir.parent / "dynamo.md").write_text(markdown(results, summary))
    return 1 if any(r["ok"] is False for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
