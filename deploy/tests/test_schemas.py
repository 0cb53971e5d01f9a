"""What is rendered is what Kubernetes reads: by its own schemas, and by the shape of the resources that others define."""

from __future__ import annotations

import jsonschema
import kubernetes_validate
import pytest
import rendered

# The oldest that the chart accepts, one in between, and the newest that there are schemas of.
VERSIONS = ("1.29.0", "1.33.0", "1.37.0")

TEXT = {"type": "string", "minLength": 1}
PORT = {"type": "integer", "minimum": 1, "maximum": 65535}


def shape(required: list[str], **properties: object) -> dict[str, object]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }


def listed(item: object) -> dict[str, object]:
    return {"type": "array", "minItems": 1, "items": item}


RULE = {
    "oneOf": [
        shape(["record", "expr"], record=TEXT, expr=TEXT, labels={"type": "object"}),
        shape(
            ["alert", "expr", "labels", "annotations"],
            alert=TEXT,
            expr=TEXT,
            **{"for": TEXT},
            labels={"type": "object"},
            annotations={"type": "object"},
        ),
    ]
}
SPECS = {
    "gateway.networking.k8s.io/v1/HTTPRoute": shape(
        ["parentRefs", "rules"],
        parentRefs=listed(shape(["name"], name=TEXT, namespace=TEXT, sectionName=TEXT)),
        hostnames=listed(TEXT),
        rules=listed(shape(["backendRefs"], backendRefs=listed(shape(["name", "port"], name=TEXT, port=PORT)))),
    ),
    "monitoring.coreos.com/v1/ServiceMonitor": shape(
        ["selector", "endpoints"],
        jobLabel=TEXT,
        selector=shape(["matchLabels"], matchLabels={"type": "object"}),
        endpoints=listed(
            shape(
                ["port", "path"],
                port=TEXT,
                path=TEXT,
                interval=TEXT,
                scrapeTimeout=TEXT,
                authorization=shape(["type", "credentials"], type=TEXT, credentials=shape(["name", "key"], name=TEXT, key=TEXT)),
            )
        ),
    ),
    "monitoring.coreos.com/v1/PrometheusRule": shape(
        ["groups"], groups=listed(shape(["name", "rules"], name=TEXT, rules=listed(RULE), interval=TEXT))
    ),
}


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_every_field(every_rendering, version):
    for found in every_rendering:
        if f"{found['apiVersion']}/{found['kind']}" not in SPECS:
            kubernetes_validate.validate(found, version, strict=True)


def test_others_know_every_field(every_rendering):
    for found in every_rendering:
        spec = SPECS.get(f"{found['apiVersion']}/{found['kind']}")
        if spec:
            jsonschema.validate(found["spec"], spec)


def test_a_field_that_does_not_exist_is_seen():
    job = rendered.the("Job", rendered.kustomized(rendered.EXAMPLE / "schema"))
    job["spec"]["template"]["spec"]["containers"][0]["readonlyRootFilesystem"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, VERSIONS[0], strict=True)


def test_what_is_referred_to_is_there(every_rendering):
    """Services and monitors select the pods and each other, routes name the Service, and pods name the ConfigMap."""
    pods = {name: template["metadata"]["labels"] for name, template in rendered.pods(every_rendering)}
    services = rendered.of_kind("Service", every_rendering)
    for service in services:
        assert any(selects(service["spec"]["selector"], labels) for labels in pods.values()), service
    for policy in rendered.of_kind("NetworkPolicy", every_rendering):
        chosen = policy["spec"]["podSelector"]["matchLabels"]
        assert sum(selects(chosen, labels) for labels in pods.values()) == 1, policy
    for monitor in rendered.of_kind("ServiceMonitor", every_rendering):
        chosen = monitor["spec"]["selector"]["matchLabels"]
        (service,) = [one for one in services if selects(chosen, one["metadata"]["labels"])]
        ports = [port["name"] for port in service["spec"]["ports"]]
        assert [endpoint["port"] for endpoint in monitor["spec"]["endpoints"]] == ports
    for route in rendered.of_kind("HTTPRoute", every_rendering):
        (backend,) = route["spec"]["rules"][0]["backendRefs"]
        service = rendered.the("Service", every_rendering, backend["name"])
        assert backend["port"] in [port["port"] for port in service["spec"]["ports"]]
    made = {found["metadata"]["name"] for found in rendered.of_kind("ConfigMap", every_rendering)}
    for name, template in rendered.pods(every_rendering):
        for volume in template["spec"]["volumes"]:
            if "configMap" in volume:
                assert volume["configMap"]["name"] in made | {"sidgate-config"}, name


def selects(chosen: dict[str, str], labels: dict[str, str]) -> bool:
    return chosen.items() <= labels.items()
