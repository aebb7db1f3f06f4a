"""Ratios as bars to the right (onward is faster) and to the left of 1, on a logarithmic axis; a panel for each number of threads."""

from pathlib import Path

from comparison import figures
from comparison.report import LABELS

COLOURS = {figures.FIRST_PEER: "#4878a8", figures.FLOAT32: "#d98c3f", figures.DEFAULT: "#9a9a9a"}


def draw(result: dict, file: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import FormatStrFormatter, LogLocator

    rows = result["rows"]
    threads = sorted({row["threads"] for row in rows})
    names = list(dict.fromkeys(row["name"] for row in rows))
    figure, panels = pyplot.subplots(1, len(threads), figsize=(7 * len(threads), 1.6 + 0.42 * len(names)), squeeze=False,
                                     sharey=True)
    for panel, count in zip(panels[0], threads):
        found = {row["name"]: row for row in rows if row["threads"] == count}
        for index, (peer, colour) in enumerate(COLOURS.items()):
            bars = [(place + 0.27 * (index - 1), figures.ratio(found[name], peer))
                    for place, name in enumerate(names) if name in found]
            bars = [(place, ratio) for place, ratio in bars if ratio]
            panel.barh([place for place, _ in bars], [ratio - 1 for _, ratio in bars], 0.25, left=1, color=colour,
                       label=LABELS[peer])
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(LogLocator(base=10, subs=(0.2, 0.5, 1, 2, 5)))
        panel.xaxis.set_major_formatter(FormatStrFormatter("%g"))
        panel.xaxis.set_minor_formatter("")
        panel.axvline(1, color="black", linewidth=0.8)
        panel.grid(axis="x", alpha=0.3)
        panel.set_yticks(range(len(names)), names)
        panel.set_title(f"{count} thread{'s' if count > 1 else ''}")
        panel.set_xlabel("time of the peer / time of onward (above 1: onward is faster)")
    panels[0][0].invert_yaxis()
    panels[0][0].legend(loc="best", fontsize=8)
    figure.suptitle(f"{result['title']}: {result['machine']['cpu']['name']}, {result['machine']['date']}", fontsize=10)
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    pyplot.close(figure)
