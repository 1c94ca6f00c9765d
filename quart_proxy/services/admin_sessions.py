"""Admins at the door: a password gives a session, a session or a program holds a token, and each can be ended."""

import asyncio
import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from quart_proxy.core.errors import RateLimited, Unauthenticated
from quart_proxy.services.cache import Cache
from quart_proxy.services.sealing import derive_key
from quart_proxy.settings import ADMIN_TOKEN_S, CATALOG_TTL_S
from quart_proxy.store.admin_tokens import (
    PROGRAM_PREFIX,
    AdminToken,
    end_token,
    insert_token,
    list_tokens,
    revoke_token,
    use_token,
)
from quart_proxy.store.changes import Actor, bump_version, record_audit
from quart_proxy.store.database import Database
from quart_proxy.store.logins import clear_failures, read_failures, record_failure

Scope = Literal["admin", "registry:apply", "registry:plan"]
"""What a token is good for: everything; the registry; or only looking at it and planning."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
ISSUER = "quart-proxy"
AUDIENCE = "quart-proxy/admin"
CLOCK_LEEWAY_S = 30
FAILURES_FREE = 5
"""So many wrong passwords in a row cost nothing; each further one doubles the wait."""
WAIT_MAX_S = 900
EVERYWHERE = "*"
"""The throttle's row for all addresses together: a password guessed from many places is guessed as slowly."""
FAILURES_FREE_EVERYWHERE = 50
TOKEN_ENTRIES_MAX = 1000
BROWSER_AUDIENCE = "quart-proxy/browser"
BROWSER_KNOWN_S = 180 * 86400
"""So long a browser that signed in is known by. Its tries are counted apart: strangers cannot close the door to it."""


@dataclass(frozen=True, slots=True)
class AdminSession:
    """A signed-in admin, or a program with a token of a narrower `scope`. `csrf_token` must come back in a header
    with every write that the cookie vouches for."""

    token: str
    subject: str
    token_id: str
    expires_at: datetime
    scope: Scope

    @property
    def csrf_token(self) -> str:
        return self.token_id


