"""One gateway and one site for all tests: daphne behind the real binary."""

import base64
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from browser import Browser
from servers import GATEWAY, Server, free_ports, wait_until_ready

HERE = Path(__file__).resolve().parent
CONFIG = """
[server]
listen = ["127.0.0.1:{port}"]
admin_listen = "127.0.0.1:{admin}"
public_origin = "http://localhost:{port}"
[keys]
master = "file:master.key"
[store]
url = "sqlite:sidgate.db"
[backend]
upstream = "django"
[endpoints]
password_login = true
[upstreams.django]
servers = ["127.0.0.1:{upstream}"]
[[routes]]
path = "/"
upstream = "django"
session = "optional"
"""


class Site:
    """A folder with a gateway's files, the key of its app, and where both listen."""

    def __init__(self, work, upstream=None, master=None):
        self.work = work
        self.port, self.admin, self.app = free_ports(3)
        self.config = work / "sidgate.toml"
        upstream = upstream or self.app
        self.config.write_text(CONFIG.format(port=self.port, admin=self.admin, upstream=upstream))
        if master is None:
            generate = [GATEWAY, "keys", "generate", "--out", work / "master.key"]
            subprocess.run(generate, check=True)
        else:
            shutil.copy(master, work / "master.key")  # so that the app has one key
        keys = [GATEWAY, "keys", "upstream", "django", "--config", self.config]
        self.key = subprocess.run(keys, check=True, capture_output=True, text=True).stdout.strip()
        assert len(base64.b64decode(self.key)) == 32

    def env(self):
        return {
            "SIDGATE_UPSTREAM_KEY": self.key,
            "SITE_WORK": str(self.work),
            "PYTHONPATH": str(HERE),
            "DJANGO_SETTINGS_MODULE": "site_under_test.settings",
            "PYTHONWARNINGS": "ignore",
        }

    def run(self, *arguments, **env):
        return subprocess.run(
            [sys.executable, *arguments],
            env=os.environ | self.env() | env,
            capture_output=True,
            text=True,
            cwd=HERE,
        )

    def python(self, *arguments):
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run_app(self):
        command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(self.app)]
        return Server(
            [*command, "site_under_test.asgi:application"],
            port=self.app,
            log=self.work / "app.log",
            env=self.env(),
            cwd=HERE,
        )

    def run_gateway(self):
        gateway = Server(
            [GATEWAY, "run", "--config", self.config],
            port=self.port,
            log=self.work / "gateway.log",
            cwd=self.work,
        )
        wait_until_ready(self.admin)
        return gateway


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site"))
    site.python("-m", "django", "migrate", "--run-syncdb", "-v0")
    site.codes = site.python("-m", "site_under_test.people").split()
    running = [site.run_app(), site.run_gateway()]
    yield site
    for server in reversed(running):
        server.stop()


@pytest.fixture
def browser(site):
    return Browser(site.port)
