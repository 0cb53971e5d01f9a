"""Whether what the operator is told is held by tests.

Each section of docs/operations.md ends with a comment that names its tests, which readers do not see:

    <!-- tests: gateway/tests/e2e/store_faults.rs::store_that_stops_later, deploy/prometheus/check -->

A test is a function in a file, or a file that is run as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree import Tree, lines

OPERATIONS = "docs/operations.md"
COMMENT = re.compile(r"<!-- tests: (.*) -->")
HEADING = re.compile(r"(#{2,3}) ")


def proofs(tree: Tree) -> Iterator[str]:
    """Every section with statements names its tests, or lies in one that does, and each of them is there."""
    around: list[str] = []
    for number, level, heading, body in sections(tree.files.get(OPERATIONS, "")):
        named = COMMENT.findall(body)
        around = named if level == 2 else around
        if body.strip() and not named and not around:
            yield f"{OPERATIONS}:{number}: {heading} names no test that holds it"
        for test in ", ".join(named).split(", ") if named else ():
            if missing := missing_part(tree, test):
                yield f"{OPERATIONS}:{number}: {test}: {missing}"


def sections(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Line, level, heading and text of each section below the list of contents."""
    start: tuple[int, int, str] | None = None
    body: list[str] = []
    fenced = False
    for number, line in lines(text):
        fenced ^= line.lstrip().startswith("```")
        found = None if fenced else HEADING.match(line)
        if not found:
            body.append(line)
            continue
        if start:
            yield *start, "\n".join(body)
        start, body = (number, len(found[1]), line.lstrip("# ")), []
    if start:
        yield *start, "\n".join(body)


def missing_part(tree: Tree, test: str) -> str | None:
    """What of `path::function` does not exist."""
    path, _, function = test.partition("::")
    if path not in tree.files:
        return "there is no such file"
    if function and not re.search(rf"\b(?:fn|def) {re.escape(function)}\b", tree.files[path]):
        return "there is no such test in it"
    return None


CHECKS = (proofs,)
