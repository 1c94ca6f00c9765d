"""What PostgreSQL looks at to find the requests that are chosen."""

import pytest
from books import open_books
from sqlalchemy import Table, select, text
from sqlalchemy.dialects import postgresql

from quart_proxy.store.database import Database
from quart_proxy.store.tables import usage_hourly, usage_log
from quart_proxy.store.usage_log import UsageFilter, narrow


@pytest.mark.parametrize("table", [usage_log, usage_hourly], ids=str)
async def test_requests_of_a_key_are_found_by_an_index_that_begins_with_its_user(
    database: Database, table: Table
) -> None:
    """Not by a walk through everybody's."""
    await open_books(database)
    query = select(table.c.cost).where(*narrow(table, UsageFilter(api_key_id=(1,)), ("user_id", "api_key_id")))
    compiled = query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    async with database.transaction() as connection:
        # The tables of a test are so small that a walk is the quickest.
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join((await connection.scalars(text(f"EXPLAIN {compiled}"))).all())
    assert "Index Cond: ((user_id = " in plan or "Index Cond: (user_id = " in plan, plan
