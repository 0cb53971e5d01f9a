"""The documents as a reader follows them: every block, in order, in a folder that was empty."""

import os
import time
from pathlib import Path

import pytest

from blocks import Project, blocks, environment
from conftest import Site
from servers import GATEWAY, free_ports

ROOT = Path(__file__).resolve().parents[3]
# Blocks that cannot be run say why; who adds one counts it here.
NOT_RUN = {"docs/django.md": 3, "clients/django/README.md": 2, "docs/migration.md": 2}


@pytest.fixture
def folder(tmp_path):
    """Empty but for the checkout that both documents install from."""
    (tmp_path / "sidgate").symlink_to(ROOT)
    return tmp_path


@pytest.fixture
def programs(tmp_path_factory):
    """A folder for PATH with the gateway in it, as `cargo install` leaves it."""
    programs = tmp_path_factory.mktemp("programs")
    (programs / "sidgate").symlink_to(GATEWAY)
    return programs


def follow(project, document):
    """Runs what can be run; returns what the last command said."""
    found = list(blocks((ROOT / document).read_text()))
    assert sum(1 for block in found if block.why_not) == NOT_RUN[document]
    for block in found:
        if not block.why_not:
            try:
                project.run(block)
            except AssertionError as error:
                raise AssertionError(f"{document}:{block.line}: {error}") from None


def test_from_an_empty_folder_to_the_first_login(folder, programs, capsys):
    public, admin, app = free_ports(3)
    path = f"{programs}:{os.environ['PATH']}"
    project = Project(folder, environment(PATH=path))
    project.instead = {":3000": f":{public}", ":9901": f":{admin}", ":8000": f":{app}"}
    began = time.monotonic()
    try:
        follow(project, "docs/django.md")
    finally:
        project.stop()
    assert project.said.endswith("Hello, ada")
    with capsys.disabled():
        seconds = time.monotonic() - began
        print(f"\nFrom an empty folder to the first login: {seconds:.0f} s of the machine's time")


def test_the_readme(folder, programs):
    """In a project that has users already, beside a gateway that runs."""
    site = Site(folder)
    gateway = site.run_gateway()
    path = f"{programs}:{os.environ['PATH']}"
    env = environment(PATH=path, SIDGATE_UPSTREAM_KEY=site.key, OLD_FERNET_KEY=OLD_KEY)
    project = Project(folder, env)
    try:
        project.shell("python3 -m venv --without-pip .venv")
        project.shell(A_PROJECT)
        follow(project, "clients/django/README.md")
        (folder / "shop/tests_of_blocks.py").write_text(TESTS)
        project.shell(AFTERWARDS)
    finally:
        gateway.stop()


def test_the_migration(folder, programs):
    """Of a site whose gateway runs: each step is a configuration that it would take over."""
    site = Site(folder)
    site.config.write_text(f"{site.config.read_text()}\n[migration]\n")
    gateway = site.run_gateway()
    env = environment(PATH=f"{programs}:{os.environ['PATH']}")
    project = Project(folder, env, {"$(pidof sidgate)": str(gateway.process.pid)})
    try:
        follow(project, "docs/migration.md")
        assert "Safe to remove:" in project.said
        assert gateway.process.poll() is None
    finally:
        gateway.stop()


OLD_KEY = "b2xkIGtleSBvbGQga2V5IG9sZCBrZXkgb2xkIGtleSE="
A_PROJECT = """
. .venv/bin/activate
django-admin startproject shop .
python manage.py migrate
export DJANGO_SUPERUSER_PASSWORD=right
python manage.py createsuperuser --noinput --username ada --email ada@example.com
"""
AFTERWARDS = """
python manage.py check --fail-level WARNING
python -c 'import shop.asgi'
python -c 'import sidgate_django; assert ".venv" in sidgate_django.__file__'
python manage.py test shop.tests_of_blocks --settings shop.test_settings
"""
# What a block defines does what the document says of it.
TESTS = """
from types import SimpleNamespace

from django.contrib.auth.models import User
from django.core import signing
from django.test import RequestFactory, TestCase

from shop import identity, login, old_login, sessions
from sidgate_django.testing import GatewayClient, from_gateway


class Blocks(TestCase):
    client_class = GatewayClient

    def setUp(self):
        self.eve = User.objects.create_user("eve", "eve@example.com", "right")

    def test_who_belongs_to_none_has_no_tenant(self):
        self.assertNotIn("tenant_id", identity.identity(self.eve, None))
        self.eve.organisation = None
        self.assertNotIn("tenant_id", identity.identity(self.eve, None))
        self.eve.organisation = SimpleNamespace(pk=7, plan="pro")
        built = identity.identity(self.eve, None)
        self.assertEqual((built["tenant_id"], built["attributes"]), ("7", {"plan": "pro"}))
        self.client.post("/admin/login/", {"username": "eve", "password": "right"})

    def test_events(self):
        request = from_gateway(RequestFactory().get("/"), self.eve)
        sessions.log_in(request, self.eve)
        for say in (sessions.log_out_elsewhere, sessions.change_plan, sessions.step_up):
            say(request)
        self.assertEqual(len(request._sidgate_events), 4)

    def test_stages(self):
        self.assertIsNone(login.captcha(self.eve, None, {"captcha": "seven"}))
        self.assertEqual(login.captcha(self.eve, None, {}), "invalid_credentials")
        self.assertIsNone(login.terms(self.eve, None, {}))

    def test_an_old_login(self):
        cookie = signing.dumps({"user": self.eve.pk}, salt="old-login")
        self.assertEqual(old_login.session_token({"session_token": cookie}, None), self.eve)
        self.assertIsNone(old_login.session_token({"session_token": "x"}, None))

    def test_a_cached_page(self):
        self.client.force_login(self.eve)
        self.assertContains(self.client.get("/greeting/"), "Hello, eve")
        self.assertContains(GatewayClient().get("/greeting/"), "Hello, stranger")
"""
