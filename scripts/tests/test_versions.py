"""Everything that is published has the version of the workspace."""

import pytest
import versions

CARGO = {"Cargo.toml": '[workspace.package]\nversion = "1.2.3"\n'}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("clients/django/pyproject.toml", '[project]\nversion = "{}"\n'),
        ("clients/django/src/sidgate_django/__init__.py", '__version__ = "{}"\n'),
        ("clients/js/package.json", '{{\n  "version": "{}"\n}}\n'),
        ("clients/js/src/version.ts", "export const VERSION = '{}';\n"),
        ("deploy/helm/sidgate/Chart.yaml", 'version: 9.9.9\nappVersion: "{}"\n'),
    ],
)
def test_another_version_is_found(findings, name, text):
    assert findings(versions.versions, {**CARGO, name: text.format("1.2.3")}) == []
    (found,) = findings(versions.versions, {**CARGO, name: text.format("1.2.4")})
    assert found.startswith(f"{name}:") and "1.2.4" in found


def test_a_file_that_has_lost_its_version_is_found(findings):
    assert len(findings(versions.versions, {**CARGO, "clients/js/package.json": "{}"})) == 1


def test_versions_of_dependencies_are_their_own(findings):
    text = '{\n  "version": "1.2.3",\n  "dependencies": {\n    "a": "9.9.9",\n    "version": "9"\n  }\n}\n'
    assert findings(versions.versions, {**CARGO, "clients/js/package.json": text}) == []
