"""The figures of a long day that are judged, from its samples, and what an hour may add to each."""

from __future__ import annotations

import itertools

from day_judge import Series, Tolerance

MIB = 2**20
# A gateway remembers by number and not by time: the last 100,000 events, 50,000 sessions that have ended, 100,000 names at each
# limit. Until these lists are full, each session that begins and ends adds an entry to some of them.
REMEMBERED_BYTES = 512
# Counts: one thing that is lost for good at each fault of a kind is three to four an hour.
COUNT = Tolerance(0, 2.5)
NOTHING = Tolerance(0, 0.5)
# Of a row, with its place in all indexes. Autovacuum lets a fifth of a table be dead rows before it comes, and the first rows lie
# closer together than any later ones. Where dead rows stay, a table of sessions doubles within an hour.
ROW = Tolerance(0.25, 50)
TABLE_MIB = Tolerance(0.25, 0.25)
KEY = Tolerance(0.10, 100)
# Smaller tables are judged whole.
ROWS_MIN = 100
KEYS_MIN = 1000
# A process that has just begun opens its connections one by one.
YOUNG_SECONDS = 120


def memory(sessions_an_hour: float) -> Tolerance:
    """2 MiB an hour are 48 MiB a day."""
    return Tolerance(0.05, 2, sessions_an_hour * REMEMBERED_BYTES / MIB)


def series(samples: list[dict], sessions_an_hour: float) -> list[Series]:
    numbers = range(len(samples[0]["gateways"])) if samples else ()
    found = [one for number in numbers for one in of_gateway(samples, number, memory(sessions_an_hour))]
    return [*found, *of_postgres(samples), *of_redis(samples)]


def points(samples: list[dict], figure) -> list[tuple[float, float]]:
    """Where there is one."""
    pairs = ((sample["at"], figure(sample)) for sample in samples)
    return [(at, value) for at, value in pairs if value is not None]


def of_gateway(samples: list[dict], number: int, rss: Tolerance) -> list[Series]:
    def of(name: str, unit: str, tolerance: Tolerance, figure, grown: bool = True) -> Series:
        def value(sample: dict) -> float | None:
            one = sample["gateways"][number]
            if grown and one.get("age", 0) < YOUNG_SECONDS:
                return None
            return figure(one)

        return Series(f"gateway {number}: {name}", unit, tolerance, points(samples, value))

    found = [
        of("descriptors", "", COUNT, lambda one: one["descriptors"]),
        of("threads", "", COUNT, lambda one: one["threads"]),
        of("processes", "", NOTHING, lambda one: one["processes"], grown=False),
        *(
            of(f"connections, {place}", "", COUNT, lambda one, place=place: one["connections"][place])
            for place in ("postgres", "redis", "apps", "half", "elsewhere")
        ),
        of("reads under way", "", COUNT, lambda one: one["metrics"].get("sidgate_bulkhead_in_use")),
    ]
    pids = {sample["gateways"][number].get("pid") for sample in samples} - {None}
    # A process that starts anew begins with little; only one that lives all day shows what it does not give back.
    if len(pids) == 1:
        found[:0] = [of("RSS", "MiB", rss, lambda one: one["rss"])]
    return found


def of_postgres(samples: list[dict]) -> list[Series]:
    said = [{"at": sample["at"], **sample["postgres"]} for sample in samples if sample["postgres"]]
    names = sorted({name for sample in said for name in sample["tables"]})
    return [
        Series("PostgreSQL: connections", "", COUNT, points(said, lambda sample: sample["connections"])),
        Series("PostgreSQL: idle in transaction", "", NOTHING, points(said, lambda sample: sample["idle_in_transaction"])),
        *(one for name in names for one in of_table(said, name)),
    ]


def of_table(said: list[dict], name: str) -> list[Series]:
    tables = [{"at": sample["at"], **sample["tables"][name]} for sample in said if name in sample["tables"]]
    # A file does not shrink when rows go: it is as large as the most rows needed.
    most = itertools.accumulate((table["rows"] for table in tables), max)
    tables = [{**table, "most": rows} for table, rows in zip(tables, most, strict=True)]
    second_half = [table for table in tables if table["at"] >= said[-1]["at"] / 2]
    if min((table["rows"] for table in second_half), default=0) >= ROWS_MIN:
        return [
            Series(f"{name}: {part}", "bytes a row", ROW, points(tables, lambda it, part=part: it[part] / max(it["most"], 1)))
            for part in ("heap", "indexes")
        ]
    return [Series(name, "MiB", TABLE_MIB, points(tables, lambda it: (it["heap"] + it["indexes"]) / MIB))]


def of_redis(samples: list[dict]) -> list[Series]:
    said = [{"at": sample["at"], **sample["redis"]} for sample in samples if sample["redis"]]
    # An empty Redis takes memory for itself alone.
    full = [sample for sample in said if sample["keys"] >= KEYS_MIN]
    return [
        Series("Redis: clients", "", COUNT, points(said, lambda sample: sample["clients"])),
        Series("Redis: memory", "bytes a key", KEY, points(full, lambda sample: sample["memory"] / sample["keys"])),
    ]
