"""What is looked at every ten seconds: gateways, PostgreSQL and Redis. What does not answer is told as nothing."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import urllib.request

import compare
import day_process
from day_stack import NODES, Fleet, Gateway
from measure import Metrics

# Whoever is frozen keeps nobody waiting.
SECONDS = 3
GAUGES = (
    "sidgate_local_sessions", "sidgate_local_bytes", "sidgate_bulkhead_in_use", "sidgate_lease_remaining_seconds",
    "sidgate_event_streams", "sidgate_forwarded_streams", "sidgate_upstream_connections", "sidgate_breaker_state",
    "sidgate_hard_reset_total", "sidgate_log_lines_lost_total", "sidgate_cache_inconsistent_total",
)  # fmt: skip
# Sessions and revocations are read as they are. `pg_stat_*` forgets its counts when the server crashes, so rows are counted.
TABLES = """
SELECT coalesce(json_object_agg(name, figures), '{}') FROM (
    SELECT c.relname AS name, json_build_object(
        'heap', pg_table_size(c.oid), 'indexes', pg_indexes_size(c.oid), 'dead', coalesce(s.n_dead_tup, 0),
        'rows', (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %I', c.relname), false, true, '')))[1]::text::bigint
    ) AS figures
    FROM pg_class c LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
    WHERE c.relkind = 'r' AND c.relname LIKE 'sidgate%') t
"""
SERVER = """
SELECT json_build_object(
    'connections', count(*) FILTER (WHERE application_name = 'sidgate'),
    'active', count(*) FILTER (WHERE application_name = 'sidgate' AND state = 'active'),
    'idle_in_transaction', count(*) FILTER (WHERE application_name = 'sidgate' AND state LIKE 'idle in%'),
    'wal', pg_current_wal_lsn() - '0/0'::pg_lsn, 'database', pg_database_size(current_database()))
FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()
"""


def gateway(fleet: Fleet, one: Gateway, sockets: dict[str, day_process.Socket]) -> dict:
    pids = one.pids()
    found = {"number": one.number, "processes": len(pids), "log": one.log.stat().st_size}
    if not pids:
        return found
    places = {
        fleet.line_ports[one.number]: "postgres",
        fleet.line_ports[NODES + one.number]: "redis",
        one.public: "clients",
        one.admin: "admin",
        **{app.port: "apps" for app in fleet.apps},
    }
    with contextlib.suppress(OSError):
        links = day_process.descriptors(pids[-1])
        found |= {
            "pid": pids[-1],
            "age": day_process.age(pids[-1]),
            **day_process.memory(pids[-1]),
            "descriptors": len(links),
            "connections": day_process.connections(links, sockets, places),
            "metrics": gauges(one),
        }
    return found


def gauges(one: Gateway) -> dict[str, float]:
    with contextlib.suppress(OSError, http.client.HTTPException):
        with urllib.request.urlopen(f"http://127.0.0.1:{one.admin}/metrics", timeout=SECONDS) as answer:
            metrics = Metrics(answer.read().decode())
        return {name: metrics.sum(name) for name in GAUGES}
    return {}


def postgres(fleet: Fleet) -> dict | None:
    with contextlib.suppress(compare.Failed, subprocess.TimeoutExpired, json.JSONDecodeError):
        server, tables = fleet.psql("-c", SERVER, "-c", TABLES, seconds=SECONDS).strip().splitlines()
        return {**json.loads(server), "tables": json.loads(tables)}
    return None


def redis(fleet: Fleet) -> dict | None:
    with contextlib.suppress(subprocess.SubprocessError):
        lines = fleet.redis_cli("INFO", seconds=SECONDS).splitlines()
        said = dict(line.split(":", 1) for line in lines if ":" in line)
        keys = said.get("db0", "keys=0").split(",")[0].split("=")[1]
        if "used_memory" in said:
            return {"memory": int(said["used_memory"]), "clients": int(said["connected_clients"]), "keys": int(keys)}
    return None


def sample(fleet: Fleet) -> dict:
    sockets = day_process.sockets()
    return {
        "load": os.getloadavg()[0],
        "gateways": [gateway(fleet, one, sockets) for one in fleet.gateways],
        "postgres": postgres(fleet),
        "redis": redis(fleet),
    }
