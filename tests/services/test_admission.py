"""The door: a balance is checked before, holds bound how far it can be overshot, and no hold outlives its request."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

import aiohttp
import httpx
import orjson
import pytest
from books import CLERK, open_books
from chaos import eventually
from product import PRICES, Product

from quart_proxy.core.errors import BalanceExhausted, BalanceReserved, RateLimited, Unauthenticated
from quart_proxy.core.formats import FORMATS
from quart_proxy.core.limits import Limits
from quart_proxy.core.pricing import Price
from quart_proxy.services import admission as admission_module
from quart_proxy.services import balances as balances_module
from quart_proxy.services.accounts import Accounts
from quart_proxy.services.admission import Admission, expected_cost
from quart_proxy.services.auth import Authenticator, Caller
from quart_proxy.services.dispatch import Dispatcher, new_request_id
from quart_proxy.settings import BALANCE_AGE_S
from quart_proxy.store.accounts import read_balances
from quart_proxy.store.database import Database

PRICE = Price(1, PRICES)
Reply = tuple[int, Mapping[str, str], Any]
"""Status, headers and document of an answer."""


def caller(user_id: int, key_id: int = 1, max_concurrency: int | None = None) -> Caller:
    limits = Limits(user_id, key_id, max_concurrency=max_concurrency)
    return Caller(user_id, "someone", key_id, "key", limits=(limits,) if limits.is_any else ())


# --- over HTTP ----------------------------------------------------------------------------------------


async def test_five_hundred_at_once_on_one_cent_overshoot_by_one_request_at_most(running: Product) -> None:
    await running.add_model("slow", actual_model="sandbox:first_byte_ms=1500")
    user_id, key = await running.add_user("0.01")
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    body = orjson.dumps({"model": "slow", "max_tokens": 10, "messages": [{"role": "user", "content": "hello there"}]})
    # httpx needs seconds of CPU to find a free one among so many connections.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as client:

        async def ask(place: int) -> Reply:
            # In waves that a listening socket can take; all are in flight before the first is answered.
            await asyncio.sleep(place // 50 * 0.05)
            async with client.post(f"{running.base_url}/v1/chat/completions", data=body) as answer:
                return answer.status, answer.headers, await answer.json()

        answers = await asyncio.gather(*(ask(place) for place in range(500)))
    served = [answer for answer in answers if answer[0] == 200]
    refused = [answer for answer in answers if answer[0] != 200]
    for status, sent, document in refused:
        if status == 429:
            assert document["error"]["code"] == "balance_reserved"
            assert int(sent["retry-after"]) >= 1
        else:
            assert (status, document["error"]["code"]) == (402, "insufficient_balance")
    spent = sum(Decimal(sent["x-quart-proxy-cost"]) for _, sent, _ in served)
    # However they crossed, together they took no more than what was there and one request.
    one = expected_cost(PRICE, body_bytes=len(body), output_tokens=10)
    assert await running.balance(user_id) == Decimal("0.01") - spent > -one
    assert served
    assert any(status == 429 for status, _, _ in refused)
    rows = await running.rows(500, user_id=user_id)
    assert sorted(row.outcome for row in rows) == ["completed"] * len(served) + ["refused"] * len(refused)
    assert await running.imbalances() == []
    await no_holds(running)


async def test_an_empty_balance_closes_the_door_and_a_top_up_opens_it_at_once(running: Product) -> None:
    user_id, key = await running.add_user("0")
    headers = {"authorization": f"Bearer {key}"}
    answer = await running.post(*chat(), headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (402, "insufficient_balance")
    login = await running.login()
    answer = await running.post(
        f"/api/admin/users/{user_id}/ledger",
        {"kind": "credit", "amount": "1.00", "reason": "top-up"},
        headers={**login, "Idempotency-Key": "one"},
    )
    assert answer.status_code == 201

    async def is_served() -> bool:
        return (await running.post(*chat(), headers=headers)).status_code == 200

    await eventually(is_served, tries=20)


def chat(model: str = "sandbox-gpt", **more: object) -> tuple[str, dict[str, object]]:
    body = {"model": model, "messages": [{"role": "user", "content": "hello there"}], **more}
    return "/v1/chat/completions", body


async def test_the_last_request_may_go_below_zero_and_the_next_is_refused(running: Product) -> None:
    user_id, key = await running.add_user("0.000001")
    headers = {"authorization": f"Bearer {key}"}
    assert (await running.post(*chat(max_tokens=10), headers=headers)).status_code == 200
    assert await running.balance(user_id) < 0
    assert (await running.post(*chat(max_tokens=10), headers=headers)).status_code == 402


async def test_a_key_may_have_no_more_requests_in_flight_than_it_says(running: Product) -> None:
    await running.add_model("slow-two", actual_model="sandbox:first_byte_ms=700")
    _, key = await running.add_user("100", max_concurrency=2)
    headers = {"authorization": f"Bearer {key}"}
    answers = await asyncio.gather(*(running.post(*chat("slow-two"), headers=headers) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429, 429]
    codes = {answer.json()["error"]["code"] for answer in answers if answer.status_code == 429}
    assert codes == {"rate_limit_exceeded"}
    assert (await running.post(*chat("slow-two"), headers=headers)).status_code == 200


async def no_holds(running: Product) -> None:
    admission = running.service(Admission)

    async def is_free() -> bool:
        return not admission._holding and not admission._running

    await eventually(is_free)
    assert all(account.held == 0 for account in admission._accounts.values())


SCENARIOS = (
    "sandbox",
    "sandbox:status=500",
    "sandbox:status=429,retry_after=1",
    "sandbox:status=400",
    "sandbox:html=1",
    "sandbox:redirect=1",
    "sandbox:no_usage=1",
    "sandbox:usage=negative",
    "sandbox:error_in_200=1",
    "sandbox:gzip=1",
    "sandbox:cut_after=1",
    "sandbox:cut_after_usage=1",
    "sandbox:fin_after=2",
    "sandbox:eof_after=1",
    "sandbox:error_in_stream=1",
    "sandbox:error_after_usage=1",
    "sandbox:no_done=1",
)


async def test_holds_end_with_their_requests_however_those_end(running: Product) -> None:
    for place, scenario in enumerate(SCENARIOS):
        await running.add_model(f"scenario-{place}", actual_model=scenario)
    async with httpx.AsyncClient(timeout=30) as client:
        for place in range(len(SCENARIOS)):
            for stream in (False, True):
                path, body = chat(f"scenario-{place}", stream=stream)
                with contextlib.suppress(httpx.TransportError):
                    await client.post(running.base_url + path, json=body, headers=running.headers)
    await running.rows(2 * len(SCENARIOS), user_id=running.user_id)
    await no_holds(running)
    assert await running.imbalances() == []


async def test_holds_end_when_the_client_hangs_up(running: Product) -> None:
    await running.add_model("slow-three", actual_model="sandbox:first_byte_ms=300")
    async with httpx.AsyncClient(timeout=0.1) as client:
        for stream in (False, True):
            path, body = chat("slow-three", stream=stream)
            with pytest.raises(httpx.TimeoutException):
                await client.post(running.base_url + path, json=body, headers=running.headers)
    await running.rows(2, model="slow-three")
    await no_holds(running)


async def test_a_fault_of_our_own_ends_its_hold_and_leaves_a_row(
    running: Product, caplog: pytest.LogCaptureFixture
) -> None:
    class Unreadable(dict[str, object]):
        def __iter__(self) -> NoReturn:
            raise ZeroDivisionError

        def keys(self) -> NoReturn:
            raise ZeroDivisionError

    path, body = chat()
    request = FORMATS["openai"].parse_request(httpx.Request("POST", "http://x", json=body).content)
    request_id = new_request_id()
    relay = await running.service(Dispatcher).dispatch(
        request_id=request_id,
        caller=await running.service(Authenticator).authenticate(running.key),
        endpoint=path,
        format=FORMATS["openai"],
        request=dataclasses.replace(request, body=Unreadable(request.body)),
        body_bytes=100,
        client_request_id=None,
    )
    with pytest.raises(Exception, match="operator finds it"):
        await relay.head
    await no_holds(running)
    (row,) = [row for row in await running.rows() if row.request_id == request_id]
    assert (row.cost, row.error_code) == (0, "internal_error")
    assert "relay_crashed" in {record.message for record in caplog.records}


# --- alone --------------------------------------------------------------------------------------------


async def test_a_hold_is_released_once(database: Database) -> None:
    books = await open_books(database, dollars="1")
    admission = Admission(database)
    hold = await admission.admit(caller(books.users[0]), Decimal("0.6"))
    other = await admission.admit(caller(books.users[0]), Decimal("0.6"))
    with pytest.raises(BalanceReserved):
        await admission.admit(caller(books.users[0]), Decimal("0.6"))
    for _ in range(3):
        admission.release(hold)
    assert hold.account.held == Decimal("0.6")
    admission.release(other)
    assert (hold.account.held, admission._holding, admission._running) == (0, {}, {})


async def test_no_max_tokens_that_a_client_writes_can_spoil_the_sum_of_holds(database: Database) -> None:
    books = await open_books(database)
    admission = Admission(database)
    dear = Price(1, dict.fromkeys(PRICES, Decimal("999999.999999")))
    small = await admission.admit(caller(books.users[0]), Decimal("0.000000000001"))
    huge = await admission.admit(caller(books.users[0]), expected_cost(dear, body_bytes=2**25, output_tokens=2**64 - 1))
    admission.release(huge)
    assert small.account.held == Decimal("0.000000000001")
    admission.release(small)
    assert small.account.held == 0


async def test_a_balance_is_never_older_than_a_second(database: Database) -> None:
    books = await open_books(database)
    admission = Admission(database)
    account = await admission.get_account(books.users[0])
    await books.settle(books.exchange())
    assert (await admission.get_account(books.users[0])).balance == 100
    account.read_at -= BALANCE_AGE_S
    assert (await admission.get_account(books.users[0])).balance == Decimal("99.9955")


async def test_many_who_ask_for_the_same_balance_read_it_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = await open_books(database)
    admission = Admission(database)
    reads = []

    async def counted(*arguments: object) -> dict[int, Decimal]:
        reads.append(arguments)
        return await read_balances(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(balances_module, "read_balances", counted)
    accounts = await asyncio.gather(*(admission.get_account(books.users[0]) for _ in range(100)))
    assert len(reads) == 1
    assert {account.balance for account in accounts} == {100}


@pytest.fixture
def slow_read(monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """The first balance that is read is handed on only after the second event; the first says that it was read."""
    was_read, may_return = asyncio.Event(), asyncio.Event()

    async def delayed(*arguments: object) -> dict[int, Decimal]:
        balances = await read_balances(*arguments)  # type: ignore[arg-type]
        if not was_read.is_set():
            was_read.set()
            await may_return.wait()
        return balances

    monkeypatch.setattr(balances_module, "read_balances", delayed)
    return was_read, may_return


async def test_a_balance_that_was_read_before_a_top_up_is_not_kept_after_it(
    database: Database, slow_read: tuple[asyncio.Event, asyncio.Event]
) -> None:
    books = await open_books(database, dollars="-1")
    admission = Admission(database)
    asking = asyncio.create_task(admission.admit(caller(books.users[0]), Decimal(1)))
    await slow_read[0].wait()
    await Accounts(database).move_money(
        CLERK, user_id=books.users[0], kind="credit", amount=Decimal(6), reason="top-up"
    )
    admission.expire()
    slow_read[1].set()
    assert (await asking).account.balance == 5


async def test_a_balance_that_was_read_before_a_settlement_is_not_kept_after_it(
    database: Database, slow_read: tuple[asyncio.Event, asyncio.Event]
) -> None:
    books = await open_books(database, dollars="0.001")
    admission = Admission(database)
    asking = asyncio.create_task(admission.admit(caller(books.users[0]), Decimal(1)))
    await slow_read[0].wait()
    sent_at = time.monotonic()
    await books.settle(books.exchange())
    admission.note_balance(books.users[0], Decimal("-0.0035"), sent_at)
    slow_read[1].set()
    with pytest.raises(BalanceExhausted):
        await asking


async def test_a_settlement_that_crossed_a_reading_makes_the_next_one_read_again(database: Database) -> None:
    books = await open_books(database)
    admission = Admission(database)
    sent_at = time.monotonic() - 0.1
    await admission.get_account(books.users[0])
    admission.note_balance(books.users[0], Decimal(7), sent_at)
    assert (await admission.get_account(books.users[0])).balance == 100


async def test_an_account_with_holds_is_not_forgotten(database: Database) -> None:
    books = await open_books(database, users=3, dollars="1")
    admission = Admission(database)
    admission._accounts = admission_module.LRUCache(1)
    hold = await admission.admit(caller(books.users[0]), Decimal("1"))
    for place in (1, 2):
        await admission.get_account(books.users[place])
    with pytest.raises(BalanceReserved):
        await admission.admit(caller(books.users[0]), Decimal("1"))
    admission.release(hold)
    await admission.admit(caller(books.users[0]), Decimal("1"))


async def test_a_refused_request_holds_nothing(database: Database) -> None:
    books = await open_books(database, dollars="1")
    admission = Admission(database)
    one = caller(books.users[0], max_concurrency=1)
    hold = await admission.admit(one, Decimal("0.1"))
    with pytest.raises(RateLimited):
        await admission.admit(one, Decimal("0.1"))
    with pytest.raises(Unauthenticated):
        await admission.admit(caller(999_999), Decimal("0.1"))
    admission.release(hold)
    assert (hold.account.held, admission._running) == (0, {})
