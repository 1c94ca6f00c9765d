"""What a user or a key may use at most: the limits, the calendar that spending is counted by, and how full a minute is.

Periods of spending are those of the calendar in UTC: a day begins at midnight, a week on Monday, a month on its first
day. All begin with an hour, so the hourly sums add up to them exactly.

A minute is counted as it slides, by two counters: the window that runs, and the one before it by as much of it as
still lies in the last 60 seconds.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

MINUTE_S = 60
MOMENT_S = 0.001
EVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Where spending in all begins: no request is older."""


class SpendPeriod(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def period_start(period: SpendPeriod | None, now: datetime) -> datetime:
    """The moment since which spending counts; `EVER` for None."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period is None:
        return EVER
    if period is SpendPeriod.WEEK:
        return today - timedelta(days=today.weekday())
    return today.replace(day=1) if period is SpendPeriod.MONTH else today


def period_end(period: SpendPeriod | None, now: datetime) -> datetime | None:
    """The moment at which spending begins anew; None: never."""
    if period is None:
        return None
    start = period_start(period, now)
    if period is SpendPeriod.MONTH:
        return (start + timedelta(days=31)).replace(day=1)
    return start + timedelta(days=7 if period is SpendPeriod.WEEK else 1)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a user may use at most, or one key of theirs. None: as much as there is. `spend_limit` is dollars; without
    a `spend_period` it is for all time."""

    user_id: int
    key_id: int | None
    """None: these are the user's, for all keys together."""
    rpm: int | None = None
    tpm: int | None = None
    max_concurrency: int | None = None
    spend_limit: Decimal | None = None
    spend_period: SpendPeriod | None = None

    @property
    def owner(self) -> tuple[int, int | None]:
        return self.user_id, self.key_id

    @property
    def holder(self) -> str:
        """Whom they bind, in a word."""
        return "user" if self.key_id is None else "key"

    @property
    def counts_minutes(self) -> bool:
        return self.rpm is not None or self.tpm is not None

    @property
    def is_any(self) -> bool:
        return self.counts_minutes or self.max_concurrency is not None or self.spend_limit is not None


@dataclass(frozen=True, slots=True)
class Window:
    """The counters of a minute. `previous_s` is for how long the window before still counts, `current_s` for how long
    the one that runs goes on."""

    previous: int = 0
    previous_s: float = 0.0
    current: int = 0
    current_s: float = 0.0

    @property
    def used(self) -> int:
        return math.floor(self.previous * self.previous_s / MINUTE_S) + self.current

    @property
    def empty_in_s(self) -> float:
        """Seconds until nothing of it counts any more."""
        if self.current:
            return self.current_s + MINUTE_S
        return self.previous_s if self.previous else 0.0

    def room_in_s(self, limit: int) -> float:
        """Seconds until less than `limit`, which is 1 or more, is used; 0: that is so now, and only then."""
        if self.used < limit:
            return 0.0
        if self.current < limit:
            wait_s = self.previous_s - (limit - self.current) * MINUTE_S / self.previous
        else:
            # The window that runs will be the one before, and fade.
            wait_s = self.current_s + MINUTE_S - limit * MINUTE_S / self.current
        # At the very edge there is no room yet.
        return max(wait_s, MOMENT_S)


@dataclass(frozen=True, slots=True)
class Allowance:
    """How one limit on a minute stands: so much is left of it, and all of it again in `reset_s` seconds."""

    limit: int
    remaining: int
    reset_s: float


@dataclass(frozen=True, slots=True)
class Allowances:
    """Of all limits on a caller's minute the tightest; None: there is none."""

    requests: Allowance | None = None
    tokens: Allowance | None = None
