"""A section of the operator's page that no test holds is found."""

import proofs

PAGE = """# Operations

- [A](#a)

## A
It does that.

### Inner
And that.

<!-- tests: tests/a.rs::does_that, run/check -->

## B
```sh
# ## no heading
```
"""


def found_in(findings, page):
    files = {"docs/operations.md": page, "tests/a.rs": "fn does_that() {}\n", "run/check": "x\n"}
    return findings(proofs.proofs, files)


def test_sections_without_tests_are_found(findings):
    assert found_in(findings, PAGE) == [
        "docs/operations.md:5: A names no test that holds it",
        "docs/operations.md:13: B names no test that holds it",
    ]


def test_a_section_leans_on_the_one_around_it(findings):
    page = PAGE.replace("It does that.", "It does.\n<!-- tests: run/check -->")
    page = page.replace("<!-- tests: tests/a.rs::does_that, run/check -->", "")
    assert found_in(findings, page) == ["docs/operations.md:14: B names no test that holds it"]


def test_tests_that_are_gone_are_found(findings):
    page = PAGE.replace("does_that,", "did_that,").replace("run/check", "run/checks")
    assert found_in(findings, page)[1:3] == [
        "docs/operations.md:8: tests/a.rs::did_that: there is no such test in it",
        "docs/operations.md:8: run/checks: there is no such file",
    ]
