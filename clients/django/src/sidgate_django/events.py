"""What a response tells the gateway: somebody logged in, logged out, changed.

Views call the functions below; Django's own ``login()`` and ``logout()`` need no call, their
signals do it (see ``signals``). The events wait on the request until the middleware signs them
into the response header ``X-Session-Event``, which the gateway takes off again.

The session exists, or is gone, once the gateway has committed the event: before the browser sees
the response, but after the view has returned.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from . import delivery, expiry, tokens
from .conf import get_conf
from .identity import checked, identity_for, tenant
from .session import BACKEND_PREFIX, GatewaySession

logger = logging.getLogger("sidgate_django.events")

HEADER: Final = "X-Session-Event"
AUDIENCE: Final = "sidgate"

Scope = Literal["this", "others", "all"]
_SCOPES: Final = get_args(Scope)


@dataclass(frozen=True)
class Event:
    type: str
    #: Called when the response is ready: what happens after login() in the view (a second factor
    #: marked as verified, a tenant chosen) still gets into the identity.
    members: Callable[[], dict[str, Any]]
    about_this_session: bool = True
    ends_this_session: bool = False


def login(
    request: HttpRequest,
    user: Any,
    ttl: int | None = None,
    *,
    remember: bool | None = None,
    identity: Mapping[str, Any] | None = None,
) -> None:
    """Open a gateway session for ``user``; a session this browser had before is ended.

    ``ttl`` limits its life to so many seconds; with ``remember=False`` the browser forgets it when
    it is closed. What is left out is read from ``request.session``, where ``set_expiry()`` notes
    it. ``identity`` replaces the configured builder.
    """
    if ttl is not None and (type(ttl) is not int or ttl <= 0):
        raise ValueError("ttl is a positive number of seconds")
    if not isinstance(remember, (bool, type(None))):
        raise ValueError("remember is True or False")

    def members() -> dict[str, Any]:
        built = identity_for(user, request) if identity is None else checked(identity)
        if ref := getattr(request, "_sidgate_ref", None):
            built["ref"] = ref
        said = {"ttl": ttl, "remember": remember}
        lasts = expiry.wished(request) | {n: v for n, v in said.items() if v is not None}
        if lasts.get("remember"):
            del lasts["remember"]  # as every login that says nothing about it
        return {"identity": built} | lasts

    # A login starts afresh: what was said before about this browser's session is moot, an
    # earlier login included (so a view may follow Django's login() with one that has a ttl).
    _add(request, Event("login", members), replaces_earlier=True)


def logout(request: HttpRequest, scope: Scope = "this") -> None:
    """End this session, the user's ``others``, or ``all`` of them."""
    if scope not in _SCOPES:
        raise ValueError(f"scope is one of {', '.join(_SCOPES)}")
    this = scope == "this"
    event = Event("logout", lambda: {"scope": scope}, this, ends_this_session=scope != "others")
    _add(request, event, replaces_earlier=this)


def update(request: HttpRequest, identity_patch: Mapping[str, Any]) -> None:
    """Change this session's identity: ``user``, ``attributes`` merge by key, ``None`` deletes."""
    # Copied and checked now, so that a value JSON cannot carry fails in the caller's line.
    patch = json.loads(json.dumps(dict(identity_patch), allow_nan=False))
    if "tenant_id" in patch:
        patch["tenant_id"] = tenant(patch["tenant_id"])
    _add(request, Event("update", lambda: {"identity": patch}))


def rotate(request: HttpRequest) -> None:
    """Give this login a new secret and a new public id, as after a step up in privileges."""
    _add(request, Event("rotate", dict))


def set_ref(request: HttpRequest, ref: str) -> None:
    """Keep one opaque string with the session; requests bring it as ``gateway_session.ref``.

    Not for projects with ``GatewaySessionMiddleware``, which keeps the key of ``request.session``
    there.
    """
    if not isinstance(ref, str) or not ref:
        raise ValueError("ref is a non-empty string")
    _add(request, Event("ref", lambda: {"ref": ref}))


def pending(request: HttpRequest) -> list[Event]:
    """The events that wait for the response, in order."""
    # REST framework hands its views a wrapper; the middleware holds the request inside it.
    inner: Any = getattr(request, "_request", request)
    if not hasattr(inner, "_sidgate_events"):
        inner._sidgate_events = []
    events: list[Event] = inner._sidgate_events
    return events


