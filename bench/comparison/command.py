"""The command line that ./dev bench models and ./dev bench micro share, and the run itself: all cases at all numbers of
threads, the results saved after each. A run that is stopped leaves what it has.
"""

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path

from comparison import figures, machine, plot, report, schedule

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "bench"
FULL = schedule.Plan()
QUICK = schedule.Plan(rounds=3, runs=2, visit_ms=15, loads=1)


def command_line(about: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="TEXT", help="rows whose name contains one of these")
    parser.add_argument("--exactly", nargs="+", metavar="NAME", help="rows of these names")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--engines", nargs="+", choices=figures.ENGINES, default=list(figures.ENGINES))
    parser.add_argument("--no-control", action="store_true", help="do not measure engines against themselves")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 2 runs: to see that all works, not for figures")
    parser.add_argument("--rounds", type=int, help=f"visits of every engine (default {FULL.rounds})")
    parser.add_argument("--runs", type=int, help=f"timed runs of a visit, at least (default {FULL.runs})")
    parser.add_argument("--loads", type=int, help=f"processes that load a model, for the median (default {FULL.loads}; "
                                                  "operators: 1)")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench", help="folder for .md, .json and .png")
    parser.add_argument("--json", action="store_true", help="print the results as JSON, not as a table")
    return parser


def plan_of(options, kind: str) -> schedule.Plan:
    plan = QUICK if options.quick else FULL
    if kind == "operator":
        plan = dataclasses.replace(plan, loads=1)
    given = {name: getattr(options, name) for name in ("rounds", "runs", "loads") if getattr(options, name) is not None}
    return dataclasses.replace(plan, **given)


def chosen(names: list, options) -> list:
    if options.exactly:
        missing = [name for name in options.exactly if name not in names]
        if missing:
            sys.exit(f"no row {', '.join(missing)}; there are: {', '.join(names)}")
        return [name for name in names if name in options.exactly]
    found = [name for name in names if not options.only or any(text in name for text in options.only)]
    if not found:
        sys.exit(f"no row's name contains {' or '.join(options.only)}; there are: {', '.join(names)}")
    return found


def commands(case, threads: int, options) -> dict:
    """The worker of every engine, under its name."""
    found = {}
    seconds = {} if options.no_control else figures.CONTROLS
    for name in [*options.engines, *[second for second, first in seconds.items() if first in options.engines]]:
        engine = seconds.get(name, name)
        arguments = [case.model, threads, case.folder / "inputs"]
        if engine == figures.OURS:
            found[name] = [ROOT / "build/bin/onward_worker", *arguments]
        else:
            found[name] = [sys.executable, BENCH / "peer_worker.py", engine, *arguments]
    return found


def progress(row: dict) -> None:
    """One line on stderr."""
    cells = [f"{engine} {report.ms(row, engine)}" for engine in row["engines"] if "#" not in engine]
    print(f"{row['name']:28} {row['threads']} threads  " + "  ".join(cells), file=sys.stderr, flush=True)


def save(result: dict, stem: str, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    result["control"] = {name: figures.control(result["rows"], name) for name in figures.CONTROLS}
    result["means"] = {
        str(threads): {peer: figures.mean_ratio([row for row in result["rows"] if row["threads"] == threads], peer)
                       for peer in report.PEERS}
        for threads in sorted({row["threads"] for row in result["rows"]})
    }
    (out / f"{stem}.json").write_text(json.dumps(result, indent=1) + "\n")
    (out / f"{stem}.md").write_text(report.markdown(result))


def run(title: str, stem: str, kind: str, cases: list, options) -> int:
    """0 if the run may be believed and onward is right in it, else 1."""
    plan = plan_of(options, kind)
    result = {"title": title, "machine": machine.describe(), "plan": dataclasses.asdict(plan), "rows": []}
    result["peaks"] = [machine.peaks(threads) for threads in options.threads]
    for threads in options.threads:
        for case in cases:
            facts = case.facts()
            probe = machine.around_row(threads, facts["bytes"] if kind == "operator" else None)
            measured = schedule.measure(commands(case, threads, options), case.reference(), plan, probe,
                                        [case.model])
            row = {"name": case.name, "kind": kind, "threads": threads, **facts, **measured}
            schedule.probe_again(row, plan, probe)
            result["rows"].append(row)
            progress(row)
            result["machine"]["load_after"] = os.getloadavg()
            save(result, stem, options.out)
    result["peaks"] += [machine.peaks(threads) for threads in options.threads]
    save(result, stem, options.out)
    plot.draw(result, options.out / f"{stem}.png")
    print(json.dumps(result) if options.json else report.markdown(result), flush=True)
    print(f"saved as {options.out}/{stem}.md, .json and .png", file=sys.stderr)
    found = report.faults(result)
    for fault in found:
        print(f"bench: {fault}", file=sys.stderr)
    return 1 if found and not options.quick else 0
