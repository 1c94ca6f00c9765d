"""Lists of users and keys as a page shows them: sorted, narrowed, in pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.accounts import ApiKey, User, user_of
from quart_proxy.store.tables import api_keys, usage_hourly, users


class UserSort(StrEnum):
    """What users are ordered by; among equals, by their ids."""

    ID = "id"
    NAME = "name"
    BALANCE = "balance"
    SPENT = "spent_30d"


class KeyStatus(StrEnum):
    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ends: the value that the list is sorted by, and the id."""

    value: int | str | Decimal
    id: int


async def list_users_by(
    connection: AsyncConnection,
    sort: UserSort,
    *,
    descending: bool = False,
    after: Place | None = None,
    limit: int,
    containing: str = "",
    low: bool = False,
) -> list[tuple[User, Place]]:
    """Those after a place, each with its own; `containing` is a part of the name or the address, `low` those with
    nothing left. A value that changes between two pages may show its user twice, or not at all."""
    spent = (
        select(usage_hourly.c.user_id, func.sum(usage_hourly.c.cost).label("cost"))
        .where(usage_hourly.c.hour >= literal_column("date_trunc('hour', now() - interval '30 days')"))
        .group_by(usage_hourly.c.user_id)
        .subquery()
    )
    values: dict[UserSort, ColumnElement[Any]] = {
        UserSort.ID: users.c.id,
        UserSort.NAME: func.lower(users.c.name),
        UserSort.BALANCE: users.c.balance,
        UserSort.SPENT: func.coalesce(spent.c.cost, 0),
    }
    value = values[sort]
    source = users.outerjoin(spent, spent.c.user_id == users.c.id) if sort is UserSort.SPENT else users
    conditions: list[ColumnElement[bool]] = [users.c.deleted_at.is_(None)]
    if containing:
        named = (users.c.name, users.c.email)
        conditions.append(or_(*(column.icontains(containing, autoescape=True) for column in named)))
    if low:
        conditions.append(users.c.balance <= 0)
    if after is not None:
        here, there = tuple_(value, users.c.id), tuple_(after.value, after.id)
        conditions.append(here < there if descending else here > there)
    order = [column.desc() if descending else column.asc() for column in (value, users.c.id)]
    columns = [users.c[name] for name in User.__slots__]
    query = select(*columns, value.label("place")).select_from(source).where(*conditions).order_by(*order).limit(limit)
    return [(user_of(row[:-1]), Place(row[-1], row.id)) for row in await connection.execute(query)]


async def count_active_keys(connection: AsyncConnection, user_ids: Sequence[int]) -> dict[int, int]:
    """How many keys of each user may call now; users without are left out."""
    query = (
        select(api_keys.c.user_id, func.count())
        .where(api_keys.c.user_id.in_(user_ids), _has_status(KeyStatus.ACTIVE))
        .group_by(api_keys.c.user_id)
    )
    return {row[0]: row[1] for row in await connection.execute(query)}


async def list_keys_by(
    connection: AsyncConnection,
    *,
    user_id: int | None = None,
    status: KeyStatus | None = None,
    containing: str = "",
    before_id: int | None = None,
    limit: int,
) -> list[tuple[ApiKey, str]]:
    """Keys with the names of their users, newest first; `containing` is a part of the key's name, of its user's, or of
    what of the key is shown."""
    conditions: list[ColumnElement[bool]] = [true()]
    if user_id is not None:
        conditions.append(api_keys.c.user_id == user_id)
    if status is not None:
        conditions.append(_has_status(status))
    if containing:
        named = (api_keys.c.name, users.c.name, api_keys.c.prefix, api_keys.c.last4)
        conditions.append(or_(*(column.icontains(containing, autoescape=True) for column in named)))
    if before_id is not None:
        conditions.append(api_keys.c.id < before_id)
    columns = [api_keys.c[name] for name in ApiKey.__slots__]
    query = (
        select(*columns, users.c.name.label("user_name"))
        .join(users, users.c.id == api_keys.c.user_id)
        .where(*conditions)
        .order_by(api_keys.c.id.desc())
        .limit(limit)
    )
    return [(_key(row[:-1]), row.user_name) for row in await connection.execute(query)]


def _key(values: Sequence[Any]) -> ApiKey:
    said = dict(zip(ApiKey.__slots__, values, strict=True))
    models = said["allowed_models"]
    return ApiKey(**{**said, "allowed_models": None if models is None else tuple(models)})


def _has_status(status: KeyStatus) -> ColumnElement[bool]:
    is_revoked = api_keys.c.revoked_at.is_not(None)
    is_expired = and_(~is_revoked, api_keys.c.expires_at <= func.now())
    if status is KeyStatus.REVOKED:
        return is_revoked
    return (
        is_expired
        if status is KeyStatus.EXPIRED
        else and_(~is_revoked, or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > func.now()))
    )
