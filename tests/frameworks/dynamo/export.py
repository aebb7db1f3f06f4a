#!/usr/bin/env python3
"""Exports the cases of this folder with today's PyTorch, each in a process of its own with a time limit.

    DIR/<case>.<opset>/model.onnx (and model.onnx.data)
    DIR/<case>.<opset>/run_<i>/<kind>_<k>.npy    inputs and outputs in the graph's order
    DIR/<case>.<opset>/record.json               what happened, in the words of the exporter when it failed

The frameworks are imported once and every export is a fork of that process. A case whose definition and
frameworks did not change is kept, failed ones too. A set of inputs that the exported graph fixed to other
sizes is left out and noted: that is the exporter's choice.
"""

import argparse
import gc
import hashlib
import inspect
import json
import os
import re
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
SEED = 20
BUSY = 20  # an export on a busy machine may take this many times its CPU time

import numpy as np
import torch
import torchvision
import transformers

import catalogue
from model_case import enliven


def versions() -> str:
    import onnxscript

    return " ".join(f"{m.__name__} {m.__version__}" for m in (torch, torchvision, transformers, onnxscript))


def stamp_of(case, opset: int) -> str:
    return hashlib.sha256(f"{versions()}|{opset}|{case.source()}".encode()).hexdigest()


def leaves(value) -> list:
    flat, _ = torch.utils._pytree.tree_flatten(value)
    return [leaf for leaf in flat if isinstance(leaf, torch.Tensor)]


def dynamic_shapes(first, second):
    """Dim.AUTO on the axes in which the two differ."""

    def pair(a, b):
        if isinstance(a, dict):
            return {key: pair(a[key], b[key]) for key in a}
        if isinstance(a, (tuple, list)):
            return type(a)(pair(x, y) for x, y in zip(a, b))
        if isinstance(a, torch.Tensor):
            return {
                axis: torch.export.Dim.AUTO for axis, (m, n) in enumerate(zip(a.shape, b.shape)) if m != n
            }
        return None

    return pair(first, second)


def export_torch(case, network, arguments: list, opset: int, path: Path):
    shapes = dynamic_shapes(arguments[0], arguments[1]) if len(arguments) > 1 else None
    shapes = case.dynamic() if case.dynamic else shapes
    positional = isinstance(arguments[0], tuple)
    kinds = [p.kind for p in inspect.signature(network.forward).parameters.values()]
    if shapes is not None and kinds == [inspect.Parameter.VAR_POSITIONAL] and not case.dynamic:
        shapes = (shapes,)
    settings = dict(case.settings)
    outside = settings.pop("external_data", True)
    program = torch.onnx.export(
        network,
        arguments[0] if positional else (),
        kwargs=None if positional else arguments[0],
        dynamo=True,
        opset_version=opset,
        dynamic_shapes=shapes,
        verbose=False,
        **settings,
    )
    keep = settings.get("keep_initializers_as_inputs", False)
    program.save(str(path), external_data=outside, keep_initializers_as_inputs=keep)
    return program.model


def export_legacy(case, network, arguments: list, opset: int, path: Path):
    """By tracing, as before torch.export; every axis that differs has a name of its own."""
    import onnx_ir

    axes = {}
    names = [f"x{i}" for i in range(len(arguments[0]))]
    if len(arguments) > 1:
        for name, first, second in zip(names, arguments[0], arguments[1]):
            pairs = enumerate(zip(first.shape, second.shape))
            axes[name] = {axis: f"{name}_{axis}" for axis, (m, n) in pairs if m != n}
    told = dict(opset_version=opset, input_names=names, dynamic_axes=axes, **case.settings)
    torch.onnx.export(network, arguments[0], str(path), dynamo=False, **told)
    return onnx_ir.load(str(path))


def export_transformers(case, network, arguments: list, opset: int, path: Path):
    from transformers.exporters.exporter_onnx import OnnxConfig, OnnxExporter

    exporter = OnnxExporter()
    settings = OnnxConfig(
        dynamic=len(arguments) > 1,
        opset_version=opset,
        ort_fusions="cpu" if case.route == "fused" else None,
    )
    program, _ = exporter.export_program(network, dict(arguments[0]), settings)
    exporter.save_program(program, path)
    return program


