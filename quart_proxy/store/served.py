"""What can be served now, with all that a call needs: the catalog as requests read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.pricing import Price
from quart_proxy.core.usage import Dimension
from quart_proxy.store.catalog import among, list_names
from quart_proxy.store.price_rows import price_of
from quart_proxy.store.tables import model_names, models, prices, providers, upstreams


@dataclass(frozen=True, slots=True)
class ServedUpstream:
    """An upstream with its provider's address filled in: all that a call needs, but the key itself. `name` is the
    provider's; without one, `model/upstream`."""

    id: int
    name: str
    api_format: str
    api_url: str
    api_key: str | None
    headers: Mapping[str, str]
    actual_model: str
    priority: int
    weight: int


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that can be served now: enabled, priced, with at least one enabled upstream, in calling order."""

    id: int
    display_name: str
    aliases: tuple[str, ...]
    """Its other names, as they were written."""
    names: frozenset[str]
    """Every name of it, folded."""
    price: Price
    upstreams: tuple[ServedUpstream, ...]
    prompt_disabled: bool
    prompt_text: str
    prompt_mode: str | None
    limits: Mapping[str, int]
    created_at: Any
    routing: Mapping[str, Any] = field(default_factory=dict)
    """As models.yaml has it: how its upstreams are tried."""


async def list_served_models(connection: AsyncConnection, name: str | None = None) -> list[ServedModel]:
    """Every model that can be served now, by display name; with `name` (folded), the one that has this name."""
    query = (
        select(models, *(prices.c[d.value] for d in Dimension), prices.c.free, prices.c.tiers)
        .add_columns(prices.c.id.label("price_id"))
        .join(prices, (prices.c.model_id == models.c.id) & prices.c.valid_to.is_(None))
        .where(models.c.deleted_at.is_(None), models.c.enabled)
        .order_by(models.c.display_name)
    )
    if name is not None:
        query = query.where(models.c.id.in_(select(model_names.c.model_id).where(model_names.c.name == name)))
    rows = (await connection.execute(query)).all()
    ids = [row.id for row in rows]
    reached = await list_upstreams(connection, ids)
    named = await list_names(connection, ids)
    return [
        ServedModel(
            id=row.id,
            display_name=row.display_name,
            aliases=tuple(written for _, written, is_alias in named.get(row.id, ()) if is_alias),
            names=frozenset(folded for folded, _, _ in named.get(row.id, ())),
            price=price_of(row, row.price_id),
            upstreams=tuple(reached[row.id]),
            prompt_disabled=bool(row.prompt_disabled),
            prompt_text=row.prompt_text or "",
            prompt_mode=row.prompt_mode,
            limits=row.limits,
            created_at=row.created_at,
            routing=row.extra.get("routing", {}),
        )
        for row in rows
        if reached.get(row.id)
    ]


async def list_upstreams(connection: AsyncConnection, model_ids: Sequence[int]) -> dict[int, list[ServedUpstream]]:
    """The enabled upstreams of these models, whether they can be served or not, by model and in calling order."""
    query = (
        select(
            upstreams,
            models.c.display_name,
            models.c.key.label("model_key"),
            providers.c.key.label("provider_key"),
            func.coalesce(upstreams.c.api_format, providers.c.api_format).label("format"),
            func.coalesce(upstreams.c.api_url, providers.c.api_url).label("url"),
            func.coalesce(upstreams.c.api_key, providers.c.api_key).label("secret"),
            providers.c.headers,
            providers.c.deleted_at.label("provider_deleted_at"),
        )
        .join(models, models.c.id == upstreams.c.model_id)
        .outerjoin(providers, providers.c.id == upstreams.c.provider_id)
        .where(among(upstreams.c.model_id, model_ids), upstreams.c.enabled)
        .order_by(upstreams.c.priority, upstreams.c.weight.desc(), upstreams.c.id)
    )
    found: dict[int, list[ServedUpstream]] = {}
    for row in await connection.execute(query):
        if row.provider_deleted_at is None:
            found.setdefault(row.model_id, []).append(
                ServedUpstream(
                    id=row.id,
                    name=row.provider_key or f"{row.model_key}/{row.key}",
                    api_format=row.format,
                    api_url=row.url,
                    api_key=row.secret,
                    headers=row.headers or {},
                    actual_model=row.actual_model or row.display_name,
                    priority=row.priority,
                    weight=row.weight,
                )
            )
    return found
