"""Bars of charts and percentiles of waits: pure laws."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from quart_proxy.core.buckets import BARS_MAX, Interval, bar_starts, choose_interval, floor_hour
from quart_proxy.core.first_byte import BOUNDS_MS, NAMES, estimate_percentile

ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Kiritimati")
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))
LENGTHS = st.timedeltas(timedelta(milliseconds=1), timedelta(days=800))


@settings(max_examples=300, deadline=None)
@given(MOMENTS, LENGTHS, st.sampled_from(["auto", *Interval]), st.sampled_from(ZONES))
def test_bars_follow_each_other_and_cover_the_range(since: datetime, length: timedelta, asked: str, zone: str) -> None:
    until = since + length
    interval = choose_interval(length, None if asked == "auto" else Interval(asked))
    starts = bar_starts(since, until, interval, ZoneInfo(zone))
    assert starts == sorted(set(starts))
    assert starts[0] <= since and starts[-1] < until
    # What is summed by the hour must find its bar.
    assert interval is Interval.MINUTE or starts[0] <= floor_hour(since)
    assert len(starts) == 1 or starts[1] > floor_hour(since)
    assert len(starts) <= BARS_MAX + 2
    assert interval is Interval.MINUTE or all(start == floor_hour(start) for start in starts)


@settings(max_examples=200, deadline=None)
@given(MOMENTS, st.sampled_from(ZONES))
def test_a_day_begins_within_half_an_hour_of_local_midnight(since: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    for start in bar_starts(since, since + timedelta(days=3), Interval.DAY, zone):
        local = start.astimezone(zone)
        late = timedelta(hours=local.hour, minutes=local.minute)
        assert min(late, timedelta(days=1) - late) <= timedelta(minutes=30)


def test_a_day_that_never_was_has_no_bar() -> None:
    since = datetime(2011, 12, 29, 12, tzinfo=UTC)
    days = bar_starts(since, since + timedelta(days=2), Interval.DAY, ZoneInfo("Pacific/Apia"))
    assert [f"{start:%d %H}" for start in days] == ["29 10", "30 10", "31 10"]


def test_months_and_weeks_begin_where_they_do() -> None:
    since = datetime(2026, 2, 14, 5, tzinfo=UTC)
    months = bar_starts(since, since + timedelta(days=60), Interval.MONTH, UTC)
    assert [f"{start:%m-%d}" for start in months] == ["02-01", "03-01", "04-01"]
    weeks = bar_starts(since, since + timedelta(days=10), Interval.WEEK, UTC)
    assert [f"{start:%m-%d}" for start in weeks] == ["02-09", "02-16", "02-23"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 90_000), min_size=1, max_size=60), st.floats(0.01, 1))
def test_a_percentile_is_within_the_bounds_of_the_wait_that_has_this_rank(waits: list[int], share: float) -> None:
    counts = [0] * len(NAMES)
    for wait in waits:
        counts[next((place for place, bound in enumerate(BOUNDS_MS) if wait < bound), len(BOUNDS_MS))] += 1
    found = estimate_percentile(counts, share)
    rank = max(0, -int(-(share * len(waits)) // 1) - 1)
    exact = sorted(waits)[min(rank, len(waits) - 1)]
    low = max((bound for bound in (0, *BOUNDS_MS) if bound <= exact), default=0)
    high = min((bound for bound in BOUNDS_MS if bound > exact), default=BOUNDS_MS[-1])
    assert found is not None and low <= found <= high


def test_nothing_counted_has_no_percentile() -> None:
    assert estimate_percentile([0] * len(NAMES), 0.5) is None
