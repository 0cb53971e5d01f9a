"""deploy/container/compose.yaml, with the variables filled in as an engine does."""

from __future__ import annotations

import json
import re
from typing import Any

import rendered
import yaml

FOLDER = rendered.DEPLOY / "container"
COMPOSE = FOLDER / "compose.yaml"


def filled(text: str, env: dict[str, str]) -> str:
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: env.get(found[1]) or found[2], text)


def read(env: dict[str, str] | None = None) -> dict[str, Any]:
    return yaml.safe_load(filled(COMPOSE.read_text(), env or {}))


def as_json(project: dict[str, Any]) -> str:
    return json.dumps(project)


def targets(service: dict[str, Any], kind: str, project: dict[str, Any]) -> dict[str, str]:
    """Path in the container -> path of the file beside compose.yaml, of its `secrets` or `configs`."""
    found = {}
    for each in service.get(kind, []):
        source, target = (each, each) if isinstance(each, str) else (each["source"], each["target"])
        at = target if target.startswith("/") else f"/run/secrets/{target}"
        found[at] = project[kind][source]["file"]
    return found
