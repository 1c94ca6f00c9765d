"""GET /api/user/usage: the user's requests, newest first; as a file at `usage.csv`; their totals;
and the receipt of each."""

from quart import Blueprint, Response

from quart_proxy.http import authenticated
from quart_proxy.http.answers import also_at
from quart_proxy.http.forms import usage_form
from quart_proxy.http.operations import operation
from quart_proxy.http.usage import (
    CSV_COLUMNS,
    RANGE,
    USER_FILTERS,
    csv_answer,
    list_answer,
    read_filter,
    receipt_answer,
    totals_answer,
)

routes = Blueprint("usage", __name__)


@routes.get("")
@operation(answer="Usage", kind="list", query=RANGE, repeated=USER_FILTERS, is_paged=True)
async def list_own_usage() -> Response:
    caller = await authenticated()
    return await list_answer(read_filter(USER_FILTERS, user_id=caller.user_id), usage_form)


@also_at(routes, "/api/user/usage.csv")
@operation(kind="csv", query=RANGE, repeated=USER_FILTERS)
async def export_own_usage() -> Response:
    caller = await authenticated()
    return await csv_answer(read_filter(USER_FILTERS, user_id=caller.user_id), usage_form, CSV_COLUMNS)


@routes.get("/totals")
@operation(answer="UsageTotals", query=RANGE, repeated=USER_FILTERS)
async def sum_own_usage() -> Response:
    caller = await authenticated()
    return await totals_answer(read_filter(USER_FILTERS, user_id=caller.user_id))


@routes.get("/<request_id>")
@operation(answer="Receipt")
async def get_own_receipt(request_id: str) -> Response:
    """Another user's request is one that does not exist."""
    caller = await authenticated()
    return await receipt_answer(request_id, usage_form, user_id=caller.user_id)
