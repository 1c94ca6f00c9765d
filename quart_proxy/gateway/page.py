"""The page under `/`: files of `static/`, from a list made at start, so no path of a request names a file.

Every address below `/ui` is the same file: which page it is, the page itself decides. Nothing under `/v1` or `/api` is
ever answered with HTML.
"""

import hashlib
import mimetypes
import posixpath
import re
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
INDEX = "index.html"
MODULES = b"<!-- modules -->"
"""Where the index names the modules that the page is about to ask for."""
IMPORT = re.compile(r"""\b(?:import|export)\b[^"';()]*["'](\.[^"']+)["'];""")
ROUTE = re.compile(r"""path: "([^"]+)".*?import\("\./([^"]+)"\)""", re.DOTALL)


def list_modules(*names: str) -> list[str]:
    """These modules and all that they import, nearest first. Browsers would find them one after another."""
    found = list(names)
    for name in found:
        for written in IMPORT.findall(FILES[name].decode()):
            imported = posixpath.normpath(posixpath.join(posixpath.dirname(name), written))
            if imported in FILES and imported not in found:
                found.append(imported)
    return found


def _index_of(*names: str) -> bytes:
    links = [f'<link rel="modulepreload" href="/static/{name}">' for name in list_modules("app.js", *names)]
    return FILES[INDEX].replace(MODULES, "\n".join(links).encode())


PAGES = [
    (re.compile(re.sub(r":\w+", "[^/]+", path) + "/?"), _index_of(module))
    for path, module in ROUTE.findall(FILES["routes.js"].decode())
]
"""The index for the addresses of each page, in the order of `routes.js`."""
OTHER = _index_of()


@routes.get("/")
@routes.get("/ui")
@routes.get("/ui/<path:page>")
async def index(page: str = "") -> Response:
    if request.method == "HEAD" and request.path == "/":
        # A client that looks whether its base URL is alive. It wants no page.
        return Response(b"", content_type="text/plain")
    path = "/ui" if request.path == "/" else request.path
    return _answer(INDEX, next((text for pattern, text in PAGES if pattern.fullmatch(path)), OTHER))


@routes.get("/static/<path:name>")
async def file(name: str) -> Response:
    """One file of the page. Raises NotFound."""
    if name not in FILES:
        raise NotFound(f"There is nothing at {request.path[:200]}.")
    return _answer(name, FILES[name])


def _answer(name: str, text: bytes) -> Response:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    etag = f'"{hashlib.sha256(text).hexdigest()[:16]}"'
    is_known = request.headers.get("If-None-Match") == etag
    response = Response(b"" if is_known else text, 304 if is_known else 200, {**HEADERS, "etag": etag})
    response.headers["content-type"] = f"{kind}; charset=utf-8"
    return response
