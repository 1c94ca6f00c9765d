"""/api/admin/registry/revisions: who changed what, newest first; one of them whole; and the way from one to another."""

from quart import Blueprint, Response

from quart_proxy.http import json_response, service
from quart_proxy.http.answers import read_page
from quart_proxy.http.fields import ID, identifier, read_query
from quart_proxy.http.operations import operation
from quart_proxy.http.registry_fields import entity
from registry.desk import Desk

routes = Blueprint("revisions", __name__)


@routes.get("")
@operation(answer="Object", kind="list", query={"entity": entity}, is_paged=True)
async def list_all() -> Response:
    """`entity`, such as `model/gpt-main`, narrows to those that changed it."""
    page, given = read_page(identifier), read_query({"entity": entity})
    rows = await service(Desk).revisions(given.get("entity"), before=page.cursor, limit=page.limit + 1)
    return page.answer(rows, lambda row: row, lambda row: row["revision"])


@routes.get(f"/<{ID}:revision>")
@operation(answer="Object")
async def get_one(revision: int) -> Response:
    return json_response(await service(Desk).revision(revision))


@routes.get(f"/<{ID}:earlier>..<{ID}:later>")
@operation(answer="Object")
async def diff(earlier: int, later: int) -> Response:
    return json_response(await service(Desk).diff(earlier, later))
