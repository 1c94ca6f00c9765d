"""Users, their keys and their money, as admins handle them: each function is one transaction with its audit row."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Unpack

from quart_proxy.core.credentials import RANDOM_BYTES, digest_key, encode_key
from quart_proxy.core.errors import Conflict
from quart_proxy.core.money import format_money
from quart_proxy.core.names import fold_name
from quart_proxy.store import accounts as kept
from quart_proxy.store import batches, ledger
from quart_proxy.store.accounts import LIMIT_FIELDS, ApiKey, LimitFields, User
from quart_proxy.store.changes import Actor, Write, bump_version, record_audit, record_audits
from quart_proxy.store.database import Database

PREFIX_SHOWN = 7
"""`sk-` and four characters: enough to recognise a key, nothing to guess it by."""


class Accounts:
    """Raises NotFound for an unknown user or key, and Unavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_user(
        self,
        actor: Actor,
        *,
        name: str,
        email: str | None = None,
        note: str | None = None,
        **limits: Unpack[LimitFields],
    ) -> User:
        kept_limits = _folded(limits)
        async with self._database.transaction() as connection:
            user = await kept.create_user(connection, name=name, email=email, note=note, **kept_limits)
            after = {"name": name, "email": email, **_said(kept_limits)}
            await record_audit(connection, actor, "user.create", f"user/{user.id}", after=after)
        return user

    async def update_user(self, actor: Actor, user_id: int, changes: Mapping[str, Any]) -> User:
        changes = _folded(changes)
        async with self._database.transaction() as connection:
            before = await kept.get_user(connection, user_id, is_locked=True)
            user = await kept.update_user(connection, user_id, changes)
            await bump_version(connection)
            was = {name: getattr(before, name) for name in changes}
            await record_audit(
                connection, actor, "user.update", f"user/{user_id}", before=_plain(was), after=_plain(changes)
            )
        return user

    async def set_disabled(self, actor: Actor, user_ids: Sequence[int], *, disabled: bool) -> list[User]:
        """Refuse the calls of all of these users, or take them again. Returns them in the order of their ids.
        Raises InvalidFields that names whoever is unknown."""
        async with self._database.transaction() as connection:
            before = await kept.lock_users(connection, user_ids)
            found = await kept.update_users(connection, user_ids, {"disabled": disabled})
            after = {"disabled": disabled}
            writes = [Write(f"user/{user.id}", {"disabled": user.disabled}, after) for user in before]
            await record_audits(connection, actor, "user.update", writes)
            await bump_version(connection)
        return found

    async def delete_user(self, actor: Actor, user_id: int) -> None:
        async with self._database.transaction() as connection:
            await kept.delete_user(connection, user_id)
            await bump_version(connection)
            await record_audit(connection, actor, "user.delete", f"user/{user_id}")

    async def create_key(
        self,
        actor: Actor,
        *,
        user_id: int,
        name: str,
        expires_at: datetime | None = None,
        **limits: Unpack[LimitFields],
    ) -> tuple[ApiKey, str]:
        """A new key and its text, which is kept nowhere and shown this once."""
        kept_limits = _folded(limits)
        async with self._database.transaction() as connection:
            key, text = await _make_key(connection, user_id=user_id, name=name, expires_at=expires_at, **kept_limits)
            # A worker may have been asked for this key before it was there.
            await bump_version(connection)
            after = {"user_id": user_id, "name": name, **_said({"expires_at": expires_at, **kept_limits})}
            await record_audit(connection, actor, "key.create", f"key/{key.id}", after=after)
        return key, text

    async def rotate_key(self, actor: Actor, key_id: int, *, grace: timedelta) -> tuple[ApiKey, str, ApiKey]:
        """A new key with all that the old one may do, its text, and the old one, which is good for `grace` still.
        Raises Conflict for a key that is good no more: what it may do is nothing."""
        now = datetime.now(UTC)
        async with self._database.transaction() as connection:
            # Users before their keys: `store.database` has the order of locks.
            owner_id = (await kept.get_key(connection, key_id)).user_id
            await kept.find_user(connection, owner_id, is_locked=True)
            old = await kept.get_key(connection, key_id, is_locked=True)
            if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
                raise Conflict("This key is revoked or expired; make a new one instead.")
            key, text = await _make_key(
                connection,
                user_id=old.user_id,
                name=old.name,
                expires_at=old.expires_at,
                **{name: getattr(old, name) for name in LIMIT_FIELDS},
            )
            if grace:
                ends_at = min(now + grace, old.expires_at or now + grace)
                old = await kept.update_key(connection, key_id, {"expires_at": ends_at})
            else:
                old = await kept.revoke_key(connection, key_id)
            await bump_version(connection)
            after = {"new_key": key.id, "old_key_ends_at": old.revoked_at or old.expires_at}
            await record_audit(connection, actor, "key.rotate", f"key/{key_id}", after=_plain(after))
        return key, text, old

    async def update_key(self, actor: Actor, key_id: int, changes: Mapping[str, Any]) -> ApiKey:
        changes = _folded(changes)
        async with self._database.transaction() as connection:
            before = await kept.get_key(connection, key_id, is_locked=True)
            key = await kept.update_key(connection, key_id, changes)
            await bump_version(connection)
            was = {name: getattr(before, name) for name in changes}
            await record_audit(
                connection, actor, "key.update", f"key/{key_id}", before=_plain(was), after=_plain(changes)
            )
        return key

    async def revoke_key(self, actor: Actor, key_id: int) -> ApiKey:
        async with self._database.transaction() as connection:
            key = await kept.revoke_key(connection, key_id)
            await bump_version(connection)
            await record_audit(connection, actor, "key.revoke", f"key/{key_id}")
        return key

    async def move_money(
        self,
        actor: Actor,
        *,
        user_id: int,
        kind: str,
        amount: Decimal,
        reason: str | None,
        idempotency_key: str | None = None,
    ) -> ledger.Entry:
        """Credit, grant, adjust or refund. With an `idempotency_key` used before, the first entry is the answer and
        nothing moves. Raises Conflict when that one said something else."""
        async with self._database.transaction() as connection:
            entry, is_new = await ledger.record_entry(
                connection,
                user_id=user_id,
                kind=kind,
                amount=amount,
                reason=reason,
                actor=actor.name,
                idempotency_key=idempotency_key,
            )
            if is_new:
                # A top-up must open the door at once, on every worker.
                await bump_version(connection)
                await record_audits(connection, actor, "ledger.record", [_write_of(entry)])
        return entry

    async def move_money_of_all(
        self,
        actor: Actor,
        *,
        user_ids: Sequence[int],
        kind: str,
        amount: Decimal,
        reason: str | None,
        idempotency_key: str | None = None,
    ) -> list[ledger.Entry]:
        """As `move_money`, the same for each of these users, none named twice: of all of them or of nobody. Returns the
        entries in the order of the users' ids. Raises InvalidFields that names whoever is unknown, and Conflict also
        where the key was used for other users."""
        async with self._database.transaction() as connection:
            entries, are_new = await batches.record_entries(
                connection,
                user_ids=user_ids,
                kind=kind,
                amount=amount,
                reason=reason,
                actor=actor.name,
                idempotency_key=idempotency_key,
            )
            if are_new:
                await record_audits(connection, actor, "ledger.record", [_write_of(entry) for entry in entries])
                await bump_version(connection)
        return entries

    async def reverse_entry(
        self, actor: Actor, entry_id: int, *, reason: str, idempotency_key: str | None = None
    ) -> ledger.Entry:
        """Take a movement back by a new one. Raises NotFound, and Conflict for one that was taken back already."""
        async with self._database.transaction() as connection:
            entry, is_new = await ledger.reverse_entry(
                connection, entry_id, reason=reason, actor=actor.name, idempotency_key=idempotency_key
            )
            if is_new:
                await bump_version(connection)
                after = {
                    "entry": entry.id,
                    "reverses": entry_id,
                    "amount": entry.amount,
                    "balance_after": entry.balance_after,
                    "reason": reason,
                }
                await record_audit(connection, actor, "ledger.reverse", f"user/{entry.user_id}", after=_plain(after))
        return entry


