"""Whatever a query says, a route that reads answers, or says in our words what is wrong with it: never a 500."""

import asyncio
import base64
import random
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from admin_client import Admin, faults
from past import Past
from product import Product

from quart_proxy.services.live_view import LiveView

ENDLESS = "/api/admin/events"
WORDS = (
    "0 1 -1 00 1.0 1e3 NaN Infinity -Infinity null true undefined [] {} ' \" \\ ; -- % _ %% * ../.. ٣ ² 🦆 a,b "
    "9223372036854775807 9223372036854775808 99999999999999999999 1970-01-01 1969-12-31 0001-01-01 9999-12-31 "
    "9999-12-31T23:59:59Z 9999-12-31T23:59:59-14:00 9999-12-31T23:30:00Z 1970-01-01T00:00:00+14:00 2026-13-01 "
    "2026-02-30 2026-11-23T25:00:00Z 2026-11-23T10:00:00 2026-11-23T10:00:60Z 2026-W10-1T00:00:00Z 20261123 "
    "month week day hour minute cost requests tokens first_byte_ms model user key outcome name balance spent_30d "
    "asc desc active 4xx 402 9xx completed Europe/Berlin Asia/Kathmandu Asia/Kolkata Australia/Lord_Howe Europe "
    "../../etc/passwd localtime Pacific/Apia Africa/Monrovia 0.000000000001 0.0000000000001 999999999999 1000000000000"
)
NASTY = (
    *WORDS.split(),
    *("", " ", "\x00", "a\x00b", "\n", "\ud7ff", "x" * 5000, "1" * 5000, "＝1", "١٢", "1,2", "a b", "\t=1"),
)
PLACES = (
    "", "1", "0", "-1", "9" * 30, "1" * 5000, "1 ", "1 x", "1 NaN", "1 \x00", "1 9" + "9" * 30, " 1", "1.1", "9.9.9",
    "9" * 25 + ".1", "1 -5", "1 1e5", "x", "00000000-0000-0000-0000-000000000000", "f" * 32, "{}", "1 ٣", "\x00",
    "1 " + "0" * 400 + "." + "0" * 400, "١.1", "1 " + "x" * 3000, "٣ 1",
)  # fmt: skip
TIMES = (
    "1970-01-01", "1970-01-02", "1969-12-31T23:59:59.999Z", "2026-11-01", "2026-11-04T10:17:00+05:45", "2199-12-31",
    "2199-12-31T23:59:59.999999Z", "2200-01-01", "2199-12-31T23:59:59-14:00", "9999-12-31", "9999-12-31T23:59:59Z",
)  # fmt: skip
EACH = 25


def cursor(place: str) -> str:
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def values_for(name: str, schema: dict[str, Any], chance: random.Random) -> list[str]:
    """One, and now and then several."""
    pool = [*NASTY]
    if name == "cursor":
        pool += [cursor(place) for place in PLACES] * 3
    if name in ("from", "to"):
        pool = list(TIMES) * 20 + pool
    pool += [str(one) for one in (schema.get("enum") or schema.get("items", {}).get("enum") or ())] * 4
    return chance.choices(pool, k=chance.choice((1, 1, 1, 2, 5)))


@pytest.mark.parametrize("door", ["admin", "user"])
async def test_no_query_makes_a_500(product: Product, admin: Admin, past: Past, door: str) -> None:
    await past.settle(*(past.exchange(datetime(2026, 11, day, 10, 30, tzinfo=UTC)) for day in (1, 2, 3)))
    await product.add_user(str(Decimal("0.000000000001")), name="Ñandú % _")
    document = (await product.client.get(f"{product.base_url}/openapi.json")).json()
    chance = random.Random(door)
    asked: list[tuple[str, set[str]]] = []
    for path, methods in document["paths"].items():
        if not path.startswith(f"/api/{door}/") or "get" not in methods or path == ENDLESS:
            continue
        filled = re.sub(r"\{\w+\}", str(product.user_id), path)
        parameters = [each for each in methods["get"].get("parameters", ()) if each["in"] == "query"]
        for _ in range(EACH if parameters else 1):
            chosen = chance.sample(parameters, k=min(len(parameters), chance.choice((1, 1, 2, 3))))
            pairs = [
                f"{each['name']}={quote(value.encode())}"
                for each in chosen
                for value in values_for(each["name"], each["schema"], chance)
            ]
            asked.append((f"{filled}?{'&'.join(pairs)}", set(methods["get"]["responses"])))
    headers = admin.headers if door == "admin" else product.headers
    turns = asyncio.Semaphore(8)

    async def ask(address: str, promised: set[str]) -> str | None:
        async with turns:
            answer = await product.client.get(product.base_url + address, headers=headers)
        if str(answer.status_code) not in promised:
            return f"{answer.status_code} is not promised: {address}"
        if answer.status_code == 200:
            return None
        if answer.status_code in (404, 422):
            error = answer.json()["error"]
            # The registry names places of its files in place of a parameter.
            return None if error["message"] and (error["param"] or error.get("faults")) else address
        return f"{answer.status_code} {address[:300]} {answer.text[:300]}"

    assert [fault for fault in await asyncio.gather(*(ask(*each) for each in asked)) if fault] == []


@pytest.mark.parametrize("path", ["usage", "usage/totals", "stats/summary", "stats/timeseries", "stats/top"])
async def test_a_range_up_to_the_end_of_the_calendar_is_refused_by_name(
    product: Product, admin: Admin, path: str
) -> None:
    """Its bars would be more than anybody counts, and the time before it is before the first year."""
    for query in ("from=2026-01-01&to=9999-12-31", "from=9999-12-31T23:30:00Z&to=9999-12-31T23:59:00Z"):
        assert "to" in faults(await admin.get(f"/{path}?{query}"))
        own = await product.client.get(f"{product.base_url}/api/user/{path}?{query}", headers=product.headers)
        assert "to" in faults(own)
    assert (await admin.get(f"/{path}?from=1970-01-01&to=2199-12-31&interval=month&tz=Asia/Kathmandu")).is_success


async def test_a_question_for_the_head_alone_ends_where_the_body_would_not(product: Product, admin: Admin) -> None:
    """The next question over the same connection is answered."""
    for path in ("/events", "/usage.csv", "/users"):
        head = await admin.call("HEAD", path)
        assert (head.status_code, head.content) == (200, b"")
        assert (await admin.get("/session")).status_code == 200
    assert (await admin.call("HEAD", "/usage.csv")).headers["content-type"].startswith("text/csv")
    assert not product.service(LiveView)._watchers
