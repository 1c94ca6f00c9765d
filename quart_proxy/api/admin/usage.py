"""GET /api/admin/usage: everyone's requests, as a list, as a file, as totals, and the receipt of each.

`/tail` tells the rows that came after a cursor, for whoever cannot hold a stream of `/api/admin/events` open.
"""

from quart import Blueprint, Response

from quart_proxy.http.answers import also_at
from quart_proxy.http.forms import usage_form_for_admin
from quart_proxy.http.live import read_watch_filter, tail_answer
from quart_proxy.http.operations import operation
from quart_proxy.http.usage import (
    ADMIN_FILTERS,
    CSV_COLUMNS,
    RANGE,
    csv_answer,
    list_answer,
    read_filter,
    receipt_answer,
    totals_answer,
)

routes = Blueprint("usage", __name__)
COLUMNS = (*CSV_COLUMNS, "user_id", "user_name", "actual_model", "upstream", "upstream_status", "upstream_request_id")


@routes.get("")
@operation(answer="UsageForAdmin", kind="list", query=RANGE, repeated=ADMIN_FILTERS, is_paged=True)
async def list_all_usage() -> Response:
    return await list_answer(read_filter(ADMIN_FILTERS), usage_form_for_admin)


@also_at(routes, "/api/admin/usage.csv")
@operation(kind="csv", query=RANGE, repeated=ADMIN_FILTERS)
async def export_all_usage() -> Response:
    return await csv_answer(read_filter(ADMIN_FILTERS), usage_form_for_admin, COLUMNS)


@routes.get("/totals")
@operation(answer="UsageTotals", query=RANGE, repeated=ADMIN_FILTERS)
async def sum_all_usage() -> Response:
    return await totals_answer(read_filter(ADMIN_FILTERS))


@routes.get("/tail")
@operation(answer="Object")
async def read_usage_tail() -> Response:
    return await tail_answer(read_watch_filter())


@routes.get("/<request_id>")
@operation(answer="ReceiptForAdmin")
async def get_receipt(request_id: str) -> Response:
    return await receipt_answer(request_id, usage_form_for_admin)
