"""The services of compose.yaml, run as processes: their commands, environments, files and ports, in the order in which they wait
for each other.

No engine: images are not pulled, networks do not part anybody. Sidgate has a root of its own; PostgreSQL, Redis, Django and
Node.js are those of this machine. What the image of PostgreSQL does at its first start is done here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import composed
import pytest
import rendered
import servers
from container import PATH, USER, Host, Process, is_root, kept
from servers import Answer

ROOT = rendered.DEPLOY.parent
SITE = "http://localhost:3000"
NAMES = ["postgres", "redis", "django", "next"]
STANDALONE = ROOT / "deploy/demo/next/.next/standalone"
# Of a checkout that tests have been prepared in.
PYTHON = ROOT / ".venv/bin"


class Engine:
    """What stands in for one."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.stack, self.folder = stack, folder
        self.beside = folder / "container"
        # As it is checked out: without keys and passwords.
        shutil.copytree(composed.FOLDER, self.beside, ignore=shutil.ignore_patterns("secrets", ".env"))
        self.host = Host(folder, NAMES)
        self.prepare()
        env = dict(line.split("=", 1) for line in (self.beside / ".env").read_text().split())
        self.project = composed.read(env)
        # Apps have the names of /run/secrets of their own: nobody else's are there.
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "none", "/run"], check=True)
        Path("/run/demo").mkdir(mode=0o1777)
        Path("/run/secrets").mkdir(mode=0o755)

    def prepare(self, **env: str) -> None:
        """Runs `prepare`, with a script in the place of `docker compose` that knows what it is asked there."""
        mounts = " ".join(f"{path}={self.beside / file}" for path, file in self.files("sidgate").items())
        engine = self.folder / "compose"
        stand_in = f"{sys.executable} {Path(__file__).parent / 'engine.py'} {self.folder} {mounts}"
        engine.write_text(f'#!/bin/sh\nexec {stand_in} -- "$@"\n')
        engine.chmod(0o755)
        for _ in range(2):
            done = rendered.call(self.beside / "prepare", env=os.environ | {"COMPOSE": str(engine)} | env)
            assert done.returncode == 0, done.stderr

    def files(self, name: str) -> dict[str, str]:
        project = composed.read()
        service = project["services"][name]
        return composed.targets(service, "secrets", project) | composed.targets(service, "configs", project)

    def sidgate(self, name: str) -> Process:
        service = self.project["services"][name]
        mounts = {path: self.beside / file for path, file in self.files(name).items()}
        return kept(self.stack, self.host.start(service["command"], mounts, {}, self.folder / f"{name}.log"))

    def app(self, name: str, cwd: Path, programs: Path) -> Process:
        """Its start script, in the folder that the image has as /app."""
        service = self.project["services"][name]
        for path, file in self.files(name).items():
            shutil.copy(self.beside / file, path)
        env = {"PATH": f"{programs}:{PATH}", **service["environment"]}
        command = ["sh", str(self.beside / name / "start")]
        return kept(self.stack, Process(command, env, self.folder / f"{name}.log", cwd=cwd))

    def postgres(self) -> None:
        """What the image does with an empty volume: a database, the scripts, and passwords for whoever comes by TCP."""
        files = self.files("postgres")
        for path in files:
            if path.startswith("/run/secrets/"):
                shutil.copy(self.beside / files[path], path)
                Path(path).chmod(0o444)
        home = self.folder / "postgres"
        home.mkdir()
        server = servers.postgres_script().Server(home, {})
        self.stack.callback(server.stop)
        server.process = server.launch(5432)
        socket = ["-h", str(home), "-p", "5432", "-U", "postgres"]
        for _ in range(300):
            if rendered.call(server.programs / "pg_isready", *socket).returncode == 0:
                break
            rendered.call("sleep", "0.1")
        server.run("createdb", *socket, self.project["services"]["postgres"]["environment"]["POSTGRES_DB"])
        scripts = [self.beside / file for path, file in files.items() if path.startswith("/docker-entrypoint-initdb.d/")]
        for script in scripts:
            copy = home / script.name
            shutil.copy(script, copy)
            copy.chmod(0o644)
            server.run("psql", *socket, "-v", "ON_ERROR_STOP=1", "--no-psqlrc", "-d", "app", "-f", copy)
        (home / "data/pg_hba.conf").write_text("local all all trust\nhost all all all scram-sha-256\n")
        server.run("psql", *socket, "-c", "SELECT pg_reload_conf()")


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with ExitStack() as stack:
        yield Engine(stack, servers.folder_for_all(tmp_path_factory, "compose"))


