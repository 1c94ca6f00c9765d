"""Whether a request may begin: the balance is checked before, and deducted after.

A balance is what the database said at most a second ago, less what requests in flight here are expected to
cost. So one request may take a user below zero, as the rule says, but not five hundred at once. Holds live in
this worker's memory and count for admission alone; nothing is deducted by them.
"""

import asyncio
import time
from dataclasses import dataclass, field
from decimal import Decimal

from cachetools import LRUCache

from quart_proxy.core.errors import BalanceExhausted, BalanceReserved, RateLimited, Unauthenticated
from quart_proxy.core.money import ZERO, format_money
from quart_proxy.core.pricing import Price
from quart_proxy.core.usage import Dimension
from quart_proxy.services.auth import Caller
from quart_proxy.services.balances import BalanceReader
from quart_proxy.settings import BALANCE_AGE_S, CALLER_ENTRIES_MAX
from quart_proxy.store.database import Database

BYTES_PER_TOKEN = 4
"""English prose has about four bytes a token. An estimate for holds only; bills never use it."""
RETRY_AFTER_S = 1
HELD_TOKENS_MAX = 1_000_000
"""No answer is longer. A client may write any number into `max_tokens`, and sums with a huge one lose digits."""


@dataclass(slots=True)
class Account:
    """What this worker knows of one user's money. `read_at` is monotonic seconds; minus infinity: not yet read."""

    user_id: int
    balance: Decimal = ZERO
    read_at: float = float("-inf")
    held: Decimal = ZERO
    reading: "asyncio.Task[None] | None" = field(default=None, repr=False)

    @property
    def available(self) -> Decimal:
        return self.balance - self.held


@dataclass(slots=True)
class Hold:
    """What one request in flight is expected to cost, until it is released: when the request is settled."""

    account: Account
    amount: Decimal
    key_id: int
    is_released: bool = False


def expected_cost(price: Price, *, body_bytes: int, output_tokens: int) -> Decimal:
    """Dollars that a request will cost at most, roughly: its bytes as input, and all the output it may have."""
    tokens_in = body_bytes // BYTES_PER_TOKEN + 1
    tokens_out = min(output_tokens, HELD_TOKENS_MAX)
    tier = price.tier_of(tokens_in)
    return (price.rate(Dimension.INPUT, tier) * tokens_in + price.rate(Dimension.OUTPUT, tier) * tokens_out).scaleb(-6)


class Admission:
    """Accounts of the users seen by this worker, and the requests in flight by key."""

    def __init__(self, database: Database) -> None:
        self._balances = BalanceReader(database)
        self._accounts: LRUCache[int, Account] = LRUCache(CALLER_ENTRIES_MAX)
        self._holding: dict[int, Account] = {}
        self._running: dict[int, int] = {}

    async def admit(self, caller: Caller, expected: Decimal) -> Hold:
        """Hold `expected` dollars of the caller's balance.

        Raises BalanceExhausted when nothing is left, BalanceReserved when what is left is held by requests in
        flight, RateLimited at the key's concurrency, and Unavailable when the balance cannot be read.
        """
        account = await self.get_account(caller.user_id)
        if account.balance <= 0:
            raise BalanceExhausted(
                f"The balance is ${format_money(account.balance)}; it must be above zero. Ask for a top-up."
            )
        if account.available <= 0:
            raise BalanceReserved(
                f"The balance of ${format_money(account.balance)} is held by requests in flight; try again shortly.",
                retry_after_s=RETRY_AFTER_S,
            )
        running = self._running.get(caller.key_id, 0)
        if caller.max_concurrency is not None and running >= caller.max_concurrency:
            raise RateLimited(
                f"This key may have {caller.max_concurrency} requests in flight at once (max_concurrency).",
                retry_after_s=RETRY_AFTER_S,
            )
        self._running[caller.key_id] = running + 1
        account.held += expected
        # A held account is kept here whatever the cache evicts, or its holds would be forgotten.
        self._holding[account.user_id] = account
        return Hold(account, expected, caller.key_id)

    def release(self, hold: Hold) -> None:
        """The request is over; a second time changes nothing."""
        if hold.is_released:
            return
        hold.is_released = True
        hold.account.held -= hold.amount
        if not hold.account.held:
            self._holding.pop(hold.account.user_id, None)
        running = self._running[hold.key_id] - 1
        if running:
            self._running[hold.key_id] = running
        else:
            del self._running[hold.key_id]

    def note_balance(self, user_id: int, balance: Decimal, sent_at: float) -> None:
        """A settlement that was sent at `sent_at` told the new balance: as fresh as reading it then."""
        account = self._holding.get(user_id) or self._accounts.get(user_id)
        if account is not None:
            account.balance = balance
            # A reading that crossed the settlement may have seen the balance before it, or one after it that is newer.
            account.read_at = sent_at if account.read_at <= sent_at else float("-inf")
            account.reading = None

    def expire(self) -> None:
        """Read every balance again before it is next used: an admin may have moved some."""
        for account in (*self._accounts.values(), *self._holding.values()):
            account.read_at = float("-inf")
            # What is being read may be from before the change.
            account.reading = None

    async def get_account(self, user_id: int) -> Account:
        """The account with a balance at most a second old. Raises Unavailable when it cannot be read."""
        came_at = time.monotonic()
        account = self._holding.get(user_id) or self._accounts.get(user_id) or Account(user_id)
        self._accounts[user_id] = account
        while account.read_at < came_at - BALANCE_AGE_S:
            if account.reading is None:
                account.reading = asyncio.create_task(self._read(account))
            await asyncio.shield(account.reading)
        return account

    async def _read(self, account: Account) -> None:
        try:
            begun = time.monotonic()
            balance = await self._balances.read(account.user_id)
            if balance is None:
                raise Unauthenticated("The user of this API key is gone.")
            if account.reading is asyncio.current_task():
                account.balance, account.read_at = balance, begun
        finally:
            if account.reading is asyncio.current_task():
                account.reading = None
