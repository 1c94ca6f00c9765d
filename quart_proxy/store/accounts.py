"""Users and the keys they call with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from sqlalchemy import BigInteger, ColumnElement, Row, any_, bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import Fault, InvalidFields, NotFound
from quart_proxy.store.tables import api_keys, users


class LimitFields(TypedDict, total=False):
    """What a user or a key may use at most. None, as what is left out: as much as there is, and every model. Names of
    models are in lower case; `spend_limit` is dollars, in a `spend_period` of the calendar or, without one, in all."""

    allowed_models: Sequence[str] | None
    max_concurrency: int | None
    rpm: int | None
    tpm: int | None
    spend_limit: Decimal | None
    spend_period: str | None


LIMIT_FIELDS = tuple(LimitFields.__annotations__)


@dataclass(frozen=True, slots=True)
class User:
    """A user as kept. `balance` and `spent` are dollars; the counters are lifetime totals of charged requests. The
    limits are those of LimitFields, for all keys of the user together."""

    id: int
    name: str
    email: str | None
    note: str | None
    disabled: bool
    balance: Decimal
    spent: Decimal
    requests: int
    input_tokens: int
    output_tokens: int
    created_at: datetime
    deleted_at: datetime | None
    allowed_models: tuple[str, ...] | None
    max_concurrency: int | None
    rpm: int | None
    tpm: int | None
    spend_limit: Decimal | None
    spend_period: str | None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as kept: never its text. The limits are those of LimitFields."""

    id: int
    user_id: int
    name: str
    prefix: str
    last4: str
    allowed_models: tuple[str, ...] | None
    max_concurrency: int | None
    rpm: int | None
    tpm: int | None
    spend_limit: Decimal | None
    spend_period: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


_USER = tuple(users.c[name] for name in User.__slots__)
_KEY = tuple(api_keys.c[name] for name in ApiKey.__slots__)


def user_of(row: Row[Any] | Sequence[Any]) -> User:
    """The user whose columns, those of User in its order, are `row`."""
    return User(**_fields(User.__slots__, row))


def _has_id(user_ids: Sequence[int]) -> ColumnElement[bool]:
    return users.c.id == any_(bindparam("ids", user_ids, ARRAY(BigInteger)))


def _key(row: Row[Any] | Sequence[Any]) -> ApiKey:
    return ApiKey(**_fields(ApiKey.__slots__, row))


def _fields(names: Sequence[str], row: Row[Any] | Sequence[Any]) -> dict[str, Any]:
    fields = dict(zip(names, row, strict=True))
    if fields["allowed_models"] is not None:
        fields["allowed_models"] = tuple(fields["allowed_models"])
    return fields


async def create_user(
    connection: AsyncConnection,
    *,
    name: str,
    email: str | None = None,
    note: str | None = None,
    **limits: Unpack[LimitFields],
) -> User:
    fields = {"name": name, "email": email, "note": note, **limits}
    row = await connection.execute(insert(users).values(fields).returning(*_USER))
    return user_of(row.one())


async def find_user(connection: AsyncConnection, user_id: int, *, is_locked: bool = False) -> User | None:
    query = select(*_USER).where(users.c.id == user_id)
    row = (await connection.execute(query.with_for_update(key_share=True) if is_locked else query)).first()
    return None if row is None else user_of(row)


async def get_user(connection: AsyncConnection, user_id: int, *, is_locked: bool = False) -> User:
    """Raises NotFound for a user that is unknown or deleted. With `is_locked` nobody changes or deletes them before
    this transaction ends."""
    user = await find_user(connection, user_id, is_locked=is_locked)
    if user is None or user.deleted_at is not None:
        raise NotFound(f"There is no user {user_id}.", param="user_id")
    return user


async def lock_users(connection: AsyncConnection, user_ids: Sequence[int]) -> list[User]:
    """These users in the order of their ids, which is how settlements lock them too: whoever waits for one waits in a
    row. Nobody changes or deletes them before this transaction ends. Raises InvalidFields that names whoever is unknown
    or deleted."""
    query = select(*_USER).where(_has_id(user_ids), users.c.deleted_at.is_(None)).order_by(users.c.id)
    found = [user_of(row) for row in await connection.execute(query.with_for_update(key_share=True))]
    missing = sorted(set(user_ids) - {user.id for user in found})
    if missing:
        named = f"unknown or deleted users: {', '.join(map(str, missing))}"
        raise InvalidFields([Fault("user_ids", f"must not have {named}; nothing was changed")])
    return found


async def list_users(connection: AsyncConnection, *, after_id: int = 0, limit: int, containing: str = "") -> list[User]:
    """In the order of their ids; `containing` narrows by a part of the name or the address."""
    query = select(*_USER).where(users.c.id > after_id, users.c.deleted_at.is_(None)).order_by(users.c.id).limit(limit)
    if containing:
        query = query.where(
            users.c.name.icontains(containing, autoescape=True) | users.c.email.icontains(containing, autoescape=True)
        )
    return [user_of(row) for row in await connection.execute(query)]


