"""How the caller's minute stands, in the headers that both vendors' clients read.

OpenAI says in how long all of it is there again (`1s`, `6m0s`), Anthropic at what time.
https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
https://docs.claude.com/en/api/rate-limits#response-headers
"""

import math
from datetime import UTC, datetime, timedelta

from quart_proxy.core.limits import Allowance, Allowances


def allowance_headers(allowances: Allowances, now: datetime | None = None) -> dict[str, str]:
    """The headers for what is limited; none for what is not. `now` is when they are sent."""
    headers: dict[str, str] = {}
    for name, allowance in (("requests", allowances.requests), ("tokens", allowances.tokens)):
        if allowance is not None:
            headers |= _openai_headers(name, allowance) | _anthropic_headers(name, allowance, now or datetime.now(UTC))
    return headers


def _openai_headers(name: str, allowance: Allowance) -> dict[str, str]:
    minutes, seconds = divmod(math.ceil(allowance.reset_s), 60)
    return {
        f"x-ratelimit-limit-{name}": str(allowance.limit),
        f"x-ratelimit-remaining-{name}": str(allowance.remaining),
        f"x-ratelimit-reset-{name}": f"{minutes}m{seconds}s" if minutes else f"{seconds}s",
    }


def _anthropic_headers(name: str, allowance: Allowance, now: datetime) -> dict[str, str]:
    reset_at = now + timedelta(seconds=math.ceil(allowance.reset_s))
    return {
        f"anthropic-ratelimit-{name}-limit": str(allowance.limit),
        f"anthropic-ratelimit-{name}-remaining": str(allowance.remaining),
        f"anthropic-ratelimit-{name}-reset": f"{reset_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
