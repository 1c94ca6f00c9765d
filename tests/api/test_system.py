"""How the product is doing: its workers, its database, its upstreams, and what it could not settle."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from admin_client import Admin, faults
from product import Product
from sqlalchemy import text
from uuid_utils.compat import uuid7

from quart_proxy import __version__
from quart_proxy.core.first_byte import NAMES
from quart_proxy.core.record import Exchange, Outcome
from quart_proxy.registry_watch import RegistryWatch
from quart_proxy.services.billing import Settler
from quart_proxy.services.health import MINUTES_KEPT, Health, sum_upstreams
from quart_proxy.store.workers import report_worker
from quart_proxy.wiring import WORKER


async def system(admin: Admin) -> dict[str, Any]:
    answer = await admin.get("/system")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_system_tells_what_it_runs_on_and_how_each_worker_is(admin: Admin, product: Product) -> None:
    told = await system(admin)
    assert told["version"] == __version__ and told["environment"] == "development"
    assert told["started_at"] < told["now"] and abs(told["clock_skew_ms"]) < 1000
    database = told["database"]
    assert database["kind"] == "external" and database["size_bytes"] > 1_000_000
    assert database["is_latest"] is True and database["version"][:1].isdigit()
    assert told["registry"]["conflicts"] == 0 and told["registry"]["mode"] == "three-way"
    (worker,) = told["workers"]
    assert worker["version"] == __version__ and worker["pid"] > 0 and worker["started_at"] == told["started_at"]
    assert (worker["backlog"], worker["in_flight"], worker["spool_healthy"]) == (0, 0, True)
    assert told["spool"] == {"healthy": True, "unsettled": 0, "spooled": 0}
    assert told["dead_letters"] == 0
    for secret in (product.settings.admin_password, product.settings.jwt_secret, product.settings.database_url):
        assert str(secret) not in str(told)


async def test_upstream_that_fails_is_told_with_its_last_error(admin: Admin, product: Product) -> None:
    await product.add_model("fine")
    await product.add_model("failing", actual_model="sandbox:status=503")
    await product.add_model("asked-wrongly", actual_model="sandbox:status=404")
    for model in ("sandbox-gpt", "sandbox-gpt", "failing", "asked-wrongly", "no-such-model"):
        await product.chat(model)
    by_name = {upstream["name"]: upstream for upstream in (await system(admin))["upstreams"]}
    fine, other, asked = (by_name[name] for name in ("sandbox-gpt", "failing/default", "asked-wrongly/default"))
    assert (fine["requests"], fine["failures"], fine["last_error"]) == (2, 0, None)
    assert fine["last_ok_at"].endswith("Z") and fine["p95_first_byte_ms"] > 0
    assert (other["requests"], other["failures"]) == (1, 1)
    # A 404 is an answer to what the client asked.
    assert (asked["requests"], asked["failures"]) == (1, 0)
    assert other["last_error"] == "upstream_error (status 503)" and other["last_error_at"].endswith("Z")


async def test_request_that_runs_is_in_flight(admin: Admin, product: Product) -> None:
    await product.add_model("slow", actual_model="sandbox:first_byte_ms=1500")
    running = asyncio.create_task(product.chat("slow"))
    for _ in range(100):
        if (await system(admin))["workers"][0]["in_flight"]:
            break
    else:
        raise AssertionError("it was never in flight")
    await running


async def test_what_other_workers_say_is_summed_and_older_versions_say_nothing(admin: Admin, product: Product) -> None:
    await product.chat("sandbox-gpt")
    theirs = {
        "name": "sandbox-gpt",
        "requests": 10,
        "failures": 4,
        "first_bytes": [0] * (len(NAMES) - 1) + [10],
        "last_ok_at": "2020-01-01T00:00:00.000Z",
        "last_error": "upstream_timeout",
        "last_error_at": "2020-01-01T00:00:00.000Z",
    }
    async with product.database.transaction() as connection:
        health = {"pid": 7, "backlog": 3, "spooled": 2, "in_flight": 1, "upstreams": [theirs]}
        await report_worker(connection, "elsewhere:7", revision_id=0, version="x", health=health)
        await report_worker(connection, "older:8", revision_id=0, version="w")
    told = await system(admin)
    workers = {worker["name"]: worker for worker in told["workers"]}
    assert len(workers) == 3 and workers["elsewhere:7"]["backlog"] == 3
    assert workers["older:8"]["upstreams"] == [] and workers["older:8"]["pid"] is None
    (upstream,) = told["upstreams"]
    assert (upstream["requests"], upstream["failures"], upstream["last_error"]) == (11, 4, "upstream_timeout")
    assert upstream["last_ok_at"] > "2021" and upstream["p95_first_byte_ms"] == 60_000
    assert told["spool"] == {"healthy": True, "unsettled": 3, "spooled": 2}


async def test_heartbeat_carries_how_the_worker_is_doing(product: Product) -> None:
    await product.chat("sandbox-gpt")
    watch: RegistryWatch = product.app.extensions[WORKER].registry_watch
    watch.wake()
    for _ in range(100):
        async with product.database.read() as connection:
            health = await connection.scalar(
                text("SELECT health FROM workers WHERE name = :name"), {"name": watch.name}
            )
        if health and health["upstreams"]:
            break
        await asyncio.sleep(0.05)
    assert health["upstreams"][0]["requests"] == 1
    assert health.keys() == {"pid", "started_at", "backlog", "spooled", "spool_healthy", "in_flight", "upstreams"}


# --- minutes ------------------------------------------------------------------------------------------


def exchange(outcome: Outcome, **fields: Any) -> Exchange:
    return Exchange(uuid7(), 1, 1, "model", "chat/completions", False, "", upstream="one", outcome=outcome, **fields)


async def test_upstream_is_counted_for_fifteen_minutes(product: Product) -> None:
    now = [1_000_000.0]
    health = Health(product.service(Settler), in_flight=lambda: 0, clock=lambda: now[0])
    health.count(exchange(Outcome.COMPLETED, first_byte_ms=49))
    health.count(exchange(Outcome.INTERRUPTED, error_code="upstream_timeout\x00"))
    health.count(exchange(Outcome.ABORTED_UNMETERED))
    now[0] += 60 * (MINUTES_KEPT - 1)
    health.count(exchange(Outcome.UPSTREAM_ERROR, upstream_status=429, error_code="upstream_rate_limited"))
    (told,) = sum_upstreams([health.report()])
    assert (told["requests"], told["failures"]) == (4, 2)
    assert told["first_bytes"][0] == 1 and sum(told["first_bytes"]) == 1
    assert told["last_error"] == "upstream_rate_limited (status 429)"
    now[0] += 60
    (told,) = sum_upstreams([health.report()])
    assert (told["requests"], told["failures"]) == (1, 1)
    now[0] += 60 * MINUTES_KEPT
    (told,) = sum_upstreams([health.report(), health.report()])
    assert (told["requests"], told["first_bytes"]) == (0, [])
    assert told["last_ok_at"] and told["last_error"]


# --- dead letters -------------------------------------------------------------------------------------


async def a_letter(product: Product, **changes: Any) -> tuple[int, UUID]:
    """A settlement of the product's user for 0.002 dollars that was refused, with `changes`."""
    async with product.database.transaction() as connection:
        price = await connection.scalar(text("SELECT max(id) FROM prices WHERE input = 3 AND valid_to IS NULL"))
        row = exchange(Outcome.COMPLETED, status=200, price_id=price, cost=Decimal("0.002"))
        row.user_id, row.started_at = product.user_id, datetime.now(UTC).isoformat()
        record = orjson.dumps({**orjson.loads(row.encode()), "input": 500, "output": 33, "cost": "0.001995", **changes})
        made = await connection.scalar(
            text(
                "INSERT INTO dead_letter (record, reason) VALUES (:record, 'ForeignKeyViolationError: no') RETURNING id"
            ),
            {"record": record.decode()},
        )
    return int(made), row.request_id


