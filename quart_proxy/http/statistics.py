"""Figures, charts and rankings of usage, as users and admins both read them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from quart import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core import first_byte
from quart_proxy.core.buckets import Interval, bar_starts, choose_interval
from quart_proxy.core.money import ZERO, format_money
from quart_proxy.core.usage import Dimension
from quart_proxy.http import json_response, service
from quart_proxy.http.fields import Reader, check_alone, choice, digits, read_query
from quart_proxy.http.forms import time_text
from quart_proxy.http.names import Named, read_names
from quart_proxy.http.usage import cost_and_tokens, read_filter
from quart_proxy.store.database import Database
from quart_proxy.store.statistics import (
    FIGURES,
    MINUTE_ROWS_MAX,
    TOKENS,
    Sums,
    chart_usage,
    count_rolled,
    rank_usage,
    sum_usage,
)
from quart_proxy.store.usage_log import UsageFilter

RANGE_DEFAULT = timedelta(days=1)
TOP_DEFAULT, TOP_MAX = 5, 20
RANKED_DEFAULT, RANKED_MAX = 10, 100
COLUMNS = {"model": "model", "user": "user_id", "key": "api_key_id", "outcome": "outcome"}
ADMIN_GROUPS = tuple(COLUMNS)
USER_GROUPS = ("model", "key", "outcome")
CHART = {"metric": "cost", "group_by": "none", "interval": "auto", "top": TOP_DEFAULT, "tz": UTC}
SHARES = {"p50": 0.5, "p95": 0.95}
SUMMARY = ("requests", "charged", "failed", "refused", "cost", *TOKENS, "reasoning", "duration_ms", "timed")
RANKED = ("requests", "failed", "cost", *TOKENS, *first_byte.NAMES)


def zone(value: str) -> tzinfo:
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be a time zone such as Europe/Berlin") from None


def read_range(filters: Mapping[str, Reader], **fixed: Any) -> tuple[UsageFilter, datetime]:
    """What the query asks for, of the last day unless it says otherwise, and where it ends. A range that ends now has
    no upper bound: the hour that runs is then summed as it stands. Raises InvalidFields."""
    chosen = read_filter(filters, **fixed)
    until = chosen.until or datetime.now(UTC)
    since = chosen.since or max(until - RANGE_DEFAULT, datetime.fromtimestamp(0, UTC))
    check_alone("from", None if since < until else "must be before `to`")
    return replace(chosen, since=since), until


async def summary_of(connection: AsyncConnection, chosen: UsageFilter, until: datetime) -> dict[str, Any]:
    """The figures of a range and of the equally long one before it. In a snapshot, so that both are of one moment."""
    since = chosen.since
    assert since is not None
    earlier = replace(chosen, since=max(since - (until - since), datetime.fromtimestamp(0, UTC)), until=since)
    names = (*SUMMARY, *first_byte.NAMES)
    return {
        "from": time_text(since),
        "to": time_text(until),
        "current": _summary_form(await sum_usage(connection, chosen, names)),
        "previous": _summary_form(await sum_usage(connection, earlier, names)),
    }


def _summary_form(sums: Sums) -> dict[str, Any]:
    requests, failed, refused = (int(sums[name]) for name in ("requests", "failed", "refused"))
    return {
        "requests": requests,
        "charged": int(sums["charged"]),
        "failed": failed,
        "refused": refused,
        # Of those that were relayed: what we refused says nothing of how the rest went.
        "failure_rate": round(failed / (requests - refused), 6) if requests > refused else None,
        **cost_and_tokens(sums),
        "first_byte_ms": _percentiles(sums),
        "duration_ms_mean": round(sums["duration_ms"] / sums["timed"]) if sums["timed"] else None,
    }


def _percentiles(sums: Sums) -> dict[str, int | None]:
    return {name: sums.first_byte_ms(share) for name, share in SHARES.items()}


# --- charts -------------------------------------------------------------------------------------------


def chart_query(groups: Sequence[str]) -> dict[str, Reader]:
    return {
        "metric": choice(*FIGURES),
        "group_by": choice("none", *groups),
        "interval": choice("auto", *Interval),
        "top": digits(1, TOP_MAX),
        "tz": zone,
    }


async def timeseries_answer(groups: Sequence[str], filters: Mapping[str, Reader], **fixed: Any) -> Response:
    """A metric over time, in bars that are all there, empty ones too."""
    chosen, until = read_range(filters, **fixed)
    asked: dict[str, Any] = {
        "metric": "cost",
        "group_by": "none",
        "top": TOP_DEFAULT,
        "tz": ZoneInfo("UTC"),
        "interval": "auto",
    }
    asked |= read_query(chart_query(groups))
    metric, is_waiting = asked["metric"], asked["metric"] == "first_byte_ms"
    by = None if is_waiting or asked["group_by"] == "none" else COLUMNS[asked["group_by"]]
    async with service(Database).snapshot() as connection:
        interval = await _choose_interval(connection, chosen, until, asked["interval"])
        starts = bar_starts(chosen.since or until, until, interval, asked["tz"])
        ranked = (
            []
            if by is None
            else await rank_usage(connection, chosen, by=by, metric=metric, names=(), limit=asked["top"])
        )
        keys = [sums.key for sums in ranked]
        bars = await chart_usage(
            connection,
            chosen,
            starts=starts,
            names=FIGURES[metric],
            by=by,
            keys=keys,
            minutes=interval is Interval.MINUTE,
        )
        names = await read_names(connection, by, keys)
    series = _waits(bars, len(starts)) if is_waiting else _series(bars, metric, len(starts), keys, names)
    return json_response(
        {
            "metric": metric,
            "group_by": "none" if by is None else asked["group_by"],
            "interval": interval,
            "tz": str(asked["tz"]),
            "buckets": [time_text(start) for start in starts],
            "series": series,
        }
    )


async def _choose_interval(connection: AsyncConnection, chosen: UsageFilter, until: datetime, wanted: str) -> Interval:
    assert chosen.since is not None
    interval = choose_interval(until - chosen.since, None if wanted == "auto" else Interval(wanted))
    if interval is Interval.MINUTE and await count_rolled(connection, chosen) > MINUTE_ROWS_MAX:
        return Interval.HOUR
    return interval


def _series(
    bars: Sequence[Sums], metric: str, length: int, keys: Sequence[Any], names: Mapping[Any, Named]
) -> list[dict[str, Any]]:
    """One series for each key that has any, and one for all others if they have; one for everything where none has, as
    without keys."""
    by_key: dict[Any, list[Any]] = {key: [ZERO] * length for key in keys}
    for sums in bars:
        values = by_key.setdefault(sums.key, [ZERO] * length)
        values[sums.bar] += (
            sums["cost"] if metric == "cost" else int(sums.tokens if metric == "tokens" else sums[metric])
        )
    shown = {key: values for key, values in by_key.items() if any(values)} or {None: [ZERO] * length}
    rest = Named("All" if shown.keys() == {None} else "Other")
    return [
        {
            "key": key,
            **(rest if key is None else names[key]).form(),
            "values": [_shown(value, metric) for value in values],
            "total": _shown(sum(values), metric),
        }
        for key, values in shown.items()
    ]


def _shown(value: Any, metric: str) -> Any:
    return format_money(value) if metric == "cost" else int(value)


def _waits(bars: Sequence[Sums], length: int) -> list[dict[str, Any]]:
    """A series for each percentile; null where nothing was waited for."""
    by_bar = {sums.bar: sums for sums in bars}
    total = Sums({name: sum(sums[name] for sums in bars) for name in first_byte.NAMES})
    return [
        {
            "key": name,
            **Named(name).form(),
            "values": [by_bar[bar].first_byte_ms(share) if bar in by_bar else None for bar in range(length)],
            "total": total.first_byte_ms(share),
        }
        for name, share in SHARES.items()
    ]


# --- rankings -----------------------------------------------------------------------------------------


def ranking_query(groups: Sequence[str]) -> dict[str, Reader]:
    return {"by": choice(*groups), "metric": choice("cost", "requests", "tokens"), "limit": digits(1, RANKED_MAX)}


async def top_answer(groups: Sequence[str], filters: Mapping[str, Reader], **fixed: Any) -> Response:
    """Who or what has most of a metric, most first."""
    chosen, _ = read_range(filters, **fixed)
    given = read_query(ranking_query(groups))
    by = COLUMNS[given.get("by", "model")]
    async with service(Database).snapshot() as connection:
        ranked = await rank_usage(
            connection,
            chosen,
            by=by,
            metric=given.get("metric", "cost"),
            names=RANKED,
            limit=given.get("limit", RANKED_DEFAULT),
        )
        names = await read_names(connection, by, [sums.key for sums in ranked])
    return json_response(
        {"data": [_ranked_form(sums, names) for sums in ranked], "has_more": False, "next_cursor": None}
    )


def _ranked_form(sums: Sums, names: Mapping[Any, Named]) -> dict[str, Any]:
    output = int(sums[Dimension.OUTPUT.value])
    return {
        "key": sums.key,
        **names[sums.key].form(),
        "requests": int(sums["requests"]),
        "failed": int(sums["failed"]),
        "cost": format_money(sums["cost"]),
        "input_tokens": int(sums.tokens) - output,
        "output_tokens": output,
        "first_byte_ms": _percentiles(sums),
    }
