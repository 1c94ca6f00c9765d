"""Reading providers, models, their upstreams, the names clients may send, and prices. `catalog_writes` writes them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, any_, literal, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.usage import Dimension
from quart_proxy.store.price_rows import Tiers, price_of
from quart_proxy.store.tables import model_names, models, prices, providers, upstreams


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Who is called. `api_key` is a reference such as `${env:NAME}`, never a key. `row_version` 0: not kept yet."""

    key: str
    api_format: str
    api_url: str
    api_key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    id: int = 0
    row_version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One way to serve a model: by a provider, or by an address of its own."""

    key: str
    provider: str | None = None
    api_format: str | None = None
    api_url: str | None = None
    api_key: str | None = None
    actual_model: str | None = None
    priority: int = 0
    weight: int = 100
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model as an admin declares it. `rates` None: no price, so it is not served; `tiers` are the rates of long
    prompts, by threshold. Limits are seconds and
    tokens by the names of models.yaml; absent ones take the product's defaults."""

    key: str
    display_name: str
    aliases: tuple[str, ...] = ()
    enabled: bool = True
    description: str | None = None
    prompt_disabled: bool | None = None
    prompt_text: str | None = None
    prompt_mode: str | None = None
    limits: Mapping[str, int] = field(default_factory=dict)
    rates: Mapping[Dimension, Decimal] | None = None
    free: bool = False
    tiers: Tiers = field(default_factory=dict)
    upstreams: tuple[Upstream, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What else models.yaml may say, such as tags. Serving reads `routing` of it, and nothing else."""
    id: int = 0
    row_version: int = 0


def among(column: ColumnElement[int], ids: Collection[int]) -> ColumnElement[bool]:
    """Whether a row is of these ids: one parameter, and one text of the query, however many they are."""
    return column == any_(literal(list(ids), ARRAY(BigInteger)))


async def list_names(connection: AsyncConnection, model_ids: Sequence[int]) -> dict[int, list[tuple[str, str, bool]]]:
    """The names of these models, by model: folded, as written, and whether it is an alias."""
    query = select(model_names).where(among(model_names.c.model_id, model_ids)).order_by(model_names.c.written)
    found: dict[int, list[tuple[str, str, bool]]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.model_id, []).append((row.name, row.written, row.is_alias))
    return found


async def list_providers(connection: AsyncConnection, key: str | None = None) -> list[Provider]:
    query = select(providers).where(providers.c.deleted_at.is_(None)).order_by(providers.c.key)
    if key is not None:
        query = query.where(providers.c.key == key)
    return [
        Provider(
            key=row.key,
            api_format=row.api_format,
            api_url=row.api_url,
            api_key=row.api_key,
            headers=row.headers,
            id=row.id,
            row_version=row.row_version,
        )
        for row in await connection.execute(query)
    ]


async def list_models(connection: AsyncConnection, key: str | None = None) -> list[Model]:
    """Models as declared, served or not, in the order of their keys; with `key`, that one or none."""
    query = select(models).where(models.c.deleted_at.is_(None)).order_by(models.c.key)
    if key is not None:
        query = query.where(models.c.key == key)
    rows = (await connection.execute(query)).all()
    ids = [row.id for row in rows]
    named = await list_names(connection, ids)
    current = {
        row.model_id: price_of(row, row.id)
        for row in await connection.execute(
            select(prices).where(among(prices.c.model_id, ids), prices.c.valid_to.is_(None))
        )
    }
    declared = await _declared_upstreams(connection, ids)
    found = []
    for row in rows:
        price = current.get(row.id)
        found.append(
            Model(
                key=row.key,
                display_name=row.display_name,
                aliases=tuple(written for _, written, is_alias in named.get(row.id, ()) if is_alias),
                enabled=row.enabled,
                description=row.description,
                prompt_disabled=row.prompt_disabled,
                prompt_text=row.prompt_text,
                prompt_mode=row.prompt_mode,
                limits=row.limits,
                rates=None if price is None else price.rates,
                free=price is not None and price.free,
                tiers={} if price is None else price.tiers,
                upstreams=tuple(declared.get(row.id, ())),
                extra=row.extra,
                id=row.id,
                row_version=row.row_version,
            )
        )
    return found


async def _declared_upstreams(connection: AsyncConnection, model_ids: Sequence[int]) -> dict[int, list[Upstream]]:
    query = (
        select(upstreams, providers.c.key.label("provider_key"))
        .outerjoin(providers, providers.c.id == upstreams.c.provider_id)
        .where(among(upstreams.c.model_id, model_ids))
        .order_by(upstreams.c.key)
    )
    found: dict[int, list[Upstream]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.model_id, []).append(
            Upstream(
                key=row.key,
                provider=row.provider_key,
                api_format=row.api_format,
                api_url=row.api_url,
                api_key=row.api_key,
                actual_model=row.actual_model,
                priority=row.priority,
                weight=row.weight,
                enabled=row.enabled,
            )
        )
    return found


async def list_tombstones(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    """The row deleted last of each ("provider" or "model", key) that nothing live has: its id."""
    found: dict[tuple[str, str], int] = {}
    for kind, table in (("provider", providers), ("model", models)):
        query = (
            select(table.c.key, table.c.id)
            .ext(distinct_on(table.c.key))
            .where(
                table.c.deleted_at.is_not(None),
                table.c.key.not_in(select(table.c.key).where(table.c.deleted_at.is_(None))),
            )
            .order_by(table.c.key, table.c.deleted_at.desc(), table.c.id.desc())
        )
        found |= {(kind, row.key): row.id for row in await connection.execute(query)}
    return found
