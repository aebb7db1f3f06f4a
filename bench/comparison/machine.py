"""The machine that a comparison comes from: processor, load, versions, and what it can do at most."""

import importlib.metadata
import json
import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEAKS = ROOT / "build/bin/peaks_bench"
# Those that decide which kernels an engine takes.
FLAGS = ("avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "avx_vnni", "amx_int8",
         "amx_bf16", "asimddp", "i8mm", "bf16", "sve")


def peaks(threads: int, *options) -> dict:
    """What peaks_bench prints, with these options."""
    command = [PEAKS, "--threads", threads, *options]
    done = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def around_row(threads: int, row_bytes: int):
    """A probe for schedule.measure: float32 multiply-adds, and reads of as many bytes as the row touches."""
    size = min(max(row_bytes or 0, 1024 * threads), 1 << 30)
    return lambda: peaks(threads, "--only", "fp32", *(["--bytes", size] if row_bytes else []))


def cpu() -> dict:
    text = Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""
    found = dict(line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    found = {key.strip(): value.strip() for key, value in found.items()}
    flags = set((found.get("flags") or found.get("Features") or "").split())
    name = found.get("model name") or platform.machine()
    family = " ".join(f"{key} {found[key]}" for key in ("cpu family", "model", "stepping") if key in found)
    return {"name": name, "family": family, "flags": [flag for flag in FLAGS if flag in flags]}


def commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL)
    return done.stdout.strip() or "unknown"


def describe() -> dict:
    versions = {name: importlib.metadata.version(name) for name in ("onnxruntime", "openvino")}
    return {
        "cpu": cpu(),
        "cpus": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release()}",
        "onward": commit(),
        **versions,
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "load_before": os.getloadavg(),
    }
