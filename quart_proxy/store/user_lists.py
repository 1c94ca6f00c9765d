"""Lists of users and keys as a page shows them: sorted, narrowed, in pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, func, literal_column, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store import rollups
from quart_proxy.store.accounts import ApiKey, User, user_of
from quart_proxy.store.spending import pace_days
from quart_proxy.store.tables import api_keys, usage_hourly, users


class UserSort(StrEnum):
    """What users are ordered by; among equals, by their ids."""

    ID = "id"
    NAME = "name"
    BALANCE = "balance"
    SPENT = "spent_30d"
    LAST_USED = "last_used_at"


class UserStanding(StrEnum):
    """Which users: with nothing left, with enough for less than three days at their pace, without a
    request in thirty days, switched off."""

    OUT = "out"
    LOW = "low"
    IDLE = "idle"
    DISABLED = "disabled"


class KeyStatus(StrEnum):
    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ends: the value that the list is sorted by, and the id."""

    value: int | str | Decimal | datetime
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFilter:
    """`containing` is a part of the name or the address; `ids` are those alone. None does not narrow."""

    containing: str = ""
    standing: UserStanding | None = None
    ids: tuple[int, ...] | None = None

    @property
    def condition(self) -> ColumnElement[bool]:
        conditions: list[ColumnElement[bool]] = [users.c.deleted_at.is_(None)]
        if self.containing:
            named = (users.c.name, users.c.email)
            conditions.append(or_(*(column.icontains(self.containing, autoescape=True) for column in named)))
        if self.standing is not None:
            conditions.append(_STANDINGS[self.standing])
        if self.ids is not None:
            conditions.append(users.c.id.in_(self.ids))
        return and_(*conditions)


def _since(days: int) -> ColumnElement[Any]:
    return literal_column(rollups.hour_ago(days))


DAYS_SHORT = 3
_NEVER = datetime.fromtimestamp(0, UTC)
_CALLED = select(usage_hourly.c.hour).where(usage_hourly.c.user_id == users.c.id, usage_hourly.c.hour >= _since(30))
_HOLDER = users.alias("holder")
_PACE_DAYS: ColumnElement[Decimal] = literal_column(
    f"({pace_days('old.user_id = usage_hourly.user_id', 'min(usage_hourly.hour)')})"
)
_SHORT = (
    select(usage_hourly.c.user_id)
    .join(_HOLDER, _HOLDER.c.id == usage_hourly.c.user_id)
    .where(usage_hourly.c.hour >= _since(7))
    .group_by(usage_hourly.c.user_id, _HOLDER.c.balance)
    .having(func.round(_HOLDER.c.balance * _PACE_DAYS / func.nullif(func.sum(usage_hourly.c.cost), 0), 1) < DAYS_SHORT)
)
_STANDINGS: dict[UserStanding, ColumnElement[bool]] = {
    UserStanding.OUT: users.c.balance <= 0,
    UserStanding.LOW: and_(users.c.balance > 0, users.c.id.in_(_SHORT)),
    UserStanding.IDLE: ~_CALLED.exists(),
    UserStanding.DISABLED: users.c.disabled,
}


def _sorted_by(sort: UserSort) -> tuple[ColumnElement[Any], FromClause]:
    """The value, and where it is read from: sums of everybody are made once, not for each row."""
    if sort is UserSort.SPENT:
        return _summed(func.sum(usage_hourly.c.cost), 0, usage_hourly.c.hour >= _since(30))
    if sort is UserSort.LAST_USED:
        return _summed(func.max(usage_hourly.c.last_at), _NEVER, true())
    columns = {UserSort.ID: users.c.id, UserSort.NAME: func.lower(users.c.name), UserSort.BALANCE: users.c.balance}
    return columns[sort], users


def _summed(
    figure: ColumnElement[Any], nothing: object, condition: ColumnElement[bool]
) -> tuple[ColumnElement[Any], FromClause]:
    each = (
        select(usage_hourly.c.user_id, figure.label("value"))
        .where(condition)
        .group_by(usage_hourly.c.user_id)
        .subquery()
    )
    return func.coalesce(each.c.value, nothing), users.outerjoin(each, each.c.user_id == users.c.id)


async def list_users_by(
    connection: AsyncConnection,
    sort: UserSort,
    chosen: UserFilter,
    *,
    descending: bool = False,
    after: Place | None = None,
    limit: int,
) -> list[tuple[User, Place]]:
    """Those after a place, each with its own. A value that changes between two pages may show its user twice, or not
    at all."""
    value, source = _sorted_by(sort)
    conditions = [chosen.condition]
    if after is not None:
        here, there = tuple_(value, users.c.id), tuple_(after.value, after.id)
        conditions.append(here < there if descending else here > there)
    order = [column.desc() if descending else column.asc() for column in (value, users.c.id)]
    columns = [users.c[name] for name in User.__slots__]
    query = select(*columns, value.label("place")).select_from(source).where(*conditions).order_by(*order).limit(limit)
    return [(user_of(row[:-1]), Place(row[-1], row.id)) for row in await connection.execute(query)]


@dataclass(frozen=True, slots=True)
class UserSums:
    """How many users, and what they have and spent, in dollars."""

    count: int
    balance: Decimal
    spent_7d: Decimal
    spent_30d: Decimal


async def sum_users(connection: AsyncConnection, chosen: UserFilter) -> UserSums:
    cost, hour = usage_hourly.c.cost, usage_hourly.c.hour
    spent = (
        select(
            usage_hourly.c.user_id,
            func.sum(cost).filter(hour >= _since(7)).label("in_7d"),
            func.sum(cost).label("in_30d"),
        )
        .where(hour >= _since(30))
        .group_by(usage_hourly.c.user_id)
        .subquery()
    )
    query = (
        select(
            func.count(),
            *(func.coalesce(func.sum(each), 0) for each in (users.c.balance, spent.c.in_7d, spent.c.in_30d)),
        )
        .select_from(users.outerjoin(spent, spent.c.user_id == users.c.id))
        .where(chosen.condition)
    )
    return UserSums(*(await connection.execute(query)).one())


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
) -> list[ApiKey]:
    """Newest first; `containing` is a part of the key's name, of its user's, or of
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
        select(*columns)
        .join(users, users.c.id == api_keys.c.user_id)
        .where(*conditions)
        .order_by(api_keys.c.id.desc())
        .limit(limit)
    )
    return [_key(row) for row in await connection.execute(query)]


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
