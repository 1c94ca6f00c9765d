"""GET /api/user/balance: what is left, what was spent, and the key that asks."""

from quart import Blueprint, Response

from quart_proxy.core.money import format_money
from quart_proxy.http import authenticated, json_response, service
from quart_proxy.http.account_rows import spend_statuses
from quart_proxy.http.forms import key_form, lifetime_form, limits_form
from quart_proxy.http.operations import operation
from quart_proxy.http.payer import payer
from quart_proxy.services.auth import limits_of
from quart_proxy.store.accounts import get_key
from quart_proxy.store.database import Database

routes = Blueprint("balance", __name__)


@routes.get("")
@operation(answer="Balance")
async def get_balance() -> Response:
    """`limits` are the user's, for all keys together; the key may have narrower ones."""
    user, caller = await payer(), await authenticated()
    async with service(Database).read() as connection:
        key = await get_key(connection, caller.key_id)
        limits = [limits_of(key, user.id, key.id), limits_of(user, user.id, None)]
        of_key, of_user = await spend_statuses(connection, limits)
    return json_response(
        {
            "balance": format_money(user.balance),
            "currency": "USD",
            "lifetime": lifetime_form(user),
            "key": {**key_form(key), "spend_status": of_key},
            "limits": {**limits_form(user), "spend_status": of_user},
        }
    )
