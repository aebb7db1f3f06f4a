#!/usr/bin/env python3
"""Holds the C interface to what programs were built against.

  tests/abi/check.py --build build            compare (the test `abi`)
  tests/abi/check.py --build build --update   add what is new in onward.h to abi.txt

Three things: (1) every member of every struct in onward.h has the offset, and every enumerator the number, that
abi.txt has for it, and nothing in abi.txt is gone or missing; (2) the library exports one symbol; (3) a program that
was compiled against the header of each earlier version still runs, with the library of today.

abi.txt has one line for a fact: version, name, number. Lines are only ever added: the number of an old line never
changes, so a line that differs is a break of the interface, not a reason to edit the file.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
HEADER = ROOT / "include/onward/onward.h"
LIST = HERE / "abi.txt"
PRELUDE = "# Facts of the C interface by the version that brought them; see check.py. Lines are only added.\n"


def facts_in(header):
    """Expressions by name: offsets of members, sizes of structs, numbers of enumerators."""
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    facts = {}
    for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\} \1;", text, flags=re.S):
        for member in body.split(";"):
            member = " ".join(member.split())
            if not member:
                continue
            called = re.search(r"\(\*(\w+)\)\(", member) or re.search(r"(\w+)$", member)
            facts[f"{name}.{called[1]}"] = f"offsetof({name}, {called[1]})"
        facts[f"sizeof {name}"] = f"sizeof({name})"
    for body in re.findall(r"typedef enum \w+ \{(.*?)\}", text, flags=re.S):
        for enumerator in re.findall(r"\b(ONWARD_\w+)", body):
            facts[enumerator] = enumerator
    return facts


def compile_c(source, program, *flags):
    subprocess.run(["cc", "-std=c11", "-Wall", "-Werror", str(source), "-o", str(program), *map(str, flags), "-lm"], check=True)


def numbers(header, folder):
    facts = facts_in(header)
    source = folder / "facts.c"
    lines = "".join(f'  printf("%zu {name}\\n", (size_t){e});\n' for name, e in facts.items())
    source.write_text(f'#include <stddef.h>\n#include <stdio.h>\n#include "{header}"\nint main(void) {{\n{lines}}}\n')
    compile_c(source, folder / "facts")
    out = subprocess.run([folder / "facts"], check=True, capture_output=True, text=True).stdout
    return {name: int(number) for number, name in (line.split(" ", 1) for line in out.splitlines())}


def version_of(header):
    return int(re.search(r"#define ONWARD_ABI_VERSION (\d+)", header.read_text())[1])


def listed():
    lines = [x for x in LIST.read_text().splitlines() if x and not x.startswith("#")] if LIST.exists() else []
    return [(int(v), name, int(n)) for v, name, n in (re.fullmatch(r"(\d+) (.+) (\d+)", x).groups() for x in lines)]


def update(folder):
    lines = listed()
    for header in [*sorted(HERE.glob("onward_version_*.h")), HEADER]:
        known = {name: n for _, name, n in lines}
        for name, n in numbers(header, folder).items():
            line = (version_of(header), name, n)
            if name not in known or (name.startswith("sizeof ") and known[name] != n and line not in lines):
                lines.append(line)
    LIST.write_text(PRELUDE + "".join(f"{v} {name} {n}\n" for v, name, n in lines))


def check_list(folder):
    now, errors = numbers(HEADER, folder), []
    newest = {}
    for version, name, n in listed():
        if name not in now:
            errors.append(f"{name}, there since version {version}, is gone")
        elif name.startswith("sizeof "):
            newest[name] = n
        elif now[name] != n:
            errors.append(f"{name} is {now[name]} and was {n} in version {version}: members are only appended")
        newest.setdefault(name, n)
    for name, n in now.items():
        if newest.get(name) != n and not any(e.startswith(name + " is ") for e in errors):
            errors.append(f"{name} is new: raise ONWARD_ABI_VERSION if it was released, then {__file__} --update")
    return errors


def check_exports(library):
    out = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    symbols = [line.split()[-1] for line in out.splitlines() if line.split()[-2] not in "wVu"]
    wrong = [s for s in symbols if s != "onward_get_api"]
    if "onward_get_api" not in symbols:
        wrong.append("no onward_get_api")
    return [f"{library} exports {wrong[:5]}, expected onward_get_api alone (cmake/exports.map)"] if wrong else []


def check_old_program(library, folder, flags):
    errors = []
    for header in sorted(HERE.glob("onward_version_*.h")):
        compile_c(HERE / "old_program.c", folder / "old_program", library, f"-Wl,-rpath,{library.parent}",
                  f'-DONWARD_HEADER="{header.name}"', *flags)
        done = subprocess.run([folder / "old_program", ROOT / "tests/install/tiny.onnx"], capture_output=True,
                              text=True, env=os.environ)
        if done.returncode:
            errors.append(f"the program of version {version_of(header)} failed: {done.stderr}")
    return errors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--flag", action="append", default=[], help="for the compiler: --flag=-fsanitize=address")
    a = parser.parse_args()
    library = (a.build / "lib/libonward.so").resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if a.update:
            update(folder)
        errors = check_list(folder) + check_exports(library) + check_old_program(library, folder, a.flag)
    for e in errors:
        print(f"abi: {e}", file=sys.stderr)
    print(f"abi: {len(listed())} facts, {len(errors)} errors")
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
