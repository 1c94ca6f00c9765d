"""/api/admin/users: who pays, their money and their keys.

A balance is moved by entries of the ledger alone: no field of a user writes it.
"""

from decimal import Decimal
from typing import Any

from quart import Blueprint, Response

from quart_proxy.core.errors import Fault, InvalidFields
from quart_proxy.core.money import format_money, parse_money
from quart_proxy.http import json_response, service
from quart_proxy.http.account_rows import key_rows, user_rows
from quart_proxy.http.answers import acting, put_in_force, read_page
from quart_proxy.http.fields import (
    ID,
    NAME_CHARACTERS_MAX,
    NOTE_CHARACTERS_MAX,
    Field,
    Reader,
    boolean,
    choice,
    email,
    flag,
    idempotency_key,
    identifier,
    money,
    read_body_fields,
    read_query,
    refused,
    text,
)
from quart_proxy.http.forms import entry_form, key_form
from quart_proxy.http.key_fields import KEY_FIELDS, LIMIT_FIELDS, check_period
from quart_proxy.http.operations import operation
from quart_proxy.http.statements import statement_answer, statement_file
from quart_proxy.services.accounts import Accounts
from quart_proxy.store.accounts import User, get_user, list_keys
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import EntryFilter, list_entries
from quart_proxy.store.user_lists import Place, UserSort, list_users_by

routes = Blueprint("users", __name__)

FOLDED_CHARACTERS_MAX = 3 * NAME_CHARACTERS_MAX
"""In lower case a name may be longer than it is."""
_NOT_HERE = refused("is moved by POST /api/admin/users/{id}/ledger alone")
NEW_USER = {
    "name": Field(text(), required=True),
    "email": Field(email, nullable=True),
    "note": Field(text(NOTE_CHARACTERS_MAX, lines=True), nullable=True),
    **LIMIT_FIELDS,
    "balance": _NOT_HERE,
}
NEW_KEY = {**KEY_FIELDS, "name": Field(text(), required=True)}
LISTED = {"q": text(), "low": flag, "sort": choice(*UserSort), "order": choice("asc", "desc")}
CHANGES = {**NEW_USER, "name": Field(text()), "disabled": Field(boolean)}
MOVEMENT = {
    "kind": Field(choice("credit", "grant", "adjust", "refund"), required=True),
    "amount": Field(money, required=True),
    "reason": Field(text(NOTE_CHARACTERS_MAX, lines=True), nullable=True),
}


@routes.get("")
@operation(answer="UserRow", kind="list", query=LISTED, is_paged=True)
async def list_all() -> Response:
    """`q` narrows by a part of the name or the e-mail address, `low=1` to those with nothing left. `sort` is `id` where
    it is not said, and `order` upwards, but for what was spent."""
    given = read_query(LISTED)
    sort = UserSort(given.get("sort", UserSort.ID))
    page = read_page(lambda cursor: _parse_place(cursor, sort))
    async with service(Database).snapshot() as connection:
        found = await list_users_by(
            connection,
            sort,
            descending=given.get("order", "desc" if sort is UserSort.SPENT else "asc") == "desc",
            after=page.cursor,
            limit=page.limit + 1,
            containing=given.get("q", ""),
            low=given.get("low", False),
        )
        rows = await user_rows(connection, [user for user, _ in found])
    placed = list(zip(rows, (place for _, place in found), strict=True))
    return page.answer(placed, lambda row: row[0], lambda row: _render_place(row[1]))


def _render_place(place: Place) -> str:
    return f"{place.id} {format_money(place.value) if isinstance(place.value, Decimal) else place.value}"


def _parse_place(cursor: str, sort: UserSort) -> Place:
    """Raises ValueError for what this list did not give in this order."""
    number, _, value = cursor.partition(" ")
    kept: dict[UserSort, Reader] = {UserSort.ID: identifier, UserSort.NAME: text(FOLDED_CHARACTERS_MAX)}
    return Place(kept.get(sort, parse_money)(value), identifier(number))


@routes.post("")
@operation(answer="UserRow", status=201, body=NEW_USER)
async def create() -> Response:
    fields = await read_body_fields(NEW_USER)
    check_period(fields)
    fields.pop("balance", None)
    user = await service(Accounts).create_user(acting(), **fields)
    return json_response(await _row(user), 201, {"location": f"/api/admin/users/{user.id}"})


@routes.get(f"/<{ID}:user_id>")
@operation(answer="UserRow")
async def get_one(user_id: int) -> Response:
    async with service(Database).read() as connection:
        user = await get_user(connection, user_id)
    return json_response(await _row(user))


async def _row(user: User) -> dict[str, Any]:
    async with service(Database).snapshot() as connection:
        (row,) = await user_rows(connection, [user])
    return row


@routes.patch(f"/<{ID}:user_id>")
@operation(answer="UserRow", body=CHANGES)
async def change(user_id: int) -> Response:
    changes = await read_body_fields(CHANGES)
    changes.pop("balance", None)
    user = await service(Accounts).update_user(acting(), user_id, changes)
    await put_in_force()
    return json_response(await _row(user))


@routes.delete(f"/<{ID}:user_id>")
@operation(status=204)
async def delete(user_id: int) -> Response:
    """Softly: the books keep their rows, the keys are revoked."""
    await service(Accounts).delete_user(acting(), user_id)
    await put_in_force()
    return Response(status=204)


# --- money --------------------------------------------------------------------------------------------


@routes.get(f"/<{ID}:user_id>/ledger")
@operation(answer="Entry", kind="list", is_paged=True)
async def list_movements(user_id: int) -> Response:
    page = read_page(identifier)
    async with service(Database).read() as connection:
        await get_user(connection, user_id)
        chosen = EntryFilter(user_id=user_id)
        rows = await list_entries(connection, chosen, before_id=page.cursor, limit=page.limit + 1)
    return page.answer(rows, entry_form, lambda entry: entry.id)


@routes.get(f"/<{ID}:user_id>/statement")
@operation(answer="StatementLine", kind="list", is_paged=True)
async def get_statement(user_id: int) -> Response:
    """With what requests used between the movements."""
    return await statement_answer(user_id)


@routes.get(f"/<{ID}:user_id>/statement.csv")
@operation(kind="csv")
async def export_statement(user_id: int) -> Response:
    return await statement_file(user_id)


@routes.post(f"/<{ID}:user_id>/ledger")
@operation(answer="Entry", status=201, body=MOVEMENT, is_idempotent=True)
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
@operation(answer="KeyRow", kind="list")
async def list_all_keys(user_id: int) -> Response:
    """All of them, revoked ones too; they are few."""
    async with service(Database).snapshot() as connection:
        user = await get_user(connection, user_id)
        rows = await key_rows(connection, [(key, user.name) for key in await list_keys(connection, user_id)])
    return json_response({"data": rows, "has_more": False, "next_cursor": None})


@routes.post(f"/<{ID}:user_id>/keys")
@operation(answer="NewKey", status=201, body=NEW_KEY)
async def create_key(user_id: int) -> Response:
    """The key's text is in this answer and nowhere else."""
    fields: dict[str, Any] = await read_body_fields(NEW_KEY)
    check_period(fields)
    kept = {name: value for name, value in fields.items() if value is not None}
    key, key_text = await service(Accounts).create_key(acting(), user_id=user_id, **kept)
    await put_in_force()
    return json_response({**key_form(key), "key": key_text}, 201, {"cache-control": "no-store"})
