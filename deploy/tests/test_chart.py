"""The chart: the same as the kustomization, and strict about its values."""

from __future__ import annotations

import copy
import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest
import rendered
import values_table
import yaml

VALUES = yaml.safe_load(values_table.VALUES.read_text())
SCHEMA = json.loads((rendered.CHART / "values.schema.json").read_text())
IMAGE = ("--set", "image.repository=registry.example.com/sidgate")
# What only the chart has: it says its version.
OF_HELM = ("app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart")


def plain(found: rendered.Object) -> rendered.Object:
    """Without what must differ."""
    found = copy.deepcopy(found)
    meta = found["metadata"]
    for label in OF_HELM:
        meta.get("labels", {}).pop(label, None)
    meta.pop("annotations", None)
    # Both name it after its content, each in its own way.
    if meta["name"].startswith("sidgate-") and found["kind"] == "ConfigMap":
        meta["name"] = "sidgate"
    meta["namespace"] = "sidgate"
    if "template" in found.get("spec", {}):
        found["spec"]["template"]["metadata"].pop("annotations", None)
        for volume in found["spec"]["template"]["spec"]["volumes"]:
            if "configMap" in volume:
                volume["configMap"]["name"] = "sidgate"
    if found["kind"] == "Job":
        # The chart deletes it, so it needs no time to live.
        found["spec"].pop("ttlSecondsAfterFinished", None)
    return found


def by_name(objects: list[rendered.Object]) -> dict[tuple[str, str], rendered.Object]:
    plainly = [plain(found) for found in objects]
    return {(found["kind"], found["metadata"]["name"]): found for found in plainly}


def test_the_chart_makes_what_the_kustomization_makes(renderings):
    chart = by_name(renderings["helm:example"])
    kustomization = by_name(renderings["kustomize:schema"] + renderings["kustomize:gateway"])
    assert chart.keys() == kustomization.keys()
    for name, found in chart.items():
        assert found == kustomization[name], name


def test_the_numbers_of_pods_belong_to_the_autoscaler_where_there_is_one(renderings):
    assert "replicas" not in rendered.the("Deployment", renderings["helm:example"])["spec"]
    assert rendered.the("Deployment", renderings["helm:balancer"])["spec"]["replicas"] == 3


@pytest.mark.parametrize("name", rendered.values_files())
def test_helm_lint_finds_nothing(name):
    done = rendered.call(rendered.TOOLS / "helm", "lint", "--strict", rendered.CHART, *rendered.values_of(name))
    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout


WRONG = {
    "replicas=3": "replicas",
    "replicaCount=0": "replicaCount",
    "image.tag=a b": "image.tag",
    "image.digest=0.1.0": "image.digest",
    "image.pullPolicy=Sometimes": "image.pullPolicy",
    "readinessPath=/healthz": "readinessPath",
    "service.type=Loadbalancer": "service.type",
    "ingress.enabled=true": "ingress.hosts",
    "httpRoute.enabled=true": "httpRoute.parentRefs",
    "networkPolicy.storesTo=null": "networkPolicy.storesTo",
    "networkPolicy.namesPorts={0}": "networkPolicy.namesPorts",
    "autoscaling.enabled=true,autoscaling.minReplicas=9": "autoscaling.maxReplicas",
    "podDisruptionBudget.minAvailable=1": "minAvailable",
    "resources.limits.memory=1 GB": "resources.limits.memory",
    "terminationGracePeriodSeconds=40s": "terminationGracePeriodSeconds",
    "runAsUser=0": "runAsUser",
    "existingSecret=": "existingSecret",
    "schemaJob.grantTo=": "schemaJob.grantTo",
    "schemaJob.secretKeys={database-url}": "schemaJob.secretKeys",
    "serviceMonitor.interval=often": "serviceMonitor.interval",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_value_is_refused_by_its_name(wrong):
    done = rendered.helm("--set-file", f"config={rendered.CONFIG}", *IMAGE, "--set", wrong)
    assert done.returncode != 0
    assert WRONG[wrong].split(".")[-1] in done.stderr, done.stderr


def test_without_a_configuration_there_is_nothing_to_install():
    done = rendered.helm(*IMAGE)
    assert done.returncode != 0
    assert "config: the text of sidgate.toml" in done.stderr


def test_nobody_is_asked_for_an_image_of_that_name():
    done = rendered.helm("--set-file", f"config={rendered.CONFIG}")
    assert done.returncode != 0
    assert "image.repository: where you have put the image" in done.stderr


def charted(*arguments: str) -> list[rendered.Object]:
    done = rendered.helm(*IMAGE, *arguments)
    assert done.returncode == 0, done.stderr
    return rendered.objects(done.stdout)


def test_a_changed_configuration_is_a_rollout_and_the_one_before_stays(tmp_path):
    def files(text: str) -> tuple[rendered.Object, set[str]]:
        """The only ConfigMap, and what pods mount."""
        path = tmp_path / "sidgate.toml"
        path.write_text(text)
        objects = charted("--set-file", f"config={path}")
        (file,) = rendered.of_kind("ConfigMap", objects)
        volumes = [volume for _, pod in rendered.pods(objects) for volume in pod["spec"]["volumes"]]
        return file, {volume["configMap"]["name"] for volume in volumes if "configMap" in volume}

    config = rendered.CONFIG.read_text()
    before, changed = files(config), files(config + "\n# changed\n")
    assert before == files(config)
    assert before[0]["metadata"]["name"] != changed[0]["metadata"]["name"]
    for file, mounted in (before, changed):
        assert mounted == {file["metadata"]["name"]}, "the Job and the Deployment"
        assert file["immutable"] is True
        # Helm forgets a hook that it has made: no upgrade takes it away. A rollback makes that of its release again.
        notes = file["metadata"]["annotations"]
        assert set(notes["helm.sh/hook"].split(",")) == {"pre-install", "pre-upgrade", "pre-rollback"}
        assert notes["helm.sh/hook-delete-policy"] == "before-hook-creation"


def test_name_servers_may_be_elsewhere():
    elsewhere = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "openshift-dns"}}}]
    set_to = ("--set-json", f"networkPolicy.namesTo={json.dumps(elsewhere)}", "--set", "networkPolicy.namesPorts={5353}")
    policies = rendered.of_kind("NetworkPolicy", charted("--set-file", f"config={rendered.CONFIG}", *set_to))
    assert len(policies) == 2, "that of the pods and that of the Job"
    for policy in policies:
        names = policy["spec"]["egress"][0]
        assert names["to"] == elsewhere
        assert [(port["port"], port["protocol"]) for port in names["ports"]] == [(5353, "UDP"), (5353, "TCP")]


