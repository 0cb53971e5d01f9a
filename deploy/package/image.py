"""The container image: a layout of the Open Container Initiative in a tar file, which Docker and Podman load and skopeo reads.

From scratch: the program, the shared objects that it needs, certificate authorities, and a user. No shell, no package
manager. Manifest and configuration have the media types of Docker, since those of OCI have no place for a health check.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

from archive import File, gz, tar
from content import SUMMARY, Content, repository, run

# The number that images without a user database agree on for "nobody in particular".
USER = 65532
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def objects(binary: Path) -> list[File]:
    """The shared objects that the dynamic linker of this machine finds, where it finds them, and itself."""
    paths = sorted(set(re.findall(r"(/\S+) \(0x", run("ldd", str(binary)))))
    if not any("/ld-linux" in path for path in paths):
        raise SystemExit(f"{binary}: ldd names no dynamic linker")
    return [File(path.lstrip("/"), Path(path).read_bytes(), 0o755) for path in paths]


def notices(names: Iterable[str]) -> list[File]:
    """The licences of Debian packages that files come from, where this is a Debian."""
    found = {}
    for name in names:
        # A file is in /lib or in /usr/lib, depending on how the two became one.
        for path in (
            Path(name),
            Path(os.path.realpath(name)),
            Path(re.sub(r"^/usr", "", os.path.realpath(name))),
        ):
            owner = re.match(r"([^:\s]+):", package_of(path))
            if owner:
                found[owner[1]] = Path(f"/usr/share/doc/{owner[1]}/copyright")
    return [
        File(f"usr/share/doc/{owner}/copyright", path.read_bytes())
        for owner, path in sorted(found.items())
        if path.exists()
    ]


def package_of(path: Path) -> str:
    try:
        return run("dpkg", "-S", str(path))
    except (FileNotFoundError, subprocess.CalledProcessError):
        return ""


def base(content: Content) -> list[File]:
    linked = objects(content.binary)
    return [
        *linked,
        *notices([*(f"/{file.path}" for file in linked), "/usr/sbin/update-ca-certificates"]),
        File("etc/ssl/certs/ca-certificates.crt", CERTIFICATES.read_bytes()),
        File("etc/passwd", f"sidgate:x:{USER}:{USER}::/var/lib/sidgate:/nonexistent\n".encode()),
        File("etc/group", f"sidgate:x:{USER}:\n".encode()),
        File("etc/nsswitch.conf", b"hosts: files dns\n"),
        File("etc/sidgate", None, 0o755),
        File("var/lib/sidgate", None, 0o700, USER, USER),
        File("tmp", None, 0o1777),
    ]


def program(content: Content) -> list[File]:
    return [
        File("usr/bin/sidgate", content.program, 0o755),
        File("usr/share/doc/sidgate/LICENSE", repository("LICENSE")),
        File("usr/share/doc/sidgate/THIRD-PARTY.txt", content.third_party),
    ]


def settings(content: Content) -> dict[str, object]:
    return {
        "User": f"{USER}:{USER}",
        "Env": ["PATH=/usr/bin"],
        "Entrypoint": ["/usr/bin/sidgate"],
        "Cmd": ["run"],
        "WorkingDir": "/var/lib/sidgate",
        "Volumes": {"/var/lib/sidgate": {}},
        "ExposedPorts": {"3000/tcp": {}},
        "StopSignal": "SIGTERM",
        "Healthcheck": {
            "Test": ["CMD", "/usr/bin/sidgate", "healthcheck"],
            "Interval": 10_000_000_000,
            "Timeout": 5_000_000_000,
            "StartPeriod": 30_000_000_000,
            "Retries": 3,
        },
        "Labels": {
            "org.opencontainers.image.title": "sidgate",
            "org.opencontainers.image.description": SUMMARY,
            "org.opencontainers.image.version": content.version,
            "org.opencontainers.image.licenses": "Apache-2.0",
        },
    }


def archive(content: Content, machine: str, epoch: int) -> bytes:
    blobs: list[File] = []

    def blob(data: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        blobs.append(File(f"blobs/sha256/{digest}", data))
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    made = datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    # What changes with each release lies above what changes with the system.
    plain = [tar(files, epoch) for files in (base(content), program(content))]
    layers = [blob(gz(layer), LAYER) for layer in plain]
    config = blob(
        as_json(
            {
                "architecture": ARCHITECTURES[machine],
                "os": "linux",
                "created": made,
                "config": settings(content),
                "rootfs": {
                    "type": "layers",
                    "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in plain],
                },
                "history": [{"created": made, "created_by": name} for name in ("system", "sidgate")],
            }
        ),
        CONFIG,
    )
    manifest = blob(
        as_json({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}), MANIFEST
    )
    # Nobody publishes it, so the name leads to no registry: nobody is asked for an image that somebody else has put there.
    tag = f"localhost/sidgate:{content.version}"
    manifest["annotations"] = {
        "org.opencontainers.image.ref.name": content.version,
        "io.containerd.image.name": tag,
    }
    path = "blobs/sha256/{}".format
    old = [
        {
            "Config": path(str(config["digest"])[7:]),
            "RepoTags": [tag],
            "Layers": [path(str(layer["digest"])[7:]) for layer in layers],
        }
    ]
    files = [
        *blobs,
        File("oci-layout", as_json({"imageLayoutVersion": "1.0.0"})),
        File("index.json", as_json({"schemaVersion": 2, "manifests": [manifest]})),
        # For `docker load` before version 25.
        File("manifest.json", as_json(old)),
    ]
    return tar(files, epoch)


def as_json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
