"""Requests as they happen: two workers of one product, and clients of their events."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from chaos import eventually
from live_stream import LiveStream, watching
from product import Product, cloned_database, serve_product

from quart_proxy.services.admin_sessions import AdminSessions
from quart_proxy.services.in_flight import CALL_CHANNEL, TELL_CHANNEL
from quart_proxy.services.live_view import WATCHERS_MAX, LiveView

HEARTBEAT_S = 0.4


@dataclass
class Pair:
    one: Product
    two: Product


@pytest.fixture(scope="module")
async def pair(
    server_url: str, template: str, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pair]:
    folder = tmp_path_factory.mktemp("events")
    async with (
        cloned_database(server_url, template) as url,
        serve_product(url, sandbox_url, folder, heartbeat_s=HEARTBEAT_S) as one,
        serve_product(url, sandbox_url, folder, heartbeat_s=HEARTBEAT_S) as two,
    ):
        for name, scenario in (("slow", "words=1000,delay_ms=30"), ("late", "first_byte_ms=60000")):
            await one.add_model(name, actual_model=f"sandbox:{scenario}")
        await two.refresh()
        yield Pair(one, two)


async def ask(product: Product, key: str = "", model: str = "sandbox-gpt") -> str:
    """The id of a request that is settled now."""
    headers = {"authorization": f"Bearer {key or product.key}"}
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    answer = await product.post("/v1/chat/completions", body, headers=headers)
    return str(answer.headers["x-request-id"])


async def test_a_request_of_any_worker_is_told_once_to_the_watchers_of_every_worker(pair: Pair) -> None:
    async with watching(pair.one) as at_one, watching(pair.two) as at_two:
        ids = [await ask(worker) for worker in (pair.one, pair.two) * 3]
        for stream in (at_one, at_two):
            await stream.until_told(*ids)
            await asyncio.sleep(0.6)
            assert stream.request_ids == ids
        admin = await pair.one.login()
        listed = await pair.one.client.get(f"{pair.one.base_url}/api/admin/usage?limit=6", headers=admin)
        assert at_one.named("request") == [{**row, "state": "settled"} for row in reversed(listed.json()["data"])]
        assert at_one.headers["content-type"].startswith("text/event-stream")
        assert at_one.headers["cache-control"] == "no-cache, no-transform"
        assert at_one.headers["x-accel-buffering"] == "no"
        assert at_one.lines[0] == "retry: 3000"


async def test_a_failure_and_a_refusal_are_told_too(pair: Pair) -> None:
    _, poor = await pair.one.add_user("0")
    async with watching(pair.two) as stream:
        ids = [await ask(pair.one, poor), await ask(pair.one, model="nowhere")]
        await stream.until_told(*ids)
        assert [row["outcome"] for row in stream.named("request")] == ["refused", "refused"]


async def test_who_comes_back_with_the_last_id_misses_nothing_and_hears_nothing_twice(pair: Pair) -> None:
    ids: list[str] = []
    told: list[str] = []
    last_id = ""
    for turn, worker in enumerate((pair.one, pair.two, pair.one, pair.two)):
        async with watching(worker, last_id=last_id) as stream:
            ids += [await ask(pair.two) for _ in range(2)]
            await stream.until_told(*ids[-1:])
            # It leaves in the middle of what it was told.
            heard = [event for event in stream.events if event.name == "request"]
            taken = heard[: len(heard) - turn % 2]
            told += [event.data["request_id"] for event in taken]
            last_id = taken[-1].id
        ids += [await ask(pair.one) for _ in range(3)]
    async with watching(pair.one, f"?after={last_id}") as stream:
        await stream.until_told(ids[-1])
        told += stream.request_ids
    assert told == ids


async def test_an_id_that_is_none_of_ours_begins_now(pair: Pair) -> None:
    for last_id in ("nonsense", "999999999999999999"):
        async with watching(pair.one, last_id=last_id) as stream:
            request_id = await ask(pair.one)
            await stream.until_told(request_id)
            assert stream.request_ids == [request_id]
            assert stream.named("reset") == ([{}] if last_id.isdigit() else [])


async def test_what_is_in_flight_on_another_worker_is_told_until_it_has_its_row(pair: Pair) -> None:
    user_id, key = await pair.two.add_user(name="Ada")
    async with watching(pair.one, f"?user_id={user_id}") as stream:
        body = {"model": "slow", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
        request = {"json": body, "headers": {"authorization": f"Bearer {key}"}}
        async with pair.two.client.stream("POST", f"{pair.two.base_url}/v1/chat/completions", **request) as answer:
            request_id = answer.headers["x-request-id"]
            seen = await stream.until(lambda stream: in_flight(stream, request_id, 3))
            assert seen[-1]["events"] > seen[0]["events"] > 0
            assert seen[-1]["elapsed_ms"] > seen[0]["elapsed_ms"]
            expected = {"user_id": user_id, "user_name": "Ada", "model": "slow", "endpoint": "chat/completions"}
            assert {name: seen[-1][name] for name in expected} == expected
            assert (seen[-1]["streamed"], seen[-1]["state"]) == (True, "streaming")
            assert seen[-1]["first_byte_ms"] is not None
            assert seen[-1]["started_at"].endswith("Z")
            assert [event.id for event in stream.events] == [stream.last_id] * len(stream.events)
        await pair.two.service(LiveView)._board._pool.drain(0.0)
        pair.two.service(LiveView)._board._pool._is_closing = False
        await stream.until_told(request_id)
        row = len(stream.events) - 1
        await stream.until(lambda stream: stream.named("progress")[-1]["data"] == [])
        later = [event for event in stream.events[row:] if event.name == "progress"]
        assert all(request_id not in str(event.data) for event in later)


def in_flight(stream: LiveStream, request_id: str, times: int) -> list[Any]:
    """What was told of this request, once it was told so often."""
    told = [item for data in stream.named("progress") for item in data["data"] if item["request_id"] == request_id]
    return told if len(told) >= times else []


async def test_a_request_that_waits_for_its_first_byte_is_told_as_waiting(pair: Pair) -> None:
    async with watching(pair.two) as stream:
        asking = asyncio.create_task(ask(pair.one, model="late"))
        [told] = (await stream.until(lambda stream: stream.named("progress")))[-1]["data"]
        assert (told["state"], told["first_byte_ms"], told["events"]) == ("waiting", None, 0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        pair.one.service(LiveView)._board._pool.cut()
        await stream.until_told(told["request_id"])


async def test_more_relays_than_are_told_are_counted(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quart_proxy.services.in_flight.TOLD_MAX", 30)
    model = "a model with a long name " * 7
    await pair.one.add_model(model, actual_model="sandbox:first_byte_ms=60000")
    async with watching(pair.two, "?model=" + model) as stream:
        asking = [asyncio.create_task(ask(pair.one, model=model)) for _ in range(40)]

        def all_told(stream: LiveStream) -> Any:
            progress = stream.named("progress")
            return progress and len(progress[-1]["data"]) == 30 and progress[-1]

        assert (await stream.until(all_told))["more"] == 10
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        pair.one.service(LiveView)._board._pool.cut()
        await stream.until(lambda stream: len(stream.request_ids) == 40)


async def test_nothing_is_asked_or_told_when_nobody_watches(pair: Pair) -> None:
    heard: list[str] = []
    listener = await asyncpg.connect(pair.one.settings.database_url)
    try:
        for channel in (CALL_CHANNEL, TELL_CHANNEL):
            await listener.add_listener(channel, lambda *told: heard.append(told[2]))
        views = [worker.service(LiveView) for worker in (pair.one, pair.two)]

        async def nobody_reads() -> bool:
            return all(view._reader is None or view._reader.done() for view in views)

        await eventually(nobody_reads)
        heard.clear()
        body = {"model": "slow", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
        request = {"json": body, "headers": pair.one.headers}
        async with pair.one.client.stream("POST", f"{pair.one.base_url}/v1/chat/completions", **request):
            await asyncio.sleep(1.5)
            assert heard == []
            async with watching(pair.two) as stream:
                await stream.until(lambda stream: stream.named("progress"))
            assert set(heard) == {CALL_CHANNEL, TELL_CHANNEL}
            await eventually(nobody_reads)
            heard.clear()
            await asyncio.sleep(1.5)
            assert heard == []
        pair.one.service(LiveView)._board._pool.cut()
    finally:
        await listener.close()


@pytest.mark.parametrize("kind", ["user_id", "key_id", "model", "outcome"])
async def test_a_filter_lets_through_what_it_names_and_nothing_else(pair: Pair, kind: str) -> None:
    user_id, key = await pair.one.add_user()
    _, other = await pair.one.add_user()
    await ask(pair.one, key)
    [row] = await pair.one.rows(1, user_id=user_id)
    chosen = {"user_id": str(user_id), "key_id": str(row.api_key_id), "model": "nowhere", "outcome": "refused"}[kind]
    await ask(pair.one, other)
    model = "nowhere" if kind in ("model", "outcome") else "sandbox-gpt"
    async with watching(pair.one, f"?{kind}={chosen}&{kind}={chosen}") as stream, watching(pair.one) as everything:
        skipped = [await ask(pair.two, other)]
        wanted = [await ask(pair.two, key, model)]
        skipped += [await ask(pair.two, other) for _ in range(2)]
        await everything.until_told(*wanted, *skipped)
        await stream.until_told(*wanted)
        # What was passed over is not read again by who comes back.
        await stream.until(lambda stream: stream.last_id != [e for e in stream.events if e.name == "request"][-1].id)
        assert stream.request_ids == wanted


async def test_a_filter_that_cannot_be_read_is_refused_by_name(pair: Pair) -> None:
    admin = await pair.one.login()
    for query in ("user_id=x", "outcome=fine", "after=soon"):
        for path in ("events", "usage/tail"):
            answer = await pair.one.client.get(f"{pair.one.base_url}/api/admin/{path}?{query}", headers=admin)
            assert answer.status_code == 422
            assert answer.json()["error"]["errors"][0]["param"].startswith(query.split("=")[0])


async def test_a_change_of_the_registry_is_told_with_its_revision(pair: Pair) -> None:
    async with watching(pair.two) as stream:
        await pair.one.add_model("newcomer")
        [change] = await stream.until(lambda stream: stream.named("change"))
        admin = await pair.one.login()
        status = await pair.one.client.get(f"{pair.one.base_url}/api/admin/registry/status", headers=admin)
        assert change["revision"] == status.json()["revision"]
        assert change["version"] > 0


async def test_a_heartbeat_passes_in_silence(pair: Pair) -> None:
    async with watching(pair.one) as stream:
        await stream.until(lambda stream: stream.lines.count(": heartbeat") >= 2)


async def test_the_stream_ends_with_its_session_and_an_expired_one_opens_none(pair: Pair) -> None:
    session = pair.one.service(AdminSessions).issue("admin", "admin", timedelta(seconds=4))
    headers = {"authorization": f"Bearer {session.token}"}
    async with watching(pair.one, headers=headers) as stream:
        assert not stream.ended.is_set()
        await asyncio.wait_for(stream.ended.wait(), 20)
    # Its token passes for some seconds more, where clocks differ; a stream has no such leeway.
    answer = await pair.one.client.get(f"{pair.one.base_url}/api/admin/events", headers=headers)
    assert answer.status_code == 401


async def test_the_stream_ends_on_every_worker_when_its_session_is_ended(pair: Pair) -> None:
    headers = await pair.one.login()
    async with watching(pair.two, headers=headers) as stream:
        assert not stream.ended.is_set()
        url = f"{pair.one.base_url}/api/admin/logout"
        assert (await pair.one.client.post(url, headers=headers)).status_code == 204
        await asyncio.wait_for(stream.ended.wait(), 20)


async def test_the_pages_cookie_opens_a_stream_and_nobody_else_gets_one(pair: Pair) -> None:
    token = (await pair.one.login())["authorization"].removeprefix("Bearer ")
    async with watching(pair.one, headers={"cookie": f"{pair.one.admin_cookie}={token}"}) as stream:
        assert stream.last_id
    narrow = pair.one.service(AdminSessions).issue("ci", "registry:plan", timedelta(minutes=1)).token
    for headers, status in (
        ({}, 401),
        (pair.one.headers, 401),
        ({"authorization": f"Bearer {narrow}"}, 403),
    ):
        # The product's own client keeps the cookie that signing in gave it.
        async with httpx.AsyncClient() as client:
            for path in ("events", "usage/tail"):
                answer = await client.get(f"{pair.one.base_url}/api/admin/{path}", headers=headers)
                assert answer.status_code == status


async def test_more_streams_than_a_worker_holds_are_refused_and_one_that_ends_makes_room(pair: Pair) -> None:
    view = pair.one.service(LiveView)

    async def nobody_watches() -> bool:
        return not view._watchers

    await eventually(nobody_watches)
    admin = await pair.one.login()
    url = f"{pair.one.base_url}/api/admin/events"
    async with httpx.AsyncClient(timeout=10) as client:
        streams = [
            await client.send(client.build_request("GET", url, headers=admin), stream=True) for _ in range(WATCHERS_MAX)
        ]
        refused = await client.get(url, headers=admin)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
        await streams[0].aclose()

        async def has_room() -> bool:
            return len(view._watchers) < WATCHERS_MAX

        await eventually(has_room)
        streams.append(await client.send(client.build_request("GET", url, headers=admin), stream=True))
        assert streams[-1].status_code == 200
        for stream in streams:
            await stream.aclose()
    await eventually(nobody_watches)


async def test_the_tail_can_be_polled(pair: Pair) -> None:
    admin = await pair.one.login()

    async def poll(query: str) -> Any:
        answer = await pair.one.client.get(f"{pair.one.base_url}/api/admin/usage/tail{query}", headers=admin)
        assert answer.status_code == 200
        return answer.json()

    begun = await poll("")
    assert begun == {"data": [], "has_more": False, "cursor": begun["cursor"]}
    ids = [await ask(pair.two) for _ in range(3)]
    told = await poll(f"?after={begun['cursor']}")
    assert [(row["request_id"], row["state"]) for row in told["data"]] == [(name, "settled") for name in ids]
    assert (await poll(f"?after={told['cursor']}"))["data"] == []
    assert (await poll(f"?after={begun['cursor']}&outcome=refused"))["data"] == []
    assert (await poll("?after=999999999999999999"))["data"] == []
