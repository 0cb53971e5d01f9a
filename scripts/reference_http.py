"""The page about HTTP, from the OpenAPI documents of the listeners."""

from __future__ import annotations

import json
from collections.abc import Iterator

from reference_page import Document, anchor, ask, code, page, table


def http() -> str:
    return page("HTTP reference", "sidgate openapi", listeners())


LISTENERS = (
    ("public", "Public endpoints", "Below `endpoints.base_path`, by default `/api/auth`, on every public listener."),
    ("admin", "Admin listener", "At `server.admin_listen`, by default `127.0.0.1:9901`."),
    ("authz", "Forward-auth", "At `authz.listen`, where there is one: [forward-auth](../forward-auth.md)."),
)


def listeners() -> Iterator[str]:
    yield "Every endpoint of Sidgate's own. The documents behind this page are OpenAPI 3.1: `sidgate openapi public`, `admin` and `authz`"
    yield "print them for clients and tools. What the gateway passes on to apps, and what they may answer, is in"
    yield "[the protocol](../protocol.md)."
    yield ""
    yield "\n".join(f"- [{title}](#{anchor(title)})" for title in ("Header fields", *(title for _, title, _ in LISTENERS), "Codes"))
    yield ""
    yield from header_fields()
    shown: set[str] = set()
    for name, title, where in LISTENERS:
        document = json.loads(ask("openapi", name))
        yield f"## {title}"
        yield ""
        yield where
        yield ""
        yield document["info"]["description"]
        yield ""
        yield from overview(document)
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                yield from operation_section(document, f"{method.upper()} {path}", operation)
        for schema_name, schema in document["components"].get("schemas", {}).items():
            if "properties" in schema and schema_name not in {"Problem", "Credentials"} | shown:
                yield from object_section(document, schema_name, schema)
                shown.add(schema_name)
    yield from codes(json.loads(ask("openapi", "public")))


def header_fields() -> Iterator[str]:
    yield "## Header fields"
    yield ""
    yield from table(
        ["field", "from", "to", "meaning"],
        [
            ["`X-Request-Id`", "gateway", "apps, clients", "The id of the request, in every answer and every log line"],
            ["`X-Session-State`, `X-Session-Id`, `X-Session-User-Id`, ...", "gateway", "apps", "[Who is logged in](../protocol.md#what-the-app-receives), readable"],
            ["`X-Session-Assertion`", "gateway", "apps", "The same, [signed](../protocol.md#the-assertion): a JWT with the claims `iss`, `aud`, `iat`, `exp`, `state` and, with a session, `sid`, `sub`, `tid`, `email`, `attrs`, `auth_time`"],
            ["`X-Forwarded-For`, `-Proto`, `-Host`, `-Port`", "gateway", "apps", "Written anew for each request"],
            ["`X-Session-Event`", "apps", "gateway", "[Log in, log out, update, rotate](../protocol.md#events-what-the-app-answers), signed"],
            ["`Set-Cookie`", "gateway", "clients", "[The session cookie](../protocol.md#cookies), when it is new or has to go"],
            ["`Retry-After`", "gateway", "clients", "With `429` and `503`: seconds after which to try again"],
            ["`Allow`", "gateway", "clients", "With `405`: the methods that there are"],
            ["`Cache-Control: no-store`", "gateway", "clients", "With every answer of the gateway's own"],
            ["`Origin`, `Sec-Fetch-Site`", "browsers", "gateway", "[Where a call comes from](../security.md#what-is-refused-and-why): calls that change something must come from the site's own pages"],
        ],
    )


def overview(document: Document) -> list[str]:
    rows = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            title = f"{method.upper()} {path}"
            rows.append([f"[`{title}`](#{anchor(title)})", operation["summary"]])
    return table(["call", "what it does"], rows)


def operation_section(document: Document, title: str, operation: Document) -> Iterator[str]:
    yield f"### {code(title)}"
    yield ""
    yield operation["summary"] + "."
    yield ""
    if "description" in operation:
        yield operation["description"]
        yield ""
    parameters = [resolved(document, parameter) for parameter in operation.get("parameters", ())]
    yield from table(
        ["parameter", "in", "type", "meaning"],
        [
            [code(parameter["name"]), parameter["in"], kind(document, parameter["schema"]), described(parameter)]
            for parameter in parameters
        ],
    )
    for body in operation.get("requestBody", {}).get("content", {}).values():
        yield from members(document, "member of the body", body["schema"])
    rows = []
    for status, response in operation["responses"].items():
        response = resolved(document, response)
        of_code = ", ".join(code(name) for name in response.get("x-codes", ()))
        headers = [code(name) for name in response.get("headers", {})]
        says = response["description"] + (f". With {', '.join(headers)}" if headers else "")
        rows.append(["any other" if status == "default" else status, of_code, says, content(document, response)])
    yield from table(["status", "`code`", "meaning", "body"], rows)
    for status, response in operation["responses"].items():
        for body in resolved(document, response).get("content", {}).values():
            schema = body["schema"]
            if "$ref" not in schema and schema.get("type") == "object" and "properties" in schema and "code" not in schema["properties"]:
                yield from members(document, f"member of {code(status)}", schema)


