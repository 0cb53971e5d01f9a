"""The configurations for Kubernetes in deploy/edge: well-formed, and with every name that an edge has to copy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy/edge/kubernetes"


def told() -> list[str]:
    """The names that the printed configuration of Traefik copies."""
    text = (ROOT / "deploy/edge/traefik/traefik.yml").read_text()
    return re.findall(r"^ +- (X-Session-[A-Za-z-]+)$", text, re.MULTILINE)


def test_every_name_is_copied():
    text = (KUBERNETES / "traefik.yaml").read_text()
    assert len(told()) >= 9
    assert [one for one in told() if one not in text] == []


@pytest.mark.parametrize("path", sorted(KUBERNETES.glob("*.yaml")), ids=lambda path: path.name)
def test_each_file_is_a_list_of_resources(path):
    for document in path.read_text().split("\n---\n"):
        lines = [line for line in document.splitlines() if line and not line.startswith("#")]
        keys = [line.split(":")[0] for line in lines if not line.startswith(" ")]
        assert keys == ["apiVersion", "kind", "metadata", "spec"], path
        assert "\t" not in document


def test_the_list_of_the_page_is_that_of_the_folder():
    page = (ROOT / "docs/integrations/kubernetes.md").read_text()
    named = set(re.findall(r"`([a-z-]+\.yaml)`", page))
    assert named == {path.name for path in KUBERNETES.glob("*.yaml")}
