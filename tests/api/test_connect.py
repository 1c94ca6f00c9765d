"""What a client of a key is set up with."""

from decimal import Decimal

from product import Product

from quart_proxy.core.formats import CLIENT_FORMATS
from quart_proxy.core.usage import Dimension


async def test_user_is_told_the_address_and_where_each_model_is_called(product: Product) -> None:
    _, key = await product.add_user("0", allowed_models=["sandbox-gpt", "sandbox-claude", "sandbox-responses"])
    headers = {"authorization": f"Bearer {key}"}
    told = (await product.client.get(f"{product.base_url}/api/user/connect", headers=headers)).json()
    assert told["base_url"] == product.base_url
    chats = {"/v1/chat/completions", "/v1/completions", "/v1/messages", "/v1/responses"}
    assert {model["name"]: set(model["endpoints"]) for model in told["models"]} == {
        "sandbox-gpt": {*chats, "/v1/embeddings"},
        "sandbox-claude": chats,
        "sandbox-responses": chats,
    }
    assert {model["context_window"] for model in told["models"]} == {None}
    await product.add_model("roomy", limits={"context_window": 131_072})
    _, other = await product.add_user("0", allowed_models=["roomy"])
    roomy = await product.client.get(
        f"{product.base_url}/api/user/connect", headers={"authorization": f"Bearer {other}"}
    )
    assert roomy.json()["models"][0]["context_window"] == 131_072
    named = {**headers, "host": "gateway.example:8443"}
    assert (await product.client.get(f"{product.base_url}/api/user/connect", headers=named)).json()[
        "base_url"
    ] == "http://gateway.example:8443"


async def test_a_model_that_charges_input_alone_is_called_for_embeddings(product: Product) -> None:
    """Where it can be asked for them."""
    for api_format in ("openai", "anthropic"):
        rates = {Dimension.INPUT: Decimal("0.02"), Dimension.OUTPUT: Decimal(0)}
        await product.add_model(f"vectors-{api_format}", api_format=api_format, rates=rates)
    told = (await product.client.get(f"{product.base_url}/api/user/connect", headers=product.headers)).json()
    endpoints = {model["name"]: model["endpoints"] for model in told["models"]}
    assert endpoints["vectors-openai"] == ["/v1/embeddings"]
    assert "/v1/messages" in endpoints["vectors-anthropic"]


async def test_each_format_is_called_where_it_says(product: Product) -> None:
    answered = {str(rule) for rule in product.app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert {f"/v1/{spoken.endpoint}" for spoken in CLIENT_FORMATS.values()} <= answered
