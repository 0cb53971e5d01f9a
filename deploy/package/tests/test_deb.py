"""The Debian package from its installation to its purge, in a Debian that has booted with systemd."""

import subprocess

import pytest
from containers import Debian
from machine import ROOT, App, Visitors, ask, one, until

SETTINGS = "/etc/sidgate/sidgate.toml"
RPM_AFTER = (ROOT / "deploy/package/scripts/rpm/postinst").read_text()


@pytest.fixture(scope="module")
def newer(folder, packages):
    """The same files in a package of a higher version."""
    tree, package = folder / "newer/tree", folder / "newer/sidgate_0.1.0-2.deb"
    tree.parent.mkdir()
    subprocess.run(["dpkg-deb", "--raw-extract", one(packages, "*.deb"), tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace("Version: 0.1.0-1\n", "Version: 0.1.0-2\n"))
    # Not compressed: it is packed and unpacked in a moment.
    subprocess.run(["dpkg-deb", "-Znone", "--build", tree, package], check=True, stdout=subprocess.DEVNULL)
    return package


@pytest.fixture(scope="module")
def booted(podman, packages, newer):
    debian = Debian(podman, packages, newer.parent)
    yield debian
    debian.remove()


@pytest.fixture
def debian(booted):
    yield booted
    booted.forget()


@pytest.fixture
def served(debian, packages):
    """The package is installed, nothing else was done, and there is an app."""
    said = debian.install(one(packages, "*.deb"))
    until("ready", debian.is_ready)
    with App():
        yield debian, said


def test_an_installation_starts_it_as_its_user(served):
    debian, said = served
    # dpkg itself fetches nothing, so nothing is missing; and no script has complained.
    assert "warning" not in said.lower() and "error" not in said.lower(), said
    assert debian.said("dpkg", "--audit") == ""
    assert debian.said("systemctl", "is-enabled", "sidgate.service") == "enabled"
    assert debian.said("systemctl", "is-active", "sidgate.service") == "active"
    assert debian.said("ps", "-o", "user=", "-p", str(debian.main_pid())) == "sidgate"
    assert ask() == (200, b"hello")
    assert debian.owner(SETTINGS) == "root:sidgate 640"
    assert debian.owner("/var/lib/sidgate") == "sidgate:sidgate 700"
    assert debian.owner("/var/lib/sidgate/master.key") == "sidgate:sidgate 600"
    assert debian.said("getent", "passwd", "sidgate").endswith(":/var/lib/sidgate:/usr/sbin/nologin")
    assert "configuration is good" in debian.said("sidgate", "check")
    # The unit, as this systemd reads it.
    assert debian.said("systemd-analyze", "verify", "--man=no", "sidgate.service", "sidgate.socket") == ""
    debian.run("systemd-analyze", "security", "--threshold=20", "--no-pager", "sidgate.service")


def test_an_upgrade_refuses_nobody(served, newer):
    debian, _ = served
    debian.run("sh", "-c", f"echo '# a line of the administrator' >>{SETTINGS}")
    old = debian.main_pid()
    with Visitors() as visitors:
        said = debian.install(newer)
        assert "Unpacking sidgate (0.1.0-2) over (0.1.0-1)" in said
        until("another main process", lambda: debian.main_pid() not in (0, old))
        before = visitors.answers
        until("it answers", lambda: visitors.answers > before + 20)
        until(
            "the old one has gone", lambda: debian.run("test", "-e", f"/proc/{old}", ok=False).returncode == 1
        )
    assert visitors.failures == []
    assert debian.said("readlink", f"/proc/{debian.main_pid()}/exe") == "/usr/bin/sidgate", (
        "not the deleted one"
    )
    assert debian.said("systemctl", "is-active", "sidgate.service") == "active"
    assert debian.said("systemctl", "show", "--property=NRestarts", "--value", "sidgate") == "0"
    assert "of the administrator" in debian.said("cat", SETTINGS)
    assert debian.owner(SETTINGS) == "root:sidgate 640"
    # A stop lets also this process end by itself.
    debian.run("systemctl", "stop", "sidgate.service")
    assert debian.said("systemctl", "show", "--property=Result", "--value", "sidgate") == "success"
    assert '"reason":"terminated"' in debian.said("journalctl", "--unit=sidgate", "--lines=20", "--no-pager")


def test_an_upgrade_starts_nothing_that_was_stopped(served, newer):
    debian, _ = served
    debian.run("systemctl", "stop", "sidgate.service")
    debian.install(newer)
    assert debian.run("systemctl", "is-active", "sidgate.service", ok=False).stdout == "inactive\n"


def test_the_old_program_serves_on_where_the_new_one_cannot(served, newer):
    debian, _ = served
    debian.run("sh", "-c", f"echo 'not_a_key = 1' >>{SETTINGS}")
    # Known before it is installed.
    debian.run("dpkg-deb", "--extract", str(newer), "/tmp/new")
    told = debian.run("/tmp/new/usr/bin/sidgate", "check", "--config", SETTINGS, ok=False)
    assert told.returncode != 0 and "not_a_key" in told.stdout + told.stderr
    old = debian.main_pid()
    with Visitors() as visitors:
        # The RPM package has another script for the same.
        for said in (debian.install(newer), debian.after_rpm(RPM_AFTER)):
            assert "the old one goes on" in said and "not_a_key" in said, said
            assert debian.main_pid() == old
        assert debian.said("dpkg", "--audit") == ""
        debian.run("sed", "-i", "/not_a_key/d", SETTINGS)
        assert "the old one goes on" not in debian.after_rpm(RPM_AFTER)
        assert debian.main_pid() not in (0, old)
        before = visitors.answers
        until("it answers", lambda: visitors.answers > before + 20)
    assert visitors.failures == []


def test_removed_and_installed_again_it_starts(served, packages):
    debian, _ = served
    debian.run("dpkg", "--remove", "sidgate")
    debian.install(one(packages, "*.deb"))
    assert debian.said("systemctl", "is-active", "sidgate.service") == "active"
    # It is an upgrade that comes next, and that starts nothing.
    debian.run("systemctl", "stop", "sidgate.service")
    debian.install(one(packages, "*.deb"))
    assert debian.run("systemctl", "is-active", "sidgate.service", ok=False).stdout == "inactive\n"


@pytest.mark.parametrize(
    "there",
    ["groupadd --system sidgate", "useradd --system --gid games sidgate"],
    ids=["group", "user"],
)
def test_a_group_or_a_user_that_is_there_already_is_taken(debian, packages, there):
    debian.run("sh", "-c", there)
    debian.install(one(packages, "*.deb"))
    until("ready", debian.is_ready)
    assert debian.owner(SETTINGS) == "root:sidgate 640"
    assert debian.owner("/var/lib/sidgate") == "sidgate:sidgate 700"


def test_removal_and_purge_leave_the_data(served):
    debian, _ = served
    removed = debian.said("dpkg", "--remove", "sidgate")
    assert debian.run("systemctl", "is-active", "sidgate.service", ok=False).returncode != 0
    assert debian.run("pgrep", "sidgate", ok=False).stdout == ""
    assert debian.run("test", "-e", "/usr/bin/sidgate", ok=False).returncode == 1
    debian.run("test", "-e", SETTINGS)
    assert " stay" not in removed
    debian.run("touch", "/etc/sidgate/environment")
    purged = debian.said("dpkg", "--purge", "sidgate")
    (line,) = [line for line in purged.splitlines() if line.startswith("sidgate: ")]
    assert "/var/lib/sidgate (sessions, master key)" in line and "stay" in line
    assert debian.said("ls", "/etc/sidgate") == "environment"
    assert {"master.key", "sidgate.db"} <= set(debian.said("ls", "/var/lib/sidgate").split())
    left = debian.run("find", "/etc/systemd", "/var/lib/systemd", "-name", "sidgate*").stdout
    assert left == "", "no link to a unit that has gone"
