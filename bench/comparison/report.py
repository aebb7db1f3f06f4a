"""A comparison as Markdown: the machine and its peaks, what the run itself must pass, the table, one table of each
other quantity, and what went wrong.
"""

from comparison import figures
from comparison.figures import DEFAULT, ENGINES, FIRST_PEER, FLOAT32, OURS

LABELS = {OURS: "onward", FIRST_PEER: "ONNX Runtime", FLOAT32: "OpenVINO f32", DEFAULT: "OpenVINO default",
          "best-f32": "best f32 peer"}
PEERS = ("best-f32", FIRST_PEER, FLOAT32, DEFAULT)
PEAK_LABELS = {"fp32_gflops": "float32, GFLOP/s", "int8_gops": "int8, GOP/s", "fp16_gops": "float16, GFLOP/s",
               "bf16_gops": "bfloat16, GFLOP/s", "l2_read_gbs": "L2 read, GB/s", "dram_read_gbs": "DRAM read, GB/s"}


def number(value, digits: int = 3) -> str:
    """With so many significant digits, but no fewer than those before the point; a dash for None."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    if abs(value) < 1:
        return f"{value:.{digits}g}" if abs(value) >= 1e-4 else f"{value:.1e}"
    return f"{value:.{max(digits - whole, 0)}f}"


def table(header: list, rows: list) -> list:
    """The first column to the left, the others to the right."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def times(ratio) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"


def percent(share) -> str:
    return "-" if share is None else f"{number(share * 100, 2)} %"


def ms(row: dict, engine: str) -> str:
    record = row["engines"].get(engine)
    if not record or "median_ms" not in record:
        return "fails" if record and "error" in record else "-"
    text = number(record["median_ms"])
    if engine == OURS:
        text += f" ({number(record['p10_ms'])} to {number(record['p90_ms'])})"
    return text if figures.agrees(row, engine) else text + " *"


def machine_lines(machine: dict) -> list:
    cpu = machine["cpu"]
    loads = [f"{machine[key][0]:.1f} {when}" for key, when in (("load_before", "before"), ("load_after", "after"))
             if key in machine]
    return [
        f"- {cpu['name']} ({cpu['family']}), {machine['cpus']} CPUs, {machine['system']}; {' '.join(cpu['flags'])}",
        f"- onward {machine['onward']}, ONNX Runtime {machine['onnxruntime']}, OpenVINO {machine['openvino']}",
        f"- {machine['date']}; load of the machine {', '.join(loads)}",
    ]


def peak_lines(peaks: list) -> list:
    """Every one as before / after, and what it is times float32."""
    if not peaks:
        return []
    rows = []
    for key, label in PEAK_LABELS.items():
        if not any(key in probe for probe in peaks):
            continue
        cells = [label]
        for threads in sorted({probe["threads"] for probe in peaks}):
            found = [probe for probe in peaks if probe["threads"] == threads and key in probe]
            text = " / ".join(number(probe[key]) for probe in found)
            if key.endswith("gops"):
                best = max(probe[key] for probe in found) / max(probe["fp32_gflops"] for probe in found)
                text += f" ({best:.1f} x float32)"
            cells.append(text)
        rows.append(cells)
    threads = sorted({probe["threads"] for probe in peaks})
    header = ["peak, before / after", *[f"{n} thread{'s' if n > 1 else ''}" for n in threads]]
    return ["", *table(header, rows)]


def control_lines(rows: list) -> list:
    lines = []
    for second, first in figures.CONTROLS.items():
        value = figures.control(rows, second)
        if value is None:
            continue
        verdict = "holds" if figures.control_holds(value) else "DOES NOT HOLD: believe no ratio of this run"
        lines.append(f"- control, {LABELS[first]} over itself under a second name: {value:.3f}, expected 1.00 +- "
                     f"{figures.CONTROL_LIMIT:.2f}: {verdict}")
    return lines


def main_table(rows: list) -> list:
    header = [rows[0].get("kind", "model"), "onward, ms (p10 to p90)", *[f"{LABELS[e]}, ms" for e in ENGINES[1:]],
              *[f"{LABELS[p]} / onward" for p in PEERS], "GFLOP/s", "of peak"]
    body = []
    for row in rows:
        speed = figures.gflops(row, OURS)
        body.append([row["name"], *[ms(row, engine) for engine in ENGINES],
                     *[times(figures.ratio(row, peer)) for peer in PEERS],
                     number(speed), of_bound(row, OURS)])
    means = [figures.mean_ratio(rows, peer) for peer in PEERS]
    body.append(["**geometric mean**", *[""] * len(ENGINES),
                 *["-" if mean is None else f"**{mean:.2f}** of {count}" for mean, count in means], "", ""])
    return table(header, body)


