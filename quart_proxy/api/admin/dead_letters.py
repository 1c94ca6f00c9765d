"""/api/admin/dead-letters: settlements that PostgreSQL refused, and what to do about each."""

from typing import Any

from quart import Blueprint, Response

from quart_proxy.core.money import format_money
from quart_proxy.http import json_response, service
from quart_proxy.http.answers import acting, put_in_force, read_page
from quart_proxy.http.fields import ID, NOTE_CHARACTERS_MAX, Field, identifier, read_body_fields, text
from quart_proxy.http.forms import parse_request_id, shown_id, time_text
from quart_proxy.http.operations import operation
from quart_proxy.services.dead_letters import DeadLetters, read_record
from quart_proxy.store.database import Database
from quart_proxy.store.dead_letters import DeadLetter, list_dead_letters

routes = Blueprint("dead_letters", __name__)
DISMISSAL = {"reason": Field(text(NOTE_CHARACTERS_MAX, lines=True), required=True)}


@routes.get("")
@operation(answer="Object", kind="list", is_paged=True)
async def list_all() -> Response:
    page = read_page(identifier)
    async with service(Database).read() as connection:
        rows = await list_dead_letters(connection, before_id=page.cursor, limit=page.limit + 1)
    return page.answer(rows, _form, lambda letter: letter.id)


@routes.post(f"/<{ID}:letter_id>/retry")
@operation(answer="Object", body={})
async def retry(letter_id: int) -> Response:
    """`settled` false: its row was there already, and no money moved. Either way the letter is gone."""
    await read_body_fields({})
    letter, balance = await service(DeadLetters).retry(acting(), letter_id)
    await put_in_force()
    settled = {"settled": balance is not None, "balance": None if balance is None else format_money(balance)}
    return json_response({"id": letter.id, "request_id": _form(letter)["request_id"], **settled})


@routes.delete(f"/<{ID}:letter_id>")
@operation(status=204, body=DISMISSAL)
async def dismiss(letter_id: int) -> Response:
    said = await read_body_fields(DISMISSAL)
    await service(DeadLetters).dismiss(acting(), letter_id, reason=said["reason"])
    return Response(status=204)


def _form(letter: DeadLetter) -> dict[str, Any]:
    """With what people look for first beside the whole `record`; null where it does not say."""
    record = read_record(letter) or {}
    request_id = parse_request_id(str(record.get("request_id", "")))
    return {
        "id": letter.id,
        "created_at": time_text(letter.created_at),
        "reason": letter.reason,
        "request_id": None if request_id is None else shown_id(request_id),
        "user_id": record.get("user_id"),
        "model": record.get("model"),
        "cost": record.get("cost"),
        "record": record or letter.record,
    }
