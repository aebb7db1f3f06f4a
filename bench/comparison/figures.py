"""The arithmetic of a comparison: medians, ratios, geometric means, and the checks that a run must pass.

A row is what schedule.measure returns: name, threads, flops, bytes, the peaks around it, and by engine its times.
A ratio is the peer's median time divided by onward's: above 1, onward is the faster one.
"""

import math

OURS, FIRST_PEER, FLOAT32, DEFAULT = "onward", "onnxruntime", "openvino-f32", "openvino"
ENGINES = (OURS, FIRST_PEER, FLOAT32, DEFAULT)
CONTROLS = {f"{name}#2": name for name in (OURS, FIRST_PEER)}  # the same engine under a second name
CONTROL_LIMIT = 0.03
PEAK_LIMIT = 1.01
# Multiplications of a 3x3 convolution over those of the largest Winograd tile that anybody uses, F(6x6).
WINOGRAD_SAVING = 5.0625
# By engine: largest relative L2 distance of an output from the reference, and largest scaled absolute one.
TOLERANCES = {DEFAULT: (0.25, 0.5)}  # bfloat16 in deep networks of random weights
FLOAT32_TOLERANCE = (1e-3, 1e-3)


def percentile(values: list, share: float) -> float:
    """Between the two values next to it in rank, by a straight line: percentile(v, 0.5) is the median."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def summary(values: list) -> dict:
    return {
        "median_ms": percentile(values, 0.5),
        "p10_ms": percentile(values, 0.1),
        "p90_ms": percentile(values, 0.9),
        "runs": len(values),
    }


def geometric_mean(values: list):
    """None of no values."""
    return math.exp(math.fsum(map(math.log, values)) / len(values)) if values else None


def median(row: dict, engine: str):
    """Milliseconds, or None if the engine does not run the row."""
    return row["engines"].get(engine, {}).get("median_ms")


def agrees(row: dict, engine: str) -> bool:
    distance = row["engines"].get(engine, {}).get("distance")
    if distance is None:
        return False
    relative, scaled = TOLERANCES.get(engine, FLOAT32_TOLERANCE)
    return distance["relative_l2"] <= relative and distance["scaled_max"] <= scaled


def ratio(row: dict, peer: str):
    """None if one of the two does not run it, or answers wrongly. `peer` may be "best-f32": the faster one that computes in float32."""
    if peer == "best-f32":
        found = [r for r in (ratio(row, FIRST_PEER), ratio(row, FLOAT32)) if r is not None]
        return min(found, default=None)
    ours, theirs = median(row, OURS), median(row, peer)
    sound = agrees(row, OURS) and agrees(row, peer)
    return theirs / ours if sound and ours and theirs else None


def mean_ratio(rows: list, peer: str):
    """(geometric mean, how many rows it is of); the mean is None of no rows."""
    found = [r for r in (ratio(row, peer) for row in rows) if r is not None]
    return geometric_mean(found), len(found)


def control(rows: list, second: str):
    """Geometric mean of an engine's times under its second name over those under its first; None of no rows."""
    pairs = [(median(row, second), median(row, CONTROLS[second])) for row in rows]
    return geometric_mean([again / first for again, first in pairs if again and first])


def control_holds(value) -> bool:
    return value is None or abs(value - 1) <= CONTROL_LIMIT


def gflops(row: dict, engine: str):
    ms = median(row, engine)
    return row["flops"] / ms / 1e6 if ms and row.get("flops") else None


def bandwidth_gbs(row: dict, engine: str):
    ms = median(row, engine)
    return row["bytes"] / ms / 1e6 if ms and row.get("bytes") else None


def peak(row: dict, name: str):
    """The best that was measured around the row."""
    return max((probe[name] for probe in row["peaks"] if probe.get(name)), default=None)


def share_of_peak(row: dict, engine: str):
    """Of the float32 multiply-adds; above 1 where an algorithm saves multiplications."""
    speed, limit = gflops(row, engine), peak(row, "fp32_gflops")
    return speed / limit if speed and limit else None


def share_of_bandwidth(row: dict, engine: str):
    """Inputs, outputs and weights once, over reads of as many bytes."""
    speed, limit = bandwidth_gbs(row, engine), peak(row, "read_gbs")
    return speed / limit if speed and limit else None


def bound(row: dict):
    """What the row can be limited by, "fma" or "bandwidth": the one that takes longer at its peak. None: neither known."""
    compute, memory = peak(row, "fp32_gflops"), peak(row, "read_gbs")
    times = {
        "fma": row["flops"] / compute if compute and row.get("flops") else 0,
        "bandwidth": row["bytes"] / memory if memory and row.get("bytes") else 0,
    }
    longest = max(times, key=times.get)
    return longest if times[longest] else None


def impossible(row: dict) -> list:
    """Float32 engines that show more than this processor can do: then the peak, or the row, was measured wrongly."""
    limit = PEAK_LIMIT * (WINOGRAD_SAVING if row.get("winograd") else 1)
    engines = (OURS, FIRST_PEER, FLOAT32)
    return [engine for engine in engines if (share_of_peak(row, engine) or 0) > limit]
