#!/usr/bin/python3
"""Makes the models of ./dev bench models with Debian's PyTorch:

    DIR/<name>/model.onnx
    DIR/<name>/inputs/, expected/    as comparison/tensors.py says; expected is PyTorch's own answer
    DIR/manifest.json                names, in order

One that was made by the same sources and PyTorch is kept.
"""

import argparse
import hashlib
import json
import sys
import time
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
FRAMEWORKS = HERE.parent / "tests/frameworks"
sys.path[:0] = [str(FRAMEWORKS / "networks"), str(FRAMEWORKS), str(HERE)]

import numpy as np
import torch

import export
import model_cases
from comparison import tensors


def sources_hash() -> str:
    digest = hashlib.sha256(torch.__version__.encode())
    files = [HERE / "model_cases.py", FRAMEWORKS / "export.py", HERE / "comparison/tensors.py"]
    networks = "case classifiers ddcolor detector faces language segmentation unet warping".split()
    for file in files + [FRAMEWORKS / f"networks/{name}.py" for name in networks]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def make(case, out: Path) -> None:
    folder = out / case.name
    [run] = export.export_case(case, folder)["runs"]
    for kind, files in (("inputs", run["inputs"]), ("expected", run["outputs"])):
        tensors.write(folder / kind, {name: np.load(out / file) for name, file in files.items()})
        for file in files.values():
            (out / file).unlink()
    (folder / "case_0").rmdir()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE.parent / "build/bench/models")
    parser.add_argument("--only", nargs="+", metavar="TEXT", help="models whose name contains one of these")
    options = parser.parse_args()
    known = model_cases.cases()
    chosen = [case for case in known if not options.only or any(text in case.name for text in options.only)]
    if not chosen:
        parser.error(f"no such model; known: {', '.join(case.name for case in known)}")
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    stamp = sources_hash()
    for case in chosen:
        record = options.out / case.name / "made_by"
        if record.exists() and record.read_text() == stamp:
            continue
        start = time.time()
        make(case, options.out)
        record.write_text(stamp)
        print(f"made {case.name:16} {time.time() - start:6.1f} s", flush=True)
    (options.out / "manifest.json").write_text(json.dumps([case.name for case in chosen]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
