"""Random models of one operator, held against ONNX's reference evaluator and ONNX Runtime.

  ./dev differential [--cases N] [--seed S] [--operator NAME] [--nightly] [--json FILE] [--replay FOLDER]

A generator (operators/) draws shapes, attributes, types and values; trial.py runs the case in a process of its own;
judge.py says how near a result must be; a failure is made small (shrink.py) and saved in build/differential/failures.
docs/differential.md has the rules.
"""

import argparse
import collections
import json
import pathlib
import sys
import time
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "types")]

import known  # noqa: E402
import registry  # noqa: E402
import operators.chance  # noqa: E402, F401
import operators.containers  # noqa: E402, F401
import operators.elementwise  # noqa: E402, F401
import operators.layers  # noqa: E402, F401
import operators.ml  # noqa: E402, F401
import operators.movement  # noqa: E402, F401
import operators.quantize  # noqa: E402, F401
import operators.reduce  # noqa: E402, F401
import operators.text  # noqa: E402, F401
import operators.vision  # noqa: E402, F401
import save  # noqa: E402
import shrink  # noqa: E402
import trial  # noqa: E402

ROOT = HERE.parents[1]
FAILURES = ROOT / "build/differential/failures"
NIGHTLY, QUICK = 200, 6
SHRUNK = 2  # failures of one kind of an operator that are made small and saved; of the others only the number is told


def seeds(operator, seed, cases):
    name = zlib.crc32(" ".join(operator).encode())
    return [[seed, name, i] for i in range(cases)]


def run(chosen, cases, seed, jobs, out=sys.stdout):
    """{operator: Counter of statuses}, [(operator, seed, verdict)] of failures."""
    counts, failures = {o: collections.Counter() for o in chosen}, []
    pool = trial.Pool(jobs)
    try:
        for (operator, of, _), verdict in pool.run((o, s, None) for o in chosen for s in drawn(o, seed, cases, counts)):
            counts[operator][verdict.status] += 1
            if verdict.status == "known":
                known.met[operator[1], verdict.text] += 1
            if verdict.status == "fail":
                failures.append((operator, of, verdict))
        return counts, [small(pool, failures, f, out) for f in failures]
    finally:
        pool.close()


def drawn(operator, seed, cases, counts):
    """Seeds until so many cases were tried that are some, or three times as many draws."""
    for s in seeds(operator, seed, 3 * cases):
        c = counts[operator]
        if sum(c.values()) - c["skip"] >= cases:
            return
        yield s


def small(pool, failures, failure, out):
    operator, of, verdict = failure
    alike = [f for f in failures if f[0] == operator and f[2].kind == verdict.kind]
    if alike.index(failure) >= SHRUNK or verdict.kind == "generator":
        return failure
    shrunk = shrink.shrink(pool, operator, list(verdict.choices), verdict.kind) or verdict
    save.save(FAILURES, operator, of, shrunk)
    return operator, of, shrunk


def report(counts, failures, seconds, out=sys.stdout):
    total = sum(counts.values(), collections.Counter())
    by_kind = collections.Counter((operator, verdict.kind) for operator, _, verdict in failures)
    shown = collections.Counter()
    for operator, seed, verdict in failures:
        key = operator, verdict.kind
        shown[key] += 1
        if shown[key] > SHRUNK:
            continue
        name = ".".join(filter(None, operator))
        print(f"\n{name}: {verdict.kind} ({by_kind[key]} such cases)\n  {verdict.case}\n  {verdict.text}", file=out)
        if verdict.kind != "generator":
            print(f"  ./dev differential --replay {save.folder(FAILURES, operator, seed).relative_to(ROOT)}", file=out)
    said = ", ".join(f"{total[k]} {k}" for k in ("pass", "known", "refused", "unreferenced", "skip", "fail") if total[k])
    print(f"{len(counts)} operators: {said}; {seconds:.0f} s", file=out)


def choose(names):
    if not names:
        return sorted(registry.GENERATORS)
    found = [o for o in sorted(registry.GENERATORS) if o[1] in names]
    missing = set(names) - {o[1] for o in found}
    if missing:
        sys.exit(f"differential: no generator for {sorted(missing)[0]!r}; tests/differential/operators has them")
    return found


def command_line():
    parser = argparse.ArgumentParser(prog="./dev differential", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--cases", type=int, default=QUICK, help=f"for each operator (default {QUICK})")
    parser.add_argument("--seed", type=int, default=1, help="of all draws (default 1)")
    parser.add_argument("--operator", action="append", default=[], metavar="NAME", help="only this one; may be repeated")
    parser.add_argument("--nightly", action="store_true", help=f"{NIGHTLY} cases for each operator, and whether known.py is still true")
    parser.add_argument("--json", metavar="FILE", help="write counts and failures there")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--replay", metavar="FOLDER", help="run one saved failure again")
    return parser


def main():
    a = command_line().parse_args()
    if a.replay:
        sys.exit(save.replay(pathlib.Path(a.replay)))
    begin = time.monotonic()
    counts, failures = run(choose(a.operator), max(a.cases, NIGHTLY) if a.nightly else a.cases, a.seed, a.jobs)
    report(counts, failures, time.monotonic() - begin)
    if a.json:
        rows = [{"operator": o, "seed": s, **v._asdict()} for o, s, v in failures]
        table = {".".join(filter(None, o)): c for o, c in counts.items()}
        pathlib.Path(a.json).write_text(json.dumps({"operators": table, "failures": rows}, indent=1, default=str))
    idle = known.unmet() if a.nightly and not a.operator else []
    for entry in idle:
        print(f"known.py: no case met {entry.operator}: {entry.reason}. Take it out.")
    sys.exit(1 if failures or idle else 0)


if __name__ == "__main__":
    main()