def test_the_job_ends_before_helm_stops_waiting():
    # Five minutes, where `--timeout` says nothing else.
    assert VALUES["schemaJob"]["activeDeadlineSeconds"] < 300


def notes(folder: Path, name: str) -> str:
    """What is printed after an installation. `helm template` does not print it, so it becomes an object of a copy."""
    chart = folder / name
    shutil.copytree(rendered.CHART, chart)
    shutil.move(chart / "templates/NOTES.txt", chart / "files/notes")
    text = "kind: Notes\nmetadata: {name: notes}\ntext: |\n"
    (chart / "templates/notes.yaml").write_text(text + '  {{- tpl (.Files.Get "files/notes") . | nindent 2 }}\n')
    done = rendered.call(rendered.TOOLS / "helm", "template", "sidgate", chart, *rendered.values_of(name))
    assert done.returncode == 0, done.stderr
    return str(rendered.the("Notes", rendered.objects(done.stdout), "notes")["text"])


def test_the_notes_say_what_these_values_lack(tmp_path):
    lacks = {"one pod": "small", "networkPolicy.enabled is false": "small", "schemaJob.enabled is false": "small"}
    lacks |= {"Nothing leads browsers here yet": "forward-auth"}
    said = {name: notes(tmp_path, name) for name in rendered.values_files()}
    for words, name in lacks.items():
        assert [each for each, text in said.items() if words in text] == [name], words
    assert all("rollout status deployment/sidgate" in text for text in said.values())


def walled(schema: rendered.Object, values: rendered.Object, path: str = "") -> None:
    """Every object of the values has its keys named, and no others are taken."""
    assert schema.get("additionalProperties") is False, path
    assert set(values) <= set(schema["properties"]), path
    for key, value in values.items():
        of_key = schema["properties"][key]
        if isinstance(value, dict) and "properties" in of_key:
            walled(of_key, value, f"{path}.{key}")


def test_the_schema_knows_every_value_and_no_other():
    walled(SCHEMA, VALUES)
    # `global` belongs to charts around this one.
    assert set(SCHEMA["properties"]) == set(VALUES) | {"global"}


def test_every_value_is_explained_in_the_readme():
    known = {path for path, _ in values_table.explained(values_table.VALUES.read_text())}
    assert not list(values_table.unexplained(VALUES, known))
    readme = values_table.README.read_text()
    assert readme == values_table.with_table(readme), "deploy/tests/values_table.py --write"


def test_every_file_names_the_version_of_this_checkout():
    root = rendered.DEPLOY.parent
    version = tomllib.loads((root / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    chart = yaml.safe_load((rendered.CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (version, version)
    overlay = yaml.safe_load((rendered.EXAMPLE / "config/kustomization.yaml").read_text())
    assert [image["newTag"] for image in overlay["images"]] == [version]
    compose = yaml.safe_load((rendered.DEPLOY / "container/compose.yaml").read_text())
    ours = {service["image"] for service in compose["services"].values() if service["image"].startswith("localhost/")}
    assert {image.partition(":")[2] for image in ours} == {version}
    for page in ("docs/kubernetes.md", "docs/containers.md"):
        assert set(re.findall(r"sidgate[:-](\d+\.\d+\.\d+)", (root / page).read_text())) == {version}, page


def test_the_rules_are_those_of_prometheus():
    done = rendered.call(rendered.DEPLOY / "kubernetes/rules", "--check")
    assert done.returncode == 0, done.stdout
