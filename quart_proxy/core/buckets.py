"""The bars of a chart over time: where each begins, in somebody's time zone."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

BARS_MAX = 1500
"""A chart of more bars is drawn with longer ones."""


class Interval(StrEnum):
    """How long a bar is. Days, weeks (from Monday) and months begin at local midnight."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


_LENGTHS = {
    Interval.MINUTE: timedelta(minutes=1),
    Interval.HOUR: timedelta(hours=1),
    Interval.DAY: timedelta(days=1),
    Interval.WEEK: timedelta(weeks=1),
    Interval.MONTH: timedelta(days=30),
}
_FITTING = (
    (Interval.MINUTE, timedelta(hours=3)),
    (Interval.HOUR, timedelta(days=4)),
    (Interval.DAY, timedelta(days=100)),
    (Interval.WEEK, timedelta(days=731)),
)


def choose_interval(length: timedelta, wanted: Interval | None) -> Interval:
    """The one that was wanted, or a longer one if the bars would be too many; None: the one that fits the range."""
    if wanted is None:
        return next((interval for interval, longest in _FITTING if length <= longest), Interval.MONTH)
    longer = list(Interval)[list(Interval).index(wanted) :]
    return next((interval for interval in longer if length / _LENGTHS[interval] <= BARS_MAX), Interval.MONTH)


def bar_starts(since: datetime, until: datetime, interval: Interval, zone: tzinfo) -> list[datetime]:
    """Where the bars from `since` up to `until` begin, in UTC; the first one may begin before `since`.

    Sums are kept by whole hours of UTC. Where local midnight falls between two of them, as in India, the day begins
    at the nearest one, and that is the time given here.
    """
    first = floor_hour(since)
    if interval in (Interval.MINUTE, Interval.HOUR):
        length = _LENGTHS[interval]
        start = first if interval is Interval.HOUR else since.replace(second=0, microsecond=0)
        return [start + length * place for place in range(max(1, -((start - until) // length)))]
    starts: list[datetime] = []
    for start in _midnights(since.astimezone(zone).date(), interval, zone):
        if starts and start >= until:
            break
        if start <= first:
            starts.clear()
        # Samoa went over the date line and has no 30 December 2011: the next day begins where that one would have.
        if start not in starts[-1:]:
            starts.append(start)
    return starts


def floor_hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _midnights(day: date, interval: Interval, zone: tzinfo) -> Iterator[datetime]:
    """From the one before the bar that `day` is in, for ever."""
    if interval is Interval.MONTH:
        day = (day.replace(day=1) - timedelta(days=1)).replace(day=1)
    elif interval is Interval.WEEK:
        day -= timedelta(days=day.weekday() + 7)
    else:
        day -= timedelta(days=1)
    while True:
        local = datetime.combine(day, time(), zone).astimezone(UTC)
        yield floor_hour(local + timedelta(minutes=30))
        day = (day + timedelta(days=31)).replace(day=1) if interval is Interval.MONTH else day + _LENGTHS[interval]
