"""Two ways to the registry that answer alike: the database itself, or a running product over HTTP."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from quart_proxy.commands.registry.origin import Provenance
from registry.entities import Choice, EntityKey, Policy
from registry.files.sources import SourceFile

T = TypeVar("T")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """Which registry is meant: a server's with a token for it, or that of this machine (`server` None)."""

    server: str | None
    token: str | None
    data_dir: Path | None


class Door(Protocol):
    """Every question of the verbs; the answers are the API's JSON. Raises PlanRefused and StalePlan with a plan,
    InvalidRegistry with faults, and other ProxyErrors with a sentence."""

    async def status(self) -> Json: ...

    async def drift(self, ignore: Sequence[str]) -> Json: ...

    async def plan(self, files: Sequence[SourceFile], provenance: Provenance, policy: Policy) -> Json: ...

    async def apply(
        self,
        files: Sequence[SourceFile],
        provenance: Provenance,
        policy: Policy,
        *,
        message: str | None,
        fingerprint: str | None,
    ) -> Json: ...

    async def export(
        self, files: Sequence[SourceFile], *, adopt: Sequence[EntityKey], only: Sequence[EntityKey]
    ) -> Json: ...

    async def export_new(self) -> Json: ...

    async def revisions(self, entity: EntityKey | None, limit: int) -> Json: ...

    async def revision(self, revision: int) -> Json: ...

    async def diff(self, earlier: int, later: int) -> Json: ...

    async def roll_back(
        self,
        revision: int,
        *,
        only: Sequence[EntityKey],
        message: str | None,
        is_dry: bool,
        expected: int | None = None,
    ) -> Json: ...

    async def holds(self) -> list[Json]: ...

    async def hold(self, *, entity: EntityKey | None, fields: str | None, until: datetime, reason: str) -> Json: ...

    async def unhold(self, hold_id: int) -> None: ...

    async def resolve(self, address: str, choice: Choice) -> Json: ...

    async def revert(self, entity: EntityKey, paths: Sequence[str], message: str | None) -> Json: ...

    async def detach(self, entity: EntityKey, reason: str) -> Json: ...


def at_door(target: Target, work: Callable[[Door], Awaitable[T]]) -> T:
    """What `work` returns at the registry that is meant."""
    if target.server is not None:
        from quart_proxy.commands.registry.server_door import at_server_door

        return at_server_door(target.server, target.token, work)
    from quart_proxy.commands.registry.local_door import at_local_door

    return at_local_door(target.data_dir, work)


def examine(target: Target) -> Json:
    """The doctor's checks there; a registry that cannot be reached is a check that failed."""
    if target.server is not None:
        from quart_proxy.commands.registry.server_door import examine_server

        return examine_server(target.server, target.token)
    from quart_proxy.commands.registry.local_door import examine_local

    return examine_local(target.data_dir)
