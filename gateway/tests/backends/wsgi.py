"""A WSGI app that writes down what reaches it: one line of JSON for each request, into the file named by $SEEN."""

import json
import os


def app(environ, start_response):
    body = environ["wsgi.input"].read()
    if len(body) != int(environ.get("CONTENT_LENGTH") or len(body)):
        return []  # the body broke off: this was no request, but not every server says so
    seen = {
        "line": f"{environ['REQUEST_METHOD']} {environ['RAW_URI']}",
        "fields": [
            [name.removeprefix("HTTP_"), value]
            for name, value in environ.items()
            if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value
        ],
        "body": body.decode("latin-1"),
    }
    with open(os.environ["SEEN"], "a") as file:
        file.write(json.dumps(seen) + "\n")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]
