"""The packed Helm chart, read by Helm."""

import subprocess
import tarfile
from pathlib import Path

from machine import ROOT, SHIPPED, one

FOLDER = ROOT / "deploy/helm/sidgate"


def rendered(chart: Path) -> str:
    helm, values = ROOT / ".venv/deploy/bin/helm", FOLDER / "ci/example-values.yaml"
    command = [helm, "template", "sidgate", chart, "--values", values, "--set-file", f"config={SHIPPED}"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_it_renders_what_its_folder_renders(packages: Path):
    packed = one(packages, "sidgate-0.1.0-chart.tgz")
    assert "kind: Deployment" in rendered(packed)
    assert rendered(packed) == rendered(FOLDER)
    with tarfile.open(packed) as archive:
        names = archive.getnames()
    assert {"sidgate/Chart.yaml", "sidgate/README.md", "sidgate/values.schema.json"} <= set(names)
    assert not [name for name in names if name.startswith("sidgate/ci")]
