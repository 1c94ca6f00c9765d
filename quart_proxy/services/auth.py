"""Who is calling: a client by its API key, an admin by a token."""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from quart_proxy.core.credentials import digest_key
from quart_proxy.core.errors import (
    ClientError,
    KeyExpired,
    KeyRevoked,
    RateLimited,
    Unauthenticated,
    UserDisabled,
)
from quart_proxy.core.limits import Limits, SpendPeriod
from quart_proxy.services.cache import Cache
from quart_proxy.services.sealing import derive_key
from quart_proxy.settings import ADMIN_TOKEN_S, CALLER_ENTRIES_MAX, CATALOG_TTL_S
from quart_proxy.store.accounts import ApiKey, User, find_key_and_user
from quart_proxy.store.changes import record_audit
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
BROWSER_AUDIENCE = "quart-proxy/browser"
BROWSER_KNOWN_S = 180 * 86400
"""So long a browser that signed in is known by. Its tries are counted apart: strangers cannot close the door to it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated client: its key and the user who pays."""

    user_id: int
    user_name: str
    key_id: int
    key_name: str
    expires_at: datetime | None = None
    allowed_models: tuple[frozenset[str], ...] = ()
    """The names that the key allows, and those that the user does, each if it allows some models only."""
    limits: tuple[Limits, ...] = ()
    """Those of the key and of the user, each if there are any."""

    def may_call(self, names: Collection[str]) -> bool:
        """Whether key and user allow a model that goes by any of `names` (folded)."""
        return not any(allowed.isdisjoint(names) for allowed in self.allowed_models)


class Authenticator:
    """Callers by key. Cached up to a minute, and cleared within a second of any admin change."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: Cache[bytes, Caller | ClientError] = Cache(
            self._load, entries_max=CALLER_ENTRIES_MAX, ttl_s=CATALOG_TTL_S
        )

    def clear(self) -> None:
        self._known.clear()

    async def authenticate(self, key: str) -> Caller:
        """The caller with this key, whose form and checksum were found right.

        Raises Unauthenticated, KeyExpired, KeyRevoked, UserDisabled, and Unavailable when the database is away
        and the key not known here.
        """
        found = await self._known.get(digest_key(key))
        if isinstance(found, ClientError):
            raise type(found)(found.message)
        if found.expires_at is not None and found.expires_at <= datetime.now(UTC):
            raise KeyExpired("This API key has expired.")
        return found

    async def _load(self, digest: bytes) -> Caller | ClientError:
        async with self._database.read() as connection:
            found = await find_key_and_user(connection, digest)
        if found is None:
            return Unauthenticated("No such API key.")
        key, user = found
        if key.revoked_at is not None:
            return KeyRevoked("This API key was revoked.")
        if user.deleted_at is not None or user.disabled:
            return UserDisabled("The user of this API key is disabled.")
        bound = (user, None), (key, key.id)
        return Caller(
            user.id,
            user.name,
            key.id,
            key.name,
            key.expires_at,
            allowed_models=tuple(frozenset(one.allowed_models) for one, _ in bound if one.allowed_models is not None),
            limits=tuple(each for one, key_id in bound if (each := limits_of(one, user.id, key_id)).is_any),
        )


def limits_of(kept: User | ApiKey, user_id: int, key_id: int | None) -> Limits:
    """The limits of a user (`key_id` None) or of a key, as they are enforced."""
    return Limits(
        user_id,
        key_id,
        rpm=kept.rpm,
        tpm=kept.tpm,
        max_concurrency=kept.max_concurrency,
        spend_limit=kept.spend_limit,
        spend_period=None if kept.spend_period is None else SpendPeriod(kept.spend_period),
    )


@dataclass(frozen=True, slots=True)
class AdminSession:
    """A signed-in admin, or a program with a token of a narrower `scope`. `csrf_token` must come back in a header
    with every write that the cookie vouches for."""

    token: str
    subject: str
    csrf_token: str
    expires_at: datetime
    scope: Scope


class AdminSessions:
    """Signing admins in, and telling their tokens. HS256 under a key derived for this purpose alone."""

    def __init__(self, database: Database, *, password: str, jwt_secret: str) -> None:
        self._database = database
        # The password is part of it: a new password ends every session that the old one began.
        password_digest = hashlib.sha256(password.encode()).hexdigest()
        self._signing_key = derive_key(jwt_secret, f"admin-token/v1/{password_digest}")
        self._hasher = PasswordHasher()
        self._password_hash = self._hasher.hash(password)
        # One password at a time: argon2 takes 64 MiB and all lanes, so a flood of logins must queue.
        self._turn = asyncio.Semaphore(1)

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
                await record_audit(
                    connection,
                    # Whoever it was, it was not known to be an admin.
                    actor=subject if is_right else "nobody",
                    action="session.login" if is_right else "session.refuse",
                    target="session",
                    after={"name": name},
                    request_id=request_id,
                    address=address,
                )
        if not is_right:
            raise Unauthenticated("The password is wrong.", param="password")
        return self.issue(subject, "admin", timedelta(seconds=ADMIN_TOKEN_S))

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
        """A token for `subject`. Nothing revokes it before its end but a new password or JWT_SECRET."""
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
