"""A finished request goes by itself: no ring of references keeps it until the collector comes."""

import asyncio
import gc

import pytest
from product import Product

from quart_proxy.store.catalog import Upstream


def list_failing(url: str) -> tuple[Upstream, ...]:
    """One that fails inside its stream, and one of another format that answers."""
    key = "${env:SANDBOX_API_KEY}"
    first = Upstream(
        key="a", api_format="openai", api_url=f"{url}/v1", api_key=key, actual_model="sandbox:error_in_200=1"
    )
    second = Upstream(key="b", api_format="gemini", api_url=url, api_key=key, actual_model="sandbox", priority=1)
    return first, second


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["sandbox-gpt", "sandbox-claude", "failing"], ids=["same", "translated", "failover"])
async def test_a_finished_request_leaves_nothing_to_collect(product: Product, model: str, stream: bool) -> None:
    await product.add_model("failing", upstreams=list_failing(product.sandbox_url), extra={})
    await product.chat(model, stream=stream)
    await product.rows(1)
    await asyncio.sleep(0.1)
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(5):
            assert (await product.chat(model, stream=stream)).status_code == 200
        await product.rows(6)
        await asyncio.sleep(0.1)
        gc.collect()
        left = sorted({type(thing).__qualname__ for thing in gc.garbage if "quart_proxy" in type(thing).__module__})
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert left == []
