"""POST /api/admin/registry/validate {"files"?}: whether files make a registry, with every fault; without files, those
of the server. Beside the files, only the settings of this server are looked at."""

import asyncio

from quart import Blueprint, Response

from quart_proxy.http import json_response, service
from quart_proxy.http.fields import read_body_fields
from quart_proxy.http.operations import operation
from quart_proxy.http.registry_fields import OWN_FILES
from registry.desk import Desk

VALIDATE = {"files": OWN_FILES}

routes = Blueprint("validate", __name__)


@routes.post("")
@operation(answer="Object", body=VALIDATE)
async def validate() -> Response:
    said = await read_body_fields(VALIDATE)
    return json_response(await asyncio.to_thread(service(Desk).validate, said.get("files")))
