"""GET /api/v1/key: the key that calls and what was spent, as OpenRouter's tools read it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from quart import Blueprint, Response

from quart_proxy.http import authenticated, json_response, service
from quart_proxy.http.account_rows import spend_statuses
from quart_proxy.http.answers import also_at
from quart_proxy.http.forms import maybe_time
from quart_proxy.http.operations import operation
from quart_proxy.http.payer import as_number, payer
from quart_proxy.services.auth import limits_of
from quart_proxy.store.accounts import get_key
from quart_proxy.store.database import Database
from quart_proxy.store.spending import Span, read_spent

routes = Blueprint("key", __name__)

RESETS = {"day": "daily", "week": "weekly", "month": "monthly"}


@routes.get("")
@also_at(routes, "/api/v1/auth/key")
@operation(answer="Object")
async def get_own_key() -> Response:
    """`limit` is the key's spend limit; without one, all that was ever paid in. What is left of it is never more than
    the balance."""
    user, caller = await payer(), await authenticated()
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    spans = {
        "usage_daily": Span(user.id, None, today),
        "usage_weekly": Span(user.id, None, today - timedelta(days=today.weekday())),
        "usage_monthly": Span(user.id, None, today.replace(day=1)),
    }
    async with service(Database).read() as connection:
        key = await get_key(connection, caller.key_id)
        spent = await read_spent(connection, list(spans.values()))
        (status,) = await spend_statuses(connection, [limits_of(key, user.id, key.id)])
    limit, left = user.balance + user.spent, user.balance
    if key.spend_limit is not None and status is not None:
        limit, left = key.spend_limit, min(left, Decimal(status["left"]))
    return json_response(
        {
            "data": {
                "label": f"{key.prefix}...{key.last4}",
                "name": key.name,
                "limit": as_number(limit),
                "limit_remaining": as_number(left),
                "limit_reset": RESETS.get(key.spend_period or ""),
                "usage": as_number(user.spent),
                **{name: as_number(spent[span]) for name, span in spans.items()},
                "is_free_tier": False,
                "is_management_key": False,
                "expires_at": maybe_time(key.expires_at),
            }
        }
    )
