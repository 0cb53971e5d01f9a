#!/usr/bin/env python3
"""Writes the test vectors: tokens that Sidgate and its apps sign, and tokens that must be refused.

    clients/vectors/generate.py            writes the three JSON files anew
    clients/vectors/generate.py --check    exit code 1 if they are not what would be written

Standard library only, and none of the code under test: an opinion of its own. The same input gives
the same bytes. The format is described in README.md.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path

# A check leaves nothing behind in the tree that it looks at.
sys.dont_write_bytecode = True
import assertions  # noqa: E402
import backend_requests  # noqa: E402
import events  # noqa: E402
from signing import KEYS, LEEWAY, Json  # noqa: E402

HERE = Path(__file__).resolve().parent


def file(about: str, issuer: str, audience: str, cases: Iterator[Json]) -> bytes:
    listed = list(cases)
    names = [case["name"] for case in listed]
    if len(set(names)) != len(names):
        raise SystemExit(f"a name appears twice: {sorted(names)}")
    content = {
        "about": about,
        "issuer": issuer,
        "audience": audience,
        "leeway": LEEWAY,
        "keys": {name: base64.b64encode(key).decode() for name, key in KEYS.items()},
        "cases": listed,
    }
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def files() -> dict[str, bytes]:
    return {
        "assertions.json": file(
            "X-Session-Assertion, received by the app `next`", "sidgate", "next", assertions.cases()
        ),
        "events.json": file(
            "X-Session-Event, received from the app `django`", "django", "sidgate", events.cases()
        ),
        "backend-requests.json": file(
            "X-Sidgate-Request, received by the app `django`",
            "sidgate",
            "django:backend",
            backend_requests.cases(),
        ),
    }


def main() -> int:
    if sys.argv[1:] not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = 0
    for name, content in files().items():
        path = HERE / name
        if path.exists() and path.read_bytes() == content:
            continue
        if sys.argv[1:]:
            print(f"{name} is not what generate.py writes", file=sys.stderr)
            stale = 1
        else:
            path.write_bytes(content)
            print(f"wrote {name}")
    return stale


if __name__ == "__main__":
    sys.exit(main())
