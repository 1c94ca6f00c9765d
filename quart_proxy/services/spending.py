"""What users and keys with a spend limit spent in the period that runs.

It is what the database said at most a second ago, and what was settled here since; requests in flight are held
against it as against a balance. So the last request may cross the limit, but not five hundred.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from weakref import WeakValueDictionary

from cachetools import LRUCache

from quart_proxy.core.errors import BalanceReserved, SpendLimitExceeded
from quart_proxy.core.limits import Limits, period_end, period_start
from quart_proxy.core.money import ZERO, format_money
from quart_proxy.services.reading import BatchReader, Figure
from quart_proxy.settings import CALLER_ENTRIES_MAX
from quart_proxy.store.database import Database
from quart_proxy.store.spending import Span, read_spent

RETRY_AFTER_S = 1


@dataclass(slots=True, weakref_slot=True)
class Spend(Figure):
    """Dollars of one period: `spent` as it was read, `settled` here since, and `held` by requests in flight."""

    span: Span
    spent: Decimal = ZERO
    settled: Decimal = ZERO
    held: Decimal = ZERO

    def take_spent(self, read: tuple[Decimal, Decimal]) -> None:
        """What was spent, and what had been settled here when that was asked: it is a part of it."""
        self.spent, seen = read
        self.settled -= seen


class Spending:
    """The spending that this worker watches. `now` is the clock that periods begin by."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._reader = BatchReader(database, read_spent)
        self._now = now
        self._recent: LRUCache[tuple[int, int | None], Spend] = LRUCache(CALLER_ENTRIES_MAX)
        # Whatever the cache evicts, a request in flight holds on to its own.
        self._known: WeakValueDictionary[tuple[int, int | None], Spend] = WeakValueDictionary()

    async def find(self, limits: Limits) -> Spend | None:
        """What was spent of a limit, at most a second old; None: there is no such limit. Raises Unavailable."""
        if limits.spend_limit is None:
            return None
        owner = limits.owner
        span = Span(*owner, period_start(limits.spend_period, self._now()))
        spend = self._known.get(owner)
        if spend is None or spend.span != span:
            spend = self._known[owner] = Spend(span)
        self._recent[owner] = spend
        await spend.freshen(lambda: self._read(spend), spend.take_spent)
        return spend

    async def _read(self, spend: Spend) -> tuple[Decimal, Decimal]:
        seen = spend.settled
        return await self._reader.read(spend.span) or ZERO, seen

    def check(self, limits: Limits, spend: Spend) -> None:
        """Raises SpendLimitExceeded when the limit is spent, and BalanceReserved when what is left is held."""
        assert limits.spend_limit is not None
        left = limits.spend_limit - spend.spent - spend.settled
        if left <= 0:
            raise SpendLimitExceeded(_sentence(limits, self._now()))
        if left <= spend.held:
            raise BalanceReserved(
                f"What is left of this {limits.holder}'s spend limit, ${format_money(left)}, is held by requests in"
                " flight; try again shortly.",
                retry_after_s=RETRY_AFTER_S,
            )


def _sentence(limits: Limits, now: datetime) -> str:
    assert limits.spend_limit is not None
    limit = f"The spend limit of this {limits.holder}, ${format_money(limits.spend_limit)}"
    reset = period_end(limits.spend_period, now)
    if reset is None:
        return f"{limit} in all, is reached; whoever runs this proxy may raise it."
    return f"{limit} a {limits.spend_period}, is reached; it begins anew at {reset:%Y-%m-%dT%H:%MZ}."
