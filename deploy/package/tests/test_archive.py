"""The archive, used as docs/install.md says, and the checksums beside it."""

import subprocess

from machine import ask, one, until


def test_unpacked_and_run(packages, tmp_path):
    subprocess.run(["tar", "-xf", one(packages, "*-linux-*.tar.gz"), "-C", tmp_path], check=True)
    folder = one(tmp_path, "sidgate-0.1.0-linux-*")
    settings = folder / "sidgate-first.toml"
    subprocess.run(["bin/sidgate", "config", "init", "--out", settings], cwd=folder, check=True)
    command = ["bin/sidgate", "run", "--config", settings]
    health = [folder / "bin/sidgate", "healthcheck", "--config", settings]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as gateway:
        try:
            until("ready", lambda: subprocess.run(health, capture_output=True).returncode == 0)
            assert ask()[0] == 502, "there is no app"
            gateway.terminate()
            assert gateway.wait(60) == 0
        finally:
            gateway.kill()
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert {
        "LICENSE",
        "THIRD-PARTY.txt",
        "completions/bash",
        "docs/install.md",
        "docs/reference/configuration.md",
        "edge/nginx/nginx.conf",
        "grafana/sidgate.json",
        "man/man1/sidgate-run.1",
        "production/production-single-host.toml",
        "prometheus/alerts.rules.yml",
        "sidgate.toml",
        "systemd/sidgate.service",
    } <= names


def test_checksums_are_those_of_the_files(packages):
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=packages, check=True)
