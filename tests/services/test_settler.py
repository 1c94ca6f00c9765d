"""The settler against a PostgreSQL that fails in every way there is: nothing lost, nothing twice, nobody waits long."""

import asyncio
import errno
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from books import Books, open_books, running_settler
from chaos import ChaosProxy, eventually
from sqlalchemy import text

from quart_proxy.core.record import Exchange
from quart_proxy.services import billing
from quart_proxy.services.billing import Settler
from quart_proxy.services.spool import Spool
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import count_dead_letters

DURABLE_S = 5
"""Far more than the second it may take: a test that is starved is not a fault."""


async def durable(*waiting: "asyncio.Future[Decimal | None]") -> None:
    async with asyncio.timeout(DURABLE_S):
        await asyncio.gather(*waiting)


@asynccontextmanager
async def settler_behind(wire: ChaosProxy, folder: Path) -> AsyncIterator[tuple[Settler, Spool]]:
    """A settler whose way to PostgreSQL is `wire`, with its connection already open."""
    database = Database(wire.url)
    async with running_settler(database, folder) as (settler, spool):
        yield settler, spool
    await database.close()


async def drained(settler: Settler) -> None:
    async def is_empty() -> bool:
        return settler.backlog == 0

    await eventually(is_empty)


async def dead_letters(books: Books) -> list[str]:
    async with books.database.read() as connection:
        assert await count_dead_letters(connection) >= 0
        return list(await connection.scalars(text("SELECT record FROM dead_letter ORDER BY id")))


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def owed(exchanges: list[Exchange]) -> Decimal:
    return sum((exchange.cost for exchange in exchanges), Decimal(0))


# --- batches ------------------------------------------------------------------------------------------


async def test_every_queued_exchange_is_durable_and_charged_once(database: Database, tmp_path: Path) -> None:
    books = await open_books(database, users=3)
    exchanges = [books.exchange(place % 3) for place in range(500)]
    async with running_settler(database, tmp_path) as (settler, _):
        await durable(*(settler.settle(exchange) for exchange in (*exchanges, *exchanges[:100])))
    assert len(await books.rows()) == 500
    await books.assert_balanced()


@pytest.mark.parametrize("bad", [{"user_id": 999_999}, {"price_id": 999_999}, {"cost": Decimal("NaN")}])
async def test_a_refused_record_becomes_a_dead_letter_and_the_others_of_its_batch_commit(
    database: Database, tmp_path: Path, bad: dict[str, object]
) -> None:
    books = await open_books(database)
    good = [books.exchange() for _ in range(60)]
    poison = [books.exchange(**bad) for _ in range(2)]
    async with running_settler(database, tmp_path) as (settler, spool):
        await durable(*(settler.settle(one) for one in (*good[:30], poison[0], *good[30:], poison[1])))
        assert spool.unreplayed == 0
        # It comes back, as one that was in doubt does: one letter is enough.
        await durable(settler.settle(poison[0]))
    assert await books.spent() == owed(good)
    letters = await dead_letters(books)
    assert [poison[place].encode().decode() for place in (0, 1)] == letters
    await books.assert_balanced()


async def test_waiters_that_vanish_do_not_end_the_settler(database: Database, tmp_path: Path) -> None:
    books = await open_books(database)
    exchanges = [books.exchange() for _ in range(50)]
    async with running_settler(database, tmp_path) as (settler, _):
        for exchange in exchanges:
            settler.settle(exchange).cancel()
        last = books.exchange()
        await durable(settler.settle(last))
    assert await books.spent() == owed([*exchanges, last])


async def test_what_is_queued_at_the_end_is_settled_before_leaving(database: Database, tmp_path: Path) -> None:
    books = await open_books(database)
    exchanges = [books.exchange() for _ in range(700)]
    async with running_settler(database, tmp_path) as (settler, _):
        for exchange in exchanges:
            settler.settle(exchange)
    assert await books.spent() == owed(exchanges)
    assert files_in(tmp_path) == []


