"""What may pass between a client and a provider, in both directions: headers, names, credentials, bodies."""

import json
from typing import Any

import pytest
from product import TESTER, Product
from tabs import FORMATS, PATHS, Tab, Wire, body_for, documents_in

ALLOWED = {
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "host",
    "user-agent",
    "x-api-key",
}
HOSTILE = {
    "cookie": "session=1",
    "x-forwarded-for": "10.0.0.1",
    "x-forwarded-host": "evil.example",
    "forwarded": "for=10.0.0.1",
    "host-override": "evil.example",
    "x-stainless-lang": "python",
    "openai-organization": "org-1",
    "openai-project": "p",
    "accept-encoding": "gzip, br",
    "user-agent": "client/1",
    "referer": "https://evil.example/",
    "proxy-authorization": "Basic abc",
    "x-request-id": "client-made",
    "traceparent": "00-abc",
    "range": "bytes=0-1",
    "expect": "nothing",
}
EXTRA = {
    "openai": {"openai-beta": "assistants=v2"},
    "openai_responses": {"openai-beta": "responses=v1"},
    "anthropic": {"anthropic-version": "2024-01-01", "anthropic-beta": "a-1,b-2"},
}


async def sent_body(tab: Tab, nonce: str) -> dict[str, Any]:
    """The body that the provider got."""
    body: dict[str, Any] = (await tab.entry(nonce))["body"]
    return body


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("api_format", FORMATS)
async def test_the_provider_sees_only_the_allowed_headers(tab: Tab, api_format: str, stream: bool) -> None:
    model = await tab.add_model("sandbox:words=2", api_format)
    passed = EXTRA[api_format]
    await tab.ask(model, api_format, stream=stream, nonce=model, headers={**HOSTILE, **passed})
    headers = {name.lower(): value for name, value in (await tab.entry(model))["headers"].items()}
    assert set(headers) <= ALLOWED | set(passed), headers
    assert {name: headers[name] for name in passed} == passed
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"].startswith("quart-proxy/")
    assert headers["content-type"] == "application/json"
    assert tab.key not in json.dumps(await tab.entry(model))
    credential = "x-api-key" if api_format == "anthropic" else "authorization"
    assert {"x-api-key", "authorization"} & set(headers) == {credential}


async def test_the_version_of_anthropics_api_has_a_default(tab: Tab) -> None:
    model = await tab.add_model("sandbox", "anthropic")
    await tab.ask(model, "anthropic", nonce=model)
    headers = (await tab.entry(model))["headers"]
    assert headers["anthropic-version"] == "2023-06-01"
    assert "anthropic-beta" not in headers


async def test_a_header_of_one_format_does_not_pass_in_another(tab: Tab) -> None:
    model = await tab.add_model("sandbox")
    await tab.ask(model, nonce=model, headers=EXTRA["anthropic"])
    assert not {"anthropic-version", "anthropic-beta"} & set((await tab.entry(model))["headers"])


@pytest.mark.parametrize("value", ["x" * 1001, "tab\there", "caf\u00e9"])
async def test_a_passed_header_must_be_printable_and_short(tab: Tab, value: str) -> None:
    model = await tab.add_model("sandbox", "anthropic")
    headers: dict[str, Any] = {"anthropic-beta": value.encode()}
    answer = await tab.ask(model, "anthropic", nonce=model, headers=headers)
    assert answer.status_code == 400
    assert "anthropic-beta" in answer.json()["error"]["message"]
    assert await tab.ledger(model) == []


async def test_the_clients_query_goes_no_further(tab: Tab) -> None:
    model = await tab.add_model("sandbox", "anthropic")
    answer = await tab.ask(model, "anthropic", nonce=model, path="/v1/messages?beta=true&api_key=sk-x")
    assert answer.status_code == 200
    assert (await tab.entry(model))["path"] == "/v1/messages"


@pytest.mark.parametrize("spelling", [str, str.upper, str.lower])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("api_format", FORMATS)
async def test_the_model_in_an_answer_is_the_name_that_was_asked_for(
    tab: Tab, api_format: str, stream: bool, spelling: Any
) -> None:
    asked = spelling(await tab.add_model("sandbox:words=2", api_format))
    answer = await tab.ask(asked, api_format, stream=stream)
    assert "sandbox:words" not in answer.text
    documents = documents_in(answer.content) if stream else [answer.json()]
    holders = [holder for each in documents for holder in (each, each.get("message"), each.get("response"))]
    names = {holder["model"] for holder in holders if isinstance(holder, dict) and "model" in holder}
    assert names == {asked}


