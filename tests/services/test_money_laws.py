"""Whatever comes in whatever order: the balance is what was credited less what was charged, and the audit says so."""

import asyncio
from decimal import Decimal
from uuid import uuid4

from books import CLERK, RATES, Books, open_books
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quart_proxy.core.record import Exchange
from quart_proxy.services.accounts import Accounts
from quart_proxy.store.database import Database

USERS = 3
amounts = st.decimals(min_value="-1000", max_value="1000", places=12, allow_nan=False).filter(bool)
TIERS = {
    threshold: {each: rate * factor for each, rate in RATES.items()} for threshold, factor in ((200, 2), (9000, 3))
}
tokens = st.integers(0, 400) | st.integers(min_value=0, max_value=2**31 - 1)
credits = st.tuples(st.just("credit"), st.integers(0, USERS - 1), amounts, st.booleans())
everyone = st.lists(st.integers(0, USERS - 1), min_size=1, unique=True)
credits_of_several = st.tuples(st.just("credit several"), everyone, amounts, st.booleans())
charges = st.tuples(st.just("charge"), st.integers(0, USERS - 1), tokens, tokens)
replays = st.tuples(st.just("replay"), st.integers(0, 10**6), st.integers(1, 5))
batches = st.tuples(st.just("batch"), st.lists(st.tuples(st.integers(0, USERS - 1), tokens, tokens), max_size=20))
acts = st.one_of(credits, credits_of_several, charges, replays, batches)


class Day:
    """What was done to the books, and what they must say after it."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.accounts = Accounts(books.database)
        self.charged: list[Exchange] = []
        self.credited = [books.dollars] * USERS

    def charge(self, user: int, tokens_in: int, tokens_out: int) -> Exchange:
        exchange = self.books.exchange(user, tokens_in=tokens_in, tokens_out=tokens_out)
        self.charged.append(exchange)
        return exchange

    async def credit(self, user: int, amount: Decimal, is_twice: bool) -> None:
        self.credited[user] += amount
        key = uuid4().hex
        for _ in range(2 if is_twice else 1):
            await self.accounts.move_money(
                CLERK,
                user_id=self.books.users[user],
                kind="adjust",
                amount=amount,
                reason="law",
                idempotency_key=key,
            )

    async def credit_several(self, places: list[int], amount: Decimal, is_twice: bool) -> None:
        key = uuid4().hex
        for place in places:
            self.credited[place] += amount
        for _ in range(2 if is_twice else 1):
            await self.accounts.move_money_of_all(
                CLERK,
                user_ids=[self.books.users[place] for place in places],
                kind="adjust",
                amount=amount,
                reason="law",
                idempotency_key=key,
            )

    async def perform(self, act: tuple) -> None:  # type: ignore[type-arg]
        match act:
            case ("credit", user, amount, is_twice):
                await self.credit(user, amount, is_twice)
            case ("credit several", places, amount, is_twice):
                await self.credit_several(places, amount, is_twice)
            case ("charge", user, tokens_in, tokens_out):
                await self.books.settle(self.charge(user, tokens_in, tokens_out))
            case ("batch", charges):
                batch = [self.charge(*one) for one in charges]
                await self.books.settle(*batch, *batch[:3])
            case ("replay", place, count) if self.charged:
                start = place % len(self.charged)
                await self.books.settle(*self.charged[start : start + count])

    async def assert_exact(self) -> None:
        for place, user_id in enumerate(self.books.users):
            cost = sum((one.cost for one in self.charged if one.user_id == user_id), Decimal(0))
            user = await self.books.user(place)
            assert (user.balance, user.spent) == (self.credited[place] - cost, cost)
        await self.books.assert_balanced()


async def test_any_interleaving_of_credits_charges_and_replays_keeps_the_books(database: Database) -> None:
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(st.lists(acts, max_size=6), min_size=1, max_size=4))
    def law(hands: list[list[tuple]]) -> None:  # type: ignore[type-arg]
        asyncio.run_coroutine_threadsafe(live(hands), loop).result()

    async def live(hands: list[list[tuple]]) -> None:  # type: ignore[type-arg]
        """Several hands at once, each doing its own acts in order."""
        day = Day(await open_books(database, users=USERS, tiers=TIERS))

        async def work(acts: list[tuple]) -> None:  # type: ignore[type-arg]
            for act in acts:
                await day.perform(act)

        await asyncio.gather(*(work(acts) for acts in hands))
        await day.assert_exact()

    loop = asyncio.get_running_loop()
    await asyncio.to_thread(law)
