"""Limits as clients of both formats meet them: status, code, sentence and headers, also inside the official SDKs."""

import asyncio
import re
import time
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import anthropic
import httpx
import openai
import pytest
from limits.aio.storage import memory
from product import TESTER, Product
from tabs import Tab

from quart_proxy.store.accounts import list_keys

OPENAI = "x-ratelimit-{1}-{0}"
ANTHROPIC = "anthropic-ratelimit-{0}-{1}"
CHAT: list[Any] = [{"role": "user", "content": "hello there"}]


@pytest.fixture(autouse=True)
def standing_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's clock stands: no test begins in one minute and ends in the next."""
    now = time.time() // 60 * 60 + 30
    monkeypatch.setattr(memory, "time", SimpleNamespace(time=lambda: now))


async def limit_user(product: Product, tab: Tab, **limits: Any) -> None:
    await product.accounts.update_user(TESTER, tab.user_id, limits)
    await product.refresh()


async def limited(product: Product, **limits: Any) -> Tab:
    """A new user whose key has these limits."""
    return await Tab.open(product, **limits)


def assert_headers(answer: httpx.Response, name: str, limit: int, remaining: int) -> None:
    """In the forms of both vendors."""
    for form in (OPENAI, ANTHROPIC):
        assert answer.headers[form.format(name, "limit")] == str(limit)
        assert answer.headers[form.format(name, "remaining")] == str(remaining)
    assert re.fullmatch(r"(\d+m)?\d+s", answer.headers[OPENAI.format(name, "reset")])
    at = answer.headers[ANTHROPIC.format(name, "reset")]
    assert at.endswith("Z") and 0 <= (datetime.fromisoformat(at) - datetime.now(UTC)).total_seconds() + 1 < 122


def rate_headers(answer: httpx.Response) -> list[str]:
    return [name for name in answer.headers if "ratelimit" in name]


@pytest.mark.parametrize("holder", ["key", "user"])
async def test_of_many_at_once_exactly_the_limit_is_served_and_the_others_pay_nothing(
    running: Product, holder: str
) -> None:
    tab = await limited(running, **({"rpm": 4} if holder == "key" else {}))
    if holder == "user":
        await limit_user(running, tab, rpm=4)
    answers = await asyncio.gather(*(tab.ask("sandbox-gpt") for _ in range(12)))
    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(refused) == 8
    for answer in refused:
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (429, "rate_limit_exceeded")
        assert error["message"].startswith(f"This {holder} may make 4 requests a minute (rpm);")
        assert 0 < int(answer.headers["retry-after"]) <= 61
        assert_headers(answer, "requests", 4, 0)
    rows = await tab.rows(12)
    assert sorted(row.outcome for row in rows) == ["completed"] * 4 + ["refused"] * 8
    assert await running.imbalances() == []


@pytest.mark.parametrize("api_format", ["openai", "anthropic"])
@pytest.mark.parametrize("stream", [False, True])
async def test_every_answer_tells_how_the_minute_stands(running: Product, api_format: str, stream: bool) -> None:
    tab = await limited(running, rpm=3, tpm=1_000_000)
    model = {"openai": "sandbox-gpt", "anthropic": "sandbox-claude"}[api_format]
    used = 0
    for place in range(3):
        answer = await tab.ask(model, api_format, stream=stream)
        assert answer.status_code == 200
        assert_headers(answer, "requests", 3, 2 - place)
        assert_headers(answer, "tokens", 1_000_000, 1_000_000 - used)
        used = sum(sum(row.tokens.values()) for row in await tab.rows(place + 1))
    refused = await tab.ask(model, api_format, stream=stream)
    error = refused.json()["error"]
    assert refused.status_code == 429
    assert error["type"] == "rate_limit_error"
    assert_headers(refused, "requests", 3, 0)


async def test_an_error_of_the_provider_tells_it_too_and_a_caller_without_limits_is_told_nothing(
    running: Product,
) -> None:
    tab = await limited(running, rpm=3)
    model = await tab.add_model("sandbox:status=500")
    answer = await tab.ask(model)
    assert answer.status_code == 502
    assert_headers(answer, "requests", 3, 2)
    free = await Tab.open(running)
    assert rate_headers(await free.ask("sandbox-gpt")) == []


async def test_the_tighter_of_key_and_user_is_told_and_holds(running: Product) -> None:
    tab = await limited(running, rpm=50)
    await limit_user(running, tab, rpm=2)
    assert_headers(await tab.ask("sandbox-gpt"), "requests", 2, 1)
    assert (await tab.ask("sandbox-gpt")).status_code == 200
    assert "This user may make 2" in (await tab.ask("sandbox-gpt")).json()["error"]["message"]