async def test_usage_is_seen_by_those_who_asked_for_it_alone(tab: Tab) -> None:
    model = await tab.add_model("sandbox:words=2")
    for options, is_seen in (({}, False), ({"include_usage": False}, False), ({"include_usage": True}, True)):
        nonce = f"{model}-{options.get('include_usage')}"
        answer = await tab.ask(model, stream=True, nonce=nonce, stream_options=options)
        usages = [document for document in documents_in(answer.content) if document.get("usage")]
        assert bool(usages) is is_seen
        assert (await sent_body(tab, nonce))["stream_options"] == {"include_usage": True}
    assert all(row.cost > 0 for row in await tab.rows(3))


async def test_a_whole_answer_tells_its_cost_and_the_balance(tab: Tab) -> None:
    model = await tab.add_model("sandbox")
    answer = await tab.ask(model)
    row = await tab.row()
    assert answer.headers["x-quart-proxy-cost"] == f"{row.cost.normalize():f}"
    assert answer.headers["x-quart-proxy-balance"] == f"{(100 - row.cost).normalize():f}"
    assert answer.headers["x-request-id"] == f"req_{row.request_id.hex}"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/v1/messages", 405),
        ("GET", "/v1/models", 401),
        ("POST", "/v1/chat/completions", 401),
        ("POST", "/v1/messages", 401),
        ("POST", "/v1/v1/chat/completions", 401),
        ("POST", "/v1/v1/nothing", 404),
    ],
)
async def test_every_answer_has_the_request_id_in_both_headers(
    running: Product, method: str, path: str, status: int
) -> None:
    answer = await running.client.request(method, running.base_url + path)
    assert answer.status_code == status
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["request-id"] == answer.headers["x-request-id"]
    document = answer.json()
    told = document["request_id"] if "/messages" in path else document["error"]["request_id"]
    assert told == answer.headers["x-request-id"]


async def test_a_clients_own_id_is_kept_beside_ours(tab: Tab) -> None:
    model = await tab.add_model("sandbox")
    answers = [await tab.ask(model, headers={"x-request-id": "mine"}) for _ in range(2)]
    rows = await tab.rows(2)
    assert [row.client_request_id for row in rows] == ["mine", "mine"]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 2


# --- credentials ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS.values())
async def test_either_header_carries_the_key(tab: Tab, path: str) -> None:
    api_format = next(name for name in FORMATS if PATHS[name] == path)
    model = await tab.add_model("sandbox", api_format)
    foreign = "sk-ant-api03-a-key-of-a-vendor"
    for headers in (
        {"authorization": f"Bearer {tab.key}"},
        {"authorization": f"bearer {tab.key}"},
        {"x-api-key": tab.key},
        {"x-api-key": tab.key, "authorization": f"Bearer {tab.key}"},
        {"x-api-key": tab.key, "authorization": f"Bearer {foreign}"},
        {"x-api-key": foreign, "authorization": f"Bearer {tab.key}"},
        {"x-api-key": tab.key, "authorization": "Basic dXNlcjpwYXNz"},
    ):
        body = body_for(api_format, model, False, model)
        answer = await tab.product.client.post(tab.product.base_url + path, json=body, headers=headers)
        assert answer.status_code == 200, headers
    assert foreign not in json.dumps(await tab.ledger(model))


async def test_two_keys_of_ours_are_refused(tab: Tab) -> None:
    model = await tab.add_model("sandbox")
    _, other = await tab.product.accounts.create_key(TESTER, user_id=tab.user_id, name="other")
    answer = await tab.ask(model, headers={"x-api-key": other})
    assert answer.status_code == 400


@pytest.mark.parametrize("name", ["Authorization", "x-api-key"])
async def test_a_repeated_credential_header_is_refused(tab: Tab, name: str) -> None:
    wire = await tab.open_wire()
    value = f"Bearer {tab.key}" if name == "Authorization" else tab.key
    wire.writer.write(f"GET /v1/models HTTP/1.1\r\nhost: x\r\n{name}: {value}\r\n{name}: {value}\r\n\r\n".encode())
    assert await wire.read_head() == 400


@pytest.mark.parametrize("query", ["key", "api_key", "api-key", "access_token"])
async def test_a_key_in_the_query_is_not_a_credential(tab: Tab, query: str) -> None:
    answer = await tab.product.client.get(f"{tab.product.base_url}/v1/models?{query}={tab.key}")
    assert answer.status_code == 401


# --- bodies ---------------------------------------------------------------------------------------------------

