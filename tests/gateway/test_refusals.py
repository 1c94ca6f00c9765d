"""Providers that refuse or fail: nothing is billed, the status is the contract's, and nothing of the provider
shows that is not the client's to see."""

import json
from typing import Any

import httpx
import pytest
from scripted import ScriptedProvider
from tabs import FORMATS, PATHS, Tab

from quart_proxy.core.money import ZERO

PROVIDER_KEY = "sk-sandbox-upstream-key"
USAGE = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18, "input_tokens": 9, "output_tokens": 9}
SENTENCE = f"Refused: key={PROVIDER_KEY} at https://user:pass@host.example/v1?token=abc, write to ops@host.example"
BODIES = {
    "sentence": json.dumps({"error": {"message": SENTENCE, "type": "some_error", "code": None}}).encode(),
    "usage": json.dumps({"error": {"message": "No."}, "usage": USAGE}).encode(),
    "answer": json.dumps({"choices": [], "content": [], "usage": USAGE}).encode(),
    "html": b"<!doctype html><html><body>nginx</body></html>",
    "empty": b"",
    "list": b'[{"error":{"message":"No."}}]',
    "text": b"No.",
    "binary": bytes(range(256)),
    "huge": b'{"error":{"message":"' + b"x" * 200_000 + b'"}}',
    "deep": b"[" * 50_000,
}
STATUSES = {
    300: (502, "upstream_error", "api_error"),
    302: (502, "upstream_error", "api_error"),
    400: (400, None, "invalid_request_error"),
    401: (502, "upstream_error", "api_error"),
    402: (502, "upstream_error", "api_error"),
    403: (502, "upstream_error", "api_error"),
    404: (404, None, "invalid_request_error"),
    413: (413, None, "invalid_request_error"),
    422: (422, None, "invalid_request_error"),
    429: (429, "upstream_rate_limited", "rate_limit_error"),
    500: (502, "upstream_error", "api_error"),
    503: (502, "upstream_error", "api_error"),
    529: (529, "overloaded", "overloaded_error"),
    599: (502, "upstream_error", "api_error"),
}
HOPELESS = (300, 302, 401, 402, 403)


def assert_shape(answer: httpx.Response, api_format: str, code: str | None, kind: str) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"] == answer.headers["request-id"]
    document = answer.json()
    error: dict[str, Any] = document["error"]
    if api_format == "anthropic":
        assert (document["type"], error["type"]) == ("error", kind)
        assert document["request_id"] == answer.headers["request-id"]
    else:
        assert set(error) == {"message", "type", "param", "code", "request_id"}
        assert code is None or error["code"] == code
        assert error["request_id"] == answer.headers["x-request-id"]
    assert 0 < len(error["message"]) <= 1000
    return error


@pytest.mark.parametrize("api_format", ["openai", "anthropic"])
@pytest.mark.parametrize("status", STATUSES)
async def test_no_refusal_is_billed_or_tells_secrets(
    tab: Tab, scripted: ScriptedProvider, api_format: str, status: int
) -> None:
    wanted, code, kind = STATUSES[status]
    model = await tab.add_model("secret-model", api_format, api_url=scripted.url)
    for name, body in BODIES.items():
        scripted.answers(status, body, "content-type: application/json", "x-secret: 1", "set-cookie: a=b")
        for stream in (False, True):
            answer = await tab.ask(model, api_format, stream=stream)
            assert answer.status_code == wanted, (name, answer.text)
            assert_shape(answer, api_format, code, kind)
            for secret in (PROVIDER_KEY, scripted.url, "user:pass", "token=abc", "ops@", "<html", "nginx"):
                assert secret not in answer.text, name
            assert "set-cookie" not in answer.headers
            assert "x-secret" not in answer.headers
            assert (answer.headers.get("x-should-retry") == "false") is (status in HOPELESS)
    rows = await tab.rows(2 * len(BODIES))
    assert {(row.outcome, row.cost, row.price_id) for row in rows} == {("upstream_error", ZERO, None)}
    assert {(row.status, row.upstream_status) for row in rows} == {(wanted, status)}
    assert await tab.spent() == 0


@pytest.mark.parametrize("stream", [True, False])
async def test_a_redirect_is_not_followed(tab: Tab, stream: bool) -> None:
    model = await tab.add_model("sandbox:redirect=1")
    totals = f"{tab.product.sandbox_url}/_sandbox/totals"
    before = (await tab.product.client.get(totals)).json()["canary_hits"]
    assert (await tab.ask(model, stream=stream)).status_code == 502
    assert (await tab.product.client.get(totals)).json()["canary_hits"] == before
    await tab.assert_free("upstream_error")


@pytest.mark.parametrize("api_format", FORMATS)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fault", ["gzip=1", "html=1"])
async def test_an_answer_that_is_not_of_the_format_is_a_bad_gateway(
    tab: Tab, api_format: str, stream: bool, fault: str
) -> None:
    model = await tab.add_model(f"sandbox:{fault}", api_format)
    answer = await tab.ask(model, api_format, stream=stream)
    assert answer.status_code == 502
    assert_shape(answer, api_format, "upstream_error", "api_error")
    assert answer.headers["x-should-retry"] == "false"
    await tab.assert_free("upstream_error")


