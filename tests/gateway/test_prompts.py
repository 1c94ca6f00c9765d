"""The system prompt, seen where it ends: in what the provider received."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from product import Product
from tabs import FORMATS, Tab

from quart_proxy.core.usage import Dimension
from quart_proxy.store.changes import bump_version
from quart_proxy.store.settings import write_settings

OURS = "Ours \U0001f600 first."
THEIRS = "Theirs."


async def change(product: Product, **settings: Any) -> None:
    async with product.database.transaction() as connection:
        await write_settings(connection, settings, by="test")
        await bump_version(connection)
    await product.refresh()


@pytest.fixture(autouse=True)
async def _as_before(running: Product) -> AsyncIterator[None]:
    yield
    await change(running, system_prompt="", system_prompt_enabled=True, system_prompt_mode="prepend")


def with_system(api_format: str, text: str | None) -> dict[str, Any]:
    """The fields of a request that carry the client's own system text."""
    if text is None:
        return {}
    if api_format == "anthropic":
        return {"system": text}
    if api_format == "openai_responses":
        return {"instructions": text}
    return {"messages": [{"role": "system", "content": text}, {"role": "user", "content": "hello nonce:{nonce}"}]}


async def system_seen(tab: Tab, api_format: str, model: str, theirs: str | None, *, stream: bool = False) -> list[str]:
    """The system texts that the provider got, in order."""
    nonce = uuid4().hex
    fields = with_system(api_format, theirs)
    if "messages" in fields:
        fields["messages"][1]["content"] = f"hello nonce:{nonce}"
    answer = await tab.ask(model, api_format, stream=stream, nonce=nonce, **fields)
    assert answer.status_code == 200, answer.text
    body = (await tab.entry(nonce))["body"]
    if api_format == "openai":
        return [message["content"] for message in body["messages"] if message["role"] in ("system", "developer")]
    system = body.get("system" if api_format == "anthropic" else "instructions")
    return [] if system is None else system.split("\n\n")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("api_format", FORMATS)
async def test_the_global_prompt_stands_before_the_clients_own(tab: Tab, api_format: str, stream: bool) -> None:
    model = await tab.add_model("sandbox", api_format)
    await change(tab.product, system_prompt=OURS)
    assert await system_seen(tab, api_format, model, THEIRS, stream=stream) == [OURS, THEIRS]
    assert await system_seen(tab, api_format, model, None, stream=stream) == [OURS]


@pytest.mark.parametrize("api_format", FORMATS)
async def test_replace_drops_the_clients_own(tab: Tab, api_format: str) -> None:
    model = await tab.add_model("sandbox", api_format)
    await change(tab.product, system_prompt=OURS, system_prompt_mode="replace")
    assert await system_seen(tab, api_format, model, THEIRS) == [OURS]


@pytest.mark.parametrize("api_format", FORMATS)
async def test_a_models_own_prompt_and_mode_win(tab: Tab, api_format: str) -> None:
    await change(tab.product, system_prompt="global")
    model = await tab.add_model("sandbox", api_format, prompt_text=OURS, prompt_mode="replace")
    assert await system_seen(tab, api_format, model, THEIRS) == [OURS]


@pytest.mark.parametrize("api_format", FORMATS)
async def test_a_model_may_be_left_out(tab: Tab, api_format: str) -> None:
    await change(tab.product, system_prompt=OURS)
    model = await tab.add_model("sandbox", api_format, prompt_disabled=True)
    assert await system_seen(tab, api_format, model, THEIRS) == [THEIRS]


@pytest.mark.parametrize("api_format", FORMATS)
async def test_the_master_switch_turns_all_of_it_off(tab: Tab, api_format: str) -> None:
    await change(tab.product, system_prompt=OURS, system_prompt_enabled=False)
    model = await tab.add_model("sandbox", api_format, prompt_text="of the model")
    assert await system_seen(tab, api_format, model, THEIRS) == [THEIRS]
    assert await system_seen(tab, api_format, model, None) == []


@pytest.mark.parametrize("api_format", FORMATS)
async def test_a_long_prompt_is_cut_at_ten_thousand_characters(tab: Tab, api_format: str) -> None:
    await change(tab.product, system_prompt="\U0001f600" * 10_050)
    model = await tab.add_model("sandbox", api_format)
    assert await system_seen(tab, api_format, model, THEIRS) == ["\U0001f600" * 10_000, THEIRS]


async def test_the_prompt_is_billed_as_the_provider_counts_it(tab: Tab) -> None:
    model = await tab.add_model("sandbox")
    await change(tab.product, system_prompt="x" * 4000)
    await tab.ask(model, nonce=model)
    row = await tab.assert_billed(await tab.entry(model))
    assert row.tokens[Dimension.INPUT] >= 1000
