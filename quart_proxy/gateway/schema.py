"""The JSON Schema of `models.yaml`, for editors that check the file while it is written: no key is needed for it."""

import hashlib
from pathlib import Path

from quart import Blueprint, Response, request

from quart_proxy.core.errors import NotFound
from quart_proxy.http.operations import operation

routes = Blueprint("schema", __name__)

FILE = Path(__file__).parents[2] / "models.schema.json"
SCHEMA = FILE.read_bytes() if FILE.is_file() else None
"""None: this installation came without it."""
HEADERS = {
    "content-type": "application/schema+json",
    "cache-control": "public, max-age=3600",
    # Editors that run in a browser may read it too.
    "access-control-allow-origin": "*",
    "x-content-type-options": "nosniff",
}


@routes.get("/schema/models-v1.json")
@operation(answer="Object")
async def models() -> Response:
    """The same whoever asks. The number is that of the file's `version`."""
    if SCHEMA is None:
        raise NotFound("This installation came without the schema.")
    etag = f'"{hashlib.sha256(SCHEMA).hexdigest()[:16]}"'
    is_known = request.headers.get("If-None-Match") == etag
    return Response(b"" if is_known else SCHEMA, 304 if is_known else 200, {**HEADERS, "etag": etag})
