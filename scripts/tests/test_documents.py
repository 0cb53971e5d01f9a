"""A document that has stopped being true is found, and one that is true is left alone."""

import documents
import pytest


def test_dead_links_and_anchors_are_found(findings):
    text = "# One `two`, three\n[a](#one-two-three) [b](b.md) [c](#none) [d](none.md) [e](b.md#x)\n"
    code = "```\n[f](none.md)\n```\n"
    found = findings(documents.dead_links, {"a.md": text + code, "b.md": "# y\n"})
    assert [line.split()[1] for line in found] == ["#none:", "none.md", "b.md#x:"]


def test_a_list_of_sections_leaves_none_out(findings):
    text = "- [a](#a) · [b](#b-1)\n\n## A\n\n### Inner\n\n## `[b.1]`\n\n## C\n"
    found = findings(documents.contents, {"a.md": text.replace("b-1", "b1"), "b.md": "## No list\n"})
    assert found == ["a.md:9: #c is missing in the list of sections"]


def test_a_page_that_the_site_leaves_out_is_found(findings):
    files = {"docs/SUMMARY.md": "# Summary\n- [a](a.md)\n- [b](sub/b.md)\n- [c](../README.md)\n", "README.md": "# x\n"}
    pages = {"docs/a.md": "# a\n", "docs/sub/b.md": "# b\n", "docs/sub/new.md": "# new\n"}
    found = findings(documents.summary, files | pages)
    assert found == ["docs/sub/new.md:1: docs/SUMMARY.md does not name this page"]


MAP = """# x
## The map

```text
one/src/     a crate
  lib.rs       names the rooms
  room/        a room
    inner/       a room in it
  key.rs       one thing
two/         a crate in one line
```

```text
one:  room -> key
```
"""
CRATES = {
    "one/src/lib.rs": "",
    "one/src/key.rs": "",
    "one/src/key/tests.rs": "",
    "one/src/room.rs": "",
    "one/src/room/other.rs": "",
    "one/src/room/inner/deep.sql": "",
    "one/src/room/inner/tests/much.rs": "",
    "two/src/lib.rs": "",
    "two/src/what.rs": "",
}


def test_a_true_map_is_left_alone(findings):
    assert findings(documents.source_map, CRATES | {"docs/architecture.md": MAP}) == []


@pytest.mark.parametrize(
    "new",
    [
        "one/src/new.rs",
        "one/src/new/mod.rs",
        "one/src/room/new/x.rs",
        "one/src/new/below/x.rs",
        "three/src/lib.rs",
    ],
)
def test_what_is_not_on_the_map_is_found(findings, new):
    found = findings(documents.source_map, CRATES | {new: "", "docs/architecture.md": MAP})
    folder = new.rpartition("/")[0] + "/"
    assert f"docs/architecture.md:1: the map does not show {new if new == 'one/src/new.rs' else folder}" in found


def test_what_is_not_there_any_more_is_found(findings):
    text = MAP.replace("  key.rs ", "  keys.rs").replace("a room in it", "")
    found = findings(documents.source_map, CRATES | {"docs/architecture.md": text})
    assert sorted(line.partition(": ")[2] for line in found) == [
        "the map does not say what one/src/room/inner/ is for",
        "the map does not show one/src/key.rs",
        "the map shows one/src/keys.rs, which does not exist",
    ]


def test_a_path_that_leads_nowhere_is_found(findings):
    text = (
        "`edge/host.rs` `gateway/src/edge/` `tests/a*.rs` `config/NAME.rs` `/api/auth/x`\n"
        "`edge/none.rs` `tests/b*.rs`\n"
    )
    files = {"docs/architecture.md": text, "gateway/src/edge/host.rs": "", "tests/abc.rs": ""}
    found = findings(documents.named_paths, files)
    assert [line.split()[1] for line in found] == ["edge/none.rs", "tests/b*.rs"]


def test_whoever_knows_the_wing_is_named_where_it_is_taken_out(findings):
    text = f"{documents.WING}\n`gateway/src/legacy/` `gateway/src/known.rs`\n\n## Next\n`gateway/src/later.rs`\n"
    files = {
        "docs/architecture.md": "\n" + text,
        "gateway/src/legacy/mod.rs": "struct LegacyCookies;",
        "gateway/src/known.rs": "use crate::legacy::arrive;",
        "gateway/src/later.rs": "use crate::legacy::arrive;",
        "gateway/src/new.rs": "\nlet cookie_changes = 1;",
        "gateway/src/comment.rs": "// legacy",
        "gateway/src/new/tests.rs": "use crate::legacy::arrive;",
    }
    found = findings(documents.wing, files)
    assert [line.split(": ")[0] for line in sorted(found)] == ["gateway/src/later.rs:1", "gateway/src/new.rs:2"]


TABLE = """## Metrics

| name | labels | meaning |
|---|---|---|
| `sidgate_a_total` | | a |
| `sidgate_b_seconds`, `sidgate_c` | | b |
"""
CODE = """
make.counters(
    "a_total", "A.");
HistogramOpts::new("sidgate_b_seconds", "B.");
make.gauge("c", "C.");
"""
METRICS = {documents.OPERATIONS: TABLE, f"{documents.COUNTED}metrics.rs": CODE}


def test_metrics_that_are_documented_and_exist_are_left_alone(findings):
    files = METRICS | {
        "deploy/prometheus/a.yml": "expr: rate(sidgate_b_seconds_bucket[5m]) / sidgate:hits:rate5m",
        "docs/other.md": "`sidgate_row`, `sidgate_c`",
        "x.sql": "CREATE TABLE sidgate_row",
        f"{documents.COUNTED}metrics/tests.rs": 'make.counter("d", "D.")',
    }
    assert findings(documents.metrics, files) == []


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        (f"{documents.COUNTED}more.rs", '\nmake.counter("d_total")', "more.rs:2: sidgate_d_total is not in the table"),
        (documents.OPERATIONS, TABLE + "| `sidgate_d` | | |\n", "operations.md:7: there is no metric sidgate_d"),
        (documents.OPERATIONS, TABLE + '\n`sidgate_d{what="x"}`\n', "operations.md:8: there is no metric sidgate_d"),
        ("docs/other.md", "`a_total`\n", "other.md:1: write sidgate_a_total, which can be pasted"),
        ("deploy/prometheus/a.yml", "expr: sidgate_d_total", "a.yml:1: there is no metric sidgate_d_total"),
        ("deploy/grafana/sidgate.json", '"sidgate_c_bucket"', "sidgate.json:1: there is no metric sidgate_c_bucket"),
        ("docs/other.md", "`sidgate_row`", "other.md:1: there is no metric sidgate_row"),
    ],
)
def test_metrics_that_are_not_documented_or_do_not_exist_are_found(findings, name, text, found):
    assert any(found in line for line in findings(documents.metrics, METRICS | {name: text}))
