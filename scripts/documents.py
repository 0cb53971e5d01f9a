"""Whether the documents are true: links, contents, the map of the source code, and the names of metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from os.path import normpath
from pathlib import PurePosixPath

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


SUMMARY = "docs/SUMMARY.md"


def summary(tree: Tree) -> Iterator[str]:
    """The site has every page: what its list of contents does not name is not built."""
    named = {normpath(f"docs/{target}") for target in LINK.findall(tree.files.get(SUMMARY, ""))}
    for name, _ in tree.ending(".md"):
        if name.startswith("docs/") and name not in named | {SUMMARY}:
            yield f"{name}:1: {SUMMARY} does not name this page"


ARCHITECTURE = "docs/architecture.md"
# Folders of tests stand beside what they test.
OF_TESTS = re.compile(r"(?:^|/)tests(?:/|\.rs$)")


def source_map(tree: Tree) -> Iterator[str]:
    """Every folder of a crate's source, and every file beside these folders, stands on the map with its line."""
    drawn = dict(on_the_map(tree.files.get(ARCHITECTURE, "")))
    roots = [
        name.removesuffix("lib.rs")
        for name in tree.files
        if re.fullmatch(r"[\w-]+(?:/[\w-]+)?/src/lib\.rs", name)
    ]
    mapped = [root for root in roots if root in drawn]
    for root in set(roots) - set(mapped):
        # A crate that is not told apart has one line for all of it.
        if root.removesuffix("src/") not in drawn:
            yield f"{ARCHITECTURE}:1: the map does not show {root}"
    for root in mapped:
        for missing in sorted(worth_a_line(tree, root) - drawn.keys()):
            yield f"{ARCHITECTURE}:1: the map does not show {missing}"
    for place, (number, said) in drawn.items():
        if not (tree.root / place).exists():
            yield f"{ARCHITECTURE}:{number}: the map shows {place}, which does not exist"
        if not said:
            yield f"{ARCHITECTURE}:{number}: the map does not say what {place} is for"


def on_the_map(text: str) -> Iterator[tuple[str, tuple[int, str]]]:
    """Each place on the map, which is the first block of its section. What lies inside another place is indented."""
    section, fences = "", 0
    above: list[tuple[int, str]] = []
    for number, line in lines(text):
        fences += bool(FENCE.match(line) and section == "## The map")
        if line.startswith("## "):
            section = line
        elif fences == 1 and not FENCE.match(line) and (drawn := re.match(r"( *)(\S+) *(.*)", line)):
            depth = len(drawn[1])
            above = [(other, place) for other, place in above if other < depth]
            place = (above[-1][1] if above else "") + drawn[2]
            above.append((depth, place))
            yield place, (number, drawn[3])


def worth_a_line(tree: Tree, root: str) -> set[str]:
    """The folders below `root`, and the files in it that are not the front of a folder."""
    files = [name for name in tree.files if name.startswith(root) and not OF_TESTS.search(name)]
    inside = {PurePosixPath(name).parent for name in files}
    # A folder of folders too.
    inside |= {parent for folder in set(inside) for parent in folder.parents}
    folders = {f"{folder}/" for folder in inside if f"{folder}/".startswith(root)} - {root}
    fronts = {f"{folder.removesuffix('/')}.rs" for folder in folders}
    loose = {name for name in files if "/" not in name.removeprefix(root)}
    return folders | (loose - fronts)


PATH = re.compile(r"`([\w-]+/[\w./*-]*)`")
# Where a path may begin that the architecture names.
BASES = ("", "gateway/src/", "gateway/policy/src/", "session-core/src/")


def named_paths(tree: Tree) -> Iterator[str]:
    """Whatever the architecture names by its path is there. NAME stands for something that is yet to be written."""
    for number, line in prose(tree.files.get(ARCHITECTURE, "")):
        for path in PATH.findall(line):
            is_there = any(any(tree.root.glob(f"{base}{path}".removesuffix("/"))) for base in BASES)
            if not is_there and "NAME" not in path:
                yield f"{ARCHITECTURE}:{number}: {path} does not exist"


WING = "## When the last old cookie is gone"
OF_THE_WING = re.compile(
    r"\blegacy(?:\b|_)|Legacy|CookieChanges|cookie_changes|ClearedNames|OldLogins|old_logins?\b"
)


def wing(tree: Tree) -> Iterator[str]:
    """The section about what goes with the old cookies names every file that knows them."""
    _, _, section = tree.files.get(ARCHITECTURE, "").partition(f"\n{WING}\n")
    named = tuple(PATH.findall(section.partition("\n## ")[0]))
    for name, text in tree.ending(".rs"):
        if "/src/" in name and not OF_TESTS.search(name) and not name.startswith(named):
            for number, line in lines(text):
                if found := OF_THE_WING.search(line.split("//")[0]):
                    yield f"{name}:{number}: names {found[0]}, and is not among what goes with the old cookies"
                    break


OPERATIONS = "docs/operations.md"
COUNTED = "gateway/src/telemetry/"
# A metric has its name where it is made: the whole name, or what follows `sidgate_`.
MADE = re.compile(r'\bmake\.\w+\(\s*"([a-z_]+)"|"sidgate_([a-z_]+)"')
# One in use: in a query, or in the text of a document with or without `sidgate_`.
ASKED = re.compile(r"\bsidgate_([a-z_]+)")
SHORT = re.compile(r"`((?!process_)[a-z_]+_total|[a-z_]+(?=\{))")
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
    for name, text in tree.ending(".md"):
        for number, line in lines(text) if name.startswith("docs/") else ():
            for metric in SHORT.findall(line):
                if metric in made:
                    yield f"{name}:{number}: write sidgate_{metric}, which can be pasted"
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
                for metric in ASKED.findall(line):
                    yield name, number, metric


CHECKS = (dead_links, contents, summary, source_map, named_paths, wing, metrics)
