"""/api/admin/users: who pays, their money and their keys.

A balance is moved by entries of the ledger alone: no field of a user writes it.
"""

from decimal import Decimal
from typing import Any

from quart import Blueprint, Response

from quart_proxy.core.errors import Fault, InvalidFields
from quart_proxy.http import json_response, service
from quart_proxy.http.answers import acting, put_in_force, read_page
from quart_proxy.http.fields import (
    ID,
    NOTE_CHARACTERS_MAX,
    Field,
    boolean,
    choice,
    email,
    idempotency_key,
    identifier,
    money,
    read_body_fields,
    read_query,
    refused,
    text,
)
from quart_proxy.http.forms import entry_form, key_form, user_form
from quart_proxy.http.key_fields import KEY_FIELDS
from quart_proxy.services.accounts import Accounts
from quart_proxy.store.accounts import get_user, list_keys, list_users
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import list_entries

routes = Blueprint("users", __name__)

_NOT_HERE = refused("is moved by POST /api/admin/users/{id}/ledger alone")
NEW_USER = {
    "name": Field(text(), required=True),
    "email": Field(email, nullable=True),
    "note": Field(text(NOTE_CHARACTERS_MAX, lines=True), nullable=True),
    "balance": _NOT_HERE,
}
CHANGES = {**NEW_USER, "name": Field(text()), "disabled": Field(boolean)}
MOVEMENT = {
    "kind": Field(choice("credit", "grant", "adjust", "refund"), required=True),
    "amount": Field(money, required=True),
    "reason": Field(text(NOTE_CHARACTERS_MAX, lines=True), nullable=True),
}


@routes.get("")
async def list_all() -> Response:
    """`q` narrows by a part of the name or the e-mail address."""
    page, given = read_page(identifier), read_query({"q": text()})
    async with service(Database).read() as connection:
        rows = await list_users(
            connection, after_id=page.cursor or 0, limit=page.limit + 1, containing=given.get("q", "")
        )
    return page.answer(rows, user_form, lambda user: user.id)


@routes.post("")
async def create() -> Response:
    fields = await read_body_fields(NEW_USER)
    fields.pop("balance", None)
    user = await service(Accounts).create_user(acting(), **fields)
    return json_response(user_form(user), 201, {"location": f"/api/admin/users/{user.id}"})


@routes.get(f"/<{ID}:user_id>")
async def get_one(user_id: int) -> Response:
    async with service(Database).read() as connection:
        return json_response(user_form(await get_user(connection, user_id)))


@routes.patch(f"/<{ID}:user_id>")
async def change(user_id: int) -> Response:
    changes = await read_body_fields(CHANGES)
    changes.pop("balance", None)
    user = await service(Accounts).update_user(acting(), user_id, changes)
    await put_in_force()
    return json_response(user_form(user))


@routes.delete(f"/<{ID}:user_id>")
async def delete(user_id: int) -> Response:
    """Softly: the books keep their rows, the keys are revoked."""
    await service(Accounts).delete_user(acting(), user_id)
    await put_in_force()
    return Response(status=204)


# --- money --------------------------------------------------------------------------------------------


@routes.get(f"/<{ID}:user_id>/ledger")
async def get_statement(user_id: int) -> Response:
    page = read_page(identifier)
    async with service(Database).read() as connection:
        await get_user(connection, user_id)
        rows = await list_entries(connection, user_id=user_id, before_id=page.cursor, limit=page.limit + 1)
    return page.answer(rows, entry_form, lambda entry: entry.id)


@routes.post(f"/<{ID}:user_id>/ledger")
async def move_money(user_id: int) -> Response:
    """Sent again with the same `Idempotency-Key`, it answers with the first entry and moves nothing."""
    fields = await read_body_fields(MOVEMENT)
    faults = _movement_faults(**fields)
    if faults:
        raise InvalidFields(faults)
    entry = await service(Accounts).move_money(
        acting(),
        user_id=user_id,
        kind=fields["kind"],
        amount=fields["amount"],
        reason=fields.get("reason"),
        idempotency_key=idempotency_key(),
    )
    await put_in_force()
    return json_response(entry_form(entry), 201)


def _movement_faults(*, kind: str, amount: Decimal, reason: str | None = None) -> list[Fault]:
    """What a movement must be beyond its fields: only `adjust` may take away, and it says why."""
    faults = []
    if kind != "adjust" and amount <= 0:
        faults.append(Fault("amount", f"must be above zero for a {kind}; `adjust` may take away"))
    elif not amount:
        faults.append(Fault("amount", "must not be zero"))
    if kind == "adjust" and reason is None:
        faults.append(Fault("reason", "is required for an adjustment"))
    return faults


# --- keys ---------------------------------------------------------------------------------------------


@routes.get(f"/<{ID}:user_id>/keys")
async def list_all_keys(user_id: int) -> Response:
    """All of them, revoked ones too; they are few."""
    async with service(Database).read() as connection:
        await get_user(connection, user_id)
        keys = await list_keys(connection, user_id)
    return json_response({"data": [key_form(key) for key in keys], "has_more": False, "next_cursor": None})


@routes.post(f"/<{ID}:user_id>/keys")
async def create_key(user_id: int) -> Response:
    """The key's text is in this answer and nowhere else."""
    fields: dict[str, Any] = await read_body_fields({**KEY_FIELDS, "name": Field(text(), required=True)})
    kept = {name: value for name, value in fields.items() if value is not None}
    key, key_text = await service(Accounts).create_key(acting(), user_id=user_id, **kept)
    await put_in_force()
    return json_response({**key_form(key), "key": key_text}, 201, {"cache-control": "no-store"})
