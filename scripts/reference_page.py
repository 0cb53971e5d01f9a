"""What the pages of docs/reference are made with."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from typing import Any

from commands import binary

Document = dict[str, Any]


def ask(*arguments: str) -> str:
    done = subprocess.run([binary(), *arguments], capture_output=True, text=True, check=True, env={"NO_COLOR": "1"})
    return done.stdout


def page(title: str, source: str, body: Iterator[str]) -> str:
    note = f"<!-- Written by scripts/reference.py from `{source}`. Change that, and write the page anew. -->"
    return "\n".join([f"# {title}", "", note, "", *body]).rstrip() + "\n"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.replace("\n", " ").replace("|", "\\|") for cell in cells) + " |"

    return [line(head), "|" + "---|" * len(head), *map(line, rows), ""] if rows else []


def code(value: object) -> str:
    return f"`{value}`"


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
