"""What a developer is told who opens the app on its own port.

Nobody is logged in there and no login holds, so a login page would ask for the password again and
again. With ``DEBUG`` pages say why, and a login says so instead of leading back to its page.
"""

from __future__ import annotations

import logging
import re
from functools import cache
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.html import escape

from . import events
from .conf import get_conf
from .session import GatewaySession

# Beside the line about each such request.
logger = logging.getLogger("sidgate_django.bypass")

END_OF_PAGE: Final = re.compile(rb"</body\s*>", re.IGNORECASE)
STYLE: Final = (
    "position:fixed;z-index:2147483647;inset:auto 0 0;padding:.75rem 1rem;"
    "background:#7a1f1f;color:#fff;font:14px/1.4 system-ui,sans-serif"
)
OTHER_KEY: Final = ("wrong signature", "wrong audience", "wrong issuer")
OTHER_TIME: Final = ("expired", "issued in the future")


def is_wanted(session: GatewaySession) -> bool:
    return settings.DEBUG and session.state == "bypassed" and not get_conf().accept_django_login


def explain(
    request: HttpRequest, response: HttpResponseBase, session: GatewaySession
) -> HttpResponseBase:
    """The answer, with the reason why nobody is logged in."""
    text = advice(request, session)
    _log_once(text)
    if any(event.type == "login" for event in events.pending(request)):
        return _instead_of_a_login(text)
    if isinstance(response, HttpResponse) and _is_page(response):
        _add_banner(response, text)
    return response


def advice(request: HttpRequest, session: GatewaySession) -> str:
    problem, port = session.problem or "", request.get_port()
    if problem == "no assertion":
        return (
            f"This request reached Django on port {port}, and not through Sidgate: nobody is "
            f"logged in here, and no login holds. Run `sidgate dev --upstream {port}` and open "
            "http://localhost:3000."
        )
    nobody = f"Nobody is logged in: Sidgate's assertion was refused ({problem})."
    if problem in OTHER_KEY:
        upstream = get_conf().upstream
        return (
            f"{nobody} SIDGATE['KEY'] must be what `sidgate keys upstream {upstream}` prints, and "
            f"the route must lead to the upstream '{upstream}'."
        )
    if problem in OTHER_TIME:
        return f"{nobody} The clocks of the two machines differ."
    return nobody


@cache
def _log_once(text: str) -> None:
    logger.warning(text)


def _instead_of_a_login(text: str) -> HttpResponse:
    page = (
        '<!doctype html><html lang="en"><title>The login did not hold</title>'
        '<body style="max-width:40rem;margin:4rem auto;font:16px/1.5 system-ui,sans-serif">'
        f"<h1>The login did not hold</h1><p>The password was right. {escape(text)}</p>"
        "<p>This page is shown because DEBUG is on.</p></body></html>"
    )
    return HttpResponse(page, status=503, headers={"Cache-Control": "no-store"})


def _is_page(response: HttpResponse) -> bool:
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return kind == "text/html" and not response.has_header("Content-Encoding")


def _add_banner(response: HttpResponse, text: str) -> None:
    ends = list(END_OF_PAGE.finditer(response.content))
    if not ends:
        return  # part of a page
    banner = f'<div role="alert" style="{STYLE}">{escape(text)}</div>'.encode(response.charset)
    place = ends[-1].start()
    response.content = response.content[:place] + banner + response.content[place:]
    if response.has_header("Content-Length"):
        response.headers["Content-Length"] = str(len(response.content))
