"""What the long day calls flat, and that a figure that leaks is not."""

import itertools
import json
import random
import socket
import sys
from pathlib import Path

import pytest

BENCHES = Path(__file__).resolve().parent.parent.parent / "benches"
sys.path[:0] = [str(BENCHES / "fleet"), str(BENCHES / "load"), str(BENCHES)]

import day_faults
import day_judge
import day_report
from day_judge import Series, Tolerance, Window
from day_requests import Request
from day_stack import Told

HOURS = 2
LENGTH = HOURS * 3600.0
# One fault a minute, of ten seconds and ten more to recover.
WINDOWS = [Window(minute * 60 + 20, minute * 60 + 40, f"fault {minute}") for minute in range(HOURS * 60)]


def series(figure, share=0.05, least=2.0):
    """A sample every ten seconds; `figure` is one of the time in hours."""
    noise = random.Random(1)
    points = [(at, figure(at / 3600) + noise.uniform(-1, 1)) for at in range(0, int(LENGTH), 10)]
    return Series("memory", "MiB", Tolerance(share, least), points)


def verdict(figure, **more):
    return day_judge.judge(series(figure, **more), WINDOWS, LENGTH)


def test_what_stays_is_flat():
    seen = verdict(lambda hours: 60)
    assert seen.flat, seen
    assert seen.level == pytest.approx(60, abs=0.5)
    assert abs(seen.per_hour) < 0.5


def test_a_leak_is_found():
    seen = verdict(lambda hours: 60 + 4 * hours)
    assert seen.flat is False
    assert seen.per_hour == pytest.approx(4, abs=0.5)
    assert "an hour" in seen.why


def test_a_leak_below_the_tolerance_is_none():
    assert verdict(lambda hours: 60 + 2 * hours).flat


def test_warming_up_is_no_leak():
    assert verdict(lambda hours: 60 * min(hours, 0.9)).flat


def test_what_falls_is_flat():
    assert verdict(lambda hours: 60 - 20 * hours).flat


def test_a_step_that_stays_is_found_with_its_fault():
    # The slope alone would let it pass: before and after it nothing rises.
    late = verdict(lambda hours: 60 + (8 if hours > 1.9 else 0))
    assert late.flat is False
    assert late.per_hour < late.tolerance
    assert late.why.endswith("at: fault 114")


def test_a_step_that_goes_away_is_none():
    assert verdict(lambda hours: 60 + (8 if 1.4 < hours < 1.5 else 0)).flat


def test_moments_within_faults_do_not_count():
    whole = series(lambda hours: 60)
    risen = [(at, value + (at / 10 if day_judge.inside(WINDOWS, at) else 0)) for at, value in whole.points]
    seen = day_judge.judge(Series("memory", "MiB", whole.tolerance, risen), WINDOWS, LENGTH)
    assert seen.flat, seen


def test_a_count_has_an_absolute_tolerance():
    assert verdict(lambda hours: 0 if hours < 1.5 else 0.4, share=0, least=2.5).flat
    assert verdict(lambda hours: 40 + 3 * hours, share=0, least=2.5).flat is False


def test_a_short_run_takes_noise_for_no_leak():
    points = [(at, 50 + at / 600) for at in range(0, 1200, 10)]
    # Six an hour, and one in the ten minutes that are judged.
    assert day_judge.judge(Series("descriptors", "", Tolerance(0, 2.5), points), [], 1200.0).flat


def test_too_little_is_not_flat():
    short = Series("memory", "MiB", Tolerance(0.05, 2), [(at, 60.0) for at in range(0, 100, 10)])
    assert day_judge.judge(short, [], 100.0).flat is None


def test_a_request_counts_to_the_window_that_any_part_of_it_touches():
    windows = [Window(20, 40, "a fault")]
    assert day_judge.inside(windows, 19.0, 19.9) is None
    assert day_judge.inside(windows, 19.0, 20.1).what == "a fault"
    assert day_judge.inside(windows, 39.0, 45.0).what == "a fault"
    assert day_judge.inside(windows, 40.1, 45.0) is None


# === The plan of faults ===


def test_every_fault_comes_once_before_any_comes_again():
    names = [planned.fault.name for planned in itertools.islice(day_faults.plan(3), 2 * len(day_faults.FAULTS))]
    every = sorted(fault.name for fault in day_faults.FAULTS)
    assert sorted(names[: len(every)]) == sorted(names[len(every) :]) == every


def test_a_seed_gives_the_same_day_again():
    def first(seed):
        return list(itertools.islice(day_faults.plan(seed), 40))

    assert first(3) == first(3)
    assert first(3) != first(4)


def test_the_first_gateway_is_never_started_anew():
    days = itertools.islice(day_faults.plan(5), 500)
    hit = {planned.gateway for planned in days if planned.fault.name in ("gateway killed", "gateway upgraded")}
    assert hit == {1, 2}


# === From what a run has written to its judgement ===


def gateway(at, leak):
    return {
        "number": 0, "processes": 1, "pid": 7, "log": 1000 * at, "age": at + 300, "rss": 60 + leak * at / 3600, "descriptors": 50, "threads": 9,
        "connections": {place: 4 for place in ("postgres", "redis", "apps", "half", "elsewhere")}, "metrics": {},
    }  # fmt: skip


