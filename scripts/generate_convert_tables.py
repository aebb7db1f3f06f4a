#!/usr/bin/env python3
"""Writes src/tensor/convert_tables.inc: what ml_dtypes makes of every narrow float code and of chosen floats.

src/tensor/convert_test.cc holds our conversions against it. Needs numpy and ml_dtypes.
"""
import pathlib

import ml_dtypes as md
import numpy as np

TYPES = [
    ("kFloat8E4M3FN", md.float8_e4m3fn, 256),
    ("kFloat8E4M3FNUZ", md.float8_e4m3fnuz, 256),
    ("kFloat8E5M2", md.float8_e5m2, 256),
    ("kFloat8E5M2FNUZ", md.float8_e5m2fnuz, 256),
    ("kFloat8E8M0", md.float8_e8m0fnu, 256),
    ("kFloat4E2M1", md.float4_e2m1fn, 16),
]


def samples(dtype, codes):
    """Every value, every midpoint of neighbours and a little to each side of it, and what lies past the ends."""
    v = np.arange(codes, dtype=np.uint8).view(dtype).astype(np.float32)
    v = np.unique(np.abs(v[np.isfinite(v)]))
    mid = ((v[1:].astype(np.float64) + v[:-1]) / 2).astype(np.float32)
    top = v[-1]
    past = np.array([top * 1.01, top * 1.07, top * 1.13, top * 2, 1e-30, 3e-42], np.float32)
    s = np.concatenate([v, mid, np.nextafter(mid, np.float32(0)), np.nextafter(mid, np.float32(np.inf)), past])
    return np.concatenate([s, -s[::7]]), top


def rows(values, per_line=12):
    text = [f"{x:#x}," for x in values]
    return "\n".join("    " + " ".join(text[i : i + per_line]) for i in range(0, len(text), per_line))


def main():
    out = ["// Written by scripts/generate_convert_tables.py. Floats are their bits.\n// clang-format off"]
    for name, dtype, codes in TYPES:
        decoded = np.arange(codes, dtype=np.uint8).view(dtype).astype(np.float32)
        out.append(f"constexpr uint32_t {name}Decoded[] = {{\n{rows(decoded.view(np.uint32))}\n}};")
        if name == "kFloat8E8M0":
            continue  # Cast rounds it in its own ways
        x, top = samples(dtype, codes)
        wrapped = x.astype(dtype).view(np.uint8)
        clipped = np.clip(x, -top, top).astype(dtype).view(np.uint8)
        out.append(f"constexpr uint32_t {name}Samples[] = {{\n{rows(x.view(np.uint32))}\n}};")
        out.append(f"constexpr uint8_t {name}Codes[] = {{\n{rows(wrapped, 18)}\n}};")
        out.append(f"constexpr uint8_t {name}Saturated[] = {{\n{rows(clipped, 18)}\n}};")
    path = pathlib.Path(__file__).parent.parent / "src/tensor/convert_tables.inc"
    path.write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
