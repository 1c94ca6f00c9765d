"""The list, the file and the receipt of requests, as users and admins both read them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from quart import Response

from quart_proxy.core.errors import NotFound
from quart_proxy.core.record import Outcome
from quart_proxy.core.usage import Dimension
from quart_proxy.http import json_response, service
from quart_proxy.http.answers import CSV_ROWS_PER_READ, csv_response, read_page
from quart_proxy.http.fields import Reader, choice, identifier, moment, read_query, text
from quart_proxy.http.forms import parse_request_id, receipt_lines
from quart_proxy.store.database import Database
from quart_proxy.store.usage_log import UsageFilter, UsageRow, find_named_request, find_receipt, list_usage

Form = Callable[[UsageRow], dict[str, Any]]

USER_FILTERS: Mapping[str, Reader] = {"from": moment, "to": moment, "model": text(), "outcome": choice(*Outcome)}
ADMIN_FILTERS: Mapping[str, Reader] = {**USER_FILTERS, "user_id": identifier, "key_id": identifier}
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
)


def read_filter(filters: Mapping[str, Reader], **fixed: Any) -> UsageFilter:
    """The rows that the query asks for; `fixed` narrows whatever it says. Raises InvalidFields."""
    given = read_query(filters)
    return UsageFilter(**{**{_KEPT_AS.get(name, name): value for name, value in given.items()}, **fixed})


async def list_answer(chosen: UsageFilter, form: Form) -> Response:
    page = read_page(UUID)
    async with service(Database).read() as connection:
        rows = await list_usage(connection, chosen, before_id=page.cursor, limit=page.limit + 1)
    return page.answer(rows, form, lambda row: row.request_id)


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
