"""Users and keys with what was done with them of late."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from quart import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.limits import Limits, period_end, period_start
from quart_proxy.core.money import ZERO, format_money
from quart_proxy.http import service
from quart_proxy.http.answers import CSV_ROWS_PER_READ, csv_response, read_page
from quart_proxy.http.fields import choice, identifier, read_query, text
from quart_proxy.http.forms import key_form, maybe_time, pace_form, shown_id, user_form
from quart_proxy.services.auth import limits_of
from quart_proxy.store.accounts import ApiKey, User, read_users
from quart_proxy.store.database import Database
from quart_proxy.store.last_requests import read_last_requests
from quart_proxy.store.spending import NOTHING_SPENT, Span, read_key_spending, read_spent, read_user_spending
from quart_proxy.store.user_lists import KeyStatus, count_active_keys, list_keys_by

KEY_COLUMNS = (
    "id",
    "key",
    "name",
    "user_id",
    "user_name",
    "status",
    "refused_for",
    "spent_30d",
    "spend_limit",
    "spend_period",
    "spent_in_period",
    "allowed_models",
    "max_concurrency",
    "rpm",
    "tpm",
    "last_used_at",
    "last_client_agent",
    "last_request_id",
    "created_at",
    "expires_at",
    "revoked_at",
)
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
            **pace_form(user.balance, spent),
            "spend_status": status,
        }
        rows.append({**user_form(user), **facts})
    return rows


async def key_rows(connection: AsyncConnection, keys: Sequence[ApiKey]) -> list[dict[str, Any]]:
    owners = await read_users(connection, sorted({key.user_id for key in keys}))
    spending = await read_key_spending(connection, [key.id for key in keys])
    last_requests = await read_last_requests(connection, [key.id for key in keys])
    limits = [limits_of(key, key.user_id, key.id) for key in keys]
    statuses = await spend_statuses(
        connection, [*limits, *(limits_of(each, each.id, None) for each in owners.values())]
    )
    own, owned = statuses[: len(keys)], dict(zip(owners, statuses[len(keys) :], strict=True))
    rows = []
    for key, status in zip(keys, own, strict=True):
        spent, owner = spending.get(key.id, NOTHING_SPENT), owners[key.user_id]
        last = last_requests.get(key.id)
        form = key_form(key)
        facts = {
            "user_name": owner.name,
            "spent_30d": format_money(spent.spent_30d),
            "last_used_at": maybe_time(spent.last_used_at),
            "last_request_id": None if last is None else shown_id(last.request_id),
            "last_client_agent": None if last is None else last.client_agent,
            "spend_status": status,
            "refused_for": _refusal(owner, owned[owner.id], status) if form["status"] == "active" else None,
        }
        rows.append({**form, **facts})
    return rows


def _refusal(owner: User, owned: dict[str, Any] | None, own: dict[str, Any] | None) -> str | None:
    """Why the next call with a key that is good would be refused, in the order in which calls are looked at."""
    if owner.disabled:
        return "user_disabled"
    if owner.balance <= 0:
        return "insufficient_balance"
    if owned is not None and owned["left"] == "0":
        return "user_spend_limit"
    return "spend_limit" if own is not None and own["left"] == "0" else None


async def keys_answer(*, user_id: int | None) -> Response:
    """Keys of this user or of all, newest first; `q` is a part of a name or of what is shown of a key."""
    page, chosen = read_page(identifier), _read_key_filter()
    async with service(Database).snapshot() as connection:
        keys = await list_keys_by(connection, user_id=user_id, **chosen, before_id=page.cursor, limit=page.limit + 1)
        rows = await key_rows(connection, keys)
    return page.answer(rows, lambda row: row, lambda row: row["id"])


async def keys_file(*, user_id: int | None) -> Response:
    database, chosen = service(Database), _read_key_filter()

    async def read_more(after: int | None) -> list[tuple[int, dict[str, Any]]]:
        async with database.snapshot() as connection:
            keys = await list_keys_by(connection, user_id=user_id, **chosen, before_id=after, limit=CSV_ROWS_PER_READ)
            rows = await key_rows(connection, keys)
        return [(row["id"], {**row, **_cells(row)}) for row in rows]

    return await csv_response("keys", KEY_COLUMNS, read_more)


def _cells(row: dict[str, Any]) -> dict[str, Any]:
    """What has parts, as one cell each."""
    models, status = row["allowed_models"], row["spend_status"] or {}
    return {
        "key": f"{row['prefix']}…{row['last4']}",
        "allowed_models": None if models is None else " ".join(models),
        "spent_in_period": status.get("spent"),
    }


def _read_key_filter() -> dict[str, Any]:
    given = read_query(KEY_FILTERS)
    return {"status": KeyStatus(given["status"]) if "status" in given else None, "containing": given.get("q", "")}
