"""Whether the documents are true: links, contents, and the names of metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree import Tree, lines

LINK = re.compile(r"(?<!!)\[[^\]\[]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *(```|~~~)")


def prose(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a document outside its code blocks."""
    fenced = False
    for number, line in lines(text):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            yield number, line


def headings(text: str) -> Iterator[tuple[int, int, str]]:
    """Each heading: its line, its level, and its anchor as GitHub makes it."""
    taken: set[str] = set()
    for number, line in prose(text):
        if heading := re.match(r"(#+) +(.*)", line):
            words = re.sub(r"[^\w\- ]", "", heading[2].strip().lower())
            anchor = base = words.replace(" ", "-")
            count = 0
            while anchor in taken:
                count += 1
                anchor = f"{base}-{count}"
            taken.add(anchor)
            yield number, len(heading[1]), anchor


def anchors(text: str) -> set[str]:
    return {anchor for _, _, anchor in headings(text)}


def dead_links(tree: Tree) -> Iterator[str]:
    for name, text in tree.ending(".md"):
        for number, line in prose(text):
            for target in LINK.findall(line):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                place = (tree.root / name).parent / path if path else tree.root / name
                if not place.exists():
                    yield f"{name}:{number}: {target} leads nowhere"
                elif anchor and place.suffix == ".md" and anchor not in anchors(place.read_text()):
                    yield f"{name}:{number}: {target}: no such heading"


def contents(tree: Tree) -> Iterator[str]:
    """A document that begins with a list of its sections lists all of them."""
    for name, text in tree.ending(".md"):
        listed: set[str] = set()
        for _, line in prose(text):
            if line.startswith("## "):
                break
            listed |= {target[1:] for target in LINK.findall(line) if target.startswith("#")}
        for number, level, anchor in headings(text):
            if listed and level == 2 and anchor not in listed:
                yield f"{name}:{number}: #{anchor} is missing in the list of sections"


# Folders of tests stand beside what they test.
OF_TESTS = re.compile(r"(?:^|/)tests(?:/|\.rs$)")
OPERATIONS = "docs/operations.md"
COUNTED = "gateway/src/telemetry/"
# A metric has its name where it is made: the whole name, or what follows `sidgate_`.
MADE = re.compile(r'\bmake\.\w+\(\s*"([a-z_]+)"|"sidgate_([a-z_]+)"')
# One in use: in a query, or in the text of a document with or without `sidgate_`.
ASKED = re.compile(r"\bsidgate_([a-z_]+)")
SHORT = re.compile(r"`([a-z_]+_total|[a-z_]+(?=\{))")
# Of a histogram.
SERIES = re.compile(r"_seconds_(?:bucket|sum|count)$")


def metrics(tree: Tree) -> Iterator[str]:
    """Every metric is documented, and whoever asks for one asks for one that exists."""
    made = {}
    for name, text in tree.ending(".rs"):
        if name.startswith(COUNTED) and not OF_TESTS.search(name):
            for found in MADE.finditer(text):
                made[found[1] or found[2]] = f"{name}:{text[: found.start()].count(chr(10)) + 1}"
    documented = documented_metrics(tree.files.get(OPERATIONS, ""))
    for metric in sorted(made.keys() - documented.keys()):
        yield f"{made[metric]}: sidgate_{metric} is not in the table of {OPERATIONS}"
    # Tables, triggers and settings of the databases, and packages, have names that begin in the same way.
    others = set()
    for name, text in tree.files.items():
        if name.endswith((".sql", ".py")) and not name.startswith(("deploy/", "scripts/")):
            others |= set(ASKED.findall(text))
    for name, number, metric in asked_metrics(tree):
        if metric not in others and SERIES.sub("_seconds", metric) not in made:
            yield f"{name}:{number}: there is no metric sidgate_{metric}"


def documented_metrics(text: str) -> dict[str, int]:
    """The rows of the table of metrics, with their lines."""
    rows: dict[str, int] = {}
    section = ""
    for number, line in prose(text):
        if line.startswith("## "):
            section = line
        elif section == "## Metrics" and line.startswith("|"):
            rows |= dict.fromkeys(ASKED.findall(line.split("|")[1]), number)
    return rows


def asked_metrics(tree: Tree) -> Iterator[tuple[str, int, str]]:
    for name, text in tree.files.items():
        if name.startswith(("deploy/prometheus/", "deploy/grafana/", "docs/")):
            for number, line in lines(text):
                asked = ASKED.findall(line) + (SHORT.findall(line) if name == OPERATIONS else [])
                for metric in asked:
                    yield name, number, metric.removeprefix("sidgate_")


CHECKS = (dead_links, contents, metrics)
