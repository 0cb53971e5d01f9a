"""Plots of growth: each figure against its value at the smallest size."""

from __future__ import annotations

from pathlib import Path

import matplotlib
from curves import BENDS_AT, Curve

matplotlib.use("svg")
# The same data make the same file, and its words can be searched for.
matplotlib.rcParams.update({"svg.hashsalt": "sidgate", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10})

from matplotlib import pyplot  # noqa: E402


MARKERS = "os^Dv<>pPX*h"
TICKS = [step * 10**power for power in range(-3, 5) for step in (1, 2, 5)]


def plot(curves: list[Curve], of: str, file: Path) -> None:
    """The curves that are to be plotted, in one picture; in its key the steepest comes first."""
    figure, axes = pyplot.subplots(figsize=(7, 4.5), facecolor="white")
    curves = sorted((curve for curve in curves if curve.plotted), key=lambda curve: -curve.growth)
    for number, curve in enumerate(curves):
        values = [curve.ratio(size) for size in curve.sizes]
        style = "-" if number < len(pyplot.rcParams["axes.prop_cycle"]) else ":"
        axes.plot(curve.sizes, values, style, marker=MARKERS[number % len(MARKERS)], label=curve.what)
    smallest = curves[0].sizes[0]
    axes.axhline(BENDS_AT, color="grey", linestyle="--", linewidth=1)
    axes.annotate(f"{BENDS_AT} x", (smallest, BENDS_AT), (0, 3), textcoords="offset points", color="grey")
    axes.set_xscale("log")
    axes.set_xticks(curves[0].sizes, [f"{size:,}" for size in curves[0].sizes])
    ratios = [curve.ratio(size) for curve in curves for size in curve.sizes]
    # Some stay as they are and some grow a hundredfold: on a plain axis the former would be one line.
    axes.set_yscale("log")
    axes.set_ylim(min(0.5, *ratios) / 1.1, max(2, *ratios) * 1.2)
    low, high = axes.get_ylim()
    ticks = [tick for tick in TICKS if low <= tick <= high]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel(of)
    axes.set_ylabel(f"{curves[0].figure.split(',')[0]} x the value at {smallest:,}".strip())
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    figure.savefig(file, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)
