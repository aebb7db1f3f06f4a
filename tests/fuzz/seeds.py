"""Writes the seeds of the fuzz targets: the onnx package's small models, and its test data for the reader; or pictures.

    seeds.py FOLDER [--max-bytes 4096] [--data | --pictures]

A seed is named by what it holds, so the same model is written once.
"""

import argparse
import hashlib
import pathlib
import sys

import onnx


def pictures(max_bytes):
    tests = pathlib.Path(__file__).resolve().parent.parent
    sys.path += [str(tests / "cli"), str(tests / "hostile")]
    import images
    from pictures import PICTURES

    yield from (data for data in PICTURES.values() if len(data) <= max_bytes)
    yield from (p.data for p in images.PICTURES if len(p.data) <= max_bytes)


def seeds(max_bytes, with_data):
    data = pathlib.Path(onnx.__file__).parent / "backend/test/data"
    yield from (p.read_bytes() for p in data.rglob("*.onnx") if p.stat().st_size <= max_bytes)
    if with_data:
        yield from (p.read_bytes() for p in data.rglob("*.pb") if p.stat().st_size <= 512)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--max-bytes", type=int, default=4096)
    parser.add_argument("--data", action="store_true", help="tensors, sequences and optionals, too")
    parser.add_argument("--pictures", action="store_true", help="pictures in the place of models")
    a = parser.parse_args()
    a.folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for content in pictures(a.max_bytes) if a.pictures else seeds(a.max_bytes, a.data):
        (a.folder / hashlib.sha1(content).hexdigest()).write_bytes(content)
        count += 1
    if not count:
        raise SystemExit("the onnx package holds no test models: reinstall it")
    print(f"seeds: {len(list(a.folder.iterdir()))} different files of {count}")


if __name__ == "__main__":
    main()
