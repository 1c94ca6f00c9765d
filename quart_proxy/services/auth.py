"""Who calls: a client by its API key, told from a cache. Admins are told in `admin_sessions`."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from quart_proxy.core.credentials import digest_key
from quart_proxy.core.errors import ClientError, KeyExpired, KeyRevoked, Unauthenticated, UserDisabled
from quart_proxy.core.limits import Limits, SpendPeriod
from quart_proxy.services.cache import Cache
from quart_proxy.settings import CALLER_ENTRIES_MAX, CATALOG_TTL_S
from quart_proxy.store.accounts import ApiKey, User, find_key_and_user
from quart_proxy.store.database import Database


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
