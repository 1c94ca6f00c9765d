"""The list, the file and the receipt of requests, as users and admins both read them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from quart import Response

from quart_proxy.core.errors import NotFound
from quart_proxy.core.money import format_money
from quart_proxy.core.record import Outcome
from quart_proxy.core.usage import Dimension
from quart_proxy.http import json_response, service
from quart_proxy.http.answers import CSV_ROWS_PER_READ, csv_response, read_page
from quart_proxy.http.fields import Reader, choice, identifier, moment, money, read_query, takes, text
from quart_proxy.http.forms import parse_request_id, receipt_lines
from quart_proxy.store.database import Database
from quart_proxy.store.statistics import TOKENS, Sums, sum_usage
from quart_proxy.store.usage_log import UsageFilter, UsageRow, find_named_request, find_receipt, list_usage

Form = Callable[[UsageRow], dict[str, Any]]


def status_range(value: str) -> range:
    """A status such as `402`, or a class of them such as `4xx`."""
    if len(value) == 3 and value[0] in "12345":
        if value[1:].lower() == "xx":
            return range(int(value[0]) * 100, int(value[0]) * 100 + 100)
        if value.isascii() and value.isdecimal():
            return range(int(value), int(value) + 1)
    raise ValueError("must be a status such as 402, or a class of them such as 4xx")


takes({"type": "string", "pattern": "^[1-5]([0-9][0-9]|[xX][xX])$"}, status_range)

RANGE: Mapping[str, Reader] = {"from": moment, "to": moment, "min_cost": money}
USER_FILTERS: Mapping[str, Reader] = {
    "key_id": identifier,
    "model": text(),
    "outcome": choice(*Outcome),
    "status": status_range,
    "error_code": text(),
    "endpoint": text(),
}
ADMIN_FILTERS: Mapping[str, Reader] = {**USER_FILTERS, "user_id": identifier}
"""Each may be there several times: then its values are alternatives."""
_KEPT_AS = {"from": "since", "to": "until", "key_id": "api_key_id"}

CSV_COLUMNS = (
    "request_id",
    "started_at",
    "key_id",
    "model",
    "endpoint",
    "streamed",
    "outcome",
    "status",
    "error_code",
    *(dimension.value for dimension in Dimension),
    "reasoning",
    "cost",
    "answer_id",
    "client_request_id",
    "client_agent",
    "first_byte_ms",
    "duration_ms",
    "key_name",
)


def read_filter(filters: Mapping[str, Reader], **fixed: Any) -> UsageFilter:
    """The rows that the query asks for; `fixed` narrows whatever it says. Raises InvalidFields."""
    given = read_query(RANGE, filters)
    return UsageFilter(**{**{_KEPT_AS.get(name, name): value for name, value in given.items()}, **fixed})


async def list_answer(chosen: UsageFilter, form: Form) -> Response:
    page = read_page(UUID)
    async with service(Database).read() as connection:
        rows = await list_usage(connection, chosen, before_id=page.cursor, limit=page.limit + 1)
    return page.answer(rows, form, lambda row: row.request_id)


async def totals_answer(chosen: UsageFilter) -> Response:
    """The sums of all rows that are chosen, whatever part of them a list shows."""
    async with service(Database).read() as connection:
        sums = await sum_usage(connection, chosen, ("requests", "charged", "cost", *TOKENS, "reasoning"))
    return json_response({"requests": sums["requests"], "charged": sums["charged"], **cost_and_tokens(sums)})


def cost_and_tokens(sums: Sums) -> dict[str, Any]:
    return {"cost": format_money(sums["cost"]), "tokens": {name: int(sums[name]) for name in (*TOKENS, "reasoning")}}


async def csv_answer(chosen: UsageFilter, form: Form, columns: Sequence[str]) -> Response:
    database = service(Database)

    async def read_more(after: UUID | None) -> list[tuple[UUID, Mapping[str, Any]]]:
        async with database.read() as connection:
            rows = await list_usage(connection, chosen, before_id=after, limit=CSV_ROWS_PER_READ)
        return [(row.request_id, _flat(form(row))) for row in rows]

    return await csv_response("usage", columns, read_more)


async def receipt_answer(text: str, form: Form, *, user_id: int | None = None) -> Response:
    """By any id that the client has of it: ours, its answer's, or the client's own. Raises NotFound for an unknown
    request, and for one of another user when `user_id` is given."""
    async with service(Database).read() as connection:
        request_id, receipt = parse_request_id(text), None
        if request_id is not None:
            receipt = await find_receipt(connection, request_id, user_id=user_id)
        if receipt is None and (named := await find_named_request(connection, text, user_id=user_id)):
            receipt = await find_receipt(connection, named, user_id=user_id)
    if receipt is None:
        raise NotFound("There is no such request.", param="request_id")
    return json_response({**form(receipt.row), **receipt_lines(receipt)})


def _flat(form: Mapping[str, Any]) -> dict[str, Any]:
    return {**form, **form["tokens"]}