def stages_of(case, network, arguments: list):
    """Network and inputs of the stage: for a decode step the cache as a run of the model leaves it."""
    from transformers.exporters.utils import decompose_for_generation

    network.generation_config.eos_token_id = None
    network.generation_config.pad_token_id = 0
    stages = [decompose_for_generation(network, dict(a)) for a in arguments]
    return stages[0][case.stage][0], [s[case.stage][1] for s in stages]


def save_array(path: Path, tensor: torch.Tensor) -> None:
    tensor = tensor.detach()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    if tensor.dtype is torch.bfloat16:
        raise ValueError("a bfloat16 input or output has no .npy form; cast inside the module")
    np.save(path, tensor.contiguous().numpy())


def sizes_fit(model, tensors: list) -> str:
    for value, tensor in zip(model.graph.inputs, tensors):
        shape = [d if isinstance(d, int) else None for d in (value.shape or ())]
        got = list(tensor.shape) + ([2] if tensor.is_complex() else [])
        if len(shape) == len(got) and any(d is not None and d != g for d, g in zip(shape, got)):
            return f"input {value.name} became {shape}"
    return ""


def named_leaves(case, arguments, results, model):
    """Tensors of the inputs and outputs in the order of the graph's."""
    if case.route == "torch":
        return leaves(arguments), leaves(results)
    if case.route == "legacy":  # unused inputs are not in the file
        free = [v.name for v in model.graph.inputs if v.name not in model.graph.initializers]
        return [arguments[int(name.removeprefix("x"))] for name in free], leaves(results)
    from transformers.exporters.utils import get_leaf_tensors

    ins, outs = get_leaf_tensors(arguments), get_leaf_tensors(results)
    given = [ins[v.name.removeprefix("input.")] for v in model.graph.inputs]
    return given, [outs[v.name.removeprefix("output.")] for v in model.graph.outputs]


def write_run(case, model, arguments, results, folder: Path, index: int) -> dict:
    ins, outs = named_leaves(case, arguments, results, model)
    given = [v.name for v in model.graph.inputs if v.name not in model.graph.initializers]
    names = given, [v.name for v in model.graph.outputs]
    for kind, tensors, have in (("inputs", ins, names[0]), ("outputs", outs, names[1])):
        if len(tensors) != len(have):
            raise ValueError(f"the graph has {len(have)} {kind}, the module {len(tensors)}")
    misfit = sizes_fit(model, ins)
    if misfit:
        return {"left_out": misfit}
    where = folder / f"run_{index}"
    where.mkdir()
    run = {"inputs": {}, "outputs": {}}
    for kind, tensors, have in (("input", ins, names[0]), ("output", outs, names[1])):
        for k, (name, tensor) in enumerate(zip(have, tensors)):
            save_array(where / f"{kind}_{k}.npy", tensor)
            run[f"{kind}s"][name] = f"run_{index}/{kind}_{k}.npy"
    return run


def prepare(case):
    torch.manual_seed(SEED)
    network = case.build().eval()
    if case.enlivened:
        enliven(network, SEED + 1)
    torch.manual_seed(SEED + 2)
    arguments = [make(network) if case.takes_model else make() for make in case.inputs]
    if case.stage:
        network, arguments = stages_of(case, network, arguments)
    return network, arguments


