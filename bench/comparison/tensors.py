"""Tensors as files that every worker can read: FOLDER/tensors.txt has a line "<type> <sizes, by commas> <name>" for
each, in order, and FOLDER/<line, from 0>.bin its bytes. Types are ONNX's numbers; no sizes is "-".
"""

from pathlib import Path

import numpy as np

TYPES = {1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool",
         10: "float16", 11: "float64", 12: "uint32", 13: "uint64"}
NUMBERS = {np.dtype(name): number for number, name in TYPES.items()}


def write(folder: Path, tensors: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for index, (name, array) in enumerate(tensors.items()):
        if array.dtype not in NUMBERS:
            raise ValueError(f"tensor {name} is of type {array.dtype}, which the benchmarks do not carry")
        np.ascontiguousarray(array).tofile(folder / f"{index}.bin")
        lines.append(f"{NUMBERS[array.dtype]} {','.join(map(str, array.shape)) or '-'} {name}\n")
    (folder / "tensors.txt").write_text("".join(lines))


def read(folder: Path) -> dict:
    found = {}
    for index, line in enumerate((folder / "tensors.txt").read_text().splitlines()):
        number, sizes, name = line.split(" ", 2)
        shape = [int(size) for size in sizes.split(",")] if sizes != "-" else []
        data = np.fromfile(folder / f"{index}.bin", TYPES[int(number)])
        found[name] = data.reshape(shape)
    return found
