"""What a load run makes of its figures, and that a missed budget is one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHES = Path(__file__).resolve().parent.parent.parent / "benches"
sys.path[:0] = [str(BENCHES / "load"), str(BENCHES)]

import measure
import stack
import tables


def text(local: int, store: int, fast: int, slow: int) -> str:
    return f"""# HELP sidgate_resolve_total Session look-ups.
sidgate_resolve_total{{result="active",tier="local"}} {local}
sidgate_resolve_total{{result="absent",tier="store"}} {store}
sidgate_resolve_total{{result="forged",tier="none"}} 7
sidgate_resolve_seconds_bucket{{tier="local",le="0.001"}} {fast}
sidgate_resolve_seconds_bucket{{tier="local",le="0.01"}} {fast + slow}
sidgate_resolve_seconds_bucket{{tier="local",le="+Inf"}} {fast + slow}
sidgate_resolve_seconds_count{{tier="local"}} {fast + slow}
sidgate_cache_inconsistent_total 0
"""


def test_only_what_happened_meanwhile_counts():
    seen = measure.gateways_side(measure.Between(text(100, 900, 10, 10), text(190, 910, 110, 10)))
    assert seen["tiers"] == {"local": 0.9, "shared": 0.0, "store": 0.1}
    assert seen["own_p95_ms"] == pytest.approx(0.95)


def test_a_quantile_is_interpolated_within_its_bucket():
    between = measure.Between(text(0, 0, 0, 0), text(0, 0, 90, 10))
    assert between.quantile("sidgate_resolve_seconds", 0.5) == pytest.approx(0.001 * 50 / 90)
    assert between.quantile("sidgate_resolve_seconds", 0.95) == pytest.approx(0.001 + 0.009 * 0.5)
    assert between.quantile("sidgate_resolve_seconds", 0.5, tier="store") is None


def test_users_wait_as_long_as_goose_has_counted():
    times = {"4288": 90, "900": 5, "120000": 5}
    entry = {"path": "browse", "success_count": 99, "fail_count": 1, "raw_data": {"times_us": times}}
    [kind] = measure.users_side({"raw_metrics": {"duration": 10, "requests": {"GET browse": entry}}})["kinds"]
    assert kind == {
        "name": "browse", "requests": 100, "failed": 1, "per_second": 10.0, "p50_ms": 4.288, "p95_ms": 4.288, "p99_ms": 120.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("errors", "hits", "own", "wrong", "missed"),
    [
        (0.0, 0.85, 10.0, 0, []),
        (0.0001, 0.9, 1.0, 0, ["error rate"]),
        (0.0, 0.8499, 1.0, 0, ["hit rate"]),
        (0.0, 0.9, 10.01, 0, ["own share p95, ms"]),
        (0.0, 0.9, 1.0, 1, ["contradictions"]),
        # What could not be measured is not met.
        (0.0, None, None, 0, ["hit rate", "own share p95, ms"]),
    ],
)
def test_budgets(errors, hits, own, wrong, missed):
    gateway = {"hit_rate": hits, "own_p95_ms": own, "contradictions": wrong}
    verdicts = measure.verdicts(measure.Budgets(), errors, gateway)
    assert [verdict["what"] for verdict in verdicts if not verdict["met"]] == missed


def test_without_an_admin_listener_only_errors_are_judged():
    assert [verdict["what"] for verdict in measure.verdicts(measure.Budgets(), 0.0, None)] == ["error rate"]


@pytest.mark.parametrize("host", ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:3000"])
def test_this_machine(host):
    assert stack.is_loopback(host)


@pytest.mark.parametrize("host", ["http://192.0.2.7", "http://127.0.0.1.invalid", "localhost:3000", "http://localhost@192.0.2.7/"])
def test_another_machine_is_not_loaded_by_accident(host):
    assert not stack.is_loopback(host)


def test_a_missed_budget_is_seen_in_the_table():
    kind = {"name": "browse", "requests": 10, "failed": 1, "per_second": 1.0, "p50_ms": 1, "p95_ms": 2, "p99_ms": 3}
    result = {
        "profile": "smoke", "users": 5, "run_time": "30s", "requests": 10, "failed": 1, "kinds": [kind], "gateway": None,
        "budgets": measure.verdicts(measure.Budgets(), 0.1, None),
    }  # fmt: skip
    lines = tables.table([json.loads(json.dumps(result))]).splitlines()
    assert lines[2] == "| smoke | 5 | 30s | 10 | 1 | 1 | **missed: error rate** |"
    widths = [line.count("|") for line in lines if line]
    assert widths == [8, 8, 8, 7, 7, 7]


def test_every_profile_has_a_place_in_the_document():
    listed = subprocess.run([BENCHES / "load/run", "--help"], capture_output=True, text=True, check=True).stdout
    assert f"{{{','.join(tables.ORDER)}}}" in listed
