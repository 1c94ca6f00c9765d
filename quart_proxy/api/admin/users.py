"""/api/admin/users: who pays, their money and their keys.

A balance is moved by entries of the ledger alone: no field of a user writes it.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from quart import Blueprint, Response

from quart_proxy.core.errors import Fault, InvalidFields
from quart_proxy.core.money import format_money, parse_money
from quart_proxy.http import json_response, service
from quart_proxy.http.account_rows import key_rows, user_rows
from quart_proxy.http.answers import (
    CSV_ROWS_PER_READ,
    acting,
    also_at,
    csv_response,
    put_in_force,
    read_page,
    whole_list,
)
from quart_proxy.http.fields import (
    ID,
    NAME_CHARACTERS_MAX,
    NOTE_CHARACTERS_MAX,
    Field,
    Fields,
    Reader,
    boolean,
    choice,
    email,
    idempotency_key,
    identifier,
    listed_ids,
    moment,
    money,
    read_body_fields,
    read_query,
    refused,
    text,
    user_ids,
)
from quart_proxy.http.forms import entry_form, key_form
from quart_proxy.http.key_fields import KEY_FIELDS, LIMIT_FIELDS, check_period
from quart_proxy.http.operations import operation
from quart_proxy.http.statements import statement_answer, statement_file
from quart_proxy.services.accounts import Accounts
from quart_proxy.store.accounts import User, get_user, list_keys
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import EntryFilter, list_entries
from quart_proxy.store.user_lists import Place, UserFilter, UserSort, UserStanding, list_users_by, sum_users

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
FILTERS = {"q": text(), "standing": choice(*UserStanding), "ids": listed_ids}
ORDER = {"sort": choice(*UserSort), "order": choice("asc", "desc")}
COLUMNS = (
    "id",
    "name",
    "email",
    "note",
    "disabled",
    "balance",
    "spent_7d",
    "spent_30d",
    "days_left",
    "pace_days",
    "spent",
    "requests",
    "input_tokens",
    "output_tokens",
    "keys",
    "last_used_at",
    "created_at",
)
CHANGES = {**NEW_USER, "name": Field(text()), "disabled": Field(boolean)}
MOVEMENT = {
    "kind": Field(choice("credit", "grant", "adjust", "refund"), required=True),
    "amount": Field(money, required=True),
    "reason": Field(text(NOTE_CHARACTERS_MAX, lines=True), nullable=True),
}
SEVERAL = {"user_ids": Field(user_ids, required=True)}
CHANGES_OF_SEVERAL = {**SEVERAL, "disabled": Field(boolean, required=True)}
MOVEMENT_OF_SEVERAL = {**SEVERAL, **MOVEMENT}


@routes.get("")
@operation(answer="UserRow", kind="list", query={**FILTERS, **ORDER}, is_paged=True)
async def list_all() -> Response:
    """`q` narrows by a part of the name or the e-mail address, `standing` to those with nothing left (`out`), with less
    than three days left (`low`; `pace_days` says over how many days the week's spending is reckoned: seven, or those
    since the first request), without a request in thirty days (`idle`), or switched off (`disabled`); `ids` to those
    with these ids, with commas between them. `sort` is `id` where it is not said, and `order` upwards, but for what was
    spent and for the last use."""
    sort, is_descending = _read_order()
    page = read_page(lambda cursor: _parse_place(cursor, sort))
    async with service(Database).snapshot() as connection:
        found = await list_users_by(
            connection, sort, _read_filter(), descending=is_descending, after=page.cursor, limit=page.limit + 1
        )
        rows = await user_rows(connection, [user for user, _ in found])
    placed = list(zip(rows, (place for _, place in found), strict=True))
    return page.answer(placed, lambda row: row[0], lambda row: _render_place(row[1]))


@also_at(routes, "/api/admin/users.csv")
@operation(kind="csv", query={**FILTERS, **ORDER})
async def export_users() -> Response:
    database, chosen, (sort, is_descending) = service(Database), _read_filter(), _read_order()

    async def read_more(after: Place | None) -> list[tuple[Place, dict[str, Any]]]:
        async with database.snapshot() as connection:
            found = await list_users_by(
                connection, sort, chosen, descending=is_descending, after=after, limit=CSV_ROWS_PER_READ
            )
            rows = await user_rows(connection, [user for user, _ in found])
        return [(place, {**row, **row["lifetime"]}) for row, (_, place) in zip(rows, found, strict=True)]

    return await csv_response("users", COLUMNS, read_more)


@routes.get("/totals")
@operation(answer="UserTotals", query=FILTERS)
async def sum_all() -> Response:
    """Of all that the filters leave: how many, what they have, what they spent of late."""
    async with service(Database).snapshot() as connection:
        sums = await sum_users(connection, _read_filter())
    return json_response(
        {
            "count": sums.count,
            "balance": format_money(sums.balance),
            "spent_7d": format_money(sums.spent_7d),
            "spent_30d": format_money(sums.spent_30d),
        }
    )


def _read_filter() -> UserFilter:
    given = read_query(FILTERS)
    return UserFilter(
        containing=given.get("q", ""),
        standing=UserStanding(given["standing"]) if "standing" in given else None,
        ids=given.get("ids"),
    )


def _read_order() -> tuple[UserSort, bool]:
    """What to sort by, and whether downwards."""
    given = read_query(ORDER)
    sort = UserSort(given.get("sort", UserSort.ID))
    usual = "desc" if sort in (UserSort.SPENT, UserSort.LAST_USED) else "asc"
    return sort, given.get("order", usual) == "desc"


def _render_place(place: Place) -> str:
    value = place.value
    kept = (
        format_money(value)
        if isinstance(value, Decimal)
        else value.isoformat()
        if isinstance(value, datetime)
        else value
    )
    return f"{place.id} {kept}"


def _parse_place(cursor: str, sort: UserSort) -> Place:
    """Raises ValueError for what this list did not give in this order."""
    number, _, value = cursor.partition(" ")
    kept: dict[UserSort, Reader] = {
        UserSort.ID: identifier,
        UserSort.NAME: text(FOLDED_CHARACTERS_MAX),
        UserSort.LAST_USED: moment,
    }
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
    (row,) = await _rows([user])
    return row


async def _rows(users: Sequence[User]) -> list[dict[str, Any]]:
    async with service(Database).snapshot() as connection:
        return await user_rows(connection, users)


@routes.patch(f"/<{ID}:user_id>")
@operation(answer="UserRow", body=CHANGES)
async def change(user_id: int) -> Response:
    changes = await read_body_fields(CHANGES)
    changes.pop("balance", None)
    user = await service(Accounts).update_user(acting(), user_id, changes)
    await put_in_force()
    return json_response(await _row(user))


@routes.patch("")
@operation(answer="UserRow", kind="list", body=CHANGES_OF_SEVERAL)
async def change_several() -> Response:
    """All of them or, where one of them is unknown, nobody."""
    fields = await read_body_fields(CHANGES_OF_SEVERAL)
    users = await service(Accounts).set_disabled(acting(), fields["user_ids"], disabled=fields["disabled"])
    await put_in_force()
    return whole_list(await _rows(users))


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
    movement = await _read_movement(MOVEMENT)
    entry = await service(Accounts).move_money(acting(), user_id=user_id, **movement)
    await put_in_force()
    return json_response(entry_form(entry), 201)


@routes.post("/ledger")
@operation(answer="Entry", kind="list", status=201, body=MOVEMENT_OF_SEVERAL, is_idempotent=True)
async def move_money_of_several() -> Response:
    """The same for each of these users: for all of them or, where one of them is unknown, for nobody. Sent again with
    the same `Idempotency-Key`, it answers with the first entries and moves nothing."""
    entries = await service(Accounts).move_money_of_all(acting(), **await _read_movement(MOVEMENT_OF_SEVERAL))
    await put_in_force()
    return whole_list([entry_form(entry) for entry in entries], 201)


async def _read_movement(table: Fields) -> dict[str, Any]:
    """A movement as Accounts takes it. Raises InvalidFields."""
    fields = {"reason": None, **await read_body_fields(table)}
    faults = _movement_faults(fields["kind"], fields["amount"], fields["reason"])
    if faults:
        raise InvalidFields(faults)
    return {**fields, "idempotency_key": idempotency_key()}


def _movement_faults(kind: str, amount: Decimal, reason: str | None) -> list[Fault]:
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
        await get_user(connection, user_id)
        rows = await key_rows(connection, await list_keys(connection, user_id))
    return whole_list(rows)


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