def _add(request: HttpRequest, event: Event, *, replaces_earlier: bool = False) -> None:
    events = pending(request)
    if replaces_earlier:
        events[:] = [earlier for earlier in events if not earlier.about_this_session]
    events.append(event)


def password_changed(request: HttpRequest) -> None:
    """The user of this session has a new password: their other sessions end."""
    if not has_new_password(request):
        # Before everything else: after a logout there would be no session to be "other" than.
        others = Event("logout", lambda: {"scope": "others"}, about_this_session=False)
        pending(request).insert(0, others)
        request._sidgate_new_password = True  # type: ignore[attr-defined]


def has_new_password(request: HttpRequest) -> bool:
    return getattr(request, "_sidgate_new_password", False)


def changes_who(request: HttpRequest) -> bool:
    """Whether somebody logs in, or this session ends, with what waits for the response."""
    return any(e.type == "login" or e.ends_this_session for e in pending(request))


def leaves_logged_in(request: HttpRequest, session: GatewaySession) -> bool:
    """Whether the browser has a session when the gateway has done what the response says."""
    logged_in = session.is_active
    for event in pending(request):
        if event.ends_this_session:
            logged_in = False
        elif event.type == "login":
            logged_in = True
    return logged_in


def carry_ref(request: HttpRequest, ref: str | None, known: str | None) -> None:
    """Let the session that this response leaves behind have ``ref``; ``known`` is what it has.

    A session without a key is never told: this may be a request that was under way while another
    one changed the key.
    """
    if any(event.type == "login" for event in pending(request)):
        request._sidgate_ref = ref  # type: ignore[attr-defined]
    elif ref and ref != known:
        set_ref(request, ref)


def sign_outside(request: HttpRequest) -> None:
    """The session middleware signs, which is further outside than ``SidgateMiddleware``."""
    request._sidgate_signs_outside = True  # type: ignore[attr-defined]


def is_signed_outside(request: HttpRequest) -> bool:
    return getattr(request, "_sidgate_signs_outside", False)


def _delivered(
    request: HttpRequest, response: HttpResponseBase, token: str, events: list[Event]
) -> bool:
    """Whether the answer is still the one of the view."""
    conf = get_conf()
    try:
        lines = delivery.deliver(str(conf.events_url), conf.events_timeout, request, token)
    except delivery.NotDelivered as failed:
        names = ", ".join(event.type for event in events)
        logger.error("The gateway did not take events (%s): %s", names, failed)
        # As the gateway would do it: a login or logout that did not happen is told to nobody.
        if any(event.type in ("login", "logout") for event in events):
            delivery.refuse(response)
            return False
        return True
    delivery.pass_on(response, lines)
    return True


def emit(request: HttpRequest, response: HttpResponseBase, session: GatewaySession) -> None:
    """Sign the waiting events into ``response``, or say in the log why they are dropped."""
    events = pending(request)
    if not events:
        return
    names = ", ".join(event.type for event in events)
    if request.path_info.startswith(BACKEND_PREFIX):
        # The gateway itself is asking; it opens the session from the answer.
        logger.debug("Events inside a call of the gateway are not sent: %s", names)
    elif not session.via_gateway and get_conf().accept_django_login and all(e.type == "login" for e in events):
        logger.info("A login past the gateway is Django's own: %s", names)
    elif not session.via_gateway:
        logger.warning("Events dropped, the request did not come through the gateway: %s", names)
    elif response.status_code >= 500:
        # Django saves no session on a server error either: the work was not done.
        logger.warning("Events dropped, the answer is %s: %s", response.status_code, names)
    elif not (request_id := request.META.get("HTTP_X_REQUEST_ID")):
        logger.error("Events dropped, the gateway sent no X-Request-Id: %s", names)
    else:
        conf = get_conf()
        claims = {
            "iss": conf.upstream,
            "aud": AUDIENCE,
            "iat": int(time.time()),
            # Binds the header to this one exchange, so it cannot be replayed into another.
            "req": request_id,
            "ev": [{"type": event.type, **event.members()} for event in events],
        }
        if session.site is not None:
            claims["site"] = session.site
        token = tokens.encode(claims, conf.signing_key)
        if conf.events_url is None:
            response.headers[HEADER] = token
        elif not _delivered(request, response, token, events):
            return
        response.headers["Cache-Control"] = "private, no-store"
        # Else Django may answer 304 in its place, which drops the header.
        for validator in ("ETag", "Last-Modified"):
            response.headers.pop(validator, None)
