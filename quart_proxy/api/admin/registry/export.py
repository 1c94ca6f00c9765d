"""/api/admin/registry/export: files with the live edits in them, to be committed. Nothing is written.

GET is of the server's own files, POST of those that are sent; `?format=patch` answers with the patch alone, and
GET `?init=1` with a first file that declares all that is live.
"""

from typing import Any

from quart import Blueprint, Response

from quart_proxy.http import json_response, service
from quart_proxy.http.fields import Field, choice, read_body_fields, read_query
from quart_proxy.http.operations import operation
from quart_proxy.http.registry_fields import OWN_FILES, entities, get_bundle
from registry.desk import Desk

PATCH = "text/x-diff; charset=utf-8"

INIT = {"init": choice("1")}
FORMAT = {"format": choice("patch")}
EXPORT = {"files": OWN_FILES, "adopt": Field(entities), "only": Field(entities)}

routes = Blueprint("export", __name__)


@routes.get("")
@operation(answer="Object", query={**INIT, **FORMAT})
async def export_own() -> Response:
    if read_query(INIT):
        return json_response(await service(Desk).export_new())
    return await _export({})


@routes.post("")
@operation(answer="Object", body=EXPORT, query=FORMAT)
async def export() -> Response:
    return await _export(await read_body_fields(EXPORT))


async def _export(said: dict[str, Any]) -> Response:
    is_patch = bool(read_query(FORMAT))
    exported = await service(Desk).export(
        await get_bundle(said), adopt=said.get("adopt", ()), only=said.get("only", ())
    )
    return Response(exported["patch"], content_type=PATCH) if is_patch else json_response(exported)