async def test_a_deadlock_is_tried_again_and_never_seen_by_a_waiter(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    books = await open_books(database, users=3)
    name = database_url.partition("?")[0].rpartition("/")[2]
    lock = text("SELECT FROM users WHERE id = :id FOR UPDATE")
    async with database.transaction() as connection:
        # The settler is the one that notices, and pays.
        await connection.execute(text(f"ALTER DATABASE \"{name}\" SET deadlock_timeout = '20ms'"))
    async with running_settler(database, tmp_path) as (settler, spool):
        async with database.transaction() as rival:
            await rival.execute(text("SET LOCAL deadlock_timeout = '20s'"))
            await rival.execute(lock, {"id": books.users[2]})
            async with database.transaction() as gate:
                await gate.execute(lock, {"id": books.users[1]})
                waiting = [settler.settle(books.exchange(place)) for place in range(3)]
                await eventually(lambda: count_waiting(database, 1))
                closing = asyncio.create_task(rival.execute(lock, {"id": books.users[0]}))
                await eventually(lambda: count_waiting(database, 2))
            await closing
        await durable(*waiting)
        assert spool.unreplayed == 0
    assert len(await books.rows()) == 3
    await books.assert_balanced()


async def count_waiting(database: Database, least: int) -> bool:
    """Whether so many wait for a lock of this database."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with database.read() as connection:
        return int(await connection.scalar(text(query)) or 0) >= least


# --- a database that fails ----------------------------------------------------------------------------


@pytest.mark.usefixtures("hasty_settlers")
async def test_a_reply_lost_after_the_commit_is_charged_once(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    books = await open_books(database)
    first, second = books.exchange(), books.exchange()
    async with ChaosProxy(database_url).running() as wire, settler_behind(wire, tmp_path) as (settler, spool):
        await durable(settler.settle(first))
        wire.drops_replies = True
        await durable(settler.settle(second))
        # Committed there, and in the journal here: the settler could not know.
        assert await books.spent() == owed([first, second])
        assert spool.unreplayed == 1
        wire.resume()
        await drained(settler)
        third = books.exchange()
        await durable(settler.settle(third))
        assert spool.unreplayed == 0
    assert await books.spent() == owed([first, second, third])
    await books.assert_balanced()


@pytest.mark.parametrize("fault", ["stall", "go_away", "reset"])
@pytest.mark.usefixtures("hasty_settlers")
async def test_charges_are_durable_in_an_outage_and_counted_once_after_it(
    database: Database, database_url: str, tmp_path: Path, fault: str
) -> None:
    books = await open_books(database)
    exchanges = [books.exchange() for _ in range(40)]
    async with ChaosProxy(database_url).running() as wire, settler_behind(wire, tmp_path) as (settler, spool):
        await durable(*(settler.settle(exchange) for exchange in exchanges[:10]))
        # A database that is slow on a busy machine is an outage too.
        await drained(settler)
        getattr(wire, fault)()
        await durable(*(settler.settle(exchange) for exchange in exchanges[10:40]))
        assert settler.can_bill
        if fault != "reset":
            assert spool.unreplayed == 30
        wire.resume()
        await drained(settler)
    assert await books.spent() == owed(exchanges)
    assert files_in(tmp_path) == []
    await books.assert_balanced()


async def test_charges_that_come_while_the_journal_is_replayed_are_not_forgotten(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    books = await open_books(database)
    exchanges = [books.exchange() for _ in range(2000)]
    async with ChaosProxy(database_url).running() as wire, settler_behind(wire, tmp_path) as (settler, _):
        wire.go_away()
        await durable(*(settler.settle(exchange) for exchange in exchanges[:1500]))
        wire.resume()
        for start in range(1500, 2000, 10):
            await durable(*(settler.settle(exchange) for exchange in exchanges[start : start + 10]))
            await asyncio.sleep(0.02)
        await drained(settler)
        assert await books.spent() == owed(exchanges)
    await books.assert_balanced()


async def test_a_database_that_refuses_to_write_gets_no_dead_letters(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    books = await open_books(database)
    name = database_url.partition("?")[0].rpartition("/")[2]
    exchange = books.exchange()
    async with database.transaction() as connection:
        await connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    standby = Database(database_url)
    async with running_settler(standby, tmp_path) as (settler, spool):
        await durable(settler.settle(exchange))
        assert spool.unreplayed == 1
        async with database.transaction() as connection:
            await connection.execute(text("SET LOCAL transaction_read_only = off"))
            await connection.execute(text(f'ALTER DATABASE "{name}" RESET default_transaction_read_only'))
        await drained(settler)
    assert await dead_letters(books) == []
    assert await books.spent() == exchange.cost


async def test_a_table_that_is_not_there_yet_loses_no_charge_and_does_not_end_the_settler(
    database: Database, tmp_path: Path
) -> None:
    books = await open_books(database)
    exchange = books.exchange()
    async with database.transaction() as connection:
        await connection.execute(text("ALTER TABLE usage_log RENAME TO away"))
    async with running_settler(database, tmp_path) as (settler, spool):
        await durable(settler.settle(exchange))
        assert spool.unreplayed == 1
        async with database.transaction() as connection:
            await connection.execute(text("ALTER TABLE away RENAME TO usage_log"))
        await drained(settler)
    assert await books.spent() == exchange.cost
    assert await dead_letters(books) == []


@pytest.mark.usefixtures("hasty_settlers")
async def test_a_users_row_that_stays_locked_sends_the_charge_to_the_journal(
    database: Database, tmp_path: Path
) -> None:
    books = await open_books(database)
    exchange = books.exchange()
    async with running_settler(database, tmp_path) as (settler, spool):
        async with database.transaction() as holder:
            await holder.execute(text("SELECT FROM users FOR UPDATE"))
            assert await settler.settle(exchange) is None, "no balance has this charge in it yet"
            assert spool.unreplayed == 1
        await drained(settler)
    assert await books.spent() == exchange.cost


async def test_replayed_charges_are_durable_whatever_the_server_says_by_default(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    books = await open_books(database)
    name = database_url.partition("?")[0].rpartition("/")[2]
    async with database.transaction() as connection:
        await connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
        # What each settling connection runs with, as it settles.
        await connection.execute(text("CREATE TABLE seen (mode text)"))
        await connection.execute(
            text(
                "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                " INSERT INTO seen SELECT current_setting('synchronous_commit'); RETURN NEW; END $$"
            )
        )
        await connection.execute(text("CREATE TRIGGER see BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION see()"))
    dead = Spool(tmp_path)
    dead.append([books.exchange().encode()])
    os.close(dead._descriptor)
    fresh = Database(database_url)
    async with running_settler(fresh, tmp_path) as (settler, spool):
        await durable(settler.settle(books.exchange()))
        spool.append([books.exchange().encode()])
        await drained(settler)

        async def is_adopted() -> bool:
            return len(await books.rows()) == 3

        await eventually(is_adopted)
    async with database.read() as connection:
        assert list(await connection.scalars(text("SELECT mode FROM seen"))) == ["on", "on", "on"]


# --- a journal that fails -----------------------------------------------------------------------------


async def test_when_neither_place_takes_a_charge_no_request_may_begin_and_it_is_settled_later(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = await open_books(database)
    exchanges = [books.exchange() for _ in range(5)]
    failing = threading.Event()
    sync = os.fdatasync

    def fdatasync(descriptor: int) -> None:
        if failing.is_set():
            raise OSError(errno.EIO, "input/output error")
        sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    async with ChaosProxy(database_url).running() as wire, settler_behind(wire, tmp_path) as (settler, _):
        await durable(settler.settle(exchanges[0]))
        failing.set()
        wire.go_away()
        waiting = [settler.settle(exchange) for exchange in exchanges[1:]]

        async def is_refusing() -> bool:
            return not settler.can_bill

        await eventually(is_refusing)
        assert not any(future.done() for future in waiting)
        with pytest.raises(billing.SpoolBroken):
            settler.begin(books.exchange())
        wire.resume()
        await durable(*waiting)
        failing.clear()

        async def is_well() -> bool:
            return settler.can_bill

        await eventually(is_well)
        await drained(settler)
    assert await books.spent() == owed(exchanges)
    await books.assert_balanced()


# --- what dead workers leave --------------------------------------------------------------------------


def leave(folder: Path, *, settled: list[Exchange], begun: list[Exchange], age_s: float = 100) -> Path:
    """The file of a worker that was killed after it synced these."""
    spool = Spool(folder)
    for exchange in begun:
        spool.note_intent(exchange.request_id.bytes, exchange.encode())
    if settled:
        spool.append([exchange.encode() for exchange in settled])
        spool.sync()
    os.close(spool._descriptor)
    then = spool._path.stat().st_mtime - age_s
    os.utime(spool._path, (then, then))
    return spool._path


async def gone(path: Path) -> None:
    async def is_gone() -> bool:
        return path not in files_in(path.parent)

    await eventually(is_gone)


async def test_a_sibling_settles_what_a_dead_worker_left_and_names_what_it_cut(
    database: Database, tmp_path: Path
) -> None:
    books = await open_books(database)
    begun = [books.intent() for _ in range(4)]
    spooled = books.exchange(request_id=begun[0].request_id)
    committed = books.exchange(request_id=begun[1].request_id)
    await books.settle(committed)
    path = leave(tmp_path, settled=[spooled], begun=begun)
    async with running_settler(database, tmp_path):
        await gone(path)
    rows = {row.request_id: row for row in await books.rows()}
    assert [rows[one.request_id].outcome for one in begun] == ["completed", "completed", "interrupted", "interrupted"]
    assert {rows[one.request_id].cost for one in begun[2:]} == {Decimal(0)}
    assert await books.spent() == spooled.cost + committed.cost
    await books.assert_balanced()


async def test_a_refused_settlement_is_not_called_interrupted_as_well(database: Database, tmp_path: Path) -> None:
    books = await open_books(database)
    poison = books.exchange(price_id=999_999)
    path = leave(tmp_path, settled=[poison], begun=[poison])
    async with running_settler(database, tmp_path):
        await gone(path)
    assert await books.rows() == []
    assert await dead_letters(books) == [poison.encode().decode()]


async def test_intents_of_a_worker_that_died_just_now_wait_and_its_settlements_do_not(
    database: Database, tmp_path: Path
) -> None:
    books = await open_books(database)
    spooled, cut = books.exchange(), books.intent()
    path = leave(tmp_path, settled=[spooled], begun=[cut], age_s=0)
    async with running_settler(database, tmp_path):

        async def is_settled() -> bool:
            return len(await books.rows()) == 1

        await eventually(is_settled)
        assert path.exists()
        os.utime(path, (1, 1))
        await gone(path)
    assert [row.outcome for row in await books.rows(outcome="interrupted")] == ["interrupted"]
    assert await books.spent() == spooled.cost


async def test_intents_of_a_living_worker_are_nobodys_to_judge(database: Database, tmp_path: Path) -> None:
    books = await open_books(database)
    exchange = books.exchange()
    async with running_settler(database, tmp_path) as (settler, spool):
        settler.begin(exchange)
        spool.append([books.exchange().encode()])
        async with running_settler(database, tmp_path):
            await drained(settler)
            os.utime(spool._path, (1, 1))
            await asyncio.sleep(billing.SWEEP_PAUSE_S * 1.5)
        assert await books.rows(outcome="interrupted") == []
        await durable(settler.settle(exchange))
    assert {row.request_id for row in await books.rows()} > {exchange.request_id}
    assert await books.spent() == 2 * exchange.cost


async def test_two_workers_that_replay_the_same_file_count_it_once(database: Database, tmp_path: Path) -> None:
    books = await open_books(database)
    exchanges = [books.exchange() for _ in range(900)]
    paths = [leave(tmp_path, settled=exchanges, begun=exchanges[:10]) for _ in range(2)]
    async with running_settler(database, tmp_path), running_settler(database, tmp_path):
        for path in paths:
            await gone(path)
    assert len(await books.rows()) == 900
    assert await books.spent() == owed(exchanges)
    await books.assert_balanced()


async def test_what_a_dead_worker_left_in_an_outage_is_settled_after_it(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    books = await open_books(database)
    exchange = books.exchange()
    async with ChaosProxy(database_url).running() as wire:
        wire.refuses = True
        path = leave(tmp_path, settled=[exchange], begun=[])
        async with settler_behind(wire, tmp_path):
            # Time for a sweep that fails.
            await asyncio.sleep(0.2)
            assert path.exists()
            wire.resume()
            await gone(path)
    assert await books.spent() == exchange.cost


async def test_one_file_that_cannot_be_replayed_does_not_hold_up_the_others(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(billing, "STATEMENT_TIMEOUT_S", 1)
    monkeypatch.setattr(billing, "TRIES_MAX", 1)
    books = await open_books(database, users=2)
    stuck, fine = books.exchange(0), books.exchange(1)
    late = [leave(tmp_path, settled=[stuck], begun=[]) for _ in range(2)]
    good = [leave(tmp_path, settled=[fine], begun=[]) for _ in range(2)]
    async with running_settler(database, tmp_path):
        async with database.transaction() as holder:
            await holder.execute(text("SELECT FROM users WHERE id = :id FOR UPDATE"), {"id": books.users[0]})
            for path in good:
                await gone(path)
        for path in late:
            await gone(path)
    assert (await books.spent(0), await books.spent(1)) == (stuck.cost, fine.cost)


async def test_the_settler_hears_the_balance_that_it_made(database: Database, tmp_path: Path) -> None:
    books = await open_books(database)
    heard: list[tuple[int, Decimal]] = []
    settler = Settler(database, Spool(tmp_path), lambda user_id, balance, _: heard.append((user_id, balance)))
    settler.start()
    exchange = books.exchange()
    left = await settler.settle(exchange)
    assert heard == [(books.users[0], left)] == [(books.users[0], Decimal(100) - exchange.cost)]
    await durable(settler.settle(exchange))
    assert len(heard) == 1
    await settler.stop()
