"""The faults of a long day. Each does its harm for some seconds and undoes it; what it finds wrong it says."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from day_stack import NODES, Fleet, Gateway

# The tenant of every user of the app (`somebody` in benches/src).
TENANT = "tenant-1"
PAGE = "/reports/2026/11"
# Seconds that a fault lasts.
SHORTEST, LONGEST = 5, 12
# From the end of a fault until everything is to be well again.
SETTLE = 10
# A user that was logged out goes on through the pages of the visit, and begins another one after that.
VISIT = 30

Wrong = list[str]


def redis_killed(fleet: Fleet, _: Gateway, seconds: float) -> Wrong:
    fleet.redis.kill()
    try:
        time.sleep(seconds)
    finally:
        fleet.redis.start()
    return []


def redis_frozen(fleet: Fleet, _: Gateway, seconds: float) -> Wrong:
    fleet.redis.signal(signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        fleet.redis.signal(signal.SIGCONT)
    return []


def redis_flushed(fleet: Fleet, _: Gateway, _seconds: float) -> Wrong:
    fleet.redis_cli("FLUSHALL")
    return []


def postgres_away(word: str) -> Callable[[Fleet, Gateway, float], Wrong]:
    def fault(fleet: Fleet, _: Gateway, seconds: float) -> Wrong:
        fleet.postgres.say(word)
        try:
            time.sleep(seconds / 2)
        finally:
            fleet.postgres.say("start")
        return []

    return fault


def postgres_frozen(fleet: Fleet, _: Gateway, seconds: float) -> Wrong:
    fleet.postgres.say("freeze")
    try:
        time.sleep(seconds)
    finally:
        fleet.postgres.say("thaw")
    return []


def connections_ended(fleet: Fleet, _: Gateway, _seconds: float) -> Wrong:
    fleet.psql("-c", "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'sidgate'")
    return []


def line(to_redis: bool, mode: str) -> Callable[[Fleet, Gateway, float], Wrong]:
    def fault(fleet: Fleet, gateway: Gateway, seconds: float) -> Wrong:
        number = gateway.number + NODES * to_redis
        fleet.lines.say(f"{number} {mode}")
        try:
            time.sleep(seconds)
        finally:
            fleet.lines.say(f"{number} well")
        return []

    return fault


def gateway_killed(_: Fleet, gateway: Gateway, seconds: float) -> Wrong:
    gateway.kill()
    try:
        time.sleep(seconds)
    finally:
        gateway.start()
    return []


def gateway_upgraded(_: Fleet, gateway: Gateway, _seconds: float) -> Wrong:
    gateway.upgrade()
    return []


def gateway_reloaded(_: Fleet, gateway: Gateway, _seconds: float) -> Wrong:
    gateway.reload()
    return []


def app_killed(fleet: Fleet, _: Gateway, seconds: float) -> Wrong:
    fleet.apps[0].kill()
    try:
        time.sleep(seconds)
    finally:
        fleet.apps[0].start()
    return []


def tenant_revoked(fleet: Fleet, gateway: Gateway, _seconds: float) -> Wrong:
    """Everybody is logged out. A session that every gateway knows is refused by every gateway when the answer is there."""
    login = {"email": f"canary{time.time_ns()}@example.com", "password": "correct horse battery"}
    status, _, cookie = gateway.ask("/api/auth/session-v2", login)
    if status != 201:
        return [f"the canary's login was answered with {status}"]
    wrong = [f"{one.name} does not admit the canary" for one in fleet.gateways if one.ask(PAGE, cookie=cookie)[0] != 200]
    status, said, _ = gateway.ask("/api/admin/revocations", {"tenant": TENANT, "wait": "all"}, admin=True)
    if status != 200:
        return [*wrong, f"the revocation was answered with {status}"]
    # A gateway that cannot find out in time refuses as well, with 503.
    return wrong + [
        f"{one.name} admits a revoked session ({said})" for one in fleet.gateways if one.ask(PAGE, cookie=cookie)[0] == 200
    ]


@dataclass(frozen=True)
class Fault:
    name: str
    do: Callable[[Fleet, Gateway, float], Wrong]
    # The gateways that it may be done to; without any it concerns all.
    at: tuple[int, ...] = ()
    settle: float = SETTLE


EVERYWHERE = tuple(range(NODES))
# The first gateway is never started anew: its memory shows what a day leaves behind.
RESTARTED = EVERYWHERE[1:]

FAULTS = (
    Fault("Redis killed", redis_killed),
    Fault("Redis frozen", redis_frozen),
    Fault("Redis flushed", redis_flushed),
    Fault("PostgreSQL restarted", postgres_away("stop")),
    Fault("PostgreSQL crashed", postgres_away("crash")),
    Fault("PostgreSQL frozen", postgres_frozen),
    Fault("connections terminated", connections_ended),
    Fault("line to PostgreSQL cut", line(False, "cut"), EVERYWHERE),
    Fault("line to PostgreSQL held", line(False, "held"), EVERYWHERE),
    Fault("line to PostgreSQL late", line(False, "late"), EVERYWHERE),
    Fault("line to Redis cut", line(True, "cut"), EVERYWHERE),
    Fault("line to Redis held", line(True, "held"), EVERYWHERE),
    Fault("line to Redis late", line(True, "late"), EVERYWHERE),
    Fault("gateway killed", gateway_killed, RESTARTED),
    Fault("gateway upgraded", gateway_upgraded, RESTARTED),
    Fault("gateway reloaded", gateway_reloaded, EVERYWHERE),
    Fault("app server killed", app_killed),
    Fault("tenant revoked", tenant_revoked, EVERYWHERE, settle=VISIT),
)


@dataclass(frozen=True)
class Planned:
    fault: Fault
    gateway: int | None
    seconds: float

    @property
    def what(self) -> str:
        return self.fault.name if self.gateway is None else f"{self.fault.name}, gateway {self.gateway}"


def plan(seed: int) -> Iterator[Planned]:
    """Without end. Every fault comes once before any comes again; the same seed gives the same day."""
    dice = random.Random(seed)
    while True:
        for fault in dice.sample(FAULTS, len(FAULTS)):
            gateway = dice.choice(fault.at) if fault.at else None
            yield Planned(fault, gateway, dice.uniform(SHORTEST, LONGEST))
