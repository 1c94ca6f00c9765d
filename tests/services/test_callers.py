"""Who is calling: client keys in every state."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from books import CLERK, open_books
from sqlalchemy import text

from quart_proxy.core.credentials import encode_key
from quart_proxy.core.errors import KeyExpired, KeyRevoked, Unauthenticated, UserDisabled
from quart_proxy.services.accounts import Accounts
from quart_proxy.services.auth import Authenticator
from quart_proxy.store.database import Database


async def test_a_key_in_each_state_gets_its_own_refusal(database: Database) -> None:
    books = await open_books(database)
    accounts = Accounts(database)
    authenticator = Authenticator(database)
    key, good = await accounts.create_key(CLERK, user_id=books.users[0], name="key", allowed_models=["A", "b"])
    caller = await authenticator.authenticate(good)
    assert (caller.user_id, caller.allowed_models) == (books.users[0], ({"a", "b"},))
    assert caller.may_call({"a", "c"})
    assert not caller.may_call({"c"})
    await accounts.revoke_key(CLERK, key.id)
    authenticator.clear()
    with pytest.raises(KeyRevoked):
        await authenticator.authenticate(good)
    _, other = await accounts.create_key(CLERK, user_id=books.users[0], name="other")
    await accounts.update_user(CLERK, books.users[0], {"disabled": True})
    with pytest.raises(UserDisabled):
        await authenticator.authenticate(other)
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(encode_key(b"x" * 32))


async def test_a_cached_key_expires_on_time(database: Database) -> None:
    books = await open_books(database)
    soon = datetime.now(UTC) + timedelta(seconds=0.3)
    _, key = await Accounts(database).create_key(CLERK, user_id=books.users[0], name="key", expires_at=soon)
    authenticator = Authenticator(database)
    await authenticator.authenticate(key)
    await asyncio.sleep(0.35)
    with pytest.raises(KeyExpired):
        await authenticator.authenticate(key)


async def test_a_deleted_users_key_is_refused(database: Database) -> None:
    books = await open_books(database)
    accounts = Accounts(database)
    _, key = await accounts.create_key(CLERK, user_id=books.users[0], name="key")
    await accounts.delete_user(CLERK, books.users[0])
    with pytest.raises((KeyRevoked, UserDisabled)):
        await Authenticator(database).authenticate(key)


async def test_no_text_of_a_key_is_kept(database: Database) -> None:
    books = await open_books(database)
    _, key = await Accounts(database).create_key(CLERK, user_id=books.users[0], name="key")
    async with database.read() as connection:
        kept = await connection.scalar(text("SELECT k::text FROM api_keys k"))
        audited = await connection.scalar(text("SELECT string_agg(a::text, '') FROM audit_log a"))
    assert key[7:-4] not in f"{kept}{audited}"
