"""What both doors share: the id of a request, its body, who calls, and how errors leave the house."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, TypeVar, cast
from uuid import UUID

import orjson
from quart import Quart, Response, current_app, g, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from quart_proxy.core.credentials import choose_key
from quart_proxy.core.errors import (
    BodyTimeout,
    BodyTooLarge,
    ClientError,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    ProxyError,
    RateLimited,
    Unauthenticated,
)
from quart_proxy.core.formats import FORMATS
from quart_proxy.http.allowances import allowance_headers
from quart_proxy.services.auth import Authenticator, Caller
from quart_proxy.services.dispatch import new_request_id
from quart_proxy.settings import BODY_TIMEOUT_S

logger = logging.getLogger(__name__)

JSON = "application/json"
STREAM_HEADERS = {"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"}
SERVICES = "quart_proxy.services"
S = TypeVar("S")


def service(kind: type[S]) -> S:
    """The worker's instance of a service class, as the roof wired it."""
    return cast(S, current_app.extensions[SERVICES][kind])


def request_id() -> UUID:
    """The id of the request being answered, made when first asked for."""
    if "request_id" not in g:
        g.request_id = new_request_id()
    return cast(UUID, g.request_id)


def request_id_text(identifier: UUID | None = None) -> str:
    return f"req_{(identifier or request_id()).hex}"


def json_response(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(document), status, headers, content_type=JSON)


def event_stream(chunks: AsyncIterator[bytes]) -> Response:
    """An answer that goes on for as long as there is something to tell."""
    response = Response(chunks, 200, STREAM_HEADERS)
    response.headers["content-type"] = "text/event-stream; charset=utf-8"
    # Quart cuts answers after 60 s unless told otherwise, without a word to anyone.
    response.timeout = None
    return response


async def read_body() -> bytes:
    """The whole request body. Raises BodyTooLarge and BodyTimeout."""
    # Not `get_data`: its timeout makes a task for each request, and this one does not.
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await request.body
    except TimeoutError:
        raise BodyTimeout("The body did not arrive in time.") from None
    request.body.clear()
    return cast(bytes, body)


async def read_json() -> dict[str, Any]:
    """The body as a JSON object. Raises InvalidRequest."""
    try:
        document = orjson.loads(await read_body() or b"{}")
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"The body is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise InvalidRequest("The body must be a JSON object.")
    return document


def header_values(name: bytes) -> list[str]:
    """Every value of a header, by its name in lower case. From the request as the server read it: Quart's own
    headers are searched through for each question, and a request asks ten."""
    return [value.decode("latin-1") for key, value in request.scope["headers"] if key == name]


def client_key() -> str:
    """The API key of ours in this request. Raises Unauthenticated, and InvalidRequest when there are two."""
    authorization = header_values(b"authorization")
    x_api_key = header_values(b"x-api-key")
    if len(authorization) > 1 or len(x_api_key) > 1:
        raise InvalidRequest("A credential header is there twice; send one.")
    bearer = None
    if authorization:
        scheme, _, token = authorization[0].partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else None
    return choose_key(bearer, x_api_key[0].strip() if x_api_key else None)


async def authenticated() -> Caller:
    """Who calls with an API key. Raises Unauthenticated and its kin."""
    if "caller" not in g:
        g.caller = await service(Authenticator).authenticate(client_key())
    return cast(Caller, g.caller)


async def require_caller() -> None:
    """Let the request pass if a client's key comes with it. Raises as `authenticated` does."""
    await authenticated()


# --- errors -------------------------------------------------------------------------------------------


def render_error(error: ProxyError, path: str, identifier: UUID) -> bytes:
    """The body of an error answer, in the format that callers of `path` speak."""
    name = "anthropic" if "/messages" in path and not path.startswith("/api/") else "openai"
    return orjson.dumps(FORMATS[name].render_error(error, request_id_text(identifier)))


def error_response(error: ProxyError) -> Response:
    headers = {}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(error.retry_after_s)
    elif error.status in (429, 500, 502, 503, 504, 529) and not error.is_retryable:
        # Both vendors' SDKs would try such a status again; here that cannot help.
        headers["x-should-retry"] = "false"
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, RateLimited) and error.allowances is not None:
        g.allowances = error.allowances
    return Response(render_error(error, request.path, request_id()), error.status, headers, content_type=JSON)


def install_errors(app: Quart) -> None:
    """Every error becomes an answer in the caller's format; nothing under any path is HTML. Every answer tells its
    request's id, and where the caller's minute is limited, how it stands."""

    @app.errorhandler(ProxyError)
    async def known(error: ProxyError) -> Response:
        if not isinstance(error, ClientError):
            logger.warning("request_failed", extra={"fields": _facts(error)})
        return error_response(error)

    @app.errorhandler(HTTPException)
    async def from_framework(error: HTTPException) -> Response:
        return error_response(_translate(error))

    @app.errorhandler(Exception)
    async def unforeseen(error: Exception) -> Response:
        logger.error("unforeseen_error", exc_info=error, extra={"fields": {"request_id": request_id_text()}})
        return error_response(InternalError("This request failed here; the operator finds it by its id."))

    @app.after_request
    async def identify(response: Response) -> Response:
        response.headers["x-request-id"] = response.headers["request-id"] = request_id_text()
        if (allowances := g.get("allowances")) is not None:
            response.headers.update(allowance_headers(allowances))
        if request.method == "HEAD" and "content-length" not in response.headers:
            # Its body is read to the end before the next request is, and that of a stream of events has none.
            response.response = response.data_body_class(b"")
        return response


def _translate(error: HTTPException) -> ProxyError:
    if isinstance(error, RequestEntityTooLarge):
        limit = current_app.config["MAX_CONTENT_LENGTH"]
        return BodyTooLarge(f"The body is larger than {limit} bytes.")
    if error.code == 404:
        return NotFound(f"There is nothing at {request.path[:200]}.")
    if error.code == 405:
        allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
        return MethodNotAllowed(f"{request.method} is not answered here; {allowed} is.")
    if error.code is not None and 400 <= error.code < 500:
        return InvalidRequest(error.description or "The request cannot be understood.")
    return InternalError("This request failed here; the operator finds it by its id.")


def _facts(error: ProxyError) -> dict[str, Any]:
    return {"request_id": request_id_text(), "status": error.status, "code": error.code, "path": request.path}
