"""Runs every hostile case in a process of its own, under limits, and holds the outcome against what it must be.

  run.py --driver build/bin/hostile_driver --program build/bin/onward
  run.py --driver ... --only '05_gather'        cases whose folder matches
  run.py --driver ... --sanitized               no limit on address space: sanitizers reserve terabytes

A case fails if the process dies or hangs, uses too much time or memory, gives another code or message than
stated, or cannot answer a good request afterwards. Cases are written to build/hostile; to look at one:
  build/bin/hostile_driver build/hostile/<case>/case.txt
"""

import argparse
import concurrent.futures
import json
import math
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import time

import numpy as np
from onnx import ModelProto, TensorProto, helper

import case as cases_module
from case import CASES, CLASSES, CODE_NAMES, F, INVALID_ARGUMENT, OK

import cases_bytes  # noqa: F401
import cases_external  # noqa: F401
import cases_graph  # noqa: F401
import cases_operators  # noqa: F401
import cases_tensors  # noqa: F401
import cases_work  # noqa: F401
import images

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ADDRESS_SPACE_BYTES = 3 << 30
SANITIZED_FACTOR = 10  # time
WALL_FACTOR = 20  # a busy machine: limits are of processor time, and of this many times as much by the clock


def write_case(c, folder, good):
    """The case's files; returns the path of the driver's settings."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    data = c.model.SerializeToString() if isinstance(c.model, ModelProto) else c.model
    (folder / "model.onnx").write_bytes(data)
    for name, content in c.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    if c.prepare:
        c.prepare(folder)
    lines = [f"{'bytes' if c.from_memory else 'load'} model.onnx", f"good {good}", *c.settings]
    for name, array in c.inputs.items():
        if isinstance(array, list):
            hexes = ",".join(text.encode().hex() for text in array) + ","
            lines.append(f"input {name} {TensorProto.STRING} {len(array)} {hexes}")
        else:
            dtype = helper.np_dtype_to_tensor_dtype(array.dtype)
            lines.append(f"input {name} {dtype} {'x'.join(map(str, array.shape)) or '-'} {array.tobytes().hex()}")
    (folder / "case.txt").write_text("\n".join(lines) + "\n")
    return folder / "case.txt"


def start(command, folder, limit_s, sanitized, environment):
    """Runs a command; returns (exit code or None when it hung, stdout, stderr, processor seconds, peak MiB)."""

    def limits():
        if not sanitized:
            resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    env = {
        **os.environ,
        "ASAN_OPTIONS": "allocator_may_return_null=1:max_allocation_size_mb=3072:detect_leaks=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        **environment,
    }
    deadline = time.monotonic() + limit_s * WALL_FACTOR
    with open(folder / "stdout", "w+") as out, open(folder / "stderr", "w+") as err:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err, env=env, preexec_fn=limits)
        code, seconds, peak = wait(process, deadline, limit_s)
    code = None if seconds > limit_s else code
    read = lambda name: (folder / name).read_text(errors="replace")  # noqa: E731
    return code, read("stdout"), read("stderr"), seconds, peak / 1024


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def most_memory_kib(pid):
    """The most memory that a process has had since it was started; 0 once it has none."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s*(\d+)", status, re.M)
    return int(found[1]) if found else 0


def wait(process, deadline, limit_s):
    """The system counts what a process had before it became another program, too: a copy of this one. So its count is
    taken only where it is above anything that this process ever had; else what was seen while it ran."""
    seen = 0
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            inherited = usage.ru_maxrss <= most_memory_kib("self")
            return process.returncode, usage.ru_utime + usage.ru_stime, seen if inherited else usage.ru_maxrss
        seen = max(seen, most_memory_kib(process.pid))
        if time.monotonic() > deadline or cpu_seconds(process.pid) > limit_s:
            process.kill()
            process.wait()
            return None, math.inf, 0
        time.sleep(0.002)


def judge(c, outcome, sanitized):
    """Says what is wrong, or nothing."""
    code, out, err, seconds, peak = outcome
    if code is None:
        return f"took over {c.limit_s} s of processor time, or hung"
    if code != 0:
        return f"process ended with {code}: {err.strip()[-1500:]}"
    try:
        lines = [json.loads(line) for line in out.splitlines()]
    except ValueError:
        return f"unreadable report: {out[-300:]!r}"
    wrong = [judge_levels(c, lines)]
    good = lines[-1]
    if good["stage"] != "good" or good["code"] != 0 or not good["right"]:
        wrong.append(f"the good request afterwards gave {good}")
    if not sanitized and peak > c.memory_mib:
        wrong.append(f"peak memory {peak:.0f} MiB, expected at most {c.memory_mib}")
    return "; ".join(w for w in wrong if w)