def test_prepare_gives_files_to_one_user_and_no_other(engine):
    secrets = engine.beside / "secrets"
    assert secrets.stat().st_mode & 0o777 == 0o700
    for name in engine.project["secrets"]:
        found = (secrets / name).stat()
        assert found.st_mode & 0o777 == (0o444 if name.endswith("-password") else 0o400), name
        if is_root():
            assert found.st_uid == USER, name


def test_prepare_takes_a_user_that_is_named_and_leaves_what_is_written(engine):
    env = engine.beside / ".env"
    ours = env.read_text()
    env.unlink()
    engine.prepare(SIDGATE_USER="0:0")
    assert env.read_text() == "SIDGATE_USER=0:0\n"
    engine.prepare()
    assert env.read_text() == "SIDGATE_USER=0:0\n"
    env.write_text(ours)


def test_everything_starts_in_its_order_and_the_demo_works(engine):
    from_image = engine.project["services"]["redis"]["command"]
    engine.postgres()
    servers.redis(engine.stack, engine.folder, *from_image[1:])
    schema = engine.sidgate("schema")
    assert schema.ends() == 0, schema.said()
    assert "schema is up to date" in schema.said()
    node = rendered.call(ROOT / "scripts/js", "node").stdout.strip()
    assert node
    assert STANDALONE.exists(), "scripts/js build"
    django = engine.app("django", ROOT / "deploy/demo/django", PYTHON)
    next_app = engine.app("next", STANDALONE, Path(node).parent)
    django.until("django", lambda: Answer("http://127.0.0.1:8000/healthz").status == 200)
    next_app.until("next", lambda: Answer("http://127.0.0.1:3001/icon.svg").status == 200)

    sidgate = engine.sidgate("sidgate")
    sidgate.until("ready", lambda: Answer("http://127.0.0.1:9901/readyz").status == 200)

    login: dict[str, Any] = {"email": "test@example.com", "password": "password"}
    done = Answer(f"{SITE}/api/auth/session-v2", login)
    assert done.status == 201, (done.body, sidgate.said(), django.said())
    cookie = done.headers["Set-Cookie"].split(";")[0]
    # Each app believes the gateway, by its own key.
    seen = Answer(f"{SITE}/whoami", Cookie=cookie).json()
    assert seen["session"] == {"state": "active", "verified": True}
    assert b"test@example.com" in Answer(f"{SITE}/api/me", Cookie=cookie).body
    assert Answer(f"{SITE}/private").status == 401
    # Redis has what the gateway put there.
    assert "redis does not answer" not in sidgate.said()
    assert healthy(engine) == (0, "ready\n")
    assert sidgate.terminate() == 0, sidgate.said()
    # Its container says so, until it is gone.
    assert healthy(engine)[0] == 1


def healthy(engine: Engine) -> tuple[int, str]:
    """The health check of the service, in a container of the same kind: it has the same loopback here."""
    _, program, *arguments = engine.project["services"]["sidgate"]["healthcheck"]["test"]
    assert program == "sidgate"
    mounts = {path: engine.beside / file for path, file in engine.files("sidgate").items()}
    asked = engine.host.start(arguments, mounts, {}, engine.folder / "healthcheck.log")
    return asked.ends(), asked.said()


def test_the_waits_of_a_stop_fit_into_the_grace_period(engine):
    server = tomllib.loads((engine.beside / "sidgate.toml").read_text())["server"]
    waits = sum(int(server[key].removesuffix("s")) for key in ("unready_before_drain", "drain_timeout"))
    assert waits + 2 < int(engine.project["services"]["sidgate"]["stop_grace_period"].removesuffix("s"))
