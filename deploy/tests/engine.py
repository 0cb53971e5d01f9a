"""In the place of `docker compose`, for deploy/container/prepare: `run` of the service sidgate, and nothing else.

engine.py FOLDER PATH=FILE.. -- run --rm --no-deps -T sidgate ARGUMENTS..
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from container import Host

ASKED = ["run", "--rm", "--no-deps", "-T", "sidgate"]


def main() -> None:
    end = sys.argv.index("--")
    folder, mounts, asked = Path(sys.argv[1]), sys.argv[2:end], sys.argv[end + 1 :]
    if asked[: len(ASKED)] != ASKED:
        sys.exit(f"not {' '.join(ASKED)}: {' '.join(asked)}")
    home = folder / "engine"
    home.mkdir(mode=0o755, exist_ok=True)
    host = Host(home, [])
    pairs = dict(pair.split("=", 1) for pair in mounts)
    command = host.command(asked[len(ASKED) :], {path: Path(file) for path, file in pairs.items()})
    os.execvpe(command[0], command, host.environ())


if __name__ == "__main__":
    main()
