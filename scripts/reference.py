#!/usr/bin/env python3
"""The pages of docs/reference, written from what the program says about itself.

    SIDGATE_BIN=target/debug/sidgate scripts/reference.py           says which pages are not what they would be; exit code 1
    SIDGATE_BIN=target/debug/sidgate scripts/reference.py --write   writes them

http.md is made of `sidgate openapi`, configuration.md of `sidgate config schema`, commands.md of `--help`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from commands import BadPageError
from reference_http import http
from reference_page import Document, anchor, ask, code, page, table

ROOT = Path(__file__).resolve().parent.parent
PAGES = "docs/reference"


# === The configuration ===


def configuration() -> str:
    return page("Configuration keys", "sidgate config schema", keys(json.loads(ask("config", "schema"))))


def keys(schema: Document) -> Iterator[str]:
    yield "Every key in one place: what it takes, and what it is if nobody says. Each section is explained, with examples and reasons, in"
    yield "[configuration](../configuration.md). `sidgate config schema` prints the same for editors, `sidgate config show` what is in effect."
    yield ""
    yield "**Reload**: *yes* is taken over by [a reload](../configuration.md#reload), *restart* needs a new process."
    yield ""
    sections = explained()
    found = sorted(tables("", schema), key=lambda found: sections.index(section_of(found[0], sections)))
    yield " · ".join(f"[{code(shown)}](#{anchor(shown)})" for shown, _ in found)
    yield ""
    for shown, properties in found:
        section = section_of(shown, sections)
        yield f"## {code(shown)}"
        yield ""
        yield f"Explained in [{code(section)}](../configuration.md#{anchor(section)})."
        yield ""
        yield from table(
            ["key", "type", "default", "reload", "what it is"],
            [
                [
                    code(name),
                    ": ".join(part for part in (key["x-type"], values(key)) if part),
                    code(toml(key["default"])) if "default" in key else "",
                    key["x-reload"],
                    first_sentence(key["description"]),
                ]
                for name, key in properties
            ],
        )


def explained() -> list[str]:
    """The sections of the page that explains the keys, in its order."""
    return re.findall(r"^## `(\[.*\])`$", (ROOT / "docs/configuration.md").read_text(), re.MULTILINE)


def section_of(shown: str, sections: list[str]) -> str:
    """The section about a table, or about one that it is in."""
    path = shown.strip("[]")
    while path:
        for section in sections:
            if section.strip("[]") == path:
                return section
        path = path.rpartition(".")[0]
    raise BadPageError(f"docs/configuration.md: no section is about {shown}")


def tables(path: str, schema: Document) -> Iterator[tuple[str, list[tuple[str, Document]]]]:
    """Each table of the file as it is written there, with its keys."""
    inside = schema.get("properties", {})
    own = [(name, key) for name, key in inside.items() if "x-type" in key]
    others = schema.get("additionalProperties")
    if isinstance(others, dict) and "x-type" in others:
        own.append(("NAME", others))
    if own:
        is_list = path.endswith("[]")
        yield (f"[[{path.removesuffix('[]')}]]" if is_list else f"[{path}]"), own
    for name, table_ in inside.items():
        if "x-type" in table_:
            continue
        below = f"{path.removesuffix('[]')}.{name}".removeprefix(".")
        if table_["type"] == "array":
            yield from tables(f"{below}[]", table_["items"])
        else:
            yield from tables(below, table_)
    if isinstance(others, dict) and "x-type" not in others:
        yield from tables(f"{path}.NAME", others)


def toml(value: object) -> str:
    """JSON is TOML for all but tables."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {toml(inner)}" for name, inner in value.items()) + " }" if value else "{}"
    return json.dumps(value, ensure_ascii=False)


def values(key: Document) -> str:
    for choice in [*key.get("anyOf", []), *key.get("items", {}).get("anyOf", [])]:
        if "enum" in choice:
            return ", ".join(code(toml(word)) for word in choice["enum"])
    if "minimum" in key:
        return f"{key['minimum']:,} to {key['maximum']:,}" if key["maximum"] < 2**62 else f"from {key['minimum']:,}"
    return ""


def first_sentence(text: str) -> str:
    """Up to the first full stop that is not inside of code or brackets."""
    depth, in_code = 0, False
    for at, letter in enumerate(text):
        if letter == "`":
            in_code = not in_code
        elif not in_code:
            depth += (letter in "([") - (letter in ")]")
            if letter == "." and depth == 0 and text[at + 1 : at + 2] in ("", " "):
                return text[: at + 1]
    return text


# === The commands ===


def commands_page() -> str:
    return page("Commands", "sidgate --help", help_texts())


def help_texts() -> Iterator[str]:
    top = ask("--help")
    yield "Every command with its help. The same as manual pages: `sidgate man FOLDER`; for the shell: `sidgate completions bash`."
    yield ""
    exit_codes = re.search(r"Exit codes:\n((?:  .*\n)+)", top)
    assert exit_codes
    yield "**Exit codes**, explained in [troubleshooting](../troubleshooting.md#by-exit-code):"
    yield ""
    rows = [line.split(maxsplit=1) for line in exit_codes[1].splitlines()]
    yield from table(["exit code", "meaning"], [[number, meaning.strip()] for number, meaning in rows])
    yield from command([], top)


def command(path: list[str], text: str) -> Iterator[str]:
    yield f"## {code(' '.join(['sidgate', *path]))}"
    yield ""
    yield "```text"
    yield text.rstrip()
    yield "```"
    yield ""
    listed = re.search(r"^Commands:\n((?:  .*\n)+)", text, re.MULTILINE)
    for name in re.findall(r"^  ([\w-]+)", listed[1], re.MULTILINE) if listed else ():
        if name != "help":
            yield from command([*path, name], ask(*path, name, "--help"))


# === All of them ===

WRITERS = {"http.md": http, "configuration.md": configuration, "commands.md": commands_page}


def stale() -> dict[str, str]:
    """The pages that are not what they would be, with what they would be."""
    written = {f"{PAGES}/{name}": writer() for name, writer in WRITERS.items()}
    return {name: text for name, text in written.items() if not is_there(ROOT / name, text)}


def is_there(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text


def main(arguments: list[str]) -> int:
    try:
        pages = stale()
    except BadPageError as error:
        sys.exit(str(error))
    for name, text in pages.items():
        if arguments == ["--write"]:
            (ROOT / name).parent.mkdir(exist_ok=True)
            (ROOT / name).write_text(text)
        print(f"{name}: {'written' if arguments == ['--write'] else 'not what scripts/reference.py --write would write'}")
    return 0 if arguments == ["--write"] else bool(pages)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
