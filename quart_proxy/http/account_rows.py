"""Users and keys with what was done with them of late."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from quart import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.limits import Limits, period_end, period_start
from quart_proxy.core.money import ZERO, format_money
from quart_proxy.http import service
from quart_proxy.http.answers import read_page
from quart_proxy.http.fields import choice, identifier, read_query, text
from quart_proxy.http.forms import days_left, key_form, maybe_time, user_form
from quart_proxy.services.auth import limits_of
from quart_proxy.store.accounts import ApiKey, User
from quart_proxy.store.database import Database
from quart_proxy.store.spending import NOTHING_SPENT, Span, read_key_spending, read_spent, read_user_spending
from quart_proxy.store.user_lists import KeyStatus, count_active_keys, list_keys_by

KEY_FILTERS = {"status": choice(*KeyStatus), "q": text()}


async def spend_statuses(connection: AsyncConnection, limits: Sequence[Limits]) -> list[dict[str, Any] | None]:
    """How far each spend limit is used up in the period that runs; None for one that is not there."""
    now = datetime.now(UTC)
    spans = {each: Span(*each.owner, period_start(each.spend_period, now)) for each in limits if each.spend_limit}
    spent = await read_spent(connection, list(spans.values())) if spans else {}

    def render(each: Limits) -> dict[str, Any] | None:
        if each.spend_limit is None:
            return None
        used = spent[spans[each]]
        return {
            "spent": format_money(used),
            "left": format_money(max(each.spend_limit - used, ZERO)),
            "resets_at": maybe_time(period_end(each.spend_period, now)),
        }

    return [render(each) for each in limits]


async def user_rows(connection: AsyncConnection, users: Sequence[User]) -> list[dict[str, Any]]:
    ids = [user.id for user in users]
    spending = await read_user_spending(connection, ids)
    keys = await count_active_keys(connection, ids)
    statuses = await spend_statuses(connection, [limits_of(user, user.id, None) for user in users])
    rows = []
    for user, status in zip(users, statuses, strict=True):
        spent = spending.get(user.id, NOTHING_SPENT)
        facts = {
            "spent_7d": format_money(spent.spent_7d),
            "spent_30d": format_money(spent.spent_30d),
            "last_used_at": maybe_time(spent.last_used_at),
            "keys": keys.get(user.id, 0),
            "days_left": days_left(user.balance, spent.spent_7d),
            "spend_status": status,
        }
        rows.append({**user_form(user), **facts})
    return rows


async def key_rows(connection: AsyncConnection, keys: Sequence[tuple[ApiKey, str]]) -> list[dict[str, Any]]:
    """Keys given with the names of their users."""
    spending = await read_key_spending(connection, [key.id for key, _ in keys])
    statuses = await spend_statuses(connection, [limits_of(key, key.user_id, key.id) for key, _ in keys])
    rows = []
    for (key, user_name), status in zip(keys, statuses, strict=True):
        spent = spending.get(key.id, NOTHING_SPENT)
        facts = {
            "spent_30d": format_money(spent.spent_30d),
            "last_used_at": maybe_time(spent.last_used_at),
            "spend_status": status,
        }
        rows.append({**key_form(key), "user_name": user_name, **facts})
    return rows


async def keys_answer(*, user_id: int | None) -> Response:
    """Keys of this user or of all, newest first; `q` is a part of a name or of what is shown of a key."""
    page, given = read_page(identifier), read_query(KEY_FILTERS)
    async with service(Database).snapshot() as connection:
        keys = await list_keys_by(
            connection,
            user_id=user_id,
            status=KeyStatus(given["status"]) if "status" in given else None,
            containing=given.get("q", ""),
            before_id=page.cursor,
            limit=page.limit + 1,
        )
        rows = await key_rows(connection, keys)
    return page.answer(rows, lambda row: row, lambda row: row["id"])
