"""Every error of the tree is rendered in every format, and a provider's sentence loses its secrets."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quart_proxy.core import errors
from quart_proxy.core.errors import Fault, InvalidFields, ProxyError
from quart_proxy.core.formats import FORMATS, Format, StreamStep
from quart_proxy.core.provider_errors import MESSAGE_CHARACTERS_MAX, read_error_message, scrub
from quart_proxy.core.sse import SseParser

OPENAI_FORMATS = [name for name in FORMATS if name != "anthropic"]
ANTHROPIC_TYPES = {
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "timeout_error",
    "api_error",
    "overloaded_error",
}


def classes(root: type[ProxyError] = ProxyError) -> Iterator[type[ProxyError]]:
    yield root
    for child in root.__subclasses__():
        yield from classes(child)


def example(kind: type[ProxyError]) -> ProxyError:
    match kind:
        case errors.ModelNotFound:
            return errors.ModelNotFound("gpt", ["gpt-5"])
        case errors.PreconditionFailed:
            return errors.PreconditionFailed("Changed since.", current={"id": 1})
        case errors.PlanRefused | errors.StalePlan:
            return kind("It has a conflict.", plan={"exit": 3})
        case errors.InvalidRegistry:
            return errors.InvalidRegistry("One error.", faults=[{"code": "E101", "line": 3}])
        case errors.FieldLocked:
            return errors.FieldLocked("The file owns it.", param="pricing.input", place="models.yaml:4")
        case errors.InvalidFields:
            return InvalidFields([Fault("name", "is missing"), Fault("age", "is unknown")])
        case errors.UpstreamRejected:
            return errors.UpstreamRejected("No.", status=418, code="teapot", param="cup")
        case errors.MissingKey:
            return errors.MissingKey("${env:X_API_KEY}", "the variable is not set")
        case errors.UpstreamFailed:
            return errors.UpstreamFailed("It failed.", is_retryable=False)
    return kind("A sentence.", param="field")


ALL = [example(kind) for kind in dict.fromkeys(classes())]


@pytest.mark.parametrize("format_", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_every_error_is_rendered_in_every_format(format_: Format, error: ProxyError) -> None:
    body = json.loads(json.dumps(format_.render_error(error, "req_1")))
    assert body["error"]["message"] == error.message
    assert "req_1" in (body.get("request_id"), body["error"].get("request_id"))
    assert 400 <= error.status < 600


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_openai_shape(error: ProxyError) -> None:
    for name in OPENAI_FORMATS:
        content = FORMATS[name].render_error(error, "req_1")["error"]
        assert content["type"] == error.openai_type
        assert content["code"] == error.code
        assert content["param"] == error.param


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_anthropic_shape(error: ProxyError) -> None:
    body = FORMATS["anthropic"].render_error(error, "req_1")
    assert body["type"] == "error"
    assert body["error"]["type"] in ANTHROPIC_TYPES
    assert body["error"]["details"]["error_code"] == error.code


@pytest.mark.parametrize("format_", FORMATS.values(), ids=FORMATS)
def test_every_fault_is_listed(format_: Format) -> None:
    content = format_.render_error(example(InvalidFields), "req_1")["error"]
    assert content["errors"] == [
        {"param": "name", "message": "is missing"},
        {"param": "age", "message": "is unknown"},
    ]


@pytest.mark.parametrize("name", ["openai", "anthropic", "openai_responses"])
@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_error_event_is_one_that_the_format_itself_reads_as_a_failure(name: str, error: ProxyError) -> None:
    (event,) = SseParser().feed(FORMATS[name].encode_error_event(error, "req_1"))
    assert FORMATS[name].open_stream().read(event) is StreamStep.ERROR
    assert read_error_message(event.data).message


@pytest.mark.parametrize(
    ("body", "message", "code", "param"),
    [
        ({"error": {"message": "No.", "type": "bad", "code": "worse", "param": "top_p"}}, "No.", "worse", "top_p"),
        ({"error": {"message": "No.", "type": "bad", "code": None, "param": None}}, "No.", "bad", None),
        ({"error": {"message": "No.", "code": 429}}, "No.", None, None),
        ({"error": {"message": "No.", "code": "401"}}, "No.", None, None),
        ({"type": "error", "error": {"type": "not_found_error", "message": "No."}}, "No.", "not_found_error", None),
        ({"code": "invalid-argument", "error": "No."}, "No.", "invalid-argument", None),
        ({"detail": "No."}, "No.", None, None),
        ({"detail": [{"msg": "No.", "loc": ["body"], "type": "missing"}]}, "No.", "missing", None),
        ({"detail": {"message": "No."}}, "No.", None, None),
        ({"message": "No.", "request_id": "r"}, "No.", None, None),
        ([{"error": {"code": 503, "message": "No.", "status": "UNAVAILABLE"}}], "No.", "UNAVAILABLE", None),
        (
            {"error": {"message": "No.", "status": "INVALID_ARGUMENT", "details": [{}, {"reason": "API_KEY_INVALID"}]}},
            "No.",
            "API_KEY_INVALID",
            None,
        ),
        ({"error": {"message": "No.", "status": "failed", "details": [7]}}, "No.", None, None),
        ({"base_resp": {"status_code": 2061, "status_msg": "No."}}, "No.", None, None),
        ({"type": "response.failed", "response": {"error": {"code": "x", "message": "No."}}}, "No.", "x", None),
        ({"error": {"message": "", "code": "x"}}, None, None, None),
        ({"error": {"message": {"deep": 1}}}, None, None, None),
        ({"error": {"message": "No.", "code": "with space\n", "param": "<script>"}}, "No.", None, None),
        ({}, None, None, None),
        ([], None, None, None),
        (7, None, None, None),
    ],
)
def test_sentence_is_found_in_every_shape(
    body: object, message: str | None, code: str | None, param: str | None
) -> None:
    found = read_error_message(json.dumps(body).encode())
    assert (found.message, found.code, found.param) == (message, code, param)


@pytest.mark.parametrize("body", [b"", b"<html><body>502</body></html>", b"\xff\xfe", b"[" * 9999, b'{"a":' * 900])
def test_body_that_is_no_json_has_no_sentence(body: bytes) -> None:
    assert read_error_message(body).message is None


def test_deeply_wrapped_error_is_given_up() -> None:
    body = b'{"error":' * 500 + b'"x"' + b"}" * 500
    assert read_error_message(body).message is None


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Incorrect API key provided: sk-proj-abc123DEF456. See docs.", "abc123"),
        ("Incorrect API key provided: test-con****-key.", "test-con"),
        ("bad sk-ant-api03-xyz_XYZ-1", "api03"),
        ("Authorization: Bearer eyJhbGciOi.J9.abc failed", "eyJ"),
        ("Your api key: ****-key is invalid", "****"),
        ("GET https://u:p4ss@host.test/path failed", "p4ss"),
        ("see https://host.test/file?sig=abc&expires=1 now", "sig=abc"),
        ("url?key=AIzaSyD-1234567890 denied", "AIzaSy"),
        ("header AIzaSyD1234567890abcdef is bad", "AIzaSy"),
        ("token gsk_1234567890abcdef is bad", "gsk_"),
        ("secret=hunter22 refused", "hunter22"),
        ('{"api_key": "abcdef"}', "abcdef"),
        ("Rate limit reached in organization org-AbCdEf123456 on tokens", "org-"),
        ("project proj_AbCdEf123456 is archived", "proj_"),
        ("ask admin@company.example for access", "admin@"),
    ],
)
def test_secret_is_hidden(text: str, secret: str) -> None:
    assert secret not in scrub(text)


@pytest.mark.parametrize(
    "text",
    [
        "This model's maximum context length is 8192 tokens; you asked for max_tokens: 9000.",
        "Unsupported parameter: 'max_tokens'. See https://platform.test/docs/errors.",
        "The user-defined function `skip_tokens` is missing.",
    ],
)
def test_ordinary_sentence_is_kept(text: str) -> None:
    assert scrub(text) == text


@given(st.text(max_size=3000))
def test_scrubbed_text_is_one_printable_line(text: str) -> None:
    scrubbed = scrub(text)
    assert len(scrubbed) <= MESSAGE_CHARACTERS_MAX
    assert scrubbed.isprintable()


@pytest.mark.parametrize("text", ["a-" * 5000, "http://" * 2000, "key" * 5000, "a@" * 5000, "a." * 5000 + "@"])
@pytest.mark.timeout(10)
def test_hostile_text_is_scrubbed_soon(text: str) -> None:
    assert len(scrub(text)) <= MESSAGE_CHARACTERS_MAX
