"""Each check finds what it is there for, and nothing else."""

import importlib.machinery
import importlib.util
import sys
from pathlib import Path

import pytest


def load():
    path = str(Path(__file__).resolve().parent.parent / "tidy")
    loader = importlib.machinery.SourceFileLoader("tidy", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("tidy", loader))
    # Data classes look their module up.
    sys.modules["tidy"] = module
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    loader.exec_module(module)
    sys.dont_write_bytecode = written
    return module


tidy = load()


@pytest.fixture
def findings(tmp_path):
    """Findings of one check in a tree of the given files."""

    def find(check, files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return list(check(tidy.Tree(tmp_path)))

    return find


def test_a_file_of_400_lines_is_the_longest(findings):
    found = findings(tidy.long_files, {"a.rs": "x\n" * 400, "b.py": "x\n" * 401})
    assert [line.partition(":")[0] for line in found] == ["b.py"]


@pytest.mark.parametrize("text", ["cd /ro" + "ot/x", "in /wo" + "rk.", "/ho" + "me/me/x"])
def test_a_path_of_one_machine_is_found(findings, text):
    assert len(findings(tidy.machine_paths, {"a.md": text})) == 1


@pytest.mark.parametrize("text", ["https://a.test/work/x", "framework/home/x", "~/work", "/worker"])
def test_other_paths_are_not(findings, text):
    assert findings(tidy.machine_paths, {"a.md": text}) == []


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("gateway/src/edge/mod.rs", "use pingora_core::Result;"),
        ("gateway/src/edge/mod.rs", "use crate::auth::csrf;"),
        ("gateway/src/proxy/mod.rs", "use rusqlite::Connection;"),
        ("session-core/src/clock.rs", "use crate::service::Sessions;"),
        ("session-core/src/service/mod.rs", "use tokio_postgres::Client;"),
        ("session-core/src/service/mod.rs", "use http::HeaderMap;"),
        ("session-core/Cargo.toml", "prometheus.workspace = true"),
    ],
)
def test_a_wall_stands(findings, name, code):
    assert len(findings(tidy.walls, {name: code})) == 1


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("gateway/src/edge/mod.rs", "// Pingora and pingora_core strip those."),
        ("gateway/src/proxy/mod.rs", "use pingora_proxy::Session;"),
        ("session-core/src/store/postgres/pool.rs", "use tokio_postgres::Client;"),
        ("session-core/src/service/tests.rs", "use rusqlite::Connection;"),
    ],
)
def test_its_doors_are_open(findings, name, code):
    assert findings(tidy.walls, {name: code}) == []


def test_dead_links_and_anchors_are_found(findings):
    text = "# One `two`, three\n[a](#one-two-three) [b](b.md) [c](#none) [d](none.md) [e](b.md#x)\n"
    code = "```\n[f](none.md)\n```\n"
    found = findings(tidy.dead_links, {"a.md": text + code, "b.md": "# y\n"})
    assert [line.split()[1] for line in found] == ["#none:", "none.md", "b.md#x:"]


def test_decisions_are_indexed_and_dependencies_explained(findings):
    files = {
        "docs/adr/README.md": "[1](0001-a.md)",
        "docs/adr/0001-a.md": "",
        "docs/adr/0002-dependencies.md": "| good | because |",
        "Cargo.toml": '[workspace.dependencies]\ngood = "1"\nbad = "1"\nours = { path = "x" }\n',
        "x/Cargo.toml": '[package]\nname = "x"\n[dependencies]\ngood.workspace = true\n'
        "ours = { workspace = true, features = [] }\n",
    }
    found = findings(tidy.decisions, files)
    assert len(found) == 2
    assert found[0].startswith("docs/adr/0002-dependencies.md")
    assert "bad" in found[1]


def test_dependencies_that_nothing_names_are_found(findings):
    files = {
        "Cargo.toml": "[workspace.dependencies]\na-b = \"1\"\nc = \"1\"\nd = \"1\"\n",
        "x/Cargo.toml": "[dependencies]\na-b.workspace = true\nc = { workspace = true }\n",
        "x/src/lib.rs": "use a_b::A;",
    }
    found = findings(tidy.idle_dependencies, files)
    assert [line.split()[1] for line in found] == ["c", "d"]


def test_this_tree_has_code_and_documents():
    tree = tidy.Tree(Path(__file__).resolve().parents[2])
    assert any(True for _ in tree.ending(".rs"))
    assert "docs/adr/README.md" in tree.files
