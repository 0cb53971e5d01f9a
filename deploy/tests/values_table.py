"""The table of values in the chart's README, from the comments of values.yaml.

    deploy/tests/values_table.py           prints it
    deploy/tests/values_table.py --write   puts it into the README
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parent.parent / "helm/sidgate"
VALUES = CHART / "values.yaml"
README = CHART / "README.md"
BEGIN, END = "<!-- values -->\n", "<!-- end of values -->\n"


def explained(text: str) -> Iterator[tuple[str, str]]:
    """Each key that a comment stands above, with the comment."""
    above: list[str] = []
    path: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            above.append(stripped.removeprefix("#").strip())
        elif key := re.match(r"( *)([A-Za-z]\w*):", line):
            path = [*path[: len(key[1]) // 2], key[2]]
            if above:
                yield ".".join(path), " ".join(above)
            above = []


def value_at(values: Any, path: str) -> Any:
    for part in path.split("."):
        values = values[part]
    return values


def unexplained(values: Any, known: set[str], path: str = "") -> Iterator[str]:
    """Keys that neither a comment of their own nor one of a key above explains."""
    for key, value in values.items():
        at = f"{path}.{key}" if path else key
        if at in known:
            continue
        if isinstance(value, dict) and value:
            yield from unexplained(value, known, at)
        else:
            yield at


def table() -> str:
    text = VALUES.read_text()
    values = yaml.safe_load(text)
    rows = ["| value | default | meaning |", "|---|---|---|"]
    for path, meaning in explained(text):
        default = json.dumps(value_at(values, path)).replace("|", "\\|")
        rows.append(f"| `{path}` | `{default}` | {meaning} |")
    return "\n".join(rows) + "\n"


def with_table(readme: str) -> str:
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


def main() -> int:
    if sys.argv[1:] == ["--write"]:
        README.write_text(with_table(README.read_text()))
    else:
        print(table(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
