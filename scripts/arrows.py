"""Who imports whom among the files of a crate, read from its `use` lines and from paths in its code.

A name that a module only passes on (`pub use self::inner::Name`) leads to the file that defines it, so that a folder's
`mod.rs` ties nobody together. Tests may enter anywhere, and are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

USE = re.compile(r"^\s*(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);", re.MULTILINE)
PATH = re.compile(r"(?<!in )\b(?:crate|super|self)(?:::\w+)+")
TEST_ITEM = re.compile(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*(?:pub(?:\([^)]*\))?\s+)?(mod \w+ \{|[^;{]*;)")
TEST_FILE = re.compile(r"(?:^|/)tests(?:/|\.rs$)")

Path = tuple[str, ...]


@dataclass
class Module:
    file: str
    path: Path
    code: str
    passed_on: dict[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, order=True)
class Arrow:
    """`user` names something that `used` defines."""

    user: str
    used: str

    def names(self) -> tuple[str, str]:
        return self.user, self.used


def arrows(sources: dict[str, str], root: str) -> set[Arrow]:
    """The arrows among the files below `root` (`gateway/src/`), by their names in `sources`."""
    modules = {}
    for name, text in sources.items():
        if name.startswith(root) and name.endswith(".rs") and not TEST_FILE.search(name):
            path = module_path(name.removeprefix(root))
            modules[path] = Module(name, path, without_tests(without_comments(text)))
    for module in modules.values():
        module.passed_on = dict(passed_on(module, modules))
    return {
        Arrow(module.file, used.file)
        for module in modules.values()
        for used in uses(module, modules)
        if used is not module
    }


def module_path(name: str) -> Path:
    parts = name.removesuffix(".rs").split("/")
    if parts[-1] in ("mod", "lib", "main"):
        parts.pop()
    return tuple(parts)


def without_comments(text: str) -> str:
    return re.sub(r"//[^\n]*", "", text)


def without_tests(code: str) -> str:
    while found := TEST_ITEM.search(code):
        end = found.end()
        if found[1].startswith("mod") and found[1].endswith("{"):
            depth = 1
            while depth and end < len(code):
                depth += {"{": 1, "}": -1}.get(code[end], 0)
                end += 1
        code = code[: found.start()] + code[end:]
    return code


def spread(tree: str) -> Iterator[Path]:
    """The paths of one `use`: `a::{b, c::{d, e as f}}` is three of them."""
    tree = tree.strip()
    head, brace, rest = tree.partition("{")
    if not brace:
        yield tuple(part.strip() for part in tree.split(" as ")[0].split("::") if part.strip())
        return
    before = tuple(part.strip() for part in head.split("::") if part.strip())
    depth, start, inner = 0, 0, rest.rsplit("}", 1)[0]
    for at, letter in enumerate(inner + ","):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            if part := inner[start:at].strip():
                yield from (before + path for path in spread(part))
            start = at + 1


def absolute(path: Path, module: Path) -> Path | None:
    """The same path from the crate's root; `None` when it leads to another crate."""
    if path[:1] == ("crate",):
        return path[1:]
    here = module
    if path[:1] == ("self",):
        path = path[1:]
    elif path[:1] != ("super",):
        return None
    while path[:1] == ("super",):
        here, path = here[:-1], path[1:]
    return here + tuple(part for part in path if part != "self")


def passed_on(module: Module, modules: dict[Path, Module]) -> Iterator[tuple[str, Path]]:
    for found in USE.finditer(module.code):
        for path in spread(found[2]) if found[1] else ():
            target = absolute(path, module.path)
            if target is None and (*module.path, *path[:1]) in modules:
                target = module.path + path
            if target:
                yield target[-1], target


def uses(module: Module, modules: dict[Path, Module]) -> Iterator[Module]:
    code = module.code
    paths: list[Path] = []
    for found in USE.finditer(code):
        if not found[1]:
            paths += spread(found[2])
    paths += [tuple(found[0].split("::")) for found in PATH.finditer(USE.sub("", code))]
    for path in paths:
        target = absolute(path, module.path)
        if target is not None and (used := defining(target, modules)):
            yield used


def defining(path: Path, modules: dict[Path, Module]) -> Module | None:
    """The module that defines what `path` names."""
    for _ in range(8):
        known = next((n for n in range(len(path), -1, -1) if path[:n] in modules), None)
        if known is None:
            return None
        module = modules[path[:known]]
        name = path[known : known + 1]
        if not name or name[0] not in module.passed_on:
            return module
        path = module.passed_on[name[0]] + path[known + 1 :]
    return None


def circles(found: Iterable[Arrow]) -> list[list[str]]:
    """Files that import each other in a loop, each loop sorted."""
    used: dict[str, set[str]] = {}
    for arrow in found:
        used.setdefault(arrow.user, set()).add(arrow.used)

    def reach(start: str) -> set[str]:
        seen, todo = set(), [start]
        while todo:
            for one in used.get(todo.pop(), set()) - seen:
                seen.add(one)
                todo.append(one)
        return seen

    reached = {file: reach(file) for file in used}
    loops = {
        tuple(sorted({one for one in reached[file] if file in reached.get(one, set())}))
        for file in used
        if file in reached[file]
    }
    return [list(loop) for loop in sorted(loops)]
