"""The balance endpoints of OpenAI's old dashboard, which chat clients and status lines still call.

They work out what is left as `hard_limit_usd - total_usage / 100`, so both speak of the whole life of the user:
a `start_date` that was heeded would show a balance that is not there.
"""

from quart import Blueprint, Response

from quart_proxy.http import authenticated, json_response
from quart_proxy.http.operations import operation
from quart_proxy.http.payer import as_number, payer

routes = Blueprint("dashboard_billing", __name__)


@routes.get("/v1/dashboard/billing/subscription")
@operation(answer="Object")
async def get_subscription() -> Response:
    user, caller = await payer(), await authenticated()
    limit = as_number(user.balance + user.spent)
    return json_response(
        {
            "object": "billing_subscription",
            "has_payment_method": True,
            "soft_limit_usd": limit,
            "hard_limit_usd": limit,
            "system_hard_limit_usd": limit,
            "access_until": 0 if caller.expires_at is None else int(caller.expires_at.timestamp()),
        }
    )


@routes.get("/v1/dashboard/billing/usage")
@operation(answer="Object")
async def get_usage() -> Response:
    """In cents."""
    user = await payer()
    return json_response({"object": "list", "total_usage": as_number(user.spent * 100)})


@routes.get("/v1/dashboard/billing/credit_grants")
@operation(answer="Object")
async def get_credit_grants() -> Response:
    user = await payer()
    return json_response(
        {
            "object": "credit_summary",
            "total_granted": as_number(user.balance + user.spent),
            "total_used": as_number(user.spent),
            "total_available": as_number(user.balance),
            "grants": {"object": "list", "data": []},
        }
    )