def written(folder, leak=0.0, bloat=0.0, requests=(), wrong=()):
    """What a run of two hours leaves behind."""
    faults = [{"what": "Redis frozen", "gateway": None, "begin": window.begin + 0.5} for window in WINDOWS]
    lines = [{"kind": "begin", "minutes": 120, "users": 50, "every": 60, "seed": 1, "machine": "one", "day": "2026-11-30"}]
    for at in range(10, int(LENGTH) + 1, 10):
        table = {"heap": 500 * 5000 * (1 + bloat * at / 3600), "indexes": 300 * 5000, "rows": 5000, "dead": 0}
        lines.append({
            "kind": "sample", "at": at, "gateways": [gateway(at, leak)], "redis": None,
            "postgres": {"connections": 20, "idle_in_transaction": 0, "wal": 2**20 * at, "tables": {"sidgate_session": table}},
        })  # fmt: skip
    for fault, window in zip(faults, WINDOWS, strict=True):
        lines.append({"kind": "fault", **fault})
        undone = {"undone": window.end - 10, "end": window.end, "ready": 0.2, "wrong": list(wrong)}
        lines.append({"kind": "undone", **fault, **undone})
    (folder / "day.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "day.requests.tsv").write_text("".join(f"{request.line()}\n" for request in requests))


def asked(begin, status=200, **more):
    wanted = {"took": 0.01, "is_good": status == 200, "again": False, "host": "localhost:1", "name": "browse"}
    return Request(begin, status=status, **{**wanted, **more})


def test_a_good_day_has_no_complaint(tmp_path):
    written(tmp_path, requests=[asked(70.0), asked(85.0, 503)])
    judged = day_report.judged(tmp_path)
    assert judged.complaints == []
    assert "| outside fault windows | 1 | 0 | 10.0 | 10.0 | 10 | none |" in judged.text
    assert "| inside fault windows | 1 | 1 | 10.0 | 10.0 | 10 | 1 × 503 |" in judged.text
    assert "Written an hour: 3,600.0 MiB of WAL, 3.4 MiB of log" in judged.text
    assert "| Redis frozen | 120 | 1 | 1 | 1 × 503 | 0.2 | 0.0 |" in judged.text


def test_memory_that_leaks_is_a_complaint(tmp_path):
    written(tmp_path, leak=5.0)
    [complaint] = day_report.judged(tmp_path).complaints
    assert complaint == "not flat: gateway 0: RSS rises by 5.00 MiB an hour"


def test_what_a_session_leaves_in_bounded_lists_is_no_leak(tmp_path):
    logins = [asked(at / 3, 201, is_good=True, name="log in") for at in range(int(LENGTH) * 3)]
    # 10,800 sessions an hour, of which each may leave half a KiB behind: 5.3 MiB, and 3 MiB beside them.
    written(tmp_path, leak=8.0, requests=logins)
    assert day_report.judged(tmp_path).complaints == []
    written(tmp_path, leak=9.0, requests=logins)
    assert len(day_report.judged(tmp_path).complaints) == 1


def test_a_table_that_bloats_is_a_complaint(tmp_path):
    written(tmp_path, bloat=0.6)
    [complaint] = day_report.judged(tmp_path).complaints
    assert complaint.startswith("not flat: sidgate_session: heap rises by 300.00 bytes a row")


def test_a_request_that_fails_outside_of_faults_is_a_complaint(tmp_path):
    written(tmp_path, requests=[asked(70.0, 503), asked(71.0, is_good=False, again=True)])
    judged = day_report.judged(tmp_path)
    assert len(judged.complaints) == 2
    # Its answer was wrong, and it is no other request.
    assert "| outside fault windows | 1 | 2 |" in judged.text


def test_what_a_fault_finds_wrong_is_a_complaint(tmp_path):
    written(tmp_path, wrong=["a gateway is not ready"])
    assert len(day_report.judged(tmp_path).complaints) == len(WINDOWS)


def test_a_request_is_kept_as_it_was():
    request = asked(1.5, 0, error="connection refused")
    assert Request.of_line(request.line()) == request


def test_a_row_of_the_request_log_becomes_a_request():
    row = {
        "elapsed": "1500", "raw": 'GooseRawRequest { method: Get, url: "http://localhost:3/a?b", headers: [] }', "name": "browse",
        "response_time_us": "2500", "status_code": "503", "success": "false", "error": "503 Service\nUnavailable",
    }  # fmt: skip
    assert Request.of_log(row, 0.25) == Request(1.75, 0.0025, 503, False, False, "localhost:3", "browse", "503 Service Unavailable")


def test_a_wrong_answer_is_read_from_the_debug_log():
    raw = {"method": "Get", "url": "http://localhost:3/api/auth/session-v2"}
    asked = {"elapsed": 1500, "raw": raw, "name": "revalidate", "response_time": 2, "status_code": 200}
    line = json.dumps({"tag": "the gateway is wrong about a session", "request": asked, "header": None, "body": None})
    found = Request.of_debug_log(line, 0.25)
    assert found == Request(1.75, 0.002, 200, False, True, "localhost:3", "revalidate", "the gateway is wrong about a session")


# === Lines ===


def test_a_line_is_cut_held_and_well_again():
    with socket.create_server(("127.0.0.1", 0)) as server:
        lines = Told(sys.executable, BENCHES / "fleet/day_lines.py", server.getsockname()[1])
        port = int(lines.first)

        def connected():
            near = socket.create_connection(("127.0.0.1", port), 5)
            far, _ = server.accept()
            near.settimeout(5)
            return near, far

        near, far = connected()
        far.send(b"before")
        assert near.recv(9) == b"before"
        lines.say("0 held")
        far.send(b"held")
        near.settimeout(0.2)
        with pytest.raises(TimeoutError):
            near.recv(9)
        near.settimeout(5)
        lines.say("0 well")
        assert near.recv(9) == b"held"
        lines.say("0 cut")
        with pytest.raises(ConnectionResetError):
            near.recv(9)
        lines.say("0 well")
        again, _ = connected()
        for one in (near, far, again):
            one.close()
        lines.close()