async def test_tokens_count_when_they_are_known_and_the_next_request_is_refused(running: Product) -> None:
    tab = await limited(running, tpm=5)
    first = await tab.ask("sandbox-gpt", stream=True)
    assert first.status_code == 200
    assert_headers(first, "tokens", 5, 5)
    refused = await tab.ask("sandbox-gpt")
    assert refused.status_code == 429
    assert refused.json()["error"]["message"].startswith("This key may use 5 tokens a minute (tpm);")
    assert_headers(refused, "tokens", 5, 0)


async def test_a_users_concurrency_counts_all_keys(running: Product) -> None:
    tab = await Tab.open(running)
    _, other = await running.accounts.create_key(TESTER, user_id=tab.user_id, name="other")
    await limit_user(running, tab, max_concurrency=1)
    model = await tab.add_model("sandbox:first_byte_ms=500")
    body = {"model": model, "messages": CHAT}
    both = ({"authorization": f"Bearer {key}"} for key in (tab.key, other))
    answers = await asyncio.gather(*(running.post("/v1/chat/completions", body, headers=each) for each in both))
    assert sorted(answer.status_code for answer in answers) == [200, 429]
    (refused,) = (answer for answer in answers if answer.status_code == 429)
    assert "This user may have 1 requests in flight at once (max_concurrency)" in refused.text


async def test_key_and_user_must_both_allow_a_model(running: Product) -> None:
    tab = await limited(running, allowed_models=["sandbox-gpt", "sandbox-claude"])
    await limit_user(running, tab, allowed_models=["Sandbox-Claude", "sandbox-embed"])
    listed = await running.client.get(f"{running.base_url}/v1/models", headers=tab.headers)
    assert [model["id"] for model in listed.json()["data"]] == ["sandbox-claude"]
    for model in ("sandbox-gpt", "sandbox-responses"):
        path = "/v1/responses" if model == "sandbox-responses" else "/v1/chat/completions"
        refused = await running.post(path, {"model": model, "messages": CHAT, "input": "hi"}, headers=tab.headers)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "model_not_allowed")
    assert (await tab.ask("sandbox-claude", "anthropic")).status_code == 200


async def test_a_limit_that_an_admin_lifts_is_lifted_at_once(running: Product) -> None:
    tab = await limited(running, rpm=1)
    assert [(await tab.ask("sandbox-gpt")).status_code for _ in range(2)] == [200, 429]
    async with running.database.read() as connection:
        (key,) = await list_keys(connection, tab.user_id)
    await running.accounts.update_key(TESTER, key.id, {"rpm": None})
    await running.refresh()
    assert (await tab.ask("sandbox-gpt")).status_code == 200


# --- the official SDKs --------------------------------------------------------------------------------


async def test_openais_sdk_knows_both_refusals(running: Product) -> None:
    tab = await limited(running, rpm=2, spend_limit=Decimal("0.000001"))
    async with openai.AsyncOpenAI(base_url=f"{running.base_url}/v1", api_key=tab.key, max_retries=0) as client:
        raw = await client.chat.completions.with_raw_response.create(model="sandbox-gpt", messages=CHAT)
        assert raw.headers["x-ratelimit-remaining-requests"] == "1"
        with pytest.raises(openai.APIStatusError) as spent:
            await client.chat.completions.create(model="sandbox-gpt", messages=CHAT)
        assert (spent.value.status_code, spent.value.code) == (402, "spend_limit_exceeded")
    tab = await limited(running, rpm=1)
    async with openai.AsyncOpenAI(base_url=f"{running.base_url}/v1", api_key=tab.key, max_retries=0) as client:
        await client.chat.completions.create(model="sandbox-gpt", messages=CHAT)
        with pytest.raises(openai.RateLimitError) as limit:
            await client.chat.completions.create(model="sandbox-gpt", messages=CHAT, stream=True)
    assert limit.value.code == "rate_limit_exceeded"
    assert int(limit.value.response.headers["retry-after"]) >= 1


async def test_anthropics_sdk_knows_both_refusals(running: Product) -> None:
    for limits, status, kind in (
        ({"rpm": 1}, 429, "rate_limit_error"),
        ({"spend_limit": Decimal("0.000001"), "spend_period": "day"}, 402, "billing_error"),
    ):
        tab = await limited(running, **limits)
        ask: dict[str, Any] = {"model": "sandbox-claude", "max_tokens": 50, "messages": CHAT}
        async with anthropic.AsyncAnthropic(base_url=running.base_url, api_key=tab.key, max_retries=0) as client:
            raw = await client.messages.with_raw_response.create(**ask)
            remaining = raw.headers.get("anthropic-ratelimit-requests-remaining")
            assert remaining == ("0" if "rpm" in limits else None)
            with pytest.raises(anthropic.APIStatusError) as refused:
                await client.messages.create(**ask)
        assert refused.value.status_code == status
        body: Any = refused.value.body
        assert body["error"]["type"] == kind
        assert isinstance(refused.value, anthropic.RateLimitError) is (status == 429)
