"""Spend limits of keys and users: by the calendar, never over by more than the request that crosses them."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import aiohttp
import orjson
import pytest
from books import CLERK, Books, open_books
from product import PRICES, TESTER, Product

from quart_proxy.core.errors import BalanceReserved, SpendLimitExceeded
from quart_proxy.core.limits import Limits, SpendPeriod, period_start
from quart_proxy.core.pricing import Price
from quart_proxy.services.accounts import Accounts
from quart_proxy.services.admission import Admission, expected_cost
from quart_proxy.services.auth import Caller
from quart_proxy.services.spending import Spending
from quart_proxy.store.database import Database
from quart_proxy.store.spending import Span, read_spent

COST = Decimal("0.0045")
"""Of one exchange of the books."""


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


def caller(books: Books, dollars: str, *, key_id: int | None = 1, period: SpendPeriod | None = None) -> Caller:
    limits = Limits(books.users[0], key_id, spend_limit=Decimal(dollars), spend_period=period)
    return Caller(books.users[0], "someone", 1, "key", limits=(limits,))


def watching(database: Database, clock: Clock) -> Admission:
    return Admission(database, spending=Spending(database, clock))


# --- over HTTP ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("holder", ["key", "user"])
async def test_three_hundred_at_once_cross_a_spend_limit_by_one_request_at_most(running: Product, holder: str) -> None:
    await running.add_model("slow-spend", actual_model="sandbox:first_byte_ms=700")
    limit = Decimal("0.01")
    user_id, key = await running.add_user("100", **({"spend_limit": limit} if holder == "key" else {}))
    if holder == "user":
        await running.accounts.update_user(TESTER, user_id, {"spend_limit": limit, "spend_period": "month"})
        await running.refresh()
    body = orjson.dumps({"model": "slow-spend", "max_tokens": 10, "messages": [{"role": "user", "content": "hello"}]})
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as client:

        async def ask(place: int) -> tuple[int, str]:
            await asyncio.sleep(place // 50 * 0.05)
            async with client.post(f"{running.base_url}/v1/chat/completions", data=body) as answer:
                document = await answer.json()
                return answer.status, document.get("error", {}).get("code", "")

        answers = await asyncio.gather(*(ask(place) for place in range(300)))
        # One after the other, until it is reached: what was settled here counts before it is read again.
        while (last := await ask(0))[0] == 200:
            answers.append(last)
    assert last == (402, "spend_limit_exceeded")
    assert set(answers) <= {(200, ""), (429, "balance_reserved"), (402, "spend_limit_exceeded")}
    assert (429, "balance_reserved") in answers
    spent = 100 - await running.balance(user_id)
    one = expected_cost(Price(1, PRICES), body_bytes=len(body), output_tokens=10)
    assert limit <= spent < limit + one
    assert await running.imbalances() == []


# --- alone --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("period", [None, *SpendPeriod])
async def test_what_was_settled_in_the_period_counts_and_the_next_one_begins_at_nothing(
    database: Database, period: SpendPeriod | None
) -> None:
    books, clock = await open_books(database), Clock()
    await books.settle(books.exchange())
    admission, customer = watching(database, clock), caller(books, "0.0045", period=period)
    with pytest.raises(SpendLimitExceeded) as caught:
        await admission.admit(customer, Decimal("0.001"))
    assert (caught.value.status, caught.value.code) == (402, "spend_limit_exceeded")
    clock.now += timedelta(days=32)
    start = period_start(period, clock.now)
    if period is None:
        assert "$0.0045 in all, is reached" in caught.value.message
        with pytest.raises(SpendLimitExceeded):
            await admission.admit(customer, Decimal("0.001"))
    else:
        assert f"this key, $0.0045 a {period}, is reached; it begins anew at " in caught.value.message
        assert (await admission.admit(customer, Decimal("0.001"))).spends[0].span.since == start


async def test_the_refusal_names_the_moment_at_which_the_period_ends(database: Database) -> None:
    books, clock = await open_books(database), Clock()
    await books.settle(books.exchange())
    clock.now = period_start(SpendPeriod.DAY, clock.now) + timedelta(minutes=1)
    with pytest.raises(SpendLimitExceeded, match=f"anew at {clock.now + timedelta(days=1):%Y-%m-%d}T00:00Z"):
        await watching(database, clock).admit(caller(books, "0.001", period=SpendPeriod.DAY), COST)


async def test_a_key_counts_its_own_spending_and_a_user_that_of_all_keys(database: Database) -> None:
    books, clock = await open_books(database), Clock()
    await books.settle(books.exchange(api_key_id=1), books.exchange(api_key_id=2))
    admission = watching(database, clock)
    await admission.admit(caller(books, "0.005"), COST)
    with pytest.raises(SpendLimitExceeded, match="of this user"):
        await admission.admit(caller(books, "0.009", key_id=None), COST)


async def test_requests_in_flight_hold_what_is_left_of_a_limit(database: Database) -> None:
    books = await open_books(database)
    admission, customer = Admission(database), caller(books, "0.01")
    holds = [await admission.admit(customer, Decimal("0.006")) for _ in range(2)]
    with pytest.raises(BalanceReserved, match=r"this key's spend limit, \$0\.01, is held by requests in flight"):
        await admission.admit(customer, Decimal("0.006"))
    admission.release(holds[0], cost=Decimal("0.002"))
    await admission.admit(customer, Decimal("0.006"))


async def test_what_was_settled_here_counts_at_once_and_is_counted_once(database: Database) -> None:
    books = await open_books(database)
    admission, customer = Admission(database), caller(books, "0.009")
    hold = await admission.admit(customer, COST)
    await books.settle(books.exchange())
    admission.release(hold, cost=COST)
    (spend,) = hold.spends
    assert (spend.spent, spend.settled) == (0, COST)
    spend.expire()
    hold = await admission.admit(customer, COST)
    assert (spend.spent, spend.settled, spend.held) == (COST, 0, COST)
    await books.settle(books.exchange())
    admission.release(hold, cost=COST)
    with pytest.raises(SpendLimitExceeded):
        await admission.admit(customer, COST)


async def test_a_request_that_ends_in_the_next_period_counts_in_its_own(database: Database) -> None:
    books, clock = await open_books(database), Clock()
    admission, customer = watching(database, clock), caller(books, "0.005", period=SpendPeriod.DAY)
    hold = await admission.admit(customer, COST)
    clock.now += timedelta(days=1)
    next_day = await admission.admit(customer, COST)
    admission.release(hold, cost=Decimal(1))
    assert next_day.spends[0].settled == 0
    assert next_day.spends[0].held == COST


async def test_spending_of_many_is_read_in_one_query_and_exactly(database: Database) -> None:
    books = await open_books(database, users=2)
    accounts, now = Accounts(database), datetime.now(UTC)
    key, _ = await accounts.create_key(CLERK, user_id=books.users[1], name="one")
    await books.settle(books.exchange(), books.exchange(1, api_key_id=key.id), books.exchange(1, api_key_id=99))
    today = period_start(SpendPeriod.DAY, now)
    spans = [
        Span(books.users[1], None, today),
        Span(books.users[1], key.id, today),
        Span(books.users[0], None, today),
        Span(books.users[0], None, today + timedelta(days=2)),
        Span(12345, None, today),
    ]
    async with database.read() as connection:
        spent = await read_spent(connection, spans)
    assert [spent[span] for span in spans] == [2 * COST, COST, COST, 0, 0]