def export_case(case, opset: int, folder: Path) -> dict:
    import copy

    network, arguments = prepare(case)
    results = []
    reference = copy.deepcopy(network)  # a run may change buffers
    with torch.no_grad():
        for a in copy.deepcopy(arguments):
            results.append(reference(*a) if isinstance(a, tuple) else reference(**a))
    routes = {"torch": export_torch, "legacy": export_legacy}
    export = routes.get(case.route, export_transformers)
    model = export(case, network, copy.deepcopy(arguments), opset, folder / "model.onnx")
    runs = [write_run(case, model, a, r, folder, i) for i, (a, r) in enumerate(zip(arguments, results))]
    domains = {d or "ai.onnx": v for d, v in model.opset_imports.items()}
    return {"ok": True, "runs": runs, "opset_imports": domains, "limit": case.limit, "fault": case.fault}


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def child(case, opset: int, folder: Path, limit_s: int) -> None:
    """Never returns."""
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 5))
    log = os.open(folder / "log.txt", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        record = export_case(case, opset, folder)
    except BaseException as problem:
        traceback.print_exc()
        text = " | ".join(line for line in str(problem).splitlines() if line.strip())[:600]
        cause = problem.__cause__
        if cause is not None:  # what the exporter wraps says more than its own advice
            text = f"{type(cause).__name__}: {' | '.join(str(cause).splitlines())[:400]} <- {text}"
        record = {"ok": False, "why": plain(f"{type(problem).__name__}: {text}")}
    (folder / "child.json").write_text(json.dumps(record))
    sys.stdout.flush()
    os._exit(0)


def wait(pid: int, limit_s: float):
    deadline = time.time() + limit_s
    while time.time() < deadline:
        done, status, usage = os.wait4(pid, os.WNOHANG)
        if done:
            return status, usage.ru_maxrss // 1024
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None, 0


def run_case(case, opset: int, out: Path, options) -> dict:
    folder = out / f"{case.name}.{opset}"
    record_file = folder / "record.json"
    stamp = stamp_of(case, opset)
    if record_file.exists() and not options.refresh:
        kept = json.loads(record_file.read_text())
        if kept["stamp"] == stamp and (kept["ok"] or not options.retry):
            return kept
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    start = time.time()
    pid = os.fork()
    if pid == 0:
        child(case, opset, folder, options.timeout)
    status, peak_mib = wait(pid, options.timeout * BUSY)
    written = folder / "child.json"
    if status is None or os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        record = {"ok": False, "why": f"no end after {options.timeout} s"}
    elif not written.exists():
        record = {"ok": False, "why": f"the process ended with status {status}"}
    else:
        record = json.loads(written.read_text())
        written.unlink()
    record |= {"case": case.name, "opset": opset, "route": case.route, "stamp": stamp}
    record |= {"seconds": round(time.time() - start, 1), "peak_mib": peak_mib}
    record_file.write_text(json.dumps(record, indent=1) + "\n")
    verdict = "ok" if record["ok"] else record["why"][:150]
    print(f"{case.name:40} {opset} {record['seconds']:6.1f} s  {verdict}", flush=True)
    return record


def warm_up() -> None:
    """What the exporter makes once, so that the forks find it."""
    import transformers.exporters.exporter_onnx  # noqa: F401

    torch.onnx.export(torch.nn.Linear(2, 2), (torch.zeros(1, 2),), dynamo=True, verbose=False)
    gc.collect()
    gc.disable()  # a fork lives for one export, and a collection walks over and copies all that is imported
    gc.freeze()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "build/frameworks/dynamo")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="cases whose name contains one of these, in this order"
    )
    parser.add_argument("--opsets", nargs="+", type=int, help="every case at these, not at its own")
    parser.add_argument("--timeout", type=int, default=300, help="seconds of CPU time an export may take")
    parser.add_argument("--refresh", action="store_true", help="export again what is there")
    parser.add_argument("--retry", action="store_true", help="export again what failed")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    options = parser.parse_args()
    cases = catalogue.cases()
    if options.only:
        matches = [[case for case in cases if part in case.name] for part in options.only]
        cases = list({case.name: case for found in matches for case in found}.values())
    if options.list:
        print("\n".join(case.name for case in cases))
        return
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)  # a fork of a process with threads waits for them forever
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    options.out.mkdir(parents=True, exist_ok=True)
    pairs = [(case, opset) for case in cases for opset in options.opsets or case.chosen_opsets()]
    warm_up()
    records = [run_case(case, opset, options.out, options) for case, opset in pairs]
    names = [f"{record['case']}.{record['opset']}" for record in records]
    manifest = {"versions": versions(), "exports": names}
    (options.out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    print(f"{sum(r['ok'] for r in records)} of {len(records)} exports in {options.out}")


if __name__ == "__main__":
    main()
