"""/api/admin/stats: everyone's usage as figures, charts and rankings; filters are those of `/api/admin/usage`."""

from quart import Blueprint, Response

from quart_proxy.core.money import format_money
from quart_proxy.http import json_response, service
from quart_proxy.http.operations import operation
from quart_proxy.http.statistics import (
    ADMIN_GROUPS,
    chart_query,
    ranking_query,
    read_range,
    summary_of,
    timeseries_answer,
    top_answer,
)
from quart_proxy.http.usage import ADMIN_FILTERS, RANGE
from quart_proxy.store.balance_sums import sum_balances
from quart_proxy.store.database import Database

routes = Blueprint("stats", __name__)


@routes.get("/summary")
@operation(answer="Summary", query=RANGE, repeated=ADMIN_FILTERS)
async def get_summary() -> Response:
    """The figures of a range and of the one before it, and what all users have left."""
    chosen, until = read_range(ADMIN_FILTERS)
    async with service(Database).snapshot() as connection:
        summary = await summary_of(connection, chosen, until)
        balances = await sum_balances(connection)
    return json_response(
        {
            **summary,
            "outstanding_balance": format_money(balances.outstanding),
            "users": {"total": balances.users, "at_or_below_zero": balances.at_or_below_zero},
        }
    )


@routes.get("/timeseries")
@operation(answer="Timeseries", query={**RANGE, **chart_query(ADMIN_GROUPS)}, repeated=ADMIN_FILTERS)
async def get_timeseries() -> Response:
    return await timeseries_answer(ADMIN_GROUPS, ADMIN_FILTERS)


@routes.get("/top")
@operation(answer="Ranked", kind="list", query={**RANGE, **ranking_query(ADMIN_GROUPS)}, repeated=ADMIN_FILTERS)
async def get_top() -> Response:
    return await top_answer(ADMIN_GROUPS, ADMIN_FILTERS)
