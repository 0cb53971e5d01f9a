"""The gateway's sessions in the admin, on its real tables."""

from datetime import datetime, timedelta, timezone

import pytest
from django.contrib.auth.models import Permission, User

from sidgate_django.models import Session
from sidgate_django.testing import gateway_headers

LIST = "/admin/sidgate/session/"


@pytest.fixture
def root(db):
    return User.objects.create_superuser("root", "root@example.com", "right")


@pytest.fixture(autouse=True)
def with_admin(tables, settings):
    settings.ROOT_URLCONF = "tests.session_admin_urls"


def shown(client, user, query=""):
    page = client.get(LIST + query, headers=gateway_headers(user))
    assert page.status_code == 200
    return {session.pk for session in page.context["cl"].result_list}


def test_list_and_filters(client, tables, root, ada):
    mine, live = tables.add(root), tables.add(ada)
    ended = tables.add(ada, expires_at=datetime.now(timezone.utc) - timedelta(seconds=1))
    assert shown(client, root) == {mine, live, ended}
    assert shown(client, root, "?state=active") == {mine, live}
    assert shown(client, root, "?state=ended") == {ended}
    assert shown(client, root, "?whose=mine") == {mine}


@pytest.mark.parametrize("query", ["ada@exam", "203.0.113.9", "id"])
def test_search(client, tables, root, ada, query):
    id = tables.add(ada)
    tables.add(root, ip="203.0.113.10")
    assert shown(client, root, f"?q={ada.pk if query == 'id' else query}") == {id}


def test_page_of_a_session(client, tables, root, ada):
    id = tables.add(ada)
    page = client.get(f"{LIST}{id}/change/", headers=gateway_headers(root)).content.decode()
    assert "Firefox/145.0" in page
    assert "ada@example.com" in page
    assert 'name="user_id"' not in page  # nothing to edit


def test_revoke(client, tables, root, ada):
    id, other = tables.add(ada), tables.add(ada)
    head = tables.head()
    form = {"action": "revoke_selected", "_selected_action": [str(id)]}
    answer = client.post(LIST, form, headers=gateway_headers(root))
    assert answer.status_code == 302
    assert tables.events_after(head) == [("session", None)]
    assert (tables.reason(id), tables.reason(other)) == ("admin", None)
    assert shown(client, root, "?state=active") == {other}


def test_nobody_adds_edits_or_deletes(client, tables, root, ada):
    id = tables.add(ada)
    for path in (f"{LIST}add/", f"{LIST}{id}/delete/"):
        assert client.get(path, headers=gateway_headers(root)).status_code == 403
    form = {"user_id": "1", "revoke_reason": "x"}
    answer = client.post(f"{LIST}{id}/change/", form, headers=gateway_headers(root))
    assert answer.status_code == 403
    assert Session.objects.get().user_id == str(ada.pk)


def test_who_may_only_look(client, tables, ada):
    id = tables.add(ada)
    ada.is_staff = True
    ada.save()
    look = Permission.objects.get(codename="view_session", content_type__app_label="sidgate")
    ada.user_permissions.add(look)
    assert shown(client, ada) == {id}
    form = {"action": "revoke_selected", "_selected_action": [str(id)]}
    client.post(LIST, form, headers=gateway_headers(ada))
    assert tables.reason(id) is None
