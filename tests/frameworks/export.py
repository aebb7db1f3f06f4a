#!/usr/bin/python3
"""Exports the networks in networks/ from PyTorch to ONNX, with inputs and PyTorch's own outputs.

    DIR/manifest.json      cases: name, model, opset, runs [{inputs {name: file}, outputs {name: file}}]
    DIR/<case>/model.onnx
    DIR/<case>/case_<i>/input_<name>.npy  output_<name>.npy      "/" in a name becomes "_"

A case already exported by the same sources and PyTorch is skipped. Outputs that are not finite, or whose
spread is outside 1e-2..1e3, fail the export: comparing them at 1e-4 would prove nothing.
"""

import argparse
import hashlib
import json
import sys
import time
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "networks"))

import numpy as np
import torch

import classifiers
import control
import ddcolor
import detector
import transformers
import unet
from case import disturb

FAMILIES = (classifiers, unet, detector, ddcolor, control, transformers)
SEED = 20


def sources_hash() -> str:
    digest = hashlib.sha256(torch.__version__.encode())
    for path in sorted([HERE / "export.py", *(HERE / "networks").glob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def file_name(kind: str, name: str) -> str:
    return f"{kind}_{name.replace('/', '_')}.npy"


def check_spread(case_name: str, name: str, values: np.ndarray) -> None:
    spread = float(np.std(values.astype(np.float64)))
    if not np.isfinite(values).all() or not 1e-2 <= spread <= 1e3:
        raise SystemExit(
            f"{case_name}: output {name} has standard deviation {spread}, expected 1e-2..1e3; "
            "scale the network's weights so that a comparison means something"
        )


def run_case(case, network, values, index: int, folder: Path) -> dict:
    with torch.no_grad():
        results = network(*values.values())
    if isinstance(results, torch.Tensor):
        results = (results,)
    where = folder / f"case_{index}"
    where.mkdir(parents=True, exist_ok=True)
    run = {"inputs": {}, "outputs": {}}
    for kind, named in (("input", values), ("output", dict(zip(case.outputs, results)))):
        for name, tensor in named.items():
            array = tensor.detach().numpy()
            if kind == "output":
                check_spread(case.name, name, array)
            np.save(where / file_name(kind, name), array)
            run[f"{kind}s"][name] = f"{folder.name}/case_{index}/{file_name(kind, name)}"
    return run


def export_case(case, folder: Path) -> dict:
    torch.manual_seed(SEED)
    network = case.build().eval()
    generator = torch.Generator().manual_seed(SEED + 1)
    values = [{name: make(generator) for name, make in run.items()} for run in case.runs]
    first = tuple(values[0].values())
    if not case.scripted:
        draws = [[make(generator) for make in case.runs[0].values()] for _ in range(6)]
        disturb(network, [torch.cat(draw) for draw in zip(*draws)], SEED + 2)
    folder.mkdir(parents=True, exist_ok=True)
    runs = [run_case(case, network, run, index, folder) for index, run in enumerate(values)]
    torch.onnx.export(
        network,
        first,
        str(folder / "model.onnx"),
        opset_version=case.opset,
        input_names=list(values[0]),
        output_names=list(case.outputs),
        dynamic_axes=case.dynamic_axes or None,
    )
    return {"name": case.name, "model": f"{folder.name}/model.onnx", "opset": case.opset, "runs": runs}


def export_or_keep(case, out: Path, stamp: str) -> dict:
    record = out / case.name / "exported.json"
    if record.exists():
        kept = json.loads(record.read_text())
        if kept["stamp"] == stamp:
            print(f"{case.name:32} kept")
            return kept["case"]
    start = time.time()
    exported = export_case(case, out / case.name)
    record.write_text(json.dumps({"stamp": stamp, "case": exported}))
    print(f"{case.name:32} {time.time() - start:6.1f} s", flush=True)
    return exported


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=HERE.parent.parent / "build/frameworks")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="these cases; the manifest then lists only them"
    )
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    options = parser.parse_args()
    cases = {case.name: case for family in FAMILIES for case in family.cases()}
    if options.list:
        print("\n".join(cases))
        return
    names = options.only or list(cases)
    unknown = [name for name in names if name not in cases]
    if unknown:
        parser.error(f"no case named {', '.join(unknown)}; known: {', '.join(cases)}")
    warnings.filterwarnings("ignore")
    stamp = sources_hash()
    options.out.mkdir(parents=True, exist_ok=True)
    done = [export_or_keep(cases[name], options.out, stamp) for name in names]
    manifest = {"framework": "pytorch", "torch": torch.__version__, "cases": done}
    (options.out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    print(f"{len(done)} cases in {options.out}")


if __name__ == "__main__":
    main()
