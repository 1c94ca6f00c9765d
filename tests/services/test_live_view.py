"""The tail of the log, while settlers overtake each other and watchers come, go and dawdle."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from books import Books, open_books
from chaos import ChaosProxy
from sqlalchemy import text

from quart_proxy.core.record import Exchange
from quart_proxy.core.tail import TailCursor, parse_tail_cursor
from quart_proxy.services.coherence import ChangeWatch
from quart_proxy.services.in_flight import InFlightBoard
from quart_proxy.services.live_view import LiveView
from quart_proxy.services.relay_pool import RelayPool
from quart_proxy.services.watchers import QUEUED_ROWS_MAX, Event, Missed, Settled, Watcher, WatchFilter
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import settle_records
from quart_proxy.store.usage_log import find_tail_end, read_tail

FOREVER_S = 3600.0


@asynccontextmanager
async def open_view(database: Database) -> AsyncIterator[LiveView]:
    """What one worker has."""
    view = LiveView(database, InFlightBoard(database, RelayPool(), ChangeWatch(database, lambda: None)))
    try:
        yield view
    finally:
        await view.stop()


async def take(view: LiveView, watcher: Watcher, wanted: int) -> list[Settled]:
    """At least so many rows."""
    told: list[Settled] = []
    async with asyncio.timeout(30):
        while len(told) < wanted:
            events = await view.take(watcher, 0.5)
            assert events is not None
            told += [event for event in events if isinstance(event, Settled)]
    return told


async def begin(view: LiveView, position: TailCursor | None = None) -> Watcher:
    """A watcher that what happens from now on is told to."""
    watcher = view.enter(WatchFilter(), position, ends_in_s=FOREVER_S)
    await view.take(watcher, 0.01)
    return watcher


async def begin_settlement(books: Books, *exchanges: Exchange) -> "asyncpg.Connection[Any]":
    """A transaction that has written them and is still open."""
    connection = await books.database.connect()
    await connection.execute("BEGIN")
    await settle_records(connection, [exchange.encode().decode() for exchange in exchanges])
    return connection


async def commit(connection: "asyncpg.Connection[Any]") -> None:
    await connection.execute("COMMIT")
    await connection.close()


def ids(told: Sequence[Settled]) -> list[UUID]:
    return [event.row.request_id for event in told]


async def test_rows_are_told_as_they_commit_and_nobody_waits_for_a_transaction_that_began_before(
    database: Database,
) -> None:
    books = await open_books(database, users=3)
    early, middle, late = (books.exchange(user) for user in range(3))
    async with open_view(database) as view:
        watcher = await begin(view)
        first, second = await begin_settlement(books, early), await begin_settlement(books, middle)
        await books.settle(late)
        assert ids(await take(view, watcher, 1)) == [late.request_id]
        await commit(second)
        [told] = await take(view, watcher, 1)
        assert told.row.request_id == middle.request_id
        # Who comes back from here, to any worker, still gets the one that is open.
        async with open_view(database) as other:
            returned = await begin(other, parse_tail_cursor(str(told.cursor)))
            await commit(first)
            for both in ((view, watcher), (other, returned)):
                assert ids(await take(*both, 1)) == [early.request_id]


async def test_a_transaction_that_is_rolled_back_is_never_told(database: Database) -> None:
    books = await open_books(database, users=2)
    async with open_view(database) as view:
        watcher = await begin(view)
        undone = await begin_settlement(books, books.exchange(0))
        kept = books.exchange(1)
        await books.settle(kept)
        assert ids(await take(view, watcher, 1)) == [kept.request_id]
        await undone.close()
        another = books.exchange(0)
        await books.settle(another)
        assert ids(await take(view, watcher, 1)) == [another.request_id]


@pytest.mark.parametrize("seed", range(4))
async def test_settlers_with_open_transactions_and_watchers_that_come_and_go_each_row_is_told_once(
    database: Database, seed: int
) -> None:
    chance = random.Random(seed)
    settlers = 6
    books = await open_books(database, users=settlers)
    settled: list[UUID] = []
    is_over = asyncio.Event()

    async def settle_on(user: int) -> None:
        for _ in range(12):
            batch = [books.exchange(user) for _ in range(chance.randint(1, 5))]
            connection = await begin_settlement(books, *batch)
            await asyncio.sleep(chance.choice((0, 0.01, 0.3)))
            if chance.random() < 0.15:
                await connection.close()
                continue
            await commit(connection)
            settled.extend(exchange.request_id for exchange in batch)

    async def watch(views: Sequence[LiveView], begun: asyncio.Barrier) -> list[UUID]:
        """Reads on for a while, leaves after any row, and comes back to any worker."""
        told: list[UUID] = []
        view = chance.choice(views)
        watcher = await begin(view)
        last = watcher.position
        await begun.wait()
        while not is_over.is_set() or len(told) < len(settled):
            rows = [event for event in await view.take(watcher, 0.1) or () if isinstance(event, Settled)]
            leaves = chance.random() < 0.3
            taken = rows[: chance.randint(0, len(rows))] if leaves else rows
            told += ids(taken)
            if taken:
                last = taken[-1].cursor
            elif not rows:
                last = watcher.position
            if leaves:
                view.leave(watcher)
                view = chance.choice(views)
                watcher = view.enter(WatchFilter(), parse_tail_cursor(str(last)), ends_in_s=FOREVER_S)
        view.leave(watcher)
        return told

    async with open_view(database) as one, open_view(database) as two:
        begun = asyncio.Barrier(4)
        watchers = [asyncio.create_task(watch((one, two), begun)) for _ in range(3)]
        await begun.wait()
        async with asyncio.timeout(60):
            await asyncio.gather(*(settle_on(user) for user in range(settlers)))
            is_over.set()
            for told in await asyncio.gather(*watchers):
                assert sorted(told) == sorted(settled)
    await books.assert_balanced()


async def test_a_page_that_ends_inside_a_transaction_goes_on_inside_it(database: Database) -> None:
    books = await open_books(database, users=3)
    async with database.read() as connection:
        cursor = await find_tail_end(connection)
        opened = await begin_settlement(books, *(books.exchange(0) for _ in range(5)))
        await books.settle(*(books.exchange(1) for _ in range(7)))
        told: list[UUID] = []
        for turn in range(100):
            page = await read_tail(connection, parse_tail_cursor(str(cursor)), limit=3)
            told += [row.request_id for _, row in page.rows]
            cursor = page.cursor
            if turn == 1:
                # It began before what is half read, and commits behind it.
                await commit(opened)
            elif not page.has_more:
                break
        assert len(told) == len(set(told)) == 12
        assert sorted(told) == sorted(row.request_id for row in await books.rows())


async def test_a_watcher_that_dawdles_gets_every_row_once_and_in_order(database: Database) -> None:
    books = await open_books(database)
    async with open_view(database) as view:
        watcher = await begin(view)
        for _ in range(13):
            await books.settle(*(books.exchange() for _ in range(200)))
        async with asyncio.timeout(30):
            while not watcher.is_behind:
                await asyncio.sleep(0.05)
        assert 2600 > QUEUED_ROWS_MAX
        told = await take(view, watcher, 2600)
        await books.settle(last := books.exchange())
        told += await take(view, watcher, 1)
        expected = sorted(row.request_id for row in await books.rows())
        assert ids(told) == expected
        assert ids(told)[-1] == last.request_id


async def test_who_was_away_too_long_is_told_to_read_anew(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quart_proxy.services.live_view.MISSED_ROWS_MAX", 5)
    books = await open_books(database)
    async with database.read() as connection:
        before = await find_tail_end(connection)
    await books.settle(*(books.exchange() for _ in range(5)))
    async with open_view(database) as view:
        watcher = view.enter(WatchFilter(), before, ends_in_s=FOREVER_S)
        assert len(await take(view, watcher, 5)) == 5
        await books.settle(books.exchange())
        watcher = view.enter(WatchFilter(), before, ends_in_s=FOREVER_S)
        events: list[Event] | None = await view.take(watcher, 0.1)
        assert events == [Missed()]
        await books.settle(last := books.exchange())
        assert ids(await take(view, watcher, 1)) == [last.request_id]


async def test_a_database_that_was_away_hides_no_row(database: Database, database_url: str) -> None:
    books = await open_books(database)
    async with ChaosProxy(database_url).running() as wire:
        through = Database(wire.url)
        async with open_view(through) as view:
            watcher = await begin(view)
            await books.settle(first := books.exchange())
            assert ids(await take(view, watcher, 1)) == [first.request_id]
            wire.go_away()
            missed = [books.exchange() for _ in range(3)]
            await books.settle(*missed)
            assert await view.take(watcher, 0.5) == []
            wire.resume()
            assert ids(await take(view, watcher, 3)) == [exchange.request_id for exchange in missed]
        await through.close()


async def test_rows_of_a_restored_dump_are_not_told(database: Database) -> None:
    """They have the transaction numbers of another server, some of them yet to come here."""
    books = await open_books(database)
    async with open_view(database) as view:
        watcher = await begin(view)
        restored, own = books.exchange(), books.exchange()
        async with database.transaction() as connection:
            await connection.execute(
                text(
                    "INSERT INTO usage_log (request_id, user_id, api_key_id, model, endpoint, streamed, outcome,"
                    " status, started_at, xid)"
                    " VALUES (:id, :user, 1, 'm', 'e', false, 'refused', 402, now(), 900000000000)"
                ),
                {"id": restored.request_id, "user": books.users[0]},
            )
        await books.settle(own)
        assert ids(await take(view, watcher, 1)) == [own.request_id]
        assert await view.take(watcher, 0.6) == []


async def test_the_log_is_read_while_somebody_watches_and_no_longer(database: Database) -> None:
    async with open_view(database) as view:
        watcher = await begin(view)
        reader = view._reader
        assert reader is not None and not reader.done()
        view.leave(watcher)
        await asyncio.wait_for(reader, 10)
        assert view._position is None
        again = await begin(view)
        assert view._reader is not reader
        view.close()
        assert await view.take(again, 10) is None
