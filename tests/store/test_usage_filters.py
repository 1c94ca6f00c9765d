"""What PostgreSQL looks at to find the requests that are chosen."""

import pytest
from books import open_books
from sqlalchemy import Table, select, text
from sqlalchemy.dialects import postgresql

from quart_proxy.store.database import Database
from quart_proxy.store.tables import usage_hourly, usage_log
from quart_proxy.store.usage_log import UsageFilter, narrow, narrow_log

ROWS = 5000
RARE = {
    "model": UsageFilter(model=("rare",)),
    "outcome": UsageFilter(outcome=("usage_invalid",)),
    "status": UsageFilter(status=(range(418, 419),)),
    "error_code": UsageFilter(error_code=("rare",)),
}
"""What hardly any row has, by the column that tells."""


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


async def test_the_newest_rows_of_what_is_rare_are_found_by_an_index(database: Database) -> None:
    """Not by a walk through everything, back to where there are some."""
    books = await open_books(database)
    async with database.transaction() as connection:
        await connection.execute(
            text(
                "INSERT INTO usage_log (request_id, user_id, api_key_id, model, endpoint, streamed, outcome, status,"
                " started_at) SELECT lpad(to_hex(n), 32, '0')::uuid, :user, 1, 'common', 'messages', true, 'completed',"
                " 200, now() FROM generate_series(1, :rows) AS n"
            ),
            {"user": books.users[0], "rows": ROWS},
        )
        await connection.execute(text("ANALYZE usage_log"))
        for column, chosen in RARE.items():
            newest = select(usage_log.c.cost).where(narrow_log(chosen)).order_by(usage_log.c.request_id.desc())
            compiled = newest.limit(50).compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
            plan = "\n".join((await connection.scalars(text(f"EXPLAIN {compiled}"))).all())
            assert f"Index Cond: ({column} = " in plan, plan
