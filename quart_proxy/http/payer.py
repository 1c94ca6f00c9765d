"""Who pays for the key that calls, and money as the numbers that older clients read."""

from decimal import Decimal

from quart_proxy.core.money import format_money
from quart_proxy.http import authenticated, service
from quart_proxy.store.accounts import User, get_user
from quart_proxy.store.database import Database


async def payer() -> User:
    """The user behind the request's key, as the database has it now. Raises Unauthenticated and its kin."""
    caller = await authenticated()
    async with service(Database).read() as connection:
        return await get_user(connection, caller.user_id)


def as_number(amount: Decimal) -> float:
    """Dollars as a JSON number, for clients that take nothing else. Everything before this point is exact."""
    return float(format_money(amount))