def of_bound(row: dict, engine: str) -> str:
    """Models are held against multiply-adds, single operators against what bounds them."""
    if figures.bound(row) == "bandwidth":
        share = figures.share_of_bandwidth(row, engine)
        return "-" if share is None else f"{percent(share)} of read"
    return percent(figures.share_of_peak(row, engine)) + (" w" if row.get("winograd") else "")


def quantity_tables(rows: list) -> list:
    quantities = (
        ("load, file to session, ms", lambda row, e: number(row["engines"].get(e, {}).get("load_ms"))),
        ("first run, ms", lambda row, e: number(row["engines"].get(e, {}).get("first_run_ms"))),
        ("peak memory, MiB", lambda row, e: number(row["engines"].get(e, {}).get("peak_mib"))),
        ("speed, GFLOP/s", lambda row, e: number(figures.gflops(row, e))),
        ("share of peak", of_bound),
        ("distance from the reference, relative L2", distance),
    )
    lines = []
    for title, cell in quantities:
        body = [[row["name"], *[cell(row, engine) for engine in ENGINES]] for row in rows]
        lines += ["", *table([title, *[LABELS[engine] for engine in ENGINES]], body)]
    return lines


def distance(row: dict, engine: str) -> str:
    found = row["engines"].get(engine, {}).get("distance")
    return "-" if found is None else f"{found['relative_l2']:.1e}"


def notes(rows: list) -> list:
    lines = []
    for row in rows:
        for engine, record in row["engines"].items():
            if "error" in record:
                lines.append(f"- {row['name']}, {row['threads']} threads, {engine}: {record['error']}")
            elif not figures.agrees(row, engine):
                found = record.get("distance")
                lines.append(f"- * {row['name']}, {row['threads']} threads, {engine}: its outputs differ from the "
                             + (f"reference, relative L2 {found['relative_l2']:.1e}, largest {found['scaled_max']:.1e}"
                                if found else "reference, or could not be compared"))
        for engine in figures.impossible(row):
            lines.append(f"- IMPOSSIBLE {row['name']}, {row['threads']} threads, {engine}: "
                         f"{percent(figures.share_of_peak(row, engine))} of peak; the peak or the row was disturbed")
    return ["", "Notes", "", *lines] if lines else []


def markdown(result: dict) -> str:
    rows, plan = result["rows"], result["plan"]
    relative, scaled = figures.FLOAT32_TOLERANCE
    coarse = figures.TOLERANCES[DEFAULT][0]
    lines = [f"# {result['title']}", "", *machine_lines(result["machine"]), *control_lines(rows),
             f"- {plan['rounds']} rounds in random order, {plan['pause_seconds']} s before each visit, warm-up, then at "
             f"least {plan['runs']} timed runs: medians. Ratios above 1: onward is faster.",
             f"- outputs agree with the reference within {relative:.0e} relative L2 and {scaled:.0e} of the largest value "
             f"(OpenVINO's default, in bfloat16 or float16: {coarse}), or a * says that they do not: then no ratio.",
             "- w: has 3x3 convolutions of stride 1, which some engines compute with fewer multiplications than counted.",
             *peak_lines(result["peaks"])]
    for threads in sorted({row["threads"] for row in rows}):
        chosen = [row for row in rows if row["threads"] == threads]
        lines += ["", f"## {threads} thread{'s' if threads > 1 else ''}", "", *main_table(chosen), *quantity_tables(chosen)]
    return "\n".join([*lines, *notes(rows)]) + "\n"


def faults(result: dict) -> list:
    """Why the run must not be believed, or what onward does wrongly in it."""
    rows = result["rows"]
    found = [f"the control {second} came out at {figures.control(rows, second):.3f}" for second in figures.CONTROLS
             if not figures.control_holds(figures.control(rows, second))]
    for row in rows:
        where = f"{row['name']} at {row['threads']} threads"
        found += [f"{where}: {engine} shows more than the measured peak" for engine in figures.impossible(row)]
        if OURS in row["engines"] and not figures.agrees(row, OURS):
            found.append(f"{where}: onward fails, or its outputs are not the reference's")
    return found
