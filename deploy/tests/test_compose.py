"""compose.yaml: what the specification allows, and what an operator would ask of it."""

from __future__ import annotations

import re

import compose_spec
import composed
import pytest
import rendered

PROJECT = composed.read()
SERVICES = PROJECT["services"]
STORES = ("postgres", "redis")
LONG_RUNNING = [name for name in SERVICES if name != "schema"]


def judged(project: dict) -> None:
    compose_spec.PyCompose.from_json(composed.as_json(project)).validate()


def test_the_specification_allows_it():
    judged(PROJECT)


@pytest.mark.parametrize(
    ("service", "change", "said"),
    [
        ("sidgate", {"readonly": True}, "readonly"),
        ("schema", {"depends_on": {"postgres": {"condition": "healthy"}}}, "unknown variant `healthy`"),
        ("redis", {"networks": ["nowhere"]}, "nowhere"),
        ("next", {"secrets": ["nothing"]}, "nothing"),
    ],
)
def test_the_judge_sees_what_is_wrong(service, change, said):
    project = composed.read()
    project["services"][service].update(change)
    with pytest.raises(ValueError, match=said):
        judged(project)


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_can_do_more_than_it_needs(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].split(":")[0] not in ("0", "root")
    assert "mem_limit" in service
    assert not any(key in service for key in ("privileged", "network_mode", "pid", "ipc", "devices", "env_file"))


def test_only_sidgate_is_reached_from_outside():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["sidgate"]
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["sidgate"]["ports"])
    outside = {name for name, network in PROJECT["networks"].items() if not network.get("internal")}
    assert outside == {"public"}
    assert [name for name, service in SERVICES.items() if outside & set(service["networks"])] == ["sidgate"]


def test_apps_do_not_reach_the_stores():
    def networks(name: str) -> set[str]:
        return set(SERVICES[name]["networks"])

    for app in ("django", "next"):
        assert not any(networks(app) & networks(store) for store in STORES)
    assert not networks("postgres") & networks("redis")
    assert all(networks("sidgate") & networks(name) for name in SERVICES)


def test_secrets_are_files_and_only_for_whom_they_are():
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            is_secret = re.search("PASSWORD|SECRET|KEY$", name)
            assert not is_secret or value.startswith("/run/secrets/"), name

    def holds(service: dict, secret: str) -> bool:
        return f"./secrets/{secret}" in composed.targets(service, "secrets", PROJECT).values()

    holders = {
        secret: [name for name, service in SERVICES.items() if holds(service, secret)] for secret in PROJECT["secrets"]
    }
    assert holders["master.key"] == ["sidgate", "schema"]
    assert holders["owner-url"] == ["schema"]
    assert holders["gateway-url"] == ["sidgate"]
    assert holders["django-key"] == ["django"]
    assert holders["next-key"] == ["next"]


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_whoever_stays_is_asked_how_it_is_and_starts_again(name):
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_sidgate_waits_for_the_schema_and_the_apps():
    waits = {name: wait["condition"] for name, wait in SERVICES["sidgate"]["depends_on"].items()}
    assert waits == {
        "schema": "service_completed_successfully",
        "django": "service_healthy",
        "next": "service_healthy",
        "redis": "service_started",
    }
    assert SERVICES["schema"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_what_is_built_is_there():
    for service in SERVICES.values():
        if "build" in service:
            file = (composed.FOLDER / service["build"]["context"] / service["build"]["dockerfile"]).resolve()
            assert file.exists()
            for line in file.read_text().splitlines():
                if line.startswith("COPY ") and "--from" not in line:
                    for source in line.split()[1:-1]:
                        assert (rendered.DEPLOY.parent / source).exists(), line