async def _make_key(connection: Any, *, user_id: int, **fields: Any) -> tuple[ApiKey, str]:
    """Raises NotFound for a user that is unknown or deleted, also for one that is being deleted now."""
    text = encode_key(os.urandom(RANDOM_BYTES))
    await kept.get_user(connection, user_id, is_locked=True)
    key = await kept.create_key(
        connection,
        user_id=user_id,
        digest=digest_key(text),
        prefix=text[:PREFIX_SHOWN],
        last4=text[-4:],
        **fields,
    )
    return key, text


def _folded(fields: Mapping[str, Any]) -> dict[str, Any]:
    """As they are kept: names of models in lower case; a spend limit that goes takes its period with it."""
    names: Sequence[str] | None = fields.get("allowed_models")
    folded = {} if names is None else {"allowed_models": sorted({fold_name(name) for name in names})}
    ended = {"spend_period": None} if fields.get("spend_limit", ...) is None else {}
    return {**fields, **folded, **ended}


def _said(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody chose, as JSON takes it."""
    return _plain({name: value for name, value in fields.items() if value is not None})


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON takes them: times and money as text."""
    plain = {}
    for name, value in values.items():
        if isinstance(value, datetime):
            value = value.isoformat()
        plain[name] = format_money(value) if isinstance(value, Decimal) else value
    return plain


def _write_of(entry: ledger.Entry) -> Write:
    after = {
        "entry": entry.id,
        "kind": entry.kind,
        "amount": entry.amount,
        "balance_after": entry.balance_after,
        **_said({"reason": entry.reason}),
    }
    return Write(f"user/{entry.user_id}", after=_plain(after))
