"""A picture of a long day: memory, descriptors and connections of each gateway, and the tables.

    day_plot.py DAY.JSONL OUT.SVG
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
# The same data make the same file, and its words can be searched for.
matplotlib.rcParams.update({"svg.hashsalt": "sidgate", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10})

from matplotlib import pyplot  # noqa: E402

MIB = 2**20
# More points make the file larger, and nothing clearer.
POINTS_MAX = 240


def main() -> None:
    source, out = map(Path, sys.argv[1:])
    diary = [json.loads(line) for line in source.read_text().splitlines()]
    samples = [entry for entry in diary if entry["kind"] == "sample"]
    samples = samples[:: len(samples) // POINTS_MAX + 1]
    faults = [entry["begin"] / 60 for entry in diary if entry["kind"] == "fault"]
    figure, axes = pyplot.subplots(4, 1, sharex=True, figsize=(8, 8.5), facecolor="white")
    for number in range(len(samples[0]["gateways"])):
        def of(figure_of, number=number):
            ones = [(sample["at"] / 60, sample["gateways"][number]) for sample in samples]
            return [at for at, _ in ones], [figure_of(one) if "rss" in one else None for _, one in ones]

        label = f"gateway {number}" if number else "gateway 0, never restarted"
        axes[0].plot(*of(lambda one: one["rss"]), linewidth=1.2, label=label)
        axes[1].plot(*of(lambda one: one["descriptors"]), linewidth=1.2)
    known = [(sample["at"] / 60, sample["postgres"]) for sample in samples if sample["postgres"]]
    axes[2].plot([at for at, _ in known], [one["connections"] for _, one in known], linewidth=1.2, color="black")
    for name in sorted(known[-1][1]["tables"]):
        sizes = [(at, one["tables"].get(name, {"heap": 0, "indexes": 0})) for at, one in known]
        total = [(one["heap"] + one["indexes"]) / MIB for _, one in sizes]
        if max(total) >= 1:
            axes[3].plot([at for at, _ in sizes], total, linewidth=1.2, label=name)
    titles = ("RSS, MiB", "descriptors", "connections\nto PostgreSQL", "tables with\nindexes, MiB")
    for one, title in zip(axes, titles, strict=True):
        one.set_ylabel(title)
        one.set_ylim(bottom=0)
        one.grid(alpha=0.3)
        one.spines[["top", "right"]].set_visible(False)
        # One broken line instead of a hundred: the file is smaller.
        places = [place for begin in faults for place in (begin, begin, None)]
        heights = [height for _ in faults for height in (0, 1, None)]
        one.plot(places, heights, color="grey", alpha=0.3, linewidth=0.6, transform=one.get_xaxis_transform())
    axes[0].legend(loc="lower right", fontsize=9, ncols=3)
    if axes[3].get_legend_handles_labels()[0]:
        axes[3].legend(loc="upper left", fontsize=9, ncols=2)
    axes[3].set_xlabel("minutes; a grey line is the beginning of a fault")
    figure.tight_layout()
    figure.savefig(out, metadata={"Date": None})


if __name__ == "__main__":
    main()
