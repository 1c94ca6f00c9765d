"""The last request by each of some keys: which it was, and what client it came from.

Nothing is written for it: the hourly sums know the hour, and the index on user and id has the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.partitions import first_id_of


@dataclass(frozen=True, slots=True)
class LastRequest:
    """`client_agent` is what the client calls itself; None: it did not say."""

    request_id: UUID
    client_agent: str | None


# Without the hour, a key that has been quiet for long is looked for in all that its user did since.
_LAST = text(
    f"""
    SELECT k.id, r.request_id, r.client_agent
    FROM api_keys AS k
    CROSS JOIN LATERAL (
        SELECT max(hour) AS hour FROM usage_hourly WHERE user_id = k.user_id AND api_key_id = k.id) AS h
    CROSS JOIN LATERAL (
        SELECT request_id, client_agent
        FROM usage_log
        WHERE user_id = k.user_id AND api_key_id = k.id
          AND request_id >= {first_id_of("h.hour")} AND request_id < {first_id_of("h.hour + interval '1 hour'")}
        ORDER BY request_id DESC
        LIMIT 1) AS r
    WHERE k.id = ANY(:ids)
    """  # noqa: S608  (`first_id_of` is of constants)
)


async def read_last_requests(connection: AsyncConnection, key_ids: Sequence[int]) -> dict[int, LastRequest]:
    """By key; those by which no request came are left out."""
    query = _LAST.bindparams(bindparam("ids", list(key_ids), ARRAY(BigInteger)))
    return {row[0]: LastRequest(row[1], row[2]) for row in await connection.execute(query)}
