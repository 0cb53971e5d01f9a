"""Pages that Django caches by cookie, behind the gateway and in plain Django beside it."""

import pytest
from django.test import AsyncClient, Client

from sidgate_django.testing import gateway_headers

HANDLES = [f"0190a5b0-0000-7000-8000-00000000000{n}" for n in range(3)]
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
KEPT = "sidgate_django.middleware.GatewaySessionMiddleware"
AUTH = "django.contrib.auth.middleware.AuthenticationMiddleware"
OURS = "sidgate_django.middleware.SidgateMiddleware"
UPDATE, FETCH = (
    f"django.middleware.cache.{name}Middleware" for name in ("UpdateCache", "FetchFromCache")
)


@pytest.fixture(autouse=True)
def pages(settings):
    settings.ROOT_URLCONF = "tests.cached_urls"


def behind(session_middleware, *, site=False):
    cached = ([UPDATE], [FETCH]) if site else ([], [])
    return [*cached[0], session_middleware, AUTH, OURS, *cached[1]]


class Visitor:
    """With a session of the gateway, and the assertion that goes with it for a while."""

    def __init__(self, user=None, handle=HANDLES[0]):
        self.client = Client()
        self.headers = gateway_headers(user, sid=handle) if user else gateway_headers()

    def sees(self, path):
        return self.client.get(path, headers=self.headers).content.decode().strip('"')


class PlainVisitor:
    def __init__(self, user=None):
        self.client = Client()
        if user:
            self.client.force_login(user)

    def sees(self, path):
        return self.client.get(path).content.decode().strip('"')


def sessions_of(ada, bob):
    return [Visitor(ada, HANDLES[0]), Visitor(bob, HANDLES[1]), Visitor()]


def names(seen):
    return [page.split()[0] for page in seen]


@pytest.mark.parametrize("sessions", [SESSIONS, KEPT])
@pytest.mark.parametrize(
    ("path", "site"),
    [("/decorated/", False), ("/api/", False), ("/gateway-api/", False), ("/site/", True)],
)
def test_each_sees_their_own_page(ada, bob, settings, sessions, path, site):
    settings.MIDDLEWARE = [*([UPDATE] if site else []), SESSIONS, AUTH, *([FETCH] if site else [])]
    plain = [PlainVisitor(user) for user in (ada, bob, None)]
    expected = [[visitor.sees(path) for visitor in plain] for _ in range(2)]

    settings.MIDDLEWARE = behind(sessions, site=site)
    visitors = [Visitor(ada, HANDLES[0]), Visitor(bob, HANDLES[1]), Visitor()]
    seen = [[visitor.sees(path) for visitor in visitors] for _ in range(2)]

    if path == "/gateway-api/":
        # Here plain Django knows nobody: the authentication is the gateway's.
        assert names(seen[0]) == ["ada", "bob", "None"]
    else:
        assert names(seen[0]) == names(expected[0]) == ["ada", "bob", "None"]
        assert expected[0] == expected[1]  # cached
    assert seen[0] == seen[1]


@pytest.mark.parametrize("path", ["/decorated/", "/site/"])
def test_another_session_of_the_same_user(ada, settings, path):
    settings.MIDDLEWARE = behind(KEPT, site=path == "/site/")
    first, second = (Visitor(ada, handle) for handle in HANDLES[:2])
    assert first.sees(path) != second.sees(path)


@pytest.mark.parametrize("state", ["anonymous", "unknown", "none"])
def test_after_the_session(ada, settings, state):
    settings.MIDDLEWARE = behind(KEPT)
    visitor = Visitor(ada)
    assert visitor.sees("/decorated/").startswith("ada")
    visitor.headers = gateway_headers(state=state)
    assert visitor.sees("/decorated/").startswith("None")
    visitor.headers = {}  # past the gateway
    assert visitor.sees("/decorated/").startswith("None")


def test_nobody_reads_a_page_by_naming_its_session(ada, settings):
    settings.MIDDLEWARE = behind(KEPT)
    Visitor(ada).sees("/decorated/")
    for cookie in (f"sidgate={HANDLES[0]}", f" sidgate = {HANDLES[0]} ", f"sidgate={HANDLES[0]};"):
        answer = Client().get("/decorated/", headers=gateway_headers() | {"Cookie": cookie})
        assert answer.content.startswith(b"None")


