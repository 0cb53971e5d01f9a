"""The sessions that a gateway keeps, in memory, for the browsers of one test."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

logger = logging.getLogger("sidgate_django.testing")

#: Seconds, the default of ``[session] absolute_timeout``.
LONGEST: Final = 86_400
EVENTS_MAX: Final = 8


@dataclass
class OpenSession:
    """One login. ``secret`` stands for the ``sid`` of the browser, which no app sees."""

    identity: dict[str, Any]
    auth_time: int
    expires_at: float
    #: False: the browser forgets the session when it is closed.
    remember: bool = True
    ref: str | None = field(default=None, repr=False)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    secret: str = field(default_factory=lambda: str(uuid.uuid4()), repr=False)

    @property
    def user_id(self) -> str:
        user_id: str = self.identity["user"]["id"]
        return user_id

    def claims(self) -> dict[str, Any]:
        """What the assertion says about it."""
        user = self.identity["user"]
        return {
            "state": "active",
            "sid": self.id,
            "sub": self.user_id,
            "tid": self.identity.get("tenant_id"),
            "email": user.get("email"),
            "attrs": self.identity.get("attributes") or None,
            "auth_time": self.auth_time,
            "ah": self.identity.get("auth_hash"),
            "ref": self.ref,
        }


class Gateway:
    """Opens, changes and ends sessions as the events of an app say.

    Clients that share one know each other's sessions, so a logout of the ``others`` reaches them.
    """

    def __init__(self) -> None:
        self.sessions: list[OpenSession] = []
        self._ahead = 0.0

    def now(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let time pass for the sessions, so that one with a ``ttl`` ends."""
        self._ahead += seconds

    def live(self, session: OpenSession | None) -> OpenSession | None:
        """The session, unless it has ended."""
        if session is None or session not in self.sessions:
            return None
        return session if session.expires_at > self.now() else None

    def open(
        self, identity: Mapping[str, Any], ttl: int | None = None, remember: bool = True
    ) -> OpenSession:
        kept = dict(identity)
        session = OpenSession(
            ref=kept.pop("ref", None),
            identity=kept,
            auth_time=int(self.now()),
            expires_at=self.now() + min(ttl or LONGEST, LONGEST),
            remember=remember,
        )
        self.sessions.append(session)
        return session

    def end(self, session: OpenSession | None) -> None:
        if session in self.sessions:
            self.sessions.remove(session)

    def end_all(self, user_id: str, *, but: OpenSession | None = None) -> None:
        self.sessions = [s for s in self.sessions if s.user_id != user_id or s is but]

    def obey(self, session: OpenSession | None, events: list[dict[str, Any]]) -> OpenSession | None:
        """The session that the browser has after the events of one answer."""
        if len(events) > EVENTS_MAX:
            logger.warning("The gateway refuses more than %d events in one answer.", EVENTS_MAX)
            return session
        for event in events:
            if event["type"] == "login":
                self.end(session)
                session = self.open(
                    event["identity"], event.get("ttl"), event.get("remember", True)
                )
            elif session is None:
                if event["type"] != "logout":
                    logger.warning("There is no session for the event %r.", event["type"])
            elif event["type"] == "logout":
                session = self._log_out(session, event["scope"])
            elif event["type"] == "update":
                _merge(session, event["identity"])
            elif event["type"] == "rotate":
                session.secret, session.id = str(uuid.uuid4()), str(uuid.uuid4())
            elif event["type"] == "ref":
                session.ref = event["ref"]
        return session

    def _log_out(self, session: OpenSession, scope: str) -> OpenSession | None:
        if scope == "this":
            self.end(session)
        else:
            self.end_all(session.user_id, but=session if scope == "others" else None)
        return self.live(session)


def _merge(session: OpenSession, patch: dict[str, Any]) -> None:
    """``user`` and ``attributes`` by key, everything else as a whole; ``None`` deletes."""
    if patch.get("user", {}).get("id", session.user_id) != session.user_id:
        logger.warning("The gateway refuses an update that makes a session somebody else's.")
        return
    for name, value in patch.items():
        if name == "ref":
            session.ref = value
        elif name in ("user", "attributes"):
            merged = session.identity.get(name, {}) | value
            session.identity[name] = {k: v for k, v in merged.items() if v is not None}
        elif value is None:
            session.identity.pop(name, None)
        else:
            session.identity[name] = value
