"""What one worker knows of its users' money."""

from dataclasses import dataclass
from decimal import Decimal

from quart_proxy.core.errors import Unauthenticated
from quart_proxy.core.money import ZERO
from quart_proxy.services.reading import BatchReader, Figure
from quart_proxy.store.accounts import read_balances
from quart_proxy.store.database import Database


@dataclass(slots=True)
class Account(Figure):
    """One user's money: the balance as it was read, and what requests in flight are expected to take of it."""

    user_id: int
    balance: Decimal = ZERO
    held: Decimal = ZERO

    @property
    def available(self) -> Decimal:
        return self.balance - self.held

    def take_balance(self, balance: Decimal) -> None:
        self.balance = balance


class BalanceReader(BatchReader[int, Decimal]):
    """Balances by the ids of users."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, lambda connection, user_ids: read_balances(connection, user_ids))

    async def freshen(self, account: Account) -> None:
        """See that its balance is a second old at most. Raises Unavailable, and Unauthenticated for a user that is
        gone."""

        async def read() -> Decimal:
            balance = await self.read(account.user_id)
            if balance is None:
                raise Unauthenticated("The user of this API key is gone.")
            return balance

        await account.freshen(read, account.take_balance)
