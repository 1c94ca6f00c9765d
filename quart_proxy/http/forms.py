"""How users, keys, money and receipts are said in JSON: by the API and by the command line alike.

Money is a decimal string, a time is RFC 3339 in UTC, an id of a row is a number.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from quart_proxy.core.money import ZERO, format_money
from quart_proxy.core.pricing import BASE, Charge, Price
from quart_proxy.core.usage import Dimension
from quart_proxy.store.accounts import ApiKey, User
from quart_proxy.store.ledger import Entry
from quart_proxy.store.spending import Spending
from quart_proxy.store.usage_log import Receipt, UsageRow

REQUEST_ID_PREFIX = "req_"


def time_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def maybe_time(moment: datetime | None) -> str | None:
    return None if moment is None else time_text(moment)


def shown_id(request_id: UUID) -> str:
    return REQUEST_ID_PREFIX + request_id.hex


def parse_request_id(text: str) -> UUID | None:
    """The id in any of its spellings: with the prefix or without, with dashes or without. None for no id."""
    digits = text.strip().lower().removeprefix(REQUEST_ID_PREFIX).replace("-", "")
    if len(digits) != 32 or not set(digits) <= set("0123456789abcdef"):
        return None
    return UUID(hex=digits)


def lifetime_form(user: User) -> dict[str, Any]:
    return {
        "spent": format_money(user.spent),
        "requests": user.requests,
        "input_tokens": user.input_tokens,
        "output_tokens": user.output_tokens,
    }


def user_form(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "note": user.note,
        "disabled": user.disabled,
        "balance": format_money(user.balance),
        "currency": "USD",
        "lifetime": lifetime_form(user),
        "created_at": time_text(user.created_at),
        **limits_form(user),
    }


def limits_form(kept: User | ApiKey) -> dict[str, Any]:
    """What a user or a key may use at most; null: as much as there is."""
    return {
        "allowed_models": None if kept.allowed_models is None else list(kept.allowed_models),
        "max_concurrency": kept.max_concurrency,
        "rpm": kept.rpm,
        "tpm": kept.tpm,
        "spend_limit": None if kept.spend_limit is None else format_money(kept.spend_limit),
        "spend_period": kept.spend_period,
    }


def pace_form(balance: Decimal, spending: Spending) -> dict[str, float | None]:
    """How long the balance lasts at the pace of the last week, and the days that this pace is taken from: fewer than
    seven for who began in it. None: nothing was spent in it."""
    if not spending.spent_7d:
        return {"days_left": None, "pace_days": None}
    left = max(balance, ZERO) * spending.pace_days / spending.spent_7d
    return {"days_left": round(float(left), 1), "pace_days": float(spending.pace_days)}


def key_form(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "user_id": key.user_id,
        "name": key.name,
        "prefix": key.prefix,
        "last4": key.last4,
        "status": _status(key),
        **limits_form(key),
        "created_at": time_text(key.created_at),
        "expires_at": maybe_time(key.expires_at),
        "revoked_at": maybe_time(key.revoked_at),
    }


def _status(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= datetime.now(UTC) else "active"


def entry_form(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "user_id": entry.user_id,
        "kind": entry.kind,
        "amount": format_money(entry.amount),
        "balance_after": format_money(entry.balance_after),
        "reason": entry.reason,
        "actor": entry.actor,
        "created_at": time_text(entry.created_at),
        "reverses": entry.reverses,
        "reversed_by": entry.reversed_by,
    }


def price_form(price: Price) -> dict[str, Any]:
    """What each dimension is charged at, after every fallback; under `tiers` what it is for prompts of more tokens."""
    return {
        "currency": "USD",
        "per": "1M_tokens",
        "free": price.free,
        **_charged(price, BASE),
        "tiers": {str(threshold): _charged(price, threshold) for threshold in sorted(price.tiers)},
    }


def _charged(price: Price, tier: int) -> dict[str, str]:
    return {dimension.value: format_money(price.rate(dimension, tier)) for dimension in Dimension}


def usage_form(row: UsageRow) -> dict[str, Any]:
    """A request as its user may see it: not which provider answered."""
    return {
        "request_id": shown_id(row.request_id),
        "key_id": row.api_key_id,
        "key_name": row.key_name,
        "model": row.model,
        "endpoint": row.endpoint,
        "streamed": row.streamed,
        "outcome": row.outcome,
        "status": row.status,
        "error_code": row.error_code,
        "tokens": {**{d.value: row.tokens[d] for d in Dimension}, "reasoning": row.reasoning},
        "cost": format_money(row.cost),
        "answer_id": row.answer_id,
        "client_request_id": row.client_request_id,
        "client_agent": row.client_agent,
        "started_at": time_text(row.started_at),
        "first_byte_ms": row.first_byte_ms,
        "duration_ms": row.duration_ms,
    }


def usage_form_for_admin(row: UsageRow) -> dict[str, Any]:
    return {
        **usage_form(row),
        "user_id": row.user_id,
        "user_name": row.user_name,
        "actual_model": row.actual_model,
        "upstream": row.upstream,
        "upstream_status": row.upstream_status,
        "upstream_request_id": row.upstream_request_id,
        # In rows from before there was one, `after_ms` has the pause in it.
        "attempts": [{"pause_ms": 0, **attempt} for attempt in row.attempts or []],
    }


def receipt_lines(receipt: Receipt) -> dict[str, Any]:
    """The bill of a request; `cost` is what was really taken."""
    return {**charge_form(receipt.charge), "cost": format_money(receipt.row.cost)}


def charge_form(charge: Charge) -> dict[str, Any]:
    """The lines of the bill; their amounts sum to `cost`, to the last digit. `tier` is the threshold that the prompt
    exceeded, which the rates are of; null: the price has none so low."""
    return {
        "currency": "USD",
        "tier": charge.tier or None,
        "lines": [
            {
                "dimension": line.dimension.value,
                "tokens": line.tokens,
                "price": format_money(line.price),
                "amount": format_money(line.amount),
            }
            for line in charge.lines
        ],
        "cost": format_money(charge.cost),
    }
