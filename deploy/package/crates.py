"""What is linked into the program: a bill of materials (CycloneDX), and the licences that have to come with it."""

from __future__ import annotations

import json
import re
import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from content import ROOT, run
from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

# Names of the files in which crates carry their licences.
LICENCE = re.compile(r"(?:un)?licen[cs]e|copying|copyright|notice", re.IGNORECASE)

# A crate of a registry, as Cargo.lock has it. Those of the workspace have no checksum.
LOCKED = re.compile(r'name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"')


@dataclass(frozen=True)
class Crate:
    """A crate that is linked in, as cargo knows it."""

    id: str
    name: str
    version: str
    licence: str
    authors: tuple[str, ...]
    folder: Path
    checksum: str | None
    needs: tuple[str, ...]

    @property
    def is_ours(self) -> bool:
        return self.checksum is None

    def texts(self) -> list[str]:
        found = (path for path in sorted(self.folder.iterdir()) if LICENCE.match(path.name))
        return [path.read_text(errors="replace").strip() for path in found if path.is_file()]


def linked(target: str) -> list[Crate]:
    """The crates that the program is made of: no macros, nothing that only builds or tests, only features that are on."""
    options = ("--locked", "--offline", "--manifest-path", str(ROOT / "Cargo.toml"))
    tree = run(
        *("cargo", "tree", *options, "--package", "sidgate", "--target", target),
        *("--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"),
    )
    names = {tuple(line.split(" ")[:2]) for line in tree.splitlines()}
    told = json.loads(
        run("cargo", "metadata", *options, "--format-version", "1", "--filter-platform", target)
    )
    checksums = {
        (name, version): checksum
        for name, version, checksum in LOCKED.findall((ROOT / "Cargo.lock").read_text())
    }
    wanted = {
        package["id"]: package
        for package in told["packages"]
        if (package["name"], f"v{package['version']}") in names
    }
    needs = {node["id"]: node["dependencies"] for node in told["resolve"]["nodes"]}
    crates = [
        Crate(
            id=key,
            name=package["name"],
            version=package["version"],
            licence=(package["license"] or "").replace("/", " OR "),
            authors=tuple(package["authors"]),
            folder=Path(package["manifest_path"]).parent,
            checksum=checksums.get((package["name"], package["version"])),
            needs=tuple(sorted(set(needs[key]) & wanted.keys())),
        )
        for key, package in wanted.items()
    ]
    return sorted(crates, key=lambda crate: (crate.name, crate.version))


def bill_of_materials(crates: list[Crate], epoch: int) -> bytes:
    licences = LicenseFactory()
    components = {}
    for crate in crates:
        components[crate.id] = Component(
            type=ComponentType.APPLICATION if crate.name == "sidgate" else ComponentType.LIBRARY,
            name=crate.name,
            version=crate.version,
            bom_ref=f"{crate.name}@{crate.version}",
            licenses=[licences.make_with_expression(crate.licence)] if crate.licence else [],
            purl=None if crate.is_ours else PackageURL("cargo", None, crate.name, crate.version),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=crate.checksum)] if crate.checksum else [],
        )
    program = next(component for component in components.values() if component.name == "sidgate")
    bom = Bom(
        # The same materials have the same number.
        serial_number=uuid.uuid5(
            uuid.NAMESPACE_URL, " ".join(sorted(c.bom_ref.value for c in components.values()))
        ),
        metadata=BomMetaData(component=program, timestamp=datetime.fromtimestamp(epoch, timezone.utc)),
        components=[component for component in components.values() if component is not program],
    )
    for crate in crates:
        bom.register_dependency(components[crate.id], [components[key] for key in crate.needs])
    text = JsonV1Dot6(bom).output_as_string(indent=1)
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise SystemExit(f"the bill of materials is not CycloneDX 1.6: {fault}")
    return text.encode() + b"\n"


def third_party(crates: list[Crate]) -> bytes:
    """Each text once, below the crates that it is of."""
    owners: dict[str, list[Crate]] = defaultdict(list)
    silent = []
    foreign = [crate for crate in crates if not crate.is_ours]
    for crate in foreign:
        texts = crate.texts()
        if not texts:
            silent.append(crate)
        for text in texts:
            owners[text].append(crate)
    parts = [
        'Software of others that is linked into Sidgate. A crate under "A OR B" is used under a licence of the list in\n'
        "deny.toml. Below the list: the texts that the crates carry, each once.\n",
        "\n".join(f"{crate.name} {crate.version}: {crate.licence}" for crate in foreign) + "\n",
    ]
    if silent:
        parts.append(
            "These carry no text of their own. Their authors, as they name themselves:\n"
            + "\n".join(
                f"  {crate.name} {crate.version}: {', '.join(crate.authors) or 'not named'}"
                for crate in silent
            )
            + "\n"
        )
    for text, crates_of in sorted(
        owners.items(), key=lambda item: (item[1][0].name, item[1][0].version, item[0])
    ):
        named = ", ".join(f"{crate.name} {crate.version}" for crate in crates_of)
        parts.append(f"{'=' * 80}\n{named}\n{'-' * 80}\n\n{text}\n")
    return "\n".join(parts).encode()
