"""`/openapi.json` says what is so: every route and every error is in it, and answers have the shapes it promises."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from admin_client import Admin
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from product import Product

from quart_proxy.core.errors import ProxyError
from quart_proxy.core.formats import CLIENT_FORMATS

FIELDS_THERE = re.compile(r"is not a field here; the fields are (?P<names>.*)$")


@pytest.fixture
async def document(product: Product) -> dict[str, Any]:
    answer = await product.client.get(f"{product.base_url}/openapi.json")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            yield path, method, told


def schema_of(document: dict[str, Any], told: dict[str, Any], status: str = "200") -> dict[str, Any]:
    schema: dict[str, Any] = told["responses"][status]["content"]["application/json"]["schema"]
    return {**schema, "components": document["components"]}


def faults_of(document: dict[str, Any], told: dict[str, Any], answer: Any) -> list[str]:
    """Where an answer is not what was promised."""
    status = str(answer.status_code)
    assert status in told["responses"], answer.text
    if "application/json" not in told["responses"][status].get("content", {}):
        return []
    found = Draft202012Validator(schema_of(document, told, status)).iter_errors(answer.json())
    return [f"{answer.request.url.path} {error.json_path}: {error.message[:300]}" for error in found]


async def test_document_is_openapi(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()


async def test_every_route_is_in_it(product: Product, document: dict[str, Any]) -> None:
    registered = {
        (re.sub(r"<(?:[^:<>]*:)?(\w+)>", r"{\1}", str(rule)), method.lower())
        for rule in product.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not str(rule).startswith(("/static/", "/ui")) and str(rule) != "/"
    }
    assert registered == {(path, method) for path, method, _ in operations(document)}


async def test_every_route_says_what_it_gives(document: dict[str, Any]) -> None:
    silent = [
        f"{method} {path}"
        for path, method, told in operations(document)
        for answer in (next(iter(told["responses"].values())),)
        if answer.get("content", {}).get("application/json", {}).get("schema") == {}
    ]
    assert silent == []


async def test_every_door_for_clients_says_which_models_answer(document: dict[str, Any]) -> None:
    for format in CLIENT_FORMATS.values():
        described = document["paths"][f"/v1/{format.endpoint}"]["post"]
        assert ("any model" in described["description"]) is (format.client_chat is not None)
        assert "422" in described["responses"]


async def test_every_error_is_in_it(document: dict[str, Any]) -> None:
    def leaves(error: type[ProxyError]) -> Iterator[type[ProxyError]]:
        yield error
        for below in error.__subclasses__():
            yield from leaves(below)

    for error in leaves(ProxyError):
        assert error.code in document["components"]["schemas"]["ErrorCode"]["enum"]
        assert f"`{error.code}`" in document["components"]["responses"][str(error.status)]["description"] or any(
            f"`{error.code}`" in response["description"] for response in document["components"]["responses"].values()
        )
        assert str(error.status) in document["components"]["responses"]


async def test_fields_that_a_route_takes_are_those_it_is_said_to_take(
    product: Product, admin: Admin, document: dict[str, Any]
) -> None:
    checked = 0
    for path, method, told in operations(document):
        schema = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        if "properties" not in schema or not path.startswith("/api/"):
            continue
        filled = re.sub(r"\{\w+\}", "1", path).removeprefix("/api/admin")
        answer = await admin.call(method.upper(), filled, {"no such field": 1})
        if answer.status_code in (404, 428):
            # What is not there, or not seen, is told before the body is read.
            continue
        assert answer.status_code == 422, f"{method} {path}: {answer.text}"
        said = [fault["message"] for fault in answer.json()["error"]["errors"] if fault["param"] == "no such field"]
        names = FIELDS_THERE.match(said[0])
        assert names is not None
        assert set(filter(None, names["names"].split(", "))) == set(schema["properties"]), f"{method} {path}"
        checked += 1
    assert checked > 15


async def test_values_of_a_query_are_refused_where_they_are_declared(admin: Admin, document: dict[str, Any]) -> None:
    for path, method, told in operations(document):
        if method != "get" or not path.startswith("/api/admin/") or path == "/api/admin/events":
            continue
        filled = re.sub(r"\{\w+\}", "1", path).removeprefix("/api/admin")
        for parameter in told.get("parameters", ()):
            if parameter["in"] != "query":
                continue
            answer = await admin.get(f"{filled}?{parameter['name']}={'x' * 2000}")
            assert answer.status_code in (404, 422), f"{path} {parameter['name']}: {answer.status_code}"
            if answer.status_code == 422:
                assert parameter["name"] in answer.text


async def test_answers_have_the_shapes_that_are_promised(
    product: Product, admin: Admin, document: dict[str, Any]
) -> None:
    """What can be read is read, with something in it, by an admin and by a user."""
    chat = await product.chat()
    await product.message(stream=True)
    refused = await product.chat("no-such-model")
    assert (chat.status_code, refused.status_code) == (200, 404)
    await product.rows(3)
    user = {"user_id": str(product.user_id), "key_id": "1", "revision": "1", "request_id": chat.headers["x-request-id"]}
    faults: list[str] = []
    for path, method, told in operations(document):
        if method != "get" or path.endswith((".csv", "/events")) or not path.startswith(("/api/", "/v1/models")):
            continue
        key = "sandbox-gpt" if "/models/" in path or "/providers/" in path else "1"
        filled = re.sub(r"\{(\w+)\}", lambda found, key=key: user.get(found[1], key), path)  # type: ignore[misc]
        headers = admin.headers if path.startswith("/api/admin") else product.headers
        answer = await product.client.get(product.base_url + filled, headers=headers)
        if answer.status_code == 404 or path.endswith("/registry/export"):
            # Of files that this product has none of.
            continue
        assert answer.status_code == 200, f"{path}: {answer.text}"
        faults += faults_of(document, told, answer)
    assert faults == []


async def test_what_is_made_has_the_shape_that_is_promised(
    product: Product, admin: Admin, document: dict[str, Any]
) -> None:
    made: dict[str, Any] = {}
    faults: list[str] = []
    for path, body in (
        ("/api/admin/users", {"name": "Ada"}),
        ("/api/admin/users/{user_id}/ledger", {"kind": "credit", "amount": "5.00", "reason": "invoice 7"}),
        ("/api/admin/users/{user_id}/keys", {"name": "laptop"}),
        ("/api/admin/keys/{key_id}/rotate", {}),
        ("/api/admin/ledger/{entry_id}/reverse", {"reason": "typed twice"}),
        ("/api/admin/tokens", {"name": "ci", "scope": "registry:plan", "days": 1}),
        ("/api/admin/models/{key}/quote", {"tokens": {"input": 1000, "output": 10}}),
    ):
        filled = path.format(
            user_id=made.get("user"), key_id=made.get("key"), entry_id=made.get("entry"), key="sandbox-gpt"
        )
        answer = await admin.post(filled.removeprefix("/api/admin"), body)
        assert answer.status_code in (200, 201), answer.text
        faults += faults_of(document, document["paths"][path]["post"], answer)
        if path.endswith("/users"):
            made["user"] = answer.json()["id"]
        elif path.endswith("/ledger"):
            made["entry"] = answer.json()["id"]
        elif path.endswith("/keys"):
            made["key"] = answer.json()["id"]
    assert faults == []


async def test_an_error_has_the_shape_that_is_promised(
    product: Product, admin: Admin, document: dict[str, Any]
) -> None:
    told = document["paths"]["/api/admin/users"]["post"]
    answer = await admin.post("/users", {"name": "", "colour": 1})
    assert answer.status_code == 422
    schema = {"$ref": "#/components/schemas/Error", "components": document["components"]}
    Draft202012Validator(schema).validate(answer.json())
    assert "422" in told["responses"]
    messages = await product.client.post(f"{product.base_url}/v1/messages", json={})
    schema = {"$ref": "#/components/schemas/AnthropicError", "components": document["components"]}
    Draft202012Validator(schema).validate(messages.json())
