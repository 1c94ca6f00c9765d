"""GET /api/admin/registry/drift: what differs live from what the files declared last. Each `ignore` is a glob, such
as `model/gpt-*` or `*.limits.*`."""

from quart import Blueprint, Response, request

from quart_proxy.http import json_response, service
from quart_proxy.http.fields import Field, read_fields, text
from quart_proxy.http.operations import operation
from quart_proxy.http.registry_fields import paths
from registry.desk import Desk

routes = Blueprint("drift", __name__)


@routes.get("")
@operation(answer="Object", repeated={"ignore": text()})
async def get_drift() -> Response:
    given = read_fields({"ignore": request.args.getlist("ignore")}, {"ignore": Field(paths)})
    return json_response(await service(Desk).drift(given["ignore"]))
