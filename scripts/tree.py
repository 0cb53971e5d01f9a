"""The files of a checkout, read once, and the lines of one of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

SKIPPED = {".git", ".venv", ".demo", ".next", ".artefacts", "dist", "target", "node_modules", "__pycache__"}


class Tree:
    """The files of a checkout, by their paths below its root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def files(self) -> dict[str, str]:
        found = {}
        for folder, folders, names in os.walk(self.root):
            folders[:] = [
                name for name in folders if name not in SKIPPED and not name.endswith("_cache")
            ]
            # In a linked worktree `.git` is a file.
            for name in set(names) - SKIPPED:
                path = Path(folder) / name
                try:
                    text = path.read_text()
                except (UnicodeDecodeError, OSError):
                    continue
                found[path.relative_to(self.root).as_posix()] = text
        return found

    def ending(self, *suffixes: str) -> Iterator[tuple[str, str]]:
        return ((name, text) for name, text in self.files.items() if name.endswith(suffixes))


def lines(text: str) -> Iterator[tuple[int, str]]:
    return enumerate(text.splitlines(), start=1)
