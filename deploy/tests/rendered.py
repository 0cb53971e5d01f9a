"""Files of deploy/ as an operator's tools render them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.executable).parent
EXAMPLE = DEPLOY / "kubernetes/overlays/example"
CHART = DEPLOY / "helm/sidgate"
CONFIG = EXAMPLE / "config/sidgate.toml"

Object = dict[str, Any]


def call(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, **options)


def objects(text: str) -> list[Object]:
    return [found for found in yaml.safe_load_all(text) if found]


def kustomized(folder: Path) -> list[Object]:
    done = call(TOOLS / "kubectl", "kustomize", folder)
    assert done.returncode == 0, done.stderr
    # What should not be written any more is said beside the result.
    assert not done.stderr, done.stderr
    return objects(done.stdout)


def values_of(name: str) -> list[str]:
    """Arguments for one of the values files of the chart."""
    arguments = ["--values", str(CHART / f"ci/{name}-values.yaml")]
    return arguments + (["--set-file", f"config={CONFIG}"] if name == "example" else [])


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return call(TOOLS / "helm", "template", "sidgate", CHART, "--namespace", "sidgate", *arguments)


def charted(name: str) -> list[Object]:
    done = helm(*values_of(name))
    assert done.returncode == 0, done.stderr
    return objects(done.stdout)


def values_files() -> list[str]:
    return sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))


def everything() -> dict[str, list[Object]]:
    """Each rendering by its name."""
    found = {f"kustomize:{name}": kustomized(EXAMPLE / name) for name in ("schema", "gateway")}
    found["namespace"] = objects((EXAMPLE / "namespace.yaml").read_text())
    return found | {f"helm:{name}": charted(name) for name in values_files()}


def of_kind(kind: str, among: list[Object]) -> list[Object]:
    return [found for found in among if found["kind"] == kind]


def the(kind: str, among: list[Object], name: str = "sidgate") -> Object:
    found = [each for each in of_kind(kind, among) if each["metadata"]["name"].startswith(name)]
    exact = [each for each in found if each["metadata"]["name"] == name]
    return (exact or found)[0]


def pods(among: list[Object]) -> Iterator[tuple[str, Object]]:
    """Templates of pods, and what makes them."""
    for found in among:
        if found["kind"] in ("Deployment", "Job"):
            yield f"{found['kind']}/{found['metadata']['name']}", found["spec"]["template"]
