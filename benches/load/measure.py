"""What a run has shown: the users' side from goose's report, the gateway's side from its metrics, and the budgets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

SAMPLE = re.compile(r"^(sidgate_\w+?)(?:\{(.*)\})? ([\d.e+-]+|NaN|\+Inf)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
TIERS = ("local", "shared", "store")


class Metrics:
    """Prometheus text at one moment."""

    def __init__(self, text: str) -> None:
        self.samples = [
            (name, dict(LABEL.findall(labels or "")), float(value))
            for name, labels, value in SAMPLE.findall(text)
        ]

    def sum(self, name: str, **labels: str) -> float:
        return sum(value for value in self.values(name, **labels))

    def values(self, name: str, **labels: str) -> Iterator[float]:
        for found, its, value in self.samples:
            if found == name and labels.items() <= its.items():
                yield value

    def bounds(self, name: str) -> list[float]:
        return sorted({float(its["le"]) for found, its, _ in self.samples if found == f"{name}_bucket"})


class Between:
    """What happened between two moments."""

    def __init__(self, before: str, after: str) -> None:
        self.before, self.after = Metrics(before), Metrics(after)

    def count(self, name: str, **labels: str) -> float:
        return self.after.sum(name, **labels) - self.before.sum(name, **labels)

    def quantile(self, name: str, share: float, **labels: str) -> float | None:
        """Interpolated within its bucket, as Prometheus does; `None` if nothing was observed."""
        total = self.count(f"{name}_count", **labels)
        low, seen = 0.0, 0.0
        for bound in self.after.bounds(name):
            text = "+Inf" if bound == float("inf") else None
            here = self.bucket(name, bound, text, labels)
            if total > 0 and here >= share * total:
                if text:
                    return low
                return low + (bound - low) * (share * total - seen) / max(here - seen, 1)
            low, seen = bound, here
        return None

    def bucket(self, name: str, bound: float, text: str | None, labels: dict[str, str]) -> float:
        def at(metrics: Metrics) -> float:
            return sum(
                value
                for found, its, value in metrics.samples
                if found == f"{name}_bucket"
                and labels.items() <= its.items()
                and (its["le"] == text if text else float(its["le"]) == bound)
            )

        return at(self.after) - at(self.before)


@dataclass(frozen=True)
class Budgets:
    """What is demanded. Shares between 0 and 1."""

    error_rate: float = 0.0
    hit_rate: float = 0.85
    own_p95_ms: float = 10.0


def percentile(times: dict[str, int], share: float) -> float | None:
    """Milliseconds, of a histogram whose keys are microseconds."""
    wanted, seen = share * sum(times.values()), 0
    for micros, count in sorted((int(micros), count) for micros, count in times.items()):
        seen += count
        if seen >= wanted:
            return micros / 1000
    return None


def users_side(report: dict) -> dict:
    """From goose's JSON report: what there was of each kind of request, and how long users waited."""
    raw = report["raw_metrics"]
    kinds = []
    for entry in sorted(raw["requests"].values(), key=lambda entry: entry["path"]):
        times, count = entry["raw_data"]["times_us"], entry["success_count"] + entry["fail_count"]
        kinds.append({
            "name": entry["path"],
            "requests": count,
            "failed": entry["fail_count"],
            "per_second": count / max(raw["duration"], 1),
            **{f"p{at}_ms": percentile(times, at / 100) for at in (50, 95, 99)},
        })  # fmt: skip
    return {"kinds": kinds}


def gateways_side(between: Between) -> dict:
    """Where sessions came from, and how long it took the gateway to find out."""
    found = {tier: between.count("sidgate_resolve_total", tier=tier) for tier in TIERS}
    total = sum(found.values())
    p95 = between.quantile("sidgate_resolve_seconds", 0.95)
    return {
        "requests": between.count("sidgate_requests_total"),
        "tiers": {tier: count / total if total else None for tier, count in found.items()},
        "hit_rate": found["local"] / total if total else None,
        "own_p95_ms": None if p95 is None else 1000 * p95,
        "own_p95_ms_by_tier": {
            tier: None if value is None else 1000 * value
            for tier in TIERS
            for value in [between.quantile("sidgate_resolve_seconds", 0.95, tier=tier)]
        },
        "logins": between.count("sidgate_sessions_created_total", how="login"),
        "migrated": between.count("sidgate_migration_total", result="migrated"),
        "revoked": between.count("sidgate_sessions_revoked_total"),
        "contradictions": between.after.sum("sidgate_cache_inconsistent_total"),
    }


def progress(between: Between) -> str:
    """One line about the last seconds."""
    count, p95 = between.count, between.quantile("sidgate_resolve_seconds", 0.95)
    own = "–" if p95 is None else f"{1000 * p95:.2f} ms"
    without = sum(count("sidgate_resolve_total", tier="none", result=it) for it in ("not_asked", "no_cookie"))
    unknown = count("sidgate_resolve_total", tier="none") - without
    return (
        f"{count('sidgate_requests_total'):7,.0f} requests, {count('sidgate_sessions_created_total'):5,.0f} sessions begun, "
        f"{count('sidgate_sessions_revoked_total'):5,.0f} ended, own share p95 {own}, {unknown:,.0f} not found out"
    )


def verdicts(budgets: Budgets, error_rate: float, gateway: dict | None) -> list[dict]:
    """Each budget, what was measured, and whether it was met. What could not be measured is not met."""
    rows = [("error rate", error_rate, budgets.error_rate, error_rate <= budgets.error_rate)]
    if gateway is not None:
        hits, own = gateway["hit_rate"], gateway["own_p95_ms"]
        rows.append(("hit rate", hits, budgets.hit_rate, hits is not None and hits >= budgets.hit_rate))
        rows.append(("own share p95, ms", own, budgets.own_p95_ms, own is not None and own <= budgets.own_p95_ms))
        wrong = gateway["contradictions"]
        rows.append(("contradictions", wrong, 0, wrong == 0))
    return [
        {"what": what, "measured": measured, "budget": budget, "met": met}
        for what, measured, budget, met in rows
    ]
