"""kill -9 of a real process at each point of a settlement, and of PostgreSQL: the next worker's books are exact."""

import asyncio
import os
import pickle
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from books import Books, open_books, running_settler
from chaos import ChaosProxy, eventually

from quart_proxy.core.record import Exchange
from quart_proxy.store.database import Database
from quart_proxy.store.embedded import embedded_postgres, remove_embedded_postgres
from quart_proxy.store.schema import migrate

WORKER = Path(__file__).parent / "doomed_worker.py"


async def start_worker(url: str, folder: Path, point: str, exchanges: Sequence[Exchange]) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(WORKER),
        url,
        str(folder),
        point,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdin is not None
    data = pickle.dumps(list(exchanges))
    process.stdin.write(f"{len(data)}\n".encode() + data)
    await process.stdin.drain()
    return process


async def read_line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


def end_input(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()


async def inherit(books: Books, folder: Path) -> None:
    """A new worker over what the killed one left, until nothing is left of it."""
    for path in files_in(folder):
        os.utime(path, (1, 1))
    async with running_settler(books.database, folder) as (_, spool):

        async def is_alone() -> bool:
            return files_in(folder) == [spool._path]

        await eventually(is_alone)
    await books.assert_balanced()


def files_in(folder: Path) -> list[Path]:
    return list(folder.glob("*.spool"))


@pytest.mark.parametrize(
    ("point", "billed", "interrupted"),
    [
        ("after_intents", 0, 600),
        ("in_spool_write", 599, 1),
        ("after_fsync", 600, 0),
        ("in_replay", 600, 0),
        ("after_commit", 600, 0),
    ],
)
async def test_a_killed_worker_bills_what_was_durable_and_names_the_rest(
    database: Database, database_url: str, tmp_path: Path, point: str, billed: int, interrupted: int
) -> None:
    books = await open_books(database, users=3)
    exchanges = [books.exchange(place % 3) for place in range(600)]
    process = await start_worker(database_url, tmp_path, point, exchanges)
    assert await process.wait() == -signal.SIGKILL
    end_input(process)
    await inherit(books, tmp_path)
    rows = await books.rows()
    assert len(rows) == 600
    assert len([row for row in rows if row.outcome == "completed"]) == billed
    assert len([row for row in rows if row.outcome == "interrupted"]) == interrupted


async def test_a_worker_killed_between_sending_a_commit_and_its_reply_bills_once(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    books = await open_books(database)
    exchanges = [books.exchange() for _ in range(20)]
    async with ChaosProxy(database_url).running() as wire:
        process = await start_worker(wire.url, tmp_path, "after_send", exchanges)
        assert await read_line(process) == "ready"
        wire.drops_replies = True
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        assert await read_line(process) == "sent"

        async def is_committed() -> bool:
            return len(await books.rows()) == 20

        await eventually(is_committed)
        process.kill()
        await process.wait()
        end_input(process)
    await inherit(books, tmp_path)
    assert await books.spent() == sum(exchange.cost for exchange in exchanges)
    assert {row.outcome for row in await books.rows()} == {"completed"}


async def test_a_killed_postgresql_loses_no_charge_and_counts_none_twice(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with embedded_postgres(home) as server:
        await asyncio.to_thread(migrate, server.url)
        database = Database(server.url)
        books = await open_books(database)
        pid = int((await asyncio.to_thread(_postmaster_file, server.socket_folder)).splitlines()[0])
        exchanges = [books.exchange() for _ in range(100)]
        async with running_settler(database, tmp_path / "spool") as (settler, spool):
            waiting = [settler.settle(exchange) for exchange in exchanges]
            await waiting[0]
            os.kill(pid, signal.SIGKILL)

            async def is_noticed() -> bool:
                """PostgreSQL's own processes outlive their parent by a moment."""
                exchanges.append(books.exchange())
                await settler.settle(exchanges[-1])
                return spool.unreplayed > 0

            async with asyncio.timeout(20):
                await asyncio.gather(*waiting)
                await eventually(is_noticed)
            with embedded_postgres(home):

                async def is_settled() -> bool:
                    return settler.backlog == 0

                await eventually(is_settled)
                assert await books.spent() == sum(exchange.cost for exchange in exchanges)
                await books.assert_balanced()
        await database.close()
    await asyncio.to_thread(remove_embedded_postgres, home)


def _postmaster_file(socket_folder: Path) -> str:
    return (socket_folder.parent / "data" / "postmaster.pid").read_text()
