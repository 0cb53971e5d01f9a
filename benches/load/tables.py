#!/usr/bin/env python3
"""The tables of docs/performance.md, from what `benches/load/run` has left.

    benches/load/tables.py            prints Markdown
    benches/load/tables.py --write    puts it between the marks of docs/performance.md
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
RESULTS = ROOT / ".artefacts/load"
DOCUMENT = ROOT / "docs/performance.md"
ORDER = ("smoke", "standard", "stress", "migration-storm", "revocation-under-load", "peak")
BEGIN, END = "<!-- load: begin -->", "<!-- load: end -->"


def number(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def rows(head: tuple[str, ...], body: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" if at == 0 else "---:" for at in range(len(head))), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def table(results: list[dict]) -> str:
    """One line for each profile, then one for each kind of request."""
    whole, gateway, kinds = [], [], []
    for result in results:
        name = result["profile"]
        per_second = sum(kind["per_second"] for kind in result["kinds"])
        missed = [verdict["what"] for verdict in result["budgets"] if not verdict["met"]]
        whole.append((
            name, str(result["users"]), result["run_time"], number(result["requests"], 0), number(per_second, 0),
            str(result["failed"]), "met" if not missed else f"**missed: {', '.join(missed)}**",
        ))  # fmt: skip
        if own := result["gateway"]:
            tiers = own["tiers"]
            gateway.append((
                name, *(share(tiers[tier]) for tier in ("local", "shared", "store")), number(own["own_p95_ms"], 3),
                *(number(own[key], 0) for key in ("logins", "migrated", "revoked", "contradictions")),
            ))  # fmt: skip
        kinds += [
            (name, kind["name"], number(kind["requests"], 0),
             *(number(kind[key]) for key in ("p50_ms", "p95_ms", "p99_ms")))
            for kind in result["kinds"]
        ]  # fmt: skip
    parts = [rows(("profile", "users", "time", "requests", "requests/s", "failed", "budgets"), whole)]
    if gateway:
        head = ("profile", "from memory", "from Redis", "from the store", "own share p95, ms",
                "logins", "migrated", "ended", "contradictions")  # fmt: skip
        parts.append(rows(head, gateway))
    parts.append(rows(("profile", "request", "count", "p50, ms", "p95, ms", "p99, ms"), kinds))
    return "\n\n".join(parts)


def marked(document: str, begin: str, end: str) -> tuple[str, str]:
    """What is before and after the part between the marks."""
    found = document.partition(begin)[0], document.partition(end)[2]
    if [document.count(mark) for mark in (begin, end)] != [1, 1] or document.index(end) < document.index(begin):
        raise ValueError(f"the document must have {begin} and then {end}, each once")
    return found


def put(document: Path, begin: str, text: str, end: str) -> None:
    """Replaces what is between the marks."""
    before, after = marked(document.read_text(), begin, end)
    document.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def main() -> int:
    files = [RESULTS / f"{name}.json" for name in ORDER]
    results = [json.loads(file.read_text()) for file in files if file.exists()]
    if not results:
        print(f"there is nothing in {RESULTS}: benches/load/run", file=sys.stderr)
        return 1
    ran = sorted({f"{result['began']}, {result['machine']}" for result in results})
    text = f"{'; '.join(ran)}.\n\n{table(results)}"
    if "--write" in sys.argv:
        put(DOCUMENT, BEGIN, text, END)
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
