"""The packages for apps, in environments that have nothing else."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from machine import ROOT, one

PYTHON = """
import django, sidgate_django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "sidgate_django"],
    ROOT_URLCONF="sidgate_django.urls",
    SECRET_KEY="of a test",
)
django.setup()
from django.urls import reverse
print(reverse("doctor"), sidgate_django.__file__, sidgate_django.__version__)
"""
MODULE = """
import * as session from "@sidgate/session";
console.log(Object.keys(session).length > 0 ? "module" : "empty");
"""
COMMON = 'console.log(Object.keys(require("@sidgate/session")).length > 0 ? "commonjs" : "empty");'


def out_of(command: list[object], **options) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_in_a_fresh_environment(packages: Path, tmp_path: Path):
    fresh = tmp_path / "venv"
    out_of([sys.executable, "-m", "venv", "--without-pip", fresh])
    pip = [sys.executable, "-m", "pip", "--python", fresh / "bin/python"]
    # There is no network here: Django is the one of the other tests, and nothing else of theirs is seen.
    out_of([*pip, "install", "--quiet", "--no-index", "--no-deps", one(packages, "*.whl")])
    theirs = one(ROOT, ".venv/lib/python3*/site-packages")
    said = out_of(
        [fresh / "bin/python", "-c", PYTHON], env={"PYTHONPATH": str(theirs), "PATH": os.environ["PATH"]}
    )
    path, file, version = said.split()
    assert (path, version) == ("/__sidgate__/doctor", "0.1.0") and file.startswith(str(fresh))
    shown = out_of([*pip, "show", "sidgate-django"])
    assert "Requires: django" in shown.replace("Django", "django")


def test_the_source_distribution_builds_the_same_package(packages: Path, tmp_path: Path):
    with tarfile.open(one(packages, "sidgate_django-*.tar.gz")) as archive:
        archive.extractall(tmp_path, filter="data")
    source = one(tmp_path, "sidgate_django-*")
    out_of(
        [ROOT / ".venv/dist/bin/python", "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=source,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1790000000"},
    )
    assert one(tmp_path, "*.whl").read_bytes() == one(packages, "*.whl").read_bytes()


def test_the_npm_package_in_an_empty_project(packages: Path, tmp_path: Path):
    (tmp_path / "package.json").write_text(json.dumps({"name": "empty", "private": True}))
    js = ROOT / "scripts/js"
    out_of(
        [
            js,
            "npm",
            "install",
            "--prefix",
            tmp_path,
            "--offline",
            "--no-audit",
            "--no-fund",
            one(packages, "sidgate-session-*.tgz"),
        ]
    )
    node = out_of([js, "node"]).strip()
    for name, code, expected in (("a.mjs", MODULE, "module"), ("b.cjs", COMMON, "commonjs")):
        (tmp_path / name).write_text(code)
        assert out_of([node, tmp_path / name]).strip() == expected
