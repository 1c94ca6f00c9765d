"""GET /api/user/balance: what is left, what was spent, and the key that asks."""

from quart import Blueprint, Response

from quart_proxy.core.money import format_money
from quart_proxy.http import authenticated, json_response, service
from quart_proxy.http.forms import key_form, lifetime_form
from quart_proxy.http.operations import operation
from quart_proxy.http.payer import payer
from quart_proxy.store.accounts import get_key
from quart_proxy.store.database import Database

routes = Blueprint("balance", __name__)


@routes.get("")
@operation(answer="Balance")
async def get_balance() -> Response:
    user, caller = await payer(), await authenticated()
    async with service(Database).read() as connection:
        key = await get_key(connection, caller.key_id)
    return json_response(
        {
            "balance": format_money(user.balance),
            "currency": "USD",
            "lifetime": lifetime_form(user),
            "key": key_form(key),
        }
    )
