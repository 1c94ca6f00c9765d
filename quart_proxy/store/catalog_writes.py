"""Writing providers, models, their upstreams, the names clients may send, and prices: many rows in few statements.

Prices are dated and never updated: a new price closes the one in force and opens another, so a bill of yesterday
still names the row that made it. Rows are deleted softly: usage rows and history go on naming them.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Table,
    Text,
    all_,
    any_,
    delete,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import Conflict
from quart_proxy.core.names import fold_name
from quart_proxy.core.pricing import Price
from quart_proxy.core.usage import Dimension
from quart_proxy.store.catalog import Model, Provider, among
from quart_proxy.store.price_rows import Tiers, price_of, tiers_as_json
from quart_proxy.store.tables import model_names, models, prices, providers, upstreams

_FREE: Mapping[Dimension, Decimal] = {Dimension.INPUT: Decimal(0), Dimension.OUTPUT: Decimal(0)}


class Wanted(NamedTuple):
    """A price to be in force."""

    rates: Mapping[Dimension, Decimal]
    free: bool
    tiers: Tiers


class Saved(NamedTuple):
    """The row that was written."""

    id: int
    row_version: int


# --- saving -------------------------------------------------------------------------------------------


async def save_provider(connection: AsyncConnection, provider: Provider) -> int:
    """Create the provider, or overwrite the live one of its key. Returns its new row version."""
    return (await save_providers(connection, [provider]))[provider.key].row_version


async def save_model(connection: AsyncConnection, model: Model) -> int:
    """One model, as `save_models` does it. Returns its new row version."""
    return (await save_models(connection, [model]))[model.key].row_version


async def save_providers(connection: AsyncConnection, declared: Sequence[Provider]) -> dict[str, Saved]:
    """Create each provider, or overwrite the live one of its key. Returns the rows by key."""
    rows = [
        {
            "key": provider.key,
            "api_format": provider.api_format,
            "api_url": provider.api_url,
            "api_key": provider.api_key,
            "headers": dict(provider.headers),
        }
        for provider in declared
    ]
    return await _overwrite(connection, providers, rows)


async def save_models(
    connection: AsyncConnection, declared: Sequence[Model], *, revision_id: int | None = None
) -> dict[str, Saved]:
    """Create each model, or overwrite the live one of its key: names, upstreams and price with it.

    A price row is made only if the price changes, and carries `revision_id`. Returns the rows by key. Raises
    KeyError for an upstream whose provider does not exist, and Conflict when a name is another model's: by the end
    of the transaction, since models may swap their names within it.
    """
    rows = [
        {
            "key": model.key,
            "display_name": model.display_name,
            "enabled": model.enabled,
            "description": model.description,
            "prompt_disabled": model.prompt_disabled,
            "prompt_text": model.prompt_text,
            "prompt_mode": model.prompt_mode,
            "limits": dict(model.limits),
            "extra": dict(model.extra),
        }
        for model in declared
    ]
    saved = await _overwrite(connection, models, rows)
    by_id = {saved[model.key].id: model for model in declared}
    await _save_names(connection, by_id)
    await _save_upstreams(connection, by_id)
    await _save_prices(connection, {model_id: _price(model) for model_id, model in by_id.items()}, revision_id)
    return saved


async def _overwrite(connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> dict[str, Saved]:
    if not rows:
        return {}
    statement = upsert(table)
    statement = statement.on_conflict_do_update(
        index_elements=["key"],
        index_where=table.c.deleted_at.is_(None),
        set_={
            **{name: statement.excluded[name] for name in rows[0] if name != "key"},
            "row_version": table.c.row_version + 1,
        },
    )
    written = await connection.execute(statement.returning(table.c.key, table.c.id, table.c.row_version), rows)
    return {row.key: Saved(row.id, row.row_version) for row in written}


async def _save_names(connection: AsyncConnection, by_id: Mapping[int, Model]) -> None:
    await connection.execute(delete(model_names).where(among(model_names.c.model_id, by_id)))
    rows = []
    for model_id, model in by_id.items():
        names = {fold_name(alias): (alias, True) for alias in model.aliases}
        names[fold_name(model.display_name)] = (model.display_name, False)
        rows += [
            {"name": folded, "model_id": model_id, "is_alias": is_alias, "written": written}
            for folded, (written, is_alias) in names.items()
        ]
    if rows:
        await connection.execute(insert(model_names), rows)


async def _save_upstreams(connection: AsyncConnection, by_id: Mapping[int, Model]) -> None:
    """An upstream whose key stays keeps its row."""
    live = select(providers.c.key, providers.c.id).where(providers.c.deleted_at.is_(None))
    known = {row.key: row.id for row in await connection.execute(live)}
    rows = [
        {
            "model_id": model_id,
            "key": upstream.key,
            "provider_id": None if upstream.provider is None else known[upstream.provider],
            "api_format": upstream.api_format,
            "api_url": upstream.api_url,
            "api_key": upstream.api_key,
            "actual_model": upstream.actual_model,
            "priority": upstream.priority,
            "weight": upstream.weight,
            "enabled": upstream.enabled,
        }
        for model_id, model in by_id.items()
        for upstream in model.upstreams
    ]
    kept: list[int] = []
    if rows:
        statement = upsert(upstreams)
        statement = statement.on_conflict_do_update(
            index_elements=["model_id", "key"],
            set_={name: statement.excluded[name] for name in rows[0] if name not in ("model_id", "key")},
        )
        kept += await connection.scalars(statement.returning(upstreams.c.id), rows)
    await connection.execute(
        delete(upstreams).where(
            among(upstreams.c.model_id, by_id), upstreams.c.id != all_(literal(kept, ARRAY(BigInteger)))
        )
    )


async def _save_prices(
    connection: AsyncConnection, wanted: Mapping[int, Wanted | None], revision_id: int | None = None
) -> None:
    """Bring the prices in force to `wanted`, by model id. None: no price."""
    in_force = select(prices).where(among(prices.c.model_id, wanted), prices.c.valid_to.is_(None))
    current = {row.model_id: price_of(row, row.id) for row in await connection.execute(in_force)}
    changed = {model_id: price for model_id, price in wanted.items() if not _is_at(price, current.get(model_id))}
    if not changed:
        return
    closed = [price.id for model_id, price in current.items() if model_id in changed]
    # Not `now()`, when the transaction began: one that waited for another would end its price before the start.
    at = await connection.scalar(select(func.clock_timestamp()))
    if closed:
        ends = func.greatest(prices.c.valid_from, at)
        await connection.execute(update(prices).where(among(prices.c.id, closed)).values(valid_to=ends))
    opened = [
        {
            "model_id": model_id,
            "free": price.free,
            "tiers": tiers_as_json(price.tiers),
            "revision_id": revision_id,
            "valid_from": at,
            **{dimension.value: price.rates.get(dimension) for dimension in Dimension},
        }
        for model_id, price in changed.items()
        if price is not None
    ]
    if opened:
        await connection.execute(insert(prices), opened)


def _price(model: Model) -> Wanted | None:
    if model.free:
        return Wanted(_FREE, True, {})
    return None if model.rates is None else Wanted(model.rates, False, model.tiers)


def _is_at(wanted: Wanted | None, current: Price | None) -> bool:
    """Whether the price in force is the wanted one already."""
    if wanted is None or current is None:
        return wanted is None and current is None
    return (wanted.rates, wanted.tiers) == (current.rates, current.tiers)


# --- deleting, restoring, renaming --------------------------------------------------------------------


async def delete_provider(connection: AsyncConnection, key: str) -> None:
    await delete_providers(connection, [key])


async def delete_model(connection: AsyncConnection, key: str) -> None:
    await delete_models(connection, [key])


async def delete_providers(connection: AsyncConnection, keys: Collection[str]) -> None:
    """Softly: models that name them are no longer served by them."""
    await _delete(connection, providers, keys)


async def delete_models(connection: AsyncConnection, keys: Collection[str]) -> None:
    """Softly: usage rows keep their model and price; the names become free."""
    ids = await _delete(connection, models, keys)
    await connection.execute(delete(model_names).where(among(model_names.c.model_id, ids)))
    await _save_prices(connection, dict.fromkeys(ids))


async def _delete(connection: AsyncConnection, table: Table, keys: Collection[str]) -> list[int]:
    is_meant = table.c.key == any_(literal(list(keys), ARRAY(Text)))
    gone = update(table).where(is_meant, table.c.deleted_at.is_(None))
    gone = gone.values(deleted_at=func.now(), row_version=table.c.row_version + 1)
    return list(await connection.scalars(gone.returning(table.c.id)))


async def restore_providers(connection: AsyncConnection, ids: Mapping[str, int]) -> None:
    """Let deleted providers live again, under these keys. Raises Conflict if a live one has such a key, or if one of
    the rows is not deleted."""
    await _restore(connection, "providers", ids)


async def restore_models(connection: AsyncConnection, ids: Mapping[str, int]) -> None:
    """The same for models; they have no name and no price until they are saved."""
    await _restore(connection, "models", ids)


async def _restore(connection: AsyncConnection, table: str, ids: Mapping[str, int]) -> None:
    statement = text(
        f"UPDATE {table} AS t SET key = new.key, deleted_at = NULL, row_version = t.row_version + 1"  # noqa: S608
        " FROM unnest(CAST(:keys AS text[]), CAST(:ids AS bigint[])) AS new (key, id)"
        " WHERE t.id = new.id AND t.deleted_at IS NOT NULL"
    )
    restored = await connection.execute(statement, {"keys": list(ids), "ids": list(ids.values())})
    if restored.rowcount != len(ids):
        raise Conflict(f"Of {', '.join(ids)} not all were deleted {table}.")


async def rename_models(connection: AsyncConnection, keys: Mapping[str, str]) -> None:
    """Give live models new keys, from old to new. Keys may be swapped, or passed on. Raises Conflict for a new
    key that a live model has and keeps."""
    # A key never holds a slash: all the old ones are out of the way before the first new one is taken.
    away = text(
        "UPDATE models AS m SET key = '/' || new.key, row_version = m.row_version + 1"
        " FROM unnest(CAST(:old AS text[]), CAST(:new AS text[])) AS new (was, key)"
        " WHERE m.key = new.was AND m.deleted_at IS NULL"
    )
    await connection.execute(away, {"old": list(keys), "new": list(keys.values())})
    await connection.execute(
        text("UPDATE models SET key = substr(key, 2) WHERE starts_with(key, '/') AND deleted_at IS NULL")
    )
