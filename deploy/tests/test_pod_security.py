"""Pods are what Pod Security "restricted" allows, and a little less."""

from __future__ import annotations

import rendered

# Volumes that "restricted" allows. No host paths.
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
# Sidgate refuses a secret that others than its owner and its group may read.
GROUP_READABLE = 0o440


def containers(template: rendered.Object) -> list[rendered.Object]:
    spec = template["spec"]
    return spec["containers"] + spec.get("initContainers", [])


def test_nothing_of_the_machine_is_shared(every_pod):
    spec = every_pod["spec"]
    assert not any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC"))
    for volume in spec["volumes"]:
        assert set(volume) - {"name"} <= VOLUMES
    for container in containers(every_pod):
        assert not any("hostPort" in port for port in container.get("ports", []))


def test_nobody_is_root_and_nobody_becomes_root(every_pod):
    pod = every_pod["spec"]["securityContext"]
    assert pod["runAsNonRoot"] is True
    assert pod["runAsUser"] > 0
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers(every_pod):
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert not own.get("privileged")
        assert own.get("runAsNonRoot", True) is True
        assert own.get("seccompProfile", pod["seccompProfile"]) == pod["seccompProfile"]


def test_the_root_file_system_is_read_only_and_so_is_each_volume(every_pod):
    for container in containers(every_pod):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert all(mount["readOnly"] for mount in container["volumeMounts"])


def test_no_token_of_the_cluster_is_mounted(every_pod):
    assert every_pod["spec"]["automountServiceAccountToken"] is False
    assert every_pod["spec"]["enableServiceLinks"] is False


def test_secrets_are_files_that_only_the_group_may_read(every_pod):
    pod = every_pod["spec"]["securityContext"]
    secrets = [volume for volume in every_pod["spec"]["volumes"] if "secret" in volume or "projected" in volume]
    assert secrets
    for volume in secrets:
        assert (volume.get("secret") or volume["projected"])["defaultMode"] == GROUP_READABLE
    assert pod["fsGroup"] == pod["runAsGroup"]
    for container in containers(every_pod):
        assert not any("secretKeyRef" in variable.get("valueFrom", {}) for variable in container.get("env", []))


def test_memory_is_bounded_and_cpu_is_not(every_pod):
    for container in containers(every_pod):
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert set(container["resources"]["limits"]) == {"memory"}


def test_the_namespace_holds_all_pods_to_it():
    (namespace,) = rendered.objects((rendered.EXAMPLE / "namespace.yaml").read_text())
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_owner_of_the_tables_is_for_the_job_alone(renderings):
    for objects in renderings.values():
        for name, template in rendered.pods(objects):
            assert ("sidgate-owner" in str(template)) == name.startswith("Job/")
