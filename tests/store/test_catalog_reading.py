"""Reading a catalog of any size."""

from quart_proxy.store.catalog import list_names
from quart_proxy.store.database import Database
from quart_proxy.store.served import list_upstreams


async def test_more_models_are_read_at_once_than_a_statement_has_parameters(database: Database) -> None:
    ids = range(1, 40_000)
    async with database.read() as connection:
        assert await list_names(connection, ids) == {}
        assert await list_upstreams(connection, ids) == {}
