"""Requests that are refused before a provider is called: nothing is held, and each leaves a row that says why."""

from pathlib import Path
from typing import Any

import pytest
from books import RATES, Books, open_books
from chaos import eventually

from quart_proxy.core.errors import BalanceExhausted, MissingKey, ModelNotFound, Unavailable
from quart_proxy.core.formats import FORMATS
from quart_proxy.metrics import Metrics
from quart_proxy.services.admission import Admission
from quart_proxy.services.auth import Caller
from quart_proxy.services.billing import Settler
from quart_proxy.services.cooldown import Cooldowns
from quart_proxy.services.dispatch import Dispatcher, new_request_id
from quart_proxy.services.health import Health
from quart_proxy.services.relay import RelayContext
from quart_proxy.services.relay_pool import RelayPool
from quart_proxy.services.routing import Router
from quart_proxy.services.sealing import KeyResolver, Sealer
from quart_proxy.services.spool import Spool
from quart_proxy.store.catalog import Model, Upstream
from quart_proxy.store.catalog_writes import save_model
from quart_proxy.store.database import Database
from quart_proxy.store.usage_log import UsageRow
from quart_proxy.upstream.client import UpstreamClient

OPENAI = FORMATS["openai"]
KEYED = Upstream(key="x", api_format="openai", api_url="http://127.0.0.1:9/v1", api_key="${env:NO_API_KEY}")


class Desk:
    """A dispatcher and what is behind it."""

    def __init__(self, books: Books, folder: Path) -> None:
        self.books = books
        self.spool = Spool(folder)
        self.admission = Admission(books.database)
        self.settler = Settler(books.database, self.spool, self.admission.note_balance)
        self.pool = RelayPool()
        resolver = KeyResolver(env_allow=("*",), sealer=Sealer(["k" * 32]), environment={})
        context = RelayContext(
            UpstreamClient(allow_private=True),
            self.settler,
            self.admission,
            Metrics(),
            Health(self.settler, in_flight=lambda: 0),
            Cooldowns(),
        )
        self.dispatcher = Dispatcher(Router(books.database, resolver), context, self.pool)

    async def dispatch(self, model: str) -> Any:
        body = f'{{"model": "{model}", "messages": []}}'.encode()
        return await self.dispatcher.dispatch(
            request_id=new_request_id(),
            caller=Caller(self.books.users[0], "someone", 1, "key"),
            endpoint="/v1/chat/completions",
            format=OPENAI,
            request=OPENAI.parse_request(body),
            body_bytes=len(body),
            client_request_id=None,
        )

    async def one_row(self) -> UsageRow:
        async def rows() -> list[UsageRow]:
            return await self.books.rows()

        (row,) = await eventually(rows)
        return row

    def assert_nothing_is_held(self) -> None:
        assert (self.admission._holding, self.admission._running, self.spool._open_intents) == ({}, {}, {})


async def open_desk(database: Database, folder: Path, dollars: str = "1") -> Desk:
    books = await open_books(database, dollars=dollars)
    async with database.transaction() as connection:
        await save_model(connection, Model(key="keyed", display_name="keyed", rates=RATES, upstreams=(KEYED,)))
    desk = Desk(books, folder)
    desk.settler.start()
    return desk


@pytest.mark.parametrize(
    ("dollars", "model", "error"),
    [("1", "unknown", ModelNotFound), ("0.000000000001", "keyed", MissingKey), ("-1", "model", BalanceExhausted)],
)
async def test_a_refusal_leaves_a_row_that_says_why(
    database: Database, tmp_path: Path, dollars: str, model: str, error: type[Exception]
) -> None:
    desk = await open_desk(database, tmp_path, dollars)
    with pytest.raises(error):
        await desk.dispatch(model)
    row = await desk.one_row()
    assert (row.outcome, row.cost, row.error_code) == ("refused", 0, error.code)  # type: ignore[attr-defined]
    desk.assert_nothing_is_held()
    await desk.settler.stop()
    await desk.books.assert_balanced()


async def test_a_worker_that_is_stopping_refuses_and_leaves_no_intent_behind(
    database: Database, tmp_path: Path
) -> None:
    desk = await open_desk(database, tmp_path)
    await desk.pool.drain(0)
    with pytest.raises(Unavailable):
        await desk.dispatch("model")
    assert (await desk.one_row()).outcome == "refused"
    desk.assert_nothing_is_held()
    await desk.settler.stop()
    assert files_in(tmp_path) == []


async def test_a_journal_that_cannot_be_written_refuses_before_a_provider_is_called(
    database: Database, tmp_path: Path
) -> None:
    desk = await open_desk(database, tmp_path)
    await desk.admission.get_account(desk.books.users[0])
    desk.spool.is_healthy = False
    with pytest.raises(Unavailable) as refused:
        await desk.dispatch("model")
    assert refused.value.retry_after_s
    desk.assert_nothing_is_held()

    async def is_well() -> bool:
        return desk.settler.can_bill

    await eventually(is_well)
    await desk.settler.stop()


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())
