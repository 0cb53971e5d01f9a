"""The code blocks of docs/protocol.md."""

from __future__ import annotations

import json
import re
from typing import Any

from stage import ROOT

TEXT = (ROOT / "docs/protocol.md").read_text()
# A block of JSON has a name behind its language, which GitHub does not show.
BLOCK = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.M | re.S)
BLOCKS = [(language, name, text) for language, name, text in BLOCK.findall(TEXT)]
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def shown(name: str) -> Any:
    """The block of JSON of that name."""
    (text,) = (text for language, named, text in BLOCKS if language == "json" and named == name)
    return json.loads(text)


def commands() -> list[str]:
    """Every line of every block for a shell, in order."""
    return [line for language, _, text in BLOCKS if language == "sh" for line in text.splitlines()]


def section(heading: str) -> str:
    _, _, rest = TEXT.partition(f"\n## {heading}\n")
    assert rest, heading
    return rest.partition("\n## ")[0]


def masked(value: Any) -> Any:
    """What differs from one run to the next becomes a word for its form."""
    if isinstance(value, dict):
        return {
            name: "an id" if name == "request_id" else masked(inner)
            for name, inner in value.items()
        }
    if isinstance(value, str):
        return TIME.sub("a time", UUID.sub("a handle", value))
    return value