def test_a_page_for_everybody_is_made_once(ada, settings):
    settings.MIDDLEWARE = behind(KEPT, site=True)
    nobody, other = Visitor(), Visitor()
    other.headers = nobody.headers
    assert nobody.sees("/public/") == other.sees("/public/")


COOKIES = [
    ("", None),
    ("a=1", "a=1"),
    ("a=1; b=2", "a=1; b=2"),
    ("sidgate=forged", None),
    ("sidgate=forged; a=1", "a=1"),
    ("a=1; sidgate=forged", "a=1"),
    ("a=1;sidgate=x;b=2; sidgate=y", "a=1;b=2"),
    ("\tsidgate =forged; a=1", "a=1"),
    ('sidgate="a; b=2"', 'b=2"'),
    ("sidgate", "sidgate"),
    ("=sidgate", "=sidgate"),
    ("sidgatex=1; xsidgate=2; Sidgate=3", "sidgatex=1; xsidgate=2; Sidgate=3"),
]


class TestCookie:
    @pytest.mark.parametrize("sessions", [SESSIONS, KEPT])
    @pytest.mark.parametrize(("sent", "kept"), COOKIES)
    def test_what_the_app_sees(self, ada, settings, sessions, sent, kept):
        settings.MIDDLEWARE = behind(sessions)
        self.check(
            lambda headers: Client().get("/cookies/", headers=headers).json(), ada, sent, kept
        )

    def check(self, ask, ada, sent, kept):
        cookie = {"Cookie": sent} if sent else {}
        shown = ask(gateway_headers(ada, sid=HANDLES[0]) | cookie)
        marker = f"sidgate={HANDLES[0]}"
        assert shown["raw"] == (f"{kept}; {marker}" if kept else marker)
        assert shown["parsed"]["sidgate"] == HANDLES[0]
        for headers in (gateway_headers(), gateway_headers(state="none"), {}):
            hidden = ask(headers | cookie)
            assert hidden["raw"] == kept
            assert "sidgate" not in hidden["parsed"]

    @pytest.mark.parametrize("handle", ["a;b=c", "a\r\nb", "", "x" * 65, "\u00e9"])
    def test_a_handle_that_fits_into_no_cookie(self, ada, settings, handle):
        settings.MIDDLEWARE = behind(KEPT)
        answer = Client().get("/cookies/", headers=gateway_headers(ada, sid=handle))
        assert answer.json()["raw"] is None

    def test_read_before_us(self, ada, settings):
        settings.MIDDLEWARE = ["tests.test_page_cache.reads_cookies", *behind(KEPT)]
        headers = gateway_headers(ada, sid=HANDLES[0]) | {"Cookie": "sidgate=forged; a=1"}
        parsed = Client().get("/cookies/", headers=headers).json()["parsed"]
        assert parsed == {"a": "1", "sidgate": HANDLES[0]}


def reads_cookies(get_response):
    def middleware(request):
        assert request.COOKIES
        return get_response(request)

    return middleware


class TestAsync:
    pytestmark = pytest.mark.django_db(transaction=True)

    @pytest.mark.parametrize("sessions", [SESSIONS, KEPT])
    async def test_each_sees_their_own_page(self, ada, bob, settings, sessions):
        settings.MIDDLEWARE = behind(sessions, site=True)
        visitors = [gateway_headers(ada, sid=HANDLES[0]), gateway_headers(bob, sid=HANDLES[1])]
        visitors.append(gateway_headers())
        seen = [
            [
                (await AsyncClient().get("/async-site/", headers=headers)).content.decode()
                for headers in visitors
            ]
            for _ in range(2)
        ]
        assert names(seen[0]) == ["ada", "bob", "None"]
        assert seen[0] == seen[1]

    @pytest.mark.parametrize(("sent", "kept"), COOKIES)
    async def test_what_the_app_sees(self, ada, settings, sent, kept):
        settings.MIDDLEWARE = behind(KEPT)
        cookie = {"Cookie": sent} if sent else {}
        headers = gateway_headers(ada, sid=HANDLES[0]) | cookie
        shown = (await AsyncClient().get("/acookies/", headers=headers)).json()
        assert shown["parsed"]["sidgate"] == HANDLES[0]
        hidden = (await AsyncClient().get("/acookies/", headers=gateway_headers() | cookie)).json()
        # The test client sends an empty line of its own, which Django joins to ours.
        assert (hidden["raw"] or "").rstrip(",; ") == (kept or "")
        assert "sidgate" not in hidden["parsed"]
