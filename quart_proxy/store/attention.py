"""What in the database waits for a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.accounts import User
from quart_proxy.store.tables import models, prices, users

USERS_SHOWN = 10


async def list_unpriced_models(connection: AsyncConnection) -> list[str]:
    """The keys of models that are enabled and have no price, so that nobody can call them."""
    query = (
        select(models.c.key)
        .outerjoin(prices, (prices.c.model_id == models.c.id) & prices.c.valid_to.is_(None))
        .where(models.c.deleted_at.is_(None), models.c.enabled, prices.c.id.is_(None))
        .order_by(models.c.key)
    )
    return list((await connection.scalars(query)).all())


async def list_users_without_money(connection: AsyncConnection) -> tuple[int, list[User]]:
    """How many users have nothing left, and the first of them, the deepest in debt first."""
    is_out = users.c.deleted_at.is_(None) & (users.c.balance <= 0)
    count = await connection.scalar(select(func.count()).select_from(users).where(is_out))
    columns = [users.c[name] for name in User.__slots__]
    query = select(*columns).where(is_out).order_by(users.c.balance, users.c.id).limit(USERS_SHOWN)
    return int(count or 0), [User(*row) for row in await connection.execute(query)]


@dataclass(frozen=True, slots=True)
class UpstreamHealth:
    """What all workers saw of an upstream of late. `last_error` None: there was none."""

    name: str
    requests: int
    failures: int
    last_error: str | None


async def list_reports(connection: AsyncConnection, seen_since: datetime) -> list[Mapping[str, Any]]:
    """What each worker heard of since then said of its health; those that said nothing are left out."""
    # By way of the whole row: one who looks need not know whether workers say it in this version.
    query = text("SELECT to_jsonb(w) -> 'health' FROM workers AS w WHERE w.seen_at >= :since").bindparams(
        since=seen_since
    )
    return [health for health in await connection.scalars(query) if isinstance(health, dict)]


def sum_upstreams(reports: Sequence[Mapping[str, Any]]) -> list[UpstreamHealth]:
    """By name, over all workers."""
    summed: dict[str, tuple[int, int, str, str | None]] = {}
    for said in (upstream for report in reports for upstream in report.get("upstreams") or ()):
        requests, failures, at, error = summed.get(said["name"], (0, 0, "", None))
        later = said.get("last_error_at") or ""
        newest = (later, said.get("last_error")) if later >= at else (at, error)
        summed[said["name"]] = (requests + said["requests"], failures + said["failures"], *newest)
    return [
        UpstreamHealth(name, requests, failures, error)
        for name, (requests, failures, _, error) in sorted(summed.items())
    ]
