#!/usr/bin/python3
"""Exports the networks in networks/ from PyTorch to ONNX, with inputs and PyTorch's own outputs.

    DIR/manifest.json      cases: name, model, opset, limit, runs [{inputs {name: file}, outputs {name: file}}]
    DIR/<case>/model.onnx
    DIR/<case>/case_<i>/input_<name>.npy  output_<name>.npy      "/" in a name becomes "_"

A case already exported by the same sources and PyTorch is skipped. Floating-point outputs that are not finite,
or whose spread is outside 1e-2..1e3, fail the export: comparing them at 1e-4 would prove nothing. So do outputs
without elements. --jobs processes export at a time, each with one thread.
"""

import argparse
import hashlib
import importlib
import json
import multiprocessing
import os
import sys
import time
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "networks"))

import numpy as np
import torch

from case import disturb

FAMILIES = sorted(
    path.stem for path in (HERE / "networks").glob("*.py") if path.stem not in ("case", "blocks")
)
SEED = 20


def sources_hash(family: str) -> str:
    """Of what makes the cases of a family: its module, what all share, and PyTorch's version."""
    digest = hashlib.sha256(torch.__version__.encode())
    for name in ("export.py", "networks/case.py", f"networks/{family}.py"):
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()


def file_name(kind: str, name: str) -> str:
    return f"{kind}_{name.replace('/', '_')}.npy"


def check_values(case_name: str, name: str, values: np.ndarray, spread_wanted: bool) -> None:
    if values.size == 0:
        raise ValueError(f"{case_name}: output {name} has no elements, shape {values.shape}")
    if values.dtype.kind != "f":
        return
    if not np.isfinite(values).all():
        raise ValueError(f"{case_name}: output {name} is not finite everywhere")
    spread = (
        float(np.std(values.astype(np.float64))) if values.size > 1 else abs(float(values.reshape(-1)[0]))
    )
    if spread_wanted and not 1e-2 <= spread <= 1e3:
        raise ValueError(
            f"{case_name}: output {name} has standard deviation {spread}, expected 1e-2..1e3; "
            "scale the network's weights so that a comparison means something"
        )


def flat(results) -> tuple:
    """Tensors in the order in which an export names them: nested tuples, lists and dictionaries opened."""
    if isinstance(results, torch.Tensor):
        return (results,)
    if isinstance(results, dict):
        results = results.values()
    return tuple(tensor for result in results for tensor in flat(result))


def run_case(case, network, values, index: int, folder: Path) -> dict:
    with torch.no_grad():
        results = flat(network(*[value.clone() for value in values.values()]))
    if len(results) != len(case.outputs):
        raise ValueError(f"{case.name}: {len(results)} outputs, expected {list(case.outputs)}")
    where = folder / f"case_{index}"
    where.mkdir(parents=True, exist_ok=True)
    run = {"inputs": {}, "outputs": {}}
    for kind, named in (("input", values), ("output", dict(zip(case.outputs, results)))):
        for name, tensor in named.items():
            array = tensor.detach().numpy()
            if kind == "output":
                check_values(case.name, name, array, case.spread)
            np.save(where / file_name(kind, name), array)
            run[f"{kind}s"][name] = f"{folder.name}/case_{index}/{file_name(kind, name)}"
    return run


def export_case(case, folder: Path) -> dict:
    torch.manual_seed(SEED)
    network = case.build()
    if not case.training:
        network = network.eval()
    generator = torch.Generator().manual_seed(SEED + 1)
    values = [{name: make(generator) for name, make in run.items()} for run in case.runs]
    first = tuple(values[0].values())
    if case.disturbed:
        draws = [[make(generator) for make in case.runs[0].values()] for _ in range(6 if case.stacked else 1)]
        disturb(network, [torch.cat(draw) if case.stacked else draw[0] for draw in zip(*draws)], SEED + 2)
    if case.finish:
        network = case.finish(network)
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
        training=torch.onnx.TrainingMode.PRESERVE if case.training else torch.onnx.TrainingMode.EVAL,
        do_constant_folding=case.folded,
        keep_initializers_as_inputs=case.weights_as_inputs,
        export_modules_as_functions={type(part) for part in network.children()} if case.functions else False,
    )
    if case.stated_opset:
        state_opset(folder / "model.onnx", case.opset, case.stated_opset)
    return {
        "name": case.name,
        "model": f"{folder.name}/model.onnx",
        "opset": case.stated_opset or case.opset,
        "limit": case.limit,
        "ort_plain": case.ort_plain,
        "without_ort": case.without_ort,
        "runs": runs,
    }


def state_opset(file: Path, old: int, new: int) -> None:
    """Field 8 of ModelProto, opset_import, is the last that the exporter writes: {2: version}."""
    bytes_ = file.read_bytes()
    field = bytes([0x42, 2, 0x10, old])
    if not bytes_.endswith(field):
        raise ValueError(f"{file} does not end in its opset, but in {bytes_[-8:].hex()}")
    file.write_bytes(bytes_[:-1] + bytes([new]))


def cases_of(family: str) -> list:
    return importlib.import_module(family).cases()


def export_or_keep(family: str, name: str, out: Path) -> tuple:
    """The case for the manifest and a line to print; the case is None if it could not be exported."""
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    record, stamp = out / name / "exported.json", sources_hash(family)
    if record.exists():
        kept = json.loads(record.read_text())
        if kept["stamp"] == stamp:
            return kept["case"], f"{name:32} kept"
    start = time.time()
    try:
        exported = export_case(next(case for case in cases_of(family) if case.name == name), out / name)
    except Exception as problem:  # the others are still worth having
        if os.environ.get("ONWARD_TRACEBACK"):
            raise
        return None, f"{name:32} FAIL {type(problem).__name__}: {str(problem)[-600:]}"
    record.write_text(json.dumps({"stamp": stamp, "case": exported}))
    return exported, f"{name:32} {time.time() - start:6.1f} s"


def export_all(chosen: list, out: Path, jobs: int) -> list:
    """Pairs (family, name) to the cases of the manifest, in their order; None where an export failed."""
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        waiting = [pool.apply_async(export_or_keep, (family, name, out)) for family, name in chosen]
        done = []
        for result in waiting:
            case, line = result.get()
            print(line, flush=True)
            done.append(case)
    return done


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=HERE.parent.parent / "build/frameworks")
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="TEXT",
        help="cases whose name contains one of these; the manifest lists only them",
    )
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="exports at a time (default: all CPUs)"
    )
    options = parser.parse_args()
    known = [(family, case.name) for family in FAMILIES for case in cases_of(family)]
    names = [name for _, name in known]
    if len(set(names)) != len(names):
        parser.error(f"two cases of one name: {sorted(name for name in set(names) if names.count(name) > 1)}")
    if options.list:
        print("\n".join(names))
        return 0
    chosen = [pair for pair in known if not options.only or any(text in pair[1] for text in options.only)]
    if not chosen:
        parser.error(f"no case's name contains {' or '.join(options.only)}; known: {', '.join(names)}")
    options.out.mkdir(parents=True, exist_ok=True)
    done = export_all(chosen, options.out, options.jobs)
    exported = [case for case in done if case]
    manifest = {"framework": "torch", "version": torch.__version__, "cases": exported}
    (options.out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    failed = [name for (_, name), case in zip(chosen, done) if not case]
    print(f"{len(exported)} cases in {options.out}; could not be exported: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
