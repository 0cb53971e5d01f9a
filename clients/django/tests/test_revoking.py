"""What happens to an account ends its sessions in the gateway's tables, whoever does it."""

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError

from sidgate_django.testing import gateway_headers, read_events

from .test_password_change import FORM, OTHERS


class Proxy(User):
    class Meta:
        proxy = True
        app_label = "auth"


@pytest.fixture
def told(tables, ada, django_capture_on_commit_callbacks):
    """Run something; return what every gateway hears of it."""
    tables.add(ada)

    def told(change):
        head = tables.head()
        with django_capture_on_commit_callbacks(execute=True):
            change()
        return tables.events_after(head)

    return told


def test_disabled(told, ada):
    ada.is_active = False
    assert told(ada.save) == [("user", str(ada.pk))]


def test_disabled_through_a_proxy(told, ada):
    proxy = Proxy.objects.get(pk=ada.pk)
    proxy.is_active = False
    assert told(lambda: proxy.save(update_fields=["is_active"])) == [("user", str(ada.pk))]


def test_deleted(told, ada):
    pk = ada.pk
    assert told(ada.delete) == [("user", str(pk))]


def test_a_new_password_from_a_shell(told, ada):
    ada.set_password("new")
    assert told(ada.save) == [("user", str(ada.pk))]


@pytest.mark.parametrize(
    "fields", [None, ["last_login"], ["first_name"]], ids=["all", "login", "name"]
)
def test_other_changes(told, ada, fields):
    ada.first_name = "Augusta"
    assert told(lambda: ada.save(update_fields=fields)) == []


def test_fields_that_are_not_saved(told, ada):
    ada.is_active = False
    ada.set_password("new")
    assert told(lambda: ada.save(update_fields=["first_name"])) == []


def test_a_hash_that_is_renewed_at_login(told, ada, settings):
    settings.PASSWORD_HASHERS = [
        "tests.test_endpoints.CheapHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    assert told(lambda: ada.check_password("right")) == []
    assert ada.password.startswith("cheap")


def test_a_new_user(told, db):
    assert told(lambda: User.objects.create_user("eve", password="x", is_active=False)) == []


def test_taken_back(tables, ada):
    """Not before the change is certain; the test's own transaction never commits."""
    tables.add(ada)
    head = tables.head()
    ada.is_active = False
    ada.save()
    assert tables.events_after(head) == []


def test_ones_own_password_keeps_this_session(told, client, tables, ada, settings):
    this = tables.add(ada)
    headers = gateway_headers(ada, sid=str(this))
    answers = []
    events = told(lambda: answers.append(client.post("/password/", FORM, headers=headers)))
    assert events == [("session", None)]  # the other one
    assert tables.reason(this) is None
    ada.refresh_from_db()
    renewed = {"type": "update", "identity": {"auth_hash": ada.get_session_auth_hash()}}
    assert read_events(answers[0]) == [OTHERS, renewed]


def test_somebody_elses_password(told, client, ada, db):
    root = User.objects.create_superuser("root", "root@example.com", "right")
    form = {"password1": "n3w-passphrase", "password2": "n3w-passphrase", "usable_password": "true"}
    path = f"/admin/auth/user/{ada.pk}/password/"
    headers = gateway_headers(root)
    assert told(lambda: client.post(path, form, headers=headers)) == [("user", str(ada.pk))]


def test_in_one_database_both_happen_or_none(ada, sidgate):
    """The tables are missing there, so the account must not be disabled either."""
    sidgate(DATABASE="default")
    ada.is_active = False
    with pytest.raises(DatabaseError):
        ada.save()


def test_without_the_tables(ada):
    ada.is_active = False
    ada.save()
    ada.set_password("new")
    ada.save()
    ada.delete()
