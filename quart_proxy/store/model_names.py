"""Which model has which name."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.tables import model_names, models


async def find_name_holders(connection: AsyncConnection, names: Sequence[str]) -> dict[str, str]:
    """The keys of the models that have these names (folded); names that nobody has are left out."""
    query = (
        select(model_names.c.name, models.c.key)
        .join(models, models.c.id == model_names.c.model_id)
        .where(model_names.c.name.in_(names))
    )
    return {row.name: row.key for row in await connection.execute(query)}
