"""Every client format on every upstream format, through the running product: answered, billed exactly, well formed."""

from decimal import Decimal
from typing import Any

import pytest
from product import PRICES, Product

from quart_proxy.core.usage import Dimension

UPSTREAMS = ("openai", "anthropic", "openai_responses", "gemini")
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages", "openai_responses": "/v1/responses"}
TOOL_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def body(client: str, model: str, *, stream: bool, tools: bool = False) -> dict[str, Any]:
    text = "What is the weather in Oslo?"
    question = {"role": "user", "content": text}
    function = {"name": "get_weather", "description": "Tells the weather."}
    if client == "openai_responses":
        asked: dict[str, Any] = {"model": model, "input": text, "stream": stream}
        tool: dict[str, Any] = {"type": "function", **function, "parameters": TOOL_SCHEMA, "strict": False}
    elif client == "anthropic":
        asked = {"model": model, "messages": [question], "stream": stream, "max_tokens": 500}
        tool = {**function, "input_schema": TOOL_SCHEMA}
    else:
        asked = {"model": model, "messages": [question], "stream": stream}
        tool = {"type": "function", "function": {**function, "parameters": TOOL_SCHEMA}}
    return {**asked, "tools": [tool]} if tools else asked


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("scenario", ["sandbox", "sandbox:tool_call=1", "sandbox:think=1,cached=7"])
@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("client", PATHS)
async def test_a_pair(running: Product, client: str, upstream: str, scenario: str, stream: bool) -> None:
    model = f"{upstream}-{scenario}"
    await running.add_model(model, actual_model=scenario, api_format=upstream)
    user_id, key = await running.add_user()
    answer = await running.post(
        PATHS[client],
        body(client, model, stream=stream, tools="tool" in scenario),
        headers={"authorization": f"Bearer {key}"},
    )
    assert answer.status_code == 200, answer.text
    (row,) = await running.rows(1, user_id=user_id)
    assert (row.outcome, row.upstream) == ("completed", f"{model}/default")
    assert row.tokens[Dimension.OUTPUT] > 0
    cost = sum((PRICES[dimension] * count for dimension, count in row.tokens.items()), Decimal(0)) / 1_000_000
    assert row.cost == cost
    assert await running.balance(user_id) == 100 - cost
    if stream:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.text.rstrip().endswith(("[DONE]", "}"))
