"""Anthropic's own SDK on every provider's models: a tool is called, its result sent back, and the provider changed."""

from collections.abc import AsyncIterator
from typing import Any

import anthropic
import pytest
from product import Product

UPSTREAMS = ("openai", "anthropic", "openai_responses", "gemini")
TOOL: Any = {
    "name": "get_weather",
    "description": "Tells the weather.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
QUESTION: Any = {"role": "user", "content": "What is the weather in Oslo?"}


@pytest.fixture
async def client(running: Product) -> AsyncIterator[anthropic.AsyncAnthropic]:
    for upstream in UPSTREAMS:
        await running.add_model(f"sdk-{upstream}", actual_model="sandbox:tool_call=1,think=1", api_format=upstream)
    _, key = await running.add_user()
    async with anthropic.AsyncAnthropic(base_url=running.base_url, api_key=key, max_retries=0) as client:
        yield client


async def ask(client: anthropic.AsyncAnthropic, upstream: str, messages: list[Any]) -> anthropic.types.Message:
    async with client.messages.stream(
        model=f"sdk-{upstream}", max_tokens=1000, tools=[TOOL], messages=messages
    ) as stream:
        return await stream.get_final_message()


@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_a_conversation_with_tools_goes_on_with_any_provider(
    client: anthropic.AsyncAnthropic, upstream: str
) -> None:
    called = await ask(client, upstream, [QUESTION])
    assert called.stop_reason == "tool_use"
    assert called.usage.input_tokens > 0
    assert called.usage.output_tokens > 0
    thought, *_, call = called.content
    assert thought.type in ("thinking", "redacted_thinking")
    assert call.type == "tool_use"
    result: Any = {"type": "tool_result", "tool_use_id": call.id, "content": "Snow."}
    history = [QUESTION, called.to_param(), {"role": "user", "content": [result]}]
    for other in (upstream, *UPSTREAMS):
        answer = await ask(client, other, history)
        assert answer.stop_reason == "end_turn"
        assert "Snow." in "".join(block.text for block in answer.content if block.type == "text"), other


@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_tokens_are_counted(client: anthropic.AsyncAnthropic, upstream: str) -> None:
    counted = await client.messages.count_tokens(model=f"sdk-{upstream}", messages=[QUESTION], tools=[TOOL])
    assert counted.input_tokens > 1
