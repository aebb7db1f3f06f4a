"""The command-line program: `python -m onward run model.onnx`. It takes this process's place."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Starts the program that came with the package, with this process's arguments: `onward --help`."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "onward")
    try:
        os.execv(program, [program, *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"onward: {program} cannot be started: {error.strerror}; install the package again with pip")


if __name__ == "__main__":
    main()
