"""A change of password keeps this session and ends the others, as Django has it.

Without the gateway's tables: what a response can say. See ``test_revoking`` for the rest.
"""

from django.contrib.auth.models import User

from sidgate_django.testing import gateway_headers, read_events

OTHERS = {"type": "logout", "scope": "others"}
THIS = {"type": "logout", "scope": "this"}
FORM = {
    "old_password": "right",
    "new_password1": "n3w-passphrase",
    "new_password2": "n3w-passphrase",
}


def test_this_session_gets_the_new_hash(client, ada):
    before = gateway_headers(ada)
    answer = client.post("/password/", FORM, headers=before)
    assert answer.status_code == 302
    ada.refresh_from_db()
    renewed = {"auth_hash": ada.get_session_auth_hash()}
    assert read_events(answer) == [OTHERS, {"type": "update", "identity": renewed}]
    assert client.get("/who/", headers=gateway_headers(ada)).json()["user"] == "ada"
    assert client.get("/who/", headers=before).json()["user"] is None


def test_also_in_the_admin(client, db):
    root = User.objects.create_superuser("root", "root@example.com", "right")
    form = {"password1": "n3w-passphrase", "password2": "n3w-passphrase", "usable_password": "true"}
    path = f"/admin/auth/user/{root.pk}/password/"
    answer = client.post(path, form, headers=gateway_headers(root))
    root.refresh_from_db()
    renewed = {"auth_hash": root.get_session_auth_hash()}
    assert read_events(answer) == [OTHERS, {"type": "update", "identity": renewed}]


def test_nobody_asked_to_stay_logged_in(client, ada):
    """A view that saves a new password and leaves it at that, as after a reset by mail."""
    answer = client.post("/reset/", {"username": "ada"}, headers=gateway_headers(ada))
    assert read_events(answer) == [OTHERS, THIS]


def test_a_new_password_and_a_login_with_it(client, ada):
    answer = client.post(
        "/reset/", {"username": "ada", "then": "login"}, headers=gateway_headers(ada)
    )
    assert [event["type"] for event in read_events(answer)] == ["logout", "login"]
    assert read_events(answer)[0] == OTHERS


def test_a_new_password_and_a_logout(client, ada):
    answer = client.post(
        "/reset/", {"username": "ada", "then": "logout"}, headers=gateway_headers(ada)
    )
    assert read_events(answer) == [OTHERS, THIS]


def test_the_others_end_first(client, ada):
    """After the logout the gateway would know no session that they are other than."""
    answer = client.post(
        "/reset/", {"username": "ada", "first": "logout"}, headers=gateway_headers(ada)
    )
    assert read_events(answer) == [OTHERS, THIS]


def test_a_new_password_without_a_session(client, ada):
    assert read_events(client.post("/reset/", {"username": "ada"}, headers=gateway_headers())) == []


def test_a_disabled_account_ends_its_sessions(client, ada):
    headers = gateway_headers(ada)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert read_events(client.get("/who/", headers=headers)) == [{"type": "logout", "scope": "all"}]
    assert read_events(client.get("/untouched/", headers=headers)) == []


def test_somebody_elses_password(client, db, ada):
    root = User.objects.create_superuser("root", "root@example.com", "right")
    form = {"password1": "n3w-passphrase", "password2": "n3w-passphrase", "usable_password": "true"}
    path = f"/admin/auth/user/{ada.pk}/password/"
    answer = client.post(path, form, headers=gateway_headers(root))
    assert answer.status_code == 302
    assert read_events(answer) == []


def test_a_leftover_django_session_of_another_user(client, ada, bob):
    client.force_login(ada)
    answer = client.get("/cart/", headers=gateway_headers(bob))
    assert read_events(answer) == []


def test_a_session_from_before_the_change_is_not_revived(client, ada):
    before = gateway_headers(ada)
    ada.set_password("n3w-passphrase")
    ada.save()
    client.force_login(ada)
    assert read_events(client.get("/cart/", headers=before)) == []


def test_an_ordinary_session_write(client, ada, django_assert_max_num_queries):
    with django_assert_max_num_queries(7):
        assert read_events(client.get("/cart/", headers=gateway_headers(ada))) == []
