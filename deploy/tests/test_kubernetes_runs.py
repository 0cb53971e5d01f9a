"""What is rendered for Kubernetes, run: the Job and then a pod, by their own arguments, files, users and probes."""

from __future__ import annotations

import base64
import re
import tomllib
from contextlib import ExitStack
from pathlib import Path

import pytest
import rendered
import servers
from container import PATH, Host, Process, Volume, kept
from servers import Answer

NAMES = ["django-pods.app.svc.cluster.local", "next-pods.app.svc.cluster.local", "postgres.data.svc.cluster.local"]
DOCUMENT = rendered.DEPLOY.parent / "docs/kubernetes.md"
TOKEN = "a-token-of-this-test-that-is-long-enough"
# Whoever asks a pod has an address of the same network here: that of the ingress controller.
POD = "10.244.1.7"
CERTIFICATE = rendered.DEPLOY.parent / "gateway/testkit/tls/localhost.pem"
PUBLIC, ADMIN = f"http://{POD}:3000", f"http://{POD}:9901"
SEEN = {"Host": "app.example.com", "X_Forwarded_Proto": "https", "X_Forwarded_For": "203.0.113.7"}


def blocks(language: str) -> list[str]:
    """Of docs/kubernetes.md."""
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT.read_text(), re.M | re.S)


