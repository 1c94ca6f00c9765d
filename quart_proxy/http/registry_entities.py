"""One provider or model between the files and live: its fields, and what to do about one that differs."""

from quart import Blueprint, Response

from quart_proxy.http import json_response, service
from quart_proxy.http.answers import acting, put_in_force
from quart_proxy.http.fields import Field, read_body_fields
from quart_proxy.http.operations import operation
from quart_proxy.http.registry_fields import MESSAGE, REASON, REVISION, get_bundle, paths
from registry.desk import Desk
from registry.entities import EntityKey, Kind

REVERT = {"paths": Field(paths), "message": MESSAGE, "revision": REVISION}
DETACH = {"reason": REASON, "revision": REVISION}


def serve_entities(routes: Blueprint, kind: Kind) -> None:
    """Answer the paths of one kind of entity, each by its key."""

    @routes.get("/<key>")
    @operation(answer="Object")
    async def get_one(key: str) -> Response:
        return json_response(await service(Desk).entity(EntityKey(kind, key)))

    @routes.post("/<key>/revert")
    @operation(answer="Object", body=REVERT)
    async def revert(key: str) -> Response:
        """Give up live edits, of the fields at `paths` or of all that the files declare."""
        said = await read_body_fields(REVERT)
        written = await service(Desk).revert(
            EntityKey(kind, key),
            said.get("paths", ()),
            actor=acting(),
            message=said.get("message"),
            expected=said.get("revision"),
        )
        await put_in_force()
        return json_response(written)

    @routes.post("/<key>/detach")
    @operation(answer="Object", body=DETACH)
    async def detach(key: str) -> Response:
        """Take it out of the files' hands."""
        said = await read_body_fields(DETACH)
        written = await service(Desk).detach(
            EntityKey(kind, key), actor=acting(), reason=said["reason"], expected=said.get("revision")
        )
        await put_in_force()
        return json_response(written)

    @routes.post("/<key>/adopt")
    @operation(answer="Object", body={})
    async def adopt(key: str) -> Response:
        """The server's own files with it in them, as it is live. Nothing is written."""
        await read_body_fields({})
        meant = [EntityKey(kind, key)]
        return json_response(await service(Desk).export(await get_bundle({}), adopt=meant, only=meant))
