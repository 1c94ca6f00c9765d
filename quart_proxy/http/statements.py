"""The bank statement of a user, as the user and admins both read it."""

from typing import Any

from quart import Response

from quart_proxy.core.money import format_money
from quart_proxy.http import service
from quart_proxy.http.answers import CSV_ROWS_PER_READ, csv_response, read_page
from quart_proxy.http.forms import maybe_time, time_text
from quart_proxy.store.accounts import get_user
from quart_proxy.store.database import Database
from quart_proxy.store.statement import Line, list_statement, parse_place

COLUMNS = (
    "at",
    "kind",
    "amount",
    "balance_after",
    "entry_id",
    "reason",
    "actor",
    "from",
    "to",
    "reverses",
    "reversed_by",
)


async def statement_answer(user_id: int) -> Response:
    page = read_page(parse_place)
    async with service(Database).read() as connection:
        await get_user(connection, user_id)
        lines = await list_statement(connection, user_id, before=page.cursor, limit=page.limit + 1)
    return page.answer(lines, _form, lambda line: line.place)


async def statement_file(user_id: int) -> Response:
    database = service(Database)

    async def read_more(after: tuple[int, int] | None) -> list[tuple[tuple[int, int], dict[str, Any]]]:
        async with database.read() as connection:
            await get_user(connection, user_id)
            lines = await list_statement(connection, user_id, before=after, limit=CSV_ROWS_PER_READ)
        return [(parse_place(line.place), _form(line)) for line in lines]

    return await csv_response("statement", COLUMNS, read_more)


def _form(line: Line) -> dict[str, Any]:
    more: dict[str, Any] = {"reverses": line.reverses, "reversed_by": line.reversed_by}
    if line.entry_id is None:
        more = {"from": maybe_time(line.since), "to": maybe_time(line.until)}
    return {
        "at": time_text(line.at),
        "kind": line.kind,
        "amount": format_money(line.amount),
        "balance_after": format_money(line.balance_after),
        "entry_id": line.entry_id,
        "reason": line.reason,
        "actor": line.actor,
        **more,
    }