class Cluster:
    """Secrets and stores, and what mounts and asks them."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.stack, self.folder = stack, folder
        self.host = Host(folder, NAMES)
        self.postgres = servers.Postgres(stack, folder / "postgres")
        self.postgres.psql("CREATE DATABASE app")
        (roles,) = blocks("sql")
        self.postgres.psql(roles, "app")
        servers.redis(stack, folder, "--port", "6379")
        self.secrets = {
            "sidgate": {
                "master.key": self.sidgate_prints("keys", "generate"),
                "admin-token": TOKEN,
                "database-url": self.url("sidgate"),
                "redis-url": "redis://127.0.0.1:6379/0",
            },
            "sidgate-owner": {"database-url": self.url("schema_owner")},
            # As cert-manager makes it; here, one of the end-to-end tests.
            "app-example-com": {"tls.crt": CERTIFICATE.read_text(), "tls.key": CERTIFICATE.with_suffix(".key").read_text()},
        }

    def url(self, role: str) -> str:
        return f"postgres://{role}@postgres.data.svc.cluster.local:{self.postgres.port}/app?sslmode=disable"

    def sidgate_prints(self, *arguments: str) -> str:
        process = self.host.start(list(arguments), {}, {}, self.folder / "keys.log")
        assert process.ends() == 0, process.said()
        return process.said()

    def run(self, objects: list[rendered.Object], kind: str, arguments: list[str] | None = None) -> Process:
        """The only container of the only pod of this kind, with its own arguments or with others."""
        (found,) = rendered.of_kind(kind, objects)
        spec = found["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        volumes = {volume["name"]: self.volume(volume, objects) for volume in spec["volumes"]}
        mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}
        env = {variable["name"]: variable["value"] for variable in container.get("env", [])}
        log = self.folder / f"{kind}.log"
        return kept(self.stack, self.host.start(arguments or container["args"], mounts, env, log))

    def volume(self, volume: rendered.Object, objects: list[rendered.Object]) -> Path:
        if "configMap" in volume:
            files = rendered.the("ConfigMap", objects, volume["configMap"]["name"])["data"]
            return Volume(self.folder, files, 0o644).path
        if "secret" in volume:
            return Volume(self.folder, self.secrets[volume["secret"]["secretName"]], volume["secret"]["defaultMode"]).path
        files = {}
        for source in volume["projected"]["sources"]:
            secret = source["secret"]
            files |= {item["path"]: self.secrets[secret["name"]][item["key"]] for item in secret["items"]}
        return Volume(self.folder, files, volume["projected"]["defaultMode"]).path


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = servers.folder_for_all(tmp_path_factory, "cluster")
    with ExitStack() as stack:
        for port in (8000, 8080):
            servers.app(stack, port)
        yield Cluster(stack, folder)


def probe(container: rendered.Object, name: str) -> str:
    """The URL of one of its probes, with the port looked up as the kubelet does."""
    asked = container[name]["httpGet"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    return f"http://{POD}:{ports[asked['port']]}{asked['path']}"


def test_the_documented_commands_make_the_secrets_that_pods_mount(tmp_path, renderings):
    (block,) = [block for block in blocks("sh") if "create secret generic sidgate " in block]
    commands = [line for line in block.splitlines() if line and not line.startswith("kubectl apply")]
    dry = 'kubectl() { command kubectl "$@" --dry-run=client --output=yaml; echo ---; }\n'
    env = {"PATH": f"{rendered.TOOLS}:{PATH}", "HOME": str(tmp_path)}
    done = rendered.call("bash", "-euc", dry + "\n".join(commands), cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    made = {found["metadata"]["name"]: set(found["data"]) for found in rendered.objects(done.stdout)}
    wanted = {
        "sidgate": {"master.key", "admin-token", "database-url", "redis-url"},
        "sidgate-owner": {"database-url"},
    }
    assert made == wanted
    config = rendered.CONFIG.read_text()
    assert set(re.findall(r"file:/run/secrets/sidgate/([\w.-]+)", config)) == wanted["sidgate"]
    (job,) = rendered.of_kind("Job", renderings["kustomize:schema"])
    for volume in job["spec"]["template"]["spec"]["volumes"]:
        for source in volume.get("projected", {}).get("sources", []):
            keys = {item["key"] for item in source["secret"]["items"]}
            assert keys <= made[source["secret"]["name"]]


def test_the_documented_command_gives_an_app_its_key_and_no_new_line(tmp_path):
    (command,) = [block for block in blocks("sh") if "create secret generic sidgate-key" in block]
    kubectl = (
        'kubectl() { case "$*" in *" exec "*) echo the-key ;;'
        ' *) command kubectl "$@" --dry-run=client --output=yaml ;; esac; }\n'
    )
    env = {"PATH": f"{rendered.TOOLS}:{PATH}", "HOME": str(tmp_path)}
    done = rendered.call("bash", "-euc", kubectl + command, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    (secret,) = rendered.objects(done.stdout)
    assert {name: base64.b64decode(value) for name, value in secret["data"].items()} == {"key": b"the-key"}


# In the order of an installation: each goes on from where the one before has come.
def test_the_job_makes_the_schema_and_gives_the_rights(cluster, renderings):
    job = cluster.run(renderings["kustomize:schema"], "Job")
    assert job.ends() == 0, job.said()
    (printed,) = [block for block in blocks("text") if "schema is" in block]
    assert job.said() == printed
    # By the chart it is the same Job; the second time there is nothing to do.
    again = cluster.run([*renderings["helm:example"]], "Job")
    assert again.ends() == 0, again.said()


def test_a_pod_becomes_ready_serves_and_drains(cluster, renderings):
    objects = renderings["kustomize:gateway"]
    spec = rendered.the("Deployment", objects)["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    pod = cluster.run(objects, "Deployment")

    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        url = probe(container, name)
        pod.until(name, lambda url=url: Answer(url).status == 200)
    ready = Answer(f"{ADMIN}/readyz").json()
    assert set(ready["checks"].values()) == {"ok"}, ready

    # Prometheus has the token, and others have no metrics.
    assert Answer(f"{ADMIN}/metrics").status == 401
    metrics = Answer(f"{ADMIN}/metrics", Authorization=f"Bearer {TOKEN}")
    assert metrics.status == 200
    assert re.search(rb'^sidgate_ready\{check="lease"\} 1$', metrics.body, re.M)

    # A login by way of the ingress controller, and a page of each app.
    login = Answer(f"{PUBLIC}/api/auth/session-v2", {"email": "a@example.com", "password": "p"}, **SEEN)
    assert login.status == 201, (login.body, pod.said())
    cookie = login.headers["Set-Cookie"].split(";")[0]
    assert cookie.startswith("__Host-sid=")
    for path in ("/", "/admin/"):
        page = Answer(PUBLIC + path, Cookie=cookie, **SEEN)
        assert page.json() == {"state": "active", "client": "203.0.113.7"}
    held = rendered.call("redis-cli", "-h", "127.0.0.1", "dbsize").stdout
    assert int(held) > 0, pod.said()

    # A pod that is deleted says that it is not ready, and serves on until others have noticed.
    pod.child.terminate()
    pod.until("not ready", lambda: Answer(probe(container, "readinessProbe")).status == 503)
    assert Answer(PUBLIC + "/", Cookie=cookie, **SEEN).status == 200
    pod.kill()


def test_the_waits_of_a_stop_fit_into_the_grace_period(renderings):
    checked = 0
    for objects in renderings.values():
        for found in rendered.of_kind("Deployment", objects):
            for configuration in rendered.of_kind("ConfigMap", objects):
                server = tomllib.loads(configuration["data"]["sidgate.toml"])["server"]
                waits = sum(int(server[key].removesuffix("s")) for key in ("unready_before_drain", "drain_timeout"))
                # Two seconds more are for what is written at the end.
                assert waits + 2 < found["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
                checked += 1
    assert checked >= 3


def test_ports_are_those_of_the_configuration(renderings):
    for objects in renderings.values():
        for found in rendered.of_kind("Deployment", objects):
            ports = {f"0.0.0.0:{port['containerPort']}" for port in found["spec"]["template"]["spec"]["containers"][0]["ports"]}
            for configuration in rendered.of_kind("ConfigMap", objects):
                whole = tomllib.loads(configuration["data"]["sidgate.toml"])
                server = whole["server"]
                listens = {*server["listen"], server["admin_listen"], *server.get("tls", {}).get("listen", [])}
                listens |= {*whole.get("authz", {}).get("listen", [])}
                assert listens == ports


def test_every_configuration_is_good(cluster, renderings):
    checked = []
    for where, objects in renderings.items():
        if rendered.of_kind("Deployment", objects) and rendered.of_kind("ConfigMap", objects):
            check = cluster.run(objects, "Deployment", ["check", "--config", "/etc/sidgate/sidgate.toml"])
            assert check.ends() == 0, (where, check.said())
            checked.append(where)
    assert len(checked) == len(renderings) - 3, "all but the Job, the namespace, and the values with a ConfigMap from elsewhere"


def test_a_secret_that_everybody_may_read_is_refused(cluster, renderings):
    objects = renderings["kustomize:gateway"]
    (deployment,) = rendered.of_kind("Deployment", objects)
    volume = next(one for one in deployment["spec"]["template"]["spec"]["volumes"] if "secret" in one)
    volume["secret"]["defaultMode"] = 0o444
    try:
        pod = cluster.run(objects, "Deployment")
        assert pod.ends() == 78
        assert "/run/secrets/sidgate/" in pod.said()
    finally:
        volume["secret"]["defaultMode"] = 0o440
