"""`scripts/schema-locks` measures every version of the schema."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MIGRATIONS = ROOT / "session-core/src/store/migrations/postgres"


def test_every_version_has_a_line_with_what_it_locks():
    done = subprocess.run(
        [ROOT / "scripts/schema-locks", "100"], capture_output=True, text=True, timeout=60, check=True
    )

    rows = [line.split(" | ") for line in done.stdout.splitlines() if re.match(r"\| \d", line)]
    versions = [int(file.name[:4]) for file in sorted(MIGRATIONS.glob("*.sql"))]
    assert [int(row[0].removeprefix("| ")) for row in rows] == versions, done.stdout
    locked = {int(row[0].removeprefix("| ")): row[2] for row in rows}
    assert locked[1] == "nothing"
    assert locked[5] == "sidgate_session"
