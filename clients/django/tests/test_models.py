"""The gateway's tables through Django, on its real schemas: what counts is the event."""

import uuid
from datetime import datetime, timedelta, timezone

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections

from sidgate_django.models import Session

NOW = datetime.now(timezone.utc)


def ids(sessions):
    return {session.pk for session in sessions}


def test_a_row_is_read(tables, ada):
    id = tables.add(ada, tenant_id="t1", created_at=NOW, expires_at=NOW + timedelta(days=1))
    session = Session.objects.get()
    assert session.pk == id
    assert (session.user_id, session.tenant_id) == (str(ada.pk), "t1")
    assert session.identity["user"]["email"] == session.email == "ada@example.com"
    assert session.created_at == NOW  # to the microsecond, and aware
    assert session.expires_at == NOW + timedelta(days=1)
    assert session.ip == "203.0.113.9"
    assert session.revoked_at is None
    assert session.user == ada
    assert str(session) == str(id)


@pytest.mark.parametrize("user_id", ["999", "no-number", "9" * 40])
def test_a_user_who_is_not_there(tables, user_id):
    tables.add(user_id)
    assert Session.objects.get().user is None


def test_filters_by_id_and_time(tables, ada):
    id = tables.add(ada, created_at=NOW)
    later = tables.add(ada, created_at=NOW + timedelta(seconds=1))
    assert Session.objects.get(pk=str(id)).pk == id
    assert ids(Session.objects.filter(created_at__gt=NOW)) == {later}
    assert ids(Session.objects.filter(pk__in=[id, later])) == {id, later}
    assert not Session.objects.filter(pk=uuid.uuid4()).exists()


def test_active(tables, ada, bob):
    live = tables.add(ada)
    no_idle_limit = tables.add(ada, idle_seconds=0, last_activity=NOW - timedelta(days=3))
    ended = [
        tables.add(ada, expires_at=NOW - timedelta(seconds=1)),
        tables.add(ada, last_activity=NOW - timedelta(seconds=601)),
        tables.add(ada, revoked_at=NOW),
    ]
    tables.add(bob)
    tables.add("t", tenant_id="acme")
    Session.objects.revoke_user(bob)
    tables.execute("INSERT INTO sidgate_revocation (kind, subject) VALUES ('tenant', 'acme')")
    assert ids(Session.objects.active()) == {live, no_idle_limit}
    assert ids(Session.objects.ended().for_user(ada)) == set(ended)
    assert Session.objects.ended().count() == 5
    assert Session.objects.get(pk=live).is_active()
    assert not Session.objects.get(pk=ended[0]).is_active()
    after = tables.add(bob)
    assert ids(Session.objects.active().for_user(bob)) == {after}
    tables.execute("INSERT INTO sidgate_revocation (kind, subject) VALUES ('all', '')")
    assert not Session.objects.active().exists()


def test_revoke(tables, ada, bob):
    mine, other = tables.add(ada), tables.add(bob)
    head = tables.head()
    assert Session.objects.for_user(ada).revoke() == 1
    assert tables.events_after(head) == [("session", None)]
    assert (tables.reason(mine), tables.reason(other)) == ("app", None)
    assert Session.objects.for_user(ada).revoke() == 0  # the first reason stands
    assert tables.events_after(head + 1) == []
    assert Session.objects.get(pk=other).revoke("admin") is True
    assert Session.objects.get(pk=other).revoke("app") is False
    assert tables.reason(other) == "admin"
    revoked_at = Session.objects.get(pk=mine).revoked_at
    assert abs(revoked_at - datetime.now(timezone.utc)) < timedelta(minutes=1)


def test_the_way_it_was_written_before(tables, ada, bob):
    """`# Kill old sessions`: the line that projects had, unchanged."""
    tables.add(ada)
    tables.add(ada)
    kept = tables.add(bob)
    head, user = tables.head(), ada
    Session.objects.filter(user=user).delete()
    assert ids(Session.objects.all()) == {kept}
    assert tables.events_after(head) == [("session", None)] * 2
    assert ids(Session.objects.exclude(user=ada.pk)) == {kept}


def test_delete_one(tables, ada):
    tables.add(ada)
    head = tables.head()
    Session.objects.get().delete()
    assert tables.events_after(head) == [("session", None)]


def test_revoke_user(tables, ada):
    for _ in range(3):
        tables.add(ada)
    head = tables.head()
    Session.objects.revoke_user(ada)
    Session.objects.revoke_user(ada.pk)
    # One event each, whatever the number of sessions: also for those whose login is under way.
    assert tables.events_after(head) == [("user", str(ada.pk))] * 2


def test_touching_nothing_says_nothing(tables, ada):
    tables.add(ada)
    head = tables.head()
    list(Session.objects.active())
    assert tables.events_after(head) == []


def test_without_a_database(db):
    with pytest.raises(ImproperlyConfigured, match="DATABASE"):
        Session.objects.count()


def test_columns_are_there(tables):
    def found():
        return [
            m.id for m in run_checks(tags=["database"], databases=["sidgate"]) if m.id[0] == "s"
        ]

    assert found() == []
    tables.execute("ALTER TABLE sidgate_revocation RENAME TO elsewhere")
    try:
        assert found() == ["sidgate.E010"]
    finally:
        tables.execute("ALTER TABLE elsewhere RENAME TO sidgate_revocation")


@pytest.mark.parametrize("tables", ["postgres"], indirect=True)
def test_no_more_rights_than_documented(tables, ada):
    tables.add(ada)
    with pytest.raises(DatabaseError):
        Session.objects.update(user_id="1")
    with connections["sidgate"].cursor() as cursor, pytest.raises(DatabaseError):
        cursor.execute("UPDATE sidgate_clock SET seq = 0")
