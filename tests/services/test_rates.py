"""Requests and tokens a minute, counted here or in Redis: exactly as many as the limit says, no wait in vain."""

import asyncio
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from quart_proxy.core.errors import RateLimited
from quart_proxy.core.limits import Limits
from quart_proxy.services.rates import Rates

OF_KEY = Limits(1, 7, rpm=5)
OF_USER = Limits(1, None, rpm=8)
TOKENS = Limits(1, 7, tpm=100)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock.time)
    return clock


async def take(rates: Rates, *limits: Limits, times: int) -> int:
    """How many of so many requests at once are let in."""
    taken = await asyncio.gather(*(rates.take(limits) for _ in range(times)), return_exceptions=True)
    assert all(isinstance(one, RateLimited) for one in taken if isinstance(one, BaseException))
    return sum(not isinstance(one, BaseException) for one in taken)


async def refusal(rates: Rates, *limits: Limits) -> RateLimited:
    with pytest.raises(RateLimited) as caught:
        await rates.take(limits)
    return caught.value


async def counted(rates: Rates, tokens: int, *limits: Limits) -> None:
    rates.count_tokens(limits, tokens)
    await asyncio.wait(rates._counting)


async def test_of_many_at_once_exactly_the_limit_is_let_in(clock: Clock) -> None:
    rates = Rates()
    assert await take(rates, OF_KEY, times=40) == 5
    error = await refusal(rates, OF_KEY)
    assert (error.status, error.code) == (429, "rate_limit_exceeded")
    assert error.message == "This key may make 5 requests a minute (rpm); the next request is taken in 61 s."
    assert error.retry_after_s == 61
    assert error.allowances is not None and error.allowances.requests is not None
    assert (error.allowances.requests.limit, error.allowances.requests.remaining) == (5, 0)


async def test_the_minute_slides_and_the_wait_that_was_told_is_enough(clock: Clock) -> None:
    rates = Rates()
    clock.now += 50
    assert await take(rates, OF_KEY, times=9) == 5
    error = await refusal(rates, OF_KEY)
    assert error.retry_after_s is not None
    clock.now += error.retry_after_s
    # No burst of twice the limit where two minutes meet.
    assert await take(rates, OF_KEY, times=9) == 1
    clock.now += 120
    assert await take(rates, OF_KEY, times=9) == 5


async def test_two_keys_count_apart_and_their_user_counts_both(clock: Clock) -> None:
    rates, other = Rates(), Limits(1, 8, rpm=5)
    assert await take(rates, OF_USER, OF_KEY, times=9) == 5
    assert await take(rates, OF_USER, other, times=9) == 3
    assert "This user may make 8 requests a minute (rpm)" in (await refusal(rates, OF_USER, other)).message


async def test_a_refused_request_counts_for_neither(clock: Clock) -> None:
    rates = Rates()
    await take(rates, OF_USER, OF_KEY, times=50)
    assert await take(rates, OF_USER, times=9) == 3


async def test_the_tightest_of_the_limits_is_told(clock: Clock) -> None:
    rates = Rates()
    allowances = await rates.take([OF_USER, OF_KEY])
    assert allowances.tokens is None and allowances.requests is not None
    assert (allowances.requests.limit, allowances.requests.remaining) == (5, 4)


async def test_the_request_that_crosses_a_limit_on_tokens_is_served_and_the_next_are_not(clock: Clock) -> None:
    rates = Rates()
    for tokens in (60, 30, 5000):
        await rates.take([TOKENS])
        await counted(rates, tokens, TOKENS)
    error = await refusal(rates, TOKENS)
    assert error.message.startswith("This key may use 100 tokens a minute (tpm); the next request is taken in ")
    assert error.retry_after_s is not None and 60 < error.retry_after_s <= 121
    clock.now += error.retry_after_s - 2
    await refusal(rates, TOKENS)
    clock.now += 2
    await rates.take([TOKENS])


async def test_workers_that_count_alone_share_a_limit(clock: Clock) -> None:
    rates = Rates(workers=3)
    assert await take(rates, OF_KEY, times=9) == 2
    assert "5 requests a minute (rpm), 2 of them by each worker;" in (await refusal(rates, OF_KEY)).message


async def test_counters_that_ended_are_forgotten(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = Rates()
    for key_id in range(50):
        await rates.take([Limits(1, key_id + 1, rpm=1)])
    clock.now += 200
    rates._alone._swept_at -= 61
    await rates.take([OF_KEY])
    assert len(rates._alone.storage) == len(rates._alone.expirations) == 1


# --- Redis --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of its own, where the machine has the program."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not on this machine")
    folder = tmp_path_factory.mktemp("redis")
    url = f"unix://{folder}/redis.sock"
    options = ("--port", "0", "--unixsocket", f"{folder}/redis.sock", "--save", "", "--dir", str(folder))
    with subprocess.Popen([program, *options], stdout=subprocess.DEVNULL) as server:
        for _ in range(200):
            if Path(folder, "redis.sock").exists():
                break
            time.sleep(0.025)
        yield url
        server.terminate()


@pytest.fixture
async def empty_redis(redis_url: str) -> str:
    client = Redis.from_url(redis_url)
    await client.flushall()
    await client.aclose()
    return redis_url


async def test_workers_of_one_redis_let_in_exactly_the_limit_together(empty_redis: str) -> None:
    workers = [Rates(redis_url=empty_redis, workers=3) for _ in range(3)]
    taken = await asyncio.gather(*(take(worker, OF_USER, times=10) for worker in workers))
    assert sum(taken) == 8
    for worker in workers:
        error = await refusal(worker, OF_USER)
        assert error.message.startswith("This user may make 8 requests a minute (rpm); the next")
        await worker.close()


async def test_tokens_counted_by_one_worker_bind_the_others(empty_redis: str) -> None:
    one, other = Rates(redis_url=empty_redis), Rates(redis_url=empty_redis)
    await counted(one, 5000, TOKENS)
    error = await refusal(other, TOKENS)
    assert error.retry_after_s is not None and 60 < error.retry_after_s <= 121
    await one.close()
    await other.close()


async def test_without_its_redis_a_worker_counts_its_share_and_says_so_once(
    clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rates = Rates(redis_url=f"unix://{tmp_path}/nobody", workers=2)
    await counted(rates, 3, Limits(1, 7, rpm=5, tpm=1000))
    assert await take(rates, Limits(1, 7, rpm=5, tpm=1000), times=9) == 3
    assert [record.message for record in caplog.records].count("redis_away") == 1
    await rates.close()


async def test_a_redis_that_is_back_counts_again(empty_redis: str) -> None:
    rates = Rates(redis_url=empty_redis, workers=5)
    rates._ask_redis_at = float("inf")
    assert await take(rates, OF_KEY, times=9) == 1
    rates._ask_redis_at = 0.0
    assert await take(rates, OF_KEY, times=9) == 5
    await rates.close()
