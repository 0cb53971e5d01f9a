"""The judgement of a long day, as Markdown, from what a run has written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import compare
import day_requests
import day_series
from day_judge import HOUR, Verdict, Window, judge
from day_requests import Tally
from tables import number, rows

MIB = 2**20
# A moment before a fault is already its own: clocks of two programs meet here.
BEFORE = 0.5


@dataclass(frozen=True)
class Judged:
    text: str
    figures: dict
    complaints: list[str]


def windows_of(faults: list[dict], end: float) -> list[Window]:
    """A fault that was not undone lasts to the end."""
    return [Window(fault["begin"] - BEFORE, fault.get("end", end), fault["what"]) for fault in faults]


def judged(folder: Path) -> Judged:
    try:
        diary = [json.loads(line) for line in (folder / "day.jsonl").read_text().splitlines()]
    except FileNotFoundError as missing:
        raise compare.Failed(f"no run has written to {folder}") from missing
    of = {kind: [entry for entry in diary if entry["kind"] == kind] for kind in ("begin", "sample", "fault", "undone")}
    if not of["sample"]:
        raise compare.Failed("the run has ended before its first sample")
    length = of["sample"][-1]["at"]
    undone = {fault["begin"]: fault for fault in of["undone"]}
    faults = [undone.get(fault["begin"], fault) for fault in of["fault"]]
    windows = windows_of(faults, length)
    requests = list(day_requests.read(folder / "day.requests.tsv"))
    # When the users leave, requests that are under way end with them.
    outside, within = day_requests.parted((one for one in requests if one.begin + one.took < length), windows)
    begun = sum(request.is_good and request.name in day_requests.LOGINS for request in requests)
    figures_of = day_series.series(of["sample"], begun / length * HOUR)
    verdicts = [judge(series, windows, length) for series in figures_of]
    tallies = {"outside": Tally.of(outside), "inside": Tally.of([one for some in within.values() for one in some])}
    text = "\n\n".join([
        head(of["begin"][0], length, len(faults)), beside(of["sample"]), of_requests(tallies), of_faults(faults, within), of_figures(verdicts),
    ])  # fmt: skip
    figures = {
        **of["begin"][0],
        "seconds": length,
        "sessions_begun": begun,
        "requests": {name: asdict(tally) for name, tally in tallies.items()},
        "figures": [asdict(verdict) for verdict in verdicts],
    }
    return Judged(text, figures, complaints(faults, outside, verdicts))


def complaints(faults: list[dict], outside: list[day_requests.Request], verdicts: list[Verdict]) -> list[str]:
    bad = [request for request in outside if not request.is_good]
    return [
        *(f"not flat: {verdict.name} {verdict.why}" for verdict in verdicts if verdict.flat is False),
        *(
            f"failed outside of fault windows, at {request.begin:.1f} s: {request.name} at {request.host}, status {request.status} "
            f"{request.error}"
            for request in bad[:20]
        ),
        *([f"and {len(bad) - 20} more"] if len(bad) > 20 else []),
        *(f"{fault['what']}: {wrong}" for fault in faults for wrong in fault.get("wrong", ())),
    ]


def head(begin: dict, length: float, faults: int) -> str:
    return (
        f"{begin['day']}, {begin['machine']}: {begin['users']} users for {length / 60:.0f} minutes, {faults} faults, "
        f"one every {begin['every']} s, seed {begin['seed']}."
    )


def beside(samples: list[dict]) -> str:
    """What grows by its nature: written, an hour."""
    def an_hour(pairs: list[tuple[float, float]]) -> str:
        if len(pairs) < 2:
            return "–"
        (first, before), (last, after) = pairs[0], pairs[-1]
        return number((after - before) / MIB / (last - first) * HOUR)

    wal = [(sample["at"], sample["postgres"]["wal"]) for sample in samples if sample["postgres"]]
    logs = [(sample["at"], sum(one["log"] for one in sample["gateways"])) for sample in samples]
    return f"Written an hour: {an_hour(wal)} MiB of WAL, {an_hour(logs)} MiB of log by all gateways, access lines apart."


def said(statuses: dict[int, int]) -> str:
    """Most first."""
    parts = sorted(statuses.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{count:,} × {status or 'no answer'}" for status, count in parts) or "none"


def of_requests(tallies: dict[str, Tally]) -> str:
    head = ("requests", "count", "failed", "p50, ms", "p99, ms", "longest, ms", "failures")
    return rows(head, [
        (f"{name} fault windows", f"{tally.requests:,}", f"{tally.failed:,}", number(tally.p50_ms), number(tally.p99_ms),
         number(tally.max_ms, 0), said(tally.statuses))
        for name, tally in tallies.items()
    ])  # fmt: skip


def of_faults(faults: list[dict], within: dict[str, list[day_requests.Request]]) -> str:
    """By the kind of the fault. How long after its end the gateways were ready, and the last request failed."""
    body = []
    for what in sorted({fault["what"] for fault in faults}):
        these = [fault for fault in faults if fault["what"] == what and "undone" in fault]
        tally = Tally.of(within.get(what, []))
        body.append((
            what, str(len(these)), f"{tally.requests:,}", f"{tally.failed:,}", said(tally.statuses),
            number(max((fault["ready"] for fault in these), default=None)), number(last_failure(these, within.get(what, []))),
        ))  # fmt: skip
    head = ("fault", "times", "requests in its windows", "failed", "failures", "ready after, s", "last failure after, s")
    return rows(head, body)


def last_failure(faults: list[dict], requests: Iterable[day_requests.Request]) -> float | None:
    """Seconds from the end of a fault to the end of the last request that failed in its window, the longest of all."""
    ends = [request.begin + request.took for request in requests if not request.is_good]
    after = [end - fault["undone"] for fault in faults for end in ends if fault["begin"] <= end <= fault["end"] + day_requests.TIMEOUT]
    return max(max(after), 0.0) if after else None


def of_figures(verdicts: list[Verdict]) -> str:
    body = [
        (verdict.name, f"{number(verdict.level, 1)} {verdict.unit}".strip(), number(verdict.per_hour, 2),
         number(verdict.tolerance, 2), {True: "flat", False: f"**{verdict.why}**", None: verdict.why}[verdict.flat])
        for verdict in verdicts
    ]  # fmt: skip
    return rows(("figure", "usual", "an hour adds", "may add", "verdict"), body)
