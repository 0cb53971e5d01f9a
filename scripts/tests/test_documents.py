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
        (documents.OPERATIONS, TABLE + '\n`d{what="x"}`, `d_total`\n', "operations.md:8: there is no metric sidgate_d"),
        ("deploy/prometheus/a.yml", "expr: sidgate_d_total", "a.yml:1: there is no metric sidgate_d_total"),
        ("deploy/grafana/sidgate.json", '"sidgate_c_bucket"', "sidgate.json:1: there is no metric sidgate_c_bucket"),
        ("docs/other.md", "`sidgate_row`", "other.md:1: there is no metric sidgate_row"),
    ],
)
def test_metrics_that_are_not_documented_or_do_not_exist_are_found(findings, name, text, found):
    assert any(found in line for line in findings(documents.metrics, METRICS | {name: text}))
