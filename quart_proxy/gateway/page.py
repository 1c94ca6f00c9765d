"""The page under `/`: files of `static/`, from a list made at start, so no path of a request names a file.

Every address below `/ui` is the same file: which page it is, the page itself decides. Nothing under `/v1` or `/api` is
ever answered with HTML.
"""

import hashlib
import mimetypes
from pathlib import Path

from quart import Blueprint, Response, request

from quart_proxy.core.errors import NotFound

routes = Blueprint("page", __name__)

FOLDER = Path(__file__).parents[2] / "static"
HEADERS = {
    # The one policy of Trusted Types is lit-html's own, which `static/html.js` imports and nothing else does.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'; trusted-types lit-html"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
}
FILES = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}


@routes.get("/")
@routes.get("/ui")
@routes.get("/ui/<path:page>")
async def index(page: str = "") -> Response:
    return serve_file("index.html")


@routes.get("/static/<path:name>")
async def file(name: str) -> Response:
    return serve_file(name)


def serve_file(name: str) -> Response:
    """One file of the page. Raises NotFound."""
    if name not in FILES:
        raise NotFound(f"There is nothing at {request.path[:200]}.")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    etag = f'"{hashlib.sha256(FILES[name]).hexdigest()[:16]}"'
    is_known = request.headers.get("If-None-Match") == etag
    response = Response(b"" if is_known else FILES[name], 304 if is_known else 200, {**HEADERS, "etag": etag})
    response.headers["content-type"] = f"{kind}; charset=utf-8"
    return response