BAD_BODIES = {
    "empty": b"",
    "not JSON": b"{",
    "array": b"[]",
    "text": b'"x"',
    "null": b"null",
    "NaN": b'{"model":"x","messages":[],"temperature":NaN}',
    "infinity": b'{"model":"x","messages":[],"temperature":1e999}',
    "deep array": b"[" * 100_000,
    "deep field": b'{"model":"x","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "not UTF-8": b'{"model":"\xff\xfe","messages":[]}',
    "UTF-16": '{"model":"x"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"model":"x","messages":[]}',
    "lone surrogate": b'{"model":"x\\ud800","messages":[],"input":"x"}',
    "no model": b'{"messages":[],"input":"x"}',
    "null model": b'{"model":null,"messages":[],"input":"x"}',
    "number model": b'{"model":1,"messages":[],"input":"x"}',
    "list model": b'{"model":["x"],"messages":[],"input":"x"}',
    "empty model": b'{"model":" ","messages":[],"input":"x"}',
    "NUL in model": b'{"model":"a\\u0000b","messages":[],"input":"x"}',
    "long model": b'{"model":"' + b"x" * 201 + b'","messages":[],"input":"x"}',
    "text stream": b'{"model":"x","messages":[],"input":"x","stream":"yes"}',
    "number stream": b'{"model":"x","messages":[],"input":"x","stream":1}',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
async def test_a_bad_body_is_the_clients_fault_in_every_format(tab: Tab, body: bytes) -> None:
    before = len(await tab.ledger())
    for path in (*PATHS.values(), "/v1/embeddings"):
        answer = await tab.product.client.post(tab.product.base_url + path, content=body, headers=tab.headers)
        assert answer.status_code == 400, (path, answer.text)
        error = answer.json()["error"]
        assert error["type"] == "invalid_request_error"
        assert error["message"]
    assert len(await tab.ledger()) == before


@pytest.mark.parametrize("is_chunked", [True, False])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_a_body_that_is_too_large_is_refused_in_json(tab: Tab, path: str, is_chunked: bool) -> None:
    size = 33 * 2**20
    framing = "transfer-encoding: chunked" if is_chunked else f"content-length: {size}"
    wire = await tab.open_wire()
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {tab.key}\r\n{framing}\r\n\r\n"
    wire.writer.write(head.encode())
    try:
        # Of a declared length enough is known at once; a client that writes all of it may find the door closed.
        for _ in range(33 if is_chunked else 1):
            wire.writer.write(b"100000\r\n" + b"x" * 2**20 + b"\r\n" if is_chunked else b"x" * 2**20)
            await wire.writer.drain()
    except ConnectionError:
        pass  # It was refused before all of it was sent.
    assert await wire.read_head() == 413
    error = json.loads(await wire.read_all())
    assert wire.headers["x-request-id"] == wire.headers["request-id"]
    if path == "/v1/messages":
        assert error["error"]["type"] == "request_too_large"
    else:
        assert error["error"]["code"] == "request_too_large"


@pytest.mark.parametrize("api_format", FORMATS)
async def test_odd_text_in_other_fields_is_billed_exactly(tab: Tab, api_format: str) -> None:
    model = await tab.add_model("sandbox:words=2,usage=nul", api_format)
    odd: dict[str, Any] = {
        "user": "a\x00b",
        "metadata": {"user_id": "\x00\u202e"},
        "unknown_field": {"deep": [None, True, 1.5]},
    }
    headers = {"x-client-request-id": "caf\xe9 \x7f".encode("latin-1")}
    answer = await tab.ask(model, api_format, nonce=model, headers=headers, **odd)
    assert answer.status_code == 200
    await tab.assert_billed(await tab.entry(model))
    sent = await sent_body(tab, model)
    assert {name: sent[name] for name in odd} == odd


async def test_refusals_call_no_provider_and_leave_a_row(tab: Tab) -> None:
    poor = await Tab.open(tab.product, "0")
    model = await tab.add_model("sandbox")
    answers = [
        (await poor.ask(model, nonce=model), 402, "insufficient_balance"),
        (await tab.ask("no-such-model", nonce=model), 404, "model_not_found"),
    ]
    for answer, status, code in answers:
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert await tab.ledger(model) == []
    assert (await poor.row()).outcome == (await tab.row()).outcome == "refused"


async def test_requests_on_one_connection_do_not_mix(tab: Tab) -> None:
    wire: Wire = await tab.open_wire()
    names = [await tab.add_model("sandbox:words=2") for _ in range(3)]
    for name in names:
        await wire.send(
            "POST", "/v1/chat/completions", json.dumps(body_for("openai", name, False, "")).encode(), **tab.headers
        )
        assert await wire.read_head() == 200
        assert json.loads(await wire.read_all())["model"] == name
        wire.received = b""
