"""A prompt of before there were chats is answered by whatever serves the model, and billed like any other."""

from collections.abc import AsyncIterator

import openai
import pytest
from tabs import Tab

UPSTREAMS = ["openai", "anthropic", "openai_responses", "gemini"]


@pytest.fixture
async def client(tab: Tab) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{tab.product.base_url}/v1", api_key=tab.key, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_a_prompt_is_answered_whole(tab: Tab, client: openai.AsyncOpenAI, upstream: str) -> None:
    model = await tab.add_model("sandbox:words=3", upstream)
    answer = await client.completions.create(model=model, prompt="Once upon a time", max_tokens=50)
    assert (answer.object, answer.model, len(answer.choices)) == ("text_completion", model, 1)
    assert len(answer.choices[0].text.split()) == 3
    assert answer.choices[0].finish_reason == "stop"
    row = await tab.row()
    assert (row.endpoint, row.outcome) == ("completions", "completed")
    assert answer.usage is not None
    assert answer.usage.total_tokens == sum(row.tokens.values())


@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_a_prompt_is_answered_as_a_stream(tab: Tab, client: openai.AsyncOpenAI, upstream: str) -> None:
    model = await tab.add_model("sandbox:words=3", upstream)
    stream = await client.completions.create(
        model=model, prompt="Once", stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert len("".join(choice.text for chunk in chunks for choice in chunk.choices).split()) == 3
    assert chunks[-2].choices[0].finish_reason == "stop"
    row = await tab.row()
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == sum(row.tokens.values())


async def test_what_no_chat_says_is_refused_and_not_billed(tab: Tab, client: openai.AsyncOpenAI) -> None:
    model = await tab.add_model("sandbox")
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        await client.completions.create(model=model, prompt="Once", suffix="the end")
    assert (refused.value.code, refused.value.param) == ("untranslatable", "suffix")
    assert (await tab.row()).cost == 0