async def test_dead_letter_is_settled_by_a_retry_once_and_the_books_balance(admin: Admin, product: Product) -> None:
    letter, request_id = await a_letter(product)
    (listed,) = (await admin.get("/dead-letters")).json()["data"]
    assert (listed["id"], listed["request_id"], listed["cost"]) == (letter, f"req_{request_id.hex}", "0.001995")
    assert listed["reason"].startswith("ForeignKey") and listed["record"]["input"] == 500
    assert (await system(admin))["dead_letters"] == 1
    answer = await admin.post(f"/dead-letters/{letter}/retry")
    assert answer.status_code == 200
    assert answer.json() == {
        "id": letter,
        "request_id": f"req_{request_id.hex}",
        "settled": True,
        "balance": "99.998005",
    }
    assert await product.balance() == Decimal("99.998005") and not await product.imbalances()
    assert (await admin.post(f"/dead-letters/{letter}/retry")).status_code == 404
    assert (await admin.get("/dead-letters")).json()["data"] == []
    audited = (await admin.get("/audit?action=dead_letter.retry")).json()["data"][0]
    assert audited["before"]["record"]["cost"] == "0.001995" and audited["after"] == {"settled": True}


async def test_dead_letter_whose_request_was_charged_after_all_charges_nothing(admin: Admin, product: Product) -> None:
    await product.chat("sandbox-gpt")
    row = (await product.rows(1))[0]
    before = await product.balance()
    letter, _ = await a_letter(product, request_id=str(row.request_id))
    answer = (await admin.post(f"/dead-letters/{letter}/retry")).json()
    assert (answer["settled"], answer["balance"]) == (False, None)
    assert await product.balance() == before and not await product.imbalances()


async def test_dead_letter_that_is_refused_again_stays_and_says_why(admin: Admin, product: Product) -> None:
    for bad in ({"user_id": 999_999}, {"price_id": 999_999}, {"cost": "NaN"}, {"cost": "much"}):
        letter, _ = await a_letter(product, **bad)
        answer = await admin.post(f"/dead-letters/{letter}/retry")
        assert answer.status_code == 409, bad
        assert "PostgreSQL refuses it still" in answer.json()["error"]["message"]
    assert len((await admin.get("/dead-letters")).json()["data"]) == 4
    assert await product.balance() == 100 and not await product.imbalances()
    assert (await admin.get("/audit?action=dead_letter.retry")).json()["data"] == []


async def test_dead_letter_is_dismissed_with_a_reason_and_the_audit_log_keeps_it(
    admin: Admin, product: Product
) -> None:
    letter, request_id = await a_letter(product)
    assert faults(await admin.call("DELETE", f"/dead-letters/{letter}", {})).keys() == {"reason"}
    gone = await admin.call("DELETE", f"/dead-letters/{letter}", {"reason": "a test of ours"})
    assert gone.status_code == 204
    assert (await admin.call("DELETE", f"/dead-letters/{letter}", {"reason": "x"})).status_code == 404
    kept = (await admin.get(f"/audit?q={request_id}")).json()["data"]
    assert kept[0]["after"] == {"reason": "a test of ours"} and await product.balance() == 100
