"""The registry in the database of this machine, by the desk that the API asks too."""

import asyncio
import getpass
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from quart_proxy.commands.registry.doors import Door, Json
from quart_proxy.commands.registry.origin import Provenance
from quart_proxy.commands.running import reachable_database, read_settings, with_database
from quart_proxy.commands.verbs import Failure, Misuse
from quart_proxy.services.sealing import KeyResolver, Sealer
from quart_proxy.settings import Settings
from quart_proxy.store.changes import Actor
from quart_proxy.store.database import Database
from quart_proxy.store.embedded_home import EmbeddedPostgresError
from registry.apply import read_bundle
from registry.desk import Desk
from registry.doctor import Check, checks_as_json, diagnose
from registry.entities import Choice, EntityKey, Policy
from registry.files.sources import SourceFile
from registry.secrets import FindReason

T = TypeVar("T")


class LocalDoor:
    """`Door` on a database. What it writes is signed with the user of this machine, as `cli:ada`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._actor = Actor(f"cli:{_user_name()}")

    async def status(self) -> Json:
        return await self._desk.status()

    async def drift(self, ignore: Sequence[str]) -> Json:
        return await self._desk.drift(ignore)

    async def plan(self, files: Sequence[SourceFile], provenance: Provenance, policy: Policy) -> Json:
        return await self._desk.plan(read_bundle(files, **provenance.as_json()), policy)

    async def apply(
        self,
        files: Sequence[SourceFile],
        provenance: Provenance,
        policy: Policy,
        *,
        message: str | None,
        fingerprint: str | None,
    ) -> Json:
        bundle = read_bundle(files, **provenance.as_json())
        return await self._desk.apply(bundle, policy, actor=self._actor, message=message, fingerprint=fingerprint)

    async def export(
        self, files: Sequence[SourceFile], *, adopt: Sequence[EntityKey], only: Sequence[EntityKey]
    ) -> Json:
        return await self._desk.export(read_bundle(files), adopt=adopt, only=only)

    async def export_new(self) -> Json:
        return await self._desk.export_new()

    async def revisions(self, entity: EntityKey | None, limit: int) -> Json:
        rows = await self._desk.revisions(entity, before=None, limit=limit + 1)
        return {"data": rows[:limit], "has_more": len(rows) > limit}

    async def revision(self, revision: int) -> Json:
        return await self._desk.revision(revision)

    async def diff(self, earlier: int, later: int) -> Json:
        return await self._desk.diff(earlier, later)

    async def roll_back(
        self,
        revision: int,
        *,
        only: Sequence[EntityKey],
        message: str | None,
        is_dry: bool,
        expected: int | None = None,
    ) -> Json:
        return await self._desk.roll_back(
            revision, only=only, actor=self._actor, message=message, is_dry=is_dry, expected=expected
        )

    async def holds(self) -> list[Json]:
        return await self._desk.holds()

    async def hold(self, *, entity: EntityKey | None, fields: str | None, until: datetime, reason: str) -> Json:
        return await self._desk.hold(key=entity, fields=fields, until=until, reason=reason, actor=self._actor)

    async def unhold(self, hold_id: int) -> None:
        await self._desk.unhold(hold_id, actor=self._actor)

    async def resolve(self, address: str, choice: Choice) -> Json:
        return await self._desk.resolve(address, choice, actor=self._actor, digest=None)

    async def revert(self, entity: EntityKey, paths: Sequence[str], message: str | None) -> Json:
        return await self._desk.revert(entity, paths, actor=self._actor, message=message)

    async def detach(self, entity: EntityKey, reason: str) -> Json:
        return await self._desk.detach(entity, actor=self._actor, reason=reason)


def at_local_door(data_dir: Path | None, work: Callable[[Door], Awaitable[T]]) -> T:
    """What `work` returns. Raises Failure for a database that cannot be worked with."""
    settings = read_settings(data_dir)
    # What a sync logs for operators is printed by the verb; without a handler it would be on stderr as well.
    logging.getLogger("registry").addHandler(logging.NullHandler())

    async def at_desk(database: Database) -> T:
        return await work(LocalDoor(Desk(database, settings, _reason_finder(settings))))

    try:
        return with_database(data_dir, at_desk)
    except Misuse as error:
        raise Failure(error.message) from None


def examine_local(data_dir: Path | None) -> Json:
    """The checks of the doctor, on a database of any schema."""
    settings = read_settings(data_dir)
    try:
        with reachable_database(settings) as url:
            return asyncio.run(_examine(settings, url))
    except (EmbeddedPostgresError, Misuse) as error:
        return checks_as_json([Check("database", False, str(error))])


async def _examine(settings: Settings, url: str) -> Json:
    database = Database(url)
    try:
        return await diagnose(database, _reason_finder(settings))
    finally:
        await database.close()


def _reason_finder(settings: Settings) -> FindReason | None:
    """Why references lead to no key, as far as this process can tell: it must have the key of the kept secrets."""
    kept = settings.data_dir / "encryption_key"
    keys = settings.encryption_keys
    if not keys and settings.database_url is None and kept.exists():
        keys = (kept.read_text().strip(),)
    if not keys:
        return None
    # The whole server comes with it, and only two verbs ask.
    from quart_proxy.wiring import reason_finder

    return reason_finder(
        KeyResolver(
            env_allow=settings.registry_env_allow,
            file_allow=settings.registry_file_allow,
            sealer=Sealer(keys),
            environment=os.environ,
        )
    )


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number that has no name
        return str(os.getuid())
