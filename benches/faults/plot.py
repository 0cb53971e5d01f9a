"""A picture of one fault: which server answers, how long it takes, and what fails."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import matplotlib

matplotlib.use("svg")
# The same data make the same file, and its words can be searched for.
matplotlib.rcParams.update(
    {"svg.hashsalt": "sidgate", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10}
)

from matplotlib import pyplot  # noqa: E402

STEP_SECONDS = 0.25


def draw(outcome, file: Path) -> None:
    """Answers of each server over time, and below how long each request took."""
    start = min(one.sent for one in outcome.seen)
    began, ended = (moment - start for moment in outcome.fault)
    figure, (shares, times) = pyplot.subplots(
        2, 1, sharex=True, figsize=(8, 5), facecolor="white", height_ratios=(2, 1)
    )
    steps = [step * STEP_SECONDS for step in range(int(max(one.sent for one in outcome.seen) - start) * 4)]
    for number, server in enumerate(outcome.ports, 1):
        answered = Counter(
            int((one.sent - start) / STEP_SECONDS) for one in outcome.seen if one.server == server
        )
        shares.plot(
            steps, [answered[step] / STEP_SECONDS for step in range(len(steps))], label=f"server {number}"
        )
    shares.set_ylabel("answers a second")
    shares.set_ylim(bottom=0)
    for axes in (shares, times):
        axes.axvspan(began, ended, color="grey", alpha=0.15, label="server 1 fails")
        axes.grid(alpha=0.3)
    if outcome.ejected is not None:
        shares.axvline(began + outcome.ejected, color="black", linestyle=":", label="ejected")
    if outcome.readmitted is not None:
        shares.axvline(ended + outcome.readmitted, color="black", linestyle="--", label="back")
    well = [one for one in outcome.seen if one.status == 200]
    ill = [one for one in outcome.seen if one.status != 200]
    # Thousands of points: as a picture they are smaller.
    times.plot(
        [one.sent - start for one in well], [one.took * 1000 for one in well], ".", markersize=2, rasterized=True
    )
    times.plot([one.sent - start for one in ill], [one.took * 1000 for one in ill], "rx", markersize=5)
    times.set_yscale("log")
    times.set_ylabel("milliseconds")
    times.set_xlabel("seconds")
    shares.legend(loc="center right", fontsize=9)
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)
