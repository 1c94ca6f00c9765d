"""`/openapi.json`: the routes as they are registered, with what each says of itself, in OpenAPI 3.1.

A route that says nothing is in it all the same, with its path, its door and its errors.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from quart import Quart
from werkzeug.routing import Rule

from quart_proxy import __version__
from quart_proxy.core.errors import ProxyError
from quart_proxy.http.fields import Reader, digits, schema_of, schema_of_fields
from quart_proxy.http.operations import Operation, find_operation
from quart_proxy.http.shapes import SHAPES, TEXT, Schema, many, maybe, shape
from quart_proxy.settings import PAGE_ROWS_MAX

LEFT_OUT = ("/static/", "/ui")
PARAMETER = re.compile(r"<(?:(?P<kind>int|path)(?:\([^)]*\))?:)?(?P<name>\w+)>")
PAGE_QUERY: Mapping[str, Reader] = {"limit": digits(1, PAGE_ROWS_MAX)}
CODES_OF_DOORS = {"admin": (401, 403), "key": (401, 403), None: ()}


def describe_api(app: Quart) -> dict[str, Any]:
    """The whole document. The same for the same program: nothing in it depends on who asks."""
    paths: dict[str, dict[str, Any]] = {}
    for rule in sorted(app.url_map.iter_rules(), key=str):
        path = PARAMETER.sub(lambda found: "{" + found["name"] + "}", str(rule))
        if str(rule) == "/" or path.startswith(LEFT_OUT):
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            paths.setdefault(path, {})[method.lower()] = _describe(app, rule, path, method)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "quart-proxy",
            "version": __version__,
            "license": {"name": "MIT", "identifier": "MIT"},
            "description": "A billing gateway between AI clients and AI providers. Money is dollars as decimal strings,"
            " times are RFC 3339 in UTC, lists have a cursor.",
        },
        "paths": paths,
        "components": {
            "schemas": {**SHAPES, **_error_schemas()},
            "responses": dict(_error_responses()),
            "securitySchemes": _doors(),
        },
    }


def list_errors() -> list[type[ProxyError]]:
    """Every error that can be an answer, by status and code."""
    found: dict[str, type[ProxyError]] = {}

    def visit(error: type[ProxyError]) -> None:
        found.setdefault(error.code, error)
        for below in error.__subclasses__():
            visit(below)

    visit(ProxyError)
    return sorted(found.values(), key=lambda error: (error.status, error.code))


# --- operations ---------------------------------------------------------------------------------------


def _describe(app: Quart, rule: Rule, path: str, method: str) -> dict[str, Any]:
    view = app.view_functions[rule.endpoint]
    said = find_operation(view) or Operation()
    door = _door_of(app, path)
    summary, description = _words(app, rule, view)
    described: dict[str, Any] = {
        "operationId": f"{method.lower()}{re.sub(r'[^a-zA-Z0-9]+', '_', path)}".rstrip("_"),
        "tags": [_tag(path)],
        "summary": summary,
        "responses": {**_answer(said), **_errors(said, path, door, method)},
    }
    if description:
        described["description"] = description
    if parameters := [*_path_parameters(str(rule)), *_query_parameters(said), *_header_parameters(said)]:
        described["parameters"] = parameters
    if said.body is not None:
        schema = shape(said.body) if isinstance(said.body, str) else schema_of_fields(said.body)
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    described["security"] = [{}] if door is None else [{name: []} for name in _SCHEMES[door]]
    return described


def _words(app: Quart, rule: Rule, view: Any) -> tuple[str, str]:
    """What the view says of itself, or else its name; and the rest of it."""
    text = " ".join((view.__doc__ or "").split())
    name = rule.endpoint.rpartition(".")[2] if not hasattr(view, "__name__") else view.__name__
    summary = name.strip("_").replace("_", " ").capitalize()
    return summary, text


def _tag(path: str) -> str:
    parts = [part for part in path.split("/") if part and not part.startswith("{")]
    if parts[0] == "api":
        return " ".join(parts[1:3]).removesuffix(".csv")
    return parts[0] if parts[0] == "v1" else "operations" if len(parts) == 1 else "v1"


def _answer(said: Operation) -> dict[str, Any]:
    if said.status == 204:
        return {"204": {"description": "Done; there is nothing to say."}}
    if said.kind == "csv":
        return {"200": {"description": "All rows, as a file.", "content": {"text/csv": {"schema": TEXT}}}}
    if said.kind == "events":
        return {"200": {"description": "A stream of events.", "content": {"text/event-stream": {"schema": TEXT}}}}
    if said.kind == "text":
        return {"200": {"description": "Text.", "content": {"text/plain": {"schema": TEXT}}}}
    schema: Schema = shape(said.answer) if said.answer else {}
    if said.kind == "list":
        schema = _page_of(schema)
    content = {"application/json": {"schema": schema}}
    return {str(said.status): {"description": "Done." if said.status < 300 else "", "content": content}}


def _page_of(row: Schema) -> Schema:
    properties = {"data": many(row), "has_more": {"type": "boolean"}, "next_cursor": maybe(TEXT)}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _errors(said: Operation, path: str, door: str | None, method: str) -> dict[str, Any]:
    statuses = {*CODES_OF_DOORS[door], 500, 503}
    if "{" in path:
        statuses.add(404)
    if said.body is not None:
        statuses |= {400, 408, 413}
    if said.body is not None or said.query or said.repeated or said.is_paged:
        statuses.add(422)
    if said.needs_etag:
        statuses |= {412, 423, 428}
    if said.is_idempotent or (method in ("PUT", "POST") and path.startswith("/api/admin/registry")):
        statuses.add(409)
    if method == "POST" and not path.startswith("/api"):
        statuses |= {402, 403, 404, 422, 429, 502, 504, 529}
    if path == "/api/admin/login":
        statuses |= {401, 429}
    return {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(statuses)}


# --- parameters ---------------------------------------------------------------------------------------


def _path_parameters(rule: str) -> Iterator[dict[str, Any]]:
    for found in PARAMETER.finditer(rule):
        schema: Schema = {"type": "integer", "minimum": 0} if found["kind"] == "int" else TEXT
        yield {"name": found["name"], "in": "path", "required": True, "schema": schema}


def _query_parameters(said: Operation) -> Iterator[dict[str, Any]]:
    for name, reader in said.query.items():
        yield {"name": name, "in": "query", "schema": schema_of(reader) or TEXT}
    for name, reader in said.repeated.items():
        schema = many(schema_of(reader) or TEXT)
        yield {"name": name, "in": "query", "schema": schema, "style": "form", "explode": True}
    if said.is_paged:
        yield from ({"name": name, "in": "query", "schema": schema_of(reader)} for name, reader in PAGE_QUERY.items())
        yield {"name": "cursor", "in": "query", "schema": TEXT, "description": "`next_cursor` of the page before."}


def _header_parameters(said: Operation) -> Iterator[dict[str, Any]]:
    if said.needs_etag:
        text = "The ETag that was read; needed to change what exists."
        yield {"name": "If-Match", "in": "header", "schema": TEXT, "description": text}
    if said.is_idempotent:
        text = "Sent again with the same one, the first answer comes back and nothing moves."
        yield {"name": "Idempotency-Key", "in": "header", "schema": TEXT, "description": text}


# --- doors --------------------------------------------------------------------------------------------

_SCHEMES: Mapping[str, tuple[str, ...]] = {"admin": ("adminToken", "adminCookie"), "key": ("bearerKey", "xApiKey")}
_PUBLIC = ("/api/admin/login", "/api/admin/logout", "/healthz", "/readyz", "/metrics", "/openapi.json", "/schema/")


def _door_of(app: Quart, path: str) -> str | None:
    if path == "/v1" or path.startswith(_PUBLIC):
        return None
    return "admin" if path.startswith("/api/admin") else "key"


def _doors() -> dict[str, Any]:
    return {
        "adminToken": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The token that POST /api/admin/login gives.",
        },
        "adminCookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": "quart_proxy_admin",
            "description": "The page's own, with `_PORT` after its name where the address has a port; writes need the"
            " X-CSRF-Token of the session with it.",
        },
        "bearerKey": {"type": "http", "scheme": "bearer", "description": "A client's API key."},
        "xApiKey": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same, Anthropic's way."},
    }


# --- errors -------------------------------------------------------------------------------------------


def _error_schemas() -> dict[str, Schema]:
    errors = list_errors()
    codes = sorted({error.code for error in errors})
    fault = {"type": "object", "properties": {"param": TEXT, "message": TEXT}, "required": ["param", "message"]}
    inner = {
        "type": "object",
        "properties": {
            "message": TEXT,
            "type": {"type": "string", "enum": sorted({error.openai_type for error in errors})},
            "param": maybe(TEXT),
            "code": {"type": "string", "description": f"One of {', '.join(codes)}, or the provider's own."},
            "request_id": TEXT,
            "errors": many(fault),
        },
        "required": ["message", "type", "param", "code", "request_id"],
    }
    anthropic = {
        "type": "object",
        "properties": {
            "type": {"const": "error"},
            "error": {
                "type": "object",
                "properties": {
                    "type": {"type": "string", "enum": sorted({error.anthropic_type for error in errors})},
                    "message": TEXT,
                },
                "required": ["type", "message"],
            },
            "request_id": TEXT,
        },
        "required": ["type", "error", "request_id"],
    }
    return {
        "ErrorCode": {"type": "string", "enum": codes},
        "Error": {"type": "object", "properties": {"error": inner}, "required": ["error"]},
        "AnthropicError": anthropic,
    }


def _error_responses() -> Iterator[tuple[str, Any]]:
    by_status: dict[int, list[type[ProxyError]]] = {}
    for error in list_errors():
        by_status.setdefault(error.status, []).append(error)
    for status, errors in by_status.items():
        said = "; ".join(f"`{error.code}`" + _why(error) for error in errors)
        schema = {"anyOf": [shape("Error"), shape("AnthropicError")]}
        yield str(status), {"description": said, "content": {"application/json": {"schema": schema}}}


def _why(error: type[ProxyError]) -> str:
    own = error.__dict__.get("__doc__")
    return f": {' '.join(own.split())}" if own else ""
