from product import Product


async def test_a_request_is_billed_exactly(product: Product) -> None:
    answer = await product.chat()
    assert answer.status_code == 200
    assert answer.headers["x-quart-proxy-cost"]
    assert await product.imbalances() == []
