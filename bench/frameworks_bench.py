#!/usr/bin/env python3
"""Networks as PyTorch, TensorFlow and others export them: onward beside ONNX Runtime and OpenVINO, in turns.

  ./dev frameworks            exports them, and compares the outputs
  ./dev bench frameworks --engines onward onnxruntime --threads 2 --rounds 3

They are of the size of tests, and many, so that they show what the networks of `./dev bench models` do not have.
docs/benchmarks.md has the rules.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from comparison import command, tensors
from comparison.cases import Case

EXPORTED = command.ROOT / "build/frameworks"
FOLDER = command.ROOT / "build/bench/frameworks"


@dataclass
class Exported(Case):
    source: Path = EXPORTED

    @property
    def model(self) -> Path:
        return self.source / "model.onnx"


def exported() -> dict:
    """What tests/frameworks/export.py says of each network, by name; those that other engines do not run are left out."""
    cases = [json.loads(file.read_text())["case"] for file in sorted(EXPORTED.glob("*/exported.json"))]
    return {case["name"]: case for case in cases if not case["without_ort"]}


def make(case: dict) -> Exported:
    folder = FOLDER / case["name"]
    for part, files in (("inputs", case["runs"][0]["inputs"]), ("expected", case["runs"][0]["outputs"])):
        tensors.write(folder / part, {name: np.load(EXPORTED / file) for name, file in files.items()})
    return Exported(case["name"], folder, source=EXPORTED / case["name"])


def main() -> int:
    options = command.command_line(__doc__).parse_args()
    cases = exported()
    if not cases:
        sys.exit(f"bench: no exported networks in {EXPORTED}; ./dev frameworks makes them")
    networks = []
    for name in command.chosen(list(cases), options):
        try:
            networks.append(make(cases[name]))
        except ValueError as error:
            print(f"bench: {name} is left out: {error}", file=sys.stderr)
    return command.run("Exported networks", "frameworks", "model", networks, options)


if __name__ == "__main__":
    sys.exit(main())
