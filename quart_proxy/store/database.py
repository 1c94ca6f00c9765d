"""The way to PostgreSQL: one engine a process, transactions, and the one border where its errors become ours.

Whoever locks several rows takes them in this order, or two who cross would wait for each other until PostgreSQL ends
one of them (a 503 that works when it is tried again):

1. the registry, by `registry.state.lock_registry`: all that is served, its files, conflicts and holds
2. a dead letter
3. users, by their ids: a settlement has as many as its batch
4. keys, of users who are locked; one key alone needs no user
5. `config_version`, by `bump_version`
6. settings; secrets
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from quart_proxy.core.errors import Conflict, InvalidRequest, Unavailable
from quart_proxy.settings import DATABASE_TIMEOUT_S

POOL_SIZE = 4
POOL_OVERFLOW = 12
POOL_WAIT_S = 1.0
CONNECT_TIMEOUT_S = 2.0
RETRY_AFTER_S = 2

AWAY = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What asyncpg raises when the server is not there, went away, or does not answer."""

TRANSIENT = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
)
"""What PostgreSQL says when the same statement may succeed later."""

POOLED = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)
"""What it says of a prepared statement when a pooler has put another connection in place of ours."""


def engine_url(database_url: str) -> URL:
    """The SQLAlchemy address of `postgresql://...`. Raises ValueError for another kind of database."""
    url = make_url(database_url)
    if url.drivername.split("+")[0] not in ("postgresql", "postgres"):
        raise ValueError("DATABASE_URL must be a postgresql:// address.")
    return url.set(drivername="postgresql+asyncpg")


class Database:
    """Connections to one PostgreSQL. `read()` for a query, `snapshot()` for several that belong together,
    `transaction()` for writes. All raise Unavailable when the database is away or busy, Conflict when a unique or
    foreign key refuses, and InvalidRequest for a value that no column can hold."""

    def __init__(self, database_url: str) -> None:
        self.url = database_url
        self._engine = create_async_engine(
            engine_url(database_url),
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=POOL_WAIT_S,
            pool_pre_ping=True,
            connect_args={"timeout": CONNECT_TIMEOUT_S, "command_timeout": DATABASE_TIMEOUT_S},
        )
        self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._snapshots = self._engine.execution_options(isolation_level="REPEATABLE READ")

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for queries that need no transaction: each statement sees what is committed."""
        with translated_errors():
            async with self._reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """A connection for several queries that belong together: all see what was committed when the first began."""
        with translated_errors():
            async with self._snapshots.connect() as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction, committed when the block ends and rolled back when it raises."""
        with translated_errors():
            async with self._engine.begin() as connection:
                yield connection

    async def connect(self) -> "asyncpg.Connection[Any]":
        """A connection of one's own, outside the pool: for settling and for listening."""
        dsn = engine_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
        return await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S, command_timeout=DATABASE_TIMEOUT_S)

    async def close(self) -> None:
        await self._engine.dispose()


@contextmanager
def translated_errors() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise Conflict(_constraint_sentence(error)) from error
    except (OperationalError, InterfaceError, PoolTimeout, *AWAY) as error:
        raise Unavailable("The database is away; try again shortly.", retry_after_s=RETRY_AFTER_S) from error
    except DBAPIError as error:
        cause = error.orig and error.orig.__cause__
        if error.connection_invalidated or isinstance(cause, (*AWAY, *TRANSIENT)):
            raise Unavailable("The database is away; try again shortly.", retry_after_s=RETRY_AFTER_S) from error
        if isinstance(cause, POOLED):
            message = "A pooler gives our connections to others between transactions; let it pool sessions."
            raise Unavailable(message, retry_after_s=RETRY_AFTER_S) from error
        if isinstance(cause, asyncpg.DataError):
            raise InvalidRequest("A value cannot be kept: too large a number, or a NUL character.") from error
        raise


def _constraint_sentence(error: IntegrityError) -> str:
    cause = getattr(error.orig, "__cause__", None)
    name = getattr(cause, "constraint_name", None) or "a constraint"
    return f"This collides with what is already there ({name})."
