"""Pages that a browser asks for again, and fragments: three visitors, here and in plain Django."""

import pytest
from django.test import AsyncClient, Client

from sidgate_django.testing import GatewayClient, gateway_headers, read_events

from .test_page_cache import AUTH, KEPT, OURS, SESSIONS

CONDITIONAL = "django.middleware.http.ConditionalGetMiddleware"
CSRF = "django.middleware.csrf.CsrfViewMiddleware"


@pytest.fixture(autouse=True)
def pages(settings):
    settings.ROOT_URLCONF = "tests.cached_urls"


def plain(settings):
    settings.MIDDLEWARE = [SESSIONS, CONDITIONAL, CSRF, AUTH]
    return Client


def behind(sessions):
    def change(settings):
        settings.MIDDLEWARE = [sessions, CONDITIONAL, CSRF, AUTH, OURS]
        return GatewayClient

    return change


def outside(settings):
    """Answers pass ConditionalGetMiddleware when the event is on them already."""
    settings.MIDDLEWARE = [CONDITIONAL, SESSIONS, CSRF, AUTH, OURS]
    return GatewayClient


SETUPS = [plain, behind(SESSIONS), behind(KEPT), outside]


@pytest.fixture(params=SETUPS, ids=["plain", "sessions of Django", "kept", "outside"])
def visitors(request, settings, ada, bob):
    """The same three in each setup: what is asserted of one is asserted of all."""
    client_class = request.param(settings)
    visitors = [client_class() for _ in range(3)]
    visitors[0].force_login(ada)
    visitors[1].force_login(bob)
    return visitors


@pytest.mark.parametrize("path", ["/conditional/", "/steady/"])
def test_a_page_is_known_again_by_its_own_visitor_alone(visitors, path):
    pages = [visitor.get(path) for visitor in visitors]
    assert [page.content.split()[0] for page in pages] == [b"ada", b"bob", b"None"]
    tags = [page.headers["ETag"] for page in pages]
    for mine, visitor in enumerate(visitors):
        for theirs, tag in enumerate(tags):
            answer = visitor.get(path, headers={"If-None-Match": tag})
            assert answer.status_code == (304 if mine == theirs else 200)
            if mine != theirs:
                assert answer.content == pages[mine].content


def test_a_tag_for_everybody_is_the_views_own_word(visitors):
    """It says that all visitors get the same page, here as in plain Django."""
    visitors[0].get("/conditional-for-everybody/")
    for visitor in visitors:
        answer = visitor.get(
            "/conditional-for-everybody/", headers={"If-None-Match": '"everybody"'}
        )
        assert answer.status_code == 304


@pytest.mark.parametrize("path", ["/conditional/", "/steady/"])
def test_caches_on_the_way_are_told_in_a_304_too(visitors, path):
    for visitor in visitors:
        page = visitor.get(path)
        answer = visitor.get(path, headers={"If-None-Match": page.headers["ETag"]})
        assert answer.status_code == 304
        assert answer.headers["Vary"] == page.headers["Vary"]
        assert "Cookie" in answer.headers["Vary"]


def test_fragments(visitors):
    seen = [[visitor.get("/fragments/").content.split() for visitor in visitors] for _ in range(2)]
    assert seen[0] == seen[1]
    names, menus, footers = zip(*seen[0], strict=True)
    assert names == (b"ada", b"bob", b"None")
    assert len(set(menus)) == 3
    assert len(set(footers)) == 1


def test_a_token_on_a_cached_page_is_its_visitors_own(visitors):
    seen = [visitor.get("/with-token/").content for visitor in visitors]
    assert [page.split()[0] for page in seen] == [b"ada", b"bob", b"None"]
    assert len({page.partition(b"value=")[2] for page in seen}) == 3


def test_the_next_visitor_of_one_browser(visitors, bob):
    browser = visitors[0]
    tag = browser.get("/steady/").headers["ETag"]
    browser.force_login(bob)
    answer = browser.get("/steady/", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (200, b"bob steady")
    browser.logout()
    answer = browser.get("/steady/", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (200, b"None steady")


def test_an_event_is_not_lost_with_the_body_of_an_answer(ada, settings):
    settings.MIDDLEWARE = [CONDITIONAL, SESSIONS, AUTH, OURS]
    settings.ROOT_URLCONF = "tests.conditional_urls"
    browser = Client()
    for _ in range(2):
        headers = gateway_headers(ada) | {"If-None-Match": '"v1"'}
        answer = browser.get("/rotating/", headers=headers)
        assert answer.status_code == 200
        assert read_events(answer) == [{"type": "rotate"}]


class TestAsync:
    pytestmark = pytest.mark.django_db(transaction=True)

    @pytest.mark.parametrize("sessions", [SESSIONS, KEPT])
    async def test_a_decorated_view(self, ada, bob, settings, sessions):
        behind(sessions)(settings)
        visitors = [gateway_headers(ada, sid="a"), gateway_headers(bob, sid="b"), gateway_headers()]
        seen = []
        for _ in range(2):
            for headers in visitors:
                answer = await AsyncClient().get("/async-decorated/", headers=headers)
                seen.append(answer.content)
        assert [page.split()[0] for page in seen[:3]] == [b"ada", b"bob", b"None"]
        assert seen[:3] == seen[3:]
