"""A Flask app behind Sidgate.

SIDGATE_UPSTREAM=app SIDGATE_KEY=... gunicorn flask_app:app --bind 127.0.0.1:8000
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, abort, g, jsonify, redirect, request
from werkzeug.exceptions import HTTPException

from sidgate import NotFromSidgate, Sidgate
from users import identity_of

sidgate = Sidgate(os.environ["SIDGATE_UPSTREAM"], os.environ["SIDGATE_KEY"].split(","))
app = Flask(__name__)


@app.before_request
def identify() -> None:
    if request.path.startswith("/__sidgate__/"):
        return
    try:
        g.visitor = sidgate.visitor(request.headers.get("X-Session-Assertion"))
    except NotFromSidgate:
        abort(403, "only through the gateway")


def login_required(view: Callable[[dict[str, Any]], Any]) -> Callable[[], Any]:
    @functools.wraps(view)
    def guarded() -> Any:
        if g.visitor.state == "unknown":
            abort(503, "nobody can say who you are")
        if g.visitor.state != "active":
            abort(401, "log in first")
        return view(g.visitor.claims)

    return guarded


@app.get("/")
def home() -> Response:
    return Response(f"Hello, {g.visitor.name}\n", mimetype="text/plain")


@app.get("/account")
@login_required
def account(user: dict[str, Any]) -> Response:
    return jsonify(id=user["sub"], email=user.get("email"))


@app.post("/logout")
def logout() -> Any:
    response = redirect("/", 303)
    response.headers["X-Session-Event"] = sidgate.event(
        request.headers["X-Request-Id"], {"type": "logout", "scope": "this"}
    )
    return response


@app.post("/__sidgate__/authenticate")
def authenticate() -> Any:
    try:
        sidgate.check_request(request.headers.get("X-Sidgate-Request"), request.get_data())
    except NotFromSidgate:
        abort(404, "not found")
    asked = request.get_json()
    identity = identity_of(asked["email"], asked["password"])
    if identity is None:
        return {"code": "invalid_credentials"}, 401
    return identity


@app.errorhandler(HTTPException)
def as_json(error: HTTPException) -> Any:
    return {"detail": error.description}, error.code
