"""What is kept of one exchange: the row of `usage_log`, as the JSON text that both the journal and the
settlement statement take.

Whatever a client or a provider chose is cleaned here: PostgreSQL refuses a NUL byte or half a surrogate pair,
and one refused text must not make a request free or hold up the others of its batch.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson

from quart_proxy.core.money import ZERO
from quart_proxy.core.usage import Dimension, Usage

TEXT_CHARACTERS_MAX = 200
INT4_MAX = 2**31 - 1
_UNWANTED = {code: None for code in (*range(0x20), 0x7F)}


class Outcome(StrEnum):
    """How an exchange ended. Only those with usage in a 2xx are charged; the others say why not."""

    COMPLETED = "completed"
    """Charged."""
    ERROR_AFTER_USAGE = "error_after_usage"
    """Charged: the provider reported usage in a 2xx, and the answer broke after that."""
    NO_USAGE = "no_usage"
    """The provider answered 2xx without usage."""
    USAGE_INVALID = "usage_invalid"
    """The provider reported something that is not a count."""
    UPSTREAM_ERROR = "upstream_error"
    """The provider refused or failed, or could not be reached, before usage."""
    INTERRUPTED = "interrupted"
    """The answer broke off before usage, or this process was killed."""
    ABORTED_UNMETERED = "aborted_unmetered"
    """The client hung up and too many such answers were being read already; the provider was cut."""
    REFUSED = "refused"
    """Refused here, before any provider was called."""


@dataclass(slots=True)
class Exchange:
    """One exchange as it goes along. Times are milliseconds since it began; texts may be anything."""

    request_id: UUID
    user_id: int
    api_key_id: int
    model: str
    endpoint: str
    streamed: bool
    started_at: str
    client_request_id: str | None = None
    client_agent: str | None = None
    user_name: str = ""
    """For whoever watches; the row does not keep it."""
    model_id: int | None = None
    actual_model: str | None = None
    upstream: str | None = None
    outcome: Outcome = Outcome.INTERRUPTED
    status: int = 0
    upstream_status: int | None = None
    upstream_request_id: str | None = None
    answer_id: str | None = None
    error_code: str | None = None
    price_id: int | None = None
    usage: Usage | None = None
    cost: Decimal = ZERO
    first_byte_ms: int | None = None
    duration_ms: int | None = None
    attempts: list[dict[str, Any]] = field(default_factory=list)
    """The attempts that failed before the one that the other members tell of: `upstream`, `status` (None: it was not
    reached), `error` (a code), `after_ms` (when it was given up) and `pause_ms` (from then until the next one)."""

    @property
    def tokens(self) -> int:
        """Every token of it, however it is priced."""
        return 0 if self.usage is None else sum(self.usage.tokens.values())

    def encode(self) -> bytes:
        """The JSON object that `store.ledger.settle_records` takes."""
        usage = self.usage
        record: dict[str, Any] = {
            "request_id": str(self.request_id),
            "user_id": self.user_id,
            "api_key_id": self.api_key_id,
            "model_id": self.model_id,
            "price_id": self.price_id,
            "model": clean_text(self.model),
            "actual_model": self.actual_model,
            "upstream": self.upstream,
            "endpoint": self.endpoint,
            "streamed": self.streamed,
            "outcome": self.outcome.value,
            "status": self.status,
            "upstream_status": self.upstream_status,
            "upstream_request_id": _cleaned(self.upstream_request_id),
            "answer_id": _cleaned(self.answer_id),
            "error_code": _cleaned(self.error_code),
            "reasoning": None if usage is None else usage.reasoning,
            "cost": f"{self.cost:f}",
            "client_request_id": _cleaned(self.client_request_id),
            "client_agent": _cleaned(self.client_agent),
            "started_at": self.started_at,
            "first_byte_ms": _bounded(self.first_byte_ms),
            "duration_ms": _bounded(self.duration_ms),
            "attempts": self.attempts or None,
        }
        for dimension in Dimension:
            record[dimension.value] = 0 if usage is None else usage.count(dimension)
        return orjson.dumps(record)

    def tell(self) -> dict[str, object]:
        """What the one line in the log about a request says. No prompt, no answer, no key."""
        usage = self.usage
        return {
            "request_id": f"req_{self.request_id.hex}",
            "user_id": self.user_id,
            "key_id": self.api_key_id,
            "model": self.model[:TEXT_CHARACTERS_MAX],
            "upstream": self.upstream,
            "endpoint": self.endpoint,
            "streamed": self.streamed,
            "status": self.status,
            "upstream_status": self.upstream_status,
            "attempts": len(self.attempts) + 1,
            "outcome": self.outcome,
            "error_code": self.error_code,
            "tokens": None if usage is None else {d.value: count for d, count in usage.tokens.items()},
            "cost": f"{self.cost:f}",
            "first_byte_ms": self.first_byte_ms,
            "duration_ms": self.duration_ms,
        }


def clean_text(text: str) -> str:
    """`text` without control characters and halves of surrogate pairs, at most 200 characters of it."""
    if text.isascii() and text.isprintable():
        return text[:TEXT_CHARACTERS_MAX]
    return text.encode("utf-8", "ignore").decode().translate(_UNWANTED)[:TEXT_CHARACTERS_MAX]


def _cleaned(text: str | None) -> str | None:
    return None if text is None else clean_text(text)


def _bounded(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else min(max(milliseconds, 0), INT4_MAX)
