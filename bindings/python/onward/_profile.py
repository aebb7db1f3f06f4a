"""Profiles: what the engine measured, as a file in Chrome's trace format with the fields that tools for ONNX Runtime's
profiles read: an array of events with cat "Session" or "Node", and for nodes `<name>_kernel_time` and args.op_name."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ._engine import Session
from ._providers import CPU


def file_name(prefix: str) -> str:
    """`prefix` and the time: `file_name("run_")` is "run_2026-11-21_15-06-33_054.json"."""
    now = time.time()
    return f"{prefix}_{time.strftime('%Y-%m-%d_%H-%M-%S', time.localtime(now))}_{int(now * 1000) % 1000:03d}.json"


def write(path: str, session: Session) -> None:
    """Writes the session's trace: `write("profile.json", session)`."""
    trace = json.loads(session.trace_json())
    events = trace["traceEvents"] if isinstance(trace, dict) else trace
    with open(path, "w", encoding="utf-8") as file:
        json.dump([_event(e) for e in events if e.get("ph") == "X"], file, indent=1)


def _event(event: dict[str, Any]) -> dict[str, Any]:
    args = event.get("args", {})
    made = {"ph": "X", "pid": event.get("pid", os.getpid()), "tid": event.get("tid", 0)}
    made.update(ts=int(event["ts"]), dur=int(event.get("dur", 0)))
    op = args.get("op") or args.get("op_type") or args.get("op_name")
    if not op:
        return {"cat": "Session", "name": event["name"], **made, "args": {}}
    shown = {"op_name": op, "provider": CPU, **{k: str(v) for k, v in args.items()}}
    return {"cat": "Node", "name": f"{event['name']}_kernel_time", **made, "args": shown}
