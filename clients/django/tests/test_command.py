"""``manage.py sidgate_sessions``, on the gateway's real tables."""

import io
import json
import uuid

import pytest
from django.core.management import CommandError, call_command


def run(*arguments):
    out, err = io.StringIO(), io.StringIO()
    call_command("sidgate_sessions", *arguments, stdout=out, stderr=err)
    return out.getvalue()


def test_list(tables, ada, bob):
    mine, theirs = tables.add(ada, tenant_id="t1"), tables.add(bob)
    assert len(run("list").splitlines()) == 2
    (line,) = run("list", "--user", "ada").splitlines()
    assert line.split()[:5] == [str(mine), str(ada.pk), "ada@example.com", "t1", "203.0.113.9"]
    (line,) = run("list", "--user", "BOB@example.com", "--json").splitlines()
    assert json.loads(line)["id"] == str(theirs)
    assert len(run("list", "--limit", "1").splitlines()) == 1


def test_list_of_ended_ones(tables, ada):
    id = tables.add(ada)
    run("revoke", str(id))
    assert run("list") == ""
    assert str(id) in run("list", "--all")


def test_show(tables, ada):
    id = tables.add(ada)
    shown = dict(line.split(maxsplit=1) for line in run("show", str(id)).splitlines())
    assert (shown["id"], shown["state"], shown["revoked_at"]) == (str(id), "active", "-")
    run("revoke", str(id))
    shown = dict(line.split(maxsplit=1) for line in run("show", str(id)).splitlines())
    assert (shown["state"], shown["revoke_reason"]) == ("ended", "admin")


def test_revoke(tables, ada):
    id, head = tables.add(ada), tables.head()
    assert run("revoke", str(id), str(uuid.uuid4())) == "revoked 1 of 2\n"
    assert tables.events_after(head) == [("session", None)]


@pytest.mark.parametrize("name", ["ada", "Ada@example.com", "id"])
def test_revoke_user(tables, ada, name):
    tables.add(ada)
    head = tables.head()
    assert run("revoke-user", str(ada.pk) if name == "id" else name).startswith("revoked 1 ")
    assert tables.events_after(head) == [("user", str(ada.pk))]


def test_a_deleted_user(tables):
    tables.add("4711")
    assert run("revoke-user", "4711") == "revoked 1 sessions of user 4711\n"


def test_check(tables, ada):
    tables.add(ada)
    assert run("check") == f"ok: database 'sidgate', 1 active sessions, event {tables.head()}\n"


def test_check_finds_what_is_missing(tables):
    tables.execute("ALTER TABLE sidgate_session RENAME TO elsewhere")
    try:
        with pytest.raises(CommandError, match="sidgate_session"):
            run("check")
    finally:
        tables.execute("ALTER TABLE elsewhere RENAME TO sidgate_session")


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "x"],
        ["show", str(uuid.UUID(int=1))],
        ["revoke", "x"],
        ["revoke-user", "who@example.com"],
        ["list", "--limit", "0"],
        ["list", "--limit", "1001"],
    ],
    ids=" ".join,
)
def test_mistakes(tables, arguments):
    with pytest.raises(CommandError):
        run(*arguments)


@pytest.mark.parametrize("verb", [["list"], ["check"], ["revoke-user", "x"]], ids=" ".join)
def test_without_a_database(db, verb):
    with pytest.raises(CommandError, match="DATABASE"):
        run(*verb)
