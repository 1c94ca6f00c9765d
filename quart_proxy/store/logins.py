"""Wrong admin passwords by address, counted in the database so that every worker counts the same."""

from sqlalchemy import case, delete, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.tables import login_attempts

_IS_FORGOTTEN = login_attempts.c.last_at < literal_column("now() - interval '1 day'")
"""Who was quiet for so long begins anew."""


async def read_failures(connection: AsyncConnection, address: str) -> tuple[int, float]:
    """How many failures in a row, and how many seconds ago the last was; (0, 0) for none, or none of late."""
    query = select(
        login_attempts.c.failures, func.extract("epoch", func.now() - login_attempts.c.last_at).label("age_s")
    ).where(login_attempts.c.address == address, ~_IS_FORGOTTEN)
    row = (await connection.execute(query)).first()
    return (0, 0.0) if row is None else (row.failures, float(row.age_s))


async def record_failure(connection: AsyncConnection, address: str) -> None:
    statement = insert(login_attempts).values(address=address, failures=1)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["address"],
            set_={"failures": case((_IS_FORGOTTEN, 1), else_=login_attempts.c.failures + 1), "last_at": func.now()},
        )
    )


async def clear_failures(connection: AsyncConnection, address: str) -> None:
    await connection.execute(delete(login_attempts).where(login_attempts.c.address == address))
