"""Each check finds what it is there for, and nothing else."""

from pathlib import Path

import pytest
import tidy
from tree import Tree

GATEWAY = "gateway/src/"


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
        ("gateway/policy/src/edge/mod.rs", "use pingora_core::Result;"),
        ("gateway/policy/Cargo.toml", "tokio.workspace = true"),
        ("gateway/src/proxy/mod.rs", "use rusqlite::Connection;"),
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
        ("gateway/policy/src/edge/mod.rs", "// Pingora and pingora_core strip those."),
        ("gateway/src/proxy/mod.rs", "use pingora_proxy::Session;"),
        ("session-core/src/store/postgres/pool.rs", "use tokio_postgres::Client;"),
        ("session-core/src/service/tests.rs", "use rusqlite::Connection;"),
    ],
)
def test_its_doors_are_open(findings, name, code):
    assert findings(tidy.walls, {name: code}) == []


def rust(**files):
    """Files below the gateway's source, by their names without the suffix; `__` is a slash."""
    return {f"{GATEWAY}{name.replace('__', '/')}.rs": code for name, code in files.items()}


def test_two_files_in_a_circle_are_found(findings):
    files = rust(
        config__file="use super::reader::Reader;", config__reader="use crate::config::file::Document;"
    )
    [found] = findings(tidy.staircase, files)
    assert found == f"{GATEWAY}config/file.rs:1: imports itself by way of {GATEWAY}config/reader.rs"


def test_a_longer_circle_is_found_once(findings):
    files = rust(
        limits__a="use super::b::B;", limits__b="fn f() -> super::c::C {}", limits__c="use super::a::{A, Other as _};"
    )
    [found] = findings(tidy.staircase, files)
    assert found.endswith(f"{GATEWAY}limits/b.rs, {GATEWAY}limits/c.rs")


@pytest.mark.parametrize(
    "code",
    [
        "use crate::proxy::ctx::Ctx;",
        "use crate::{auth::csrf, proxy::{ctx::Ctx, place}};",
        "pub(crate) fn f(ctx: &crate::proxy::ctx::Ctx) {}",
        "use super::super::proxy::ctx::Ctx;",
    ],
)
def test_an_import_upward_is_found(findings, code):
    files = rust(config__host=code, proxy__ctx="pub(crate) struct Ctx;", proxy__place="")
    found = findings(tidy.staircase, files)
    assert f"{GATEWAY}config/host.rs:1: imports {GATEWAY}proxy/ctx.rs, which stands above it" in found


def test_a_folder_that_stands_by_itself_is_below_the_room_around_it(findings):
    files = rust(
        legacy__state__mod="",
        legacy__arrive="use super::state::Memory;",
        state__gateway="use crate::legacy::state::Memory;",
    )
    assert findings(tidy.staircase, files) == []
    files = rust(state__gateway="use crate::legacy::arrive::Arrival;")
    [found] = findings(tidy.staircase, files)
    assert f"imports {GATEWAY}legacy/arrive.rs" in found


def test_a_name_that_is_passed_on_leads_to_the_file_that_defines_it(findings):
    files = rust(
        state__mod="mod client;\nmod gateway;\npub(crate) use self::client::Client;\npub(crate) use gateway::Gateway;",
        state__client="",
        state__gateway="use super::Client;",
        visit__mod="use crate::state::{Client, Gateway};",
    )
    assert findings(tidy.staircase, files) == []


def test_a_name_that_is_passed_on_hides_no_circle(findings):
    files = rust(
        state__mod="mod a;\nmod b;\npub(crate) use self::a::A;\npub(crate) use self::b::B;",
        state__a="use super::B;",
        state__b="use super::A;",
    )
    [found] = findings(tidy.staircase, files)
    assert found.startswith(f"{GATEWAY}state/a.rs:1: imports itself")


@pytest.mark.parametrize(
    "files",
    [
        rust(config__tests="use crate::proxy::ctx::Ctx;", proxy__ctx=""),
        rust(config__host__tests="use crate::proxy::ctx::Ctx;", proxy__ctx=""),
        rust(config__host="#[cfg(test)]\nmod tests {\n    use crate::proxy::ctx::Ctx;\n}\n", proxy__ctx=""),
        rust(config__host="#[cfg(test)]\nuse crate::proxy::ctx::Ctx;\n", proxy__ctx=""),
        rust(config__host="// See crate::proxy::ctx::Ctx.\n", proxy__ctx=""),
    ],
)
def test_tests_and_comments_may_enter_anywhere(findings, files):
    assert findings(tidy.staircase, files) == []


def test_a_file_in_no_room_is_found(findings):
    files = rust(lib="", main="", proxy__mod="", legacy__state__mod="", cellar="", cellar__mod="", cellar__tests="")
    found = findings(tidy.rooms, files)
    assert found == [f"{GATEWAY}{name}:1: is in no room of FLOORS" for name in ("cellar.rs", "cellar/mod.rs")]


def test_the_floors_are_told_as_they_are(findings, monkeypatch):
    monkeypatch.setattr(tidy, "FLOORS", {GATEWAY: ("main", "proxy", "edge")})
    told = "```text\ngateway:  main -> proxy\n          -> edge\n```\n"
    assert findings(tidy.told_floors, {"docs/architecture.md": told}) == []
    [found] = findings(tidy.told_floors, {"docs/architecture.md": told.replace("proxy", "cli")})
    assert GATEWAY in found


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


def test_a_crate_inside_another_answers_for_itself(findings):
    files = {
        "Cargo.toml": "[workspace.dependencies]\na = \"1\"\n",
        "x/Cargo.toml": "[dependencies]\na.workspace = true\n",
        "x/src/lib.rs": "",
        "x/y/Cargo.toml": "",
        "x/y/src/lib.rs": "use a::A;",
    }
    [found] = findings(tidy.idle_dependencies, files)
    assert found.startswith("x/Cargo.toml:2: a is not named")


def test_this_tree_has_code_and_documents():
    tree = Tree(Path(__file__).resolve().parents[2])
    assert any(True for _ in tree.ending(".rs"))
    assert "docs/adr/README.md" in tree.files
