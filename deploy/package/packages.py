"""Debian and RPM packages, by nfpm. Both have the same files; what runs when they come and go differs (scripts/)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from email.utils import format_datetime
from pathlib import Path

from archive import File, gz
from content import HERE, SHELLS, SUMMARY, Content, repository

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
DOC = "usr/share/doc/sidgate"
# Which Debian package has a shared object.
DEBIAN = {
    "ld-linux-x86-64.so.2": "libc6",
    "ld-linux-aarch64.so.1": "libc6",
    "libc.so.6": "libc6",
    "libm.so.6": "libc6",
    "libgcc_s.so.1": "libgcc-s1",
}
MAINTAINER = "Sidgate <sidgate@example.invalid>"
ABOUT = f"""{SUMMARY}
Sidgate is an edge proxy in front of web applications. It owns their login
sessions: browsers have one opaque cookie, applications get the verified
identity of the user with each request, and a logout is in effect on every
node."""
# Debian wants every file of /etc to be readable for all. This one may get a password. Its helpers for services send no signals.
OVERRIDES = b"""sidgate: non-standard-file-perm 0640 != 0644 [etc/sidgate/sidgate.toml]
sidgate: maintainer-script-calls-systemctl [postinst:*]
"""


def files(content: Content, kind: str, changes: bytes) -> list[File]:
    found = [
        File("usr/bin/sidgate", content.program, 0o755),
        *(File(f"usr/lib/systemd/system/{name}", data) for name, data in content.units.items()),
        *(File(f"usr/share/man/man1/{name}.gz", gz(data, 9)) for name, data in content.manuals.items()),
        *(File(SHELLS[shell], data) for shell, data in content.completions.items()),
        *(File(f"{DOC}/docs/{name}", data) for name, data in content.documents.items()),
        *(File(f"{DOC}/examples/{name}", data) for name, data in content.examples.items()),
        File(f"{DOC}/THIRD-PARTY.txt.gz", gz(content.third_party, 9)),
        File(f"{DOC}/changelog.gz", gz(repository("CHANGELOG.md"), 9)),
    ]
    if kind == "deb":
        # Where Debian has unit files until all of it is below /usr.
        found = [
            File(file.path.replace("usr/lib/systemd/system/", "lib/systemd/system/"), file.data, file.mode)
            for file in found
        ]
        found.append(File(f"{DOC}/copyright", (HERE / "copyright").read_bytes()))
        found.append(File(f"{DOC}/changelog.Debian.gz", gz(changes, 9)))
        found.append(File("usr/share/lintian/overrides/sidgate", OVERRIDES))
    else:
        found.append(File(f"{DOC}/LICENSE", repository("LICENSE")))
    return found


def debian_changes(version: str, time: datetime) -> bytes:
    return (
        f"sidgate ({version}) unstable; urgency=medium\n\n"
        f"  * What is new: changelog.gz beside this file.\n\n"
        f" -- {MAINTAINER}  {format_datetime(time)}\n"
    ).encode()


def debian_needs(content: Content) -> list[str]:
    libc = max(
        (version for needed in content.needed for version in needed.versions if version.startswith("GLIBC_")),
        key=lambda version: tuple(int(part) for part in version[6:].split(".")),
    )
    owners = {DEBIAN[needed.soname] for needed in content.needed}
    return [f"libc6 (>= {libc[6:]})", *sorted(owners - {"libc6"}), "passwd"]


def rpm_needs(content: Content) -> list[str]:
    """As rpmbuild writes them: each shared object, and each version of its symbols."""
    objects = [
        f"{needed.soname}({version})(64bit)"
        for needed in content.needed
        for version in ("", *needed.versions)
    ]
    return objects


def package(kind: str, content: Content, out: Path, machine: str, epoch: int, revision: int) -> None:
    """`kind`: deb or rpm. `revision`: counts packages of one version."""
    moment = datetime.fromtimestamp(epoch, timezone.utc)
    time = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    changes = debian_changes(f"{content.version}-{revision}", moment)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)

        def entry(number: int, file: File) -> dict[str, object]:
            path = place / str(number)
            path.write_bytes(file.data or b"")
            info = {"mode": file.mode, "mtime": time, "owner": "root", "group": "root"}
            return {"src": str(path), "dst": f"/{file.path}", "file_info": info}

        contents = [entry(number, file) for number, file in enumerate(files(content, kind, changes))]
        # A Debian package cannot name a group that its own script makes: scripts/deb/postinst gives the file to it.
        group = "root" if kind == "deb" else "sidgate"
        contents.append(
            {
                "src": str(HERE / "sidgate.toml"),
                "dst": "/etc/sidgate/sidgate.toml",
                "type": "config|noreplace",
                "file_info": {"mode": 0o640, "mtime": time, "owner": "root", "group": group},
            }
        )
        contents.append(
            {
                "dst": "/etc/sidgate",
                "type": "dir",
                "file_info": {"mode": 0o755, "mtime": time, "owner": "root", "group": "root"},
            }
        )
        settings = {
            "name": "sidgate",
            "arch": ARCHITECTURES[machine],
            "version": content.version,
            "release": str(revision),
            "section": "net",
            "priority": "optional",
            "maintainer": MAINTAINER,
            "description": ABOUT,
            "license": "Apache-2.0",
            "mtime": time,
            "contents": contents,
            "depends": debian_needs(content) if kind == "deb" else rpm_needs(content),
            "recommends": ["ca-certificates"],
            "umask": 0o022,
            "deb": {"compression": "gzip"},
            "rpm": {
                "compression": "zstd",
                "summary": SUMMARY,
                "group": "Applications/Internet",
                "buildhost": "localhost",
                # For scripts/rpm/preinst. nfpm has no `pre`; rpm orders an installation by either.
                "requires": {"post": ["shadow-utils"]},
            },
            **scripts(kind),
        }
        path = place / "nfpm.yaml"
        # JSON is YAML.
        path.write_text(json.dumps(settings))
        subprocess.run(
            [
                str(Path(sys.executable).parent / "nfpm"),
                "package",
                "--config",
                str(path),
                "--packager",
                kind,
                "--target",
                str(out),
            ],
            env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)},
            check=True,
            stdout=subprocess.DEVNULL,
        )


def scripts(kind: str) -> dict[str, object]:
    folder = HERE / "scripts" / kind
    names = {
        "preinstall": folder / "preinst",
        "postinstall": folder / "postinst",
        "preremove": folder / "prerm",
        "postremove": folder / "postrm",
    }
    return {"scripts": {name: str(path) for name, path in names.items() if path.exists()}}
