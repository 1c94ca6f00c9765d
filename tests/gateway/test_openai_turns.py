"""A client of Chat Completions calls tools turn by turn, whoever serves the model: calls, results, and what the model
thought go there and back as the official SDK keeps them. The sandbox refuses a turn whose seal was lost or changed."""

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from tabs import Tab

UPSTREAMS = ["anthropic", "openai_responses", "gemini"]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}},
    {"type": "function", "function": {"name": "get_time", "parameters": SCHEMA}},
]
ASK = {"role": "user", "content": "What is the weather in Oslo, and what time is it?"}


@pytest.fixture
async def client(tab: Tab) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{tab.product.base_url}/v1", api_key=tab.key, max_retries=0) as client:
        yield client


async def ask(client: openai.AsyncOpenAI, model: str, messages: list[Any], *, streamed: bool) -> Any:
    """The first choice of the answer, as the SDK has it at the end."""
    asked: dict[str, Any] = {"model": model, "messages": messages, "tools": TOOLS, "reasoning_effort": "low"}
    if not streamed:
        return (await client.chat.completions.create(**asked)).choices[0]
    async with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
        completion = await stream.get_final_completion()
    assert completion.usage is not None
    return completion.choices[0]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_a_tool_loop_runs_with_its_thoughts(
    tab: Tab, client: openai.AsyncOpenAI, upstream: str, streamed: bool
) -> None:
    model = await tab.add_model("sandbox:tool_calls=2,think=1", upstream)
    choice = await ask(client, model, [ASK], streamed=streamed)
    assert choice.finish_reason == "tool_calls"
    said = choice.message.to_dict()
    assert [call.function.name for call in choice.message.tool_calls] == ["get_weather", "get_time"]
    assert said["reasoning_content"]
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"of {call.function.name}"}
        for call in choice.message.tool_calls
    ]
    again = await ask(client, model, [ASK, said, *results], streamed=streamed)
    assert again.message.content or again.message.tool_calls
    assert said["reasoning_details"]
    assert [row.outcome for row in await tab.rows(2)] == ["completed", "completed"]


@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_a_seal_that_was_changed_on_the_way_is_noticed(
    tab: Tab, client: openai.AsyncOpenAI, upstream: str
) -> None:
    """Or the test above would prove nothing."""
    model = await tab.add_model("sandbox:tool_call=1,think=1", upstream)
    choice = await ask(client, model, [ASK], streamed=False)
    said = choice.message.to_dict()
    for detail in said["reasoning_details"]:
        for member in ("signature", "data"):
            if member in detail:
                detail[member] = detail[member][:-4] + "AAAA"
    result = {"role": "tool", "tool_call_id": choice.message.tool_calls[0].id, "content": "x"}
    with pytest.raises(openai.BadRequestError):
        await ask(client, model, [ASK, said, result], streamed=False)
