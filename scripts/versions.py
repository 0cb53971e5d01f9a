"""One version: that of the workspace in Cargo.toml. Everything else that is published has the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree import Tree, lines

SOURCE = "Cargo.toml"
WORKSPACE = re.compile(r'\[workspace\.package\]\s+version = "([^"]+)"')
# Where else it stands, and as what. A file that is not there says nothing wrong.
COPIES = {
    "clients/django/pyproject.toml": re.compile(r'^version = "([^"]+)"'),
    "clients/django/src/sidgate_django/__init__.py": re.compile(r'^__version__ = "([^"]+)"'),
    "clients/js/package.json": re.compile(r'^  "version": "([^"]+)"'),
    "clients/js/src/version.ts": re.compile(r"VERSION = '([^']+)'"),
    "deploy/helm/sidgate/Chart.yaml": re.compile(r"^appVersion: [\"']?([^\"'\s]+)"),
}


def versions(tree: Tree) -> Iterator[str]:
    told = WORKSPACE.search(tree.files.get(SOURCE, ""))
    version = told[1] if told else ""
    for name, pattern in COPIES.items():
        text = tree.files.get(name)
        if text is None:
            continue
        found = [(number, match[1]) for number, line in lines(text) if (match := pattern.search(line))]
        if not found:
            yield f"{name}:1: no version is to be found here"
        for number, other in found:
            if other != version:
                yield f"{name}:{number}: version {other}, but {SOURCE} has {version}"


CHECKS = (versions,)
