#!/usr/bin/env python3
"""Simplifies every official ONNX test model: onnx.checker accepts the result, and it computes the expected outputs.

    python tests/cli/simplify_all.py            all; prints what does not hold
    python tests/cli/simplify_all.py softmax    those with this text in their name
"""

import collections
import sys
import tempfile
from pathlib import Path

import onnx

from conftest import call

DATA = Path(onnx.__file__).parent / "backend/test/data"
# Random by design, or within the tolerance of the conformance list only.
LOOSE = {"test_dft_inverse": 1e-6, "test_dft_inverse_opset19": 1e-6}


def problem_of(case, folder):
    out = Path(folder) / "model.onnx"
    done = call("simplify", case / "model.onnx", "-o", out, "--no-verify")
    if done.code != 0:
        return "refused: " + done.err.strip()
    try:
        onnx.checker.check_model(str(out))
    except Exception as error:
        return f"onnx.checker: {error}"
    for data in sorted(case.glob("test_data_set_*")):
        flags = ["--test-data", data, "--rtol", 1e-3, "--atol", LOOSE.get(case.name, 1e-7)]
        done, original = call("run", out, *flags), None
        if done.code != 0:
            original = call("run", case / "model.onnx", *flags)
            if original.code == 0:
                return f"{data.name}: {done.out}{done.err}"
            return f"as the original, {data.name}: {original.err.strip() or original.out.strip()}"
    return ""


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    count = collections.Counter()
    for case in sorted(DATA.glob("*/*")):
        if (case / "model.onnx").exists() and wanted in case.name and list(case.glob("test_data_set_*")):
            with tempfile.TemporaryDirectory() as folder:
                problem = problem_of(case, folder)
            count[problem.split(":")[0].split(",")[0] or "same"] += 1
            if problem:
                print(f"{case.parent.name}/{case.name}: {problem[:300]}")
    print(dict(count))


if __name__ == "__main__":
    main()
