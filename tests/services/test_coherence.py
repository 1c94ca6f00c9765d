"""Two workers on one database: what an admin changes is seen by both, whatever becomes of notifications."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal

import pytest
from chaos import eventually
from product import PRICES, TESTER, Product, cloned_database, serve_product
from sqlalchemy import text

from quart_proxy.core.usage import Dimension
from quart_proxy.services.cache import Cache
from quart_proxy.services.coherence import ChangeWatch
from quart_proxy.store.changes import bump_version
from quart_proxy.store.database import Database

BODY = {"max_tokens": 10, "messages": [{"role": "user", "content": "hello there"}]}


@dataclass
class Pair:
    """Two workers. Changes are made behind both, and each must notice by itself."""

    one: Product
    two: Product

    async def ask(self, worker: Product, key: str, model: str) -> int:
        answer = await worker.post(
            "/v1/chat/completions", {**BODY, "model": model}, headers={"authorization": f"Bearer {key}"}
        )
        return answer.status_code

    async def both_say(self, status: int, key: str, model: str = "sandbox-gpt") -> None:
        """Ask until both workers say so; the cache alone would hold the old answer for a minute."""

        async def is_said() -> bool:
            return {await self.ask(worker, key, model) for worker in (self.one, self.two)} == {status}

        await eventually(is_said, tries=60)


@pytest.fixture(scope="module")
async def pair(
    server_url: str, template: str, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pair]:
    async with cloned_database(server_url, template) as url:
        folder = tmp_path_factory.mktemp("pair")
        async with serve_product(url, sandbox_url, folder) as one, serve_product(url, sandbox_url, folder) as two:
            yield Pair(one, two)


async def new_key(pair: Pair, dollars: str = "100") -> tuple[int, str]:
    user_id, key = await pair.one.add_user(dollars)
    return user_id, key


async def kill_listeners(pair: Pair) -> None:
    listeners = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"

    async def both_listen() -> bool:
        async with pair.one.database.read() as connection:
            return await connection.scalar(text(f"SELECT count(*) = 2 {listeners}")) is True

    await eventually(both_listen)
    async with pair.one.database.read() as connection:
        killed = await connection.scalars(text(f"SELECT pg_terminate_backend(pid) {listeners}"))
        assert list(killed) == [True, True]


async def test_a_revoked_key_is_refused_by_both_workers(pair: Pair) -> None:
    user_id, key = await new_key(pair)
    await pair.both_say(200, key)
    async with pair.one.database.read() as connection:
        key_id = await connection.scalar(text("SELECT id FROM api_keys WHERE user_id = :id"), {"id": user_id})
    await pair.one.accounts.revoke_key(TESTER, int(key_id or 0))
    await pair.both_say(401, key)


async def test_a_disabled_user_is_refused_and_then_served_again(pair: Pair) -> None:
    user_id, key = await new_key(pair)
    await pair.both_say(200, key)
    await pair.two.accounts.update_user(TESTER, user_id, {"disabled": True})
    await pair.both_say(403, key)
    await pair.two.accounts.update_user(TESTER, user_id, {"disabled": False})
    await pair.both_say(200, key)


async def test_a_top_up_opens_the_door_of_both_workers(pair: Pair) -> None:
    user_id, key = await new_key(pair, dollars="0")
    await pair.both_say(402, key)
    await pair.one.accounts.move_money(TESTER, user_id=user_id, kind="credit", amount=Decimal(5), reason="top-up")
    await pair.both_say(200, key)


async def test_a_model_is_unknown_then_served_then_gone_on_both_workers(pair: Pair) -> None:
    _, key = await new_key(pair)
    await pair.both_say(404, key, "brand-new")
    await pair.one.add_model("brand-new")
    await pair.both_say(200, key, "BRAND-New")
    await pair.one.add_model("brand-new", enabled=False)
    await pair.both_say(404, key, "brand-new")


async def test_a_new_price_is_charged_by_both_workers_after_their_listeners_were_killed(pair: Pair) -> None:
    _, key = await new_key(pair)
    await pair.both_say(200, key)
    await kill_listeners(pair)
    dear = {**PRICES, Dimension.INPUT: Decimal(333)}
    await pair.one.add_model("priced")
    await pair.both_say(200, key, "priced")
    await pair.one.add_model("priced", rates=dear)

    async def is_charged() -> bool:
        costs = set()
        for worker in (pair.one, pair.two):
            answer = await worker.post(
                "/v1/chat/completions", {**BODY, "model": "priced"}, headers={"authorization": f"Bearer {key}"}
            )
            costs.add(Decimal(answer.headers["x-quart-proxy-cost"]) > Decimal("0.0006"))
        return costs == {True}

    await eventually(is_charged, tries=60)
    assert await pair.one.imbalances() == []


async def test_a_change_whose_notification_was_lost_is_found_by_asking(pair: Pair) -> None:
    user_id, key = await new_key(pair)
    await pair.both_say(200, key)
    async with pair.one.database.transaction() as connection:
        await connection.execute(text("UPDATE users SET disabled = true WHERE id = :id"), {"id": user_id})
        await connection.execute(text("UPDATE config_version SET version = version + 1"))
    await pair.both_say(403, key)


async def test_a_change_is_heard_at_once_by_notification(database: Database) -> None:
    heard = asyncio.Event()
    watch = ChangeWatch(database, heard.set)
    watch.start()

    async def is_listening() -> bool:
        return watch._listener is not None and watch.version > 0

    await eventually(is_listening)
    for _ in range(3):
        heard.clear()
        async with database.transaction() as connection:
            version = await bump_version(connection)
        async with asyncio.timeout(5):
            await heard.wait()
        assert watch.version == version
    await watch.stop()


async def test_a_watch_survives_a_database_that_is_away(database_url: str) -> None:
    changes: list[int] = []
    watch = ChangeWatch(Database("postgresql://nobody@127.0.0.1:1/none"), lambda: changes.append(1))
    watch.start()
    await asyncio.sleep(0.1)
    assert watch._task is not None
    assert not watch._task.done()
    await watch.stop()
    assert changes == []


# --- the cache itself ---------------------------------------------------------------------------------


class Source:
    """Something to load from that can be held up between reading and answering."""

    def __init__(self) -> None:
        self.value = "old"
        self.loads = 0
        self.was_read = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def load(self, key: str) -> str:
        self.loads += 1
        value = self.value
        self.was_read.set()
        await self.may_answer.wait()
        return value


async def test_what_was_read_before_a_clear_is_not_kept_after_it() -> None:
    source = Source()
    cache = Cache(source.load, entries_max=10, ttl_s=60)
    first = asyncio.create_task(cache.get("key"))
    await source.was_read.wait()
    source.value = "new"
    cache.clear()
    second = asyncio.create_task(cache.get("key"))
    await asyncio.sleep(0)
    source.may_answer.set()
    assert (await first, await second, await cache.get("key")) == ("old", "new", "new")
    assert source.loads == 2


async def test_many_who_miss_wait_for_one_load_and_one_that_leaves_harms_nobody() -> None:
    source = Source()
    cache = Cache(source.load, entries_max=10, ttl_s=60)
    waiting = [asyncio.create_task(cache.get("key")) for _ in range(20)]
    await source.was_read.wait()
    waiting[0].cancel()
    source.may_answer.set()
    assert await asyncio.gather(*waiting[1:]) == ["old"] * 19
    assert source.loads == 1


async def test_a_load_that_fails_is_told_to_all_who_wait_and_not_kept() -> None:
    answers = [OSError("away"), "here"]

    async def load(key: str) -> str:
        await asyncio.sleep(0)
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    cache = Cache(load, entries_max=10, ttl_s=60)
    told = await asyncio.gather(*(cache.get("key") for _ in range(3)), return_exceptions=True)
    assert [str(answer) for answer in told] == ["away"] * 3
    assert await cache.get("key") == "here"


async def test_an_entry_lives_no_longer_than_its_time() -> None:
    source = Source()
    source.may_answer.set()
    cache = Cache(source.load, entries_max=10, ttl_s=0.02)
    assert await cache.get("key") == "old"
    source.value = "new"
    await asyncio.sleep(0.05)
    assert await cache.get("key") == "new"