def resolved(document: Document, thing: Document) -> Document:
    found = document if "$ref" in thing else thing
    for step in thing.get("$ref", "#").split("/")[1:]:
        found = found[step]
    return found


def named(thing: Document) -> str | None:
    return thing["$ref"].rpartition("/")[2] if "$ref" in thing else None


def kind(document: Document, schema: Document) -> str:
    """A type in a word or two."""
    name = named(schema)
    schema = resolved(document, schema)
    if name and "properties" in schema:
        return f"[{name}](#{anchor(name)})"
    if "const" in schema:
        return code(json.dumps(schema["const"]))
    if "enum" in schema:
        return ", ".join(code(word) for word in schema["enum"])
    either = schema.get("anyOf") or schema.get("oneOf")
    if either:
        return " or ".join(dict.fromkeys(kind(document, choice) for choice in either))
    names = schema.get("type", "any")
    words = [schema.get("format") or name if name == "string" else name for name in ([names] if isinstance(names, str) else names)]
    if words == ["array"]:
        return f"list of {kind(document, schema.get('items', {}))}"
    bounds = f", {schema['minimum']} to {schema['maximum']}" if "maximum" in schema else ""
    default = f", default {code(json.dumps(schema['default']))}" if "default" in schema else ""
    return " or ".join(words) + bounds + default


def described(thing: Document) -> str:
    said = thing.get("description", "")
    required = "Required." if thing.get("required") is True else ""
    return " ".join(part for part in (required, said) if part)


def content(document: Document, response: Document) -> str:
    shown = []
    for media, body in response.get("content", {}).items():
        schema = body["schema"]
        if media == "application/problem+json":
            shown.append("a problem")
        elif media == "application/json":
            parts = [named(part) for part in (schema, *schema.get("anyOf", ()), *schema.get("allOf", ()))]
            links = [f"[{name}](#{anchor(name)})" for name in parts if name]
            shown.append(" or ".join(links) or "JSON")
        else:
            shown.append(code(media))
    return ", ".join(shown)


def members(document: Document, title: str, schema: Document) -> Iterator[str]:
    schema = resolved(document, schema)
    for choice in schema.get("oneOf", ()):
        yield from members(document, title, choice)
    if schema.get("description"):
        yield schema["description"] + "."
        yield ""
    required = set(schema.get("required", ()))
    rows = []
    for name, member in flattened(document, "", schema):
        always = name in required or "." in name
        meaning = resolved(document, member).get("description", "")
        rows.append([code(name), kind(document, member), "yes" if always else "", meaning])
    yield from table([title, "type", "always", "meaning"], rows)


def object_section(document: Document, name: str, schema: Document) -> Iterator[str]:
    yield f"### {name}"
    yield ""
    yield from members(document, "member", schema)


def flattened(document: Document, prefix: str, schema: Document) -> Iterator[tuple[str, Document]]:
    for name, member in schema.get("properties", {}).items():
        yield prefix + name, member
        if member.get("type") == "object" and "$ref" not in member:
            yield from flattened(document, f"{prefix}{name}.", member)
        elif "properties" in member.get("items", {}):
            yield from flattened(document, f"{prefix}{name}[].", member["items"])


def codes(document: Document) -> Iterator[str]:
    yield "## Codes"
    yield ""
    yield "Errors that Sidgate makes itself are `application/problem+json` (RFC 9457); somebody whose browser navigates gets a small page"
    yield "instead. Decide by `code`: it does not change, texts may. What helps is in [troubleshooting](../troubleshooting.md#by-code)."
    yield ""
    rows = [[code(name), ", ".join(map(str, row["status"])), row["says"]] for name, row in document["x-codes"].items()]
    yield from table(["`code`", "status", "meaning"], rows)
    yield from members(document, "member of a problem", document["components"]["schemas"]["Problem"])
