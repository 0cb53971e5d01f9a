"""On its own port the app says what is wrong, while it is being developed."""

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

from sidgate_django import development
from sidgate_django.testing import GatewayClient, gateway_headers

from .urls import urlpatterns as pages

SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
KEPT = "sidgate_django.middleware.GatewaySessionMiddleware"
RIGHT = {"username": "ada", "password": "right"}
BANNER = b'role="alert"'
RUN = b"sidgate dev --upstream 8000"


def shown(body, **headers):
    return lambda request: HttpResponse(body, headers=headers)


urlpatterns = [
    *pages,
    path("upper/", shown("<p>é</p></body></BODY ></html>", **{"Content-Length": "32"})),
    path(
        "latin/",
        shown("<p>é</p></body>".encode("latin1"), **{"Content-Type": "text/html; charset=latin1"}),
    ),
    path("part/", shown("<li>one</li>")),
    path("json/", shown('{"page": "</body>"}', **{"Content-Type": "application/json"})),
    path("packed/", shown(b"</body>", **{"Content-Encoding": "gzip"})),
    path("stream/", lambda request: StreamingHttpResponse([b"<p></body>"])),
]


@pytest.fixture(autouse=True, params=[SESSIONS, KEPT])
def project(request, settings):
    settings.DEBUG = True
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = [request.param if m == SESSIONS else m for m in settings.MIDDLEWARE]
    development._log_once.cache_clear()


@pytest.fixture
def ask(client):
    def ask(path, **kwargs):
        return client.get(path, SERVER_PORT="8000", **kwargs)

    return ask


class TestBanner:
    def test_says_what_to_do(self, ask, db):
        answer = ask("/login/")
        assert answer.status_code == 200
        assert BANNER in answer.content
        assert RUN in answer.content
        assert b"http://localhost:3000" in answer.content
        assert answer.content.rstrip().endswith(b"</html>")

    def test_stands_at_the_end_of_the_page(self, ask, db):
        answer = ask("/upper/")
        before, _, after = answer.content.partition(b"<div role")
        assert before == "<p>é</p></body>".encode()
        assert after.endswith(b"</div></BODY ></html>")
        assert answer.headers["Content-Length"] == str(len(answer.content))
        assert ask("/latin/").content.startswith("<p>é</p><div".encode("latin1"))

    @pytest.mark.parametrize("path", ["/part/", "/json/", "/packed/", "/who/"])
    def test_is_for_whole_pages(self, ask, db, path):
        assert BANNER not in ask(path).content

    def test_leaves_streams_alone(self, ask, db):
        assert ask("/stream/").getvalue() == b"<p></body>"

    @pytest.mark.parametrize("debug", [True, False])
    def test_is_for_developers_past_the_gateway(self, ada, settings, debug):
        settings.DEBUG = debug
        browser = GatewayClient()
        assert BANNER not in browser.get("/login/").content
        assert browser.post("/login/", RIGHT).status_code == 302

    def test_is_for_developers_alone(self, ask, client, ada, settings):
        settings.DEBUG = False
        assert BANNER not in ask("/login/").content
        assert client.post("/login/", RIGHT).status_code == 302

    def test_not_where_djangos_own_logins_count(self, ask, client, ada, sidgate):
        sidgate(ACCEPT_DJANGO_LOGIN=True)
        assert BANNER not in ask("/login/").content
        assert client.post("/login/", RIGHT).status_code == 302

    @pytest.mark.parametrize(
        ("claims", "said"),
        [
            ({"key": b"x" * 32}, b"sidgate keys upstream django"),
            ({"upstream": "shop"}, b"the upstream &#x27;django&#x27;"),
            ({"exp": 1}, b"clocks"),
            ({"state": "odd"}, b"unknown state"),
        ],
    )
    def test_names_the_reason(self, ask, db, claims, said):
        answer = ask("/login/", headers=gateway_headers(**claims))
        assert BANNER in answer.content
        assert said in answer.content
        assert RUN not in answer.content


def test_a_login_does_not_lead_back_to_its_page(client, ada):
    answer = client.post("/login/", RIGHT, SERVER_PORT="8000")
    assert answer.status_code == 503
    assert RUN in answer.content
    assert b"The password was right" in answer.content
    wrong = client.post("/login/", RIGHT | {"password": "wrong"}, SERVER_PORT="8000")
    assert wrong.status_code == 200


def test_the_log_says_it_once(ask, db, caplog):
    for _ in range(2):
        ask("/who/")
    assert [r.getMessage() for r in caplog.records].count(caplog.records[1].getMessage()) == 1
    assert "sidgate dev --upstream 8000" in caplog.records[1].getMessage()


@pytest.mark.parametrize("debug", [True, False])
def test_a_project_that_rejects(ask, db, sidgate, settings, debug):
    settings.DEBUG = debug
    sidgate(ON_BYPASS="reject")
    answer = ask("/login/")
    assert answer.status_code == 403
    assert (RUN in answer.content) is debug


@pytest.mark.django_db(transaction=True)
async def test_async(async_client, ada):
    answer = await async_client.post("/ain/", {"username": "ada"})
    assert answer.status_code == 503


@pytest.mark.parametrize("key", ["", None, "short"])
def test_a_missing_key_comes_with_advice(sidgate, key):
    from sidgate_django.checks import check_settings

    sidgate(KEY=key)
    (fault,) = check_settings(None)
    assert fault.id == "sidgate.E003"
    assert "sidgate dev" in fault.hint
