#!/usr/bin/env python3
"""Writes src/ops/op/case_map.inc: Unicode's simple case mappings as runs {first, last, step, offset}.

The facts come from libutf8proc (Debian: libutf8proc2), which states its Unicode version; with --check the file is
compared instead of written.
"""
import ctypes
import pathlib
import sys

TARGET = pathlib.Path(__file__).resolve().parent.parent / "src/ops/op/case_map.inc"
LINE = "{{0x{:X}, 0x{:X}, {}, {}}},"


def runs(mapping):
    points = sorted(mapping)
    out = []
    at = 0
    while at < len(points):
        best_end, best_step = at, 1
        for step in (1, 2):
            end = at
            while (end + 1 < len(points) and points[end + 1] == points[end] + step
                   and mapping[points[end + 1]] == mapping[points[at]]):
                end += 1
            if end > best_end:
                best_end, best_step = end, step
        out.append((points[at], points[best_end], best_step, mapping[points[at]]))
        at = best_end + 1
    return out


def table(name, convert):
    mapping = {c: convert(c) - c for c in range(0x110000) if convert(c) != c}
    cells = [LINE.format(*run) for run in runs(mapping)]
    lines = ["    " + " ".join(cells[i:i + 4]) for i in range(0, len(cells), 4)]
    return [f"constexpr CaseRun {name}[] = {{", *lines, "};"]


def main():
    lib = ctypes.CDLL("libutf8proc.so.2")
    lib.utf8proc_unicode_version.restype = ctypes.c_char_p
    version = lib.utf8proc_unicode_version().decode()
    text = "\n".join([f"// Simple case mappings of Unicode {version}; made by scripts/generate_case_map.py.",
                      *table("kToLower", lib.utf8proc_tolower), *table("kToUpper", lib.utf8proc_toupper), ""])
    if "--check" in sys.argv[1:]:
        if TARGET.read_text() != text:
            sys.exit(f"{TARGET} is not what this script makes; run it without --check")
        return
    TARGET.write_text(text)


if __name__ == "__main__":
    main()
