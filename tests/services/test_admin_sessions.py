"""Admins at the door: passwords that are guessed, tokens that lie, sessions that end."""

import time
from datetime import timedelta

import jwt
import pytest
from sqlalchemy import text

from quart_proxy.core.errors import NotFound, RateLimited, Unauthenticated
from quart_proxy.services import admin_sessions
from quart_proxy.services.admin_sessions import AdminSessions
from quart_proxy.store.changes import Actor
from quart_proxy.store.database import Database

PASSWORD = "correct horse battery"
SECRET = "a secret for tests that is long enough to pass"
HERE = "10.0.0.1"


def sessions(database: Database, *, password: str = PASSWORD, secret: str = SECRET) -> AdminSessions:
    return AdminSessions(database, password=password, jwt_secret=secret)


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
        "iss": admin_sessions.ISSUER,
        "aud": admin_sessions.AUDIENCE,
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
    for attempt in range(admin_sessions.FAILURES_FREE):
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
    waits = [admin_sessions._wait_s((failures, 0.0), admin_sessions.FAILURES_FREE) for failures in range(4, 18)]
    assert waits == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    assert admin_sessions._wait_s((10**9, 0.0), 5) == 900
    assert admin_sessions._wait_s((8, 100.0), 5) == 0


async def test_guessing_from_many_addresses_is_slowed_too(database: Database) -> None:
    admin = sessions(database)
    for place in range(admin_sessions.FAILURES_FREE_EVERYWHERE):
        with pytest.raises(Unauthenticated):
            await admin.login("wrong", f"10.1.0.{place}")
    await fail_last_in_an_hour(database)
    with pytest.raises(RateLimited):
        await admin.login(PASSWORD, "10.2.0.1")


# --- what is held, and ending it ------------------------------------------------------------------------


CLERK = Actor("admin:dana", "r", HERE)


async def names(admin: AdminSessions) -> list[str]:
    return [token.subject for token in await admin.list_tokens(limit=10)]


async def test_an_ended_token_is_refused_by_every_worker_once_it_has_heard(database: Database) -> None:
    one, other = sessions(database), sessions(database)
    row_id, program = await one.create_token(CLERK, name="ci", scope="registry:plan", lifetime=timedelta(days=9))
    session = await one.login(PASSWORD, HERE, name="dana")
    for worker in (one, other):
        assert (await worker.admit(program.token)).scope == "registry:plan"
        assert (await worker.admit(session.token)).subject == "admin:dana"
    assert await names(one) == ["admin:dana", "token:ci"]
    await other.revoke(CLERK, row_id)
    await one.sign_out(CLERK, session)
    for worker in (one, other):
        worker.clear()
        for token in (program.token, session.token):
            with pytest.raises(Unauthenticated):
                await worker.admit(token)
    assert await names(one) == []
    with pytest.raises(NotFound):
        await one.revoke(CLERK, row_id)


async def test_a_token_of_before_there_was_a_list_is_good_until_it_signs_out(database: Database) -> None:
    admin = sessions(database)
    older = admin.issue("admin", "admin", timedelta(hours=1))
    assert (await admin.admit(older.token)).subject == "admin"
    await admin.sign_out(CLERK, older)
    admin.clear()
    with pytest.raises(Unauthenticated):
        await admin.admit(older.token)


async def test_a_new_password_leaves_none_of_the_old_ones_sessions_in_the_list(database: Database) -> None:
    await sessions(database).login(PASSWORD, HERE)
    renewed = sessions(database, password="another password")
    assert await names(renewed) == []
    await renewed.login("another password", HERE, name="eve")
    assert await names(renewed) == ["admin:eve"]


async def test_a_token_says_when_it_was_used_last_and_goes_from_the_table_when_it_is_long_over(
    database: Database,
) -> None:
    admin = sessions(database)
    _, program = await admin.create_token(CLERK, name="ci", scope="admin", lifetime=timedelta(days=1))
    (token,) = await admin.list_tokens(limit=10)
    assert (token.last_used_at, token.created_by, token.address) == (None, "admin:dana", HERE)
    await admin.admit(program.token)
    (token,) = await admin.list_tokens(limit=10)
    assert token.last_used_at is not None
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE admin_tokens SET expires_at = now() - interval '25 hours'"))
    await admin.login(PASSWORD, HERE)
    async with database.read() as connection:
        assert list(await connection.scalars(text("SELECT subject FROM admin_tokens"))) == ["admin"]
