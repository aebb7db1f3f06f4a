#!/usr/bin/env python3
"""Whole networks: onward beside ONNX Runtime and OpenVINO, in turns. docs/benchmarks.md has the rules and why.

  ./dev bench models --only resnet bert --threads 2
  ./dev bench models --quick
"""

import json
import subprocess
import sys
from pathlib import Path

from comparison import command
from comparison.cases import Case

FOLDER = command.ROOT / "build/bench/models"
TORCH_PYTHON = "/usr/bin/python3"  # Debian's, with python3-torch and python3-torchvision


def make_models(only: list) -> list:
    """Their names. Those that are there already, made by the same sources, are kept."""
    arguments = ["--only", *only] if only else []
    done = subprocess.run([TORCH_PYTHON, command.BENCH / "export_models.py", "--out", FOLDER, *arguments], stdout=sys.stderr)
    if done.returncode:
        sys.exit("bench: the models could not be made; scripts/install_deps.sh installs what that needs")
    return json.loads((FOLDER / "manifest.json").read_text())


def main() -> int:
    options = command.command_line(__doc__).parse_args()
    names = command.chosen(make_models(options.exactly or options.only), options)
    return command.run("Networks", "models", "model", [Case(name, FOLDER / name) for name in names], options)


if __name__ == "__main__":
    sys.exit(main())