def judge_levels(c, lines):
    failed = [l for l in lines if l["stage"] != "good" and l["code"] != 0]
    codes = "/".join(CODE_NAMES[e] for e in c.expect)
    shown = [(l["stage"], l["level"], CODE_NAMES[l["code"]], l["message"][:300]) for l in lines if l["stage"] != "good"]
    ran = [l for l in lines if l["stage"] == "run"]
    if OK in c.expect:
        for l in failed:
            if l["code"] not in c.expect or not re.search(c.message, l["message"]):
                return f"expected {codes}{c.message and f' that matches /{c.message}/'}, got {shown}"
        return judge_values(c, [l for l in ran if l["code"] == 0]) if c.values is not None else ""
    loaded = lines[0]["code"] == 0
    wanted = 2 if loaded else 1
    if len([l for l in failed if l["code"] in c.expect]) != wanted:
        return f"expected {codes}, got {shown}"
    for l in failed:
        if not re.search(c.message, l["message"]):
            return f"expected a message that matches /{c.message}/, got {shown}"
    if not loaded and not c.from_memory and "model.onnx" not in lines[0]["message"]:
        return f"the message does not name the file: {shown}"
    return ""


def judge_values(c, ran):
    for line in ran:
        for got, wanted in zip(line["outputs"], c.values):
            wanted = np.asarray(wanted)
            if got.get("dims") != list(wanted.shape) or bytes.fromhex(got["hex"]) != wanted.tobytes()[:256]:
                shown = np.frombuffer(bytes.fromhex(got["hex"]), wanted.dtype) if got.get("hex") else None
                return f"level {line['level']}: output is {got.get('dims')} {shown}, expected {wanted}"
    return ""


def judge_program(c, folder, program, sanitized):
    """The same model given to `onward run`: an exit code of 0, 1 or 2 and a message, never a signal."""
    shape = ["--shape", "N=3"] if c.inputs else []
    code, out, err, seconds, _ = start(
        [program, "run", "model.onnx", *shape, "--timeout", "1"],
        folder,
        c.limit_s * 2 + 2,
        sanitized,
        c.environment,
    )
    if code not in (0, 1, 2):
        return f"onward run ended with {code}: {err.strip()[-600:]}"
    needs_driver = c.inputs or c.settings or c.from_memory
    if OK not in c.expect and not needs_driver:
        wanted = {2 if outcome == INVALID_ARGUMENT else 1 for outcome in c.expect}
        if code not in wanted:
            return f"onward run ended with {code}, expected {wanted}: {err.strip()[-300:]}"
        if not err.startswith("onward: "):
            return f"onward run wrote no message: {err[:300]!r}"
    return ""


def run_case(c, a, good):
    folder = a.folder / c.folder()
    settings = write_case(c, folder, good)
    limit = c.limit_s * (SANITIZED_FACTOR if a.sanitized else 1)
    wrong = judge(c, start([a.driver, settings], folder, limit, a.sanitized, c.environment), a.sanitized)
    if not wrong and a.program and not c.settings:
        write_case(c, folder, good)
        wrong = judge_program(c, folder, a.program, a.sanitized)
    if not wrong:
        shutil.rmtree(folder)
    return wrong


def good_model():
    two = cases_module.tensor("two", np.float32(2))
    return cases_module.model([cases_module.node("Mul", "x two")], [cases_module.value("x", F, [3])], ["y"], [two])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", required=True, type=lambda p: pathlib.Path(p).resolve())
    parser.add_argument(
        "--program", type=lambda p: pathlib.Path(p).resolve(), help="also as `onward run`, and pictures"
    )
    parser.add_argument("--folder", default=ROOT / "build/hostile", type=lambda p: pathlib.Path(p).resolve())
    parser.add_argument("--only", default="", help="regular expression on <class>_<name>")
    parser.add_argument("--sanitized", action="store_true")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    a = parser.parse_args()
    a.folder.mkdir(parents=True, exist_ok=True)
    good = a.folder / "good.onnx"
    good.write_bytes(good_model().SerializeToString())
    chosen = [c for c in CASES if re.search(a.only, c.folder())]
    jobs = [(c.fault, c.folder(), lambda c=c: run_case(c, a, good)) for c in chosen]
    if a.program:
        jobs += [
            (17, p.folder(), lambda p=p: images.run_picture(p, a, start))
            for p in images.PICTURES
            if re.search(a.only, p.folder())
        ]
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        outcomes = list(pool.map(lambda job: job[2](), jobs))
    return report(jobs, outcomes)


def report(jobs, outcomes):
    print(f"{'class':<42}{'cases':>6}{'failed':>8}")
    for fault, title in CLASSES.items():
        mine = [bool(wrong) for (f, _, _), wrong in zip(jobs, outcomes) if f == fault]
        if mine:
            print(f"{fault:>3} {title:<38}{len(mine):>6}{sum(mine):>8}")
    for (_, name, _), wrong in zip(jobs, outcomes):
        if wrong:
            print(f"FAILED {name}: {wrong}")
    failed = sum(bool(w) for w in outcomes)
    print(f"{len(jobs)} hostile cases, {failed} failed")
    if not jobs:
        print("no case matches --only")
    return 1 if failed or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())
