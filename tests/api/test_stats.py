"""Figures, charts, rankings, lists, totals and files: the same filter is the same rows in all of them."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from admin_client import Admin, faults
from past import Past
from product import Product

from quart_proxy.core.record import Outcome

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
NOTHING: dict[str, Any] = {"price_id": None, "usage": None, "cost": Decimal(0)}


def span(since: datetime, until: datetime) -> str:
    return f"from={since:%Y-%m-%dT%H:%M:%S.%fZ}&to={until:%Y-%m-%dT%H:%M:%S.%fZ}"


async def test_a_summary_has_the_range_and_the_equally_long_one_before(admin: Admin, past: Past) -> None:
    await past.settle(
        past.exchange(NOON, first_byte_ms=120, duration_ms=1000, cost=Decimal("0.5")),
        past.exchange(NOON + timedelta(minutes=30), first_byte_ms=180, duration_ms=3000, cost=Decimal("0.25")),
        past.exchange(NOON + timedelta(minutes=40), outcome=Outcome.UPSTREAM_ERROR, status=502, **NOTHING),
        past.exchange(NOON + timedelta(minutes=41), outcome=Outcome.REFUSED, status=402, **NOTHING),
        past.exchange(NOON - timedelta(minutes=1), cost=Decimal("2")),
    )
    answer = (await admin.get(f"/stats/summary?{span(NOON, NOON + timedelta(hours=1))}")).json()
    now, before = answer["current"], answer["previous"]
    assert (now["requests"], now["charged"], now["failed"], now["refused"]) == (4, 2, 1, 1)
    assert now["failure_rate"] == round(1 / 3, 6)
    assert (now["cost"], before["cost"], before["requests"]) == ("0.75", "2.00", 1)
    assert now["tokens"] == {
        "input": 2000, "cached_input": 0, "cache_write": 0, "cache_write_1h": 0, "output": 200, "reasoning": 0,
    }  # fmt: skip
    assert now["first_byte_ms"] == {"p50": 150, "p95": 195}
    assert now["duration_ms_mean"] == 2000
    assert before["first_byte_ms"] == {"p50": None, "p95": None}
    assert before["duration_ms_mean"] is None
    assert answer["users"] == {"total": 2, "at_or_below_zero": 0}
    assert Decimal(answer["outstanding_balance"]) == 150 - Decimal("2.75")


async def test_a_request_just_made_is_in_the_summary_of_now(admin: Admin, product: Product) -> None:
    cost = (await product.chat()).headers["x-quart-proxy-cost"]
    answer = (await admin.get("/stats/summary")).json()
    assert (answer["current"]["requests"], answer["current"]["cost"]) == (1, cost)


EDGES = [
    (timedelta(0), timedelta(hours=1)),
    (timedelta(minutes=10), timedelta(minutes=50)),
    (timedelta(minutes=10), timedelta(hours=1)),
    (timedelta(milliseconds=1), timedelta(hours=3, milliseconds=-1)),
    (timedelta(minutes=59, seconds=59, milliseconds=999), timedelta(hours=1, milliseconds=1)),
    (timedelta(hours=-5, minutes=7), timedelta(hours=9, minutes=13)),
    (timedelta(hours=1, minutes=30), timedelta(hours=2)),
]
FILTERS = [
    "",
    "&model=m0",
    "&model=m0&model=m2",
    "&outcome=completed&outcome=refused",
    "&user_id={other}",
    "&key_id=2&model=m1",
    "&status=402",
    "&status=4xx",
    "&status=5xx&status=200",
    "&error_code=broken",
    "&min_cost=0.01",
    "&endpoint=/v1/messages",
    "&model=nobody",
]


@pytest.fixture
async def mixture(past: Past) -> Past:
    """120 requests of all kinds around NOON, several on the very edges of hours."""
    exchanges = []
    for place in range(120):
        at = NOON + timedelta(minutes=(place * 7) % 240 - 30, milliseconds=(place % 3) - 1)
        fields: dict[str, Any] = {"model": f"m{place % 3}", "api_key_id": 1 + place % 2, "user": place % 2}
        fields["endpoint"] = "/v1/messages" if place % 4 else "/v1/chat/completions"
        if place % 5 == 0:
            fields |= {"outcome": Outcome.REFUSED, "status": 402, "error_code": "insufficient_balance", **NOTHING}
        elif place % 7 == 0:
            fields |= {"outcome": Outcome.UPSTREAM_ERROR, "status": 502, "error_code": "broken", **NOTHING}
        else:
            fields |= {"tokens_in": 100 * place, "first_byte_ms": place * 100}
        exchanges.append(past.exchange(at, **fields))
    await past.settle(*exchanges)
    return past


async def test_the_same_filter_is_the_same_rows_in_list_totals_summary_chart_ranking_and_file(
    admin: Admin, mixture: Past
) -> None:
    other = mixture.books.users[1]
    seen = set()
    for place, (start, end) in enumerate(EDGES):
        # Every filter with some ranges, every range with some filters.
        for narrowing in FILTERS[place % 3 :: 3]:
            query = span(NOON + start, NOON + end) + narrowing.format(other=other)
            rows = (await admin.get(f"/usage?limit=200&{query}")).json()["data"]
            cost = sum(Decimal(row["cost"]) for row in rows)
            expected = (len(rows), cost, sum(row["tokens"]["input"] for row in rows))
            seen.add(len(rows))
            totals = (await admin.get(f"/usage/totals?{query}")).json()
            assert (totals["requests"], Decimal(totals["cost"]), totals["tokens"]["input"]) == expected, query
            now = (await admin.get(f"/stats/summary?{query}")).json()["current"]
            assert (now["requests"], Decimal(now["cost"]), now["tokens"]["input"]) == expected, query
            for interval in ("minute", "hour", "day"):
                charted = await admin.get(f"/stats/timeseries?group_by=model&top=1&interval={interval}&{query}")
                series = charted.json()["series"]
                assert sum(Decimal(one["total"]) for one in series) == cost, query
                assert sum(Decimal(value) for one in series for value in one["values"]) == cost, query
            ranked = (await admin.get(f"/stats/top?by=key&{query}")).json()["data"]
            assert sum(one["requests"] for one in ranked) == len(rows), query
            file = list(csv.DictReader(io.StringIO((await admin.get(f"/usage.csv?{query}")).text)))
            assert [row["request_id"] for row in file] == [row["request_id"] for row in rows], query
    assert len(seen) > 5


async def test_names_stand_beside_ids_in_list_and_file(admin: Admin, mixture: Past) -> None:
    rows = (await admin.get(f"/usage?limit=1&user_id={mixture.books.users[1]}")).json()["data"]
    assert rows[0]["user_name"] == "other"
    text = (await admin.get("/usage.csv?bom=1")).content
    assert text.startswith(b"\xef\xbb\xbfrequest_id,")
    row = next(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))
    assert row["user_name"] in ("someone", "other")
    assert "key_name" in row


async def test_keys_are_named_with_whose_they_are(admin: Admin, mixture: Past) -> None:
    query = span(NOON - timedelta(days=30), NOON + timedelta(days=30))
    by_key = (await admin.get(f"/stats/top?by=key&{query}")).json()["data"]
    assert "other" in {one["owner"] for one in by_key}
    charted = (await admin.get(f"/stats/timeseries?group_by=key&{query}")).json()["series"]
    assert {one["key"]: one["owner"] for one in by_key}.items() >= {one["key"]: one["owner"] for one in charted}.items()
    assert {one["owner"] for one in (await admin.get(f"/stats/top?by=model&{query}")).json()["data"]} == {None}


async def test_a_chart_has_every_bar_and_the_rest_as_other(admin: Admin, past: Past) -> None:
    await past.settle(
        past.exchange(NOON, model="a", cost=Decimal(4)),
        past.exchange(NOON + timedelta(hours=2), model="b", cost=Decimal(3)),
        past.exchange(NOON + timedelta(hours=2), model="c", cost=Decimal(2)),
        past.exchange(NOON + timedelta(hours=2), model="d", cost=Decimal(1)),
    )
    query = span(NOON, NOON + timedelta(hours=3))
    chart = (await admin.get(f"/stats/timeseries?group_by=model&top=2&interval=hour&{query}")).json()
    assert chart["buckets"] == [f"2026-03-04T{hour}:00:00.000Z" for hour in (12, 13, 14)]
    assert [(one["key"], one["name"], one["values"], one["total"]) for one in chart["series"]] == [
        ("a", "a", ["4.00", "0", "0"], "4.00"),
        ("b", "b", ["0", "0", "3.00"], "3.00"),
        (None, "Other", ["0", "0", "3.00"], "3.00"),
    ]
    alone = (await admin.get(f"/stats/timeseries?metric=requests&interval=hour&{query}")).json()
    assert [(one["key"], one["values"]) for one in alone["series"]] == [(None, [1, 0, 3])]
    empty = (
        await admin.get(f"/stats/timeseries?group_by=user&{span(NOON - timedelta(days=9), NOON - timedelta(days=8))}")
    ).json()
    assert [set(one["values"]) for one in empty["series"]] == [{"0"}]
    users = (await admin.get(f"/stats/timeseries?group_by=user&metric=tokens&{query}")).json()["series"]
    assert [(one["key"], one["name"], one["total"]) for one in users] == [(past.books.users[0], "someone", 4400)]


async def test_what_has_none_of_a_metric_is_not_in_its_chart(admin: Admin, past: Past) -> None:
    await past.settle(
        past.exchange(NOON, model="a", cost=Decimal(4)),
        past.exchange(NOON, model="unknown", cost=Decimal(0), outcome=Outcome.REFUSED, usage=None, price_id=None),
        past.exchange(NOON, model="unheard", cost=Decimal(0), outcome=Outcome.REFUSED, usage=None, price_id=None),
    )
    query = f"group_by=model&top=2&interval=hour&{span(NOON, NOON + timedelta(hours=1))}"
    spent = (await admin.get(f"/stats/timeseries?{query}")).json()["series"]
    assert [(one["name"], one["total"]) for one in spent] == [("a", "4.00")]
    called = (await admin.get(f"/stats/timeseries?metric=requests&{query}")).json()["series"]
    assert sorted(one["total"] for one in called) == [1, 1, 1]


async def test_waits_for_the_first_byte_are_charted_as_percentiles(admin: Admin, past: Past) -> None:
    waits = [past.exchange(NOON, first_byte_ms=wait) for wait in (10, 20, 30, 40, 110, 120, 130, 140, 150, 70_000)]
    await past.settle(*waits)
    query = span(NOON - timedelta(hours=1), NOON + timedelta(hours=1))
    chart = (await admin.get(f"/stats/timeseries?metric=first_byte_ms&group_by=model&interval=hour&{query}")).json()
    assert chart["group_by"] == "none"
    assert [(one["key"], one["values"], one["total"]) for one in chart["series"]] == [
        ("p50", [None, 120], 120),
        ("p95", [None, 60_000], 60_000),
    ]


async def test_days_begin_at_midnight_of_the_time_zone(admin: Admin, past: Past) -> None:
    midnight = datetime(2026, 3, 5, 5, tzinfo=UTC)  # In New York.
    await past.settle(
        past.exchange(midnight - timedelta(milliseconds=1), cost=Decimal(1)), past.exchange(midnight, cost=Decimal(2))
    )
    query = span(midnight - timedelta(hours=12), midnight + timedelta(days=5))
    chart = (await admin.get(f"/stats/timeseries?interval=day&tz=America/New_York&{query}")).json()
    # Clocks go forward on March 8.
    assert [start[8:13] for start in chart["buckets"]] == "04T05 05T05 06T05 07T05 08T05 09T04 10T04".split()
    assert chart["series"][0]["values"][:3] == ["1.00", "2.00", "0"]
    india = (await admin.get(f"/stats/timeseries?interval=day&tz=Asia/Kolkata&{query}")).json()
    assert {start[11:] for start in india["buckets"]} == {"19:00:00.000Z"}
    assert sum(Decimal(value) for value in india["series"][0]["values"]) == 3


async def test_a_chart_says_the_interval_it_has(admin: Admin) -> None:
    async def interval(asked: str, length: timedelta) -> str:
        answer = await admin.get(f"/stats/timeseries?interval={asked}&{span(NOON, NOON + length)}")
        return str(answer.json()["interval"])

    assert await interval("auto", timedelta(hours=1)) == "minute"
    assert await interval("auto", timedelta(days=1)) == "hour"
    assert await interval("auto", timedelta(days=30)) == "day"
    assert await interval("auto", timedelta(days=365)) == "week"
    assert await interval("auto", timedelta(days=3650)) == "month"
    assert await interval("minute", timedelta(days=30)) == "hour"
    assert await interval("minute", timedelta(hours=20)) == "minute"


async def test_a_ranking_is_by_the_metric(admin: Admin, past: Past) -> None:
    await past.settle(
        *(past.exchange(NOON, user=0, cost=Decimal("0.1"), first_byte_ms=75) for _ in range(3)),
        past.exchange(NOON, user=1, cost=Decimal(5)),
        past.exchange(NOON, user=1, outcome=Outcome.INTERRUPTED, **NOTHING),
    )
    query = span(NOON, NOON + timedelta(hours=1))
    first, second = (await admin.get(f"/stats/top?by=user&{query}")).json()["data"]
    assert (first["name"], first["cost"], first["requests"], first["failed"]) == ("other", "5.00", 2, 1)
    assert (second["name"], second["input_tokens"], second["output_tokens"]) == ("someone", 3000, 300)
    assert second["first_byte_ms"] == {"p50": 75, "p95": 98}
    by_requests = (await admin.get(f"/stats/top?by=user&metric=requests&limit=1&{query}")).json()["data"]
    assert [one["name"] for one in by_requests] == ["someone"]


async def test_a_user_sees_own_figures_alone(product: Product, past: Past) -> None:
    now = datetime.now(UTC)
    await past.settle(
        past.exchange(now - timedelta(hours=2), cost=Decimal(7)), past.exchange(now - timedelta(hours=2), user=1)
    )

    async def get(path: str) -> Any:
        answer = await product.client.get(f"{product.base_url}/api/user/{path}", headers=product.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    summary = await get("stats/summary")
    assert (summary["current"]["requests"], summary["balance"], summary["pace_days"]) == (1, "93.00", 1.0)
    # $7 in the two hours that there were: a day of it.
    assert summary["days_left"] == 13.3
    assert "outstanding_balance" not in summary and "users" not in summary
    # A filter that is an admin's is none here.
    other = past.books.users[1]
    assert (await get(f"usage/totals?user_id={other}"))["cost"] == "7.00"
    assert (await get(f"stats/summary?user_id={other}"))["current"]["cost"] == "7.00"
    assert [one["total"] for one in (await get("stats/timeseries?group_by=key"))["series"]] == ["7.00"]
    assert [one["requests"] for one in (await get("stats/top?by=outcome"))["data"]] == [1]
    refused = await product.client.get(f"{product.base_url}/api/user/stats/top?by=user", headers=product.headers)
    assert faults(refused).keys() == {"by"}


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("usage?status=wrong", "status"),
        ("usage?status=6xx", "status"),
        ("usage?min_cost=cheap", "min_cost"),
        ("usage?outcome=completed&outcome=fine", "outcome"),
        ("usage.csv?bom=maybe", "bom"),
        ("stats/summary?from=2026-03-02&to=2026-03-01", "from"),
        ("stats/timeseries?tz=Mars/Base", "tz"),
        ("stats/timeseries?tz=../../etc/passwd", "tz"),
        ("stats/timeseries?interval=second", "interval"),
        ("stats/timeseries?top=0", "top"),
        ("stats/top?by=price", "by"),
        ("stats/top?limit=1000", "limit"),
        ("usage?" + "&".join("model=m" for _ in range(101)), "model"),
    ],
)
async def test_a_question_that_cannot_be_read_is_refused_by_name(admin: Admin, path: str, param: str) -> None:
    assert faults(await admin.get(f"/{path}")).keys() == {param}
