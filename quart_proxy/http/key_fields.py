"""What an admin may say of a client's key, and what keys and users may be limited to."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from quart_proxy.core.limits import SpendPeriod
from quart_proxy.http.fields import (
    MONEY_SCHEMA,
    Field,
    Fields,
    check_alone,
    choice,
    moment,
    money,
    names,
    takes,
    text,
    whole,
)

COUNT_MAX = 100_000
TOKENS_MAX = 1_000_000_000_000


def _dollars(value: Any) -> Decimal:
    amount: Decimal = money(value)
    if amount <= 0:
        raise ValueError("must be above zero; null is no limit")
    return amount


takes(MONEY_SCHEMA, _dollars)

LIMIT_FIELDS: Fields = {
    "allowed_models": Field(names, nullable=True),
    "max_concurrency": Field(whole(1, COUNT_MAX), nullable=True),
    "rpm": Field(whole(1, COUNT_MAX), nullable=True),
    "tpm": Field(whole(1, TOKENS_MAX), nullable=True),
    "spend_limit": Field(_dollars, nullable=True),
    "spend_period": Field(choice(*SpendPeriod), nullable=True),
}
KEY_FIELDS: Fields = {"name": Field(text()), "expires_at": Field(moment, nullable=True), **LIMIT_FIELDS}


def check_period(fields: Mapping[str, Any]) -> None:
    """A period says nothing alone. Raises InvalidFields."""
    if fields.get("spend_period") is not None and fields.get("spend_limit") is None:
        check_alone("spend_period", "needs a spend_limit")
