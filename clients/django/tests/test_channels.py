"""Who is at the other end of a WebSocket, as the handshake says."""

import json

import pytest
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.testing import HttpCommunicator, WebsocketCommunicator
from django.test import Client

from sidgate_django.channels import GatewayAuthMiddleware
from sidgate_django.testing import AsyncGatewayClient, asgi_headers

pytestmark = pytest.mark.django_db(transaction=True)

SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
KEPT = "sidgate_django.middleware.GatewaySessionMiddleware"


async def seen(scope):
    return {
        "user": scope["user"].get_username() or None,
        "state": scope["gateway_session"].state,
        "tenant": scope["gateway_session"].tenant_id,
        "n": await scope["session"].aget("n"),
        "marker": scope["cookies"].get("sidgate"),
    }


class Chat(AsyncJsonWebsocketConsumer):
    async def connect(self):
        await self.accept()
        await self.send_json(await seen(self.scope))

    async def receive_json(self, content):
        await self.scope["session"].aset("n", content["n"])
        await self.scope["session"].asave()
        await self.send_json(await seen(self.scope))


class Page(AsyncHttpConsumer):
    async def handle(self, body):
        await self.send_response(200, json.dumps(await seen(self.scope)).encode())


@pytest.fixture
def kept(settings):
    settings.MIDDLEWARE = [KEPT if m == SESSIONS else m for m in settings.MIDDLEWARE]


def socket(headers):
    return WebsocketCommunicator(GatewayAuthMiddleware(Chat.as_asgi()), "/ws/", headers=headers)


async def at_the_handshake(headers):
    connection = socket(headers)
    accepted, _ = await connection.connect()
    assert accepted
    answer = await connection.receive_json_from()
    await connection.disconnect()
    return answer


async def test_somebody(ada, kept):
    answer = await at_the_handshake(asgi_headers(ada, tid="t1"))
    assert answer == {
        "user": "ada",
        "state": "active",
        "tenant": "t1",
        "n": None,
        "marker": "0190a5b0-0000-7000-8000-000000000001",
    }


@pytest.mark.parametrize(
    ("headers", "state"),
    [
        ([], "bypassed"),
        ([(b"x-session-user-id", b"1"), (b"x-session-state", b"active")], "bypassed"),
        ([(b"x-session-assertion", b"a.b.c")], "bypassed"),
        ([(b"cookie", b"sidgate=0190a5b0-0000-7000-8000-000000000001")], "bypassed"),
    ],
)
async def test_nobody_is_believed_without_a_signature(ada, kept, headers, state):
    answer = await at_the_handshake(headers)
    assert (answer["user"], answer["state"], answer["marker"]) == (None, state, None)


async def test_headers_that_come_twice_or_with_an_underscore(ada, kept):
    (signed, *_) = asgi_headers(ada)
    assert (await at_the_handshake([signed, signed]))["state"] == "bypassed"
    odd = (b"x_session_assertion", signed[1])
    assert (await at_the_handshake([odd]))["state"] == "bypassed"


async def test_visitors_disabled_accounts_and_old_passwords(ada, kept):
    assert (await at_the_handshake(asgi_headers()))["state"] == "anonymous"
    answer = await at_the_handshake(asgi_headers(ada, ah="0" * 64))
    assert (answer["user"], answer["state"]) == (None, "active")
    await type(ada).objects.aupdate(is_active=False)
    assert (await at_the_handshake(asgi_headers(ada)))["user"] is None


async def test_the_session_of_the_pages(ada, kept):
    browser = AsyncGatewayClient()
    await browser.aforce_login(ada)
    await browser.get("/abump/")
    connection = socket(asgi_headers(**browser.gateway_session.claims()))
    await connection.connect()
    assert (await connection.receive_json_from())["n"] == 1
    await connection.send_json_to({"n": 41})
    assert (await connection.receive_json_from())["n"] == 41
    await connection.disconnect()
    assert (await browser.get("/abump/")).json() == {"n": 42}


async def test_a_visitors_session(db, kept):
    browser = AsyncGatewayClient()
    await browser.get("/abump/")
    cookie = f"sessionid={browser.cookies['sessionid'].value}".encode()
    assert (await at_the_handshake([*asgi_headers(), (b"cookie", cookie)]))["n"] == 1


async def test_with_djangos_own_sessions(ada):
    browser = AsyncGatewayClient()
    await browser.post("/ain/", {"username": "ada"})
    await browser.get("/abump/")
    cookie = f"sessionid={browser.cookies['sessionid'].value}".encode()
    answer = await at_the_handshake([*asgi_headers(ada), (b"cookie", cookie)])
    assert (answer["user"], answer["n"]) == ("ada", 1)
    # It is data and no login.
    answer = await at_the_handshake([*asgi_headers(), (b"cookie", cookie)])
    assert answer["user"] is None


@pytest.mark.parametrize("accepts", [True, False])
async def test_a_login_of_djangos_own(ada, kept, sidgate, accepts):
    sidgate(ACCEPT_DJANGO_LOGIN=accepts)
    browser = Client()
    await browser.aforce_login(ada)
    cookie = f"sessionid={browser.cookies['sessionid'].value}".encode()
    answer = await at_the_handshake([*asgi_headers(), (b"cookie", cookie)])
    assert answer["user"] == ("ada" if accepts else None)


@pytest.mark.parametrize("on_bypass", ["reject", "anonymous"])
async def test_around_the_gateway(ada, kept, sidgate, on_bypass):
    sidgate(ON_BYPASS=on_bypass)
    connection = socket([])
    accepted, code = await connection.connect()
    assert (accepted, code) == ((False, 4403) if on_bypass == "reject" else (True, None))
    page = HttpCommunicator(GatewayAuthMiddleware(Page.as_asgi()), "GET", "/")
    answer = await page.get_response()
    assert answer["status"] == (403 if on_bypass == "reject" else 200)


async def test_a_page_that_channels_serves(ada, kept):
    app = GatewayAuthMiddleware(Page.as_asgi())
    answer = await HttpCommunicator(app, "GET", "/", headers=asgi_headers(ada)).get_response()
    assert json.loads(answer["body"])["user"] == "ada"


async def test_other_scopes_pass(db):
    async def lifespan(scope, receive, send):
        return scope

    scope = {"type": "lifespan"}
    assert await GatewayAuthMiddleware(lifespan)(scope, None, None) == scope
