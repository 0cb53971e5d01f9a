"""Links of the site lead where those of the repository lead, and what leads nowhere is found."""

import importlib.machinery
import importlib.util
import sys

import pytest
from conftest import SCRIPTS


def load():
    loader = importlib.machinery.SourceFileLoader("site_program", str(SCRIPTS / "site"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("site_program", loader))
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    loader.exec_module(module)
    sys.dont_write_bytecode = written
    return module


site = load()
KNOWN = {
    name: site.place(name)
    for name in ("README.md", "docs/README.md", "docs/a.md", "docs/adr/README.md", "docs/adr/1.md", "clients/js/README.md", "SECURITY.md")
}


def test_pages_have_their_places():
    assert KNOWN == {
        "README.md": "what-it-is.md",
        "docs/README.md": "index.md",
        "docs/a.md": "a.md",
        "docs/adr/README.md": "adr/index.md",
        "docs/adr/1.md": "adr/1.md",
        "clients/js/README.md": "clients/js.md",
        "SECURITY.md": "project/security.md",
    }


@pytest.mark.parametrize(
    ("page", "line", "becomes"),
    [
        ("docs/a.md", "[x](../README.md#try-it)", "[x](what-it-is.md#try-it)"),
        ("docs/a.md", "[x](../clients/js)", "[x](clients/js.md)"),
        ("docs/a.md", "[x](adr/README.md), [y](adr/)", "[x](adr/index.md), [y](adr/index.md)"),
        ("docs/adr/1.md", "[`x[]`](../a.md#b)", "[`x[]`](../a.md#b)"),
        ("clients/js/README.md", "![x](../../docs/images/y.png)", "![x](../images/y.png)"),
        ("README.md", "[x](docs/)", "[x](index.md)"),
        ("docs/a.md", "[x](#here), [y](https://example.com/z)", "[x](#here), [y](https://example.com/z)"),
        ("docs/a.md", "`[x](b.md)`", "`[x](b.md)`"),
    ],
)
def test_links_lead_to_the_same_page(page, line, becomes):
    assert site.with_links(page, line, KNOWN) == becomes


def test_a_link_to_a_file_waits_for_the_address_of_the_repository(monkeypatch):
    line = "see [the code](../gateway/src/lib.rs)"
    monkeypatch.setattr(site, "repository", lambda: None)
    assert site.with_links("docs/a.md", line, KNOWN) == "see the code"
    monkeypatch.setattr(site, "repository", lambda: "https://example.com/sidgate/blob/main")
    assert site.with_links("docs/a.md", line, KNOWN) == (
        "see [the code](https://example.com/sidgate/blob/main/gateway/src/lib.rs)"
    )


def test_code_stays_and_comments_for_tests_go():
    text = "<!-- run -->\n```sh\necho '[x](../README.md)'\n<!-- y -->\n```\n"
    assert site.rewritten("docs/a.md", text, KNOWN) == text.removeprefix("<!-- run -->\n") + "\n"


def test_a_link_may_go_over_two_lines():
    assert site.rewritten("docs/a.md", "see [the\npage](../README.md)\n", KNOWN) == "see [the\npage](what-it-is.md)\n"


def test_what_is_wrong_with_a_site_is_found(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/index.html").write_text('<h1 id="there">b</h1>')
    (tmp_path / "a.html").write_text(
        '<a href="b/index.html#there">1</a> <a href="b/#there">2</a> <a href="#own">3</a> <p id="own">\n'
        '<a href="b/index.html#gone">4</a>\n<a href="c.html">5</a>\n<img src="x.png" alt="x">\n'
        '<script src="https://example.com/x.js"></script>\n<img src="b/index.html">\n<a href="https://example.com/">6</a>'
    )
    found = [line.partition(": ")[0] + ": " + line.partition(": ")[2] for line in site.findings(tmp_path)]
    assert found == [
        "a.html:5: https://example.com/x.js comes from elsewhere",
        "a.html:6: a picture without words",
        "a.html:2: b/index.html#gone: no such anchor",
        "a.html:3: c.html leads nowhere",
        "a.html:4: x.png leads nowhere",
    ]
