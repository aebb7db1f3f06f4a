"""Size of the shared library as it ships, stripped, held to a limit. Run by `./dev size --library` and by ctest.

With --families it says what takes the bytes: sections, and functions by name, all types of a template together.
"""

import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile

LIMIT_BYTES = 6_000_000


def stripped_bytes(library):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "stripped.so"
        subprocess.run(["strip", "-o", out, library], check=True)
        return out.stat().st_size


def family(symbol):
    """A demangled name without its template arguments and parameters."""
    name, depth = "", 0
    for c in symbol.replace("operator<<", "operator_shl").replace("operator<", "operator_lt").replace("->", ""):
        depth += c == "<"
        if depth == 0:
            name += c
        depth -= c == ">" and depth > 0
    return re.sub(r"\(anonymous namespace\)::", "", name).split("(")[0].removesuffix(".cold").split()[-1]


def families(library):
    """[(bytes, symbols, name)] of the unstripped library, largest first."""
    listed = subprocess.run(["nm", "--size-sort", "-S", "-C", library], check=True, text=True, capture_output=True).stdout
    total, count = collections.Counter(), collections.Counter()
    for line in listed.splitlines():
        parts = line.split(None, 3)
        if len(parts) == 4 and parts[2] in "tTwWvVrRdD":
            total[family(parts[3])] += int(parts[1], 16)
            count[family(parts[3])] += 1
    return [(n, count[name], name) for name, n in total.most_common()]


def sections(library):
    listed = subprocess.run(["size", "-A", library], check=True, text=True, capture_output=True).stdout
    rows = [line.split() for line in listed.splitlines() if line.startswith(".")]
    return sorted(((int(r[1]), r[0]) for r in rows), reverse=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", type=pathlib.Path)
    parser.add_argument("--limit", type=int, default=LIMIT_BYTES, help=f"bytes (default {LIMIT_BYTES:,})")
    parser.add_argument("--families", type=int, default=0, metavar="N", help="the N largest families of functions")
    a = parser.parse_args()
    if not a.library.exists():
        sys.exit(f"{a.library} is not there: build the target onward_library")
    size = stripped_bytes(a.library)
    print(f"{a.library.name}: {size:,} bytes stripped, at most {a.limit:,}")
    if a.families:
        print("".join(f"  {n:>10,}  {name}\n" for n, name in sections(a.library)[:8]), end="")
        print("".join(f"  {n:>10,}  {count:>5} x {name}\n" for n, count, name in families(a.library)[:a.families]), end="")
    if size > a.limit:
        sys.exit("the library has outgrown its limit: `./dev size --library` shows the largest families; take rare types "
                 "through a wider one (OpTraits::native), keep what does not depend on the type out of templates, and put "
                 "files that no run spends its time in on the list of cmake/size.cmake")


if __name__ == "__main__":
    main()
