"""The rules that never bend, one test each, on the running product."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import httpx
import pytest
from chaos import eventually
from product import PRICES, Product, cloned_database, serve_product
from sqlalchemy import Float, Numeric

from quart_proxy.core.pricing import Price, charge
from quart_proxy.core.usage import Dimension, Usage
from quart_proxy.services.relay_pool import RelayPool
from quart_proxy.services.routing import Router
from quart_proxy.settings import CATALOG_TTL_S, VERSION_POLL_S
from quart_proxy.store.tables import metadata

HEARTBEAT_S = 0.2
BODY = {"max_tokens": 50, "messages": [{"role": "user", "content": "hello there"}]}
PATH = "/v1/chat/completions"


@pytest.fixture(scope="module")
async def workers(
    server_url: str, template: str, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Product, Product]]:
    """Two workers of one product."""
    folder = tmp_path_factory.mktemp("rules")
    async with (
        cloned_database(server_url, template) as url,
        serve_product(url, sandbox_url, folder, heartbeat_s=HEARTBEAT_S) as one,
        serve_product(url, sandbox_url, folder, heartbeat_s=HEARTBEAT_S) as two,
    ):
        yield one, two


@pytest.fixture
def product(workers: tuple[Product, Product]) -> Product:
    return workers[0]


async def ask(product: Product, key: str, model: str, **more: object) -> httpx.Response:
    return await product.post(PATH, {**BODY, "model": model, **more}, headers={"authorization": f"Bearer {key}"})


async def is_under_way(product: Product) -> bool:
    """Whether a request is being relayed."""
    return len(product.service(RelayPool)) > 0


async def test_nothing_is_deducted_before_a_2xx_with_usage(product: Product) -> None:
    await product.add_model("slow", actual_model="sandbox:first_byte_ms=1500")
    user_id, key = await product.add_user("5")
    waiting = asyncio.create_task(ask(product, key, "slow"))
    await eventually(lambda: is_under_way(product))
    assert await product.balance(user_id) == 5
    answer = await waiting
    assert await product.balance(user_id) == 5 - Decimal(answer.headers["x-quart-proxy-cost"]) < 5
    for scenario in ("no_usage=1", "usage=negative", "usage=nan", "error_in_200=1", "cut_after=1"):
        await product.add_model(scenario, actual_model=f"sandbox:{scenario}")
        before = await product.balance(user_id)
        try:
            await ask(product, key, scenario, stream=scenario.startswith("cut"))
        except httpx.TransportError:
            pass
        await product.rows(1, user_id=user_id, model=scenario)
        assert await product.balance(user_id) == before


async def test_the_balance_is_checked_before_and_deducted_after_so_the_last_request_may_go_below_zero(
    product: Product,
) -> None:
    user_id, key = await product.add_user("0.000001")
    assert (await ask(product, key, "sandbox-gpt")).status_code == 200
    assert await product.balance(user_id) < 0
    assert (await ask(product, key, "sandbox-gpt")).status_code == 402
    assert [row.outcome for row in await product.rows(2, user_id=user_id)] == ["refused", "completed"]


async def test_money_is_decimal_dollars_in_columns_and_in_json(product: Product) -> None:
    types = [column.type for table in metadata.sorted_tables for column in table.columns]
    assert not any(isinstance(kind, Float) for kind in types)
    assert all(kind.asdecimal and kind.scale is None for kind in types if isinstance(kind, Numeric))
    _, key = await product.add_user("10.50")
    headers = {"authorization": f"Bearer {key}"}
    answer = (await product.client.get(f"{product.base_url}/api/user/balance", headers=headers)).json()
    assert answer["balance"] == "10.50"
    assert answer["currency"] == "USD"
    served = await ask(product, key, "sandbox-gpt")
    cost = Decimal(served.headers["x-quart-proxy-cost"])
    assert served.headers["x-quart-proxy-balance"] == f"{Decimal('10.50') - cost:f}".rstrip("0")
    usage = served.json()["usage"]
    tokens = {Dimension.INPUT: usage["prompt_tokens"], Dimension.OUTPUT: usage["completion_tokens"]}
    assert cost == charge(Usage(tokens), Price(1, PRICES)).cost


async def test_balance_row_and_lifetime_move_in_one_transaction_once_per_request(product: Product) -> None:
    user_id, key = await product.add_user("50")
    is_over = asyncio.Event()

    async def audit_all_the_time() -> int:
        audits = 0
        while not is_over.is_set():
            assert await product.imbalances() == []
            audits += 1
        return audits

    auditing = asyncio.create_task(audit_all_the_time())
    same_id = {"authorization": f"Bearer {key}", "x-request-id": "the-same", "idempotency-key": "the-same"}
    answers = await asyncio.gather(
        *(product.post(PATH, {**BODY, "model": "sandbox-gpt"}, headers=same_id) for _ in range(40))
    )
    is_over.set()
    assert await auditing > 0
    costs = [Decimal(answer.headers["x-quart-proxy-cost"]) for answer in answers]
    rows = await product.rows(40, user_id=user_id)
    assert {f"req_{row.request_id.hex}" for row in rows} == {answer.headers["x-request-id"] for answer in answers}
    assert sum(row.cost for row in rows) == sum(costs) == 50 - await product.balance(user_id)


async def test_mappings_are_cached_for_a_minute_at_most_and_cleared_on_every_worker(
    workers: tuple[Product, Product],
) -> None:
    assert CATALOG_TTL_S <= 60
    assert VERSION_POLL_S <= 1
    one, two = workers
    _, key = await one.add_user("50")
    await one.add_model("mapped", actual_model="sandbox:words=1")

    async def words() -> set[int]:
        answers = [await ask(worker, key, "mapped") for worker in workers]
        return {answer.json()["usage"]["completion_tokens"] if answer.is_success else 0 for answer in answers}

    async def says(count: int) -> bool:
        return await words() == {count}

    await eventually(lambda: says(1))
    assert two.service(Router)._entries._entries.ttl <= 60
    await one.add_model("mapped", actual_model="sandbox:words=7")
    await eventually(lambda: says(7), tries=60)


async def test_a_heartbeat_passes_in_every_silence_of_a_stream(product: Product) -> None:
    await product.add_model("silent", actual_model="sandbox:first_byte_ms=700,words=3")
    await product.add_model("halting", actual_model="sandbox:delay_ms=300,words=1", api_format="anthropic")
    openai = await product.chat("silent", stream=True)
    assert openai.text.startswith(": heartbeat\n\n")
    assert openai.text.rstrip().endswith("data: [DONE]")
    anthropic = await product.message("halting", stream=True)
    assert anthropic.text.count("event: ping") >= 2
    assert "event: message_stop" in anthropic.text


async def test_an_upstream_4xx_or_5xx_is_never_billed(product: Product) -> None:
    user_id, key = await product.add_user("5")
    statuses = (302, 400, 401, 403, 404, 422, 429, 500, 503, 529)
    for status in statuses:
        # Even with a valid usage in the error's body.
        await product.add_model(f"status-{status}", actual_model=f"sandbox:status={status},usage=1")
        for stream in (False, True):
            answer = await ask(product, key, f"status-{status}", stream=stream)
            assert answer.status_code >= 400
    rows = await product.rows(2 * len(statuses), user_id=user_id)
    assert {row.cost for row in rows} == {Decimal(0)}
    assert {row.upstream_status for row in rows} == set(statuses)
    assert await product.balance(user_id) == 5
    assert await product.imbalances() == []
