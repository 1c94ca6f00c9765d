"""What the guard turns away: as a pure function, and byte for byte over a real socket."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from supervised import ROOT, Service, serving

from quart_proxy.core.errors import InvalidRequest, UnsupportedEncoding
from quart_proxy.guard import HEADER_BYTES_MAX, HEADERS_MAX, drop_underscored, find_fault, render_error

CHUNKED_BODY = b"0\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service() -> AsyncIterator[Service]:
    config_file = str(ROOT / "hypercorn.toml")
    async with serving(app="serving_app:create_guarded", config_file=config_file) as service:
        yield service


async def exchange(service: Service, request: bytes) -> bytes:
    """Everything that the server says until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(request)
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    return answer


def get(target: str = "/", *fields: bytes, method: str = "GET") -> bytes:
    head = [f"{method} {target} HTTP/1.1".encode("latin-1"), b"Host: x", *fields]
    return b"\r\n".join(head) + b"\r\n\r\n"


def post(*fields: bytes, body: bytes = b"", target: str = "/v1/chat/completions") -> bytes:
    return get(target, *fields, method="POST") + body


REFUSED = {
    "two lengths": (
        400,
        post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=CHUNKED_BODY + SMUGGLED),
    ),
    "two lengths, turned": (
        400,
        post(b"Transfer-Encoding: chunked", b"Content-Length: 40", body=CHUNKED_BODY),
    ),
    "h2c upgrade": (
        400,
        get("/", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: "),
    ),
    "h2c upgrade with a body": (400, post(b"Upgrade: h2c", b"Content-Length: 2", body=b"{}")),
    "http/2 preface": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "websocket": (
        400,
        get(
            "/",
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ),
    ),
    "authorization twice": (400, get("/", b"Authorization: Bearer a", b"Authorization: Bearer b")),
    "same authorization twice": (400, get("/", b"Authorization: Bearer a", b"authorization: Bearer a")),
    "x-api-key twice": (400, get("/", b"X-Api-Key: a", b"x-api-key: b")),
    "many headers": (400, get("/", *[b"X-%d: y" % n for n in range(HEADERS_MAX)])),
    "long header": (400, get("/", b"X: " + b"y" * HEADER_BYTES_MAX)),
    "encoded slash": (400, get("/api%2fadmin")),
    "encoded slash, large": (400, get("/api%2Fadmin")),
    "dot segments": (400, get("/v1/../api/admin")),
    "dot segment at the end": (400, get("/v1/..")),
    "single dot": (400, get("/v1/./models")),
    "encoded dot segments": (400, get("/v1/%2e%2E/api")),
    "encoded traversal": (400, get("/a%2f..%2fadmin")),
    "encoded traversal in a model": (400, get("/v1/models/a%2f..%2f..%2fadmin")),
    "backslash": (400, get("/v1\\admin")),
    "encoded backslash": (400, get("/v1/models/a%5c..%5cb")),
    "encoded nul": (400, get("/v1/models/a%00")),
    "absolute form": (400, get("http://elsewhere/v1/models")),
    "no slash": (400, get("v1/models")),
    "asterisk": (400, get("*", method="OPTIONS")),
    "connect": (405, get("elsewhere:443", method="CONNECT")),
    "trace": (405, get("/", method="TRACE")),
    "gzip body": (415, post(b"Content-Encoding: gzip", b"Content-Length: 4", body=b"\x1f\x8b\x08\x00")),
    "gzip after identity": (415, post(b"Content-Encoding: identity, gzip", b"Content-Length: 0")),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_refused_request_gets_one_json_answer_and_a_closed_connection(name: str, service: Service) -> None:
    status, request = REFUSED[name]
    answer = await exchange(service, request)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert len(re.findall(rb"HTTP/1.1 \d\d\d ", answer)) == 1
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"connection: close" in head.lower()
    assert b"content-type: application/json" in head.lower()
    assert json.loads(body)["error"]["message"]


PASSED = {
    "plain": get("/v1/models", b"Connection: close"),
    "both credentials": get("/", b"Authorization: Bearer a", b"x-api-key: b", b"Connection: close"),
    "as many headers as may be": get("/", *[b"X-%d: y" % n for n in range(HEADERS_MAX - 2)], b"Connection: close"),
    "escaped slash in a model's name": get("/v1/models/meta%2Fllama-3.1", b"Connection: close"),
    "dots in a name": get("/v1/models/gpt-4.1..x", b"Connection: close"),
    "escapes in the query": get("/v1/models?after=a%2f..%2fb", b"Connection: close"),
    "chunked": post(b"Transfer-Encoding: chunked", b"Connection: close", body=CHUNKED_BODY),
    "identity": post(b"Content-Encoding: identity", b"Content-Length: 0", b"Connection: close"),
    "http/1.0": b"GET / HTTP/1.0\r\n\r\n",
}


@pytest.mark.parametrize("name", PASSED)
async def test_ordinary_request_passes(name: str, service: Service) -> None:
    answer = await exchange(service, PASSED[name])
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_underscored_header_does_not_reach_the_app(service: Service) -> None:
    answer = await exchange(service, get("/", b"X_Api_Key: a", b"X-Request-Id: b", b"Connection: close"))
    assert b'"x-request-id"' in answer
    assert b"x_api_key" not in answer


async def test_client_still_sending_a_refused_body_can_read_the_answer(service: Service) -> None:
    body = b"x" * 512 * 1024
    fields = (b"Content-Encoding: gzip", b"Content-Length: %d" % len(body))
    assert (await exchange(service, post(*fields, body=body))).startswith(b"HTTP/1.1 415 ")


async def test_refused_client_that_never_sends_its_body_is_let_go(service: Service) -> None:
    answer = await exchange(service, post(b"Content-Encoding: gzip", b"Content-Length: 1000"))
    assert answer.startswith(b"HTTP/1.1 415 ")


def scope_of(path: str = "/v1/models", *headers: tuple[bytes, bytes], **parts: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "headers": list(headers),
    } | parts


def test_header_limits_hold_exactly() -> None:
    def fault(count: int, size: int) -> object:
        fields = [(b"a", b"") for _ in range(count - 1)]
        return find_fault(scope_of("/", *fields, (b"b", b"y" * (size - count))))

    assert fault(HEADERS_MAX, HEADER_BYTES_MAX) is None
    assert isinstance(fault(HEADERS_MAX + 1, HEADER_BYTES_MAX), InvalidRequest)
    assert isinstance(fault(HEADERS_MAX, HEADER_BYTES_MAX + 1), InvalidRequest)


def test_scope_without_underscored_headers_is_passed_as_it_is() -> None:
    scope = scope_of("/", (b"x-api-key", b"a"))
    assert drop_underscored(scope) is scope


def test_http2_scope_is_refused() -> None:
    assert isinstance(find_fault(scope_of(http_version="2")), InvalidRequest)


def test_error_has_the_shape_of_the_path() -> None:
    error = UnsupportedEncoding("Send it plain.")
    openai = json.loads(render_error(error, "/v1/chat/completions"))
    anthropic = json.loads(render_error(error, "/v1/messages/count_tokens"))
    assert openai["error"]["code"] == "unsupported_encoding"
    assert anthropic == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "Send it plain."},
    }