async def test_a_key_that_google_refuses_is_no_fault_of_the_client(tab: Tab, scripted: ScriptedProvider) -> None:
    model = await tab.add_model("keyless", "gemini", api_url=scripted.url.removesuffix("/v1"))
    error = {"code": 400, "message": "API key not valid.", "details": [{"reason": "API_KEY_INVALID"}]}
    scripted.answers(400, json.dumps({"error": error}).encode(), "content-type: application/json")
    answer = await tab.ask(model)
    assert answer.status_code == 502
    assert "key" not in assert_shape(answer, "openai", "upstream_error", "api_error")["message"]
    await tab.assert_free("upstream_error")


@pytest.mark.parametrize("api_format", FORMATS)
async def test_an_error_in_a_200_is_a_bad_gateway(tab: Tab, api_format: str) -> None:
    model = await tab.add_model("sandbox:error_in_200=1", api_format)
    answer = await tab.ask(model, api_format)
    assert answer.status_code == 502
    assert_shape(answer, api_format, "upstream_error", "api_error")
    await tab.assert_free("upstream_error")


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"text"', b"{", b"\xff\xfe", b"NaN"])
async def test_a_200_that_is_no_object_is_a_bad_gateway(tab: Tab, scripted: ScriptedProvider, body: bytes) -> None:
    model = await tab.add_model("anything", api_url=scripted.url)
    scripted.answers(200, body, "content-type: application/json")
    assert (await tab.ask(model)).status_code == 502
    await tab.assert_free("upstream_error")


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ("7", "7"),
        ("1.5", "1"),
        ("-5", "0"),
        ("999999999", "3600"),
        ("inf", "3600"),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", "0"),
        ("Wed, 21 Oct 2099 07:28:00 GMT", "3600"),
        ("Wed, 21 Oct 99999999999999999999 07:28:00 GMT", None),
        ("Wed, 21 Oct 2015 07:28:00 +99999999999999", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_passed_as_whole_seconds_up_to_an_hour(
    tab: Tab, scripted: ScriptedProvider, given: str, passed: str | None, status: int
) -> None:
    model = await tab.add_model("anything", api_url=scripted.url)
    scripted.answers(status, b"{}", f"retry-after: {given}")
    answer = await tab.ask(model)
    assert answer.status_code == (429 if status == 429 else 502)
    assert answer.headers.get("retry-after") == passed


async def test_a_refusal_whose_body_never_ends_is_answered_all_the_same(
    tab: Tab, scripted: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quart_proxy.services.refusals.BODY_TIMEOUT_S", 0.2)

    async def script(connection: Any) -> None:
        await connection.send(b'HTTP/1.1 400 Bad\r\ncontent-length: 1000\r\n\r\n{"error":')
        await connection.wait_until_gone()

    scripted.script = script
    model = await tab.add_model("anything", api_url=scripted.url)
    assert (await tab.ask(model)).status_code == 400
    await tab.assert_free("upstream_error")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
    ],
    ids=["nothing", "half a status", "ssh", "bad header", "huge header", "no number"],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_what_is_not_http_is_a_bad_gateway(
    tab: Tab, scripted: ScriptedProvider, answer: bytes, stream: bool
) -> None:
    model = await tab.add_model("anything", api_url=scripted.url)
    scripted.says(answer)
    got = await tab.ask(model, stream=stream)
    assert got.status_code == 502, got.text
    await tab.assert_free("upstream_error")


async def test_early_hints_before_an_answer_are_passed_over(tab: Tab, scripted: ScriptedProvider) -> None:
    model = await tab.add_model("anything", api_url=scripted.url)
    body = b'{"model":"x","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":5,"total_tokens":10}}'
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
    scripted.says(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + head + body)
    answer = await tab.ask(model)
    assert answer.json()["model"] == model
    assert (await tab.row()).outcome == "completed"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("api_format", FORMATS)
async def test_a_provider_that_cannot_be_reached_is_a_bad_gateway(
    tab: Tab, stream: bool, api_format: str, nobody: str
) -> None:
    model = await tab.add_model("x", api_format, api_url=nobody)
    answer = await tab.ask(model, api_format, stream=stream)
    assert answer.status_code == 502
    assert_shape(answer, api_format, "upstream_unreachable", "api_error")
    assert nobody.removeprefix("http://") not in answer.text
    await tab.assert_free("upstream_error")


async def test_a_name_that_does_not_resolve_is_a_bad_gateway(tab: Tab) -> None:
    model = await tab.add_model("x", api_url="http://nowhere.invalid/v1")
    answer = await tab.ask(model)
    assert answer.status_code == 502
    assert "nowhere" not in answer.text


@pytest.mark.parametrize("limit", ["first_byte_timeout_s", "timeout_s"])
async def test_a_provider_that_does_not_answer_is_a_gateway_timeout(tab: Tab, limit: str) -> None:
    model = await tab.add_model("sandbox:hang=1", limits={limit: 1})
    answer = await tab.ask(model)
    assert answer.status_code == 504
    assert_shape(answer, "openai", "upstream_timeout", "timeout_error")
    await tab.assert_free("upstream_error")


@pytest.mark.parametrize("path", PATHS.values())
async def test_a_document_that_breaks_off_is_not_billed(tab: Tab, path: str) -> None:
    api_format = next(name for name in FORMATS if PATHS[name] == path)
    for fault in ("cut_after=0", "fin_after=0"):
        model = await tab.add_model(f"sandbox:{fault}", api_format)
        answer = await tab.ask(model, api_format)
        assert answer.status_code == 502
    rows = await tab.rows(2)
    assert {(row.outcome, row.cost) for row in rows} == {("interrupted", ZERO)}
