"""Whether a request may begin: the balance is checked before, and deducted after; so are the limits of key and user.

A balance is what the database said at most a second ago, less what requests in flight here are expected to
cost. So one request may take a user below zero, as the rule says, but not five hundred at once. Holds live in
this worker's memory and count for admission alone; nothing is deducted by them.
"""

import math
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from cachetools import LRUCache

from quart_proxy.core.errors import BalanceExhausted, BalanceReserved, RateLimited
from quart_proxy.core.limits import Allowances, Limits
from quart_proxy.core.money import ZERO, format_money
from quart_proxy.core.pricing import Price
from quart_proxy.core.usage import Dimension
from quart_proxy.services.auth import Caller
from quart_proxy.services.balances import Account, BalanceReader
from quart_proxy.services.rates import Rates
from quart_proxy.services.spending import Spend, Spending
from quart_proxy.settings import CALLER_ENTRIES_MAX
from quart_proxy.store.database import Database

BYTES_PER_TOKEN = 4
"""English prose has about four bytes a token. An estimate for holds only; bills never use it."""
RETRY_AFTER_S = 1
HELD_TOKENS_MAX = 1_000_000
"""No answer is longer. A client may write any number into `max_tokens`, and sums with a huge one lose digits."""


@dataclass(slots=True)
class Hold:
    """What one request in flight is expected to cost, until it is released: when the request is settled."""

    account: Account
    amount: Decimal
    limits: tuple[Limits, ...] = ()
    spends: tuple[Spend, ...] = ()
    allowances: Allowances | None = None
    """How the caller's minute stands with this request; None: nothing limits it."""
    is_released: bool = False


def expected_cost(price: Price, *, body_bytes: int, output_tokens: int) -> Decimal:
    """Dollars that a request will cost at most, roughly: its bytes as input, and all the output it may have."""
    tokens_in = body_bytes // BYTES_PER_TOKEN + 1
    tokens_out = min(output_tokens, HELD_TOKENS_MAX)
    tier = price.tier_of(tokens_in)
    return (price.rate(Dimension.INPUT, tier) * tokens_in + price.rate(Dimension.OUTPUT, tier) * tokens_out).scaleb(-6)


class Admission:
    """Accounts of the users seen by this worker, what was spent of limits, and the requests in flight of those that
    are limited. `workers` is how many share what each counts alone."""

    def __init__(
        self, database: Database, *, rates: Rates | None = None, spending: Spending | None = None, workers: int = 1
    ) -> None:
        self._balances = BalanceReader(database)
        self._rates = rates or Rates()
        self._spending = spending or Spending(database)
        self._workers = workers
        self._accounts: LRUCache[int, Account] = LRUCache(CALLER_ENTRIES_MAX)
        self._holding: dict[int, Account] = {}
        self._running: Counter[tuple[int, int | None]] = Counter()

    async def admit(self, caller: Caller, expected: Decimal) -> Hold:
        """Hold `expected` dollars of the caller's balance, and of what the spend limits leave.

        Raises BalanceExhausted when nothing is left, SpendLimitExceeded at a limit, BalanceReserved when what is left
        is held by requests in flight, RateLimited at the concurrency or the rate of the key or the user, and
        Unavailable when what was spent cannot be read. A request that is refused counts for nothing.
        """
        account = await self.get_account(caller.user_id)
        # Most callers have no limits, and pay for none.
        spends = await self._check_limits(caller.limits) if caller.limits else ()
        if account.balance <= 0:
            raise BalanceExhausted(
                f"The balance is ${format_money(account.balance)}; it must be above zero. Ask for a top-up."
            )
        if account.available <= 0:
            raise BalanceReserved(
                f"The balance of ${format_money(account.balance)} is held by requests in flight; try again shortly.",
                retry_after_s=RETRY_AFTER_S,
            )
        hold = self._hold(account, expected, caller.limits, spends)
        if any(limits.counts_minutes for limits in caller.limits):
            # The last, since it counts; but not before the hold, since it may have to wait for its counters.
            try:
                hold.allowances = await self._rates.take(caller.limits)
            except BaseException:
                self.release(hold)
                raise
        return hold

    async def _check_limits(self, limits: tuple[Limits, ...]) -> tuple[Spend, ...]:
        """What was spent of those that limit it."""
        found = [(each, await self._spending.find(each)) for each in limits]
        # From here to the hold nothing waits: each of many that come at once sees the holds of those before it.
        for each, spend in found:
            if spend is not None:
                self._spending.check(each, spend)
            if each.max_concurrency is not None:
                self._check_running(each, each.max_concurrency)
        return tuple(spend for _, spend in found if spend is not None)

    def _check_running(self, limits: Limits, most: int) -> None:
        share = math.ceil(most / self._workers)
        if self._running[limits.owner] >= share:
            by_each = f", {share:,} of them by each worker" if share < most else ""
            raise RateLimited(
                f"This {limits.holder} may have {most:,} requests in flight at once (max_concurrency){by_each}; the"
                " next is taken when one of them ends.",
                retry_after_s=RETRY_AFTER_S,
            )

    def _hold(self, account: Account, amount: Decimal, limits: tuple[Limits, ...], spends: tuple[Spend, ...]) -> Hold:
        account.held += amount
        # A held account is kept here whatever the cache evicts, or its holds would be forgotten.
        self._holding[account.user_id] = account
        for spend in spends:
            spend.held += amount
        for each in limits:
            self._running[each.owner] += 1
        return Hold(account, amount, limits, spends)

    def release(self, hold: Hold, *, cost: Decimal = ZERO, tokens: int = 0) -> None:
        """The request is over, and was settled at `cost` dollars for `tokens`; a second time changes nothing."""
        if hold.is_released:
            return
        hold.is_released = True
        hold.account.held -= hold.amount
        if not hold.account.held:
            self._holding.pop(hold.account.user_id, None)
        for spend in hold.spends:
            spend.held -= hold.amount
            spend.settled += cost
        for each in hold.limits:
            self._running[each.owner] -= 1
            if not self._running[each.owner]:
                del self._running[each.owner]
        if hold.allowances is not None:
            self._rates.count_tokens(hold.limits, tokens)

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
            account.expire()

    async def get_account(self, user_id: int) -> Account:
        """The account with a balance at most a second old. Raises Unavailable when it cannot be read."""
        account = self._holding.get(user_id) or self._accounts.get(user_id) or Account(user_id)
        self._accounts[user_id] = account
        await self._balances.freshen(account)
        return account
