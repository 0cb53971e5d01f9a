"""A FastAPI app behind Sidgate.

SIDGATE_UPSTREAM=app SIDGATE_KEY=... uvicorn fastapi_app:app --port 8000
"""

from __future__ import annotations

import json
import os
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from sidgate import NotFromSidgate, Sidgate, Visitor
from users import identity_of

sidgate = Sidgate(os.environ["SIDGATE_UPSTREAM"], os.environ["SIDGATE_KEY"].split(","))
app = FastAPI(openapi_url=None)


def visitor(x_session_assertion: Annotated[str | None, Header()] = None) -> Visitor:
    try:
        return sidgate.visitor(x_session_assertion)
    except NotFromSidgate:
        raise HTTPException(403, "only through the gateway") from None


def user(visitor: Annotated[Visitor, Depends(visitor)]) -> dict[str, Any]:
    if visitor.state == "unknown":
        raise HTTPException(503, "nobody can say who you are")
    if visitor.state != "active":
        raise HTTPException(401, "log in first")
    return visitor.claims


@app.get("/")
def home(visitor: Annotated[Visitor, Depends(visitor)]) -> Response:
    return PlainTextResponse(f"Hello, {visitor.name}\n")


@app.get("/account")
def account(user: Annotated[dict[str, Any], Depends(user)]) -> dict[str, Any]:
    return {"id": user["sub"], "email": user.get("email")}


@app.post("/logout", dependencies=[Depends(visitor)])
def logout(x_request_id: Annotated[str, Header()]) -> Response:
    event = sidgate.event(x_request_id, {"type": "logout", "scope": "this"})
    return RedirectResponse("/", 303, headers={"X-Session-Event": event})


@app.post("/__sidgate__/authenticate")
async def authenticate(
    request: Request, x_sidgate_request: Annotated[str | None, Header()] = None
) -> Response:
    body = await request.body()
    try:
        sidgate.check_request(x_sidgate_request, body)
    except NotFromSidgate:
        raise HTTPException(404, "not found") from None
    asked = json.loads(body)
    identity = identity_of(asked["email"], asked["password"])
    if identity is None:
        return JSONResponse({"code": "invalid_credentials"}, 401)
    return JSONResponse(identity)
