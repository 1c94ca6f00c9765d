"""A finished request goes by itself: no ring of references keeps it until the collector comes."""

import asyncio
import gc

import pytest
from product import Product


@pytest.mark.parametrize("stream", [False, True])
async def test_a_finished_request_leaves_nothing_to_collect(product: Product, stream: bool) -> None:
    await product.chat(stream=stream)
    await product.rows(1)
    await asyncio.sleep(0.1)
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(5):
            await product.chat(stream=stream)
        await product.rows(6)
        await asyncio.sleep(0.1)
        gc.collect()
        left = sorted({type(thing).__qualname__ for thing in gc.garbage if "quart_proxy" in type(thing).__module__})
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert left == []
