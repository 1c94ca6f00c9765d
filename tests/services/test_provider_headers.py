"""A provider's own headers, and the references in them."""

from product import PRICES, Product

from quart_proxy.store.catalog import Model, Provider, Upstream
from quart_proxy.store.catalog_writes import save_model, save_provider
from quart_proxy.store.changes import bump_version


async def test_a_reference_in_a_header_is_resolved_and_a_missing_one_fails_closed(product: Product) -> None:
    for name, value in (("told", "${env:SANDBOX_API_KEY}"), ("untold", "${env:NOT_SET_API_KEY}")):
        async with product.database.transaction() as connection:
            await save_provider(
                connection,
                Provider(
                    key=name,
                    api_format="openai",
                    api_url=f"{product.sandbox_url}/v1",
                    headers={"X-Team": "blue", "X-Team-Key": value},
                ),
            )
            upstream = Upstream(key="default", provider=name, actual_model=f"sandbox-{name}")
            await save_model(connection, Model(key=name, display_name=name, rates=PRICES, upstreams=(upstream,)))
            await bump_version(connection)
    await product.refresh()

    told, untold = await product.chat("told"), await product.chat("untold")

    ledger = (await product.client.get(f"{product.sandbox_url}/_sandbox/ledger")).json()
    sent = [dict(call["headers"]) for call in ledger if call["model"] == "sandbox-told"][-1]
    sent = {header.lower(): value for header, value in sent.items()}
    assert told.status_code == 200
    assert (sent["x-team"], sent["x-team-key"]) == ("blue", "sk-sandbox-upstream-key")
    assert untold.status_code == 502
    assert not any(call["model"] == "sandbox-untold" for call in ledger)
