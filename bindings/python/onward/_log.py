"""Messages of the Python layer, beside those of the engine, under the same level."""

from __future__ import annotations

import sys

VERBOSE, INFO, WARNING, ERROR, FATAL = range(5)
_level = WARNING


def set_level(level: int) -> None:
    """Messages below `level` are dropped: `set_level(ERROR)`."""
    global _level
    _level = level


def log(level: int, message: str, least: int = -1) -> None:
    """Writes to stderr; `least` is a session's own level, -1 for the process's: `log(WARNING, "no such key")`."""
    if level >= (_level if least < 0 else least):
        print(f"[{'VIWEF'[level]}:onward] {message}", file=sys.stderr)