async def update_user(connection: AsyncConnection, user_id: int, changes: Mapping[str, Any]) -> User:
    """Change name, email, note, disabled or limits. Raises NotFound."""
    if not changes:
        return await get_user(connection, user_id)
    row = (
        await connection.execute(
            update(users).where(users.c.id == user_id, users.c.deleted_at.is_(None)).values(**changes).returning(*_USER)
        )
    ).first()
    if row is None:
        raise NotFound(f"There is no user {user_id}.", param="user_id")
    return user_of(row)


async def update_users(connection: AsyncConnection, user_ids: Sequence[int], changes: Mapping[str, Any]) -> list[User]:
    """As `update_user`, of several that `lock_users` has. In the order of their ids."""
    rows = await connection.execute(update(users).where(_has_id(user_ids)).values(**changes).returning(*_USER))
    return sorted((user_of(row) for row in rows), key=lambda user: user.id)


async def delete_user(connection: AsyncConnection, user_id: int) -> None:
    """Softly: the books keep their rows. The user's keys are revoked. Raises NotFound."""
    await update_user(connection, user_id, {"disabled": True, "deleted_at": func.now()})
    await connection.execute(
        update(api_keys)
        .where(api_keys.c.user_id == user_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=func.now())
    )


async def create_key(
    connection: AsyncConnection,
    *,
    user_id: int,
    name: str,
    digest: bytes,
    prefix: str,
    last4: str,
    expires_at: datetime | None = None,
    **limits: Unpack[LimitFields],
) -> ApiKey:
    row = await connection.execute(
        insert(api_keys)
        .values(
            user_id=user_id,
            name=name,
            digest=digest,
            prefix=prefix,
            last4=last4,
            expires_at=expires_at,
            **limits,
        )
        .returning(*_KEY)
    )
    return _key(row.one())


async def get_key(connection: AsyncConnection, key_id: int, *, is_locked: bool = False) -> ApiKey:
    """Raises NotFound. With `is_locked` nobody changes it before this transaction ends."""
    query = select(*_KEY).where(api_keys.c.id == key_id)
    row = (await connection.execute(query.with_for_update() if is_locked else query)).first()
    if row is None:
        raise NotFound(f"There is no key {key_id}.", param="key_id")
    return _key(row)


async def list_keys(connection: AsyncConnection, user_id: int) -> list[ApiKey]:
    query = select(*_KEY).where(api_keys.c.user_id == user_id).order_by(api_keys.c.id)
    return [_key(row) for row in await connection.execute(query)]


async def update_key(connection: AsyncConnection, key_id: int, changes: Mapping[str, Any]) -> ApiKey:
    """Change name, expires_at or limits. Raises NotFound."""
    if not changes:
        return await get_key(connection, key_id)
    row = (
        await connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(**changes).returning(*_KEY))
    ).first()
    if row is None:
        raise NotFound(f"There is no key {key_id}.", param="key_id")
    return _key(row)


async def revoke_key(connection: AsyncConnection, key_id: int) -> ApiKey:
    """Revoke a key; one that is revoked stays as it was. Raises NotFound."""
    await connection.execute(
        update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None)).values(revoked_at=func.now())
    )
    return await get_key(connection, key_id)


async def find_key_and_user(connection: AsyncConnection, digest: bytes) -> tuple[ApiKey, User] | None:
    """The key with this sha256 and its user, whatever their state; None when there is no such key."""
    query = select(*_KEY, *_USER).join(users, users.c.id == api_keys.c.user_id).where(api_keys.c.digest == digest)
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    return _key(row[: len(_KEY)]), user_of(row[len(_KEY) :])


async def read_balances(connection: AsyncConnection, user_ids: Sequence[int]) -> dict[int, Decimal]:
    """The balances of these users; unknown ones are left out."""
    query = select(users.c.id, users.c.balance).where(_has_id(user_ids))
    return {row.id: row.balance for row in await connection.execute(query)}


async def read_users(connection: AsyncConnection, user_ids: Sequence[int]) -> dict[int, User]:
    """These users, deleted ones too; unknown ones are left out."""
    query = select(*_USER).where(_has_id(user_ids))
    return {row.id: user_of(row) for row in await connection.execute(query)}


async def read_user_names(connection: AsyncConnection, user_ids: Sequence[int]) -> dict[int, str]:
    """The names of these users, deleted ones too; unknown ones are left out."""
    query = select(users.c.id, users.c.name).where(_has_id(user_ids))
    return {row.id: row.name for row in await connection.execute(query)}


async def read_key_names(connection: AsyncConnection, key_ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """The name of each of these keys and of its user, revoked ones too; unknown ones are left out."""
    query = (
        select(api_keys.c.id, api_keys.c.name, users.c.name)
        .join(users, users.c.id == api_keys.c.user_id)
        .where(api_keys.c.id == any_(bindparam("ids", key_ids, ARRAY(BigInteger))))
    )
    return {row[0]: (row[1], row[2]) for row in await connection.execute(query)}
