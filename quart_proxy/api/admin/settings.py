"""/api/admin/settings: what is in force everywhere, such as the system prompt and its master switch."""

from quart import Blueprint, Response

from quart_proxy.http import json_response, read_json, service
from quart_proxy.http.answers import acting, put_in_force
from quart_proxy.services.live_settings import change_settings
from quart_proxy.store.database import Database
from quart_proxy.store.settings import as_document, read_settings

routes = Blueprint("settings", __name__)


@routes.get("")
async def get_settings() -> Response:
    async with service(Database).read() as connection:
        return json_response(as_document(await read_settings(connection)))


@routes.patch("")
async def change() -> Response:
    live = await change_settings(service(Database), acting(), await read_json())
    await put_in_force()
    return json_response(as_document(live))
