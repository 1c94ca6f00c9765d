"""Periods of the calendar, and how full a sliding minute is."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quart_proxy.core.limits import EVER, MINUTE_S, SpendPeriod, Window, period_end, period_start

NOON = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        (SpendPeriod.DAY, "2026-11-25", "2026-11-26"),
        (SpendPeriod.WEEK, "2026-11-23", "2026-11-30"),
        (SpendPeriod.MONTH, "2026-11-01", "2026-12-01"),
    ],
)
def test_periods_are_those_of_the_calendar_in_utc(period: SpendPeriod, start: str, end: str) -> None:
    assert period_start(period, NOON).isoformat() == f"{start}T00:00:00+00:00"
    ends_at = period_end(period, NOON)
    assert ends_at is not None and ends_at.isoformat() == f"{end}T00:00:00+00:00"


def test_without_a_period_spending_counts_for_ever() -> None:
    assert (period_start(None, NOON), period_end(None, NOON)) == (EVER, None)


def test_a_clock_elsewhere_is_in_the_period_of_utc() -> None:
    there = datetime(2026, 12, 1, 1, 0, tzinfo=timezone(timedelta(hours=3)))
    assert period_start(SpendPeriod.MONTH, there) == datetime(2026, 11, 1, tzinfo=UTC)


@given(moment=st.datetimes(timezones=st.just(UTC), min_value=datetime(1990, 1, 1)), period=st.sampled_from(SpendPeriod))
@settings(max_examples=50)
def test_a_period_ends_where_the_next_begins(moment: datetime, period: SpendPeriod) -> None:
    end = period_end(period, moment)
    assert end is not None and period_start(period, moment) <= moment < end
    assert period_start(period, end) == end
    assert period_start(period, end - timedelta(microseconds=1)) == period_start(period, moment)


@given(
    previous=st.integers(0, 500),
    current=st.integers(0, 500),
    gone_s=st.floats(0, MINUTE_S - 0.001),
    limit=st.integers(1, 300),
)
@example(previous=1, current=0, gone_s=0.0, limit=1)
@settings(max_examples=200)
def test_there_is_room_when_the_wait_is_over_and_not_before(
    previous: int, current: int, gone_s: float, limit: int
) -> None:
    left_s = MINUTE_S - gone_s
    window = Window(previous, left_s if previous else 0.0, current, left_s)
    wait_s = window.room_in_s(limit)
    assert (wait_s == 0) is (window.used < limit)
    assert later(window, wait_s + 0.01).used < limit
    if wait_s > 0.01:
        assert later(window, wait_s - 0.01).used >= limit
    assert later(window, window.empty_in_s).used == 0


def later(window: Window, seconds: float) -> Window:
    """The counters so many seconds on, if nothing happens meanwhile."""
    if seconds < window.current_s:
        return Window(
            window.previous, max(0.0, window.previous_s - seconds), window.current, window.current_s - seconds
        )
    seconds -= window.current_s
    return Window(window.current, max(0.0, MINUTE_S - seconds), 0, 0.0)
