"""Who is calling: client keys in every state, and admins with passwords and tokens."""

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import jwt
import pytest
from books import CLERK, open_books
from sqlalchemy import text

from quart_proxy.core.credentials import encode_key
from quart_proxy.core.errors import KeyExpired, KeyRevoked, RateLimited, Unauthenticated, UserDisabled
from quart_proxy.services import auth
from quart_proxy.services.accounts import Accounts
from quart_proxy.services.auth import AdminSessions, Authenticator
from quart_proxy.store.database import Database

PASSWORD = "correct horse battery"
SECRET = "a secret for tests that is long enough to pass"
HERE = "10.0.0.1"


def sessions(database: Database, *, password: str = PASSWORD, secret: str = SECRET) -> AdminSessions:
    return AdminSessions(database, password=password, jwt_secret=secret)


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


async def test_a_cached_key_expires_on_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    books = await open_books(database)
    end = datetime.now(UTC) + timedelta(hours=1)
    _, key = await Accounts(database).create_key(CLERK, user_id=books.users[0], name="key", expires_at=end)
    authenticator = Authenticator(database)
    await authenticator.authenticate(key)
    monkeypatch.setattr(auth, "datetime", SimpleNamespace(now=lambda zone: end))
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


# --- admins -------------------------------------------------------------------------------------------


async def test_a_session_is_told_by_every_worker_of_the_same_password_and_secret(database: Database) -> None:
    session = await sessions(database).login(PASSWORD, HERE)
    assert sessions(database).verify(session.token).csrf_token == session.csrf_token
    for other in (sessions(database, password="another password"), sessions(database, secret=SECRET[::-1])):
        with pytest.raises(Unauthenticated):
            other.verify(session.token)


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_a_token_that_lacks_a_claim_or_says_another_is_refused(database: Database) -> None:
    admin = sessions(database)
    now = int(time.time())
    good = {
        "iss": auth.ISSUER,
        "aud": auth.AUDIENCE,
        "sub": "admin",
        "scope": "admin",
        "iat": now,
        "exp": now + 60,
        "jti": "x",
    }
    assert admin.verify(jwt.encode(good, admin._signing_key, algorithm="HS256")).subject == "admin"
    bad = [{name: value for name, value in good.items() if name != left_out} for left_out in good]
    bad += [good | changed for changed in ({"aud": "x"}, {"iss": "x"}, {"exp": now - 60}, {"iat": now + 600})]
    tokens = [jwt.encode(claims, admin._signing_key, algorithm="HS256") for claims in bad]
    tokens += [
        jwt.encode(good, None, algorithm="none"),
        jwt.encode(good, admin._signing_key, algorithm="HS512"),
        jwt.encode(good, SECRET.encode(), algorithm="HS256"),
        "",
        "a.b.c",
    ]
    for token in tokens:
        with pytest.raises(Unauthenticated):
            admin.verify(token)


async def fail_last_in_an_hour(database: Database) -> None:
    """The first wait is a second, which a busy machine may take for the next try."""
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE login_attempts SET last_at = now() + interval '1 hour'"))


async def test_wrong_passwords_are_counted_across_workers_and_forgotten_after_a_right_one(
    database: Database,
) -> None:
    workers = [sessions(database), sessions(database)]
    for attempt in range(auth.FAILURES_FREE):
        with pytest.raises(Unauthenticated):
            await workers[attempt % 2].login("wrong", HERE)
    await fail_last_in_an_hour(database)
    # A worker that starts now counts on.
    with pytest.raises(RateLimited) as refused:
        await sessions(database).login(PASSWORD, HERE)
    assert refused.value.retry_after_s >= 3600
    await workers[0].login(PASSWORD, "10.0.0.2")
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE login_attempts SET last_at = now() - interval '1 hour'"))
    await workers[0].login(PASSWORD, HERE)
    with pytest.raises(Unauthenticated):
        await workers[1].login("wrong", HERE)


async def test_each_further_wrong_password_doubles_the_wait(database: Database) -> None:
    waits = [auth._wait_s((failures, 0.0), auth.FAILURES_FREE) for failures in range(4, 18)]
    assert waits == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    assert auth._wait_s((10**9, 0.0), 5) == 900
    assert auth._wait_s((8, 100.0), 5) == 0


async def test_guessing_from_many_addresses_is_slowed_too(database: Database) -> None:
    admin = sessions(database)
    for place in range(auth.FAILURES_FREE_EVERYWHERE):
        with pytest.raises(Unauthenticated):
            await admin.login("wrong", f"10.1.0.{place}")
    await fail_last_in_an_hour(database)
    with pytest.raises(RateLimited):
        await admin.login(PASSWORD, "10.2.0.1")
