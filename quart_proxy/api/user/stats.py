"""/api/user/stats: the user's own usage as figures, charts and rankings; filters are those of `/api/user/usage`."""

from quart import Blueprint, Response

from quart_proxy.core.money import format_money
from quart_proxy.http import authenticated, json_response, service
from quart_proxy.http.forms import pace_form
from quart_proxy.http.operations import operation
from quart_proxy.http.payer import payer
from quart_proxy.http.statistics import (
    USER_GROUPS,
    chart_query,
    ranking_query,
    read_range,
    summary_of,
    timeseries_answer,
    top_answer,
)
from quart_proxy.http.usage import RANGE, USER_FILTERS
from quart_proxy.store.database import Database
from quart_proxy.store.spending import NOTHING_SPENT, read_user_spending

routes = Blueprint("stats", __name__)


@routes.get("/summary")
@operation(answer="OwnSummary", query=RANGE, repeated=USER_FILTERS)
async def get_own_summary() -> Response:
    """The figures of a range and of the one before it, and how long the balance lasts."""
    user = await payer()
    chosen, until = read_range(USER_FILTERS, user_id=user.id)
    async with service(Database).snapshot() as connection:
        summary = await summary_of(connection, chosen, until)
        spending = (await read_user_spending(connection, [user.id])).get(user.id, NOTHING_SPENT)
    return json_response({**summary, "balance": format_money(user.balance), **pace_form(user.balance, spending)})


@routes.get("/timeseries")
@operation(answer="Timeseries", query={**RANGE, **chart_query(USER_GROUPS)}, repeated=USER_FILTERS)
async def get_own_timeseries() -> Response:
    caller = await authenticated()
    return await timeseries_answer(USER_GROUPS, USER_FILTERS, user_id=caller.user_id)


@routes.get("/top")
@operation(answer="Ranked", kind="list", query={**RANGE, **ranking_query(USER_GROUPS)}, repeated=USER_FILTERS)
async def get_own_top() -> Response:
    caller = await authenticated()
    return await top_answer(USER_GROUPS, USER_FILTERS, user_id=caller.user_id)
