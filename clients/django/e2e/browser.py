"""A browser in as few lines as will do: it keeps cookies, and sends Secure ones to localhost."""

from __future__ import annotations

import http.client
import json
import re
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


class Answer:
    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.text = answer.read().decode(errors="replace")

    def json(self) -> Any:
        return json.loads(self.text)


class Browser:
    def __init__(self, port: int, host: str | None = None) -> None:
        self.port = port
        self.host = host or f"localhost:{port}"
        self.cookies: dict[str, str] = {}
        #: Seconds that a cookie is kept, ``None`` until the browser is closed.
        self.ages: dict[str, int | None] = {}

    def cookie_line(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def send(self, method: str, path: str, body: str = "", headers: Any = ()) -> Answer:
        said = {"Host": self.host, "Cookie": self.cookie_line()} | dict(headers)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body or None, {k: v for k, v in said.items() if v})
        answer = Answer(connection.getresponse())
        connection.close()
        for line in answer.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                self.cookies.pop(name, None)
                if morsel.value and morsel["max-age"] != "0":
                    self.cookies[name] = morsel.value
                    self.ages[name] = int(morsel["max-age"]) if morsel["max-age"] else None
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, headers=headers)

    def post_json(self, path: str, body: dict[str, Any]) -> Answer:
        return self.send("POST", path, json.dumps(body), {"Content-Type": "application/json"})

    def submit(self, page: str, path: str | None = None, **form: str) -> Answer:
        """Fill in the form of a page, with its token."""
        shown = self.get(page)
        token = TOKEN.search(shown.text)
        assert token, f"{page} has no form: {shown.status} {shown.text[:500]}"
        body = urlencode({"csrfmiddlewaretoken": token[1]} | form)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        headers |= {"Origin": f"http://{self.host}", "Sec-Fetch-Site": "same-origin"}
        return self.send("POST", path or page, body, headers)
