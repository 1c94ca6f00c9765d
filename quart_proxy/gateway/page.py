"""The page under `/`: files of `static/`, from a list made at start, so no path of a request names a file.

Every address below `/ui` is the same file: which page it is, the page itself decides. Nothing under `/v1` or `/api` is
ever answered with HTML. The index names its files below an address that changes whenever one of them does, so a browser
keeps them for good; under their plain addresses they are asked about each time.
"""

import gzip
import hashlib
import mimetypes
import posixpath
import re
from dataclasses import dataclass
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
    "vary": "accept-encoding",
}
ASK_AGAIN = "no-cache"
KEEP = "public, max-age=31536000, immutable"
FILES = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}
VERSION = "v-" + hashlib.sha256(b"".join(name.encode() + FILES[name] for name in sorted(FILES))).hexdigest()[:12]
INDEX = "index.html"
STYLES = "styles/index.css"
PRELOADS = b"<!-- preloads -->"
"""Where the index names the files that the page is about to ask for."""
IMPORT = re.compile(r"""\b(?:import|export)\b[^"';()]*["'](\.[^"']+)["'];""")
STYLE_IMPORT = re.compile(r"""@import url\("\./([^"]+)"\)""")
ROUTE = re.compile(r"""path: "([^"]+)".*?import\("\./([^"]+)"\)""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent of a file, as it is or compressed; each has an ETag of its own."""

    content: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class File:
    """A file of the page, ready to be sent."""

    content_type: str
    plain: Body
    zipped: Body


def _file(name: str, text: bytes) -> File:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return File(f"{kind}; charset=utf-8", _body(text), _body(gzip.compress(text, mtime=0)))


def _body(content: bytes) -> Body:
    return Body(content, f'"{hashlib.sha256(content).hexdigest()[:16]}"')


def list_modules(*names: str) -> list[str]:
    """These modules and all that they import, nearest first. Browsers would find them one after another."""
    found = list(names)
    for name in found:
        for written in IMPORT.findall(FILES[name].decode()):
            imported = posixpath.normpath(posixpath.join(posixpath.dirname(name), written))
            if imported in FILES and imported not in found:
                found.append(imported)
    return found


def _index_of(*names: str) -> File:
    sheets = [posixpath.join(posixpath.dirname(STYLES), name) for name in STYLE_IMPORT.findall(FILES[STYLES].decode())]
    links = [f'<link rel="preload" as="style" href="/static/{name}">' for name in sheets]
    links += [f'<link rel="modulepreload" href="/static/{name}">' for name in list_modules("app.js", *names)]
    text = FILES[INDEX].replace(PRELOADS, "\n".join(links).encode())
    return _file(INDEX, text.replace(b'"/static/', f'"/static/{VERSION}/'.encode()))


READY = {name: _file(name, text) for name, text in FILES.items() if name != INDEX}
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
    return _answer(next((file for pattern, file in PAGES if pattern.fullmatch(path)), OTHER), ASK_AGAIN)


@routes.get("/static/<path:name>")
async def file(name: str) -> Response:
    """One file of the page. Raises NotFound.

    A page that was opened before a deploy asks for what it still needs by an older version: it gets what is there now.
    """
    version, _, rest = name.partition("/") if name.startswith("v-") else ("", "", name)
    if rest not in READY:
        raise NotFound(f"There is nothing at {request.path[:200]}.")
    return _answer(READY[rest], KEEP if version == VERSION else ASK_AGAIN)


def _answer(file: File, caching: str) -> Response:
    body = file.zipped if request.accept_encodings.quality("gzip") else file.plain
    is_known = request.headers.get("If-None-Match") == body.etag
    headers = {**HEADERS, "cache-control": caching, "etag": body.etag, "content-type": file.content_type}
    if body is file.zipped:
        headers["content-encoding"] = "gzip"
    return Response(b"" if is_known else body.content, 304 if is_known else 200, headers)
