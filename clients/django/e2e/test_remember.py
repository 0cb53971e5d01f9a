"""How long a browser keeps the cookie of a login, as "remember me" on a page has it."""

import pytest

TWO_WEEKS = 1_209_600
DAY = 86_400


def age_after(browser, page, **form):
    assert browser.submit(page, password="right", **form).status == 302
    return browser.ages.get("sid", "no cookie")


def test_a_page_that_says_nothing(browser):
    assert DAY - 10 <= age_after(browser, "/login/", username="ada") <= DAY


@pytest.mark.parametrize(
    ("page", "form"),
    [("/accounts/login/", {"login": "ada"}), ("/cms/login/", {"username": "root"})],
)
class TestBox:
    def test_with_a_cross(self, browser, page, form):
        # Two weeks, of which the gateway allows a day.
        assert DAY - 10 <= age_after(browser, page, remember="on", **form) <= DAY

    def test_without(self, browser, page, form):
        assert age_after(browser, page, **form) is None
        assert browser.get("/who/").json()["user"] is not None


@pytest.mark.parametrize("seconds", [60, 3600])
def test_a_shorter_login(browser, seconds):
    answer = browser.submit("/short-login/", username="ada", password="right", seconds=str(seconds))
    assert answer.status == 302
    assert seconds - 10 <= browser.ages["sid"] <= seconds


@pytest.mark.parametrize("remember", [True, False])
def test_at_the_gateway(browser, remember):
    body = {"email": "ada@example.com", "password": "right", "remember": remember}
    assert browser.post_json("/api/auth/session-v2", body).status == 201
    assert (browser.ages["sid"] is None) is not remember
