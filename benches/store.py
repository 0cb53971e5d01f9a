#!/usr/bin/env python3
"""What PostgreSQL and SQLite do in a second: logins, look-ups, logouts and what else asks the store.

    benches/store.py [--rounds 3] [--seconds 2] [--before FOLDER] [--no-flush]

Each operation by one caller, and by 32 at once, straight on the store and without a network: what a login costs beyond that
is the app's. Every commit waits for the disk, so the disk decides most figures; with --no-flush that of PostgreSQL does not
count. --before names the folder of another build's programs, which take turns with this one's. Medians of the rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parent / "load"))

import compare
import stack

CALLERS = (1, 32)
STORES = ("PostgreSQL", "SQLite")


@contextlib.contextmanager
def database(store: str, flush: bool) -> Iterator[str]:
    """An empty one."""
    if store == "PostgreSQL":
        with stack.postgresql(*(["fsync=on"] if flush else [])) as url:
            yield url
    else:
        with tempfile.TemporaryDirectory(prefix="sidgate-bench-") as folder:
            yield f"sqlite:{folder}/store.db"


def once(binaries: Path, url: str, callers: int, seconds: float) -> list[dict]:
    command = [binaries / "store", url, str(callers), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise compare.Failed(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def measure(builds: list[Path], rounds: int, seconds: float, flush: bool = True) -> str:
    """A Markdown table. Builds take turns within a round, each on a new database."""
    found = defaultdict(list)
    for _ in range(rounds):
        for store in STORES:
            for callers in CALLERS:
                for at, binaries in enumerate(builds):
                    with database(store, flush) as url:
                        for result in once(binaries, url, callers, seconds):
                            found[store, callers, result["what"], at].append(result)
    columns = ("per second", "p50, ms", "p99, ms")
    names = [""] if len(builds) == 1 else ["before: ", ""]
    head = ["store", "callers", "operation", *(name + column for name in names for column in columns)]
    rows = []
    for store, callers, what in dict.fromkeys(key[:3] for key in found):
        row = [store, str(callers), what]
        for at in range(len(builds)):
            results = found[store, callers, what, at]
            middle = {
                key: statistics.median(result[key] for result in results)
                for key in ("per_second", "p50_us", "p99_us")
            }
            row += [f"{middle['per_second']:,.0f}", f"{middle['p50_us'] / 1e3:.2f}", f"{middle['p99_us'] / 1e3:.2f}"]
        rows.append(row)
    lines = [head, ["---" if at in (0, 2) else "---:" for at in range(len(head))], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--no-flush", action="store_true")
    options = parser.parse_args()
    builds = [*([options.before] if options.before else []), stack.RELEASE]
    try:
        print(measure(builds, options.rounds, options.seconds, not options.no_flush))
    except compare.Failed as failure:
        print(f"store: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
