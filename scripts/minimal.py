"""Builds the shared library for one model's operators alone, and runs the model with it. Run as `./dev minimal`.

The whole library says which operator files the model takes (`onward ops --used-by`), CMake builds those
(-DONWARD_OPS), and bench/onward_worker runs the model with either library: the results must be the same bytes.
"""

import array
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys

import library_size

DTYPES = {"float": (1, "f"), "int32": (6, "i"), "int64": (7, "q"), "double": (11, "d")}


def run(*command, **options):
    print("+", " ".join(map(str, command)), flush=True)
    return subprocess.run([str(c) for c in command], check=True, **options)


def write_inputs(program, model, folder):
    """Random inputs of the model's shapes, open sizes 1, in the form that onward_worker reads."""
    report = json.loads(subprocess.run([program, "inspect", model, "--json"], check=True, capture_output=True).stdout)
    folder.mkdir(parents=True, exist_ok=True)
    source, lines = random.Random(1), []
    for i, value in enumerate(report["inputs"]):
        found = re.fullmatch(r"(\w+)\[([^\]]*)\]", value["type"])
        if not found or found[1] not in DTYPES:
            sys.exit(f"minimal: input '{value['name']}' is of type {value['type']}; give --inputs FOLDER")
        sizes = [int(d) if d.isdigit() else 1 for d in found[2].split(",") if d]
        code, letter = DTYPES[found[1]]
        count = 1
        for d in sizes:
            count *= d
        values = (source.gauss(0, 1) if letter in "fd" else source.randrange(2) for _ in range(count))
        (folder / f"{i}.bin").write_bytes(array.array(letter, values).tobytes())
        lines.append(f"{code} {','.join(map(str, sizes)) or '-'} {value['name']}\n")
    (folder / "tensors.txt").write_text("".join(lines))


def run_model(worker, library, model, inputs, out, runs=20, isa=None):
    """Runs the model with that library in a process of its own, with at most that instruction set.

    Returns (its least milliseconds, {file: bytes} of the outputs).
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    environment = {**os.environ, "LD_LIBRARY_PATH": str(library.parent), **({"ONWARD_ISA": isa} if isa else {})}
    answers = subprocess.run([worker, model, "1", inputs], env=environment, text=True, capture_output=True,
                             input=f"load\nrun {runs} 100\nsave {out}\n").stdout.splitlines()
    if len(answers) != 4 or not all(a.startswith("ok") for a in answers[1:]):
        sys.exit(f"minimal: {library} does not run {model}: {answers}")
    return min(map(float, answers[2].split()[1:])), {p.name: p.read_bytes() for p in sorted(out.iterdir())}


def build_for(root, program, model, folder, jobs, isas=""):
    """The library for that model in `folder`; the path of it."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = subprocess.run([program, "ops", "--used-by", model], text=True, capture_output=True)
    if listed.returncode:
        sys.exit(f"minimal: {listed.stderr.strip()}")
    (folder / "operators.txt").write_text(listed.stdout)
    run("cmake", "-S", root, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
        f"-DONWARD_OPS={folder / 'operators.txt'}", f"-DONWARD_ISAS={isas}")
    run("cmake", "--build", folder, "-j", jobs, "--target", "onward_library")
    return (folder / "lib/libonward.so").resolve()


def minimal(root, programs, model, folder, inputs=None, limit=0, jobs=2, isas=""):
    """programs: the folder of the whole build's onward and onward_worker. isas: as -DONWARD_ISAS takes them."""
    library = build_for(root, programs / "onward", model, folder, jobs, isas)
    best = next((isa for isa in ("avx512", "avx2") if isa in isas.split(";")), "portable") if isas else None
    size = library_size.stripped_bytes(library)
    whole = (programs.parent / "lib/libonward.so").resolve()
    if not inputs:
        inputs = folder / "inputs"
        write_inputs(programs / "onward", model, inputs)
    worker = programs / "onward_worker"
    whole_ms, expected = run_model(worker, whole, model, inputs, folder / "outputs_whole", isa=best)
    ms, got = run_model(worker, library, model, inputs, folder / "outputs", isa=best)
    if got != expected:
        sys.exit(f"minimal: {library} computes other results than {whole}")
    stems = [s for s in (folder / "operators.txt").read_text().split("\n") if s and not s.startswith("#")]
    print(f"{library}: {size:,} bytes stripped, whole library {library_size.stripped_bytes(whole):,}; operator files: "
          f"{', '.join(stems)}\nthe same results as the whole library, in {ms:.2f} ms on one thread (whole: {whole_ms:.2f})")
    if limit and size > limit:
        sys.exit(f"minimal: more than the limit of {limit:,} bytes")