class AdminSessions:
    """Signing admins in, and telling their tokens. HS256 under a key derived for this purpose alone."""

    def __init__(self, database: Database, *, password: str, jwt_secret: str) -> None:
        self._database = database
        # The password is part of it: a new password ends every session that the old one began.
        password_digest = hashlib.sha256(password.encode()).hexdigest()
        self._signing_key = derive_key(jwt_secret, f"admin-token/v1/{password_digest}")
        # Tells those apart in the database that this key signed, without telling the key.
        self._signer = hashlib.sha256(b"signer/" + self._signing_key).hexdigest()[:16]
        self._hasher = PasswordHasher()
        self._password_hash = self._hasher.hash(password)
        # One password at a time: argon2 takes 64 MiB and all lanes, so a flood of logins must queue.
        self._turn = asyncio.Semaphore(1)
        # Loading notes the use, so that is true to a minute.
        self._ended: Cache[str, bool] = Cache(self._use, entries_max=TOKEN_ENTRIES_MAX, ttl_s=CATALOG_TTL_S)

    def clear(self) -> None:
        """Forget who was let in; the next request of each is looked up."""
        self._ended.clear()

    async def login(
        self,
        password: str,
        address: str,
        *,
        name: str | None = None,
        browser: str | None = None,
        request_id: str | None = None,
    ) -> AdminSession:
        """A new session. `name` is who says to be signing in, for the audit log: all admins share the password. What is
        tried leaves a row there, right or wrong; what is not even tried leaves none. `browser` is what `know_browser`
        gave when it last signed in.
        Raises Unauthenticated, and RateLimited after too many wrong passwords."""
        subject = "admin" if name is None else f"admin:{name}"
        session = None
        known = None if browser is None else self._find_browser(browser)
        free = (
            {address: FAILURES_FREE, EVERYWHERE: FAILURES_FREE_EVERYWHERE} if known is None else {known: FAILURES_FREE}
        )
        async with self._turn:
            async with self._database.read() as connection:
                waits = [_wait_s(await read_failures(connection, place), tries) for place, tries in free.items()]
            if max(waits) > 0:
                raise RateLimited("Too many wrong passwords; wait before the next try.", retry_after_s=max(waits))
            is_right = await asyncio.to_thread(self._verify, password)
            async with self._database.transaction() as connection:
                for place in free:
                    await (clear_failures if is_right else record_failure)(connection, place)
                # Whoever it was with a wrong one, it was not known to be an admin.
                actor = Actor(subject if is_right else "nobody", request_id, address)
                action = "session.login" if is_right else "session.refuse"
                await record_audit(connection, actor, action, "session", after={"name": name})
                if is_right:
                    session = self.issue(subject, "admin", timedelta(seconds=ADMIN_TOKEN_S))
                    await self._keep(connection, session, actor)
        if session is None:
            raise Unauthenticated("The password is wrong.", param="password")
        return session

    def know_browser(self) -> str:
        """What a browser that signed in may show when it signs in again. It opens nothing."""
        now = int(time.time())
        claims = {"aud": BROWSER_AUDIENCE, "sub": secrets.token_urlsafe(16), "exp": now + BROWSER_KNOWN_S}
        return jwt.encode(claims, self._signing_key, algorithm="HS256")

    def _find_browser(self, token: str) -> str | None:
        """The throttle's row of a browser that is known. None: it is not."""
        try:
            claims = jwt.decode(
                token,
                self._signing_key,
                algorithms=["HS256"],
                audience=BROWSER_AUDIENCE,
                options={"require": ["exp", "sub", "aud"]},
            )
        except jwt.InvalidTokenError:
            return None
        return f"browser:{claims['sub']}"

    def verify(self, token: str) -> AdminSession:
        """The session of a valid token. Raises Unauthenticated."""
        try:
            claims = jwt.decode(
                token,
                self._signing_key,
                algorithms=["HS256"],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=CLOCK_LEEWAY_S,
                options={"require": ["exp", "iat", "sub", "jti", "aud", "iss"]},
            )
        except jwt.InvalidTokenError:
            raise Unauthenticated("The admin token is missing, wrong or expired; sign in again.") from None
        if claims.get("scope") not in SCOPES:
            raise Unauthenticated("The admin token has no scope that this version knows; sign in again.")
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        return AdminSession(token, claims["sub"], claims["jti"], expires_at, claims["scope"])

    def issue(self, subject: str, scope: Scope, lifetime: timedelta) -> AdminSession:
        """A token that no list knows of. Good until its end, or a new password or JWT_SECRET."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "scope": scope,
            "iat": now,
            "exp": now + int(lifetime.total_seconds()),
            "jti": secrets.token_urlsafe(16),
        }
        return self.verify(jwt.encode(claims, self._signing_key, algorithm="HS256"))

    async def admit(self, token: str) -> AdminSession:
        """The session of a token that is valid and was not ended. Raises Unauthenticated, and Unavailable when the
        database is away and the token was not seen here for a minute."""
        session = self.verify(token)
        if await self.is_ended(session):
            raise Unauthenticated("This admin token was ended; sign in again.")
        return session

    async def is_ended(self, session: AdminSession) -> bool:
        """Whether it was ended before its time. Raises Unavailable."""
        return await self._ended.get(session.token_id)

    # --- giving out and ending ------------------------------------------------------------------------

    async def create_token(
        self, actor: Actor, *, name: str, scope: Scope, lifetime: timedelta
    ) -> tuple[int, AdminSession]:
        """A token for a program, with the id by which it can be ended."""
        session = self.issue(f"{PROGRAM_PREFIX}{name}", scope, lifetime)
        async with self._database.transaction() as connection:
            row_id = await self._keep(connection, session, actor)
            after = {"id": row_id, "name": name, "scope": scope, "expires_at": session.expires_at.isoformat()}
            await record_audit(connection, actor, "token.create", f"token/{name}", after=after)
        return row_id, session

    async def list_tokens(
        self, *, programs: bool | None = None, before_id: int | None = None, limit: int
    ) -> list[AdminToken]:
        """Those that are good, newest first: of `programs`, of admins, or (None) of both."""
        async with self._database.read() as connection:
            return await list_tokens(
                connection, signer=self._signer, programs=programs, before_id=before_id, limit=limit
            )

    async def revoke(self, actor: Actor, row_id: int) -> None:
        """End a token before its time, or sign an admin out. Raises NotFound."""
        async with self._database.transaction() as connection:
            token = await revoke_token(connection, row_id)
            kind = "token" if token.is_program else "session"
            target = kind if token.name is None else f"{kind}/{token.name}"
            after = {"id": row_id, "name": token.name, "scope": token.scope}
            await record_audit(connection, actor, f"{kind}.revoke", target, after=after)
            await bump_version(connection)

    async def sign_out(self, actor: Actor, session: AdminSession) -> None:
        """End the token that asks for it, wherever else it is held."""
        async with self._database.transaction() as connection:
            await end_token(
                connection,
                token_id=session.token_id,
                signer=self._signer,
                subject=session.subject,
                scope=session.scope,
                expires_at=session.expires_at,
            )
            await record_audit(connection, actor, "session.logout", "session")
            await bump_version(connection)

    async def _keep(self, connection: Any, session: AdminSession, actor: Actor) -> int:
        return await insert_token(
            connection,
            token_id=session.token_id,
            signer=self._signer,
            subject=session.subject,
            scope=session.scope,
            expires_at=session.expires_at,
            created_by=actor.name,
            address=actor.address,
        )

    async def _use(self, token_id: str) -> bool:
        async with self._database.transaction() as connection:
            return await use_token(connection, token_id)

    def _verify(self, password: str) -> bool:
        try:
            return self._hasher.verify(self._password_hash, password)
        except VerifyMismatchError:
            return False


def _wait_s(failures: tuple[int, float], free: int) -> int:
    """Seconds until the next try, after so many failures of which the last was so many seconds ago."""
    count, age_s = failures
    if count < free:
        return 0
    return max(0, round(min(1 << min(count - free, 20), WAIT_MAX_S) - age_s))
